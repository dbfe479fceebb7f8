#pragma once

#include <cstdint>
#include <vector>

#include "device/cpu/collapse.h"

namespace striate {

/// The offset of the i-th element, in row-major order, of a view's given sizes and strides.
class RowOffsets {
 public:
  RowOffsets() = default;
  RowOffsets(const Shape& shape, const Strides& strides);

  std::int64_t count() const { return count_; }
  /// True where element i lies at i * step().
  bool regular() const { return loop_.rank == 1; }
  std::int64_t step() const { return loop_.stride(1, 0); }
  std::int64_t operator()(std::int64_t i) const;

 private:
  Collapsed loop_;
  std::int64_t count_ = 0;
};

/// Rows in memory, `stride` elements apart.
struct RowBlock {
  float* data = nullptr;
  std::int64_t stride = 0;
};

/// A float32 value over axis 1 seen as rows of channels, one for each place along the other axes
/// in row-major order. Channels-last maps and dense matrices are used where they lie; from any
/// other layout a block of rows is gathered into a buffer, and scattered back.
class PixelRows {
 public:
  explicit PixelRows(const ConstView& view);

  std::int64_t rows() const { return offsets_.count(); }
  std::int64_t channels() const { return channels_; }
  RowBlock open(std::int64_t first, std::int64_t count, bool reads,
                std::vector<float>& buffer) const;
  /// To be called when the rows of `open` have been written.
  void close(std::int64_t first, std::int64_t count, const RowBlock& block) const;

 private:
  float* data_ = nullptr;
  std::int64_t channels_ = 0, channel_stride_ = 0;
  RowOffsets offsets_;
  bool direct_ = false;
};

/// The shape and strides of a view without axis 1.
RowOffsets places_of(const Shape& shape, const Strides& strides);

}  // namespace striate
