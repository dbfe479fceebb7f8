#include <array>
#include <cmath>

#include "device/check.h"
#include "device/reference/loops.h"
#include "device/reference/reference_device.h"

namespace striate {
namespace {

using namespace reference;

// One function a row of the table in device/functions.h, by the row's name: in[0] is a, in[1] is b.
using Values = const double*;
namespace row {

double identity(Values in, Values) { return in[0]; }
double add(Values in, Values) { return in[0] + in[1]; }
double sub(Values in, Values) { return in[0] - in[1]; }
double mul(Values in, Values) { return in[0] * in[1]; }
double div(Values in, Values) { return in[0] / in[1]; }
double scale(Values in, Values p) { return p[0] * in[0]; }
double relu(Values in, Values) { return in[0] > 0 || std::isnan(in[0]) ? in[0] : 0.0; }
double relu_grad(Values in, Values) { return in[1] > 0 ? in[0] : 0.0; }
double sigmoid(Values in, Values) { return 1.0 / (1.0 + std::exp(-in[0])); }
double sigmoid_grad(Values in, Values) { return in[0] * in[1] * (1.0 - in[1]); }
double tanh(Values in, Values) { return std::tanh(in[0]); }
double tanh_grad(Values in, Values) { return in[0] * (1.0 - in[1] * in[1]); }

}  // namespace row

constexpr double (*kRows[])(Values, Values) = {
#define STRIATE_REFERENCE_ROW(name, inputs, parameters, meaning) row::name,
    STRIATE_FUNCTIONS(STRIATE_REFERENCE_ROW)
#undef STRIATE_REFERENCE_ROW
};

constexpr int kMaxInputs = 4;

}  // namespace

void ReferenceDevice::elementwise(Function f, std::span<const ConstView> inputs, const View& out,
                                  std::span<const double> parameters, bool accumulate) const {
  check_elementwise(f, inputs, out, parameters);
  invariant(inputs.size() <= kMaxInputs, "elementwise: too many inputs");
  with_float(out.dtype, "elementwise", [&]<class T>(T) {
    std::array<Elements<const T>, kMaxInputs> ins;
    for (std::size_t k = 0; k < inputs.size(); ++k) ins[k] = read<T>(inputs[k]);
    const auto outs = write<T>(out);
    for_each(out.shape, [&](const Index& i) {
      std::array<double, kMaxInputs> values{};
      for (std::size_t k = 0; k < inputs.size(); ++k) values[k] = static_cast<double>(ins[k][i]);
      const double value = kRows[static_cast<std::size_t>(f)](values.data(), parameters.data());
      put(outs[i], value, accumulate);
    });
  });
}

}  // namespace striate
