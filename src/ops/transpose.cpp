#include <array>

#include "ops/operands.h"
#include "ops/views.h"

namespace striate {
namespace {

// Axes in another order: one copy from a view with exchanged strides.
class Transpose final : public Operator {
 public:
  struct Fields {
    std::vector<std::int64_t> perm;
    STRIATE_FIELDS(visit("perm", perm, "input axis of each output axis; reversed where absent");)
  };
  explicit Transpose(Fields fields) : fields_(std::move(fields)) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const ValueInfo& x = required(inputs, 0, "data");
    const int rank = x.shape.rank();
    if (!fields_.perm.empty()) {
      std::array<bool, Shape::kMaxRank> seen{};
      bool fits = static_cast<int>(fields_.perm.size()) == rank;
      for (const std::int64_t axis : fields_.perm) {
        fits = fits && axis >= 0 && axis < rank &&
               !std::exchange(seen[static_cast<std::size_t>(axis)], true);
      }
      if (!fits) fail<ModelError>("perm is no permutation of the {} axes", rank);
    }
    Shape shape;
    for (int axis = 0; axis < rank; ++axis) shape.push_back(x.shape[source(axis, rank)]);
    return folded(*this, inputs, {{.dtype = x.dtype, .shape = shape}});
  }

  Traits traits(const Device&, std::span<const ValueInfo>,
                std::span<const ValueInfo>) const override {
    return {};
  }

  void forward(const ForwardArgs& args) const override {
    args.device.copy(turned(args.inputs[0]), args.outputs[0]);
  }

  void backward(const BackwardArgs& args) const override {
    const InputGradient& dx = args.input_gradients[0];
    if (dx.view) args.device.copy(args.output_gradients[0], turned(dx.view), dx.accumulate);
  }

 private:
  int source(int axis, int rank) const {
    return fields_.perm.empty() ? rank - 1 - axis
                                : static_cast<int>(fields_.perm[static_cast<std::size_t>(axis)]);
  }

  // The input seen with the output's axes.
  template <class Void>
  BasicView<Void> turned(const BasicView<Void>& view) const {
    BasicView<Void> result = view;
    for (int axis = 0; axis < view.shape.rank(); ++axis) {
      const int from = source(axis, view.shape.rank());
      result.shape[axis] = view.shape[from];
      result.strides[static_cast<std::size_t>(axis)] = view.stride(from);
    }
    return result;
  }

  Fields fields_;
};

}  // namespace

void register_op_transpose(OperatorRegistry& registry) {
  registry.add({.name = "Transpose",
                .doc = "The input with its axes in another order.",
                .make = make_operator<Transpose>});
}

}  // namespace striate
