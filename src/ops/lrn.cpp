#include <algorithm>

#include "ops/operands.h"
#include "ops/views.h"

namespace striate {
namespace {

// Krizhevsky et al., 2012, section 3.3: y = x * s^-beta with
// s = bias + alpha / size * sum of x^2 over `size` neighbouring channels.
class Lrn final : public Operator {
 public:
  struct Fields {
    double alpha = 1e-4;
    double beta = 0.75;
    double bias = 1.0;
    std::int64_t size = 0;
    STRIATE_FIELDS(visit("alpha", alpha, "weight of the mean of squares");
                   visit("beta", beta, "exponent"); visit("bias", bias, "added to the mean");
                   visit("size", size, "channels that are summed");)
  };
  explicit Lrn(const Fields& fields) : fields_(fields) {
    if (fields_.size < 1) fail<ModelError>("size: expected at least 1, got {}", fields_.size);
  }

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const ValueInfo& x = required_float(inputs, 0, "X");
    if (x.shape.rank() < 2) {
      fail<ModelError>("expected an input N,C or N,C and more axes, got {}", x.shape.str());
    }
    return {{.dtype = x.dtype, .shape = x.shape}};
  }

  Traits traits(const Device&, std::span<const ValueInfo> inputs,
                std::span<const ValueInfo>) const override {
    const std::size_t map = scratch_bytes(inputs[0].dtype, inputs[0].shape);
    Traits traits;
    traits.backward_reads_inputs = true;
    traits.backward_reads_outputs = true;
    traits.saved = {{.dtype = inputs[0].dtype, .shape = inputs[0].shape}};
    traits.forward_scratch = 3 * map;
    traits.backward_scratch = 2 * map;
    return traits;
  }

  void forward(const ForwardArgs& args) const override {
    const Device& device = args.device;
    const ConstView& x = args.inputs[0];
    Scratch scratch(args.scratch);
    const View squares = scratch_view(scratch, x);
    const View power = scratch_view(scratch, x);
    const View s = at(args.saved, 0) ? args.saved[0] : scratch_view(scratch, x);
    apply(device, Function::mul, {x, x}, squares);
    device.fill(s, fields_.bias);
    add_neighbours(device, squares, s, fields_.alpha / static_cast<double>(fields_.size), false);
    apply(device, Function::power, {s}, power, {-fields_.beta});
    apply(device, Function::mul, {x, power}, args.outputs[0]);
  }

  // dx = dy s^-beta - 2 alpha beta / size * x * (sum over neighbours of dy y / s).
  void backward(const BackwardArgs& args) const override {
    const InputGradient& dx = args.input_gradients[0];
    if (!dx.view) return;
    const Device& device = args.device;
    const ConstView& x = args.inputs[0];
    const ConstView& dy = args.output_gradients[0];
    const ConstView& s = args.saved[0];
    Scratch scratch(args.scratch);
    const View part = scratch_view(scratch, x);
    const View sum = scratch_view(scratch, x);
    apply(device, Function::mul, {dy, args.outputs[0]}, part);
    apply(device, Function::div, {part, s}, part);
    device.fill(sum, 0.0);
    add_neighbours(device, part, sum,
                   -2.0 * fields_.alpha * fields_.beta / static_cast<double>(fields_.size), true);
    apply(device, Function::mul, {sum, x}, sum);
    apply(device, Function::power, {s}, part, {-fields_.beta});
    apply(device, Function::mul, {part, dy}, part);
    apply(device, Function::add, {part, sum}, dx.view, {}, dx.accumulate);
  }

 private:
  // to[c] += factor * sum of from[c + d] for d from -(size - 1) / 2 to size / 2 (reversed for the
  // adjoint, where size is even).
  void add_neighbours(const Device& device, const ConstView& from, const View& to, double factor,
                      bool adjoint) const {
    const std::int64_t channels = from.shape[1];
    const std::int64_t before = (fields_.size - 1) / 2;
    const std::int64_t after = fields_.size - 1 - before;
    const std::int64_t low = std::max(-(adjoint ? after : before), 1 - channels);
    const std::int64_t high = std::min(adjoint ? before : after, channels - 1);
    for (std::int64_t d = low; d <= high; ++d) {
      const std::int64_t begin = std::max<std::int64_t>(-d, 0);
      const std::int64_t count = channels - std::abs(d);
      apply(device, Function::scale, {sliced(from, 1, begin + d, count)},
            sliced(to, 1, begin, count), {factor}, true);
    }
  }

  Fields fields_;
};

}  // namespace

void register_op_lrn(OperatorRegistry& registry) {
  registry.add({.name = "LRN",
                .doc = "Local response normalization across channels (Krizhevsky et al., 2012).",
                .make = make_operator<Lrn>});
}

}  // namespace striate
