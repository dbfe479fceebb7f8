#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "striate/device/recurrent.h"

// What a recurrent cell does to each unit once its gates' sums are there, and the way back: one row
// of one step, compiled once an instruction set. The formulas stand in striate/device/recurrent.h.

namespace striate::cpu {

/// Units of one row. Absent operands are null; states that are zero are given as rows of zeros.
struct CellRow {
  std::int64_t count = 0;
  /// Sums in, values out, in the order of RecurrentGeometry::gates; a gru's fourth is R h.
  std::array<float*, kMaxGates> gates{};
  std::array<const float*, kPeepholes> peephole{};
  const float* bias = nullptr;  ///< added to a gru's R h
  const float* h_before = nullptr;
  const float* c_before = nullptr;
  float* h = nullptr;
  float* c = nullptr;
  float* reset = nullptr;  ///< a gru's r x h
};

/// The gradient of dy and of what the later step passed back, through one step.
struct CellBackRow {
  std::int64_t count = 0;
  std::array<const float*, kMaxGates> gates{};
  std::array<const float*, kPeepholes> peephole{};
  const float* h_before = nullptr;
  const float* c_before = nullptr;
  const float* c = nullptr;
  const float* y = nullptr;
  const float* dy = nullptr;
  /// Of the state behind the step; of a gru: becomes what reaches the state before it directly.
  float* dh = nullptr;
  float* dc = nullptr;                ///< of the cell behind the step; becomes that before it
  std::array<float*, kMaxGates> d{};  ///< of the gates' sums; a gru's fourth that of R h
  const float* dreset = nullptr;      ///< of r x h
  float* reset = nullptr;             ///< r x h again
};

using CellForward = void (*)(const RecurrentGeometry&, const CellRow&);
using CellBackward = void (*)(const RecurrentGeometry&, const CellBackRow&);

/// Kernels for a geometry's functions. A gru without linear_before_reset takes two for each way:
/// `first` up to r x h (back: to its gradient's product), `second` behind it.
struct CellKernels {
  CellForward first = nullptr, second = nullptr;
  CellBackward first_back = nullptr, second_back = nullptr;
};

CellKernels cell_kernels(const RecurrentGeometry& g);

}  // namespace striate::cpu
