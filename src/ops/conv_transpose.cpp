#include <algorithm>
#include <limits>

#include <fmt/ranges.h>

#include "ops/convolution.h"
#include "ops/operands.h"
#include "ops/views.h"

namespace striate {
namespace {

// Transposed convolution: the gradient in the data of the convolution whose output is X and whose
// input is Y. Kernels C,M / group,R,S are that convolution's O,I,R,S.
class ConvTranspose final : public Operator {
 public:
  struct Fields {
    SpatialFields spatial;
    std::int64_t group = 1;
    std::vector<std::int64_t> output_padding, output_shape;
    STRIATE_FIELDS(spatial.fields(visit); visit("group", group, "independent sets of channels");
                   visit("output_padding", output_padding, "added to the output's end");
                   visit("output_shape", output_shape, "the output's size, instead of pads");)
  };
  explicit ConvTranspose(Fields fields) : fields_(std::move(fields)) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const ValueInfo& x = required_float(inputs, 0, "X");
    const ValueInfo& w = required_float(inputs, 1, "W");
    expect_map(x.shape);
    if (w.shape.rank() != x.shape.rank() || w.dtype != x.dtype) {
      fail<ModelError>("expected weights {} of rank {} for input {}, got {} {}", name_of(x.dtype),
                       x.shape.rank(), x.shape.str(), name_of(w.dtype), w.shape.str());
    }
    if (x.shape[1] != w.shape[0] || fields_.group < 1 || w.shape[0] % fields_.group != 0) {
      fail<ModelError>("expected an input of {} channels (weights {}) in {} groups, got {}",
                       w.shape[0], w.shape.str(), fields_.group, x.shape.str());
    }
    const std::vector<std::int64_t>& kernel = fields_.spatial.kernel_shape;
    if (!kernel.empty() &&
        !std::equal(kernel.begin(), kernel.end(), w.shape.begin() + 2, w.shape.end())) {
      fail<ModelError>("expected weights of kernel_shape {}, got {}", Shape(kernel).str(),
                       w.shape.str());
    }
    const ConvGeometry g = geometry(x.shape, w.shape);
    if (present(inputs, 2)) expect(inputs[2], x.dtype, {g.c}, "a bias");
    const Shape out = x.shape.rank() == 3 ? Shape{g.n, g.c, g.w} : Shape{g.n, g.c, g.h, g.w};
    return {{.dtype = x.dtype, .shape = out}};
  }

  Cost cost(std::span<const ValueInfo> inputs, std::span<const ValueInfo> outputs) const override {
    Shape work = inputs[0].shape;  // every input element is spread by one kernel
    const Shape& w = inputs[1].shape;
    if (w[0] > 0) work.push_back(w.elements() / w[0]);
    const std::int64_t macs = work.elements();
    return {.macs = macs,
            .padding = macs - products_inside(geometry(inputs[0].shape, w)),
            .bias = present(inputs, 2) ? outputs[0].shape.elements() : 0};
  }

  Window window(std::span<const ValueInfo> inputs) const override {
    const Spatial axes = resolved(inputs[0].shape, inputs[1].shape);
    return {.h = axes.h.window(),
            .w = axes.w.window(),
            .kind = Window::Kind::transposed,
            .named = true};
  }

  Traits traits(const Device& device, std::span<const ValueInfo> inputs,
                std::span<const ValueInfo>) const override {
    const ConvGeometry g = geometry(inputs[0].shape, inputs[1].shape);
    Traits traits;
    traits.layout = Traits::Needs::channels_last;
    traits.row_major_inputs = {1};
    traits.backward_reads_inputs = true;
    traits.forward_scratch = device.conv_scratch(g, ConvPass::backward_data);
    // What is to be added to lies in scratch memory.
    traits.backward_scratch = scratch_bytes(inputs[0].dtype, inputs[0].shape) +
                              std::max(device.conv_scratch(g, ConvPass::forward),
                                       device.conv_scratch(g, ConvPass::backward_weights));
    return traits;
  }

  void forward(const ForwardArgs& args) const override {
    const ConvGeometry g = geometry(args.inputs[0].shape, args.inputs[1].shape);
    const View y = as_map(args.outputs[0]);
    args.device.conv_backward_data(g, as_map(args.inputs[0]), as_kernel(args.inputs[1]), y, false,
                                   args.scratch);
    if (const ConstView bias = at(args.inputs, 2)) {
      apply(args.device, Function::add, {y, broadcast(along_channels(bias, 4), y.shape)}, y);
    }
  }

