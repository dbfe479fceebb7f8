#include <limits>

#include "ops/operands.h"
#include "ops/pool.h"
#include "ops/views.h"

namespace striate {
namespace {

// The largest element under a window. Backward sends the gradient to the tap that won, which
// forward saves.
class MaxPool final : public Operator {
 public:
  struct Fields {
    PoolFields pool;
    std::int64_t storage_order = 0;
    STRIATE_FIELDS(pool.fields(visit);
                   visit("storage_order", storage_order, "1: Indices count column by column");)
  };
  explicit MaxPool(Fields fields) : fields_(std::move(fields)) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    std::vector<ValueInfo> outputs = fields_.pool.infer(inputs);
    outputs.push_back({.dtype = DType::i64, .shape = outputs[0].shape});
    return outputs;
  }
  Window window(std::span<const ValueInfo> inputs) const override {
    return fields_.pool.spatial(inputs[0].shape).window();
  }

  Traits traits(const Device&, std::span<const ValueInfo>,
                std::span<const ValueInfo> outputs) const override {
    Traits traits;
    traits.layout = Traits::Needs::channels_last;
    traits.saved = {{.dtype = DType::i32, .shape = outputs[0].shape}};
    if (present(outputs, 1)) {
      traits.forward_scratch = scratch_bytes(DType::i32, outputs[0].shape);
    }
    return traits;
  }

  void forward(const ForwardArgs& args) const override {
    const PoolGeometry g = fields_.pool.geometry(args.inputs[0].shape);
    const View y = as_map(args.outputs[0]);
    const View positions = as_map(at(args.outputs, 1));
    View taps = as_map(at(args.saved, 0));
    if (positions && !taps) {
      Scratch scratch(args.scratch);
      taps = scratch_view(scratch, DType::i32, y.shape);
      taps.strides = dense_strides(y.shape, Layout::channels_last);
    }
    args.device.max_pool_forward(g, as_map(args.inputs[0]), y, taps);
    if (positions) {
      args.device.max_pool_positions(g, taps, fields_.storage_order != 0, positions);
    }
  }

  void backward(const BackwardArgs& args) const override {
    const InputGradient& dx = args.input_gradients[0];
    if (!dx.view) return;
    args.device.max_pool_backward(fields_.pool.geometry(dx.view.shape),
                                  as_map(args.output_gradients[0]), as_map(args.saved[0]),
                                  as_map(dx.view), dx.accumulate);
  }

 private:
  Fields fields_;
};

}  // namespace

void register_op_max_pool(OperatorRegistry& registry) {
  registry.add({.name = "MaxPool",
                .doc = "The maximum under a window along one or two axes, and where it is.",
                .max_outputs = 2,
                .make = make_operator<MaxPool>});
}

}  // namespace striate
