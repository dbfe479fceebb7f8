#include "device/cpu/primitives.h"
#include "device/cpu/rows.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "device/cpu/elementwise.cpp"
#include <hwy/foreach_target.h>
// clang-format off: the order matters to Highway
#include "device/cpu/power-inl.h"
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
STRIATE_ROW(tanh_grad, hn::Mul(in[0], hn::NegMulAdd(in[1], in[1], hn::Set(d, 1.0F))))
// Comparisons with NaN are false, so that these keep it.
STRIATE_ROW(abs, hn::Abs(in[0]))
STRIATE_ROW(abs_grad,
            hn::IfThenElse(hn::Gt(in[1], hn::Zero(d)), in[0],
                           hn::IfThenElseZero(hn::Lt(in[1], hn::Zero(d)), hn::Neg(in[0]))))
STRIATE_ROW(sqrt, hn::Sqrt(in[0]))
STRIATE_ROW(sqrt_grad, hn::Div(in[0], hn::Add(in[1], in[1])))
STRIATE_ROW(reciprocal, hn::Div(hn::Set(d, 1.0F), in[0]))
STRIATE_ROW(reciprocal_grad, hn::Neg(hn::Mul(hn::Mul(in[0], in[1]), in[1])))
STRIATE_ROW(exp, exp_of(d, in[0]))
STRIATE_ROW(leaky_relu,
            hn::IfThenElse(hn::Lt(in[0], hn::Zero(d)), hn::Mul(hn::Set(d, p[0]), in[0]), in[0]))
STRIATE_ROW(leaky_relu_grad,
            hn::IfThenElse(hn::Lt(in[1], hn::Zero(d)), hn::Mul(hn::Set(d, p[0]), in[0]), in[0]))
STRIATE_ROW(prelu, hn::IfThenElse(hn::Lt(in[0], hn::Zero(d)), hn::Mul(in[0], in[1]), in[0]))
STRIATE_ROW(prelu_grad, hn::IfThenElse(hn::Lt(in[1], hn::Zero(d)), hn::Mul(in[0], in[2]), in[0]))
STRIATE_ROW(prelu_slope_grad, hn::IfThenElseZero(hn::Lt(in[1], hn::Zero(d)), hn::Mul(in[0], in[1])))
STRIATE_ROW(hard_sigmoid_grad,
            hn::IfThenElseZero(hn::And(hn::Gt(in[1], hn::Zero(d)), hn::Lt(in[1], hn::Set(d, 1.0F))),
                               hn::Mul(hn::Set(d, p[0]), in[0])))
STRIATE_ROW(softsign, hn::Div(in[0], hn::Add(hn::Set(d, 1.0F), hn::Abs(in[0]))))
STRIATE_ROW(clip, hn::IfThenElse(hn::Gt(in[0], hn::Set(d, p[1])), hn::Set(d, p[1]),
                                 hn::IfThenElse(hn::Lt(in[0], hn::Set(d, p[0])), hn::Set(d, p[0]),
                                                in[0])))
STRIATE_ROW(clip_grad, hn::IfThenZeroElse(hn::Or(hn::Lt(in[1], hn::Set(d, p[0])),
                                                 hn::Gt(in[1], hn::Set(d, p[1]))),
                                          in[0]))
STRIATE_ROW(max, hn::IfThenElse(hn::Or(hn::Ge(in[0], in[1]), hn::IsNaN(in[0])), in[0], in[1]))
STRIATE_ROW(min, hn::IfThenElse(hn::Or(hn::Le(in[0], in[1]), hn::IsNaN(in[0])), in[0], in[1]))
STRIATE_ROW(where, hn::IfThenElse(hn::Ne(in[0], hn::Zero(d)), in[1], in[2]))
STRIATE_ROW(pass_equal, hn::IfThenElseZero(hn::Eq(in[1], in[2]), in[0]))
STRIATE_ROW(pass_other, hn::IfThenZeroElse(hn::Eq(in[1], in[2]), in[0]))
#undef STRIATE_ROW

struct hard_sigmoid {
  template <class D, class V>
  static HWY_INLINE V of(D d, const V* in, const float* p) {
    const V one = hn::Set(d, 1.0F);
    const V value = hn::MulAdd(hn::Set(d, p[0]), in[0], hn::Set(d, p[1]));
    const V below = hn::IfThenElse(hn::Gt(value, one), one, value);
    return hn::IfThenZeroElse(hn::Lt(value, hn::Zero(d)), below);
  }
};

struct softsign_grad {
  template <class D, class V>
  static HWY_INLINE V of(D d, const V* in, const float*) {
    const V base = hn::Add(hn::Set(d, 1.0F), hn::Abs(in[1]));
    return hn::Div(hn::Div(in[0], base), base);
  }
};

template <class V>
HWY_INLINE V unless_nan(V x, V value) {
  return hn::IfThenElse(hn::IsNaN(x), x, value);
}

struct smooth_l1 {
  template <class D, class V>
  static HWY_INLINE V of(D d, const V* in, const float* p) {
    const V beta = hn::Set(d, p[0]);
    const V half = hn::Set(d, 0.5F);
    const V distance = hn::Abs(hn::Sub(in[0], in[1]));
    return hn::IfThenElse(hn::Lt(distance, beta),
                          hn::Mul(hn::Mul(half, distance), hn::Div(distance, beta)),
                          hn::NegMulAdd(half, beta, distance));
  }
};

