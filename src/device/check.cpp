#include "device/check.h"

#include <algorithm>

namespace striate {
namespace {

Shape without_axis_1(const Shape& shape) {
  Shape result;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (axis != 1) result.push_back(shape[axis]);
  }
  return result;
}

}  // namespace

void require_shape(const ConstView& view, const Shape& shape, const char* what) {
  if (view.shape == shape) return;
  fail<BugError>("device: {}: expected shape {}, got {}", what, shape.str(), view.shape.str());
}

void require_dtype(const ConstView& view, DType dtype, const char* what) {
  if (view.dtype == dtype) return;
  fail<BugError>("device: {}: expected {}, got {}", what, name_of(dtype), name_of(view.dtype));
}

void require_same(const ConstView& a, const ConstView& b, const char* what) {
  require_shape(a, b.shape, what);
  require_dtype(a, b.dtype, what);
}

void check_conv(const ConvGeometry& g, const ConstView& x, const ConstView& w, const ConstView& y) {
  invariant(g.groups > 0 && g.c % g.groups == 0 && g.o % g.groups == 0,
            "convolution: the groups do not divide the channels");
  invariant(g.stride_h > 0 && g.stride_w > 0 && g.dilation_h > 0 && g.dilation_w > 0,
            "convolution: strides and dilations are at least 1");
  require_shape(x, {g.n, g.c, g.h, g.w}, "convolution input");
  require_shape(y, {g.n, g.o, g.oh, g.ow}, "convolution output");
  require_shape(w, {g.o, g.c / g.groups, g.r, g.s}, "convolution weights");
  require_dtype(w, x.dtype, "convolution weights");
  require_dtype(y, x.dtype, "convolution output");
}

void check_conv_fusion(const ConvGeometry& g, const ConvFusion& fusion, const ConstView& y) {
  const auto check_vector = [&](const ConstView& vector, std::int64_t channels, const char* what) {
    if (!vector) return;
    require_shape(vector, {channels}, what);
    require_dtype(vector, y.dtype, what);
  };
  check_vector(fusion.in.scale, g.c, "convolution input scale");
  check_vector(fusion.in.shift, g.c, "convolution input shift");
  check_vector(fusion.out.scale, g.o, "convolution scale");
  check_vector(fusion.out.shift, g.o, "convolution bias");
  if (fusion.residual) require_same(fusion.residual, y, "convolution residual");
}

void check_matmul(const ConstView& a, const ConstView& b, const ConstView& bias,
                  const ConstView& c) {
  invariant(a.shape.rank() == 2 && b.shape.rank() == 2, "matmul: the operands have rank 2");
  require_shape(b, {a.shape[1], b.shape[1]}, "matmul right operand");
  require_shape(c, {a.shape[0], b.shape[1]}, "matmul result");
  require_dtype(b, a.dtype, "matmul right operand");
  require_dtype(c, a.dtype, "matmul result");
  if (bias) {
    require_shape(bias, {b.shape[1]}, "matmul bias");
    require_dtype(bias, a.dtype, "matmul bias");
  }
}

void check_pool(const PoolGeometry& g, const ConstView& x, const ConstView& y,
                const ConstView& indices) {
  invariant(g.stride_h > 0 && g.stride_w > 0 && g.dilation_h > 0 && g.dilation_w > 0,
            "pooling: strides and dilations are at least 1");
  require_shape(x, {g.n, g.c, g.h, g.w}, "pooling input");
  require_shape(y, {g.n, g.c, g.oh, g.ow}, "pooling output");
  require_dtype(y, x.dtype, "pooling output");
  if (indices) {
    require_shape(indices, {g.n, g.c, g.oh, g.ow}, "pooling indices");
    require_dtype(indices, DType::i32, "pooling indices");
  }
}

