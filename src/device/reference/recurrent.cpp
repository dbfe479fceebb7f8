#include <algorithm>
#include <limits>
#include <vector>

#include "device/check.h"
#include "device/reference/loops.h"
#include "device/reference/reference_device.h"

namespace striate {

using namespace reference;

namespace {

using Cell = RecurrentGeometry::Cell;
using Vector = std::vector<double>;
using Vectors = std::array<Vector, kMaxGates>;

enum LstmGate : std::size_t { kInput, kOutput, kForget, kCell };
enum GruGate : std::size_t { kUpdate, kReset, kHidden };

// A function with the clipping of what goes into it.
struct Clipped {
  CellFunction function;
  double clip;

  Clipped(const CellFunction& f, double bound)
      : function(f), clip(bound > 0 ? bound : std::numeric_limits<double>::infinity()) {}
  double operator()(double x) const { return function(std::clamp(x, -clip, clip)); }
  double slope(double y) const {
    const bool held = std::isfinite(clip) && (y == function(clip) || y == function(-clip));
    return held ? 0 : function.slope(y);
  }
};

// One sequence of the batch, step by step.
template <class T>
class Sequence {
 public:
  Sequence(const RecurrentGeometry& g, const RecurrentInputs& in, WorkCount& count)
      : g_(g),
        count_(count),
        f_(g.functions[0], g.clip),
        g_function_(g.functions[1], g.clip),
        h_function_(g.functions[2], g.clip),
        x_(read<T>(in.x)),
        h0_(read<T>(in.h)),
        c0_(read<T>(in.c)),
        hidden_(static_cast<std::size_t>(g.hidden)) {
    if (in.lengths) lengths_ = read<std::int32_t>(in.lengths);
    for (std::size_t gate = 0; gate < kMaxGates; ++gate) {
      w_[gate] = read<T>(in.weights.w[gate]);
      r_[gate] = read<T>(in.weights.r[gate]);
      input_bias_[gate] = read<T>(in.weights.input_bias[gate]);
      recurrent_bias_[gate] = read<T>(in.weights.recurrent_bias[gate]);
    }
    for (std::size_t gate = 0; gate < kPeepholes; ++gate) {
      peephole_[gate] = read<T>(in.weights.peephole[gate]);
    }
  }

  void forward(std::int64_t n, const RecurrentOutputs& out) {
    const auto y = write<T>(out.y);
    const auto kept = write<T>(out.kept);
    const auto cells = write<T>(out.cells);
    Vector h = first(h0_, n);
    Vector c = first(c0_, n);
    for (std::int64_t t = length(n); t < g_.steps; ++t) {
      for (std::int64_t j = 0; j < g_.hidden; ++j) y(t, n, j) = 0;
      for (std::int64_t j = 0; kept && j < g_.kept() * g_.hidden; ++j) kept(t, n, j) = 0;
      for (std::int64_t j = 0; cells && j < g_.hidden; ++j) cells(t, n, j) = 0;
    }
    for (std::int64_t s = 0; s < length(n); ++s) {
      const std::int64_t t = place(s, n);
      step(t, n, h, c);
      for (std::size_t j = 0; j < hidden_; ++j) {
        y(t, n, j) = static_cast<T>(h[j]);
        if (cells) cells(t, n, j) = static_cast<T>(c[j]);
        for (std::size_t k = 0; kept && k < static_cast<std::size_t>(g_.kept()); ++k) {
          kept(t, n, k * hidden_ + j) = static_cast<T>(gates_[k][j]);
        }
      }
    }
    for (std::size_t j = 0; j < hidden_; ++j) {
      if (out.h) write<T>(out.h)(n, j) = static_cast<T>(h[j]);
      if (out.c) write<T>(out.c)(n, j) = static_cast<T>(c[j]);
    }
  }

