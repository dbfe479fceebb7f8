// Weights against darknet itself, where Debian's package is installed.

#include <cmath>
#include <cstdlib>

#include <gtest/gtest.h>

#include "striate/base/files.h"
#include "striate/base/random.h"
#include "striate/formats/darknet.h"
#include "striate/formats/npy.h"
#include "striate/graph/plan.h"
#include "striate/graph/rewrite.h"
#include "striate/nn/initialize.h"
#include "testing/paths.h"
#include "testing/temporary_folder.h"

namespace striate {
namespace {

constexpr const char* kLibrary = "/usr/lib/darknet/libdarknet.so";

// STRIATE_DARKNET names a library that lies elsewhere.
std::string library() {
  const char* other = std::getenv("STRIATE_DARKNET");
  return other != nullptr ? other : kLibrary;
}

constexpr std::string_view kNetwork =
    "[net]\nheight=16\nwidth=16\nchannels=3\nbatch=1\n"
    "[convolutional]\nfilters=8\nsize=3\npad=1\nbatch_normalize=1\nactivation=leaky\n"
    "[maxpool]\nsize=2\nstride=2\n"
    "[convolutional]\nfilters=8\nsize=3\npad=1\nactivation=relu\n"
    "[shortcut]\nfrom=-2\nactivation=linear\n"
    "[convolutional]\nfilters=4\nsize=1\nbatch_normalize=1\nactivation=logistic\n"
    "[route]\nlayers=-1,-2\n"
    "[connected]\noutput=10\nactivation=linear\n";

// Of five steps, the rows of a batch.
constexpr std::string_view kPlain =
    "[net]\ninputs=6\nbatch=1\ntime_steps=5\n"
    "[rnn]\noutput=7\nactivation=leaky\n"
    "[rnn]\noutput=4\nactivation=tanh\nshortcut=1\n"
    "[connected]\noutput=3\nactivation=linear\n";
constexpr std::string_view kLong =
    "[net]\ninputs=6\nbatch=1\ntime_steps=5\n[lstm]\noutput=7\n[connected]\noutput=3\n";
constexpr std::string_view kGated =
    "[net]\ninputs=6\nbatch=1\ntime_steps=5\n[gru]\noutput=7\ntanh=1\n[gru]\noutput=5\n";
// Darknet's [crnn] exchanges height and width, and lives in the memory that another convolution asked
// for: a square, behind a larger one.
constexpr std::string_view kMaps =
    "[net]\nheight=6\nwidth=6\nchannels=2\nbatch=1\ntime_steps=4\n"
    "[convolutional]\nfilters=9\nsize=3\npad=1\nactivation=leaky\n"
    "[convolutional]\nfilters=4\nsize=3\npad=1\nactivation=leaky\n"
    "[crnn]\nhidden_filters=3\noutput_filters=4\nactivation=leaky\n"
    "[connected]\noutput=3\nactivation=linear\n";

class DarknetOracle : public ::testing::TestWithParam<std::string_view> {};
INSTANTIATE_TEST_SUITE_P(Networks, DarknetOracle,
                         ::testing::Values(kNetwork, kPlain, kLong, kGated, kMaps),
                         [](const auto& test) { return std::to_string(test.index); });

TEST_P(DarknetOracle, AgreesOnWeights) {
  if (!std::filesystem::exists(library())) {
    GTEST_SKIP() << library() << " is absent: install darknet";
  }
  const TemporaryFolder folder;
  write_file(folder / "n.cfg", GetParam());
  const Graph graph = read_darknet(GetParam(), "n.cfg").graph;
  Weights weights = initialize(graph, 3);
  for (auto& [name, tensor] : weights) {
    Random random({.seed = 2, .purpose = purpose_of(name)}, 0);
    const bool variance = name.ends_with("running_var");
    if (tensor.shape().rank() != 1) continue;
    for (std::int64_t i = 0; i < tensor.elements(); ++i) {
      tensor.data<float>()[i] =
          static_cast<float>(variance ? random.uniform(0.5, 1.5) : random.uniform(-1, 1));
    }
  }
  Tensor x(DType::f32, graph.inputs[0].shape);
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    x.data<float>()[i] = static_cast<float>(std::sin(static_cast<double>(i)));
  }
  save_npy(folder / "x.npy", x);
  const std::shared_ptr<const Device> device = make_cpu_device(1);
  const Tensor y =
      Program(inference_form(graph), device).run({{"input", x.view()}}, weights, "logits");
  save_npy(folder / "y.npy", y);
  const Bytes written = write_darknet_weights(graph, weights);
  write_file(folder / "n.weights", written);
  const std::string line = fmt::format(
      "/usr/bin/python3 '{}/tests/tasks/darknet_there.py' '{}' {} {} {} {} {} >/dev/null 2>&1",
      kSourceFolder, library(), folder / "n.cfg", folder / "n.weights", folder / "x.npy",
      folder / "y.npy", folder / "saved.weights");
  ASSERT_EQ(std::system(line.c_str()), 0);
  const Tensor there = load_npy(folder / "y.npy");
  ASSERT_EQ(there.elements(), y.elements());
  double size = 0;
  for (std::int64_t i = 0; i < y.elements(); ++i) {
    size = std::max(size, std::abs(static_cast<double>(y.data<float>()[i])));
  }
  for (std::int64_t i = 0; i < y.elements(); ++i) {
    EXPECT_NEAR(there.data<float>()[i], y.data<float>()[i], 1e-4 * size) << i;
  }
  // What it wrote itself holds the same numbers.
  const Weights again =
      read_darknet_weights(read_file(folder / "saved.weights"), graph, "saved.weights");
  for (const auto& [name, tensor] : weights) {
    EXPECT_TRUE(std::equal(tensor.raw().begin(), tensor.raw().end(), again.at(name).raw().begin()))
        << name;
  }
}

}  // namespace
}  // namespace striate
