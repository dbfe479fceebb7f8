#pragma once

#include <cstdint>

namespace striate {

/// The table of elementwise functions. X(name, inputs, parameters, meaning): a device computes
/// every row, and a test compares each row with the reference. a, b are inputs, p parameters; in
/// rows that end in _grad, a is the output's gradient and b what the row says.
#define STRIATE_FUNCTIONS(X)                             \
  X(identity, 1, 0, "a")                                 \
  X(add, 2, 0, "a + b")                                  \
  X(sub, 2, 0, "a - b")                                  \
  X(mul, 2, 0, "a * b")                                  \
  X(div, 2, 0, "a / b")                                  \
  X(scale, 1, 1, "p0 * a")                               \
  X(relu, 1, 0, "a > 0 ? a : 0; NaN stays NaN")          \
  X(relu_grad, 2, 0, "b > 0 ? a : 0, b the output")      \
  X(sigmoid, 1, 0, "1 / (1 + exp(-a))")                  \
  X(sigmoid_grad, 2, 0, "a * b * (1 - b), b the output") \
  X(tanh, 1, 0, "tanh(a)")                               \
  X(tanh_grad, 2, 0, "a * (1 - b * b), b the output")

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
