#include "ops/operands.h"
#include "ops/views.h"

namespace striate {
namespace {

// The k largest (or smallest) elements along an axis and their places.
class TopK final : public Operator {
 public:
  struct Fields {
    std::int64_t axis = -1;
    bool largest = true;
    bool sorted = true;
    STRIATE_FIELDS(visit("axis", axis, "the axis that is searched");
                   visit("largest", largest, "the largest, else the smallest");
                   visit("sorted", sorted, "ignored: the result is always in order");)
  };
  explicit TopK(const Fields& fields) : fields_(fields) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const ValueInfo& x = required_float(inputs, 0, "X");
    const int axis = normalized_axis(fields_.axis, x.shape.rank());
    const std::vector<std::int64_t> k = known_integers(inputs, 1, "K");
    if (k.size() != 1 || k[0] < 0 || k[0] > x.shape[axis]) {
      fail<ModelError>("expected one K in [0, {}]", x.shape[axis]);
    }
    Shape shape = x.shape;
    shape[axis] = k[0];
    return {{.dtype = x.dtype, .shape = shape}, {.dtype = DType::i64, .shape = shape}};
  }

  Traits traits(const Device&, std::span<const ValueInfo>,
                std::span<const ValueInfo> outputs) const override {
    Traits traits;
    traits.no_gradient = {1};
    traits.backward_reads_outputs = present(outputs, 1);
    if (!present(outputs, 1)) {
      traits.saved = {{.dtype = DType::i64, .shape = outputs[0].shape}};
    }
    return traits;
  }

  void forward(const ForwardArgs& args) const override {
    const View indices = at(args.outputs, 1);
    args.device.top_k(args.inputs[0], axis(args.inputs[0].shape), fields_.largest, false,
                      args.outputs[0], indices ? indices : at(args.saved, 0));
  }

  void backward(const BackwardArgs& args) const override {
    const InputGradient& dx = args.input_gradients[0];
    const ConstView& dy = args.output_gradients[0];
    if (!dx.view) return;
    const ConstView given = at(args.outputs, 1);
    if (!dx.accumulate) args.device.fill(dx.view, 0.0);
    args.device.scatter_add(dy, given ? given : at(args.saved, 0), axis(dx.view.shape), dx.view);
  }

 private:
  int axis(const Shape& x) const { return normalized_axis(fields_.axis, x.rank()); }

  Fields fields_;
};

// The place of the largest element along an axis.
class ArgMax final : public Operator {
 public:
  struct Fields {
    std::int64_t axis = 0;
    bool keepdims = true;
    bool select_last_index = false;
    STRIATE_FIELDS(visit("axis", axis, "the axis that is searched");
                   visit("keepdims", keepdims, "keep the axis with size 1");
                   visit("select_last_index", select_last_index, "the last of equals");)
  };
  explicit ArgMax(const Fields& fields) : fields_(fields) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const ValueInfo& x = required_float(inputs, 0, "data");
    const int axis = normalized_axis(fields_.axis, x.shape.rank());
    if (x.shape[axis] == 0) fail<ModelError>("axis {} of {} is empty", axis, x.shape.str());
    Shape shape;
    for (int i = 0; i < x.shape.rank(); ++i) {
      if (i != axis || fields_.keepdims) shape.push_back(i == axis ? 1 : x.shape[i]);
    }
    return {{.dtype = DType::i64, .shape = shape}};
  }

  Traits traits(const Device&, std::span<const ValueInfo>,
                std::span<const ValueInfo>) const override {
    return {};
  }

  void forward(const ForwardArgs& args) const override {
    const ConstView& x = args.inputs[0];
    const View& out = args.outputs[0];
    const int axis = normalized_axis(fields_.axis, x.shape.rank());
    View places = out;
    if (!fields_.keepdims) {
      places.shape = x.shape;
      places.shape[axis] = 1;
      for (int i = 0; i < x.shape.rank(); ++i) {
        places.strides[static_cast<std::size_t>(i)] = i == axis ? 0 : out.stride(i - (i > axis));
      }
    }
    args.device.top_k(x, axis, true, fields_.select_last_index, {}, places);
  }

  void backward(const BackwardArgs&) const override {
    throw BugError("a place was to be differentiated");
  }

 private:
  Fields fields_;
};

}  // namespace

void register_op_top_k(OperatorRegistry& registry) {
  registry.add({.name = "TopK",
                .doc = "The K largest (or smallest) elements along an axis in order, and their "
                       "places; of equals the first.",
                .min_inputs = 2,
                .max_inputs = 2,
                .max_outputs = 2,
                .make = make_operator<TopK>});
  registry.add({.name = "ArgMax",
                .doc = "The place of the largest element along an axis.",
                .differentiable = false,
                .make = make_operator<ArgMax>});
}

}  // namespace striate
