#include "striate/tasks/benchmark.h"

#include <gtest/gtest.h>

#include "striate/graph/summary.h"

namespace striate {
namespace {

// A step costs each product three times, but for the first one, whose pictures have no gradient.
TEST(Benchmark, CountsTheWorkOfAStep) {
  const ModelRow& row = models().find("cnn");
  const std::shared_ptr<const Device> device = make_cpu_device(1);
  const Summary summary = summarize(row.build(row.natural));
  BenchmarkOptions options{.batch = 3, .threads = 1, .layers = true, .seconds = 0};
  const Benchmark inference = benchmark(row, row.natural, device, options);
  EXPECT_EQ(inference.macs, 3 * summary.macs);
  EXPECT_GE(inference.runs, 5);
  EXPECT_GT(inference.peak, 0);
  options.training = true;
  const Benchmark training = benchmark(row, row.natural, device, options);
  EXPECT_EQ(training.macs, 3 * (3 * summary.macs - 28 * 28 * 9 * 32));
  EXPECT_GT(training.optimizer, 0);
  EXPECT_LT(training.optimizer, training.seconds);
}

// Everything that a layer reads and writes, by hand.
TEST(Benchmark, SaysWhatEachLayerMoves) {
  const ModelRow& row = models().find("cnn");
  const Benchmark result = benchmark(row, row.natural, make_cpu_device(1),
                                     {.batch = 2, .threads = 1, .layers = true, .seconds = 0});
  std::int64_t macs = 0;
  bool found = false;
  for (const LayerTime& layer : result.layers) {
    macs += layer.macs;
    if (layer.name != "fc2") continue;
    found = true;
    EXPECT_EQ(layer.bytes, 4 * (2 * 1024 + 1024 * 128 + 128 + 2 * 128));
    EXPECT_EQ(layer.macs, 2 * 1024 * 128);
    EXPECT_GT(layer.forward, 0);
    EXPECT_EQ(layer.backward, 0);
  }
  EXPECT_TRUE(found);
  EXPECT_EQ(macs, result.macs);
}

}  // namespace
}  // namespace striate
