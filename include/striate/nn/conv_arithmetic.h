#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace striate {

/// What is known of a window along one side of a picture. A convolution or pooling holds
///
///   input + 2 padding = span + stride (output - 1) + unused,  0 <= unused < stride,
///
/// where span = dilation (kernel - 1) + 1, and a transposed convolution the same with input and
/// output exchanged: its output is what such a window could have come from, `unused` pixels added
/// at the end (ONNX's and PyTorch's output padding).
struct ConvQuery {
  std::optional<std::int64_t> input, kernel, stride, padding, output;
  std::int64_t dilation = 1;
  bool transposed = false;
};

/// All of it.
struct ConvAnswer {
  std::int64_t input = 1, kernel = 1, stride = 1, padding = 0, output = 1;
  std::int64_t unused = 0;

  friend bool operator==(const ConvAnswer&, const ConvAnswer&) = default;
};

struct ConvAnswers {
  std::vector<ConvAnswer> answers;  ///< by kernel, stride, padding, input
  std::int64_t more = 0;            ///< answers beyond the limit
};

/// Every answer to the question, at most `limit` of them listed. What is neither given nor follows
/// is searched for: kernels that fit the input, strides up to the span (larger ones leave pixels
/// between the windows out), paddings smaller than the span. Where the output or the input is
/// asked for, a stride that is not given is 1 and a padding 0. Throws InputError where too little
/// is known, or a number is out of range.
ConvAnswers solve(const ConvQuery& query, std::size_t limit = 200);

/// The input pixels, padding included (negative, or from `input` on), that output pixel `pixel`
/// sees, in order.
std::vector<std::int64_t> seen_by(const ConvAnswer& answer, std::int64_t dilation, bool transposed,
                                  std::int64_t pixel);

}  // namespace striate
