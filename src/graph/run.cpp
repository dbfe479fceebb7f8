#include "graph/plan_impl.h"
#include "striate/base/memory.h"
#include "striate/base/suggest.h"

namespace striate {
namespace {

// Resolves a plan's operands to memory for one run.
class Binding {
 public:
  // `prepared`: parameters may be missing, where only prepared nodes read them.
  Binding(const Plan::Impl& plan, std::byte* memory, const Inputs& inputs, const Weights& weights,
          bool prepared = false)
      : plan_(plan), memory_(memory), external_(plan.buffers.size()) {
    for (std::size_t i = 0; i < plan.buffers.size(); ++i) {
      const PlanBuffer& buffer = plan.buffers[i];
      if (buffer.source == Source::input) external_[i] = find_input(buffer.name, inputs);
      if (buffer.source == Source::parameter && !(prepared && !weights.contains(buffer.name))) {
        external_[i] = find_parameter(buffer.name, weights);
      }
      if (buffer.source == Source::constant) external_[i] = buffer.constant.view();
    }
    for (const PlanValue& value : plan.values) {
      const ConstView& external = external_[static_cast<std::size_t>(value.buffer)];
      if (external) check_external(value, external);
    }
  }

  ConstView read(const Operand& operand) const {
    if (operand.value < 0) return {};
    const PlanValue& value = plan_.values[static_cast<std::size_t>(operand.value)];
    const ConstView& external = external_[static_cast<std::size_t>(value.buffer)];
    if (!external && source(operand) == Source::parameter) {
      return {nullptr, value.info.dtype, value.info.shape, operand.strides};
    }
    if (external) {
      // An input keeps its own strides, unless it is dense and read as another layout.
      const bool dense = external.is_dense();
      return {external.data, value.info.dtype, value.info.shape,
              dense ? operand.strides : external.strides};
    }
    return write(operand);
  }

  // What backward learns of a value that it does not read: all but the memory, which may be another
  // value's by then. Constants are always there.
  ConstView shape_only(const Operand& operand) const {
    ConstView view = read(operand);
    if (operand.value < 0 || source(operand) == Source::constant) return view;
    view.data = nullptr;
    return view;
  }

  View write(const Operand& operand) const {
    if (operand.value < 0) return {};
    const PlanValue& value = plan_.values[static_cast<std::size_t>(operand.value)];
    const PlanBuffer& buffer = plan_.buffers[static_cast<std::size_t>(value.buffer)];
    return {memory_ + buffer.offset + value.offset, value.info.dtype, value.info.shape,
            operand.strides};
  }

  // The name of the parameter an operand is, or null.
  const std::string* parameter_of(const Operand& operand) const {
    if (source(operand) != Source::parameter) return nullptr;
    const PlanValue& value = plan_.values[static_cast<std::size_t>(operand.value)];
    return &plan_.buffers[static_cast<std::size_t>(value.buffer)].name;
  }

  std::span<std::byte> scratch(int id) const {
    if (id < 0) return {};
    const PlanValue& value = plan_.values[static_cast<std::size_t>(id)];
    const PlanBuffer& buffer = plan_.buffers[static_cast<std::size_t>(value.buffer)];
    return {memory_ + buffer.offset, buffer.bytes};
  }

 private:
  Source source(const Operand& operand) const {
    const PlanValue& value = plan_.values[static_cast<std::size_t>(operand.value)];
    return plan_.buffers[static_cast<std::size_t>(value.buffer)].source;
  }

  ConstView find_input(const std::string& name, const Inputs& inputs) const {
    const auto found = inputs.find(name);
    if (found == inputs.end() || !found->second) {
      fail<ModelError>("{}: input {} is missing", plan_.graph_name, name);
    }
    return found->second;
  }

  ConstView find_parameter(const std::string& name, const Weights& weights) const {
    if (!weights.contains(name) || weights.at(name).empty()) {
      fail<ModelError>("{}: the weights have no {}", plan_.graph_name, name);
    }
    return weights.at(name).view();
  }

  void check_external(const PlanValue& value, const ConstView& external) const {
    if (external.shape == value.info.shape && external.dtype == value.info.dtype) return;
    fail<ModelError>("{}: {} expected {} {}, got {} {}", plan_.graph_name,
                     plan_.buffers[static_cast<std::size_t>(value.buffer)].name,
                     name_of(value.info.dtype), value.info.shape.str(), name_of(external.dtype),
                     external.shape.str());
  }

