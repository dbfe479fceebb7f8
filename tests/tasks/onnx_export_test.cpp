// What the library's networks become as ONNX files: our own reader and ONNX Runtime
// (`onnxruntime-node` of npm, found through NODE_PATH) must compute what the network itself does.

#include <cmath>
#include <cstdlib>

#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "striate/base/random.h"
#include "striate/formats/onnx.h"
#include "striate/graph/plan.h"
#include "striate/graph/rewrite.h"
#include "striate/models/registry.h"
#include "striate/nn/initialize.h"
#include "testing/paths.h"
#include "testing/temporary_folder.h"

namespace striate {
namespace {

Tensor random_tensor(const Shape& shape, const std::string& purpose, double low, double high) {
  Tensor tensor(DType::f32, shape);
  Random random({.seed = 1, .purpose = purpose_of(purpose)}, 0);
  for (std::int64_t i = 0; i < tensor.elements(); ++i) {
    tensor.data<float>()[i] = static_cast<float>(random.uniform(low, high));
  }
  return tensor;
}

// The inference form with random weights, running statistics too.
OnnxModel network(const std::string& name) {
  const ModelRow& row = models().find(name);
  const Graph training = row.build(row.natural);
  OnnxModel model{.graph = inference_form(training), .weights = {}, .metadata = {{"model", name}}};
  const Weights all = initialize(training, 5);
  for (const Parameter& parameter : model.graph.parameters) {
    Tensor tensor = all.at(parameter.name);
    if (parameter.name.ends_with("running_mean")) {
      tensor = random_tensor(parameter.shape, parameter.name, -0.1, 0.1);
    } else if (parameter.name.ends_with("running_var")) {
      tensor = random_tensor(parameter.shape, parameter.name, 0.5, 1.5);
    } else if (parameter.initial.a == 0 && parameter.name.starts_with("score_")) {
      tensor =
          random_tensor(parameter.shape, parameter.name, -0.1, 0.1);  // zeros would tell nothing
    }
    model.weights[parameter.name] = tensor;
  }
  return model;
}

Tensor run(const OnnxModel& model, const Tensor& x, const std::shared_ptr<const Device>& device) {
  return Program(model.graph, device).run({{"input", x.view()}}, model.weights, "logits");
}

bool has_onnx_runtime() {
  static const bool there =
      std::system("node -e \"require('onnxruntime-node')\" >/dev/null 2>&1") == 0;
  return there;
}

void write_floats(const std::string& path, const Tensor& tensor) {
  const auto raw = tensor.raw();
  write_file(path, std::span(reinterpret_cast<const std::uint8_t*>(raw.data()), raw.size()));
}

Tensor run_in_onnx_runtime(const std::string& file, const Tensor& x, const Shape& y) {
  const TemporaryFolder folder;
  write_floats(folder / "in", x);
  const std::string line = fmt::format(
      "node '{}/tests/tasks/onnxruntime.js' '{}' '{}' {} '{}'", kSourceFolder, file, folder / "in",
      fmt::join(x.shape().begin(), x.shape().end(), ","), folder / "out");
  if (std::system(line.c_str()) != 0) fail<SystemError>("ONNX Runtime refuses {}", file);
  const Bytes bytes = read_file(folder / "out");
  Tensor out(DType::f32, y);
  if (bytes.size() != out.bytes()) {
    fail<InputError>("ONNX Runtime gives {} bytes, expected {}", bytes.size(), out.bytes());
  }
  std::memcpy(out.raw().data(), bytes.data(), bytes.size());
  return out;
}

// The largest difference as a share of the largest number.
double relative_difference(const Tensor& a, const Tensor& b) {
  double most = 0;
  double size = 0;
  for (std::int64_t i = 0; i < a.elements(); ++i) {
    const double x = static_cast<double>(a.data<float>()[i]);
    most = std::max(most, std::abs(x - static_cast<double>(b.data<float>()[i])));
    size = std::max(size, std::abs(x));
  }
  return most / size;
}

void expect_same_everywhere(const std::string& name, const std::shared_ptr<const Device>& device) {
  SCOPED_TRACE(name);
  const TemporaryFolder folder;
  const std::string file = folder / "m.onnx";
  Shape shape;
  {
    const OnnxModel model = network(name);
    shape = model.graph.inputs[0].shape;
    save_onnx(file, model);
    const OnnxModel read = load_onnx(file);
    EXPECT_EQ(read.metadata, model.metadata);
    shape[0] = 2;  // the batch is open
    const Tensor x = random_tensor(shape, "x", -2, 2);
    const Tensor here = run(model, x, device);
    const Tensor again = run(read, x, device);
    ASSERT_EQ(again.shape(), here.shape());
    // ONNX keeps attributes in 32 bits, an epsilon of 0.001 for one.
    EXPECT_LT(relative_difference(here, again), 1e-6);
    if (!has_onnx_runtime()) return;
    const double other = relative_difference(here, run_in_onnx_runtime(file, x, here.shape()));
    EXPECT_LT(other, 1e-4);
    EXPECT_GT(other, 0) << "two programs that round alike are one";
  }
}

// One network of each family, the smallest.
TEST(OnnxExport, GivesTheSameOutputs) {
  const std::shared_ptr<const Device> device = make_cpu_device(2);
  for (const char* name : {"cnn", "lenet5", "resnet20", "nin_cifar", "resnet18", "googlenet",
                           "densenet40_12", "row_lstm", "row_gru", "fcn8s_resnet18"}) {
    expect_same_everywhere(name, device);
  }
  if (!has_onnx_runtime()) {
    GTEST_SKIP() << "onnxruntime-node is absent: npm install --ignore-scripts onnxruntime-node, "
                    "and NODE_PATH to it";
  }
}

TEST(SlowOnnxExport, EveryNetworkGivesTheSameOutputs) {
  if (!has_onnx_runtime()) GTEST_SKIP() << "onnxruntime-node is absent: see OnnxExport";
  const std::shared_ptr<const Device> device = make_cpu_device(2);
  for (const ModelRow& row : models().rows()) {
    if (row.natural.channels > 0) expect_same_everywhere(row.name, device);
  }
}

TEST(OnnxExport, RefusesWhatDoesNotFit) {
  OnnxModel model = network("cnn");
  model.graph.nodes[0].op = "FusedConv";
  try {
    write_onnx(model);
    FAIL() << "an operator of ours went out";
  } catch (const ModelError& error) {
    EXPECT_NE(std::string(error.what()).find("conv1 (FusedConv)"), std::string::npos);
  }
}

}  // namespace
}  // namespace striate
