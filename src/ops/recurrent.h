#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "striate/device/recurrent.h"
#include "striate/ops/attributes.h"

namespace striate {

using RecurrentCell = RecurrentGeometry::Cell;

/// The attributes of ONNX's RNN, LSTM and GRU.
template <RecurrentCell kCell>
struct RecurrentFields {
  std::string direction = "forward";
  std::int64_t hidden_size = 0;
  std::vector<std::string> activations;
  std::vector<double> activation_alpha, activation_beta;
  double clip = 0;
  std::int64_t layout = 0;
  bool input_forget = false;
  bool linear_before_reset = false;
  STRIATE_FIELDS(visit("direction", direction, "forward, reverse or bidirectional");
                 visit("hidden_size", hidden_size, "values of the state; 0: what the weights have");
                 visit("activations", activations, "the functions of each direction");
                 visit("activation_alpha", activation_alpha, "alphas of those that have one");
                 visit("activation_beta", activation_beta, "betas of those that have one");
                 visit("clip", clip, "largest size of what goes into a function; 0: any");
                 visit("layout", layout, "0: time first, 1: batch first");
                 if constexpr (kCell == RecurrentCell::lstm)
                     visit("input_forget", input_forget,
                           "the forget gate is 1 less the input gate");
                 if constexpr (kCell == RecurrentCell::gru)
                     visit("linear_before_reset", linear_before_reset, "reset behind the product");)
};

/// Where a node's operands stand, ONNX's order.
enum RecurrentInput : std::size_t { kX, kW, kR, kB, kLengths, kInitialH, kInitialC, kP };

/// The same of FusedRNN, FusedLSTM and FusedGRU, which take every gate's weights from a tensor of its
/// own: behind these five, W [hidden, features] of each direction's gates, then R [hidden, hidden],
/// then the biases [hidden], each direction's input biases before its recurrent ones; any bias may be
/// absent.
enum FusedRecurrentInput : std::size_t {
  kFusedX,
  kFusedLengths,
  kFusedInitialH,
  kFusedInitialC,
  kFusedP,
  kFusedGates
};

/// What the functions that `names` stand for compute, with the alphas and betas of those that take
/// one, in order, or ONNX's defaults; `each` of them for each of the directions. Throws ModelError.
std::vector<CellFunction> cell_functions(RecurrentCell cell, std::size_t directions,
                                         const std::vector<std::string>& names,
                                         const std::vector<double>& alphas,
                                         const std::vector<double>& betas);

}  // namespace striate
