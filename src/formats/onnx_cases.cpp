#include "striate/formats/onnx_cases.h"

#include <algorithm>
#include <cmath>

#include "striate/base/files.h"
#include "striate/formats/onnx.h"
#include "striate/graph/plan.h"

namespace striate {
namespace {

namespace fs = std::filesystem;

constexpr double kAbsolute = 1e-5;
constexpr double kRelative = 1e-4;
// ONNX gives what RoiAlign's cases expect to four decimals.
constexpr double kRounded = 6e-5;

std::vector<fs::path> sorted_entries(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> entries;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    entries.push_back(at->path());
  }
  if (error) fail<InputError>("{}: the folder cannot be read", folder.string());
  std::sort(entries.begin(), entries.end());
  return entries;
}

// NAME_output_0.pb beside NAME.onnx.
fs::path beside(const fs::path& model, std::size_t number) {
  return model.parent_path() / fmt::format("{}_output_{}.pb", model.stem().string(), number);
}

void search(const fs::path& root, const fs::path& folder, std::vector<OnnxCase>& cases) {
  const auto name_of = [&](const fs::path& path) {
    const std::string name = path.lexically_relative(root).string();
    return name == "." ? path.filename().string() : name;
  };
  std::vector<fs::path> models, sets, folders;
  for (const fs::path& entry : sorted_entries(folder)) {
    if (entry.extension() == ".onnx") {
      models.push_back(entry);
    } else if (fs::is_directory(entry) && !fs::is_symlink(entry)) {
      const bool set = entry.filename().string().starts_with("test_data_set_");
      (set ? sets : folders).push_back(entry);
    }
  }
  if (models.size() == 1 && !sets.empty()) {
    cases.push_back({name_of(folder), models[0], sets});
  } else {
    for (const fs::path& model : models) {
      if (!fs::exists(beside(model, 0))) continue;
      cases.push_back({name_of(fs::path(model).replace_extension()), model, {}});
    }
  }
  for (const fs::path& below : folders) search(root, below, cases);
}

// Files 0, 1, … as far as they go.
template <class PathOf>
std::vector<Tensor> tensors_of(const PathOf& path_of) {
  std::vector<Tensor> result;
  for (fs::path file = path_of(0); fs::exists(file); file = path_of(result.size())) {
    result.push_back(read_onnx_tensor(read_file(file), file.filename().string()));
  }
  return result;
}

Tensor ramp(const GraphInput& input) {
  if (input.dtype != DType::f32) {
    fail<ModelError>("input {}: expected float32 where no numbers are given, got {}", input.name,
                     striate::name_of(input.dtype));
  }
  Tensor tensor(DType::f32, input.shape);
  const std::int64_t count = tensor.elements();
  // The quotient is taken in double and rounded, as NumPy does it.
  for (std::int64_t i = 0; i < count; ++i) {
    tensor.data<float>()[i] =
        static_cast<float>(static_cast<double>(i) / static_cast<double>(count));
  }
  return tensor;
}

template <class T>
std::string compared(const Tensor& got, const Tensor& expected, double absolute) {
  for (std::int64_t i = 0; i < got.elements(); ++i) {
    const auto a = static_cast<double>(got.data<T>()[i]);
    const auto b = static_cast<double>(expected.data<T>()[i]);
    const bool same = a == b || (std::isnan(a) && std::isnan(b)) ||
                      std::abs(a - b) <= absolute + kRelative * std::abs(b);
    if (!same) return fmt::format("element {} is {:.9g}, expected {:.9g}", i, a, b);
  }
  return "";
}

std::string difference(const Tensor& got, const Tensor& expected, double absolute) {
  if (got.dtype() != expected.dtype() || got.shape() != expected.shape()) {
    return fmt::format("is {} {}, expected {} {}", name_of(got.dtype()), got.shape().str(),
                       name_of(expected.dtype()), expected.shape().str());
  }
  switch (got.dtype()) {
    case DType::f32:
      return compared<float>(got, expected, absolute);
    case DType::f64:
      return compared<double>(got, expected, absolute);
    case DType::i64:
      return compared<std::int64_t>(got, expected, absolute);
    case DType::i32:
      return compared<std::int32_t>(got, expected, absolute);
    case DType::u8:
      return compared<std::uint8_t>(got, expected, absolute);
    case DType::boolean:
      return compared<bool>(got, expected, absolute);
  }
  throw BugError("difference: unknown dtype");
}

// A network compiled for a set's inputs.
struct Compiled {
  OnnxModel model;
  std::shared_ptr<const Plan> plan;
};

// The inputs from number `first_known` on become constants.
Compiled compile(const OnnxCase& test, const OnnxModel& open, const std::vector<Tensor>& inputs,
                 const std::shared_ptr<const Device>& device, std::size_t first_known) {
  KnownInputs known;
  Shapes shapes;
  for (std::size_t i = 0; i < open.graph.inputs.size(); ++i) {
    const std::string& name = open.graph.inputs[i].name;
    if (i >= first_known) {
      known[name] = inputs[i];
    } else {
      shapes[name] = inputs[i].shape();
    }
  }
  Compiled result{.model = known.empty() ? open : load_onnx(test.model, known), .plan = nullptr};
  result.plan = Plan::compile(result.model.graph, device, shapes, {});
  return result;
}

// Inputs whose numbers an operator must know are given as constants: none, all but the first, all.
Compiled compile_with_what_must_be_known(const OnnxCase& test, const OnnxModel& open,
                                         const std::vector<Tensor>& inputs,
                                         const std::shared_ptr<const Device>& device) {
  for (const std::size_t first_known : {open.graph.inputs.size(), std::size_t{1}}) {
    try {
      return compile(test, open, inputs, device, first_known);
    } catch (const ModelError& error) {
      const std::string what = error.what();
      if (what.find("known when the network is compiled") == std::string::npos) throw;
    }
  }
  return compile(test, open, inputs, device, 0);
}

bool draws(const Graph& graph) {
  return std::any_of(graph.nodes.begin(), graph.nodes.end(), [](const Node& node) {
    return node.op == "Dropout" && node.inputs.size() > 2 && !node.inputs[2].empty();
  });
}

OnnxCaseResult run_set(const OnnxCase& test, const OnnxModel& open,
                       const std::vector<Tensor>& inputs, const std::vector<Tensor>& expected,
                       const std::shared_ptr<const Device>& device) {
  if (inputs.size() != open.graph.inputs.size()) {
    fail<InputError>("expected {} inputs, got {}", open.graph.inputs.size(), inputs.size());
  }
  const Compiled compiled = compile_with_what_must_be_known(test, open, inputs, device);
  Workspace workspace(compiled.plan);
  Inputs given;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::string& name = open.graph.inputs[i].name;
    if (compiled.model.graph.find_input(name) != nullptr) given[name] = inputs[i].view();
  }
  compiled.plan->forward(workspace, given, compiled.model.weights);
  const std::vector<std::string>& names = compiled.model.graph.outputs;
  if (names.size() != expected.size()) {
    fail<InputError>("expected {} outputs, got {}", expected.size(), names.size());
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    const bool rounded = test.name.starts_with("test_roialign");
    const std::string why =
        difference(workspace.fetch(names[i]), expected[i], rounded ? kRounded : kAbsolute);
    if (why.empty()) continue;
    if (draws(open.graph)) {
      return {Verdict::unsupported, "it draws random numbers, by another generator than ours"};
    }
    return {Verdict::fail, fmt::format("output {} ({}) {}", i, names[i], why)};
  }
  return {};
}