  const Plan::Impl& plan_;
  std::byte* memory_;
  std::vector<ConstView> external_;
};

template <class Result, class Resolve>
void resolve(const std::vector<Operand>& operands, std::vector<Result>& views, Resolve&& to_view) {
  views.clear();
  for (const Operand& operand : operands) views.push_back(to_view(operand));
}

}  // namespace

Plan::Plan(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Plan::~Plan() = default;

std::size_t Plan::workspace_bytes() const { return impl_->workspace_bytes; }
const Device& Plan::device() const { return *impl_->device; }

namespace {

std::span<const std::byte> prepared_for(const PlanNode& node, const std::byte* memory) {
  return {memory + node.prepared_offset, node.prepared_bytes};
}

void look_up(const RunOptions& options, const std::string& graph) {
  if (options.cancel != nullptr && options.cancel->load(std::memory_order_relaxed)) {
    fail<Cancelled>("{}: the run was cancelled", graph);
  }
}

}  // namespace

void Plan::forward(Workspace& workspace, const Inputs& inputs, const Weights& weights,
                   const RunOptions& options) const {
  run(workspace, inputs, weights, options, nullptr);
}

void Plan::forward(Workspace& workspace, const Inputs& inputs, const Prepared& weights,
                   const RunOptions& options) const {
  invariant(weights.plan_ == this, "a plan was run with weights prepared for another");
  run(workspace, inputs, weights.weights_, options, &weights);
}

std::shared_ptr<const Prepared> Plan::prepare(const Weights& weights) const {
  // Inputs are not looked at: any memory of their shapes stands for them.
  Inputs none;
  for (const GraphInput& input : impl_->inputs) {
    none[input.name] = {this, input.dtype, input.shape, dense_strides(input.shape)};
  }
  const Binding binding(*impl_, nullptr, none, weights);
  auto prepared = std::make_shared<Prepared>();
  prepared->plan_ = this;
  prepared->bytes_ = impl_->prepared_bytes;
  prepared->memory_ = allocate(impl_->prepared_bytes);
  std::vector<ConstView> ins;
  for (const PlanNode& node : impl_->nodes) {
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.inputs[i].value < 0 || (node.prepared_bytes > 0 && node.stands_for[i] != 0))
        continue;
      const std::string* parameter = binding.parameter_of(node.inputs[i]);
      if (parameter != nullptr) prepared->weights_[*parameter] = weights.at(*parameter);
    }
    if (node.prepared_bytes == 0) continue;
    ins.clear();
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      ConstView view = binding.read(node.inputs[i]);
      if (node.stands_for[i] == 0) view.data = nullptr;
      ins.push_back(view);
    }
    node.op->prepare(
        {.device = *impl_->device,
         .inputs = ins,
         .prepared = {prepared->memory_.get() + node.prepared_offset, node.prepared_bytes}});
  }
  return prepared;
}

void Plan::run(Workspace& workspace, const Inputs& inputs, const Weights& weights,
               const RunOptions& options, const Prepared* prepared) const {
  invariant(workspace.plan_.get() == this, "a plan was run in another plan's workspace");
  const Binding binding(*impl_, workspace.memory_.get(), inputs, weights, prepared != nullptr);
  std::vector<ConstView> ins;
  std::vector<View> outs;
  std::vector<View> saved;
  std::vector<ConstView> written;
  for (const PlanNode& node : impl_->nodes) {
    look_up(options, impl_->graph_name);
    resolve(node.inputs, ins, [&](const Operand& o) { return binding.read(o); });
    resolve(node.outputs, outs, [&](const Operand& o) { return binding.write(o); });
    resolve(node.saved, saved, [&](const Operand& o) { return binding.write(o); });
    saved.resize(node.traits.saved.size());
    node.op->forward({.device = *impl_->device,
                      .inputs = ins,
                      .outputs = outs,
                      .saved = saved,
                      .scratch = binding.scratch(node.forward_scratch),
                      .key = {options.key.seed, node.purpose, options.key.step},
                      .prepared = prepared ? prepared_for(node, prepared->memory_.get())
                                           : std::span<const std::byte>()});
    if (!options.observe) continue;
    written.assign(outs.begin(), outs.end());
    options.observe(node.name, node.op_name, written);
  }
}