  void backward(const BackwardArgs& args) const override {
    const ConstView x = as_map(args.inputs[0]);
    const ConstView dy = as_map(args.output_gradients[0]);
    const ConvGeometry g = geometry(args.inputs[0].shape, args.inputs[1].shape);
    if (const InputGradient dx = at(args.input_gradients, 0); dx.view) {
      const View to = as_map(dx.view);
      Scratch scratch(args.scratch);
      View before;
      if (dx.accumulate) {
        before = scratch_view(scratch, to.dtype, to.shape);
        before.strides = dense_strides(to.shape, Layout::channels_last);
        args.device.copy(to, before);
      }
      args.device.conv_forward(g, dy, as_kernel(args.inputs[1]), {.residual = before}, to,
                               scratch.rest());
    }
    if (const InputGradient dw = at(args.input_gradients, 1); dw.view) {
      args.device.conv_backward_weights(g, dy, x, as_kernel(dw.view), dw.accumulate, args.scratch);
    }
    if (const InputGradient db = at(args.input_gradients, 2); db.view) {
      args.device.reduce_sum(dy, along_channels(db.view, 4), 1.0, db.accumulate);
    }
  }

 private:
  // One axis's attribute, checked.
  std::int64_t value(const std::vector<std::int64_t>& list, const char* name, std::size_t count,
                     std::size_t i, std::int64_t fallback, std::int64_t least) const {
    if (list.empty()) return fallback;
    if (list.size() != count || list[i] < least ||
        list[i] > std::numeric_limits<std::int32_t>::max()) {
      fail<ModelError>("{}: expected {} numbers of at least {}, got [{}]", name, count, least,
                       fmt::join(list, ", "));
    }
    return list[i];
  }

  // `in` is Y's size and `out` X's: the axis of the convolution that is transposed.
  SpatialAxis axis(std::int64_t size, std::int64_t kernel, std::size_t axes, std::size_t i) const {
    const SpatialFields& f = fields_.spatial;
    SpatialAxis axis;
    axis.out = size;
    axis.kernel = kernel;
    axis.stride = value(f.strides, "strides", axes, i, 1, 1);
    axis.dilation = value(f.dilations, "dilations", axes, i, 1, 1);
    const std::int64_t added = value(fields_.output_padding, "output_padding", axes, i, 0, 0);
    if (size < 1 || size > std::numeric_limits<std::int32_t>::max()) {
      fail<ModelError>("expected at least one pixel, got {}", size);
    }
    const std::int64_t whole = (size - 1) * axis.stride + axis.extent() + added;
    const bool upper = f.auto_pad == "SAME_UPPER";
    const bool same = upper || f.auto_pad == "SAME_LOWER";
    const bool valid = f.auto_pad == "VALID";
    if (!same && !valid && f.auto_pad != "NOTSET" && !f.auto_pad.empty()) {
      fail<ModelError>("auto_pad: expected NOTSET, SAME_UPPER, SAME_LOWER or VALID, got {}",
                       f.auto_pad);
    }
    std::int64_t wanted = 0;
    if (!fields_.output_shape.empty()) {
      // Some files give the batch and the channels as well.
      std::vector<std::int64_t> shape = fields_.output_shape;
      if (shape.size() == axes + 2) shape.erase(shape.begin(), shape.begin() + 2);
      wanted = value(shape, "output_shape", axes, i, 0, 1);
    } else if (same) {
      wanted = size * axis.stride;
    }
    if (wanted > 0) {
      const std::int64_t padding = std::max<std::int64_t>(whole - wanted, 0);
      axis.pad_begin = upper ? padding / 2 : padding - padding / 2;
      axis.pad_end = padding - axis.pad_begin;
      axis.in = wanted;
    } else {
      axis.pad_begin = valid ? 0 : value(f.pads, "pads", 2 * axes, i, 0, 0);
      axis.pad_end = valid ? 0 : value(f.pads, "pads", 2 * axes, i + axes, 0, 0);
      axis.in = whole - axis.pad_begin - axis.pad_end;
    }
    if (axis.in < 1) {
      fail<OutOfPixels>("an output of {} pixels is left by padding {} and {}", axis.in,
                        axis.pad_begin, axis.pad_end);
    }
    return axis;
  }

  Spatial resolved(const Shape& x, const Shape& w) const {
    const std::size_t axes = static_cast<std::size_t>(x.rank()) - 2;
    return {.h = axes == 2 ? axis(x[2], w[2], axes, 0) : SpatialAxis{},
            .w = axis(x.back(), w.back(), axes, axes - 1)};
  }

  ConvGeometry geometry(const Shape& x, const Shape& w) const {
    const auto [h, v] = resolved(x, w);
    return {.n = x[0],
            .c = w[1] * fields_.group,
            .h = h.in,
            .w = v.in,
            .o = x[1],
            .oh = h.out,
            .ow = v.out,
            .r = h.kernel,
            .s = v.kernel,
            .stride_h = h.stride,
            .stride_w = v.stride,
            .dilation_h = h.dilation,
            .dilation_w = v.dilation,
            .pad_top = h.pad_begin,
            .pad_left = v.pad_begin,
            .groups = fields_.group};
  }

  Fields fields_;
};

}  // namespace

void register_op_conv_transpose(OperatorRegistry& registry) {
  registry.add({.name = "ConvTranspose",
                .doc = "Transposed convolution along one or two axes, in groups.",
                .min_inputs = 2,
                .max_inputs = 3,
                .make = make_operator<ConvTranspose>});
}

}  // namespace striate
