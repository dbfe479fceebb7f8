#include "device/cpu/kernels.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "device/cpu/kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "device/cpu/movement-inl.h"
#include "device/cpu/tile-inl.h"
#include "device/cpu/winograd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace striate::cpu {
namespace HWY_NAMESPACE {

template <int kVectors>
constexpr int rows_limit() {
  if constexpr (kRegisters == 32) return kVectors == 1 ? 12 : 14;
  return kVectors == 1 ? 10 : 6;
}
template <int kVectors>
constexpr int runs_limit() {
  if constexpr (kRegisters == 32) return kVectors == 1 ? 16 : 14;
  return kVectors == 1 ? 10 : 6;
}
// A panel of one vector may stand beside one of two, and is then cut as that one is.
template <int kVectors>
constexpr int rows_made() {
  return kVectors == 1 ? std::max(rows_limit<1>(), rows_limit<2>()) : rows_limit<kVectors>();
}
template <int kVectors>
constexpr int runs_made() {
  return kVectors == 1 ? std::max(runs_limit<1>(), runs_limit<2>()) : runs_limit<kVectors>();
}

template <int kVectors, std::size_t... kRows>
void fill_rows(Kernels& table, std::index_sequence<kRows...>) {
  ((table.rows[kVectors - 1][kRows] = &multiply_rows<static_cast<int>(kRows) + 1, kVectors>), ...);
}
template <int kVectors, std::size_t... kRows>
void fill_runs(Kernels& table, std::index_sequence<kRows...>) {
  ((table.runs[kVectors - 1][kRows] = &multiply_runs<static_cast<int>(kRows) + 1, kVectors>), ...);
}

template <std::size_t... kRows>
void fill_dots(Kernels& table, std::index_sequence<kRows...>) {
  ((table.dot_rows[kRows] = &dot_rows<static_cast<int>(kRows) + 1>), ...);
}

Kernels make_table() {
  Kernels table{};
  table.name = hwy::TargetName(HWY_TARGET);
  table.lanes = kLanes;
  table.rows_limit = {rows_limit<1>(), rows_limit<2>()};
  table.runs_limit = {runs_limit<1>(), runs_limit<2>()};
  fill_rows<1>(table, std::make_index_sequence<rows_made<1>()>());
  fill_rows<2>(table, std::make_index_sequence<rows_made<2>()>());
  fill_runs<1>(table, std::make_index_sequence<runs_made<1>()>());
  fill_runs<2>(table, std::make_index_sequence<runs_made<2>()>());
  table.find_taps = &find_taps;
  table.pack_rows = &pack_rows;
  table.pack_transposed = &pack_transposed;
  table.unpack_transposed = &unpack_transposed;
  fill_dots(table, std::make_index_sequence<kMaxDotRows>());
  table.sum_rows = &sum_rows;
  table.winograd_input = &winograd_input;
  table.winograd_weights = &winograd_weights;
  table.winograd_output = &winograd_output;
  table.winograd_output_adjoint = &winograd_output_adjoint;
  table.winograd_weights_adjoint = &winograd_weights_adjoint;
  table.map_channels = &map_channels;
  return table;
}

const Kernels* target_kernels() {
  static const Kernels table = make_table();
  return &table;
}

}  // namespace HWY_NAMESPACE
}  // namespace striate::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace striate::cpu {

HWY_EXPORT(target_kernels);

const Kernels& kernels() { return *HWY_DYNAMIC_DISPATCH(target_kernels)(); }

}  // namespace striate::cpu
#endif
