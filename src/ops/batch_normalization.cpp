#include "ops/operands.h"
#include "ops/views.h"

namespace striate {
namespace {

// Ioffe and Szegedy, arXiv:1502.03167. Training normalizes by the batch's own mean and variance
// (divided by the count), which forward saves; inference by the running ones, which are constants
// to the gradient.
class BatchNormalization final : public Operator {
 public:
  struct Fields {
    double epsilon = 1e-5;
    double momentum = 0.9;
    bool training_mode = false;
    STRIATE_FIELDS(visit("epsilon", epsilon, "added to the variance");
                   visit("momentum", momentum, "weight of the old running statistics");
                   visit("training_mode", training_mode, "normalize by the batch's statistics");)
  };
  // What comes out below zero is multiplied by `slope`.
  explicit BatchNormalization(const Fields& fields, double slope = 1)
      : fields_(fields), slope_(slope) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const ValueInfo& x = required_float(inputs, 0, "X");
    if (x.shape.rank() < 2) {
      fail<ModelError>("expected an input N,C or N,C and more axes, got {}", x.shape.str());
    }
    const Shape channels{x.shape[1]};
    static constexpr const char* kNames[] = {"X", "scale", "B", "input_mean", "input_var"};
    for (std::size_t i = 1; i < 5; ++i) {
      expect(required(inputs, i, kNames[i]), x.dtype, channels, kNames[i]);
    }
    const ValueInfo y{.dtype = x.dtype, .shape = x.shape};
    if (!fields_.training_mode) return {y};
    const ValueInfo running{.dtype = x.dtype, .shape = channels};
    return {y, running, running};
  }

  Cost cost(std::span<const ValueInfo> inputs, std::span<const ValueInfo>) const override {
    return {.norm = inputs[0].shape.elements()};
  }

  Traits traits(const Device&, std::span<const ValueInfo> inputs,
                std::span<const ValueInfo>) const override {
    const ValueInfo& x = inputs[0];
    const ValueInfo& per_channel = inputs[1];
    const std::size_t vector = scratch_bytes(per_channel.dtype, per_channel.shape);
    Traits traits;
    traits.in_place = 0;
    traits.gradient_in_place = 0;
    traits.backward_reads_inputs = true;
    traits.no_gradient = {3, 4};
    traits.forward_scratch = 2 * vector;
    if (fields_.training_mode) {
      traits.saved = {{.dtype = per_channel.dtype, .shape = per_channel.shape},
                      {.dtype = per_channel.dtype, .shape = per_channel.shape}};
    } else {
      traits.backward_scratch = 2 * vector + scratch_bytes(x.dtype, x.shape);
    }
    return traits;
  }

  void forward(const ForwardArgs& args) const override {
    const ConstView& x = args.inputs[0];
    ConstView mean = args.inputs[3];
    ConstView variance = args.inputs[4];
    if (fields_.training_mode) {
      Scratch scratch(args.scratch);
      const auto statistic = [&](std::size_t i) {
        const View saved = at(args.saved, i);
        return saved ? saved : scratch_view(scratch, mean.dtype, mean.shape);
      };
      const View batch_mean = statistic(0);
      const View batch_variance = statistic(1);
      args.device.batch_norm_statistics(x, batch_mean, batch_variance);
      update(args.device, mean, batch_mean, at(args.outputs, 1));
      update(args.device, variance, batch_variance, at(args.outputs, 2));
      mean = batch_mean;
      variance = batch_variance;
    }
    args.device.batch_norm_apply(x, norm(args.inputs, mean, variance), args.outputs[0]);
  }

  void backward(const BackwardArgs& args) const override {
    const InputGradient dx = at(args.input_gradients, 0);
    const InputGradient dscale = at(args.input_gradients, 1);
    const InputGradient dbias = at(args.input_gradients, 2);
    if (!fields_.training_mode) {
      backward_of_inference(args, dx, dscale, dbias);
      return;
    }
    args.device.batch_norm_backward(args.inputs[0], args.output_gradients[0],
                                    norm(args.inputs, args.saved[0], args.saved[1]),
                                    {.dx = dx.view,
                                     .dscale = dscale.view,
                                     .dbias = dbias.view,
                                     .accumulate_dx = dx.accumulate,
                                     .accumulate_dscale = dscale.accumulate,
                                     .accumulate_dbias = dbias.accumulate});
  }

