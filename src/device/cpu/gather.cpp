#include <cstring>
#include <vector>

#include "device/cpu/primitives.h"
#include "device/cpu/rows.h"
#include "device/lookup.h"

// Gathering where the places depend on nothing but the position along the axis (resizing, padding
// that repeats, a table's rows): whole slices move, on all threads. Other gathers go by element.

namespace striate {
namespace {

bool by_slices(const ConstView& indices, int axis) {
  for (int i = 0; i < indices.shape.rank(); ++i) {
    if (i != axis && indices.shape[i] > 1 && indices.strides[static_cast<std::size_t>(i)] != 0) {
      return false;
    }
  }
  return true;
}

// The slices of `many`, one a place, beside those of `few`, which the places choose among.
struct Slices {
  Collapsed loop;                    // a slice's elements; operand 0 of many, operand 1 of few
  std::vector<std::int64_t> chosen;  // offset in few for each slice of many
  std::int64_t step = 0;             // from one slice of many to the next
  bool axis_inside = false;          // neighbours along the axis are neighbours in memory

  Slices(const ConstView& many, const ConstView& few, const ConstView& indices, int axis) {
    const auto a = static_cast<std::size_t>(axis);
    Shape slice = many.shape;
    slice[axis] = 1;
    const std::array<Strides, 2> operands{many.strides, few.strides};
    loop = collapse(slice, operands);
    step = many.strides[a];
    axis_inside = step == 1 && loop.inner_stride(0) != 1;
    chosen = lookup_places(indices, axis, few.shape[axis]);
    for (std::int64_t& place : chosen) place *= few.strides[a];
  }
  std::int64_t count() const { return static_cast<std::int64_t>(chosen.size()); }
};

// Calls body(many, few, n) for runs of n elements of a slice: offsets of their first ones. Where
// `together`, all slices of a stretch of elements are met in order by one thread.
template <class Body>
void for_each_run(const Threads& threads, const Slices& s, bool together, Body&& body) {
  const std::int64_t piece = std::min(s.loop.inner(), kItemElements);
  const std::int64_t pieces = ceil_div(s.loop.inner(), piece);
  const std::int64_t rows = s.loop.rows() * pieces;
  const std::int64_t each = together ? s.count() : 1;
  for_ranges(threads, rows * (s.count() / each), piece * each,
             [&](std::int64_t first, std::int64_t last) {
               for (std::int64_t item = first; item < last; ++item) {
                 const std::int64_t row = item * each / s.count();
                 const std::int64_t begin = row % pieces * piece;
                 const std::int64_t n = std::min(piece, s.loop.inner() - begin);
                 const RowWalk walk(s.loop, 2, row / pieces);
                 const std::int64_t many = walk.offset(0) + begin * s.loop.inner_stride(0);
                 const std::int64_t few = walk.offset(1) + begin * s.loop.inner_stride(1);
                 const std::int64_t slice = together ? 0 : item % s.count();
                 for (std::int64_t i = slice; i < slice + each; ++i) {
                   body(many + i * s.step, few + s.chosen[static_cast<std::size_t>(i)], n);
                 }
               }
             });
}

template <class T>
void gather_slices(const Threads& threads, const Slices& s, const T* x, T* out) {
  const std::int64_t to = s.loop.inner_stride(0);
  const std::int64_t from = s.loop.inner_stride(1);
  if (s.axis_inside) {
    // Rows of single elements: along the axis, not across it.
    const std::int64_t elements = s.loop.rows() * s.loop.inner();
    for_ranges(threads, elements, s.count(), [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t e = first; e < last; ++e) {
        const RowWalk walk(s.loop, 2, e / s.loop.inner());
        T* target = out + walk.offset(0) + e % s.loop.inner() * to;
        const T* source = x + walk.offset(1) + e % s.loop.inner() * from;
        for (std::size_t i = 0; i < s.chosen.size(); ++i) target[i] = source[s.chosen[i]];
      }
    });
    return;
  }
  for_each_run(threads, s, false, [&](std::int64_t many, std::int64_t few, std::int64_t n) {
    if (to == 1 && from == 1) {
      std::memcpy(out + many, x + few, static_cast<std::size_t>(n) * sizeof(T));
      return;
    }
    for (std::int64_t j = 0; j < n; ++j) out[many + j * to] = x[few + j * from];
  });
}

}  // namespace

void cpu_gather(const Threads& threads, const ConstView& x, const ConstView& indices, int axis,
                const View& out) {
  if (!by_slices(indices, axis)) return lookup_gather(x, indices, axis, out);
  check_gather(x, indices, axis, out);
  if (out.shape.elements() == 0) return;
  const Slices slices(out, x, indices, axis);
  switch (size_of(x.dtype)) {
    case 1:
      return gather_slices(threads, slices, static_cast<const std::uint8_t*>(x.data),
                           static_cast<std::uint8_t*>(out.data));
    case 4:
      return gather_slices(threads, slices, static_cast<const std::uint32_t*>(x.data),
                           static_cast<std::uint32_t*>(out.data));
    default:
      return gather_slices(threads, slices, static_cast<const std::uint64_t*>(x.data),
                           static_cast<std::uint64_t*>(out.data));
  }
}

void cpu_scatter_add(const Threads& threads, const ConstView& x, const ConstView& indices, int axis,
                     const View& out) {
  if (!by_slices(indices, axis) || x.dtype != DType::f32) {
    return lookup_scatter_add(x, indices, axis, out);
  }
  check_gather(out, indices, axis, x);
  if (x.shape.elements() == 0) return;
  const Slices slices(x, out, indices, axis);
  const auto* from = x.as<float>();
  auto* to = out.as<float>();
  const std::int64_t from_step = slices.loop.inner_stride(0);
  const std::int64_t to_step = slices.loop.inner_stride(1);
  // Several slices may be added to one: in their order, by one thread.
  for_each_run(threads, slices, true, [&](std::int64_t many, std::int64_t few, std::int64_t n) {
    for (std::int64_t j = 0; j < n; ++j) to[few + j * to_step] += from[many + j * from_step];
  });
}

}  // namespace striate