OnnxCaseResult run_all(const OnnxCase& test, const std::shared_ptr<const Device>& device) {
  const OnnxModel open = load_onnx(test.model);
  if (test.sets.empty()) {
    std::vector<Tensor> inputs;
    for (const GraphInput& input : open.graph.inputs) inputs.push_back(ramp(input));
    const auto expected = tensors_of([&](std::size_t i) { return beside(test.model, i); });
    return run_set(test, open, inputs, expected, device);
  }
  for (const fs::path& set : test.sets) {
    const auto files = [&](const char* kind) {
      return tensors_of([&](std::size_t i) { return set / fmt::format("{}_{}.pb", kind, i); });
    };
    OnnxCaseResult result = run_set(test, open, files("input"), files("output"), device);
    if (result.verdict == Verdict::pass) continue;
    if (test.sets.size() > 1) result.why = set.filename().string() + ": " + result.why;
    return result;
  }
  return {};
}

}  // namespace

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::pass:
      return "pass";
    case Verdict::fail:
      return "fail";
    case Verdict::unsupported:
      return "unsupported";
  }
  throw BugError("name_of: unknown verdict");
}

std::vector<OnnxCase> find_onnx_cases(const fs::path& folder) {
  std::vector<OnnxCase> cases;
  search(folder, folder, cases);
  if (cases.empty()) {
    fail<InputError>(
        "{}: expected folders with a model.onnx and test_data_set_0, or NAME.onnx with "
        "NAME_output_0.pb, got none",
        folder.string());
  }
  return cases;
}

OnnxCaseResult run_onnx_case(const OnnxCase& test, const std::shared_ptr<const Device>& device) {
  try {
    return run_all(test, device);
  } catch (const ModelError& error) {
    return {Verdict::unsupported, error.what()};
  } catch (const InputError& error) {
    return {Verdict::fail, error.what()};
  }
}

}  // namespace striate
