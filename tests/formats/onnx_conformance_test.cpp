// Every node case of libonnx-testdata whose operators are ours, on both devices, against the
// results that come with it. What does not run is listed with its reason, and a reason that is not
// in the table below is a failure.

#include <cmath>
#include <filesystem>
#include <iostream>
#include <map>
#include <set>

#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "striate/base/files.h"
#include "striate/formats/onnx.h"
#include "striate/graph/plan.h"

namespace striate {
namespace {

namespace fs = std::filesystem;

const fs::path kCases = "/usr/share/libonnx-testdata/data/node";

// |got - expected| <= kAbsolute + kRelative * |expected|; infinities and NaN must be the same.
constexpr double kAbsolute = 1e-5;
constexpr double kRelative = 1e-4;

// What may keep a case from running: part of the error, and what it means.
struct Reason {
  const char* error;
  const char* meaning;
};
constexpr Reason kReasons[] = {
    {"operators that are not supported", "operators that are not among ours"},
    {"tensors of type", "types other than float32 and the integers of shapes"},
    {"is no tensor: this is not supported", "types other than tensors"},
    {"expected an input N,C,W or N,C,H,W", "three-dimensional convolution and pooling"},
    {"expected floating-point operands, or int64 ones", "arithmetic on integers"},
    {"of floating-point numbers, got", "arithmetic on integers"},
    {"the cpu device computes in float32", "float64, which the cpu device has not"},
    {"to: expected float32 (1)", "types other than float32 and the integers of shapes"},
    {"tf_crop_and_resize", "regions of interest"},
};

// Cases whose results hang on the generator that draws.
const std::set<std::string> kDrawn = {"test_training_dropout", "test_training_dropout_default",
                                      "test_training_dropout_default_mask",
                                      "test_training_dropout_mask"};

struct Case {
  Bytes model;
  std::string name;
  std::vector<Tensor> inputs, outputs;

  explicit Case(const fs::path& folder)
      : model(read_file(folder / "model.onnx")), name(folder.filename().string()) {
    inputs = tensors(folder / "test_data_set_0", "input");
    outputs = tensors(folder / "test_data_set_0", "output");
  }

  static std::vector<Tensor> tensors(const fs::path& folder, const char* kind) {
    std::vector<Tensor> result;
    for (int i = 0;; ++i) {
      const fs::path file = folder / fmt::format("{}_{}.pb", kind, i);
      if (!fs::exists(file)) return result;
      result.push_back(read_onnx_tensor(read_file(file), file.filename().string()));
    }
  }
};

// Compiles with the inputs from number `first_known` on as constants, and runs.
std::vector<Tensor> run(const Case& test, const std::shared_ptr<const Device>& device,
                        std::size_t first_known) {
  const OnnxModel open = read_onnx(test.model, test.name);
  KnownInputs known;
  for (std::size_t i = first_known; i < open.graph.inputs.size(); ++i) {
    known[open.graph.inputs[i].name] = test.inputs.at(i);
  }
  const OnnxModel model = read_onnx(test.model, test.name, known);
  Inputs inputs;
  Shapes shapes;
  for (std::size_t i = 0; i < open.graph.inputs.size() && i < first_known; ++i) {
    const std::string& name = open.graph.inputs[i].name;
    inputs[name] = test.inputs.at(i).view();
    shapes[name] = test.inputs.at(i).shape();
  }
  const auto plan = Plan::compile(model.graph, device, shapes, {});
  Workspace workspace(plan);
  plan->forward(workspace, inputs, model.weights);
  std::vector<Tensor> outputs;
  for (const std::string& name : model.graph.outputs) outputs.push_back(workspace.fetch(name));
  return outputs;
}

template <class T>
std::string compare(const Tensor& got, const Tensor& expected) {
  for (std::int64_t i = 0; i < got.elements(); ++i) {
    const double a = static_cast<double>(got.data<T>()[i]);
    const double b = static_cast<double>(expected.data<T>()[i]);
    const bool same = a == b || (std::isnan(a) && std::isnan(b)) ||
                      std::abs(a - b) <= kAbsolute + kRelative * std::abs(b);
    if (!same) return fmt::format("element {} is {}, expected {}", i, a, b);
  }
  return "";
}

std::string difference(const Tensor& got, const Tensor& expected) {
  if (got.dtype() != expected.dtype() || got.shape() != expected.shape()) {
    return fmt::format("got {} {}, expected {} {}", name_of(got.dtype()), got.shape().str(),
                       name_of(expected.dtype()), expected.shape().str());
  }
  switch (got.dtype()) {
    case DType::f32:
      return compare<float>(got, expected);
    case DType::f64:
      return compare<double>(got, expected);
    case DType::i64:
      return compare<std::int64_t>(got, expected);
    case DType::i32:
      return compare<std::int32_t>(got, expected);
    case DType::u8:
      return compare<std::uint8_t>(got, expected);
    case DType::boolean:
      return compare<bool>(got, expected);
  }
  return "unknown dtype";
}

// Inputs whose numbers the operator must know are given as constants: none, all but the first, all.
std::vector<Tensor> run_with_what_must_be_known(const Case& test,
                                                const std::shared_ptr<const Device>& device) {
  for (const std::size_t first_known : {std::size_t{99}, std::size_t{1}}) {
    try {
      return run(test, device, first_known);
    } catch (const ModelError& error) {
      const std::string what = error.what();
      if (what.find("known when the network is compiled") == std::string::npos) throw;
    }
  }
  return run(test, device, 0);
}

const char* reason_of(const std::string& error) {
  for (const Reason& reason : kReasons) {
    if (error.find(reason.error) != std::string::npos) return reason.meaning;
  }
  return nullptr;
}

TEST(OnnxConformance, EveryNodeCaseOfOurOperators) {
  if (!fs::exists(kCases)) GTEST_SKIP() << kCases << " is absent: install libonnx-testdata";
  const std::vector<std::shared_ptr<const Device>> devices = {make_reference_device(),
                                                              make_cpu_device(2)};
  std::set<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(kCases)) folders.insert(entry.path());
  std::map<std::string, std::vector<std::string>> left_out;
  int ran = 0;
  for (const fs::path& folder : folders) {
    const std::string name = folder.filename().string();
    if (kDrawn.contains(name)) {
      left_out["random numbers of another generator"].push_back(name.substr(5));
      continue;
    }
    try {
      // The model first, so that an operator that is not ours is the reason that is given.
      read_onnx(read_file(folder / "model.onnx"), name);
      const Case test(folder);
      for (const auto& device : devices) {
        const std::vector<Tensor> got = run_with_what_must_be_known(test, device);
        ASSERT_EQ(got.size(), test.outputs.size()) << name;
        for (std::size_t i = 0; i < got.size(); ++i) {
          EXPECT_EQ(difference(got[i], test.outputs[i]), "")
              << name << ", output " << i << " on " << device->name();
        }
      }
      ++ran;
    } catch (const Error& error) {
      const char* reason = reason_of(error.what());
      EXPECT_NE(reason, nullptr) << name << ": " << error.what();
      left_out[reason == nullptr ? "FAULTS" : reason].push_back(name.substr(5));
    }
  }
  std::cout << "ONNX node cases: " << ran << " ran on the reference and the cpu device\n";
  for (const auto& [reason, names] : left_out) {
    std::cout << "  " << names.size() << " left out: " << reason << ": "
              << fmt::format("{}", fmt::join(names, " ")) << "\n";
  }
  EXPECT_GE(ran, 420);
}

}  // namespace
}  // namespace striate
