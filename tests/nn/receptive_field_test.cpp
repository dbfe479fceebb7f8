#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "striate/base/random.h"
#include "striate/graph/plan.h"
#include "striate/graph/summary.h"
#include "striate/nn/builder.h"

namespace striate {
namespace {

using Ints = std::vector<std::int64_t>;

// A random graph of what changes what a pixel sees, along one axis or both: windows, dilated and
// padded unevenly, poolings, transposed convolutions, resizings, slices, paddings, and branches of
// one size.
class RandomGraph {
 public:
  RandomGraph(std::uint64_t seed, bool flat)
      : random_({.seed = seed, .purpose = purpose_of("graph")}, 0), flat_(flat), b_("random") {
    x_ = b_.input("input", {1, 1, flat ? 1 : kBuilt, kBuilt});
    const std::int64_t layers = flat ? between(2, 6) : between(2, 4);
    for (std::int64_t i = 0; i < layers; ++i) add_layer();
    graph_ = b_.finish(b_.conv("last", x_, {.out = 1, .kernel = 1}), "output");
  }

  const Graph& graph() const { return graph_; }
  /// Input pixels over which a border could be felt, for the axis that feels it most.
  std::int64_t margin() const { return static_cast<std::int64_t>(std::ceil(margin_)); }

 private:
  // Any map is far larger than what one layer takes away.
  static constexpr std::int64_t kBuilt = 4000;

  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low +
           static_cast<std::int64_t>(random_.uniform(0, 1) * static_cast<double>(high - low + 1));
  }

  struct Axis {
    std::int64_t kernel = 1, stride = 1, dilation = 1, before = 0, after = 0;
    std::int64_t extent() const { return (kernel - 1) * dilation + 1; }
  };

  Axis window(std::int64_t most, std::int64_t stride) {
    Axis axis{.kernel = between(1, most), .stride = stride, .dilation = between(1, 3)};
    axis.before = between(0, axis.extent() - 1);
    axis.after = between(0, axis.extent() - 1);
    return axis;
  }

  Attributes attributes(const Axis& h, const Axis& w) {
    return {{"kernel_shape", Ints{h.kernel, w.kernel}},
            {"strides", Ints{h.stride, w.stride}},
            {"dilations", Ints{h.dilation, w.dilation}},
            {"pads", Ints{h.before, w.before, h.after, w.after}}};
  }

  void feel(const Axis& a) {
    margin_ += static_cast<double>(a.extent() + std::max(a.before, a.after)) * jump_;
  }

  std::string name() { return "n" + std::to_string(count_++); }

  Value kernel(const Axis& h, const Axis& w) {
    return b_.parameter(name() + ".weight", {1, 1, h.kernel, w.kernel}, constant_initial(1));
  }

  Value convolve(const Value& x, const Axis& h, const Axis& w) {
    feel(h);
    feel(w);
    return b_.node("Conv", name(), {x, kernel(h, w)}, attributes(h, w));
  }

  void add_layer() {
    const std::int64_t kind = between(0, 7);
    const std::int64_t stride = kind < 5 && jump_ < 3 ? between(1, 3) : 1;
    const auto axes = [&](std::int64_t most) {
      const Axis w = window(most, stride);
      return std::pair(flat_ ? Axis{} : window(most, stride), w);
    };
    if (kind < 2) {
      const auto [h, w] = axes(4);
      x_ = convolve(x_, h, w);
    } else if (kind == 2) {
      const auto [h, w] = axes(4);
      feel(h);
      feel(w);
      x_ = b_.node(between(0, 1) == 0 ? "MaxPool" : "AveragePool", name(), {x_}, attributes(h, w));
    } else if (kind == 3) {
      transpose(between(1, 3));
      return;
    } else if (kind == 4) {
      branch(stride);
    } else if (kind == 5) {
      resize();
    } else if (kind == 6) {
      slice();
      return;
    } else {
      pad();
    }
    jump_ *= static_cast<double>(stride);
  }

  void transpose(std::int64_t stride) {
    const auto axis = [&] {
      Axis a{.kernel = between(1, 5), .stride = stride, .dilation = between(1, 2)};
      a.before = between(0, 2);
      a.after = between(0, 2);
      return a;
    };
    const Axis w = axis();
    const Axis h = flat_ ? Axis{.stride = 1} : axis();
    feel(h);
    feel(w);
    x_ = b_.node("ConvTranspose", name(), {x_, kernel(h, w)}, attributes(h, w));
    jump_ /= static_cast<double>(stride);
  }

