#include "ops/operands.h"
#include "ops/spatial.h"
#include "ops/views.h"

namespace striate {
namespace {

// Y = X * W + B, kernels O,I,R,S (1-D: O,I,S), one set of C / group input channels for each group.
class Conv final : public Operator {
 public:
  struct Fields {
    SpatialFields spatial;
    std::int64_t group = 1;
    STRIATE_FIELDS(spatial.fields(visit); visit("group", group, "independent sets of channels");)
  };
  explicit Conv(Fields fields) : fields_(std::move(fields)) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const ValueInfo& x = required_float(inputs, 0, "X");
    const ValueInfo& w = required_float(inputs, 1, "W");
    if (x.shape.rank() != 3 && x.shape.rank() != 4) {
      fail<ModelError>("expected an input N,C,W or N,C,H,W, got {}", x.shape.str());
    }
    if (w.shape.rank() != x.shape.rank() || w.dtype != x.dtype) {
      fail<ModelError>("expected weights {} of rank {} for input {}, got {} {}", name_of(x.dtype),
                       x.shape.rank(), x.shape.str(), name_of(w.dtype), w.shape.str());
    }
    if (fields_.group < 1 || w.shape[0] < 1 || w.shape[0] % fields_.group != 0) {
      fail<ModelError>("expected a group that divides the {} output channels, got {}", w.shape[0],
                       fields_.group);
    }
    // Compared by division: a product of two numbers from a file could overflow.
    if (x.shape[1] % fields_.group != 0 || x.shape[1] / fields_.group != w.shape[1]) {
      const std::string groups =
          fields_.group == 1 ? "" : fmt::format(" x {} groups", fields_.group);
      fail<ModelError>("expected an input of {}{} channels (weights {}), got {}", w.shape[1],
                       groups, w.shape.str(), x.shape.str());
    }
    const std::vector<std::int64_t>& kernel = fields_.spatial.kernel_shape;
    if (!kernel.empty() &&
        !std::equal(kernel.begin(), kernel.end(), w.shape.begin() + 2, w.shape.end())) {
      fail<ModelError>("expected weights of kernel_shape {}, got {}", Shape(kernel).str(),
                       w.shape.str());
    }
    if (present(inputs, 2)) expect(inputs[2], x.dtype, {w.shape[0]}, "a bias");
    return {
        {.dtype = x.dtype, .shape = output_shape(x.shape, w.shape[0], spatial(x.shape, w.shape))}};
  }

  Cost cost(std::span<const ValueInfo> inputs, std::span<const ValueInfo> outputs) const override {
    Shape work = outputs[0].shape;  // every output element sums over one kernel
    work.push_back(inputs[1].shape.elements() / inputs[1].shape[0]);
    return {.macs = work.elements()};
  }

  Window window(std::span<const ValueInfo> inputs) const override {
    return spatial(inputs[0].shape, inputs[1].shape).window();
  }

  Traits traits(const Device& device, std::span<const ValueInfo> inputs,
                std::span<const ValueInfo>) const override {
    const ConvGeometry g = geometry(inputs[0].shape, inputs[1].shape);
    Traits traits;
    traits.layout = Traits::Needs::channels_last;
    traits.row_major_inputs = {1};
    traits.backward_reads_inputs = true;
    traits.forward_scratch = device.conv_scratch(g, ConvPass::forward);
    traits.backward_scratch = std::max(device.conv_scratch(g, ConvPass::backward_data),
                                       device.conv_scratch(g, ConvPass::backward_weights));
    return traits;
  }

  void forward(const ForwardArgs& args) const override {
    const ConvGeometry g = geometry(args.inputs[0].shape, args.inputs[1].shape);
    args.device.conv_forward(g, as_map(args.inputs[0]), as_kernel(args.inputs[1]),
                             {.out = {.shift = at(args.inputs, 2)}}, as_map(args.outputs[0]),
                             args.scratch);
  }

  void backward(const BackwardArgs& args) const override {
    const ConstView& x = args.inputs[0];
    const ConstView& w = args.inputs[1];
    const ConstView dy = as_map(args.output_gradients[0]);
    const ConvGeometry g = geometry(x.shape, w.shape);
    if (const InputGradient dx = at(args.input_gradients, 0); dx.view) {
      args.device.conv_backward_data(g, dy, as_kernel(w), as_map(dx.view), dx.accumulate,
                                     args.scratch);
    }
    if (const InputGradient dw = at(args.input_gradients, 1); dw.view) {
      args.device.conv_backward_weights(g, as_map(x), dy, as_kernel(dw.view), dw.accumulate,
                                        args.scratch);
    }
    if (const InputGradient db = at(args.input_gradients, 2); db.view) {
      args.device.reduce_sum(dy, along_channels(db.view, 4), 1.0, db.accumulate);
    }
  }

 private:
  Spatial spatial(const Shape& x, const Shape& w) const {
    return resolve(fields_.spatial, x, {w.begin() + 2, w.end()});
  }

  ConvGeometry geometry(const Shape& x, const Shape& w) const {
    const auto [h, v] = spatial(x, w);
    return {.n = x[0],
            .c = x[1],
            .h = h.in,
            .w = v.in,
            .o = w[0],
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

void register_op_conv(OperatorRegistry& registry) {
  registry.add({.name = "Conv",
                .doc = "Convolution (cross-correlation) along one or two axes, in groups.",
                .min_inputs = 2,
                .max_inputs = 3,
                .make = make_operator<Conv>});
}

}  // namespace striate
