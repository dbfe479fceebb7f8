#include <array>
#include <optional>
#include <utility>

#include <fmt/ranges.h>

#include "ops/operands.h"
#include "ops/views.h"

namespace striate {
namespace {

// The same elements in the same order under another shape: nothing to do where the plan gives both
// the same memory, else one copy.
class SameElements : public Operator {
 public:
  Traits traits(const Device&, std::span<const ValueInfo>,
                std::span<const ValueInfo>) const override {
    Traits traits;
    traits.layout = Traits::Needs::row_major;
    traits.in_place = 0;
    traits.gradient_in_place = 0;
    return traits;
  }

  void forward(const ForwardArgs& args) const override {
    const View& y = args.outputs[0];
    args.device.copy(under(args.inputs[0], y.shape), y);
  }

  void backward(const BackwardArgs& args) const override {
    const InputGradient& dx = args.input_gradients[0];
    if (!dx.view) return;
    args.device.copy(under(args.output_gradients[0], dx.view.shape), dx.view, dx.accumulate);
  }

 private:
  static ConstView under(const ConstView& view, const Shape& shape) {
    return view.shape == shape ? view : reshaped(view, shape);
  }
};

class Identity final : public SameElements {
 public:
  using Fields = NoFields;
  explicit Identity(const Fields&) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const ValueInfo& x = required(inputs, 0, "input");
    return {x};
  }

  Traits traits(const Device& device, std::span<const ValueInfo> inputs,
                std::span<const ValueInfo> outputs) const override {
    Traits traits = SameElements::traits(device, inputs, outputs);
    traits.layout = Traits::Needs::any;
    return traits;
  }
};

class Flatten final : public SameElements {
 public:
  struct Fields {
    std::int64_t axis = 1;
    STRIATE_FIELDS(visit("axis", axis, "first axis of the second dimension");)
  };
  explicit Flatten(const Fields& fields) : fields_(fields) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const ValueInfo& x = required(inputs, 0, "input");
    const int rank = x.shape.rank();
    if (fields_.axis < -rank || fields_.axis > rank) {
      fail<ModelError>("expected an axis in [{}, {}], got {}", -rank, rank, fields_.axis);
    }
    const auto axis = fields_.axis < 0 ? fields_.axis + rank : fields_.axis;
    const Shape rows({x.shape.begin(), x.shape.begin() + axis});
    const Shape columns({x.shape.begin() + axis, x.shape.end()});
    return folded(*this, inputs,
                  {{.dtype = x.dtype, .shape = {rows.elements(), columns.elements()}}});
  }

 private:
  Fields fields_;
};

class Reshape final : public SameElements {
 public:
  struct Fields {
    bool allowzero = false;
    STRIATE_FIELDS(visit("allowzero", allowzero, "0 is a size, not the input's size");)
  };
  explicit Reshape(const Fields& fields) : fields_(fields) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const ValueInfo& x = required(inputs, 0, "data");
    const auto wanted = known_integers(inputs, 1, "the shape");
    return folded(*this, inputs, {{.dtype = x.dtype, .shape = resolve(x.shape, wanted)}});
  }

  Traits traits(const Device& device, std::span<const ValueInfo> inputs,
                std::span<const ValueInfo> outputs) const override {
    Traits traits = SameElements::traits(device, inputs, outputs);
    traits.no_gradient = {1};
    return traits;
  }

 private:
  // `wanted` with 0 replaced by the input's size there, and one -1 by what is left.
  Shape resolve(const Shape& input, std::span<const std::int64_t> wanted) const {
    const auto refuse = [&] {
      fail<ModelError>("cannot reshape {} to [{}]", input.str(), fmt::join(wanted, ", "));
    };
    Shape result;
    Shape known;
    std::optional<int> open;
    for (const std::int64_t size : wanted) {
      const int axis = result.rank();
      const bool copied = size == 0 && !fields_.allowzero;
      if (size < -1 || (size == -1 && open) || (copied && axis >= input.rank())) refuse();
      result.push_back(copied ? input[axis] : size);
      if (size == -1) {
        open = axis;
      } else {
        known.push_back(result[axis]);
      }
    }
    if (open) {
      const std::int64_t rest = known.elements();
      if (rest == 0 || input.elements() % rest != 0) refuse();
      result[*open] = input.elements() / rest;
    }
    if (result.elements() != input.elements()) refuse();
    return result;
  }

  Fields fields_;
};

