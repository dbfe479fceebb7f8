#include "striate/nn/conv_arithmetic.h"

#include <algorithm>
#include <string_view>

#include "striate/base/error.h"

namespace striate {
namespace {

constexpr std::int64_t kMost = 1 << 14;

void check(std::string_view name, const std::optional<std::int64_t>& value, std::int64_t least) {
  if (!value || (*value >= least && *value <= kMost)) return;
  fail<InputError>("{}: expected {} to {}, got {}", name, least, kMost, *value);
}

struct Range {
  std::int64_t first = 0, last = -1;
};

class Search {
 public:
  Search(const ConvQuery& query, std::size_t limit) : q_(query), limit_(limit) {
    check("input", q_.input, 1);
    check("output", q_.output, 1);
    check("kernel", q_.kernel, 1);
    check("stride", q_.stride, 1);
    check("padding", q_.padding, 0);
    check("dilation", q_.dilation, 1);
    if (!q_.input && !q_.output) fail<InputError>("expected an input or an output");
    if (!q_.kernel && !(q_.input && q_.output)) {
      fail<InputError>("expected a kernel, or both an input and an output");
    }
    // The side that windows lie on, and how many of them there are.
    picture_ = q_.transposed ? q_.output : q_.input;
    windows_ = q_.transposed ? q_.input : q_.output;
  }

  ConvAnswers run() {
    const bool both = picture_ && windows_;
    const Range kernels = q_.kernel ? Range{*q_.kernel, *q_.kernel} : Range{1, *picture_};
    for (std::int64_t kernel = kernels.first; kernel <= kernels.last; ++kernel) {
      const std::int64_t span = q_.dilation * (kernel - 1) + 1;
      if (!q_.kernel && span > *picture_) break;
      const Range strides = q_.stride ? Range{*q_.stride, *q_.stride} : Range{1, both ? span : 1};
      for (std::int64_t stride = strides.first; stride <= strides.last; ++stride) {
        if (both) {
          fit(kernel, span, stride);
        } else {
          follow(kernel, span, stride, q_.padding.value_or(0));
        }
      }
    }
    return std::move(found_);
  }

 private:
  // Both sides are known: the paddings that make them meet.
  void fit(std::int64_t kernel, std::int64_t span, std::int64_t stride) {
    // 2 padding = needed + unused, 0 <= unused < stride.
    const std::int64_t needed = span + stride * (*windows_ - 1) - *picture_;
    Range paddings{std::max<std::int64_t>((needed + 1) / 2, 0), (needed + stride - 1) / 2};
    if (needed < 0) paddings.first = 0;
    if (needed + stride - 1 < 0) return;
    if (q_.padding) {
      if (*q_.padding < paddings.first || *q_.padding > paddings.last) return;
      paddings = {*q_.padding, *q_.padding};
    } else {
      paddings.last = std::min(paddings.last, span - 1);
    }
    for (std::int64_t padding = paddings.first; padding <= paddings.last; ++padding) {
      add(*picture_, kernel, stride, padding, *windows_);
    }
  }

  void follow(std::int64_t kernel, std::int64_t span, std::int64_t stride, std::int64_t padding) {
    if (picture_) {
      const std::int64_t room = *picture_ + 2 * padding - span;
      if (room < 0) return;
      // Output padding is then what a window leaves over.
      add(*picture_, kernel, stride, padding, room / stride + 1);
      return;
    }
    const std::int64_t least = span + stride * (*windows_ - 1) - 2 * padding;
    for (std::int64_t unused = 0; unused < stride; ++unused) {
      if (least + unused >= 1) add(least + unused, kernel, stride, padding, *windows_);
      // A transposed convolution adds nothing of its own accord.
      if (q_.transposed) break;
    }
  }

  void add(std::int64_t picture, std::int64_t kernel, std::int64_t stride, std::int64_t padding,
           std::int64_t windows) {
    if (found_.answers.size() == limit_) {
      ++found_.more;
      return;
    }
    const std::int64_t span = q_.dilation * (kernel - 1) + 1;
    ConvAnswer answer{.input = picture,
                      .kernel = kernel,
                      .stride = stride,
                      .padding = padding,
                      .output = windows,
                      .unused = picture + 2 * padding - span - stride * (windows - 1)};
    if (q_.transposed) std::swap(answer.input, answer.output);
    found_.answers.push_back(answer);
  }

  ConvQuery q_;
  std::size_t limit_;
  std::optional<std::int64_t> picture_, windows_;
  ConvAnswers found_;
};

}  // namespace

ConvAnswers solve(const ConvQuery& query, std::size_t limit) { return Search(query, limit).run(); }

std::vector<std::int64_t> seen_by(const ConvAnswer& a, std::int64_t dilation, bool transposed,
                                  std::int64_t pixel) {
  std::vector<std::int64_t> seen;
  for (std::int64_t tap = 0; tap < a.kernel; ++tap) {
    if (!transposed) {
      seen.push_back(pixel * a.stride - a.padding + tap * dilation);
      continue;
    }
    const std::int64_t at = pixel + a.padding - tap * dilation;
    if (at % a.stride == 0 && at >= 0 && at / a.stride < a.input) seen.push_back(at / a.stride);
  }
  std::sort(seen.begin(), seen.end());
  return seen;
}

}  // namespace striate
