#include <gtest/gtest.h>

#include "nn/count_work.h"
#include "nn/networks.h"
#include "striate/base/error.h"

namespace striate {
namespace {

using namespace testing;
using Ints = std::vector<std::int64_t>;

class Draws {
 public:
  explicit Draws(std::uint64_t seed) : random_({.seed = seed, .purpose = purpose_of("draws")}, 0) {}
  std::int64_t operator()(std::int64_t low, std::int64_t high) {
    return low + random_.below(static_cast<std::uint32_t>(high - low + 1));
  }

 private:
  Random random_;
};

// Windows that are larger than the map, miss it, or lie in the padding; groups; one axis or two.
Graph random_convolution(std::uint64_t seed, bool transposed) {
  Draws draw(seed);
  Builder b("one");
  const std::int64_t groups = draw(1, 3);
  const std::int64_t in = groups * draw(1, 3);
  const std::int64_t out = groups * draw(1, 3);
  const int axes = static_cast<int>(draw(1, 2));
  Shape x{draw(1, 3), in};
  Shape w = transposed ? Shape{in, out / groups} : Shape{out, in / groups};
  Ints kernel;
  Ints strides;
  Ints dilations;
  for (int i = 0; i < axes; ++i) {
    x.push_back(draw(1, 11));
    kernel.push_back(draw(1, 5));
    w.push_back(kernel.back());
    strides.push_back(draw(1, 4));
    dilations.push_back(draw(1, 3));
  }
  Ints pads;
  for (int i = 0; i < 2 * axes; ++i) pads.push_back(draw(0, 4));
  std::vector<Value> inputs{b.input("input", x), b.parameter("w", w, constant_initial(1))};
  if (draw(0, 1) == 1) inputs.push_back(b.parameter("b", {out}, constant_initial(1)));
  const Value y = b.node(transposed ? "ConvTranspose" : "Conv", "node", inputs,
                         {{"kernel_shape", kernel},
                          {"strides", strides},
                          {"dilations", dilations},
                          {"pads", pads},
                          {"group", groups}});
  return b.finish(y, "output");
}

TEST(Counts, OfRandomConvolutionsAreWhatIsExecuted) {
  for (const bool transposed : {false, true}) {
    int counted = 0;
    int padded = 0;
    for (std::uint64_t seed = 0; counted < 300; ++seed) {
      try {
        const Graph graph = random_convolution(seed, transposed);
        // A transposed convolution adds its bias by itself, where nothing counts it.
        expect_counted(graph, {}, {.biases = !transposed});
        padded += summarize(graph).rows[0].cost.padding > 0 ? 1 : 0;
        ++counted;
      } catch (const OutOfPixels&) {
        continue;
      }
    }
    EXPECT_GT(padded, 150);
  }
}

TEST(Counts, OfRandomProductsAreWhatIsExecuted) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Draws draw(seed);
    Builder b("one");
    const std::int64_t m = draw(1, 7);
    const std::int64_t n = draw(1, 7);
    const std::int64_t k = draw(1, 7);
    const std::int64_t turned = draw(0, 1);
    const Value a = b.input("input", {m, k});
    const Value w = b.parameter("w", turned == 1 ? Shape{n, k} : Shape{k, n}, constant_initial(1));
    std::vector<Value> inputs{a, w};
    if (draw(0, 1) == 1) inputs.push_back(b.parameter("b", {n}, constant_initial(1)));
    expect_counted(b.finish(b.node("Gemm", "gemm", inputs, {{"transB", turned}}), "output"));

    Builder c("two");
    const std::int64_t batch = draw(1, 3);
    const Value left = c.input("input", {batch, m, k});
    const Value right =
        c.parameter("w", draw(0, 1) == 1 ? Shape{k, n} : Shape{batch, k, n}, constant_initial(1));
    expect_counted(c.finish(c.node("MatMul", "matmul", {left, right}), "output"));
  }
}

TEST(Counts, OfWholeGraphsAreWhatIsExecuted) {
  Builder b("net");
  Value x = b.input("input", {2, 3, 9, 9});
  x = b.batch_norm("bn", b.conv("conv", x, {.out = 8, .kernel = 3, .padding = 1, .dilation = 2}));
  x = b.max_pool("pool", b.lrn("lrn", b.relu("relu", x), {}), {.kernel = 2});
  x = b.linear("fc", b.flatten("flatten", x), {.out = 5});
  expect_counted(b.finish(x, "output"));
}

// Costs by the size of its input: two popular counters print 534.6 GMAC for this layer of FCN-32s.
TEST(Counts, OfATransposedConvolutionGoByItsInput) {
  Builder b("fcn32s");
  const Value x = b.input("input", {1, 21, 16, 16});
  const Value w = b.parameter("w", {21, 21, 64, 64}, constant_initial(0));
  const Value y = b.node("ConvTranspose", "upscore", {x, w}, {{"strides", Ints{32, 32}}});
  const Summary summary = summarize(b.finish(y, "output"));
  EXPECT_EQ(summary.rows[0].output, Shape({1, 21, 544, 544}));
  EXPECT_EQ(summary.macs, std::int64_t{16} * 16 * 21 * 21 * 64 * 64);
  EXPECT_NEAR(static_cast<double>(summary.macs) * 1e-9, 0.462, 0.0005);
}

TEST(Counts, FollowTheConvention) {
  Builder b("net");
  Value x = b.input("input", {2, 3, 5, 5});
  x = b.batch_norm("bn", b.conv("conv", x, {.out = 4, .kernel = 3, .padding = 1}));
  const Graph graph = b.finish(b.linear("fc", b.flatten("flatten", x), {.out = 7}), "output");
  const std::int64_t conv = 2 * 4 * 25 * 27;
  const std::int64_t inside = 2 * 4 * 3 * (13 * 13);  // 5 + 4 + 4 taps of a row lie inside
  const std::int64_t dense = 2 * 100 * 7;
  const auto macs = [&](const CountConvention& convention) {
    return summarize(graph, {}, convention).macs;
  };
  EXPECT_EQ(macs({}), conv + dense);
  EXPECT_EQ(macs({.padding = false}), inside + dense);
  EXPECT_EQ(macs({.bias = true}), conv + dense + 2 * 100 + 2 * 7);
  EXPECT_EQ(macs({.batch_norm = true}), conv + dense + 2 * 100);
  const CountConvention all{.bias = true, .batch_norm = true};
  EXPECT_EQ(summarize(graph, {}, all).operations, 2 * (conv + dense + 200) + 200 + 14);
}

}  // namespace
}  // namespace striate
