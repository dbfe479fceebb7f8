#pragma once

#include <cstdint>

namespace striate {

/// The table of elementwise functions. X(name, inputs, parameters, meaning): a device computes
/// every row, and a test compares each row with the reference. a, b, c are inputs, p parameters; in
/// rows that end in _grad, a is the output's gradient and b what the row says.
#define STRIATE_FUNCTIONS(X)                                                              \
  X(identity, 1, 0, "a")                                                                  \
  X(add, 2, 0, "a + b")                                                                   \
  X(sub, 2, 0, "a - b")                                                                   \
  X(mul, 2, 0, "a * b")                                                                   \
  X(div, 2, 0, "a / b")                                                                   \
  X(scale, 1, 1, "p0 * a")                                                                \
  X(relu, 1, 0, "a > 0 ? a : 0; NaN stays NaN")                                           \
  X(relu_grad, 2, 0, "b > 0 ? a : 0, b the output")                                       \
  X(sigmoid, 1, 0, "1 / (1 + exp(-a))")                                                   \
  X(sigmoid_grad, 2, 0, "a * b * (1 - b), b the output")                                  \
  X(tanh, 1, 0, "tanh(a)")                                                                \
  X(tanh_grad, 2, 0, "a * (1 - b * b), b the output")                                     \
  X(abs, 1, 0, "|a|")                                                                     \
  X(abs_grad, 2, 0, "b > 0 ? a : b < 0 ? -a : 0, b the input")                            \
  X(exp, 1, 0, "exp(a)")                                                                  \
  X(log, 1, 0, "log(a)")                                                                  \
  X(sqrt, 1, 0, "sqrt(a)")                                                                \
  X(sqrt_grad, 2, 0, "a / (2 * b), b the output")                                         \
  X(reciprocal, 1, 0, "1 / a")                                                            \
  X(reciprocal_grad, 2, 0, "-a * b * b, b the output")                                    \
  X(leaky_relu, 1, 1, "a < 0 ? p0 * a : a")                                               \
  X(leaky_relu_grad, 2, 1, "b < 0 ? p0 * a : a, b the input")                             \
  X(prelu, 2, 0, "a < 0 ? a * b : a")                                                     \
  X(prelu_grad, 3, 0, "b < 0 ? a * c : a, b the input, c the slope")                      \
  X(prelu_slope_grad, 2, 0, "b < 0 ? a * b : 0, b the input")                             \
  X(elu, 1, 2, "p1 * (a < 0 ? p0 * (exp(a) - 1) : a)")                                    \
  X(elu_grad, 2, 2, "p1 * a * (b < 0 ? p0 * exp(b) : 1), b the input")                    \
  X(hard_sigmoid, 1, 2, "p0 * a + p1 between 0 and 1; NaN stays NaN")                     \
  X(hard_sigmoid_grad, 2, 2, "0 < b < 1 ? p0 * a : 0, b the output")                      \
  X(softplus, 1, 0, "log(1 + exp(a))")                                                    \
  X(softplus_grad, 2, 0, "a / (1 + exp(-b)), b the input")                                \
  X(softsign, 1, 0, "a / (1 + |a|)")                                                      \
  X(softsign_grad, 2, 0, "a / (1 + |b|)^2, b the input")                                  \
  X(clip, 1, 2, "a < p0 ? p0 : a > p1 ? p1 : a")                                          \
  X(clip_grad, 2, 2, "b < p0 or b > p1 ? 0 : a, b the input")                             \
  X(power, 1, 1, "a^p0")                                                                  \
  X(pow, 2, 0, "a^b")                                                                     \
  X(pow_base_grad, 3, 0, "a * c * b^(c - 1), b the base, c the exponent")                 \
  X(pow_exponent_grad, 3, 0, "b == 0 ? 0 : a * b^c * log(b), b the base, c the exponent") \
  X(max, 2, 0, "the larger; NaN where either is NaN")                                     \
  X(min, 2, 0, "the smaller; NaN where either is NaN")                                    \
  X(where, 3, 0, "a != 0 ? b : c")                                                        \
  X(pass_equal, 3, 0, "b == c ? a : 0")                                                   \
  X(pass_other, 3, 0, "b == c ? 0 : a")                                                   \
  X(smooth_l1, 2, 1, "d < p0 ? d * d / (2 * p0) : d - p0 / 2, d = |a - b|")               \
  X(smooth_l1_grad, 3, 1, "a * (|d| < p0 ? d / p0 : d > 0 ? 1 : d < 0 ? -1 : 0), d = b - c")

enum class Function : std::uint8_t {
#define STRIATE_FUNCTION_NAME(name, inputs, parameters, meaning) name,
  STRIATE_FUNCTIONS(STRIATE_FUNCTION_NAME)
#undef STRIATE_FUNCTION_NAME
};

struct FunctionRow {
  Function function;
  const char* name;
  int inputs;
  int parameters;
  const char* meaning;
};

inline constexpr FunctionRow kFunctions[] = {
#define STRIATE_FUNCTION_ROW(name, inputs, parameters, meaning) \
  {Function::name, #name, inputs, parameters, meaning},
    STRIATE_FUNCTIONS(STRIATE_FUNCTION_ROW)
#undef STRIATE_FUNCTION_ROW
};

}  // namespace striate
