#include "device/cpu/cells.h"

#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "device/cpu/cells.cpp"
#include <hwy/foreach_target.h>
// clang-format off: the order matters to Highway
#include "device/cpu/simd-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace striate::HWY_NAMESPACE {
namespace {

using cpu::CellBackRow;
using cpu::CellKernels;
using cpu::CellRow;
using Tag = hn::ScalableTag<float>;
using V = hn::Vec<Tag>;
using Kind = CellFunction::Kind;

HWY_INLINE V set(double value) { return hn::Set(Tag(), static_cast<float>(value)); }
HWY_INLINE V zero() { return hn::Zero(Tag()); }

// A quotient of polynomials (Eigen's ptanh), within 4e-7; larger arguments are held at 7.9.
HWY_INLINE V tanh_of(V given) {
  const V most = set(7.90531110763549805);
  const V x = hn::Max(hn::Neg(most), hn::Min(given, most));
  const V s = hn::Mul(x, x);
  V p = hn::MulAdd(s, set(-2.76076847742355e-16), set(2.00018790482477e-13));
  p = hn::MulAdd(p, s, set(-8.60467152213735e-11));
  p = hn::MulAdd(p, s, set(5.12229709037114e-08));
  p = hn::MulAdd(p, s, set(1.48572235717979e-05));
  p = hn::MulAdd(p, s, set(6.37261928875436e-04));
  p = hn::MulAdd(p, s, set(4.89352455891786e-03));
  V q = hn::MulAdd(s, set(1.19825839466702e-06), set(1.18534705686654e-04));
  q = hn::MulAdd(q, s, set(2.26843463243900e-03));
  q = hn::MulAdd(q, s, set(4.89352518554385e-03));
  return hn::IfThenElse(hn::IsNaN(given), given, hn::Div(hn::Mul(p, x), q));
}

HWY_INLINE V sigmoid_of(V x) {
  const V half = set(0.5);
  return hn::MulAdd(half, tanh_of(hn::Mul(half, x)), half);
}

HWY_INLINE V softplus_of(V x) {
  const Tag d;
  const V rest = hn::Log1p(d, hn::Exp(d, hn::Neg(hn::Abs(x))));
  return hn::IfThenElse(hn::IsNaN(x), x, hn::Add(hn::Max(x, zero()), rest));
}

HWY_NOINLINE V any_function(const CellFunction& f, V x) {
  const V alpha = set(f.alpha);
  const V beta = set(f.beta);
  switch (f.kind) {
    case Kind::tanh:
      return tanh_of(x);
    case Kind::sigmoid:
      return sigmoid_of(x);
    case Kind::relu:
      return hn::IfThenZeroElse(hn::Le(x, zero()), x);
    case Kind::affine:
      return hn::MulAdd(alpha, x, beta);
    case Kind::leaky_relu:
      return hn::IfThenElse(hn::Lt(x, zero()), hn::Mul(alpha, x), x);
    case Kind::thresholded_relu:
      return hn::IfThenZeroElse(hn::Le(x, alpha), x);
    case Kind::scaled_tanh:
      return hn::Mul(alpha, tanh_of(hn::Mul(beta, x)));
    case Kind::hard_sigmoid: {
      const V y = hn::MulAdd(alpha, x, beta);
      const V below = hn::IfThenElse(hn::Gt(y, set(1)), set(1), y);
      return hn::IfThenZeroElse(hn::Lt(y, zero()), below);
    }
    case Kind::elu:
      return hn::IfThenElse(hn::Lt(x, zero()), hn::Mul(alpha, hn::Expm1(Tag(), hn::Min(x, zero()))),
                            x);
    case Kind::softsign:
      return hn::Div(x, hn::Add(set(1), hn::Abs(x)));
    case Kind::softplus:
      return softplus_of(x);
  }
  return x;
}

HWY_NOINLINE V any_slope(const CellFunction& f, V y) {
  const V one = set(1);
  const V alpha = set(f.alpha);
  switch (f.kind) {
    case Kind::tanh:
      return hn::NegMulAdd(y, y, one);
    case Kind::sigmoid:
      return hn::NegMulAdd(y, y, y);
    case Kind::relu:
    case Kind::thresholded_relu:
      return hn::IfThenZeroElse(hn::Eq(y, zero()), one);
    case Kind::affine:
      return alpha;
    case Kind::leaky_relu:
      return hn::IfThenElse(hn::Lt(y, zero()), alpha, one);
    case Kind::scaled_tanh:
      if (f.alpha == 0) return zero();
      return hn::Mul(set(f.beta), hn::NegMulAdd(hn::Mul(y, set(1 / f.alpha)), y, alpha));
    case Kind::hard_sigmoid:
      return hn::IfThenElseZero(hn::And(hn::Gt(y, zero()), hn::Lt(y, one)), alpha);
    case Kind::elu:
      return hn::IfThenElse(hn::Lt(y, zero()), hn::Add(y, alpha), one);
    case Kind::softsign: {
      const V rest = hn::Sub(one, hn::Abs(y));
      return hn::Mul(rest, rest);
    }
    case Kind::softplus:
      return hn::Neg(hn::Expm1(Tag(), hn::Neg(y)));
  }
  return one;
}

// The functions of a cell as everybody has them, known when this is compiled …
struct Usual {
  explicit Usual(const RecurrentGeometry&) {}
  HWY_INLINE V gate(V x) const { return sigmoid_of(x); }
  HWY_INLINE V candidate(V x) const { return tanh_of(x); }
  HWY_INLINE V output(V x) const { return tanh_of(x); }
  HWY_INLINE V gate_slope(V y) const { return hn::NegMulAdd(y, y, y); }
  HWY_INLINE V candidate_slope(V y) const { return hn::NegMulAdd(y, y, set(1)); }
  HWY_INLINE V output_slope(V y) const { return hn::NegMulAdd(y, y, set(1)); }
};

// … and any others, with what goes into them clipped.
struct Any {
  explicit Any(const RecurrentGeometry& geometry) : g(geometry) {}
  V value(std::size_t which, V x) const {
    if (g.clip > 0) {
      const V most = set(g.clip);
      const V held = hn::Max(hn::Neg(most), hn::Min(x, most));
      x = hn::IfThenElse(hn::IsNaN(x), x, held);
    }
    return any_function(g.functions[which], x);
  }
  V slope(std::size_t which, V y) const {
    const V free = any_slope(g.functions[which], y);
    if (g.clip <= 0) return free;
    const V top = any_function(g.functions[which], set(g.clip));
    const V bottom = any_function(g.functions[which], set(-g.clip));
    return hn::IfThenZeroElse(hn::Or(hn::Eq(y, top), hn::Eq(y, bottom)), free);
  }
  V gate(V x) const { return value(0, x); }
  V candidate(V x) const { return value(1, x); }
  V output(V x) const { return value(2, x); }
  V gate_slope(V y) const { return slope(0, y); }
  V candidate_slope(V y) const { return slope(1, y); }
  V output_slope(V y) const { return slope(2, y); }

