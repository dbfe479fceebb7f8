#include "device/cpu/pixel_rows.h"

namespace striate {

// The leading operand of the collapse is the row-major order itself, so the order of the elements
// stays what it is.
RowOffsets::RowOffsets(const Shape& shape, const Strides& strides) : count_(shape.elements()) {
  const std::array<Strides, 2> operands{dense_strides(shape), strides};
  loop_ = collapse(shape, operands);
}

std::int64_t RowOffsets::operator()(std::int64_t i) const {
  std::int64_t offset = 0;
  for (int axis = loop_.rank - 1; axis > 0; --axis) {
    offset += i % loop_.size(axis) * loop_.stride(1, axis);
    i /= loop_.size(axis);
  }
  return offset + i * loop_.stride(1, 0);
}

RowOffsets places_of(const Shape& shape, const Strides& strides) {
  Shape sizes;
  Strides steps{};
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (axis == 1) continue;
    steps[static_cast<std::size_t>(sizes.rank())] = strides[static_cast<std::size_t>(axis)];
    sizes.push_back(shape[axis]);
  }
  return {sizes, steps};
}

PixelRows::PixelRows(const ConstView& view)
    : data_(const_cast<float*>(view.as<float>())),
      channels_(view.shape[1]),
      channel_stride_(view.stride(1)),
      offsets_(places_of(view.shape, view.strides)),
      direct_(offsets_.regular() && (channels_ == 1 || channel_stride_ == 1)) {}

RowBlock PixelRows::open(std::int64_t first, std::int64_t count, bool reads,
                         std::vector<float>& buffer) const {
  if (direct_) return {data_ + first * offsets_.step(), offsets_.step()};
  buffer.resize(static_cast<std::size_t>(count * channels_));
  for (std::int64_t row = 0; reads && row < count; ++row) {
    const float* source = data_ + offsets_(first + row);
    float* target = buffer.data() + row * channels_;
    for (std::int64_t c = 0; c < channels_; ++c) target[c] = source[c * channel_stride_];
  }
  return {buffer.data(), channels_};
}

void PixelRows::close(std::int64_t first, std::int64_t count, const RowBlock& block) const {
  if (direct_) return;
  for (std::int64_t row = 0; row < count; ++row) {
    const float* source = block.data + row * block.stride;
    float* target = data_ + offsets_(first + row);
    for (std::int64_t c = 0; c < channels_; ++c) target[c * channel_stride_] = source[c];
  }
}

}  // namespace striate