  // Two ways of one size whatever the input's: what a window takes, padding gives back.
  void branch(std::int64_t stride) {
    const auto other = [&](const Axis& a) {
      Axis c = window(4, stride);
      const std::int64_t padding = c.extent() - a.extent() + a.before + a.after;
      if (padding < 0) return a;
      c.before = between(0, padding);
      c.after = padding - c.before;
      return c;
    };
    const Axis w = window(4, stride);
    const Axis h = flat_ ? Axis{} : window(4, stride);
    const Value left = convolve(x_, h, w);
    const Value right = convolve(x_, flat_ ? Axis{} : other(h), other(w));
    if (between(0, 1) == 0) {
      x_ = b_.add(name(), left, right);
    } else {
      x_ = b_.conv(name(), b_.concat(name(), {left, right}), {.out = 1, .kernel = 1});
    }
  }

  void resize() {
    const bool linear = between(0, 1) == 0;
    const auto factor = static_cast<float>(between(1, 2) * 2);
    const std::string n = name();
    const std::vector<float> scales{1, 1, flat_ ? 1 : factor, factor};
    margin_ += 3 * jump_;
    jump_ /= static_cast<double>(factor);
    x_ = b_.node(
        "Resize", n, {x_, Value{}, b_.constant(n + ".scales", Tensor::of<float>({4}, scales))},
        {{"mode", std::string(linear ? "linear" : "nearest")},
         {"coordinate_transformation_mode", std::string(linear ? "half_pixel" : "asymmetric")},
         {"nearest_mode", std::string("floor")}});
  }

  void slice() {
    const std::string n = name();
    const std::int64_t step = jump_ < 3 ? between(1, 2) : 1;
    const auto ints = [&](const char* what, std::int64_t value) {
      return b_.constant(n + what, Tensor::of<std::int64_t>({1}, Ints{value}));
    };
    const std::int64_t begin = between(0, 3);
    margin_ += static_cast<double>(begin + step) * jump_;
    x_ = b_.node("Slice", n,
                 {x_, ints(".starts", begin), ints(".ends", std::int64_t{1} << 40),
                  ints(".axes", 3), ints(".steps", step)});
    jump_ *= static_cast<double>(step);
  }

  void pad() {
    const std::string n = name();
    const std::int64_t before = between(0, 2);
    const std::int64_t after = between(0, 2);
    margin_ += 2 * jump_;
    const Ints pads{0, 0, flat_ ? 0 : before, before, 0, 0, 0, after};
    x_ = b_.node("Pad", n, {x_, b_.constant(n + ".pads", Tensor::of<std::int64_t>({8}, pads))});
  }

  Random random_;
  bool flat_;
  Builder b_;
  Value x_;
  Graph graph_;
  int count_ = 0;
  double jump_ = 1, margin_ = 0;
};

// Which inputs can change which outputs, found by running the graph on the reference device: not a
// number in the input makes those outputs not a number that it can change.
class Dependence {
 public:
  /// Rows (axis 2) or columns (axis 3) `first` to `last` spoilt one at a time, then all others
  /// together.
  Dependence(const Graph& graph, const Shape& input, int axis, std::int64_t first,
             std::int64_t last)
      : axis_(axis), first_(first) {
    const std::int64_t count = last - first + 2;
    Shape batch = input;
    batch[0] = count;
    Tensor x(DType::f32, batch);
    for (std::int64_t n = 0; n < count; ++n) {
      for (std::int64_t y = 0; y < input[2]; ++y) {
        for (std::int64_t z = 0; z < input[3]; ++z) {
          const std::int64_t at = axis == 2 ? y : z;
          const bool spoilt = n + 1 < count ? at == first + n : at < first || at > last;
          x.data<float>()[(n * input[2] + y) * input[3] + z] =
              spoilt ? std::numeric_limits<float>::quiet_NaN() : 1;
        }
      }
    }
    Weights weights;
    for (const Parameter& parameter : graph.parameters) {
      Tensor ones(DType::f32, parameter.shape);
      std::fill_n(ones.data<float>(), ones.elements(), 1.0F);
      weights[parameter.name] = ones;
    }
    const Program program(graph, make_reference_device());
    output_ = program.run({{"input", x.view()}}, weights, "output");
    count_ = count;
  }

  std::int64_t pixels() const { return output_.shape()[axis_]; }

