#include "ops/operands.h"

namespace striate {
namespace {

// Krizhevsky et al., 2012, section 3.3: y = x * s^-beta with
// s = bias + alpha / size * sum of x^2 over `size` neighbouring channels.
class Lrn final : public Operator {
 public:
  struct Fields {
    double alpha = 1e-4;
    double beta = 0.75;
    double bias = 1.0;
    std::int64_t size = 0;
    STRIATE_FIELDS(visit("alpha", alpha, "weight of the mean of squares");
                   visit("beta", beta, "exponent"); visit("bias", bias, "added to the mean");
                   visit("size", size, "channels that are summed");)
  };
  explicit Lrn(const Fields& fields) {
    if (fields.size < 1) fail<ModelError>("size: expected at least 1, got {}", fields.size);
    norm_ = {.before = (fields.size - 1) / 2,
             .after = fields.size / 2,
             .share = fields.alpha / static_cast<double>(fields.size),
             .beta = fields.beta,
             .bias = fields.bias};
  }

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const ValueInfo& x = required_float(inputs, 0, "X");
    if (x.shape.rank() < 2) {
      fail<ModelError>("expected an input N,C or N,C and more axes, got {}", x.shape.str());
    }
    return {{.dtype = x.dtype, .shape = x.shape}};
  }

  Traits traits(const Device&, std::span<const ValueInfo>,
                std::span<const ValueInfo>) const override {
    Traits traits;
    traits.backward_reads_inputs = true;
    return traits;
  }

  void forward(const ForwardArgs& args) const override {
    args.device.lrn_forward(norm_, args.inputs[0], args.outputs[0]);
  }

  void backward(const BackwardArgs& args) const override {
    const InputGradient& dx = args.input_gradients[0];
    if (!dx.view) return;
    args.device.lrn_backward(norm_, args.inputs[0], args.output_gradients[0], dx.view,
                             dx.accumulate);
  }

 private:
  LocalNorm norm_;
};

}  // namespace

void register_op_lrn(OperatorRegistry& registry) {
  registry.add({.name = "LRN",
                .doc = "Local response normalization across channels (Krizhevsky et al., 2012).",
                .make = make_operator<Lrn>});
}

}  // namespace striate
