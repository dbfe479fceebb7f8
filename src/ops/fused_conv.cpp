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
    const ConvGeometry g = fields_.conv.geometry(x.shape, inputs[1].shape);
    const std::size_t norms = norm_bytes(x.dtype, x.shape, outputs[0].shape);
    traits.forward_scratch = norms + device.conv_scratch(g, ConvPass::forward);
    traits.prepared = norms + device.conv_prepared(g);
    if (device.conv_prepared(g) > 0) traits.prepared_from.push_back(1);
    if (present(inputs, Fields::kOut)) traits.prepared_from.push_back(2);
    for (std::size_t i = Fields::kIn; i < Fields::kInputs; ++i) {
      traits.prepared_from.push_back(static_cast<int>(i));
    }
    return traits;
  }

  void prepare(const PrepareArgs& args) const override {
    Scratch memory(args.prepared);
    fusion(args.device, args.inputs, memory, true);
    args.device.conv_prepare(fields_.conv.geometry(args.inputs[0].shape, args.inputs[1].shape),
                             as_kernel(args.inputs[1]), memory.rest());
  }

  void forward(const ForwardArgs& args) const override {
    const ConstView& x = args.inputs[0];
    const ConstView& w = args.inputs[1];
    const bool prepared = !args.prepared.empty();
    // What is prepared is only read.
    Scratch norms(
        prepared ? std::span(const_cast<std::byte*>(args.prepared.data()), args.prepared.size())
                 : args.scratch);
    const ConvFusion fused = fusion(args.device, args.inputs, norms, !prepared);
    const std::span<std::byte> rest = norms.rest();
    args.device.conv_forward(
        fields_.conv.geometry(x.shape, w.shape), as_map(x), as_kernel(w), fused,
        as_map(args.outputs[0]), prepared ? args.scratch : rest,
        prepared ? std::span<const std::byte>(rest) : std::span<const std::byte>());
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

  // Scale and shift of either norm, and zeros to make them from.
  static std::size_t norm_bytes(DType dtype, const Shape& x, const Shape& y) {
    return 6 * scratch_bytes(dtype, {std::max(x[1], y[1])});
  }

  // `make`: whether the norms' scales and shifts are still to be made in `memory`, or lie there.
  ConvFusion fusion(const Device& device, std::span<const ConstView> inputs, Scratch& memory,
                    bool make) const {
    ConvFusion fusion;
    fusion.residual = as_map(at(inputs, Fields::kResidual));
    fusion.in = folded(device, inputs, Fields::kIn, fields_.in_epsilon, {}, memory, make);
    fusion.in.slope = fields_.in_slope;
    fusion.out = folded(device, inputs, Fields::kOut, fields_.epsilon, at(inputs, 2), memory, make);
    fusion.out.slope = fields_.slope;
    return fusion;
  }

  // The norm of `added` and what comes to it, as scale and shift: what it makes of one about zero,
  // and of `added`.
  static ChannelMap folded(const Device& device, std::span<const ConstView> inputs,
                           std::size_t first, double epsilon, const ConstView& added,
                           Scratch& memory, bool make) {
    const ConstView gamma = at(inputs, first);
    if (gamma.shape.rank() == 0) return {.shift = added};  // there is none
    const auto vector = [&] { return scratch_view(memory, gamma.dtype, gamma.shape); };
    const View scale = vector();
    const View shift = vector();
    const View zero = vector();
    if (make) {
      const ConstView &beta = inputs[first + 1], &mean = inputs[first + 2],
                      &variance = inputs[first + 3];
      device.fill(zero, 0.0);
      device.fill(scale, 1.0);
      device.batch_norm_apply(aligned(added ? added : zero, 2),
                              {mean, variance, gamma, beta, epsilon}, aligned(shift, 2));
      device.batch_norm_apply(aligned(scale, 2), {zero, variance, gamma, zero, epsilon},
                              aligned(scale, 2));
    }
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