  struct Range {
    std::int64_t first = 0, last = -1;
  };
  /// Of the inputs that were spoilt one at a time, those that an output depends on.
  Range of(std::int64_t pixel) const {
    Range range;
    for (std::int64_t n = 0; n + 1 < count_; ++n) {
      if (!depends(n, pixel)) continue;
      if (range.last < 0) range.first = first_ + n;
      range.last = first_ + n;
    }
    return range;
  }
  bool depends_on_others(std::int64_t pixel) const { return depends(count_ - 1, pixel); }

 private:
  // Whether an output in that row or column does.
  bool depends(std::int64_t n, std::int64_t pixel) const {
    const Shape& s = output_.shape();
    const std::int64_t across = axis_ == 2 ? s[3] : s[2];
    for (std::int64_t i = 0; i < across; ++i) {
      const std::int64_t y = axis_ == 2 ? pixel : i;
      const std::int64_t z = axis_ == 2 ? i : pixel;
      if (std::isnan(output_.data<float>()[(n * s[2] + y) * s[3] + z])) return true;
    }
    return false;
  }

  Tensor output_;
  int axis_;
  std::int64_t first_, count_ = 0;
};

// Holds the summary's receptive field of the last layer against the dependence of a period of
// pixels in the middle, which no border reaches.
void expect_same(const Graph& graph, std::int64_t margin, int axis, std::int64_t across) {
  const std::int64_t length = 3 * margin + 24;
  const Shape input = axis == 2 ? Shape{1, 1, length, across} : Shape{1, 1, across, length};
  const ReceptiveField field = summarize(graph, {{"input", input}}).rows.back().sees;
  ASSERT_EQ(field.kind, ReceptiveField::Kind::window);
  const ReceptiveField::Axis& f = axis == 2 ? field.h : field.w;
  const Shape output = infer_shapes(graph, {{"input", input}}).at("output").shape;
  const std::int64_t begin = output[axis] / 2 / f.period * f.period;
  const double advance = f.stride * static_cast<double>(f.period);
  const auto shift = static_cast<std::int64_t>(advance) * (begin / f.period);
  const std::int64_t reach = f.size + 2 * static_cast<std::int64_t>(advance) + 3;
  const std::int64_t first = std::max<std::int64_t>(f.offset + shift - reach, 0);
  const std::int64_t last = std::min(f.offset + shift + 2 * reach, length - 1);
  const Dependence dependence(graph, input, axis, first, last);
  std::int64_t size = 0;
  std::int64_t offset = -1;
  for (std::int64_t i = begin; i < begin + f.period; ++i) {
    const Dependence::Range range = dependence.of(i);
    EXPECT_FALSE(dependence.depends_on_others(i));
    if (range.last < 0) continue;
    if (offset < 0) offset = range.first;
    size = std::max(size, range.last - range.first + 1);
    const Dependence::Range next = dependence.of(i + f.period);
    EXPECT_EQ(next.first - range.first, std::llround(advance));
    EXPECT_EQ(next.last - range.last, std::llround(advance));
  }
  EXPECT_EQ(size, f.size);
  // Behind a transposed convolution with gaps a pixel may see nothing at all.
  if (f.size > 0) {
    EXPECT_EQ(offset, f.offset + shift);
  }
}

TEST(ReceptiveField, IsWhatCanChangeAnOutput) {
  int checked = 0;
  int upsampled = 0;
  for (std::uint64_t seed = 0; checked < 440; ++seed) {
    const RandomGraph random(seed, true);
    if (random.margin() > 80) continue;
    SCOPED_TRACE("seed " + std::to_string(seed));
    expect_same(random.graph(), random.margin(), 3, 1);
    upsampled += summarize(random.graph()).rows.back().sees.w.period > 1 ? 1 : 0;
    ++checked;
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_GT(upsampled, 100);
}

TEST(ReceptiveField, IsWhatCanChangeAnOutputAlongBothAxes) {
  int checked = 0;
  for (std::uint64_t seed = 1000; checked < 60; ++seed) {
    const RandomGraph random(seed, false);
    const ReceptiveField field = summarize(random.graph()).rows.back().sees;
    // What sees nothing along one axis sees nothing at all.
    if (random.margin() > 16 || field.h.size == 0 || field.w.size == 0) continue;
    SCOPED_TRACE("seed " + std::to_string(seed));
    expect_same(random.graph(), random.margin(), 2, 14);
    expect_same(random.graph(), random.margin(), 3, 14);
    ++checked;
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace striate