void check_regions(const RegionGeometry& g, const Regions& regions, const ConstView& x,
                   const ConstView& y, const ConstView& indices) {
  require_shape(x, {g.n, g.c, g.h, g.w}, "region pooling input");
  require_shape(y, {g.regions, g.c, g.oh, g.ow}, "region pooling output");
  require_shape(regions.boxes, {g.regions, 4}, "boxes");
  require_shape(regions.images, {g.regions}, "images of the boxes");
  require_dtype(y, x.dtype, "region pooling output");
  require_dtype(regions.boxes, x.dtype, "boxes");
  if (regions.images.dtype != DType::i64) {
    require_dtype(regions.images, x.dtype, "images of the boxes");
  }
  if (indices) {
    require_shape(indices, {g.regions, g.c, g.oh, g.ow}, "region pooling indices");
    require_dtype(indices, DType::i32, "region pooling indices");
  }
}

std::int64_t image_of(const RegionGeometry& g, const Regions& regions, std::int64_t r) {
  const ConstView& images = regions.images;
  const std::int64_t at = r * images.stride(0);
  double image = 0;
  if (images.dtype == DType::i64) {
    image = static_cast<double>(images.as<std::int64_t>()[at]);
  } else if (images.dtype == DType::f32) {
    image = static_cast<double>(images.as<float>()[at]);
  } else {
    image = images.as<double>()[at];
  }
  if (image >= 0 && image < static_cast<double>(g.n)) return static_cast<std::int64_t>(image);
  fail<InputError>("region {}: expected an image in [0, {}), got {}", r, g.n, image);
}

void check_elementwise(Function f, std::span<const ConstView> inputs, const ConstView& out,
                       std::span<const double> parameters) {
  const FunctionRow& row = kFunctions[static_cast<std::size_t>(f)];
  if (static_cast<int>(inputs.size()) != row.inputs ||
      static_cast<int>(parameters.size()) != row.parameters) {
    fail<BugError>("device: elementwise {}: expected {} inputs and {} parameters, got {} and {}",
                   row.name, row.inputs, row.parameters, inputs.size(), parameters.size());
  }
  for (const ConstView& input : inputs) require_same(input, out, row.name);
}

void check_reduce(const ConstView& x, const ConstView& out) {
  require_dtype(out, x.dtype, "reduce_sum result");
  bool fits = out.shape.rank() == x.shape.rank();
  for (int axis = 0; fits && axis < x.shape.rank(); ++axis) {
    fits = out.shape[axis] == 1 || out.shape[axis] == x.shape[axis];
  }
  if (!fits) {
    fail<BugError>("device: reduce_sum: {} cannot be reduced to {}", x.shape.str(),
                   out.shape.str());
  }
}

void check_copy(const ConstView& x, const ConstView& out, bool accumulate) {
  require_shape(x, out.shape, "copy");
  if (!is_float(x.dtype) || !is_float(out.dtype)) require_dtype(x, out.dtype, "copy");
  invariant(!accumulate || out.dtype != DType::boolean, "copy: truth values do not accumulate");
}

void check_dropout(const ConstView& x, const ConstView& out, const ConstView& mask) {
  require_same(x, out, "dropout");
  if (mask) {
    require_shape(mask, out.shape, "dropout mask");
    require_dtype(mask, DType::boolean, "dropout mask");
  }
}

void check_channels(const ConstView& x, const ConstView& vector, const char* what) {
  invariant(x.shape.rank() >= 2, "an operand has no channel axis");
  require_shape(vector, {x.shape[1]}, what);
  require_dtype(vector, x.dtype, what);
}

void check_batch_norm(const ConstView& x, const Device::BatchNorm& norm) {
  check_channels(x, norm.mean, "batch norm mean");
  check_channels(x, norm.variance, "batch norm variance");
  check_channels(x, norm.scale, "batch norm scale");
  if (norm.bias || norm.slope != 1) check_channels(x, norm.bias, "batch norm bias");
}

void check_nll(const ConstView& x, const ConstView& labels, const ConstView& weight,
               const ConstView& per_label) {
  invariant(x.shape.rank() >= 2, "nll: the log probabilities have no channel axis");
  const Shape shape = without_axis_1(x.shape);
  require_shape(labels, shape, "nll labels");
  require_dtype(labels, DType::i64, "nll labels");
  require_shape(per_label, shape, "nll loss");
  require_dtype(per_label, x.dtype, "nll loss");
  if (weight) check_channels(x, weight, "nll weight");
}

