#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "striate/tensor/tensor.h"

namespace striate {

/// What a recurrent cell applies to a sum, ONNX's names and formulas.
struct CellFunction {
  enum class Kind : std::uint8_t {
    tanh,
    sigmoid,
    relu,
    affine,            ///< alpha * x + beta
    leaky_relu,        ///< x < 0 ? alpha * x : x
    thresholded_relu,  ///< x > alpha ? x : 0
    scaled_tanh,       ///< alpha * tanh(beta * x)
    hard_sigmoid,      ///< alpha * x + beta between 0 and 1
    elu,               ///< x < 0 ? alpha * (exp(x) - 1) : x
    softsign,          ///< x / (1 + |x|)
    softplus           ///< log(1 + exp(x))
  };
  Kind kind = Kind::tanh;
  double alpha = 0, beta = 0;

  double operator()(double x) const;
  /// The slope where the value is `y`. A leaky_relu or elu of negative alpha takes some values twice:
  /// has_slope says no.
  double slope(double y) const;
  bool has_slope() const;
};

/// One direction of ONNX's RNN, LSTM or GRU over a whole sequence. With W, R, b the gates' weights
/// and biases, s the clipping of what goes into a function, and x the product elementwise:
///
///   rnn   h' = f(s(W x + R h + b))
///   lstm  i, o, f: gate = f(s(W x + R h + P x c + b)), the output gate o seeing the new c;
///         (input_forget: the forget gate is 1 - i)
///         c' = forget x c + i x g(s(W x + R h + b)),  h' = o x h(s(c'))
///   gru   z, r = f(s(W x + R h + b)),
///         n = g(s(W x + R (r x h) + b)), or with linear_before_reset
///         n = g(s(W x + b_input + r x (R h + b_recurrent))),
///         h' = (1 - z) x n + z x h
///
/// Hochreiter and Schmidhuber 1997 and Gers et al. 2000 (LSTM), Cho et al., arXiv:1406.1078 (GRU).
///
/// A sequence shorter than `steps` keeps its state behind its end, and its outputs there are 0.
/// `reverse` runs each sequence from its own last step to its first.
struct RecurrentGeometry {
  enum class Cell : std::uint8_t { rnn, lstm, gru };
  Cell cell = Cell::rnn;
  std::int64_t steps = 0, batch = 0, inputs = 0, hidden = 0;
  bool reverse = false;
  bool linear_before_reset = false;
  bool input_forget = false;
  double clip = 0;  ///< 0: none
  std::array<CellFunction, 3> functions;

  /// Gates with weights, in ONNX's order: rnn one; lstm input, output, forget, candidate; gru
  /// update, reset, candidate.
  int gates() const { return cell == Cell::rnn ? 1 : cell == Cell::lstm ? 4 : 3; }
  /// Values that a step keeps of each unit for the way back, beside its output and its lstm's cell:
  /// what the gates' functions gave, and a gru's R h + b_recurrent of linear_before_reset.
  int kept() const {
    return cell == Cell::rnn ? 0 : gates() + (cell == Cell::gru && linear_before_reset ? 1 : 0);
  }
};

inline constexpr std::size_t kMaxGates = 4;
inline constexpr std::size_t kPeepholes = 3;

/// Gate by gate. Biases and peepholes (lstm: input, output, forget) may be absent.
template <class SomeView>
struct RecurrentOperands {
  std::array<SomeView, kMaxGates> w;               ///< [hidden, inputs], rows dense
  std::array<SomeView, kMaxGates> r;               ///< [hidden, hidden], rows dense
  std::array<SomeView, kMaxGates> input_bias;      ///< [hidden]
  std::array<SomeView, kMaxGates> recurrent_bias;  ///< [hidden]
  std::array<SomeView, kPeepholes> peephole;       ///< [hidden]
};
using RecurrentWeights = RecurrentOperands<ConstView>;

/// A gradient to be written or added to; null where none is wanted.
struct GradientView {
  View view;
  bool accumulate = false;
};

/// What both passes read. x, y and what is kept are dense, time first; states [batch, hidden] have
/// dense rows.
struct RecurrentInputs {
  ConstView x;        ///< [steps, batch, inputs]
  ConstView lengths;  ///< int32 [batch]; absent: all steps
  ConstView h, c;     ///< the initial states; absent: zero
  RecurrentWeights weights;
};

struct RecurrentOutputs {
  View y;      ///< [steps, batch, hidden]
  View h, c;   ///< the final states; may be absent
  View kept;   ///< [steps, batch, kept() * hidden], value by value; absent: nothing is kept
  View cells;  ///< [steps, batch, hidden], an lstm's; absent with `kept`
};

struct RecurrentGradients {
  ConstView y, kept, cells;  ///< of the forward pass
  ConstView dy;              ///< may be absent, as may the two others
  ConstView dh, dc;          ///< of the final states
  GradientView dx, h, c;
  RecurrentOperands<GradientView> weights;
};

}  // namespace striate
