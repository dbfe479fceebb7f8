#include <limits>

#include "ops/operands.h"
#include "ops/views.h"

namespace striate {
namespace {

// loss = -weight[label] * input[label] for each place, then its mean (divided by the weights of
// what was counted), sum, or as it is: SoftmaxCrossEntropyLoss without its softmax.
class NegativeLogLikelihoodLoss final : public Operator {
 public:
  struct Fields {
    std::string reduction = "mean";
    std::int64_t ignore_index = std::numeric_limits<std::int64_t>::min();
    STRIATE_FIELDS(visit("reduction", reduction, "mean, sum or none");
                   visit("ignore_index", ignore_index, "the label that does not count");)
  };
  explicit NegativeLogLikelihoodLoss(Fields fields) : fields_(std::move(fields)) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const std::string& reduction = fields_.reduction;
    if (reduction != "mean" && reduction != "sum" && reduction != "none") {
      fail<ModelError>("reduction: expected mean, sum or none, got {}", reduction);
    }
    const ValueInfo& x = required_float(inputs, 0, "input");
    if (x.shape.rank() < 2) {
      fail<ModelError>("expected an input N,C or N,C and more axes, got {}", x.shape.str());
    }
    const Shape places = without_channels(x.shape);
    expect(required(inputs, 1, "labels"), DType::i64, places, "labels");
    if (present(inputs, 2)) expect(inputs[2], x.dtype, {x.shape[1]}, "weights");
    return {{.dtype = x.dtype, .shape = reduced() ? Shape{} : places}};
  }

  Traits traits(const Device&, std::span<const ValueInfo> inputs,
                std::span<const ValueInfo>) const override {
    const DType real = inputs[0].dtype;
    Traits traits;
    traits.row_major_inputs = {1, 2};
    traits.backward_reads_inputs = true;
    traits.no_gradient = {1, 2};
    traits.saved = {{.dtype = real, .shape = Shape{1}}};
    traits.forward_scratch = scratch_bytes(real, without_channels(inputs[0].shape));
    traits.backward_scratch = scratch_bytes(real, {1});
    return traits;
  }

  void forward(const ForwardArgs& args) const override {
    const ConstView& x = args.inputs[0];
    const View& loss = args.outputs[0];
    Scratch scratch(args.scratch);
    const View each = reduced() ? scratch_view(scratch, x.dtype, without_channels(x.shape)) : loss;
    const double counted =
        args.device.nll_forward(x, args.inputs[1], at(args.inputs, 2), fields_.ignore_index, each);
    if (const View saved = at(args.saved, 0)) args.device.fill(saved, counted);
    if (!reduced()) return;
    args.device.reduce_sum(each, as_scalar(loss, each.shape.rank()), mean() ? 1.0 / counted : 1.0,
                           false);
  }

  void backward(const BackwardArgs& args) const override {
    const InputGradient& dx = args.input_gradients[0];
    if (!dx.view) return;
    ConstView dloss = args.output_gradients[0];
    if (mean()) {
      Scratch scratch(args.scratch);
      const View share = scratch_view(scratch, dloss.dtype, {1});
      apply(args.device, Function::div, {as_scalar(dloss, 1), args.saved[0]}, share);
      dloss = share;
    }
    args.device.nll_backward(args.inputs[1], at(args.inputs, 2), fields_.ignore_index,
                             broadcast(dloss, without_channels(dx.view.shape)), dx.view,
                             dx.accumulate);
  }

 private:
  bool mean() const { return fields_.reduction == "mean"; }
  bool reduced() const { return fields_.reduction != "none"; }

  static Shape without_channels(const Shape& x) {
    Shape shape;
    for (int axis = 0; axis < x.rank(); ++axis) {
      if (axis != 1) shape.push_back(x[axis]);
    }
    return shape;
  }

  Fields fields_;
};

}  // namespace

void register_op_negative_log_likelihood_loss(OperatorRegistry& registry) {
  registry.add({.name = "NegativeLogLikelihoodLoss",
                .doc = "-weight[label] input[label] for logarithms of probabilities, reduced.",
                .min_inputs = 2,
                .max_inputs = 3,
                .make = make_operator<NegativeLogLikelihoodLoss>});
}

}  // namespace striate
