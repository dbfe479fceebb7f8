#include <array>
#include <cmath>

#include "device/check.h"
#include "device/reference/loops.h"
#include "device/reference/reference_device.h"

namespace striate {
namespace {

using namespace reference;

// One function a row of the table in device/functions.h, by the row's name: in[0] is a, in[1] is b, in[2] is c.
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
double abs(Values in, Values) { return std::abs(in[0]); }
double abs_grad(Values in, Values) { return in[1] > 0 ? in[0] : in[1] < 0 ? -in[0] : 0.0; }
double exp(Values in, Values) { return std::exp(in[0]); }
double log(Values in, Values) { return std::log(in[0]); }
double sqrt(Values in, Values) { return std::sqrt(in[0]); }
double sqrt_grad(Values in, Values) { return in[0] / (2.0 * in[1]); }
double reciprocal(Values in, Values) { return 1.0 / in[0]; }
double reciprocal_grad(Values in, Values) { return -in[0] * in[1] * in[1]; }
double leaky_relu(Values in, Values p) { return in[0] < 0 ? p[0] * in[0] : in[0]; }
double leaky_relu_grad(Values in, Values p) { return in[1] < 0 ? p[0] * in[0] : in[0]; }
double prelu(Values in, Values) { return in[0] < 0 ? in[0] * in[1] : in[0]; }
double prelu_grad(Values in, Values) { return in[1] < 0 ? in[0] * in[2] : in[0]; }
double prelu_slope_grad(Values in, Values) { return in[1] < 0 ? in[0] * in[1] : 0.0; }
double elu(Values in, Values p) { return p[1] * (in[0] < 0 ? p[0] * std::expm1(in[0]) : in[0]); }
double elu_grad(Values in, Values p) {
  return p[1] * in[0] * (in[1] < 0 ? p[0] * std::exp(in[1]) : 1.0);
}
double hard_sigmoid(Values in, Values p) {
  const double value = p[0] * in[0] + p[1];
  return value < 0 ? 0.0 : value > 1 ? 1.0 : value;
}
double hard_sigmoid_grad(Values in, Values p) {
  return in[1] > 0 && in[1] < 1 ? p[0] * in[0] : 0.0;
}
double softplus(Values in, Values) {
  return (in[0] > 0 ? in[0] : 0.0) + std::log1p(std::exp(-std::abs(in[0])));
}
double softplus_grad(Values in, Values) { return in[0] / (1.0 + std::exp(-in[1])); }
double softsign(Values in, Values) { return in[0] / (1.0 + std::abs(in[0])); }
double softsign_grad(Values in, Values) {
  const double base = 1.0 + std::abs(in[1]);
  return in[0] / (base * base);
}
double clip(Values in, Values p) { return in[0] > p[1] ? p[1] : in[0] < p[0] ? p[0] : in[0]; }
double clip_grad(Values in, Values p) { return in[1] < p[0] || in[1] > p[1] ? 0.0 : in[0]; }
double power(Values in, Values p) { return std::pow(in[0], p[0]); }
double pow(Values in, Values) { return std::pow(in[0], in[1]); }
double pow_base_grad(Values in, Values) { return in[0] * in[2] * std::pow(in[1], in[2] - 1.0); }
double pow_exponent_grad(Values in, Values) {
  return in[1] == 0 ? 0.0 : in[0] * std::pow(in[1], in[2]) * std::log(in[1]);
}
double max(Values in, Values) { return in[0] >= in[1] || std::isnan(in[0]) ? in[0] : in[1]; }
double min(Values in, Values) { return in[0] <= in[1] || std::isnan(in[0]) ? in[0] : in[1]; }
double where(Values in, Values) { return in[0] != 0 ? in[1] : in[2]; }
double pass_equal(Values in, Values) { return in[1] == in[2] ? in[0] : 0.0; }
double pass_other(Values in, Values) { return in[1] == in[2] ? 0.0 : in[0]; }
double smooth_l1(Values in, Values p) {
  const double d = std::abs(in[0] - in[1]);
  return d < p[0] ? d * d / (2.0 * p[0]) : d - p[0] / 2.0;
}
double smooth_l1_grad(Values in, Values p) {
  const double d = in[1] - in[2];
  if (std::abs(d) < p[0]) return in[0] * d / p[0];
  return d > 0 ? in[0] : d < 0 ? -in[0] : 0.0;
}

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