void Plan::backward(Workspace& workspace, const Inputs& inputs, const Weights& weights,
                    const RunOptions& options, const Inputs& output_gradients) const {
  invariant(workspace.plan_.get() == this, "a plan was run in another plan's workspace");
  const Binding binding(*impl_, workspace.memory_.get(), inputs, weights);
  for (const auto& [name, id] : impl_->seeds) {
    const PlanValue& value = impl_->values[static_cast<std::size_t>(id)];
    const View seed = binding.write({id, value.strides});
    const auto given = output_gradients.find(name);
    if (given == output_gradients.end()) {
      impl_->device->fill(seed, 1.0);
    } else if (given->second.shape == value.info.shape) {
      impl_->device->copy(given->second, seed);
    } else {
      fail<ModelError>("{}: the gradient of {} expected shape {}, got {}", impl_->graph_name, name,
                       value.info.shape.str(), given->second.shape.str());
    }
  }
  std::vector<ConstView> ins;
  std::vector<ConstView> outs;
  std::vector<ConstView> saved;
  std::vector<ConstView> output_grads;
  std::vector<InputGradient> input_grads;
  std::vector<ConstView> written;
  for (auto node = impl_->nodes.rbegin(); node != impl_->nodes.rend(); ++node) {
    if (!node->backward) continue;
    look_up(options, impl_->graph_name);
    const auto read = [&](const Operand& o) { return binding.read(o); };
    const auto shape_only = [&](const Operand& o) { return binding.shape_only(o); };
    if (node->traits.backward_reads_inputs) {
      resolve(node->inputs, ins, read);
    } else {
      resolve(node->inputs, ins, shape_only);
    }
    if (node->traits.backward_reads_outputs) {
      resolve(node->outputs, outs, read);
    } else {
      resolve(node->outputs, outs, shape_only);
    }
    resolve(node->saved, saved, read);
    resolve(node->output_gradients, output_grads, read);
    input_grads.clear();
    for (std::size_t i = 0; i < node->input_gradients.size(); ++i) {
      input_grads.push_back({binding.write(node->input_gradients[i]), node->accumulate[i] != 0});
    }
    node->op->backward({.device = *impl_->device,
                        .inputs = ins,
                        .outputs = outs,
                        .saved = saved,
                        .output_gradients = output_grads,
                        .input_gradients = input_grads,
                        .scratch = binding.scratch(node->backward_scratch),
                        .key = {options.key.seed, node->purpose, options.key.step}});
    if (!options.observe) continue;
    written.clear();
    for (const InputGradient& gradient : input_grads) written.push_back(gradient.view);
    options.observe(node->name, node->op_name, written);
  }
}

void Plan::update_state(const Workspace& workspace, Weights& weights) const {
  for (const StateUpdate& update : impl_->updates) {
    impl_->device->copy(workspace.output(update.value), weights.at(update.parameter).view());
  }
}

Workspace::Workspace(std::shared_ptr<const Plan> plan)
    : plan_(std::move(plan)), memory_(allocate(plan_->workspace_bytes())) {}

namespace {

ConstView result_view(const Plan::Impl& plan, const std::byte* memory, int id) {
  const PlanValue& value = plan.values[static_cast<std::size_t>(id)];
  const PlanBuffer& buffer = plan.buffers[static_cast<std::size_t>(value.buffer)];
  if (buffer.source == Source::constant) return buffer.constant.view();
  invariant(buffer.source == Source::workspace, "a graph's output is one of its inputs");
  return {memory + buffer.offset + value.offset, value.info.dtype, value.info.shape, value.strides};
}

}  // namespace

ConstView Workspace::output(std::string_view name) const {
  const auto found = plan_->impl_->outputs.find(name);
  if (found != plan_->impl_->outputs.end()) {
    return result_view(*plan_->impl_, memory_.get(), found->second);
  }
  std::vector<std::string> known;
  for (const auto& [output, id] : plan_->impl_->outputs) known.push_back(output);
  fail<ModelError>("{}: there is no output {}{}", plan_->impl_->graph_name, name,
                   suggestion(name, known));
}

Tensor Workspace::fetch(std::string_view name) const {
  const ConstView source = output(name);
  Tensor tensor(source.dtype, source.shape);
  plan_->device().copy(source, tensor.view());
  return tensor;
}

ConstView Workspace::gradient(std::string_view name) const {
  const auto found = plan_->impl_->gradients.find(name);
  if (found == plan_->impl_->gradients.end()) return {};
  return result_view(*plan_->impl_, memory_.get(), found->second);
}

Program::Program(Graph graph, std::shared_ptr<const Device> device, Plan::Options options)
    : graph_(std::move(graph)), device_(std::move(device)), options_(std::move(options)) {}

Tensor Program::run(const Inputs& inputs, const Weights& weights, std::string_view output) const {
  Shapes shapes;
  for (const auto& [name, view] : inputs) shapes[name] = view.shape;
  const std::shared_ptr<const Plan> compiled = plan(shapes);
  Workspace workspace(compiled);
  compiled->forward(workspace, inputs, weights);
  return workspace.fetch(output);
}

std::shared_ptr<const Plan> Program::plan(const Shapes& input_shapes) const {
  std::string key;
  for (const auto& [name, shape] : input_shapes) key += name + '=' + shape.str() + ';';
  {
    const std::scoped_lock lock(mutex_);
    const auto found = plans_.find(key);
    if (found != plans_.end()) return found->second;
  }
  auto plan = Plan::compile(graph_, device_, input_shapes, options_);
  const std::scoped_lock lock(mutex_);
  return plans_.emplace(std::move(key), std::move(plan)).first->second;
}

}  // namespace striate
