#include "ops/operands.h"
#include "ops/views.h"

namespace striate {
namespace {

// The input repeated along axes of size 1, and along new ones in front.
class Expand final : public Operator {
 public:
  using Fields = NoFields;
  explicit Expand(const Fields&) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const ValueInfo& x = required(inputs, 0, "input");
    const Shape wanted(known_integers(inputs, 1, "the shape"));
    return folded(*this, inputs, {{.dtype = x.dtype, .shape = broadcast_shape(x.shape, wanted)}});
  }

  Traits traits(const Device&, std::span<const ValueInfo>,
                std::span<const ValueInfo>) const override {
    Traits traits;
    traits.no_gradient = {1};
    return traits;
  }

  void forward(const ForwardArgs& args) const override {
    const View& y = args.outputs[0];
    args.device.copy(broadcast(args.inputs[0], y.shape), y);
  }

  void backward(const BackwardArgs& args) const override {
    const InputGradient& dx = args.input_gradients[0];
    if (dx.view) sum_to(args.device, args.output_gradients[0], dx.view, 1.0, dx.accumulate);
  }
};

// The input as a tile, laid down again and again: each repeated axis of the output is seen as two,
// the tile's number and the place in it, along the first of which the input has stride 0.
class Tile final : public Operator {
 public:
  using Fields = NoFields;
  explicit Tile(const Fields&) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const ValueInfo& x = required(inputs, 0, "input");
    const std::vector<std::int64_t> repeats = known_integers(inputs, 1, "the repeats");
    if (static_cast<int>(repeats.size()) != x.shape.rank()) {
      fail<ModelError>("expected {} repeats, got {}", x.shape.rank(), repeats.size());
    }
    constexpr std::int64_t kMost = std::int64_t{1} << 40;
    Shape shape;
    int seen = 0;
    for (int axis = 0; axis < x.shape.rank(); ++axis) {
      const std::int64_t repeat = repeats[static_cast<std::size_t>(axis)];
      if (repeat < 0 || repeat > kMost || (x.shape[axis] > kMost)) {
        fail<ModelError>("expected repeats of 0 to 2^40, got {}", repeat);
      }
      // Both factors are at most 2^40: divided before they are multiplied.
      if (repeat != 0 && x.shape[axis] > kMost / repeat) fail<ModelError>("the tiles are too many");
      shape.push_back(x.shape[axis] * repeat);
      seen += splits(x.shape[axis], shape[axis]) ? 2 : 1;
    }
    if (seen > Shape::kMaxRank) {
      fail<ModelError>("{} tiled to {} repeats more axes than are supported", x.shape.str(),
                       shape.str());
    }
    return folded(*this, inputs, {{.dtype = x.dtype, .shape = shape}});
  }

  Traits traits(const Device&, std::span<const ValueInfo>,
                std::span<const ValueInfo>) const override {
    Traits traits;
    traits.no_gradient = {1};
    return traits;
  }

  void forward(const ForwardArgs& args) const override {
    const View tiles = split(args.outputs[0], args.inputs[0].shape);
    args.device.copy(broadcast(tile(args.inputs[0], args.outputs[0].shape), tiles.shape), tiles);
  }

  void backward(const BackwardArgs& args) const override {
    const InputGradient& dx = args.input_gradients[0];
    const ConstView& dy = args.output_gradients[0];
    if (!dx.view) return;
    args.device.reduce_sum(split(dy, dx.view.shape), tile(dx.view, dy.shape), 1.0, dx.accumulate);
  }

 private:
  static bool splits(std::int64_t in, std::int64_t out) { return in != 1 && out != in; }

  template <class Void>
  static BasicView<Void> split(const BasicView<Void>& out, const Shape& in) {
    BasicView<Void> result(out.data, out.dtype, {}, {});
    const auto add = [&](std::int64_t size, std::int64_t stride) {
      result.strides[static_cast<std::size_t>(result.shape.rank())] = stride;
      result.shape.push_back(size);
    };
    for (int axis = 0; axis < in.rank(); ++axis) {
      if (splits(in[axis], out.shape[axis])) {
        add(in[axis] == 0 ? 0 : out.shape[axis] / in[axis], in[axis] * out.stride(axis));
        add(in[axis], out.stride(axis));
      } else {
        add(out.shape[axis], out.stride(axis));
      }
    }
    return result;
  }

  template <class Void>
  static BasicView<Void> tile(const BasicView<Void>& in, const Shape& out) {
    BasicView<Void> result(in.data, in.dtype, {}, {});
    for (int axis = 0; axis < in.shape.rank(); ++axis) {
      if (splits(in.shape[axis], out[axis])) result.shape.push_back(1);
      result.strides[static_cast<std::size_t>(result.shape.rank())] = in.stride(axis);
      result.shape.push_back(in.shape[axis]);
    }
    return result;
  }
};

}  // namespace

void register_op_tile(OperatorRegistry& registry) {
  registry.add({.name = "Expand",
                .doc = "The input broadcast to a shape that is known when compiled.",
                .min_inputs = 2,
                .max_inputs = 2,
                .make = make_operator<Expand>});
  registry.add({.name = "Tile",
                .doc = "The input repeated along each axis as often as `repeats` says.",
                .min_inputs = 2,
                .max_inputs = 2,
                .make = make_operator<Tile>});
}

}  // namespace striate
