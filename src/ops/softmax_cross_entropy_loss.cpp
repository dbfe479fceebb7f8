#include <limits>

#include "ops/operands.h"
#include "ops/views.h"

namespace striate {
namespace {

// loss = -weight[label] log softmax(scores)[label] for each place, then its mean (divided by the
// weights of what was counted), sum, or as it is. The softmax's logarithm is the second output, or
// a saved value where nobody asked for it.
class SoftmaxCrossEntropyLoss final : public Operator {
 public:
  static constexpr std::int64_t kNone = std::numeric_limits<std::int64_t>::min();
  struct Fields {
    std::string reduction = "mean";
    std::int64_t ignore_index = kNone;
    STRIATE_FIELDS(visit("reduction", reduction, "mean, sum or none");
                   visit("ignore_index", ignore_index, "the label that does not count");)
  };
  explicit SoftmaxCrossEntropyLoss(Fields fields) : fields_(std::move(fields)) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const std::string& reduction = fields_.reduction;
    if (reduction != "mean" && reduction != "sum" && reduction != "none") {
      fail<ModelError>("reduction: expected mean, sum or none, got {}", reduction);
    }
    const ValueInfo& scores = required_float(inputs, 0, "scores");
    if (scores.shape.rank() < 2) {
      fail<ModelError>("expected scores N,C or N,C and more axes, got {}", scores.shape.str());
    }
    const Shape places = without_channels(scores.shape);
    expect(required(inputs, 1, "labels"), DType::i64, places, "labels");
    if (present(inputs, 2)) expect(inputs[2], scores.dtype, {scores.shape[1]}, "weights");
    return {{.dtype = scores.dtype, .shape = reduction == "none" ? places : Shape{}},
            {.dtype = scores.dtype, .shape = scores.shape}};
  }

  Traits traits(const Device&, std::span<const ValueInfo> inputs,
                std::span<const ValueInfo> outputs) const override {
    const ValueInfo& scores = inputs[0];
    const ValueInfo log_probability{.dtype = scores.dtype, .shape = scores.shape};
    const bool given = present(outputs, 1);
    Traits traits;
    traits.row_major_inputs = {1, 2};
    traits.backward_reads_inputs = true;
    traits.backward_reads_outputs = given;
    traits.no_gradient = {1, 2};
    traits.saved = {{.dtype = scores.dtype, .shape = Shape{1}}};
    if (!given) traits.saved.push_back(log_probability);
    traits.forward_scratch = scratch_bytes(scores.dtype, without_channels(scores.shape)) +
                             (given ? 0 : scratch_bytes(scores.dtype, scores.shape));
    traits.backward_scratch = scratch_bytes(scores.dtype, {1});
    return traits;
  }

  void forward(const ForwardArgs& args) const override {
    const Device& device = args.device;
    const ConstView& scores = args.inputs[0];
    const View& loss = args.outputs[0];
    Scratch scratch(args.scratch);
    View log_probability = at(args.outputs, 1);
    if (!log_probability) log_probability = at(args.saved, 1);
    if (!log_probability) log_probability = scratch_view(scratch, scores);
    device.softmax_forward(scores, log_probability, true);

    const bool reduced = fields_.reduction != "none";
    const View each =
        reduced ? scratch_view(scratch, scores.dtype, without_channels(scores.shape)) : loss;
    const double counted = device.nll_forward(log_probability, args.inputs[1], at(args.inputs, 2),
                                              fields_.ignore_index, each);
    if (const View saved = at(args.saved, 0)) device.fill(saved, counted);
    if (!reduced) return;
    // Where nothing was counted the mean is 0 / 0, as ONNX and PyTorch have it.
    device.reduce_sum(each, as_scalar(loss, each.shape.rank()), mean() ? 1.0 / counted : 1.0,
                      false);
  }

  void backward(const BackwardArgs& args) const override {
    const InputGradient& dx = args.input_gradients[0];
    if (!dx.view) return;
    const Device& device = args.device;
    const ConstView given = at(args.outputs, 1);
    const ConstView log_probability = given ? given : at(args.saved, 1);
    bool accumulate = dx.accumulate;
    if (ConstView dloss = args.output_gradients[0]) {
      if (mean()) {
        Scratch scratch(args.scratch);
        const View share = scratch_view(scratch, dloss.dtype, {1});
        apply(device, Function::div, {as_scalar(dloss, 1), args.saved[0]}, share);
        dloss = share;
      }
      device.softmax_nll_backward(
          log_probability, args.inputs[1], at(args.inputs, 2), fields_.ignore_index,
          broadcast(dloss, without_channels(dx.view.shape)), dx.view, accumulate);
      accumulate = true;
    }
    if (const ConstView dlog = at(args.output_gradients, 1)) {
      device.softmax_backward(log_probability, dlog, dx.view, true, accumulate);
    }
  }

 private:
  bool mean() const { return fields_.reduction == "mean"; }

  static Shape without_channels(const Shape& scores) {
    Shape shape;
    for (int axis = 0; axis < scores.rank(); ++axis) {
      if (axis != 1) shape.push_back(scores[axis]);
    }
    return shape;
  }

  Fields fields_;
};

}  // namespace

void register_op_softmax_cross_entropy_loss(OperatorRegistry& registry) {
  registry.add({.name = "SoftmaxCrossEntropyLoss",
                .doc = "The classifier's loss: -weight[label] log softmax(scores)[label], reduced.",
                .min_inputs = 2,
                .max_inputs = 3,
                .max_outputs = 2,
                .make = make_operator<SoftmaxCrossEntropyLoss>});
}

}  // namespace striate
