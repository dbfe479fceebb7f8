#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "striate/ops/operator.h"

namespace striate {

/// What shape rules ask of their operands. Everything here throws ModelError with one line: which
/// operand, expected, got.

/// True where an optional operand was given.
bool present(std::span<const ValueInfo> operands, std::size_t i);

/// A required operand: it may still be missing where a file left its name empty.
const ValueInfo& required(std::span<const ValueInfo> inputs, std::size_t i, std::string_view what);
/// The same, of float32 or float64.
const ValueInfo& required_float(std::span<const ValueInfo> inputs, std::size_t i,
                                std::string_view what);

/// The input of a convolution or pooling: one or two spatial dimensions; three are out of scope.
void expect_map(const Shape& input);

/// An operand that must have the first one's dtype and `shape`.
void expect(const ValueInfo& operand, DType dtype, const Shape& shape, std::string_view what);

/// An operand whose integers are known (int64 or int32, one axis or a scalar).
std::vector<std::int64_t> known_integers(std::span<const ValueInfo> inputs, std::size_t i,
                                         std::string_view what);
/// An operand that is one known number.
double known_number(std::span<const ValueInfo> inputs, std::size_t i, std::string_view what);

/// `axis` counted from the end where it is negative; it must lie in [0, rank).
int normalized_axis(std::int64_t axis, int rank);

/// NumPy's broadcast of two shapes.
Shape broadcast_shape(const Shape& a, const Shape& b);

/// `outputs` of an operator that only moves elements, with their numbers where every input is known
/// and they are not floating-point: computed by the operator's own forward, on the host.
std::vector<ValueInfo> folded(const Operator& op, std::span<const ValueInfo> inputs,
                              std::vector<ValueInfo> outputs);

/// Makes an operator whose attributes are its struct `Fields`.
template <class Op>
std::unique_ptr<Operator> make_operator(const Attributes& attributes) {
  return std::make_unique<Op>(read_attributes<typename Op::Fields>(attributes));
}

/// The attributes of an operator that has none.
struct NoFields {
  STRIATE_FIELDS()
};

/// device.elementwise with its operands written as lists.
void apply(const Device& device, Function f, std::initializer_list<ConstView> inputs,
           const View& out, std::initializer_list<double> parameters = {}, bool accumulate = false);

/// Sums `x` over the axes that `out` does not have, or has with size 1, and scales it: the gradient
/// of a broadcast. Where nothing is to be summed, a copy (none at all in place).
void sum_to(const Device& device, const ConstView& x, const View& out, double scale,
            bool accumulate);

}  // namespace striate