  void backward(std::int64_t n, const RecurrentGradients& out) {
    const auto y = read<T>(out.y);
    const auto kept = read<T>(out.kept);
    const auto cells = read<T>(out.cells);
    const auto dy = read<T>(out.dy);
    Vector dh = first(read<T>(out.dh), n);
    Vector dc = first(read<T>(out.dc), n);
    for (std::int64_t s = length(n) - 1; s >= 0; --s) {
      const std::int64_t t = place(s, n);
      const Vector before = s == 0 ? first(h0_, n) : row(y, place(s - 1, n), n);
      for (std::size_t j = 0; dy && j < hidden_; ++j) dh[j] += static_cast<double>(dy(t, n, j));
      for (std::size_t k = 0; k < static_cast<std::size_t>(g_.kept()); ++k) {
        gates_[k].assign(hidden_, 0);
        for (std::size_t j = 0; j < hidden_; ++j) gates_[k][j] = kept(t, n, k * hidden_ + j);
      }
      switch (g_.cell) {
        case Cell::rnn:
          dh = rnn_back(row(y, t, n), before, dh, t, n, out);
          break;
        case Cell::lstm:
          dh = lstm_back(row(cells, t, n), s == 0 ? first(c0_, n) : row(cells, place(s - 1, n), n),
                         before, dh, dc, t, n, out);
          break;
        case Cell::gru:
          dh = gru_back(before, dh, t, n, out);
          break;
      }
    }
    for (std::size_t j = 0; j < hidden_; ++j) {
      if (out.h.view) add(write<T>(out.h.view)(n, j), dh[j]);
      if (out.c.view) add(write<T>(out.c.view)(n, j), dc[j]);
    }
  }

 private:
  std::int64_t length(std::int64_t n) const { return lengths_ ? lengths_(n) : g_.steps; }
  // Where in time the sequence's step s lies.
  std::int64_t place(std::int64_t s, std::int64_t n) const {
    return g_.reverse ? length(n) - 1 - s : s;
  }
  template <class Source>
  Vector first(const Source& states, std::int64_t n) const {
    Vector result(hidden_);
    for (std::size_t j = 0; states && j < hidden_; ++j) result[j] = states(n, j);
    return result;
  }
  template <class Source>
  Vector row(const Source& values, std::int64_t t, std::int64_t n) const {
    Vector result(hidden_);
    for (std::size_t j = 0; j < hidden_; ++j) result[j] = values(t, n, j);
    return result;
  }
  static void add(T& to, double value) { put(to, value, true); }

  // W x + b_input and R h + b_recurrent of one gate.
  Vector input_sums(std::size_t gate, std::int64_t t, std::int64_t n) const {
    Vector sums(hidden_);
    for (std::size_t j = 0; j < hidden_; ++j) {
      for (std::int64_t k = 0; k < g_.inputs; ++k) {
        sums[j] += static_cast<double>(w_[gate](j, k)) * static_cast<double>(x_(t, n, k));
      }
      if (input_bias_[gate]) sums[j] += static_cast<double>(input_bias_[gate](j));
    }
    count_.products += g_.hidden * g_.inputs;
    return sums;
  }
  Vector recurrent_sums(std::size_t gate, const Vector& h) const {
    Vector sums(hidden_);
    for (std::size_t j = 0; j < hidden_; ++j) {
      for (std::size_t k = 0; k < hidden_; ++k) {
        sums[j] += static_cast<double>(r_[gate](j, k)) * h[k];
      }
      if (recurrent_bias_[gate]) sums[j] += static_cast<double>(recurrent_bias_[gate](j));
    }
    count_.products += g_.hidden * g_.hidden;
    return sums;
  }
  Vector sums(std::size_t gate, std::int64_t t, std::int64_t n, const Vector& h) const {
    Vector result = input_sums(gate, t, n);
    const Vector recurrent = recurrent_sums(gate, h);
    for (std::size_t j = 0; j < hidden_; ++j) result[j] += recurrent[j];
    if (input_bias_[gate] || recurrent_bias_[gate]) count_.bias += g_.hidden;
    return result;
  }

  void step(std::int64_t t, std::int64_t n, Vector& h, Vector& c) {
    switch (g_.cell) {
      case Cell::rnn: {
        h = sums(0, t, n, h);
        for (double& value : h) value = f_(value);
        return;
      }
      case Cell::lstm:
        return lstm_step(t, n, h, c);
      case Cell::gru:
        return gru_step(t, n, h);
    }
  }

  double peeped(std::size_t gate, std::size_t j, double c) const {
    return peephole_[gate] ? static_cast<double>(peephole_[gate](j)) * c : 0.0;
  }

  void lstm_step(std::int64_t t, std::int64_t n, Vector& h, Vector& c) {
    for (std::size_t gate = 0; gate < 4; ++gate) gates_[gate] = sums(gate, t, n, h);
    for (std::size_t j = 0; j < hidden_; ++j) {
      double& i = gates_[kInput][j];
      double& o = gates_[kOutput][j];
      double& f = gates_[kForget][j];
      double& candidate = gates_[kCell][j];
      i = f_(i + peeped(0, j, c[j]));
      f = g_.input_forget ? 1 - i : f_(f + peeped(2, j, c[j]));
      candidate = g_function_(candidate);
      c[j] = f * c[j] + i * candidate;
      o = f_(o + peeped(1, j, c[j]));
      h[j] = o * h_function_(c[j]);
    }
  }

