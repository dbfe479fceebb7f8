#include "device/cpu/primitives.h"
#include "device/cpu/rows.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "device/cpu/elementwise.cpp"
#include <hwy/foreach_target.h>
// clang-format off: the order matters to Highway
#include "device/cpu/simd-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace striate::HWY_NAMESPACE {

// One type a row of the table in device/functions.h, by the row's name: of(d, in, p) computes a
// vector from the inputs in[0], in[1], … and the parameters p[0], ….
namespace row {

#define STRIATE_ROW(name, expression)                                          \
  struct name {                                                                \
    template <class D, class V>                                                \
    static HWY_INLINE V of([[maybe_unused]] D d, [[maybe_unused]] const V* in, \
                           [[maybe_unused]] const float* p) {                  \
      return expression;                                                       \
    }                                                                          \
  };

STRIATE_ROW(identity, in[0])
STRIATE_ROW(add, hn::Add(in[0], in[1]))
STRIATE_ROW(sub, hn::Sub(in[0], in[1]))
STRIATE_ROW(mul, hn::Mul(in[0], in[1]))
STRIATE_ROW(div, hn::Div(in[0], in[1]))
STRIATE_ROW(scale, hn::Mul(hn::Set(d, p[0]), in[0]))
// Zero where a <= 0, so that NaN (which compares false) stays.
STRIATE_ROW(relu, hn::IfThenZeroElse(hn::Le(in[0], hn::Zero(d)), in[0]))
STRIATE_ROW(relu_grad, hn::IfThenElseZero(hn::Gt(in[1], hn::Zero(d)), in[0]))
STRIATE_ROW(sigmoid_grad, hn::Mul(hn::Mul(in[0], in[1]), hn::Sub(hn::Set(d, 1.0F), in[1])))
STRIATE_ROW(tanh, hn::Tanh(d, in[0]))
STRIATE_ROW(tanh_grad, hn::Mul(in[0], hn::NegMulAdd(in[1], in[1], hn::Set(d, 1.0F))))
#undef STRIATE_ROW

// exp(-|a|) never overflows: 1 / (1 + e) for a >= 0, e / (1 + e) below.
struct sigmoid {
  template <class D, class V>
  static HWY_INLINE V of(D d, const V* in, const float*) {
    const V one = hn::Set(d, 1.0F);
    const V e = exp_of(d, hn::Neg(hn::Abs(in[0])));
    return hn::Div(hn::IfThenElse(hn::Lt(in[0], hn::Zero(d)), e, one), hn::Add(one, e));
  }
};

}  // namespace row

template <class F, int kInputs, bool kAccumulate>
void elementwise_row(const Row& r, const float* p) {
  const hn::ScalableTag<float> d;
  using V = hn::Vec<decltype(d)>;
  float* out = r.at[0];
  const float* a = r.at[1];
  const float* b = r.at[2];
  const auto step_a = static_cast<std::size_t>(r.step[1]);
  const auto step_b = static_cast<std::size_t>(r.step[2]);
  for (std::int64_t row = 0; row < r.rows; ++row) {
    for_lanes(d, r.n, [&](auto load, auto store, std::size_t i) HWY_ATTR {
      V in[2] = {load(a + i * step_a), hn::Zero(d)};
      if constexpr (kInputs > 1) in[1] = load(b + i * step_b);
      V value = F::of(d, in, p);
      if constexpr (kAccumulate) value = hn::Add(load(out + i), value);
      store(value, out + i);
    });
    out += r.row_step[0];
    a += r.row_step[1];
    b += r.row_step[2];
  }
}

using RowKernel = void (*)(const Row&, const float*);

RowKernel elementwise_kernel(Function f, bool accumulate) {
  static constexpr RowKernel kKernels[][2] = {
#define STRIATE_KERNELS(name, inputs, parameters, meaning) \
  {elementwise_row<row::name, inputs, false>, elementwise_row<row::name, inputs, true>},
      STRIATE_FUNCTIONS(STRIATE_KERNELS)
#undef STRIATE_KERNELS
  };
  return kKernels[static_cast<std::size_t>(f)][accumulate ? 1 : 0];
}

}  // namespace striate::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace striate {
namespace {

HWY_EXPORT(elementwise_kernel);

constexpr std::size_t kMaxParameters = 4;

}  // namespace

void cpu_elementwise(const Threads& threads, Function f, std::span<const ConstView> inputs,
                     const View& out, std::span<const double> parameters, bool accumulate) {
  std::array<RowOperand, kMaxOperands> operands{RowOperand::out(out, accumulate)};
  for (std::size_t k = 0; k < inputs.size(); ++k) operands[k + 1] = RowOperand::in(inputs[k]);
  std::array<float, kMaxParameters> values{};
  invariant(parameters.size() <= kMaxParameters, "elementwise: too many parameters");
  std::transform(parameters.begin(), parameters.end(), values.begin(),
                 [](double value) { return static_cast<float>(value); });
  const auto kernel = HWY_DYNAMIC_DISPATCH(elementwise_kernel)(f, accumulate);
  for_each_row(threads, out.shape, std::span(operands).first(inputs.size() + 1),
               [&](const Row& row) { kernel(row, values.data()); });
}

}  // namespace striate
#endif  // HWY_ONCE
