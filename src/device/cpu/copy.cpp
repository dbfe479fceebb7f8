#include <cstring>

#include "device/cpu/primitives.h"
#include "device/cpu/rows.h"

// Movement knows only the size of an element.

namespace striate {
namespace {

// A copy whose source has its smallest stride along `across` and whose target has it along the
// innermost dimension goes by tiles, so that both sides use whole cache lines.
struct Transposition {
  Collapsed outer;  // operand 0 the target, operand 1 the source; ends in a dimension of size 1
  std::int64_t i_size = 1, j_size = 1;
  std::int64_t i_target = 0;  // along i the source has stride 1
  std::int64_t j_source = 0;  // along j the target has stride 1
};

using Four = std::uint32_t __attribute__((vector_size(16)));

Four load_four(const std::uint32_t* p) {
  Four v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

// target[i * i_target + j] = source[j * j_source + i] for i, j < 4.
void transpose_four(const std::uint32_t* source, std::int64_t j_source, std::uint32_t* target,
                    std::int64_t i_target) {
  const Four a = load_four(source);
  const Four b = load_four(source + j_source);
  const Four c = load_four(source + 2 * j_source);
  const Four d = load_four(source + 3 * j_source);
  const Four ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  const Four ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Four cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  const Four cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  const Four rows[4] = {__builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5),
                        __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7),
                        __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5),
                        __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7)};
  for (int i = 0; i < 4; ++i) std::memcpy(target + i * i_target, &rows[i], sizeof(Four));
}

template <class T>
void transpose_tile(const Transposition& t, const T* source, T* target, std::int64_t i_begin,
                    std::int64_t i_end, std::int64_t j_begin, std::int64_t j_end) {
  std::int64_t i_blocks = i_begin;
  std::int64_t j_blocks = j_begin;
  if constexpr (sizeof(T) == 4) {
    constexpr std::int64_t kLine = 16;
    i_blocks = i_begin + (i_end - i_begin) / 4 * 4;
    j_blocks = j_begin + (j_end - j_begin) / 4 * 4;
    for (std::int64_t j_line = j_begin; j_line < j_blocks; j_line += kLine) {
      const std::int64_t j_stop = std::min(j_blocks, j_line + kLine);
      for (std::int64_t i = i_begin; i < i_blocks; i += 4)
        for (std::int64_t j = j_line; j < j_stop; j += 4) {
          transpose_four(source + j * t.j_source + i, t.j_source, target + i * t.i_target + j,
                         t.i_target);
        }
    }
  }
  for (std::int64_t i = i_begin; i < i_end; ++i) {
    for (std::int64_t j = i < i_blocks ? j_blocks : j_begin; j < j_end; ++j) {
      target[i * t.i_target + j] = source[j * t.j_source + i];
    }
  }
}

template <class T>
void transpose(const Threads& threads, const Transposition& t, const T* source, T* target) {
  constexpr std::int64_t kSide = 64;
  const std::int64_t j_tile = std::min(t.j_size, kSide);
  const std::int64_t i_tile = std::max(kSide, kSide * kSide / j_tile / kSide * kSide);
  const std::int64_t i_tiles = ceil_div(t.i_size, i_tile);
  const std::int64_t j_tiles = ceil_div(t.j_size, j_tile);
  const std::int64_t tiles = i_tiles * j_tiles;
  for_ranges(threads, t.outer.rows() * tiles, std::min(i_tile, t.i_size) * j_tile,
             [&](std::int64_t first, std::int64_t last) {
               for (std::int64_t item = first; item < last; ++item) {
                 const RowWalk walk(t.outer, 2, item / tiles);
                 const std::int64_t i = item % tiles / j_tiles * i_tile;
                 const std::int64_t j = item % j_tiles * j_tile;
                 transpose_tile(t, source + walk.offset(1), target + walk.offset(0), i,
                                std::min(t.i_size, i + i_tile), j, std::min(t.j_size, j + j_tile));
               }
             });
}

// The dimension, not the last, along which the source has stride 1; -1 where there is none.
int transposed_axis(const Collapsed& loop) {
  if (loop.inner_stride(0) != 1 || loop.inner_stride(1) == 1) return -1;
  for (int axis = 0; axis + 1 < loop.rank; ++axis) {
    if (loop.stride(1, axis) == 1) return axis;
  }
  return -1;
}

Transposition transposition_of(const Collapsed& loop, int across) {
  Transposition t;
  t.i_size = loop.size(across);
  t.i_target = loop.stride(0, across);
  t.j_size = loop.inner();
  t.j_source = loop.inner_stride(1);
  t.outer.rank = 0;
  for (int axis = 0; axis + 1 < loop.rank; ++axis) {
    if (axis == across) continue;
    const auto at = static_cast<std::size_t>(t.outer.rank++);
    t.outer.sizes[at] = loop.size(axis);
    for (int k = 0; k < 2; ++k)
      t.outer.strides[static_cast<std::size_t>(k)][at] = loop.stride(k, axis);
  }
  t.outer.sizes[static_cast<std::size_t>(t.outer.rank++)] = 1;
  return t;
}