  void gru_step(std::int64_t t, std::int64_t n, Vector& h) {
    gates_[kUpdate] = sums(kUpdate, t, n, h);
    gates_[kReset] = sums(kReset, t, n, h);
    for (double& value : gates_[kUpdate]) value = f_(value);
    for (double& value : gates_[kReset]) value = f_(value);
    Vector& candidate = gates_[kHidden];
    if (g_.linear_before_reset) {
      candidate = input_sums(kHidden, t, n);
      gates_[3] = recurrent_sums(kHidden, h);
      if (input_bias_[kHidden]) count_.bias += g_.hidden;
      if (recurrent_bias_[kHidden]) count_.bias += g_.hidden;
      for (std::size_t j = 0; j < hidden_; ++j) candidate[j] += gates_[kReset][j] * gates_[3][j];
    } else {
      candidate = sums(kHidden, t, n, reset(h));
    }
    for (std::size_t j = 0; j < hidden_; ++j) {
      candidate[j] = g_function_(candidate[j]);
      h[j] = (1 - gates_[kUpdate][j]) * candidate[j] + gates_[kUpdate][j] * h[j];
    }
  }
  Vector reset(const Vector& h) const {
    Vector result(hidden_);
    for (std::size_t j = 0; j < hidden_; ++j) result[j] = gates_[kReset][j] * h[j];
    return result;
  }

  // The gradients of one gate's weights and of x, from those of its sums; returns that of h.
  Vector gate_back(std::size_t gate, const Vector& dinput, const Vector& drecurrent,
                   const Vector& h, std::int64_t t, std::int64_t n,
                   const RecurrentGradients& out) const {
    const auto dw = write<T>(out.weights.w[gate].view);
    const auto dr = write<T>(out.weights.r[gate].view);
    const auto dx = write<T>(out.dx.view);
    Vector dh(hidden_);
    for (std::size_t j = 0; j < hidden_; ++j) {
      for (std::int64_t k = 0; k < g_.inputs; ++k) {
        if (dw) add(dw(j, k), dinput[j] * static_cast<double>(x_(t, n, k)));
        if (dx) add(dx(t, n, k), dinput[j] * static_cast<double>(w_[gate](j, k)));
      }
      for (std::size_t k = 0; k < hidden_; ++k) {
        if (dr) add(dr(j, k), drecurrent[j] * h[k]);
        dh[k] += drecurrent[j] * static_cast<double>(r_[gate](j, k));
      }
      const auto& bias = out.weights.input_bias[gate].view;
      const auto& recurrent = out.weights.recurrent_bias[gate].view;
      if (bias) add(write<T>(bias)(j), dinput[j]);
      if (recurrent) add(write<T>(recurrent)(j), drecurrent[j]);
    }
    return dh;
  }
  static void add_to(Vector& to, const Vector& values) {
    for (std::size_t j = 0; j < to.size(); ++j) to[j] += values[j];
  }

  Vector rnn_back(const Vector& y, const Vector& before, const Vector& dh, std::int64_t t,
                  std::int64_t n, const RecurrentGradients& out) {
    Vector d(hidden_);
    for (std::size_t j = 0; j < hidden_; ++j) d[j] = dh[j] * f_.slope(y[j]);
    return gate_back(0, d, d, before, t, n, out);
  }

  Vector lstm_back(const Vector& c, const Vector& c_before, const Vector& before, const Vector& dh,
                   Vector& dc, std::int64_t t, std::int64_t n, const RecurrentGradients& out) {
    Vectors d;
    for (Vector& gate : d) gate.assign(hidden_, 0);
    for (std::size_t j = 0; j < hidden_; ++j) {
      const double i = gates_[kInput][j];
      const double o = gates_[kOutput][j];
      const double f = gates_[kForget][j];
      const double candidate = gates_[kCell][j];
      const double squashed = h_function_(c[j]);
      d[kOutput][j] = dh[j] * squashed * f_.slope(o);
      double dcell = dc[j] + dh[j] * o * h_function_.slope(squashed);
      dcell += peeped(1, j, d[kOutput][j]);
      double di = dcell * candidate;
      const double df = dcell * c_before[j];
      if (g_.input_forget) {
        di -= df;
      } else {
        d[kForget][j] = df * f_.slope(f);
      }
      d[kInput][j] = di * f_.slope(i);
      d[kCell][j] = dcell * i * g_function_.slope(candidate);
      dc[j] = dcell * f + peeped(0, j, d[kInput][j]) + peeped(2, j, d[kForget][j]);
      const auto& dp = out.weights.peephole;
      if (dp[0].view) add(write<T>(dp[0].view)(j), d[kInput][j] * c_before[j]);
      if (dp[1].view) add(write<T>(dp[1].view)(j), d[kOutput][j] * c[j]);
      if (dp[2].view) add(write<T>(dp[2].view)(j), d[kForget][j] * c_before[j]);
    }
    Vector result(hidden_);
    for (std::size_t gate = 0; gate < 4; ++gate) {
      add_to(result, gate_back(gate, d[gate], d[gate], before, t, n, out));
    }
    return result;
  }

