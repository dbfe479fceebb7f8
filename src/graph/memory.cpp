#include <algorithm>

#include "graph/plan_impl.h"

namespace striate {
namespace {

// Who shares whose memory, and for how long.
class Memory {
 public:
  explicit Memory(Plan::Impl& plan) : plan_(plan) {}

  void run() {
    place_slices();
    find_lifetimes();
    share_slices();
    share_memory();
    plan_.workspace_bytes = place(plan_.buffers);
  }

 private:
  PlanValue& value(int id) { return plan_.value(id); }

  // Values that are joined along the channels are written where they are joined, and so are their
  // gradients. Last come first: a whole may be a part itself.
  void place_slices() {
    operands_of_.resize(plan_.values.size());
    for (PlanNode& node : plan_.nodes) {
      for (auto* list :
           {&node.inputs, &node.outputs, &node.output_gradients, &node.input_gradients}) {
        for (Operand& operand : *list) {
          if (operand.value < 0) continue;
          operands_of_[static_cast<std::size_t>(operand.value)].push_back(&operand);
        }
      }
    }
    for (auto node = plan_.nodes.rbegin(); node != plan_.nodes.rend(); ++node) {
      if (!node->traits.joins_channels) continue;
      place_parts(*node, node->outputs[0].value, node->inputs, {});
    }
    for (auto node = plan_.nodes.rbegin(); node != plan_.nodes.rend(); ++node) {
      if (!node->traits.joins_channels || !node->backward) continue;
      place_parts(*node, node->output_gradients[0].value, node->input_gradients, node->accumulate);
    }
  }

  // What accumulates has been written elsewhere already.
  void place_parts(const PlanNode& node, int whole, const std::vector<Operand>& parts,
                   const std::vector<char>& accumulate) {
    std::int64_t channel = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const int part = parts[i].value;
      const PlanValue& from = value(whole);
      const bool written = !accumulate.empty() && accumulate[i] != 0;
      if (part >= 0 && !written && may_be_part(part, whole)) {
        PlanValue& to = value(part);
        for (Operand* operand : operands_of(part)) operand->strides = from.strides;
        to.strides = from.strides;
        to.offset = from.offset + static_cast<std::size_t>(channel) * size_of(to.info.dtype);
        whole_of_[part] = whole;
      }
      channel += value(node.inputs[i].value).info.shape[1];
    }
  }

  // One whole at most, and only a map that all its users see as one.
  bool may_be_part(int id, int whole) {
    const PlanValue& part = value(id);
    const Shape& shape = part.info.shape;
    if (part.buffer >= 0 || id == whole || whole_of_.contains(id)) return false;
    if (part.layout != Layout::channels_last || value(whole).layout != Layout::channels_last) {
      return false;
    }
    if (shape.elements() == 0 || shape.elements() == shape[0] * shape[1]) return false;
    const std::vector<Operand*>& operands = operands_of(id);
    return std::all_of(operands.begin(), operands.end(),
                       [&](const Operand* operand) { return operand->strides == part.strides; });
  }

  const std::vector<Operand*>& operands_of(int id) const {
    return operands_of_[static_cast<std::size_t>(id)];
  }

  // One buffer for a whole and its parts, and theirs, from the first that is written to the last
  // that is read.
  void share_slices() {
    std::map<int, std::vector<int>> groups;
    for (const auto& [part, whole] : whole_of_) {
      int root = whole;
      while (whole_of_.contains(root)) root = whole_of_.at(root);
      groups[root].push_back(part);
    }
    for (const auto& [root, parts] : groups) {
      new_buffer(root);
      PlanBuffer& buffer = plan_.buffers.back();
      for (const int part : parts) {
        buffer.first = std::min(buffer.first, value(part).first);
        buffer.last = std::max(buffer.last, value(part).last);
        value(part).buffer = value(root).buffer;
      }
    }
  }

  void live(int id, int time) {
    if (id >= 0) value(id).last = std::max(value(id).last, time);
  }

  int add_scratch(std::size_t bytes, int time) {
    if (bytes == 0) return -1;
    const int id = plan_.add_value(
        {.dtype = DType::u8, .shape = {static_cast<std::int64_t>(bytes)}}, Layout::row_major);
    value(id).first = value(id).last = time;
    return id;
  }

