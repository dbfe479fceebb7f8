#include "ops/pool.h"

#include <limits>

#include "ops/operands.h"

namespace striate {

Spatial PoolFields::spatial(const Shape& input) const {
  return resolve(window, input, window.kernel_shape, ceil_mode);
}

std::vector<ValueInfo> PoolFields::infer(std::span<const ValueInfo> inputs) const {
  const ValueInfo& x = required_float(inputs, 0, "X");
  const Spatial s = spatial(x.shape);
  // A window that lies in the padding alone has neither a maximum nor a mean.
  for (const SpatialAxis& axis : {s.h, s.w}) {
    if (axis.pad_begin >= axis.extent() || axis.pad_end >= axis.extent()) {
      fail<ModelError>("expected padding smaller than the window of {}, got {} and {}",
                       axis.extent(), axis.pad_begin, axis.pad_end);
    }
  }
  if (s.h.kernel * s.w.kernel > std::numeric_limits<std::int32_t>::max()) {
    fail<ModelError>("a window of {}x{} has more taps than can be counted", s.h.kernel, s.w.kernel);
  }
  return {{.dtype = x.dtype, .shape = output_shape(x.shape, x.shape[1], s)}};
}

}  // namespace striate
