#include "striate/train/diagnosis.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "striate/base/error.h"

namespace striate {
namespace {

// Ends the run in which the fault was found.
struct Found {};

// A loss this many times the least before it was running away.
constexpr double kGrowth = 10;

class Search {
 public:
  Search(const Program& program, const Inputs& inputs, const Weights& weights, RunKey key,
         const StepHistory& history)
      : program_(program), inputs_(inputs), weights_(weights), key_(key), history_(history) {}

  Diagnosis run() {
    if (in_inputs() || in_weights()) return result_;
    // As the model was written: fused nodes would hide which of theirs it was.
    Shapes shapes;
    for (const auto& [name, view] : inputs_) shapes[name] = view.shape;
    const auto plan =
        Plan::compile(program_.graph(), program_.device(), shapes,
                      {.differentiate = {program_.graph().outputs[0]}, .fuse = false});
    Workspace workspace(plan);
    try {
      plan->forward(workspace, inputs_, weights_, observer(false));
      plan->backward(workspace, inputs_, weights_, observer(true));
    } catch (const Found&) {
    }
    return result_;
  }

 private:
  bool finite(const ConstView& view) const {
    return !view || !is_float(view.dtype) || std::isfinite(program_.device()->sum_of_squares(view));
  }

  bool in_inputs() {
    for (const auto& [name, view] : inputs_) {
      if (finite(view)) continue;
      result_ = {.layer = name,
                 .op = "input",
                 .cause =
                     "the batch holds values that are no numbers: a damaged file, or a mean "
                     "and deviation that do not fit the data"};
      return true;
    }
    return false;
  }

  bool in_weights() {
    for (const Parameter& parameter : program_.graph().parameters) {
      if (finite(weights_.at(parameter.name).view())) continue;
      result_ = {.layer = parameter.name, .op = "parameter"};
      result_.cause = history_.global_step == 1
                          ? "the weights that training began with hold values that are no numbers"
                          : running_away("the step before made it so");
      return true;
    }
    return false;
  }

  // The learning rate as the cause, with what speaks for it.
  std::string running_away(const std::string& what) const {
    std::string text =
        fmt::format("{}: the learning rate, {}, is probably too high", what, history_.lr);
    if (history_.losses.empty()) return text;
    const double least = *std::min_element(history_.losses.begin(), history_.losses.end());
    const double last = history_.losses.back();
    if (last > kGrowth * least) {
      text += fmt::format("; the loss had grown from {:.3g} to {:.3g}", least, last);
    }
    return text + "; warm-up or gradient clipping (clip_norm) may help too";
  }

  RunOptions observer(bool backward) {
    return {.key = key_,
            .observe = [this, backward](std::string_view node, std::string_view op,
                                        std::span<const ConstView> written) {
              const bool good = std::all_of(written.begin(), written.end(),
                                            [&](const ConstView& view) { return finite(view); });
              if (good) return;
              result_ = {.layer = std::string(node), .op = std::string(op), .backward = backward};
              result_.cause = cause_of(result_);
              throw Found();
            }};
  }

  const Node* node_of(const std::string& name) const {
    for (const Node& node : program_.graph().nodes) {
      if (node.name == name) return &node;
    }
    return nullptr;
  }

  // Whether a node's parameter is used by other nodes too, as an unrolled recurrence does.
  bool recurs(const Node& node) const {
    for (const std::string& name : node.inputs) {
      if (program_.graph().find_parameter(name) == nullptr) continue;
      std::int64_t users = 0;
      for (const Node& other : program_.graph().nodes) {
        users += std::count(other.inputs.begin(), other.inputs.end(), name);
      }
      if (users > 2) return true;
    }
    return false;
  }

  std::string cause_of(const Diagnosis& at) const {
    const std::string& op = at.op;
    const Node* node = node_of(at.layer);
    if (op == "Log") return "the logarithm of zero or less: add a small number before it";
    if (op == "Div" || op == "Reciprocal") return "a division by zero: add a small number below";
    if (op == "Sqrt") {
      return at.backward
                 ? "the square root's slope at zero is infinite: add a small number before it"
                 : "the square root of a negative number";
    }
    if (op == "Pow") return "a negative number to a broken power, or a power beyond float32";
    if (op == "Exp" || op == "Softplus") {
      return "an exponential beyond float32: its input is too large; " +
             running_away("activations have grown");
    }
    if (op == "BatchNormalization" || op == "InstanceNormalization" || op == "LRN") {
      return norm_cause(node);
    }
    if (node != nullptr && recurs(*node)) {
      return fmt::format(
          "an exploding recurrence: the same weights are applied again and again and "
          "{} grow with each; clip the gradient (clip_norm) or begin with smaller "
          "weights",
          at.backward ? "gradients" : "values");
    }
    return running_away(at.backward ? "gradients have outgrown float32"
                                    : "activations have outgrown float32");
  }

  // A norm divides by a deviation, which is zero for equal values, and for one alone.
  std::string norm_cause(const Node* node) const {
    if (node == nullptr) return running_away("its input has outgrown float32");
    const ValueInfos infos = infer_shapes(program_.graph(), shapes());
    const Shape& x = infos.at(node->inputs[0]).shape;
    const std::int64_t count = x.rank() < 2 || x[1] == 0 ? 0 : x.elements() / x[1];
    if (count == 1) {
      return "a batch norm over one value a channel, whose deviation is zero: use larger batches";
    }
    const auto epsilon = node->attributes.find("epsilon");
    const double* value =
        epsilon == node->attributes.end() ? nullptr : std::get_if<double>(&epsilon->second);
    if (value != nullptr && *value < 1e-12) {
      return fmt::format("a constant input, whose deviation is zero, and an epsilon of {}", *value);
    }
    return running_away("its input has outgrown float32");
  }

  Shapes shapes() const {
    Shapes result;
    for (const auto& [name, view] : inputs_) result[name] = view.shape;
    return result;
  }

  const Program& program_;
  const Inputs& inputs_;
  const Weights& weights_;
  RunKey key_;
  const StepHistory& history_;
  Diagnosis result_;
};

}  // namespace

std::string Diagnosis::str() const {
  return fmt::format("{} ({}){}: {}", layer, op, backward ? ", going backward" : "", cause);
}

Diagnosis diagnose(const Program& program, const Inputs& inputs, const Weights& weights, RunKey key,
                   const StepHistory& history) {
  return Search(program, inputs, weights, key, history).run();
}

}  // namespace striate
