#pragma once

#include "striate/device/device.h"

namespace striate {

/// What every device demands of the operands of a primitive. A breach is a fault of the operator
/// that called, so each throws BugError with one line: which primitive, which operand, expected,
/// got.

void require_shape(const ConstView& view, const Shape& shape, const char* what);
void require_same(const ConstView& a, const ConstView& b, const char* what);
void require_dtype(const ConstView& view, DType dtype, const char* what);

void check_conv(const ConvGeometry& g, const ConstView& x, const ConstView& w, const ConstView& y);
void check_conv_fusion(const ConvGeometry& g, const ConvFusion& fusion, const ConstView& y);
void check_matmul(const ConstView& a, const ConstView& b, const ConstView& bias,
                  const ConstView& c);
/// x and y (or dx and dy), and the indices where present.
void check_pool(const PoolGeometry& g, const ConstView& x, const ConstView& y,
                const ConstView& indices);
/// x and y (or dx and dy), and the indices where present.
void check_regions(const RegionGeometry& g, const Regions& regions, const ConstView& x,
                   const ConstView& y, const ConstView& indices);
/// The map that region r lies in. Throws InputError where it is not in [0, g.n).
std::int64_t image_of(const RegionGeometry& g, const Regions& regions, std::int64_t r);
void check_elementwise(Function f, std::span<const ConstView> inputs, const ConstView& out,
                       std::span<const double> parameters);
void check_reduce(const ConstView& x, const ConstView& out);
void check_copy(const ConstView& x, const ConstView& out, bool accumulate);
void check_dropout(const ConstView& x, const ConstView& out, const ConstView& mask);
/// `vector` is a [C] operand of a primitive over axis 1 of x.
void check_channels(const ConstView& x, const ConstView& vector, const char* what);
void check_batch_norm(const ConstView& x, const Device::BatchNorm& norm);
/// labels and per_label (loss or its gradient) have the shape of x without axis 1.
void check_nll(const ConstView& x, const ConstView& labels, const ConstView& weight,
               const ConstView& per_label);
[[noreturn]] void fail_label(std::int64_t label, std::int64_t position, std::int64_t classes);
void check_optimizer(const OptimizerStep& rule, const ConstView& parameter,
                     const ConstView& gradient, std::span<const View> state);
/// Both throw InputError for a length of a sequence that is below 0 or above the steps.
void check_recurrent(const RecurrentGeometry& g, const RecurrentInputs& in,
                     const RecurrentOutputs& out);
void check_recurrent(const RecurrentGeometry& g, const RecurrentInputs& in,
                     const RecurrentGradients& gradients);

}  // namespace striate