struct smooth_l1_grad {
  template <class D, class V>
  static HWY_INLINE V of(D d, const V* in, const float* p) {
    const V beta = hn::Set(d, p[0]);
    const V zero = hn::Zero(d);
    const V distance = hn::Sub(in[1], in[2]);
    const V below = hn::IfThenElseZero(hn::Lt(distance, zero), hn::Neg(in[0]));
    return hn::IfThenElse(hn::Lt(hn::Abs(distance), beta), hn::Mul(in[0], hn::Div(distance, beta)),
                          hn::IfThenElse(hn::Gt(distance, zero), in[0], below));
  }
};

// 1 / (1 + e) for a >= 0, e / (1 + e) below, with e = exp(-|a|).
struct sigmoid {
  template <class D, class V>
  static HWY_INLINE V of(D d, const V* in, const float*) {
    const V one = hn::Set(d, 1.0F);
    const V e = hn::Exp(d, hn::Neg(hn::Abs(in[0])));
    const V top = hn::IfThenElse(hn::Lt(in[0], hn::Zero(d)), e, one);
    return unless_nan(in[0], hn::Div(top, hn::Add(one, e)));
  }
};

// Near zero a polynomial (Moshier, Cephes, tanhf.c), else 1 - 2 / (exp(2 |a|) + 1).
struct tanh {
  template <class D, class V>
  static HWY_INLINE V of(D d, const V* in, const float*) {
    const V x = in[0];
    const V size = hn::Abs(x);
    const V square = hn::Mul(x, x);
    V p = hn::Set(d, -5.70498872745e-3F);
    p = hn::MulAdd(p, square, hn::Set(d, 2.06390887954e-2F));
    p = hn::MulAdd(p, square, hn::Set(d, -5.37397155531e-2F));
    p = hn::MulAdd(p, square, hn::Set(d, 1.33314422036e-1F));
    p = hn::MulAdd(p, square, hn::Set(d, -3.33332819422e-1F));
    const V near = hn::MulAdd(hn::Mul(p, square), x, x);
    // Beyond 10 it is 1.
    const V e = hn::Exp(d, hn::Min(hn::Add(size, size), hn::Set(d, 20.0F)));
    const V one = hn::Set(d, 1.0F);
    const V far = hn::Sub(one, hn::Div(hn::Set(d, 2.0F), hn::Add(e, one)));
    const auto is_near = hn::Lt(size, hn::Set(d, 0.625F));
    return unless_nan(x, hn::IfThenElse(is_near, near, hn::CopySign(far, x)));
  }
};

struct log {
  template <class D, class V>
  static HWY_INLINE V of(D d, const V* in, const float*) {
    const V x = in[0];
    const V infinity = hn::Inf(d);
    const V edge = hn::IfThenElse(hn::Eq(x, hn::Zero(d)), hn::Neg(infinity), hn::NaN(d));
    const V above = hn::IfThenElse(hn::Eq(x, infinity), x, hn::Log(d, x));
    return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), above, edge);
  }
};

struct elu {
  template <class D, class V>
  static HWY_INLINE V of(D d, const V* in, const float* p) {
    const V below = hn::Mul(hn::Set(d, p[0]), hn::Expm1(d, hn::Min(in[0], hn::Zero(d))));
    return hn::Mul(hn::Set(d, p[1]), hn::IfThenElse(hn::Lt(in[0], hn::Zero(d)), below, in[0]));
  }
};

// The gradients multiply by exp(x / 2) twice, where exp(x) alone would be lost below the least float.
struct elu_grad {
  template <class D, class V>
  static HWY_INLINE V of(D d, const V* in, const float* p) {
    const V zero = hn::Zero(d);
    const V root = hn::Exp(d, hn::Mul(hn::Set(d, 0.5F), hn::Min(in[1], zero)));
    const V dy = hn::Mul(hn::Set(d, p[1]), in[0]);
    const V below = hn::Mul(hn::Mul(hn::Mul(hn::Set(d, p[0]), dy), root), root);
    return hn::IfThenElse(hn::Lt(in[1], zero), below, dy);
  }
};

struct softplus {
  template <class D, class V>
  static HWY_INLINE V of(D d, const V* in, const float*) {
    const V rest = hn::Log1p(d, hn::Exp(d, hn::Neg(hn::Abs(in[0]))));
    return unless_nan(in[0], hn::Add(hn::Max(in[0], hn::Zero(d)), rest));
  }
};

struct softplus_grad {
  template <class D, class V>
  static HWY_INLINE V of(D d, const V* in, const float*) {
    const V one = hn::Set(d, 1.0F);
    const V root = hn::Exp(d, hn::Mul(hn::Set(d, -0.5F), hn::Abs(in[1])));
    const V top = hn::IfThenElse(hn::Lt(in[1], hn::Zero(d)), root, one);
    const V value = hn::Div(hn::Mul(hn::Mul(in[0], top), top), hn::MulAdd(root, root, one));
    return unless_nan(in[1], value);
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
  const float* c = r.at[3];
  const auto step_a = static_cast<std::size_t>(r.step[1]);
  const auto step_b = static_cast<std::size_t>(r.step[2]);
  const auto step_c = static_cast<std::size_t>(r.step[3]);
  for (std::int64_t row = 0; row < r.rows; ++row) {
    for_lanes(d, r.n, [&](auto load, auto store, std::size_t i) HWY_ATTR {
      V in[3] = {load(a + i * step_a), hn::Zero(d), hn::Zero(d)};
      if constexpr (kInputs > 1) in[1] = load(b + i * step_b);
      if constexpr (kInputs > 2) in[2] = load(c + i * step_c);
      V value = F::of(d, in, p);
      if constexpr (kAccumulate) value = hn::Add(load(out + i), value);
      store(value, out + i);
    });
    out += r.row_step[0];
    a += r.row_step[1];
    b += r.row_step[2];
    c += r.row_step[3];
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
