#include "nn/pytorch_recurrent.h"

#include <algorithm>
#include <optional>
#include <set>

#include "striate/base/error.h"

namespace striate {
namespace {

using Names = std::vector<std::string>;

// PyTorch's order of a cell's gates.
const Names kLstm{"input", "forget", "candidate", "output"};
const Names kGru{"reset", "update", "candidate"};
const Names kRnn{""};

// "encoder.weight_ih_l1_reverse" taken apart.
struct TheirName {
  std::string prefix;  // "encoder", may be empty
  std::string what;    // weight_ih, weight_hh, bias_ih or bias_hh
  std::string layer;   // "1" or "1_reverse"
};

std::optional<TheirName> read_name(const std::string& name) {
  for (const char* what : {"weight_ih", "weight_hh", "bias_ih", "bias_hh"}) {
    const std::string key = std::string(what) + "_l";
    const std::size_t at = name.rfind(key);
    if (at == std::string::npos || (at > 0 && name[at - 1] != '.')) continue;
    std::string layer = name.substr(at + key.size());
    const std::string number = layer.substr(0, layer.find('_'));
    const bool digits = !number.empty() && std::all_of(number.begin(), number.end(),
                                                       [](char c) { return c >= '0' && c <= '9'; });
    if (!digits || (layer != number && layer != number + "_reverse")) continue;
    return TheirName{at == 0 ? "" : name.substr(0, at - 1), what, layer};
  }
  return std::nullopt;
}

// The rows of a tensor that belong to part number `part` of `parts`.
Tensor rows_of(const Tensor& tensor, std::int64_t part, std::int64_t parts) {
  Shape shape = tensor.shape();
  shape[0] /= parts;
  Tensor result(tensor.dtype(), shape);
  const std::size_t bytes = result.bytes();
  const auto from = tensor.raw().subspan(static_cast<std::size_t>(part) * bytes, bytes);
  std::copy(from.begin(), from.end(), result.raw().begin());
  return result;
}

Tensor sum_of(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape() || !is_float(a.dtype()) || !is_float(b.dtype())) return a;
  Tensor sum = a.cast(DType::f64).clone();
  const Tensor other = b.cast(DType::f64);
  for (std::int64_t i = 0; i < sum.elements(); ++i)
    sum.data<double>()[i] += other.data<double>()[i];
  return sum.cast(a.dtype());
}

class Conversion {
 public:
  Conversion(const Graph& graph, const Weights& tensors, std::string_view file)
      : graph_(graph), tensors_(tensors), file_(file) {
    for (const Parameter& parameter : graph.parameters) {
      const std::size_t end = parameter.name.rfind(".weight_hh");
      if (end != std::string::npos) add_layers(parameter.name.substr(0, end));
    }
  }

  Weights run(std::vector<std::string>& notes) {
    Weights result;
    for (const auto& [name, tensor] : tensors_) {
      const std::optional<TheirName> theirs = read_name(name);
      const std::string path = theirs ? path_of(*theirs) : "";
      const Names* gates = path.empty() ? nullptr : gates_of(path);
      const auto parts = static_cast<std::int64_t>(gates == nullptr ? 0 : gates->size());
      if (gates == nullptr || tensor.shape().rank() < 1 || tensor.shape()[0] % parts != 0) {
        result[name] = tensor;
        continue;
      }
      refuse_early_reset(path, *gates);
      for (std::int64_t part = 0; part < parts; ++part) {
        put(result, *theirs, path, (*gates)[static_cast<std::size_t>(part)],
            rows_of(tensor, part, parts));
      }
      if (parts > 1) cut_ = true;
    }
    if (cut_) {
      notes.emplace_back(
          "PyTorch's recurrent weights were cut into gates, which it keeps in another order");
    }
    if (added_) {
      notes.emplace_back(
          "PyTorch's two biases of each gate were added up to the one that the network has");
    }
    return result;
  }

 private:
  // "layers" of "layers.0_reverse.forget".
  void add_layers(const std::string& path) {
    for (std::size_t dot = path.find('.'); dot != std::string::npos;
         dot = path.find('.', dot + 1)) {
      if (dot + 1 < path.size() && path[dot + 1] >= '0' && path[dot + 1] <= '9') {
        names_.insert(path.substr(0, dot));
      }
    }
  }

  std::string path_of(const TheirName& theirs) const {
    if (!theirs.prefix.empty()) return theirs.prefix + "." + theirs.layer;
    return names_.size() == 1 ? *names_.begin() + "." + theirs.layer : "";
  }

  const Names* gates_of(const std::string& path) const {
    const auto has = [&](const char* gate) {
      return graph_.find_parameter(path + gate + ".weight_hh") != nullptr;
    };
    if (has(".forget")) return &kLstm;
    if (has(".update")) return &kGru;
    return has("") ? &kRnn : nullptr;
  }

  void refuse_early_reset(const std::string& path, const Names& gates) const {
    if (&gates != &kGru) return;
    const std::string node_name = path.substr(0, path.find("_reverse"));
    for (const Node& node : graph_.nodes) {
      if (node.name != node_name) continue;
      const auto found = node.attributes.find("linear_before_reset");
      const auto* value =
          found == node.attributes.end() ? nullptr : std::get_if<std::int64_t>(&found->second);
      if (value != nullptr && *value != 0) return;
      fail<InputError>(
          "{}: {} resets its state before the product, PyTorch's gru behind it: the "
          "weights of one are no use to the other",
          file_, node.name);
    }
  }

  // A gate's part of a tensor under the name that the network has for it.
  void put(Weights& result, const TheirName& theirs, const std::string& path,
           const std::string& gate, Tensor part) {
    const std::string base = gate.empty() ? path : path + "." + gate;
    const bool one = graph_.find_parameter(base + ".bias") != nullptr;
    if (!one || !theirs.what.starts_with("bias")) {
      result[base + "." + theirs.what] = std::move(part);
      return;
    }
    const std::string to = base + ".bias";
    if (result.contains(to)) {
      result[to] = sum_of(result.at(to), part);
      added_ = true;
    } else {
      result[to] = std::move(part);
    }
  }

  const Graph& graph_;
  const Weights& tensors_;
  std::string_view file_;
  std::set<std::string> names_;
  bool cut_ = false, added_ = false;
};

}  // namespace

Weights with_gates_apart(const Graph& graph, const Weights& tensors, std::string_view file,
                         std::vector<std::string>& notes) {
  const bool any = std::any_of(tensors.begin(), tensors.end(), [](const auto& entry) {
    return read_name(entry.first).has_value();
  });
  return any ? Conversion(graph, tensors, file).run(notes) : tensors;
}

}  // namespace striate