 private:
  Device::BatchNorm norm(std::span<const ConstView> inputs, const ConstView& mean,
                         const ConstView& variance) const {
    return {.mean = mean,
            .variance = variance,
            .scale = inputs[1],
            .bias = inputs[2],
            .epsilon = fields_.epsilon,
            .slope = slope_};
  }

  // running = old * momentum + batch * (1 - momentum). `running` may be the old one's memory.
  void update(const Device& device, const ConstView& old, const ConstView& batch,
              const View& running) const {
    if (!running) return;
    apply(device, Function::scale, {old}, running, {fields_.momentum});
    apply(device, Function::scale, {batch}, running, {1.0 - fields_.momentum}, true);
  }

  // With the statistics constant, y = x^ * scale + bias is linear in each: dscale = sum(dy * x^),
  // dbias = sum(dy), dx = dy * scale / sqrt(variance + epsilon). dx comes last: it may be dy.
  void backward_of_inference(const BackwardArgs& args, const InputGradient& dx,
                             const InputGradient& dscale, const InputGradient& dbias) const {
    const Device& device = args.device;
    const ConstView& x = args.inputs[0];
    const ConstView& dy = args.output_gradients[0];
    const int rank = dy.shape.rank();
    const ConstView& scale = args.inputs[1];
    const ConstView& mean = args.inputs[3];
    const ConstView& variance = args.inputs[4];
    Scratch scratch(args.scratch);
    const View zero = scratch_view(scratch, scale.dtype, scale.shape);
    const View factor = scratch_view(scratch, scale.dtype, scale.shape);
    device.fill(zero, 0.0);
    device.fill(factor, 1.0);
    if (dscale.view) {
      const View normalized = scratch_view(scratch, x);
      device.batch_norm_apply(x, {mean, variance, factor, zero, fields_.epsilon}, normalized);
      apply(device, Function::mul, {normalized, dy}, normalized);
      device.reduce_sum(normalized, along_channels(dscale.view, rank), 1.0, dscale.accumulate);
    }
    if (dbias.view) {
      device.reduce_sum(dy, along_channels(dbias.view, rank), 1.0, dbias.accumulate);
    }
    if (dx.view) {
      // Normalizing a batch of one, all ones, about 0 turns 1 into scale / deviation.
      const View ones = aligned(factor, 2);
      device.batch_norm_apply(ones, {zero, variance, scale, zero, fields_.epsilon}, ones);
      apply(device, Function::mul, {dy, broadcast(along_channels(factor, rank), dy.shape)}, dx.view,
            {}, dx.accumulate);
    }
  }

  Fields fields_;
  double slope_;
};

// A batch norm of training and the activation behind it, as training plans make it: what lies
// between them is neither written nor kept.
struct FusedFields {
  BatchNormalization::Fields norm;
  double slope = 1;
  STRIATE_FIELDS(norm.fields(visit); visit("slope", slope, "of values below zero");)
};

std::unique_ptr<Operator> make_fused(const Attributes& attributes) {
  const auto fields = read_attributes<FusedFields>(attributes);
  if (!fields.norm.training_mode) fail<ModelError>("expected training_mode 1");
  return std::make_unique<BatchNormalization>(fields.norm, fields.slope);
}

}  // namespace

void register_op_batch_normalization(OperatorRegistry& registry) {
  registry.add({.name = "BatchNormalization",
                .doc = "Normalizes each channel, by its batch's statistics in training and by the "
                       "running ones otherwise (Ioffe and Szegedy, arXiv:1502.03167).",
                .min_inputs = 5,
                .max_inputs = 5,
                .max_outputs = 3,
                .make = make_operator<BatchNormalization>});
  registry.add({.name = "FusedBatchNormalization",
                .doc = "BatchNormalization in training and the ReLU or LeakyRelu behind it, as "
                       "training plans make it (domain striate).",
                .min_inputs = 5,
                .max_inputs = 5,
                .max_outputs = 3,
                .make = make_fused});
}

}  // namespace striate