  const RecurrentGeometry& g;
};

template <class Body>
HWY_INLINE void each(std::int64_t count, const Body& body) {
  for_lanes(Tag(), static_cast<std::size_t>(count), body);
}

void rnn_tanh(const RecurrentGeometry&, const CellRow& row) {
  each(row.count, [&](auto load, auto store, std::size_t j)
                      HWY_ATTR { store(tanh_of(load(row.h + j)), row.h + j); });
}
void rnn_any(const RecurrentGeometry& g, const CellRow& row) {
  const Any f(g);
  each(row.count, [&](auto load, auto store, std::size_t j)
                      HWY_ATTR { store(f.gate(load(row.h + j)), row.h + j); });
}

template <class F>
void rnn_back(const RecurrentGeometry& g, const CellBackRow& row) {
  const F f(g);
  each(row.count, [&](auto load, auto store, std::size_t j) HWY_ATTR {
    V dh = load(row.dh + j);
    if (row.dy) dh = hn::Add(dh, load(row.dy + j));
    // An rnn's function is its first; of the usual ones, tanh.
    V slope;
    if constexpr (std::is_same_v<F, Usual>) {
      slope = f.candidate_slope(load(row.y + j));
    } else {
      slope = f.gate_slope(load(row.y + j));
    }
    store(hn::Mul(dh, slope), row.d[0] + j);
  });
}

// Both ways of an lstm, with and without peepholes.
template <class F>
void lstm(const RecurrentGeometry& g, const CellRow& row) {
  const F f(g);
  const auto& [pi, po, pf] = row.peephole;
  each(row.count, [&](auto load, auto store, std::size_t j) HWY_ATTR {
    const V before = load(row.c_before + j);
    V i = load(row.gates[0] + j);
    V o = load(row.gates[1] + j);
    V forget = load(row.gates[2] + j);
    if (pi) i = hn::MulAdd(load(pi + j), before, i);
    i = f.gate(i);
    if (g.input_forget) {
      forget = hn::Sub(set(1), i);
    } else {
      if (pf) forget = hn::MulAdd(load(pf + j), before, forget);
      forget = f.gate(forget);
    }
    const V candidate = f.candidate(load(row.gates[3] + j));
    const V c = hn::MulAdd(forget, before, hn::Mul(i, candidate));
    if (po) o = hn::MulAdd(load(po + j), c, o);
    o = f.gate(o);
    store(i, row.gates[0] + j);
    store(o, row.gates[1] + j);
    store(forget, row.gates[2] + j);
    store(candidate, row.gates[3] + j);
    store(c, row.c + j);
    store(hn::Mul(o, f.output(c)), row.h + j);
  });
}

template <class F>
void lstm_back(const RecurrentGeometry& g, const CellBackRow& row) {
  const F f(g);
  const auto& [pi, po, pf] = row.peephole;
  each(row.count, [&](auto load, auto store, std::size_t j) HWY_ATTR {
    V dh = load(row.dh + j);
    if (row.dy) dh = hn::Add(dh, load(row.dy + j));
    const V i = load(row.gates[0] + j);
    const V o = load(row.gates[1] + j);
    const V forget = load(row.gates[2] + j);
    const V candidate = load(row.gates[3] + j);
    const V squashed = f.output(load(row.c + j));
    const V d_o = hn::Mul(hn::Mul(dh, squashed), f.gate_slope(o));
    V dc = hn::MulAdd(hn::Mul(dh, o), f.output_slope(squashed), load(row.dc + j));
    if (po) dc = hn::MulAdd(load(po + j), d_o, dc);
    V d_i = hn::Mul(dc, candidate);
    V d_f = hn::Mul(dc, load(row.c_before + j));
    if (g.input_forget) {
      d_i = hn::Sub(d_i, d_f);
      d_f = zero();
    } else {
      d_f = hn::Mul(d_f, f.gate_slope(forget));
    }
    d_i = hn::Mul(d_i, f.gate_slope(i));
    store(d_i, row.d[0] + j);
    store(d_o, row.d[1] + j);
    store(d_f, row.d[2] + j);
    store(hn::Mul(hn::Mul(dc, i), f.candidate_slope(candidate)), row.d[3] + j);
    V before = hn::Mul(dc, forget);
    if (pi) before = hn::MulAdd(load(pi + j), d_i, before);
    if (pf) before = hn::MulAdd(load(pf + j), d_f, before);
    store(before, row.dc + j);
  });
}

// h' = n + z (h - n).
HWY_INLINE V mixed(V z, V n, V before) { return hn::MulAdd(z, hn::Sub(before, n), n); }

template <class F>
void gru_linear(const RecurrentGeometry& g, const CellRow& row) {
  const F f(g);
  each(row.count, [&](auto load, auto store, std::size_t j) HWY_ATTR {
    const V z = f.gate(load(row.gates[0] + j));
    const V r = f.gate(load(row.gates[1] + j));
    V recurrent = load(row.gates[3] + j);
    if (row.bias) recurrent = hn::Add(recurrent, load(row.bias + j));
    const V n = f.candidate(hn::MulAdd(r, recurrent, load(row.gates[2] + j)));
    store(z, row.gates[0] + j);
    store(r, row.gates[1] + j);
    store(n, row.gates[2] + j);
    store(recurrent, row.gates[3] + j);
    store(mixed(z, n, load(row.h_before + j)), row.h + j);
  });
}

template <class F>
void gru_gates(const RecurrentGeometry& g, const CellRow& row) {
  const F f(g);
  each(row.count, [&](auto load, auto store, std::size_t j) HWY_ATTR {
    const V r = f.gate(load(row.gates[1] + j));
    store(f.gate(load(row.gates[0] + j)), row.gates[0] + j);
    store(r, row.gates[1] + j);
    store(hn::Mul(r, load(row.h_before + j)), row.reset + j);
  });
}

template <class F>
void gru_candidate(const RecurrentGeometry& g, const CellRow& row) {
  const F f(g);
  each(row.count, [&](auto load, auto store, std::size_t j) HWY_ATTR {
    const V n = f.candidate(load(row.gates[2] + j));
    store(n, row.gates[2] + j);
    store(mixed(load(row.gates[0] + j), n, load(row.h_before + j)), row.h + j);
  });
}

// The update gate and the candidate; what of dh reaches the state before directly.
template <class F>
void gru_back(const RecurrentGeometry& g, const CellBackRow& row) {
  const F f(g);
  each(row.count, [&](auto load, auto store, std::size_t j) HWY_ATTR {
    V dh = load(row.dh + j);
    if (row.dy) dh = hn::Add(dh, load(row.dy + j));
    const V z = load(row.gates[0] + j);
    const V n = load(row.gates[2] + j);
    const V dn = hn::Mul(hn::NegMulAdd(dh, z, dh), f.candidate_slope(n));
    store(hn::Mul(hn::Mul(dh, hn::Sub(load(row.h_before + j), n)), f.gate_slope(z)), row.d[0] + j);
    store(dn, row.d[2] + j);
    store(hn::Mul(dh, z), row.dh + j);
    if (!g.linear_before_reset) return;
    const V r = load(row.gates[1] + j);
    store(hn::Mul(dn, r), row.d[3] + j);
    store(hn::Mul(hn::Mul(dn, load(row.gates[3] + j)), f.gate_slope(r)), row.d[1] + j);
  });
}

template <class F>
void gru_reset_back(const RecurrentGeometry& g, const CellBackRow& row) {
  const F f(g);
  each(row.count, [&](auto load, auto store, std::size_t j) HWY_ATTR {
    const V r = load(row.gates[1] + j);
    const V before = load(row.h_before + j);
    const V d = load(row.dreset + j);
    store(hn::Mul(hn::Mul(d, before), f.gate_slope(r)), row.d[1] + j);
    store(hn::MulAdd(d, r, load(row.dh + j)), row.dh + j);
    store(hn::Mul(r, before), row.reset + j);
  });
}

template <class F>
CellKernels kernels_with(const RecurrentGeometry& g) {
  switch (g.cell) {
    case RecurrentGeometry::Cell::rnn:
      return {.first = std::is_same_v<F, Usual> ? &rnn_tanh : &rnn_any, .first_back = &rnn_back<F>};
    case RecurrentGeometry::Cell::lstm:
      return {.first = &lstm<F>, .first_back = &lstm_back<F>};
    case RecurrentGeometry::Cell::gru:
      if (g.linear_before_reset) return {.first = &gru_linear<F>, .first_back = &gru_back<F>};
      return {.first = &gru_gates<F>,
              .second = &gru_candidate<F>,
              .first_back = &gru_back<F>,
              .second_back = &gru_reset_back<F>};
  }
  return {};
}

CellKernels target_cell_kernels(const RecurrentGeometry& g) {
  constexpr std::array<std::array<Kind, 3>, 3> kUsual = {
      std::array{Kind::tanh, Kind::tanh, Kind::tanh},
      std::array{Kind::sigmoid, Kind::tanh, Kind::tanh},
      std::array{Kind::sigmoid, Kind::tanh, Kind::tanh}};
  constexpr std::array<std::size_t, 3> kCounts = {1, 3, 2};
  const auto cell = static_cast<std::size_t>(g.cell);
  bool usual = g.clip == 0;
  for (std::size_t i = 0; i < kCounts[cell]; ++i) {
    usual = usual && g.functions[i].kind == kUsual[cell][i];
  }
  return usual ? kernels_with<Usual>(g) : kernels_with<Any>(g);
}

}  // namespace
}  // namespace striate::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace striate::cpu {
namespace {
HWY_EXPORT(target_cell_kernels);
}  // namespace

CellKernels cell_kernels(const RecurrentGeometry& g) {
  return HWY_DYNAMIC_DISPATCH(target_cell_kernels)(g);
}

}  // namespace striate::cpu
#endif  // HWY_ONCE
