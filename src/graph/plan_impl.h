#pragma once

#include <memory>
#include <string>
#include <vector>

#include "striate/graph/plan.h"

namespace striate {

/// Where a buffer's memory comes from.
enum class Source : std::uint8_t { workspace, input, parameter, constant };

/// Memory that one or more values occupy. Lives during the steps first to last, both included.
struct PlanBuffer {
  Source source = Source::workspace;
  std::size_t bytes = 0;
  int first = 0, last = 0;
  std::size_t offset = 0;  ///< in the workspace
  std::string name;        ///< of the input or parameter
  Tensor constant;
};

/// A value of the graph, a converted copy of one, a saved tensor or a gradient.
struct PlanValue {
  ValueInfo info;
  Layout layout = Layout::row_major;
  Strides strides{};
  int buffer = -1;
  std::size_t offset = 0;  ///< bytes from the buffer's begin
  int first = 0, last = 0;
};

/// A value as one operator sees it: a size-1 dimension may make another layout's strides fit too.
struct Operand {
  int value = -1;  ///< -1: absent
  Strides strides{};
};

struct PlanNode {
  std::string name, op_name;
  std::shared_ptr<const Operator> op;
  Traits traits;
  std::uint64_t purpose = 0;
  Layout layout = Layout::row_major;  ///< of its maps
  std::vector<Operand> inputs, outputs, saved;
  int forward_scratch = -1;  ///< a value of bytes
  /// What can be made of its parameters once: where it lies in Prepared, and which inputs it stands
  /// for. Empty where an input of Traits::prepared_from is no parameter and no constant.
  std::size_t prepared_offset = 0, prepared_bytes = 0;
  std::vector<char> stands_for;
  // Backward, where it takes part.
  bool backward = false;
  std::vector<Operand> output_gradients, input_gradients;
  std::vector<char> accumulate;
  int backward_scratch = -1;
};

/// Time runs in steps: node i forward at i, gradients of outputs arrive at F, node i backward at
/// 2F - i, F the number of nodes.
struct Plan::Impl {
  std::shared_ptr<const Device> device;
  std::string graph_name;
  std::vector<GraphInput> inputs;  ///< with the shapes that were planned
  std::vector<PlanValue> values;
  std::vector<PlanBuffer> buffers;
  std::vector<PlanNode> nodes;
  std::map<std::string, int, std::less<>> outputs;    ///< and values of state updates
  std::map<std::string, int, std::less<>> gradients;  ///< of parameters and inputs
  std::map<std::string, int, std::less<>> seeds;      ///< gradients of differentiated outputs
  std::vector<StateUpdate> updates;
  std::size_t workspace_bytes = 0;
  std::size_t prepared_bytes = 0;

  int steps() const { return static_cast<int>(nodes.size()); }
  int backward_time(int node) const { return 2 * steps() - node; }
  PlanValue& value(int id) { return values[static_cast<std::size_t>(id)]; }
  /// A value without memory yet; returns its number.
  int add_value(const ValueInfo& info, Layout layout);
};

/// How a value lies by itself: maps in channels-last layout as kernels like them, all else dense.
Strides strides_for(const ValueInfo& info, Layout layout);
/// True where both put every element in the same place.
bool same_places(const Shape& shape, const Strides& a, const Strides& b);
std::size_t extent_bytes(const ValueInfo& info, const Strides& strides);

/// Finds each value's lifetime, joins what can share memory and places it.
void plan_memory(Plan::Impl& plan);

/// Gives every workspace buffer an offset so that buffers whose lifetimes meet do not overlap;
/// returns the bytes needed in all.
std::size_t place(std::vector<PlanBuffer>& buffers);

}  // namespace striate
