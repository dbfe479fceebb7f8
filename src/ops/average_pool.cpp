#include "ops/operands.h"
#include "ops/pool.h"
#include "ops/views.h"

namespace striate {
namespace {

// The mean under a window, divided by the taps inside the input, or by those inside the padded
// input.
class AveragePool final : public Operator {
 public:
  struct Fields {
    PoolFields pool;
    bool count_include_pad = false;
    STRIATE_FIELDS(pool.fields(visit); visit("count_include_pad", count_include_pad,
                                             "whether padding counts in the divisor");)
  };
  explicit AveragePool(Fields fields) : fields_(std::move(fields)) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    return fields_.pool.infer(inputs);
  }
  Window window(std::span<const ValueInfo> inputs) const override {
    return fields_.pool.spatial(inputs[0].shape).window();
  }

  Traits traits(const Device&, std::span<const ValueInfo>,
                std::span<const ValueInfo>) const override {
    Traits traits;
    traits.layout = Traits::Needs::channels_last;
    return traits;
  }

  void forward(const ForwardArgs& args) const override {
    args.device.average_pool_forward(geometry(args.inputs[0].shape), as_map(args.inputs[0]),
                                     as_map(args.outputs[0]));
  }

  void backward(const BackwardArgs& args) const override {
    const InputGradient& dx = args.input_gradients[0];
    if (!dx.view) return;
    args.device.average_pool_backward(geometry(dx.view.shape), as_map(args.output_gradients[0]),
                                      as_map(dx.view), dx.accumulate);
  }

 private:
  PoolGeometry geometry(const Shape& input) const {
    PoolGeometry g = fields_.pool.geometry(input);
    g.count_include_pad = fields_.count_include_pad;
    return g;
  }

  Fields fields_;
};

}  // namespace

void register_op_average_pool(OperatorRegistry& registry) {
  registry.add({.name = "AveragePool",
                .doc = "The mean under a window along one or two axes; takes the dilations of "
                       "opset 19 too.",
                .make = make_operator<AveragePool>});
}

}  // namespace striate