  Vector gru_back(const Vector& before, const Vector& dh, std::int64_t t, std::int64_t n,
                  const RecurrentGradients& out) {
    Vector result(hidden_);
    Vector dupdate(hidden_);
    Vector dreset(hidden_);
    Vector dcandidate(hidden_);
    for (std::size_t j = 0; j < hidden_; ++j) {
      const double z = gates_[kUpdate][j];
      const double candidate = gates_[kHidden][j];
      dupdate[j] = dh[j] * (before[j] - candidate) * f_.slope(z);
      dcandidate[j] = dh[j] * (1 - z) * g_function_.slope(candidate);
      result[j] = dh[j] * z;
    }
    const Vector& r = gates_[kReset];
    if (g_.linear_before_reset) {
      Vector drecurrent(hidden_);
      for (std::size_t j = 0; j < hidden_; ++j) {
        drecurrent[j] = dcandidate[j] * r[j];
        dreset[j] = dcandidate[j] * gates_[3][j] * f_.slope(r[j]);
      }
      add_to(result, gate_back(kHidden, dcandidate, drecurrent, before, t, n, out));
    } else {
      const Vector d = gate_back(kHidden, dcandidate, dcandidate, reset(before), t, n, out);
      for (std::size_t j = 0; j < hidden_; ++j) {
        dreset[j] = d[j] * before[j] * f_.slope(r[j]);
        result[j] += d[j] * r[j];
      }
    }
    add_to(result, gate_back(kUpdate, dupdate, dupdate, before, t, n, out));
    add_to(result, gate_back(kReset, dreset, dreset, before, t, n, out));
    return result;
  }

  const RecurrentGeometry& g_;
  WorkCount& count_;
  Clipped f_, g_function_, h_function_;
  Elements<const T> x_, h0_, c0_;
  Elements<const std::int32_t> lengths_;
  std::array<Elements<const T>, kMaxGates> w_, r_, input_bias_, recurrent_bias_;
  std::array<Elements<const T>, kPeepholes> peephole_;
  std::size_t hidden_;
  Vectors gates_;
};

}  // namespace

void ReferenceDevice::recurrent_forward(const RecurrentGeometry& g, const RecurrentInputs& in,
                                        const RecurrentOutputs& out, std::span<std::byte>,
                                        std::span<const std::byte>) const {
  check_recurrent(g, in, out);
  with_float(in.x.dtype, "recurrent_forward", [&]<class T>(T) {
    Sequence<T> sequence(g, in, *count_);
    for (std::int64_t n = 0; n < g.batch; ++n) sequence.forward(n, out);
  });
}

std::size_t ReferenceDevice::recurrent_prepared(const RecurrentGeometry&) const { return 0; }
void ReferenceDevice::recurrent_prepare(const RecurrentGeometry&, const RecurrentWeights&,
                                        std::span<std::byte>) const {}

void ReferenceDevice::recurrent_backward(const RecurrentGeometry& g, const RecurrentInputs& in,
                                         const RecurrentGradients& gradients,
                                         std::span<std::byte>) const {
  check_recurrent(g, in, gradients);
  const auto begin = [&](const GradientView& d) {
    if (d.view && !d.accumulate) fill(d.view, 0);
  };
  begin(gradients.dx);
  begin(gradients.h);
  begin(gradients.c);
  for (const auto& d : gradients.weights.w) begin(d);
  for (const auto& d : gradients.weights.r) begin(d);
  for (const auto& d : gradients.weights.input_bias) begin(d);
  for (const auto& d : gradients.weights.recurrent_bias) begin(d);
  for (const auto& d : gradients.weights.peephole) begin(d);
  with_float(in.x.dtype, "recurrent_backward", [&]<class T>(T) {
    WorkCount uncounted;
    Sequence<T> sequence(g, in, uncounted);
    for (std::int64_t n = 0; n < g.batch; ++n) sequence.backward(n, gradients);
  });
}

}  // namespace striate
