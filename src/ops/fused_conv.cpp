#include "ops/fused_conv.h"

#include <array>

#include "ops/operands.h"
#include "ops/views.h"

namespace striate {
namespace {

class FusedConv final : public Operator {
 public:
  using Fields = FusedConvolution;
  explicit FusedConv(Fields fields) : fields_(std::move(fields)) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    ValueInfo y = fields_.conv.infer(inputs.first(std::min<std::size_t>(inputs.size(), 3)));
    if (present(inputs, Fields::kResidual)) {
      expect(inputs[Fields::kResidual], y.dtype, y.shape, "a residual");
    }
    expect_norm(inputs, Fields::kIn, y.dtype, inputs[0].shape[1]);
    expect_norm(inputs, Fields::kOut, y.dtype, y.shape[1]);
    return {std::move(y)};
  }

  Cost cost(std::span<const ValueInfo> inputs, std::span<const ValueInfo> outputs) const override {
    return fields_.conv.cost(inputs, outputs[0]);
  }

  Window window(std::span<const ValueInfo> inputs) const override {
    return fields_.conv.window(inputs);
  }

  Traits traits(const Device& device, std::span<const ValueInfo> inputs,
                std::span<const ValueInfo> outputs) const override {
    const ValueInfo& x = inputs[0];
    Traits traits;
    traits.layout = Traits::Needs::channels_last;
    traits.row_major_inputs = {1};
    // Scale and shift of either norm, and zeros to make them from.
    const std::int64_t widest = std::max(x.shape[1], outputs[0].shape[1]);
    traits.forward_scratch =
        6 * scratch_bytes(x.dtype, {widest}) +
        device.conv_scratch(fields_.conv.geometry(x.shape, inputs[1].shape), ConvPass::forward);
    return traits;
  }

  void forward(const ForwardArgs& args) const override {
    const ConstView& x = args.inputs[0];
    const ConstView& w = args.inputs[1];
    const Device& device = args.device;
    Scratch scratch(args.scratch);
    ConvFusion fusion;
    fusion.residual = as_map(at(args.inputs, Fields::kResidual));
    fusion.in = folded(device, args.inputs, Fields::kIn, fields_.in_epsilon, {}, scratch);
    fusion.in.slope = fields_.in_slope;
    fusion.out =
        folded(device, args.inputs, Fields::kOut, fields_.epsilon, at(args.inputs, 2), scratch);
    fusion.out.slope = fields_.slope;
    device.conv_forward(fields_.conv.geometry(x.shape, w.shape), as_map(x), as_kernel(w), fusion,
                        as_map(args.outputs[0]), scratch.rest());
  }

  void backward(const BackwardArgs&) const override {
    fail<BugError>("FusedConv: there is no backward pass");
  }

 private:
  static void expect_norm(std::span<const ValueInfo> inputs, std::size_t first, DType dtype,
                          std::int64_t channels) {
    if (!present(inputs, first)) return;
    static constexpr std::array<const char*, 4> kNames{"scale", "B", "mean", "variance"};
    for (std::size_t i = 0; i < 4; ++i) {
      expect(required(inputs, first + i, kNames[i]), dtype, {channels}, kNames[i]);
    }
  }

  // The norm of `added` and what comes to it, as scale and shift: what it makes of one about zero,
  // and of `added`.
  static ChannelMap folded(const Device& device, std::span<const ConstView> inputs,
                           std::size_t first, double epsilon, const ConstView& added,
                           Scratch& scratch) {
    const ConstView gamma = at(inputs, first);
    if (!gamma) return {.shift = added};
    const ConstView &beta = inputs[first + 1], &mean = inputs[first + 2],
                    &variance = inputs[first + 3];
    const auto vector = [&] { return scratch_view(scratch, gamma.dtype, gamma.shape); };
    const View scale = vector();
    const View shift = vector();
    const View zero = vector();
    device.fill(zero, 0.0);
    device.fill(scale, 1.0);
    device.batch_norm_apply(aligned(added ? added : zero, 2),
                            {mean, variance, gamma, beta, epsilon}, aligned(shift, 2));
    device.batch_norm_apply(aligned(scale, 2), {zero, variance, gamma, zero, epsilon},
                            aligned(scale, 2));
    return {.scale = scale, .shift = shift};
  }

  Fields fields_;
};

}  // namespace

void register_op_fused_conv(OperatorRegistry& registry) {
  registry.add({.name = "FusedConv",
                .doc = "A convolution with the batch norms, residual and activations around it, as "
                       "inference plans make it (domain striate).",
                .min_inputs = 2,
                .max_inputs = static_cast<int>(FusedConvolution::kInputs),
                .differentiable = false,
                .make = make_operator<FusedConv>});
}

}  // namespace striate
