#include "ops/operands.h"

#include <algorithm>

#include "ops/views.h"

namespace striate {

bool present(std::span<const ValueInfo> operands, std::size_t i) {
  return i < operands.size() && !operands[i].absent;
}

const ValueInfo& required(std::span<const ValueInfo> inputs, std::size_t i, std::string_view what) {
  if (!present(inputs, i)) fail<ModelError>("input {} ({}) is missing", i, what);
  return inputs[i];
}

const ValueInfo& required_float(std::span<const ValueInfo> inputs, std::size_t i,
                                std::string_view what) {
  const ValueInfo& input = required(inputs, i, what);
  if (!is_float(input.dtype)) {
    fail<ModelError>(
        "expected {} of floating-point numbers, got {}; arithmetic on integers is not supported",
        what, name_of(input.dtype));
  }
  return input;
}

void expect_map(const Shape& input) {
  if (input.rank() == 3 || input.rank() == 4) return;
  fail<ModelError>("expected an input N,C,W or N,C,H,W, got {}{}", input.str(),
                   input.rank() > 4 ? "; three and more spatial dimensions are not supported" : "");
}

void expect(const ValueInfo& operand, DType dtype, const Shape& shape, std::string_view what) {
  if (operand.dtype == dtype && operand.shape == shape) return;
  fail<ModelError>("expected {} {} {}, got {} {}", what, name_of(dtype), shape.str(),
                   name_of(operand.dtype), operand.shape.str());
}

std::vector<std::int64_t> known_integers(std::span<const ValueInfo> inputs, std::size_t i,
                                         std::string_view what) {
  const ValueInfo& input = required(inputs, i, what);
  if (input.dtype != DType::i64 && input.dtype != DType::i32) {
    fail<ModelError>("expected {} of int64, got {}", what, name_of(input.dtype));
  }
  if (input.shape.rank() > 1) {
    fail<ModelError>("expected {} of one axis, got {}", what, input.shape.str());
  }
  if (input.constant == nullptr) {
    fail<ModelError>("expected {} to be known when the network is compiled", what);
  }
  return integers(input.constant->view());
}

double known_number(std::span<const ValueInfo> inputs, std::size_t i, std::string_view what) {
  const ValueInfo& input = required(inputs, i, what);
  if (input.shape.elements() != 1) {
    fail<ModelError>("expected {} to be one number, got {}", what, input.shape.str());
  }
  if (input.constant == nullptr) {
    fail<ModelError>("expected {} to be known when the network is compiled", what);
  }
  return number(input.constant->view());
}

int normalized_axis(std::int64_t axis, int rank) {
  if (axis < -rank || axis >= rank) {
    fail<ModelError>("expected an axis in [{}, {}), got {}", -rank, rank, axis);
  }
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

Shape broadcast_shape(const Shape& a, const Shape& b) {
  Shape result;
  const int rank = std::max(a.rank(), b.rank());
  for (int axis = 0; axis < rank; ++axis) {
    const int in_a = axis - (rank - a.rank());
    const int in_b = axis - (rank - b.rank());
    const std::int64_t size_a = in_a < 0 ? 1 : a[in_a];
    const std::int64_t size_b = in_b < 0 ? 1 : b[in_b];
    if (size_a != size_b && size_a != 1 && size_b != 1) {
      fail<ModelError>("expected shapes that broadcast, got {} and {}", a.str(), b.str());
    }
    result.push_back(size_a == 1 ? size_b : size_a);
  }
  return result;
}

std::vector<ValueInfo> folded(const Operator& op, std::span<const ValueInfo> inputs,
                              std::vector<ValueInfo> outputs) {
  static const std::unique_ptr<Device> host = make_reference_device();
  const auto known = [](const ValueInfo& v) { return v.absent || v.constant != nullptr; };
  const auto integer = [](const ValueInfo& v) { return !is_float(v.dtype); };
  if (!std::all_of(inputs.begin(), inputs.end(), known) ||
      !std::all_of(outputs.begin(), outputs.end(), integer)) {
    return outputs;
  }
  std::vector<ConstView> in;
  for (const ValueInfo& v : inputs) {
    in.push_back(v.absent ? ConstView{} : std::as_const(*v.constant).view());
  }
  std::vector<View> out;
  for (ValueInfo& v : outputs) {
    auto tensor = std::make_shared<Tensor>(v.dtype, v.shape);
    out.push_back(tensor->view());
    v.constant = std::move(tensor);
  }
  op.forward(
      {.device = *host, .inputs = in, .outputs = out, .saved = {}, .scratch = {}, .key = {}});
  return outputs;
}

void apply(const Device& device, Function f, std::initializer_list<ConstView> inputs,
           const View& out, std::initializer_list<double> parameters, bool accumulate) {
  device.elementwise(f, {inputs.begin(), inputs.size()}, out,
                     {parameters.begin(), parameters.size()}, accumulate);
}

void sum_to(const Device& device, const ConstView& x, const View& out, double scale,
            bool accumulate) {
  if (x.shape != out.shape) {
    device.reduce_sum(x, aligned(out, x.shape.rank()), scale, accumulate);
  } else if (scale == 1.0) {
    device.copy(x, out, accumulate);
  } else {
    apply(device, Function::scale, {x}, out, {scale}, accumulate);
  }
}

}  // namespace striate
