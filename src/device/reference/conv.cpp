#include <vector>

#include "device/check.h"
#include "device/reference/loops.h"
#include "device/reference/reference_device.h"

namespace striate {
namespace {

using namespace reference;

// Calls body(n, o, i, c, oy, ox, r, s, y, x) for every product of the convolution: output
// (n, o, oy, ox) takes weight (o, i, r, s) times input (n, c, y, x). Products with padding are
// counted and left out.
template <class Body>
void for_each_product(const ConvGeometry& g, WorkCount& count, Body&& body) {
  std::int64_t products = 0;
  std::int64_t padding = 0;
  const std::int64_t in = g.c / g.groups;
  const std::int64_t out = g.o / g.groups;
  for (std::int64_t n = 0; n < g.n; ++n)
    for (std::int64_t o = 0; o < g.o; ++o)
      for (std::int64_t oy = 0; oy < g.oh; ++oy)
        for (std::int64_t ox = 0; ox < g.ow; ++ox)
          for (std::int64_t i = 0; i < in; ++i)
            for (std::int64_t r = 0; r < g.r; ++r)
              for (std::int64_t s = 0; s < g.s; ++s) {
                const std::int64_t c = o / out * in + i;
                const std::int64_t y = oy * g.stride_h + r * g.dilation_h - g.pad_top;
                const std::int64_t x = ox * g.stride_w + s * g.dilation_w - g.pad_left;
                ++products;
                if (y < 0 || y >= g.h || x < 0 || x >= g.w) {
                  ++padding;
                  continue;
                }
                body(n, o, i, c, oy, ox, r, s, y, x);
              }
  count.products += products;
  count.padding += padding;
}

// Sums in double, one for each element of a dense result, then stored into the view.
class Sums {
 public:
  explicit Sums(const Shape& shape)
      : shape_(shape),
        values_(static_cast<std::size_t>(shape.elements())),
        elements_{values_.data(), dense_strides(shape)} {}

  const Elements<double>& at() const { return elements_; }

  template <class T>
  void store(const View& out, bool accumulate) const {
    const auto target = write<T>(out);
    for_each(shape_, [&](const Index& i) { put(target[i], elements_[i], accumulate); });
  }

 private:
  Shape shape_;
  std::vector<double> values_;
  Elements<double> elements_;
};

// A ChannelMap in double; what is `added` comes before the slope.
template <class T>
class Mapped {
 public:
  explicit Mapped(const ChannelMap& map)
      : scale_(read<T>(map.scale)), shift_(read<T>(map.shift)), slope_(map.slope) {}

  double operator()(std::int64_t channel, double value, double added = 0) const {
    if (scale_) value *= static_cast<double>(scale_(channel));
    if (shift_) value += static_cast<double>(shift_(channel));
    value += added;
    return value < 0 ? slope_ * value : value;
  }

 private:
  Elements<const T> scale_, shift_;
  double slope_;
};

}  // namespace

std::size_t ReferenceDevice::conv_prepared(const ConvGeometry&) const { return 0; }

void ReferenceDevice::conv_prepare(const ConvGeometry&, const ConstView&,
                                   std::span<std::byte>) const {}

void ReferenceDevice::conv_forward(const ConvGeometry& g, const ConstView& x, const ConstView& w,
                                   const ConvFusion& fusion, const View& y, std::span<std::byte>,
                                   std::span<const std::byte>) const {
  check_conv(g, x, w, y);
  check_conv_fusion(g, fusion, y);
  with_float(x.dtype, "conv_forward", [&]<class T>(T) {
    const auto xs = read<T>(x);
    const auto ws = read<T>(w);
    const Mapped<T> in(fusion.in);
    const Mapped<T> out(fusion.out);
    const auto residual = read<T>(fusion.residual);
    const Sums sums(y.shape);
    for_each_product(
        g, *count_,
        [&](auto n, auto o, auto i, auto c, auto oy, auto ox, auto r, auto s, auto iy, auto ix) {
          sums.at()(n, o, oy, ox) +=
              in(c, static_cast<double>(xs(n, c, iy, ix))) * static_cast<double>(ws(o, i, r, s));
        });
    std::int64_t biases = 0;
    for_each(y.shape, [&](const Index& i) {
      if (fusion.out.shift) ++biases;
      const double added = residual ? static_cast<double>(residual[i]) : 0.0;
      sums.at()[i] = out(i[1], sums.at()[i], added);
    });
    count_->bias += biases;
    sums.store<T>(y, false);
  });
}

bool ReferenceDevice::conv_maps_input(const ConvGeometry&) const { return true; }

void ReferenceDevice::conv_backward_data(const ConvGeometry& g, const ConstView& dy,
                                         const ConstView& w, const View& dx, bool accumulate,
                                         std::span<std::byte>) const {
  check_conv(g, dx, w, dy);
  with_float(dy.dtype, "conv_backward_data", [&]<class T>(T) {
    const auto dys = read<T>(dy);
    const auto ws = read<T>(w);
    const Sums sums(dx.shape);
    for_each_product(
        g, *count_,
        [&](auto n, auto o, auto i, auto c, auto oy, auto ox, auto r, auto s, auto iy, auto ix) {
          sums.at()(n, c, iy, ix) +=
              static_cast<double>(dys(n, o, oy, ox)) * static_cast<double>(ws(o, i, r, s));
        });
    sums.store<T>(dx, accumulate);
  });
}

void ReferenceDevice::conv_backward_weights(const ConvGeometry& g, const ConstView& x,
                                            const ConstView& dy, const View& dw, bool accumulate,
                                            std::span<std::byte>) const {
  check_conv(g, x, dw, dy);
  with_float(x.dtype, "conv_backward_weights", [&]<class T>(T) {
    const auto xs = read<T>(x);
    const auto dys = read<T>(dy);
    const Sums sums(dw.shape);
    for_each_product(
        g, *count_,
        [&](auto n, auto o, auto i, auto c, auto oy, auto ox, auto r, auto s, auto iy, auto ix) {
          sums.at()(o, i, r, s) +=
              static_cast<double>(xs(n, c, iy, ix)) * static_cast<double>(dys(n, o, oy, ox));
        });
    sums.store<T>(dw, accumulate);
  });
}

}  // namespace striate