void fail_label(std::int64_t label, std::int64_t position, std::int64_t classes) {
  fail<InputError>("label {} at position {}: expected a class in [0, {})", label, position,
                   classes);
}

void check_optimizer(const OptimizerStep& rule, const ConstView& parameter,
                     const ConstView& gradient, std::span<const View> state) {
  require_same(gradient, parameter, "optimizer gradient");
  const int expected = optimizer_state_count(rule);
  if (static_cast<int>(state.size()) != expected) {
    fail<BugError>("device: optimizer_step: expected {} state tensors, got {}", expected,
                   state.size());
  }
  for (const View& tensor : state) require_same(tensor, parameter, "optimizer state");
}

namespace {

// What both passes are given.
void check_recurrent_inputs(const RecurrentGeometry& g, const RecurrentInputs& in) {
  require_shape(in.x, {g.steps, g.batch, g.inputs}, "recurrent input");
  invariant(in.x.is_dense(), "recurrent: the input is not dense");
  const auto states = [&](const ConstView& view) {
    if (!view) return;
    require_shape(view, {g.batch, g.hidden}, "recurrent state");
    require_dtype(view, in.x.dtype, "recurrent state");
  };
  states(in.h);
  states(in.c);
  for (std::size_t gate = 0; gate < static_cast<std::size_t>(g.gates()); ++gate) {
    require_shape(in.weights.w[gate], {g.hidden, g.inputs}, "recurrent input weights");
    require_shape(in.weights.r[gate], {g.hidden, g.hidden}, "recurrent weights");
    require_dtype(in.weights.w[gate], in.x.dtype, "recurrent input weights");
    require_dtype(in.weights.r[gate], in.x.dtype, "recurrent weights");
    for (const ConstView& bias : {in.weights.input_bias[gate], in.weights.recurrent_bias[gate]}) {
      if (!bias) continue;
      require_shape(bias, {g.hidden}, "recurrent bias");
      require_dtype(bias, in.x.dtype, "recurrent bias");
    }
  }
  for (const ConstView& peephole : in.weights.peephole) {
    if (!peephole) continue;
    require_shape(peephole, {g.hidden}, "recurrent peepholes");
    require_dtype(peephole, in.x.dtype, "recurrent peepholes");
  }
  if (!in.lengths) return;
  require_shape(in.lengths, {g.batch}, "recurrent lengths");
  for (std::int64_t n = 0; n < g.batch; ++n) {
    const std::int64_t length = in.lengths.as<std::int32_t>()[n * in.lengths.stride(0)];
    if (length >= 0 && length <= g.steps) continue;
    fail<InputError>("sequence {}: expected a length of 0 to {} steps, got {}", n, g.steps, length);
  }
}

void check_kept(const RecurrentGeometry& g, const ConstView& kept, const ConstView& cells) {
  if (g.kept() > 0) {
    require_shape(kept, {g.steps, g.batch, g.kept() * g.hidden}, "recurrent kept values");
  }
  if (g.cell == RecurrentGeometry::Cell::lstm) {
    require_shape(cells, {g.steps, g.batch, g.hidden}, "recurrent cells");
  }
}

}  // namespace

void check_recurrent(const RecurrentGeometry& g, const RecurrentInputs& in,
                     const RecurrentOutputs& out) {
  check_recurrent_inputs(g, in);
  require_shape(out.y, {g.steps, g.batch, g.hidden}, "recurrent output");
  require_dtype(out.y, in.x.dtype, "recurrent output");
  if (out.kept || out.cells) check_kept(g, out.kept, out.cells);
}

void check_recurrent(const RecurrentGeometry& g, const RecurrentInputs& in,
                     const RecurrentGradients& gradients) {
  check_recurrent_inputs(g, in);
  require_shape(gradients.y, {g.steps, g.batch, g.hidden}, "recurrent output");
  check_kept(g, gradients.kept, gradients.cells);
}

}  // namespace striate
