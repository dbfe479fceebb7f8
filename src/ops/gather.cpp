#include "ops/operands.h"
#include "ops/views.h"

namespace striate {
namespace {

// Slices of the data at indices along an axis. Data and result are seen as before x axis x after,
// the indices as one list.
class Gather final : public Operator {
 public:
  struct Fields {
    std::int64_t axis = 0;
    STRIATE_FIELDS(visit("axis", axis, "the axis that the indices run along");)
  };
  explicit Gather(const Fields& fields) : fields_(fields) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const ValueInfo& x = required(inputs, 0, "data");
    const ValueInfo& indices = required(inputs, 1, "indices");
    if (indices.dtype != DType::i64 && indices.dtype != DType::i32) {
      fail<ModelError>("expected indices of int64, got {}", name_of(indices.dtype));
    }
    const int axis = normalized_axis(fields_.axis, x.shape.rank());
    if (x.shape.rank() - 1 + indices.shape.rank() > Shape::kMaxRank) {
      fail<ModelError>("data {} at indices {} have more axes than are supported", x.shape.str(),
                       indices.shape.str());
    }
    if (indices.constant != nullptr) {
      for (const std::int64_t i : integers(std::as_const(*indices.constant).view())) {
        if (i < -x.shape[axis] || i >= x.shape[axis]) {
          fail<ModelError>("index {} is not in [{}, {})", i, -x.shape[axis], x.shape[axis]);
        }
      }
    }
    Shape shape;
    for (int i = 0; i < axis; ++i) shape.push_back(x.shape[i]);
    for (const std::int64_t size : indices.shape) shape.push_back(size);
    for (int i = axis + 1; i < x.shape.rank(); ++i) shape.push_back(x.shape[i]);
    std::vector<ValueInfo> outputs{{.dtype = x.dtype, .shape = shape}};
    // int32 indices are converted in scratch memory, which folding has not.
    return indices.dtype == DType::i64 ? folded(*this, inputs, outputs) : outputs;
  }

  Traits traits(const Device&, std::span<const ValueInfo> inputs,
                std::span<const ValueInfo>) const override {
    Traits traits;
    traits.layout = Traits::Needs::row_major;
    traits.backward_reads_inputs = true;
    traits.no_gradient = {1};
    if (inputs[1].dtype != DType::i64) {
      traits.forward_scratch = traits.backward_scratch = scratch_bytes(DType::i64, inputs[1].shape);
    }
    return traits;
  }

  void forward(const ForwardArgs& args) const override {
    const ConstView& x = args.inputs[0];
    const View& y = args.outputs[0];
    const Shape in = folded_shape(x.shape, x.shape[axis(x.shape)]);
    const Shape out = folded_shape(x.shape, args.inputs[1].shape.elements());
    args.device.gather(reshaped(x, in), indices(args.device, args.inputs[1], args.scratch, out), 1,
                       reshaped(y, out));
  }

  void backward(const BackwardArgs& args) const override {
    const InputGradient& dx = args.input_gradients[0];
    if (!dx.view) return;
    const Shape& x = dx.view.shape;
    const Shape in = folded_shape(x, x[axis(x)]);
    const Shape out = folded_shape(x, args.inputs[1].shape.elements());
    if (!dx.accumulate) args.device.fill(dx.view, 0.0);
    args.device.scatter_add(reshaped(args.output_gradients[0], out),
                            indices(args.device, args.inputs[1], args.scratch, out), 1,
                            reshaped(dx.view, in));
  }

 private:
  int axis(const Shape& data) const { return normalized_axis(fields_.axis, data.rank()); }

  Shape folded_shape(const Shape& data, std::int64_t along) const {
    const int a = axis(data);
    const Shape before({data.begin(), data.begin() + a});
    const Shape after({data.begin() + a + 1, data.end()});
    return {before.elements(), along, after.elements()};
  }

  static ConstView indices(const Device& device, const ConstView& given,
                           std::span<std::byte> memory, const Shape& out) {
    ConstView list = given;
    if (given.dtype != DType::i64) {
      Scratch scratch(memory);
      const View converted = scratch_view(scratch, DType::i64, given.shape);
      device.cast(given, converted);
      list = converted;
    }
    return broadcast(reshaped(list, {list.shape.elements(), 1}), out);
  }

  Fields fields_;
};

}  // namespace

void register_op_gather(OperatorRegistry& registry) {
  registry.add({.name = "Gather",
                .doc = "Slices of the data at indices along an axis; an index may be repeated.",
                .min_inputs = 2,
                .max_inputs = 2,
                .make = make_operator<Gather>});
}

}  // namespace striate