// Where the axes come from: input 1 since opset 13.
std::vector<std::int64_t> axes_of(std::span<const ValueInfo> inputs) {
  return known_integers(inputs, 1, "the axes");
}

class Squeeze final : public SameElements {
 public:
  using Fields = NoFields;
  explicit Squeeze(const Fields&) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const ValueInfo& x = required(inputs, 0, "data");
    std::array<bool, Shape::kMaxRank> dropped{};
    if (present(inputs, 1)) {
      for (const std::int64_t given : axes_of(inputs)) {
        const int axis = normalized_axis(given, x.shape.rank());
        if (x.shape[axis] != 1) {
          fail<ModelError>("axis {} of {} is not of size 1", axis, x.shape.str());
        }
        dropped[static_cast<std::size_t>(axis)] = true;
      }
    } else {
      for (int axis = 0; axis < x.shape.rank(); ++axis) {
        dropped[static_cast<std::size_t>(axis)] = x.shape[axis] == 1;
      }
    }
    Shape shape;
    for (int axis = 0; axis < x.shape.rank(); ++axis) {
      if (!dropped[static_cast<std::size_t>(axis)]) shape.push_back(x.shape[axis]);
    }
    return folded(*this, inputs, {{.dtype = x.dtype, .shape = shape}});
  }

  Traits traits(const Device& device, std::span<const ValueInfo> inputs,
                std::span<const ValueInfo> outputs) const override {
    Traits traits = SameElements::traits(device, inputs, outputs);
    traits.no_gradient = {1};
    return traits;
  }
};

class Unsqueeze final : public SameElements {
 public:
  using Fields = NoFields;
  explicit Unsqueeze(const Fields&) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const ValueInfo& x = required(inputs, 0, "data");
    const std::vector<std::int64_t> axes = axes_of(inputs);
    const std::size_t rank = static_cast<std::size_t>(x.shape.rank()) + axes.size();
    if (rank > Shape::kMaxRank) {
      fail<ModelError>("expected at most {} axes, got {}", Shape::kMaxRank, rank);
    }
    std::array<bool, Shape::kMaxRank> added{};
    for (const std::int64_t given : axes) {
      const int axis = normalized_axis(given, static_cast<int>(rank));
      if (std::exchange(added[static_cast<std::size_t>(axis)], true)) {
        fail<ModelError>("axis {} is added twice", axis);
      }
    }
    Shape shape;
    int next = 0;
    for (std::size_t axis = 0; axis < rank; ++axis) {
      shape.push_back(added[axis] ? 1 : x.shape[next++]);
    }
    return folded(*this, inputs, {{.dtype = x.dtype, .shape = shape}});
  }

  Traits traits(const Device& device, std::span<const ValueInfo> inputs,
                std::span<const ValueInfo> outputs) const override {
    Traits traits = SameElements::traits(device, inputs, outputs);
    traits.no_gradient = {1};
    return traits;
  }
};

}  // namespace

void register_op_reshape(OperatorRegistry& registry) {
  registry.add({.name = "Identity", .doc = "The input as it is.", .make = make_operator<Identity>});
  registry.add({.name = "Flatten",
                .doc = "The input as a matrix, its axes split in two at `axis`.",
                .make = make_operator<Flatten>});
  registry.add({.name = "Reshape",
                .doc = "The same elements under another shape, known when compiled.",
                .min_inputs = 2,
                .max_inputs = 2,
                .make = make_operator<Reshape>});
  registry.add({.name = "Squeeze",
                .doc = "The input without axes of size 1: those that are named, or all.",
                .max_inputs = 2,
                .make = make_operator<Squeeze>});
  registry.add({.name = "Unsqueeze",
                .doc = "The input with axes of size 1 put in, counted in the output.",
                .min_inputs = 2,
                .max_inputs = 2,
                .make = make_operator<Unsqueeze>});
}

}  // namespace striate
