#include <limits>

#include "ops/operands.h"
#include "ops/views.h"

namespace striate {
namespace {

// What a function's gradient reads beside the output's gradient.
enum class Reads : std::uint8_t { output, input, neither };

// A function of one element: the device's rows for its value and its slope, and the attributes
// that are the rows' parameters, with ONNX's defaults.
struct Row {
  const char* name;
  const char* doc;
  Function function;
  Function gradient;
  Reads reads;
  std::vector<std::pair<const char*, double>> parameters = {};
};

const std::vector<Row>& rows() {
  static const std::vector<Row> all = {
      {"Abs", "|x| of each element; the slope at 0 is 0.", Function::abs, Function::abs_grad,
       Reads::input},
      {"Neg", "-x of each element.", Function::scale, Function::scale, Reads::neither},
      {"Exp", "exp(x) of each element.", Function::exp, Function::mul, Reads::output},
      {"Log", "The natural logarithm of each element.", Function::log, Function::div, Reads::input},
      {"Sqrt", "The square root of each element.", Function::sqrt, Function::sqrt_grad,
       Reads::output},
      {"Reciprocal", "1 / x of each element.", Function::reciprocal, Function::reciprocal_grad,
       Reads::output},
      {"LeakyRelu",
       "x, or alpha * x where x < 0 (Maas et al., 2013).",
       Function::leaky_relu,
       Function::leaky_relu_grad,
       Reads::input,
       {{"alpha", 0.01}}},
      {"Elu",
       "x, or alpha * (exp(x) - 1) where x < 0 (Clevert et al., arXiv:1511.07289).",
       Function::elu,
       Function::elu_grad,
       Reads::input,
       {{"alpha", 1.0}}},
      {"Selu",
       "Elu times gamma, whose fixed point is mean 0 and variance 1 (arXiv:1706.02515).",
       Function::elu,
       Function::elu_grad,
       Reads::input,
       {{"alpha", 1.67326319217681884765625}, {"gamma", 1.05070102214813232421875}}},
      {"HardSigmoid",
       "alpha * x + beta, kept between 0 and 1.",
       Function::hard_sigmoid,
       Function::hard_sigmoid_grad,
       Reads::output,
       {{"alpha", 0.2}, {"beta", 0.5}}},
      {"Softplus", "log(1 + exp(x)) of each element.", Function::softplus, Function::softplus_grad,
       Reads::input},
      {"Softsign", "x / (1 + |x|) of each element.", Function::softsign, Function::softsign_grad,
       Reads::input},
  };
  return all;
}

class Unary final : public Operator {
 public:
  Unary(const Row& row, std::vector<double> parameters)
      : row_(row), parameters_(std::move(parameters)) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const ValueInfo& x = required_float(inputs, 0, "an input");
    return {{.dtype = x.dtype, .shape = x.shape}};
  }

  Traits traits(const Device&, std::span<const ValueInfo>,
                std::span<const ValueInfo>) const override {
    Traits traits;
    // Where backward reads the input, nothing may be written over it.
    if (row_.reads != Reads::input) traits.in_place = 0;
    traits.gradient_in_place = 0;
    traits.backward_reads_inputs = row_.reads == Reads::input;
    traits.backward_reads_outputs = row_.reads == Reads::output;
    return traits;
  }

  void forward(const ForwardArgs& args) const override {
    args.device.elementwise(row_.function, args.inputs.first(1), args.outputs[0], parameters_);
  }

  void backward(const BackwardArgs& args) const override {
    const InputGradient& dx = args.input_gradients[0];
    if (!dx.view) return;
    const ConstView& dy = args.output_gradients[0];
    const ConstView operands[] = {dy,
                                  row_.reads == Reads::input ? args.inputs[0] : args.outputs[0]};
    const FunctionRow& gradient = kFunctions[static_cast<std::size_t>(row_.gradient)];
    args.device.elementwise(
        row_.gradient, std::span(operands).first(static_cast<std::size_t>(gradient.inputs)),
        dx.view, std::span(parameters_).first(static_cast<std::size_t>(gradient.parameters)),
        dx.accumulate);
  }

 private:
  const Row& row_;
  std::vector<double> parameters_;
};

std::unique_ptr<Operator> make(const Row& row, const Attributes& attributes) {
  std::vector<std::string> known;
  std::vector<double> parameters;
  for (const auto& [name, fallback] : row.parameters) {
    known.emplace_back(name);
    const auto found = attributes.find(name);
    parameters.push_back(fallback);
    if (found == attributes.end()) continue;
    const double* value = std::get_if<double>(&found->second);
    if (value == nullptr) attribute_kind_error(name, found->second, "a number");
    parameters.back() = *value;
  }
  check_attribute_names(attributes, known);
  // The rows of Neg and Elu have a parameter that is no attribute.
  if (row.function == Function::scale) parameters = {-1.0};
  if (row.function == Function::elu && parameters.size() == 1) parameters.push_back(1.0);
  return std::make_unique<Unary>(row, std::move(parameters));
}

// x kept between two bounds, each of them optional.
class Clip final : public Operator {
 public:
  using Fields = NoFields;
  explicit Clip(const Fields&) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const ValueInfo& x = required_float(inputs, 0, "an input");
    if (present(inputs, 1)) known_number(inputs, 1, "min");
    if (present(inputs, 2)) known_number(inputs, 2, "max");
    return {{.dtype = x.dtype, .shape = x.shape}};
  }

  Traits traits(const Device&, std::span<const ValueInfo>,
                std::span<const ValueInfo>) const override {
    Traits traits;
    traits.gradient_in_place = 0;
    traits.backward_reads_inputs = true;
    traits.no_gradient = {1, 2};
    return traits;
  }

  void forward(const ForwardArgs& args) const override {
    args.device.elementwise(Function::clip, args.inputs.first(1), args.outputs[0],
                            bounds(args.inputs));
  }

  void backward(const BackwardArgs& args) const override {
    const InputGradient& dx = args.input_gradients[0];
    if (!dx.view) return;
    const ConstView operands[] = {args.output_gradients[0], args.inputs[0]};
    args.device.elementwise(Function::clip_grad, operands, dx.view, bounds(args.inputs),
                            dx.accumulate);
  }

 private:
  static std::vector<double> bounds(std::span<const ConstView> inputs) {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    const ConstView low = at(inputs, 1);
    const ConstView high = at(inputs, 2);
    return {low ? number(low) : -kInfinity, high ? number(high) : kInfinity};
  }
};

}  // namespace

void register_op_unary(OperatorRegistry& registry) {
  for (const Row& row : rows()) {
    registry.add({.name = row.name, .doc = row.doc, .make = [&row](const Attributes& attributes) {
                    return make(row, attributes);
                  }});
  }
  registry.add({.name = "Clip",
                .doc = "Each element kept between min and max, known when compiled.",
                .max_inputs = 3,
                .make = make_operator<Clip>});
}

}  // namespace striate
