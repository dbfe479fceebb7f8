#include "ops/operands.h"
#include "ops/views.h"

namespace striate {
namespace {

// Ulyanov et al., arXiv:1607.08022: every channel of every sample by its own mean and variance,
// which is a batch normalization of one sample with N * C channels.
class InstanceNormalization final : public Operator {
 public:
  struct Fields {
    double epsilon = 1e-5;
    STRIATE_FIELDS(visit("epsilon", epsilon, "added to the variance");)
  };
  explicit InstanceNormalization(const Fields& fields) : fields_(fields) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const ValueInfo& x = required_float(inputs, 0, "input");
    if (x.shape.rank() < 3) {
      fail<ModelError>("expected an input N,C and at least one more axis, got {}", x.shape.str());
    }
    expect(required(inputs, 1, "scale"), x.dtype, {x.shape[1]}, "scale");
    expect(required(inputs, 2, "B"), x.dtype, {x.shape[1]}, "B");
    return {{.dtype = x.dtype, .shape = x.shape}};
  }

  Window window(std::span<const ValueInfo>) const override {
    return {.kind = Window::Kind::everything};
  }

  Traits traits(const Device&, std::span<const ValueInfo> inputs,
                std::span<const ValueInfo>) const override {
    const ValueInfo vector{.dtype = inputs[0].dtype, .shape = vector_shape(inputs[0].shape)};
    Traits traits;
    traits.layout = Traits::Needs::row_major;
    traits.backward_reads_inputs = true;
    traits.saved = {vector, vector};
    traits.forward_scratch = 4 * scratch_bytes(vector.dtype, vector.shape);
    traits.backward_scratch = 3 * scratch_bytes(vector.dtype, vector.shape);
    return traits;
  }

  void forward(const ForwardArgs& args) const override {
    const Device& device = args.device;
    const ConstView x = flat(args.inputs[0]);
    Scratch scratch(args.scratch);
    const auto vector = [&] { return scratch_view(scratch, x.dtype, {x.shape[1]}); };
    const View scale = vector();
    const View bias = vector();
    const View mean = at(args.saved, 0) ? args.saved[0] : vector();
    const View variance = at(args.saved, 1) ? args.saved[1] : vector();
    repeat(device, args.inputs[1], scale);
    repeat(device, args.inputs[2], bias);
    device.batch_norm_statistics(x, mean, variance);
    device.batch_norm_apply(x, {mean, variance, scale, bias, fields_.epsilon},
                            flat(args.outputs[0]));
  }

  void backward(const BackwardArgs& args) const override {
    const Device& device = args.device;
    const ConstView x = flat(args.inputs[0]);
    const InputGradient& dx = args.input_gradients[0];
    const InputGradient& dscale = args.input_gradients[1];
    const InputGradient& dbias = args.input_gradients[2];
    Scratch scratch(args.scratch);
    const auto vector = [&] { return scratch_view(scratch, x.dtype, {x.shape[1]}); };
    const View scale = vector();
    const View dscales = vector();
    const View dbiases = vector();
    repeat(device, args.inputs[1], scale);
    device.batch_norm_backward(x, flat(args.output_gradients[0]),
                               {.mean = args.saved[0],
                                .variance = args.saved[1],
                                .scale = scale,
                                .bias = {},
                                .epsilon = fields_.epsilon},
                               {.dx = dx.view ? flat(dx.view) : View{},
                                .dscale = dscale.view ? dscales : View{},
                                .dbias = dbias.view ? dbiases : View{},
                                .accumulate_dx = dx.accumulate});
    const Shape samples{args.inputs[0].shape[0], args.inputs[0].shape[1]};
    if (dscale.view) {
      sum_to(device, reshaped(dscales, samples), dscale.view, 1.0, dscale.accumulate);
    }
    if (dbias.view) {
      sum_to(device, reshaped(dbiases, samples), dbias.view, 1.0, dbias.accumulate);
    }
  }

 private:
  static Shape vector_shape(const Shape& x) { return {Shape{x[0], x[1]}.elements()}; }

  template <class Void>
  static BasicView<Void> flat(const BasicView<Void>& x) {
    const Shape pixels({x.shape.begin() + 2, x.shape.end()});
    return reshaped(x, {1, x.shape[0] * x.shape[1], pixels.elements()});
  }

  // [C] again for each sample.
  static void repeat(const Device& device, const ConstView& from, const View& to) {
    if (from.shape[0] == 0) return;
    const Shape samples{to.shape[0] / from.shape[0], from.shape[0]};
    device.copy(broadcast(from, samples), reshaped(to, samples));
  }

  Fields fields_;
};

}  // namespace

void register_op_instance_normalization(OperatorRegistry& registry) {
  registry.add({.name = "InstanceNormalization",
                .doc = "Normalizes each channel of each sample (Ulyanov et al., arXiv:1607.08022).",
                .min_inputs = 3,
                .max_inputs = 3,
                .make = make_operator<InstanceNormalization>});
}

}  // namespace striate
