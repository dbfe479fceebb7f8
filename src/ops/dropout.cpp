#include "ops/operands.h"
#include "ops/views.h"

namespace striate {
namespace {

// Hinton et al., arXiv:1207.0580, in its inverted form: in training an element is zero with
// probability `ratio` and divided by 1 - ratio otherwise. The draws are a function of the run's key
// alone, so backward makes them again instead of keeping a mask.
class Dropout final : public Operator {
 public:
  struct Fields {
    std::int64_t seed = 0;
    STRIATE_FIELDS(visit("seed", seed, "ignored: the run's own key decides");)
  };
  explicit Dropout(const Fields&) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const ValueInfo& x = required_float(inputs, 0, "data");
    if (present(inputs, 1)) {
      const double ratio = known_number(inputs, 1, "ratio");
      if (!(ratio >= 0 && ratio < 1)) fail<ModelError>("expected a ratio in [0, 1), got {}", ratio);
    }
    if (present(inputs, 2)) known_number(inputs, 2, "training_mode");
    return {{.dtype = x.dtype, .shape = x.shape}, {.dtype = DType::boolean, .shape = x.shape}};
  }

  Traits traits(const Device&, std::span<const ValueInfo>,
                std::span<const ValueInfo>) const override {
    Traits traits;
    traits.in_place = 0;
    traits.gradient_in_place = 0;
    traits.no_gradient = {1, 2};
    return traits;
  }

  void forward(const ForwardArgs& args) const override {
    const View mask = at(args.outputs, 1);
    if (const double ratio = active_ratio(args.inputs); ratio > 0) {
      args.device.dropout(args.inputs[0], args.outputs[0], mask, ratio, args.key, false);
      return;
    }
    args.device.copy(args.inputs[0], args.outputs[0]);
    if (mask) args.device.fill(mask, 1.0);
  }

  void backward(const BackwardArgs& args) const override {
    const InputGradient& dx = args.input_gradients[0];
    const ConstView& dy = args.output_gradients[0];
    if (!dx.view) return;
    if (const double ratio = active_ratio(args.inputs); ratio > 0) {
      args.device.dropout(dy, dx.view, {}, ratio, args.key, dx.accumulate);
    } else {
      args.device.copy(dy, dx.view, dx.accumulate);
    }
  }

 private:
  // 0 outside training.
  static double active_ratio(std::span<const ConstView> inputs) {
    const ConstView training = at(inputs, 2);
    if (!training || number(training) == 0) return 0;
    const ConstView ratio = at(inputs, 1);
    return ratio ? number(ratio) : 0.5;
  }
};

}  // namespace

void register_op_dropout(OperatorRegistry& registry) {
  registry.add({.name = "Dropout",
                .doc = "In training, zeroes each element with probability `ratio` and scales the "
                       "others (Hinton et al., arXiv:1207.0580).",
                .max_inputs = 3,
                .max_outputs = 2,
                .make = make_operator<Dropout>});
}

}  // namespace striate