template <class T, bool kAccumulate>
void copy_run(const T* source, std::int64_t source_stride, T* target, std::int64_t target_stride,
              std::int64_t n) {
  if constexpr (!kAccumulate) {
    if (source_stride == 1 && target_stride == 1) {
      std::memcpy(target, source, static_cast<std::size_t>(n) * sizeof(T));
      return;
    }
    if (source_stride == 0 && target_stride == 1) {
      std::fill_n(target, n, *source);
      return;
    }
  }
  for (std::int64_t i = 0; i < n; ++i) {
    T& place = target[i * target_stride];
    const T value = source[i * source_stride];
    place = kAccumulate ? static_cast<T>(place + value) : value;
  }
}

// Rows of any strides, long ones cut.
template <class T, bool kAccumulate>
void copy_rows(const Threads& threads, const Collapsed& loop, const T* source, T* target) {
  const std::int64_t piece = std::min(loop.inner(), kItemElements);
  const std::int64_t pieces = ceil_div(loop.inner(), piece);
  for_ranges(threads, loop.rows() * pieces, piece, [&](std::int64_t first, std::int64_t last) {
    RowWalk walk(loop, 2, first / pieces);
    for (std::int64_t item = first; item < last; ++item) {
      const std::int64_t begin = item % pieces * piece;
      copy_run<T, kAccumulate>(source + walk.offset(1) + begin * loop.inner_stride(1),
                               loop.inner_stride(1),
                               target + walk.offset(0) + begin * loop.inner_stride(0),
                               loop.inner_stride(0), std::min(piece, loop.inner() - begin));
      if ((item + 1) % pieces == 0) walk.next();
    }
  });
}

template <class T>
void move(const Threads& threads, const ConstView& x, const View& out) {
  const std::array<Strides, 2> operands{out.strides, x.strides};
  const Collapsed loop = collapse(out.shape, operands);
  const auto* source = static_cast<const T*>(x.data);
  auto* target = static_cast<T*>(out.data);
  const int across = transposed_axis(loop);
  if (across >= 0) {
    transpose(threads, transposition_of(loop, across), source, target);
  } else {
    copy_rows<T, false>(threads, loop, source, target);
  }
}

template <class T>
void add_to(const Threads& threads, const ConstView& x, const View& out) {
  const std::array<Strides, 2> operands{out.strides, x.strides};
  copy_rows<T, true>(threads, collapse(out.shape, operands), x.as<T>(), out.as<T>());
}

template <class T>
void fill_with(const Threads& threads, const View& out, double value) {
  const std::array<Strides, 2> operands{out.strides, Strides{}};
  const Collapsed loop = collapse(out.shape, operands);
  const T element = static_cast<T>(value);
  copy_rows<T, false>(threads, loop, &element, out.as<T>());
}

}  // namespace

void cpu_copy(const Threads& threads, const ConstView& x, const View& out, bool accumulate) {
  if (x.shape.elements() == 0) return;
  if (accumulate) {
    switch (x.dtype) {
      case DType::f32:
        return cpu_elementwise(threads, Function::identity, std::span(&x, 1), out, {}, true);
      case DType::i64:
        return add_to<std::int64_t>(threads, x, out);
      case DType::i32:
        return add_to<std::int32_t>(threads, x, out);
      case DType::u8:
        return add_to<std::uint8_t>(threads, x, out);
      default:
        throw BugError("copy: this dtype does not accumulate");
    }
  }
  if (x.data == out.data && x.strides == out.strides) return;
  switch (size_of(x.dtype)) {
    case 1:
      return move<std::uint8_t>(threads, x, out);
    case 4:
      return move<std::uint32_t>(threads, x, out);
    default:
      return move<std::uint64_t>(threads, x, out);
  }
}

void cpu_fill(const Threads& threads, const View& out, double value) {
  if (out.shape.elements() == 0) return;
  switch (out.dtype) {
    case DType::f32:
      return fill_with<float>(threads, out, value);
    case DType::i64:
      return fill_with<std::int64_t>(threads, out, value);
    case DType::i32:
      return fill_with<std::int32_t>(threads, out, value);
    case DType::u8:
      return fill_with<std::uint8_t>(threads, out, value);
    case DType::boolean:
      return fill_with<bool>(threads, out, value);
    case DType::f64:
      break;
  }
  throw BugError("fill: the cpu device has no float64");
}

}  // namespace striate