  void find_lifetimes() {
    for (int i = 0; i < plan_.steps(); ++i) {
      PlanNode& node = plan_.nodes[static_cast<std::size_t>(i)];
      const int back = plan_.backward_time(i);
      for (const Operand& input : node.inputs) {
        live(input.value, i);
        if (node.backward && node.traits.backward_reads_inputs) live(input.value, back);
      }
      for (const Operand& output : node.outputs) {
        if (output.value < 0) continue;
        value(output.value).first = i;
        live(output.value, i);
        if (node.backward && node.traits.backward_reads_outputs) live(output.value, back);
      }
      node.forward_scratch = add_scratch(node.traits.forward_scratch, i);
      if (!node.backward) continue;
      for (const ValueInfo& info : node.traits.saved) {
        const int id = plan_.add_value(info, node.layout);
        value(id).first = i;
        live(id, back);
        node.saved.push_back({id, value(id).strides});
      }
      for (const Operand& gradient : node.output_gradients) live(gradient.value, back);
      for (const Operand& gradient : node.input_gradients) live(gradient.value, back);
      node.backward_scratch = add_scratch(node.traits.backward_scratch, back);
    }
    const int end = 2 * plan_.steps() + 1;
    for (const auto& [name, id] : plan_.outputs) live(id, end);
    for (const auto& [name, id] : plan_.gradients) live(id, end);
    for (const auto& [name, id] : plan_.seeds) live(id, plan_.steps());
  }

  void new_buffer(int id) {
    PlanBuffer buffer;
    buffer.bytes = extent_bytes(value(id).info, value(id).strides);
    buffer.first = value(id).first;
    buffer.last = value(id).last;
    value(id).buffer = static_cast<int>(plan_.buffers.size());
    plan_.buffers.push_back(std::move(buffer));
  }

  // True where element i of one lies where element i of the other would: the same places for the
  // same shape, dense row-major for a reshaped one.
  bool element_by_element(const Operand& a, const Operand& b) {
    const Shape& shape = value(a.value).info.shape;
    if (shape == value(b.value).info.shape) return same_places(shape, a.strides, b.strides);
    const auto dense = [&](const Operand& operand) {
      const Shape& own = value(operand.value).info.shape;
      return same_places(own, operand.strides, dense_strides(own));
    };
    return dense(a) && dense(b);
  }

  // Lets `taker`, first written at `time`, live on in the memory of `giver`, last used then.
  void take_over(const Operand& taker, const Operand& giver, int time) {
    if (taker.value < 0 || giver.value < 0) return;
    PlanValue& to = value(taker.value);
    const PlanValue& from = value(giver.value);
    if (to.buffer >= 0 || from.buffer < 0 || !element_by_element(taker, giver)) return;
    PlanBuffer& buffer = plan_.buffers[static_cast<std::size_t>(from.buffer)];
    const bool fits = buffer.source == Source::workspace && buffer.last <= time &&
                      to.first == time && buffer.bytes == extent_bytes(to.info, to.strides);
    if (!fits) return;
    to.buffer = from.buffer;
    buffer.last = std::max(buffer.last, to.last);
  }

  // True where the node's input is no other input of it.
  static bool once(const PlanNode& node, int input) {
    const int id = node.inputs[static_cast<std::size_t>(input)].value;
    return std::count_if(node.inputs.begin(), node.inputs.end(),
                         [&](const Operand& other) { return other.value == id; }) == 1;
  }

  void share_memory() {
    for (int i = 0; i < plan_.steps(); ++i) {
      const PlanNode& node = plan_.nodes[static_cast<std::size_t>(i)];
      const int from = node.traits.in_place;
      if (from >= 0) {
        take_over(node.outputs[0], node.inputs[static_cast<std::size_t>(from)], i);
      }
      for (const Operand& output : node.outputs) {
        if (output.value >= 0 && value(output.value).buffer < 0) new_buffer(output.value);
      }
    }
    for (const auto& [name, id] : plan_.seeds) {
      if (value(id).buffer < 0) new_buffer(id);
    }
    for (int i = plan_.steps() - 1; i >= 0; --i) {
      const PlanNode& node = plan_.nodes[static_cast<std::size_t>(i)];
      if (!node.backward) continue;
      const int to = node.traits.gradient_in_place;
      if (to >= 0 && node.accumulate[static_cast<std::size_t>(to)] == 0 && once(node, to)) {
        take_over(node.input_gradients[static_cast<std::size_t>(to)], node.output_gradients[0],
                  plan_.backward_time(i));
      }
      for (const Operand& gradient : node.input_gradients) {
        if (gradient.value >= 0 && value(gradient.value).buffer < 0) new_buffer(gradient.value);
      }
    }
    for (int id = 0; id < static_cast<int>(plan_.values.size()); ++id) {
      if (value(id).buffer < 0) new_buffer(id);
    }
  }

  Plan::Impl& plan_;
  std::vector<std::vector<Operand*>> operands_of_;  // wherever nodes use a value
  // For values in a slice of another's memory: that other.
  std::map<int, int> whole_of_;
};

}  // namespace

void plan_memory(Plan::Impl& plan) { Memory(plan).run(); }

}  // namespace striate
