#include "ops/operands.h"
#include "ops/spatial.h"
#include "ops/views.h"

namespace striate {
namespace {

Shape one_pixel(const Shape& input) {
  if (input.rank() < 3) {
    fail<ModelError>("expected an input N,C and at least one more axis, got {}", input.str());
  }
  Shape shape = input;
  for (int axis = 2; axis < input.rank(); ++axis) shape[axis] = 1;
  if (input.elements() == 0 && shape.elements() != 0) {
    fail<ModelError>("expected an input with at least one pixel, got {}", input.str());
  }
  return shape;
}

class GlobalPool : public Operator {
 public:
  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const ValueInfo& x = required_float(inputs, 0, "X");
    return {{.dtype = x.dtype, .shape = one_pixel(x.shape)}};
  }
  Window window(std::span<const ValueInfo>) const override {
    return {.kind = Window::Kind::everything};
  }
};

// The mean over all pixels: a sum over the axes that the output has with size 1.
class GlobalAveragePool final : public GlobalPool {
 public:
  using Fields = NoFields;
  explicit GlobalAveragePool(const Fields&) {}

  Traits traits(const Device&, std::span<const ValueInfo>,
                std::span<const ValueInfo>) const override {
    return {};
  }

  void forward(const ForwardArgs& args) const override {
    args.device.reduce_sum(args.inputs[0], args.outputs[0], share(args.inputs[0].shape), false);
  }

  void backward(const BackwardArgs& args) const override {
    const InputGradient& dx = args.input_gradients[0];
    if (!dx.view) return;
    const ConstView dy = broadcast(args.output_gradients[0], dx.view.shape);
    apply(args.device, Function::scale, {dy}, dx.view, {share(dx.view.shape)}, dx.accumulate);
  }

 private:
  static double share(const Shape& input) {
    double pixels = 1;
    for (int axis = 2; axis < input.rank(); ++axis) pixels *= static_cast<double>(input[axis]);
    return 1.0 / pixels;
  }
};

// The largest pixel: a max pooling whose window is the map.
class GlobalMaxPool final : public GlobalPool {
 public:
  using Fields = NoFields;
  explicit GlobalMaxPool(const Fields&) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    std::vector<ValueInfo> outputs = GlobalPool::infer(inputs);
    geometry(inputs[0].shape);  // refuses other ranks
    return outputs;
  }

  Traits traits(const Device&, std::span<const ValueInfo>,
                std::span<const ValueInfo> outputs) const override {
    Traits traits;
    traits.layout = Traits::Needs::channels_last;
    traits.saved = {{.dtype = DType::i32, .shape = outputs[0].shape}};
    return traits;
  }

  void forward(const ForwardArgs& args) const override {
    args.device.max_pool_forward(geometry(args.inputs[0].shape), as_map(args.inputs[0]),
                                 as_map(args.outputs[0]), as_map(at(args.saved, 0)));
  }

  void backward(const BackwardArgs& args) const override {
    const InputGradient& dx = args.input_gradients[0];
    if (!dx.view) return;
    args.device.max_pool_backward(geometry(dx.view.shape), as_map(args.output_gradients[0]),
                                  as_map(args.saved[0]), as_map(dx.view), dx.accumulate);
  }

 private:
  static PoolGeometry geometry(const Shape& input) {
    return pool_geometry(input, resolve({}, input, {input.begin() + 2, input.end()}));
  }
};

}  // namespace

void register_op_global_pool(OperatorRegistry& registry) {
  registry.add({.name = "GlobalAveragePool",
                .doc = "The mean of each channel over all its pixels.",
                .make = make_operator<GlobalAveragePool>});
  registry.add({.name = "GlobalMaxPool",
                .doc = "The maximum of each channel over all its pixels.",
                .make = make_operator<GlobalMaxPool>});
}

}  // namespace striate
