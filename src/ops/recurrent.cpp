#include "ops/recurrent.h"

#include <algorithm>

#include "ops/operands.h"
#include "ops/views.h"
#include "striate/base/suggest.h"

namespace striate {
namespace {

// Element `index` of an axis, which is gone then.
template <class SomeView>
SomeView part(const SomeView& view, int axis, std::int64_t index) {
  if (view.shape.rank() == 0) return {};
  const SomeView slice = sliced(view, axis, index, 1);
  SomeView result{slice.data, slice.dtype, {}, {}};
  for (int i = 0; i < slice.shape.rank(); ++i) {
    if (i == axis) continue;
    result.strides[static_cast<std::size_t>(result.shape.rank())] = slice.stride(i);
    result.shape.push_back(slice.shape[i]);
  }
  return result;
}

// ONNX's RNN, LSTM and GRU: what they compute stands in device/recurrent.h. The device is given one
// direction at a time, dense and time first. `kApart`: each gate's weights are a tensor.
template <RecurrentCell kCell, bool kApart>
class Recurrent final : public Operator {
 public:
  using Fields = RecurrentFields<kCell>;
  explicit Recurrent(const Fields& fields) : fields_(fields) {
    static const std::vector<std::string> kDirections{"forward", "reverse", "bidirectional"};
    if (std::find(kDirections.begin(), kDirections.end(), fields.direction) == kDirections.end()) {
      fail<ModelError>("direction: unknown direction {}{}", fields.direction,
                       suggestion(fields.direction, kDirections));
    }
    if (fields.clip < 0) fail<ModelError>("clip: expected at least 0, got {}", fields.clip);
    if (fields.layout != 0 && fields.layout != 1) {
      fail<ModelError>("layout: expected 0 or 1, got {}", fields.layout);
    }
    directions_ = fields.direction == "bidirectional" ? 2 : 1;
    functions_ = cell_functions(kCell, static_cast<std::size_t>(directions_), fields.activations,
                                fields.activation_alpha, fields.activation_beta);
  }

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const ValueInfo& x = required_float(inputs, kX, "X");
    if (x.shape.rank() != 3) {
      fail<ModelError>("expected an input {}, got {}",
                       batch_first() ? "batch,time,features" : "time,batch,features",
                       x.shape.str());
    }
    const std::int64_t hidden = kApart ? expect_gates(inputs) : expect_weights(inputs);
    const std::int64_t steps = x.shape[batch_first() ? 1 : 0];
    const std::int64_t batch = x.shape[batch_first() ? 0 : 1];
    if (present(inputs, kAtLengths)) {
      expect(inputs[kAtLengths], DType::i32, {batch}, "sequence_lens");
    }
    const Shape state =
        batch_first() ? Shape{batch, directions_, hidden} : Shape{directions_, batch, hidden};
    if (present(inputs, kAtH)) expect(inputs[kAtH], x.dtype, state, "initial_h");
    if (present(inputs, kAtC)) expect(inputs[kAtC], x.dtype, state, "initial_c");
    if (present(inputs, kAtP)) expect(inputs[kAtP], x.dtype, {directions_, 3 * hidden}, "P");
    const Shape y = batch_first() ? Shape{batch, steps, directions_, hidden}
                                  : Shape{steps, directions_, batch, hidden};
    std::vector<ValueInfo> outputs{{.dtype = x.dtype, .shape = y},
                                   {.dtype = x.dtype, .shape = state}};
    if (kCell == RecurrentCell::lstm) outputs.push_back({.dtype = x.dtype, .shape = state});
    return outputs;
  }

  Cost cost(std::span<const ValueInfo> inputs, std::span<const ValueInfo>) const override {
    const RecurrentGeometry g = geometry(inputs, 0);
    const std::int64_t sums = directions_ * g.steps * g.batch * g.hidden;
    const std::int64_t biases = g.gates() + (g.linear_before_reset ? 1 : 0);
    return {.macs = sums * g.gates() * (g.inputs + g.hidden),
            .bias = kApart || present(inputs, kB) ? sums * biases : 0};
  }

  Window window(std::span<const ValueInfo>) const override {
    return {.kind = Window::Kind::everything};
  }

  Traits traits(const Device& device, std::span<const ValueInfo> inputs,
                std::span<const ValueInfo> outputs) const override {
    const RecurrentGeometry g = geometry(inputs, 0);
    const DType dtype = inputs[kX].dtype;
    const Shape y{directions_, g.steps, g.batch, g.hidden};
    Traits traits;
    traits.layout = Traits::Needs::row_major;
    traits.no_gradient = {static_cast<int>(kAtLengths)};
    traits.backward_reads_inputs = true;
    traits.backward_reads_outputs = writes_directly(outputs[0].absent);
    if (g.kept() > 0) {
      traits.saved.push_back(
          {.dtype = dtype, .shape = {directions_, g.steps, g.batch, g.kept() * g.hidden}});
    }
    if (kCell == RecurrentCell::lstm) traits.saved.push_back({.dtype = dtype, .shape = y});
    if (!traits.backward_reads_outputs) traits.saved.push_back({.dtype = dtype, .shape = y});

    using Pass = Device::RecurrentPass;
    const std::size_t x = batch_first() ? scratch_bytes(dtype, time_first(g)) : 0;
    const std::size_t one_y = scratch_bytes(dtype, {g.steps, g.batch, g.hidden});
    traits.forward_scratch = x + (traits.backward_reads_outputs ? 0 : one_y) +
                             device.recurrent_scratch(g, Pass::forward);
    traits.backward_scratch =
        2 * x + (writes_directly(false) ? 0 : one_y) + device.recurrent_scratch(g, Pass::backward);
    if (kApart) {
      traits.prepared = static_cast<std::size_t>(directions_) * prepared_bytes(device, g);
      for (std::size_t i = kFusedGates; i < inputs.size(); ++i) {
        traits.prepared_from.push_back(static_cast<int>(i));
      }
    }
    return traits;
  }

  void prepare(const PrepareArgs& args) const override {
    for (std::int64_t d = 0; d < directions_; ++d) {
      const RecurrentGeometry g = geometry_of(args.inputs, d);
      args.device.recurrent_prepare(g, weights(args.inputs, g, d),
                                    part_of(args.prepared, args.device, g, d));
    }
  }

  void forward(const ForwardArgs& args) const override {
    Scratch scratch(args.scratch);
    const ConstView x = turned_input(args.device, args.inputs[kX], scratch);
    const bool direct = writes_directly(!at(args.outputs, 0));
    const bool keeps = !args.saved.empty() && args.saved[0];
    const View own =
        direct || keeps ? View{} : scratch_view(scratch, x.dtype, one_direction(args.inputs));
    for (std::int64_t d = 0; d < directions_; ++d) {
      const RecurrentGeometry g = geometry_of(args.inputs, d);
      RecurrentOutputs out = kept<View, RecurrentOutputs>(args.saved, d);
      const View y = output(at(args.outputs, 0), d);
      if (direct) out.y = y;
      if (!out.y) out.y = own;
      out.h = state(at(args.outputs, 1), d);
      out.c = state(at(args.outputs, 2), d);
      args.device.recurrent_forward(g, read(args.inputs, x, d), out, scratch.rest(),
                                    part_of(args.prepared, args.device, g, d));
      if (y && !direct) args.device.copy(out.y, y);
    }
  }

  void backward(const BackwardArgs& args) const override {
    for (const CellFunction& function : functions_) {
      if (!function.has_slope()) {
        fail<ModelError>("activation_alpha: a function with a negative alpha has no gradient");
      }
    }
    Scratch scratch(args.scratch);
    const ConstView x = turned_input(args.device, args.inputs[kX], scratch);
    const InputGradient wanted_dx = at(args.input_gradients, kX);
    const View own_dx = batch_first() ? scratch_view(scratch, x.dtype, x.shape) : View{};
    const ConstView all_dy = at(args.output_gradients, 0);
    const View own_dy = writes_directly(false)
                            ? View{}
                            : scratch_view(scratch, x.dtype, one_direction(args.inputs));
    for (std::int64_t d = 0; d < directions_; ++d) {
      const RecurrentGeometry g = geometry_of(args.inputs, d);
      RecurrentGradients out = kept<ConstView, RecurrentGradients>(args.saved, d);
      if (!out.y) out.y = output(args.outputs[0], d);
      out.dy = output(all_dy, d);
      if (out.dy && own_dy) {
        args.device.copy(out.dy, own_dy);
        out.dy = own_dy;
      }
      out.dh = state(at(args.output_gradients, 1), d);
      out.dc = state(at(args.output_gradients, 2), d);
      if (wanted_dx.view) {
        out.dx = batch_first() ? GradientView{own_dx, d > 0}
                               : GradientView{wanted_dx.view, wanted_dx.accumulate || d > 0};
      }
      write_gradients(args.input_gradients, g, d, out);
      args.device.recurrent_backward(g, read(args.inputs, x, d), out, scratch.rest());
    }
    if (wanted_dx.view && batch_first()) {
      args.device.copy(own_dx, swapped(wanted_dx.view, 0, 1), wanted_dx.accumulate);
    }
  }

 private:
  static constexpr std::int64_t kLargest = std::int64_t{1} << 40;
  static constexpr std::size_t kAtLengths = kApart ? std::size_t{kFusedLengths} : kLengths;
  static constexpr std::size_t kAtH = kApart ? std::size_t{kFusedInitialH} : kInitialH;
  static constexpr std::size_t kAtC = kApart ? std::size_t{kFusedInitialC} : kInitialC;
  static constexpr std::size_t kAtP = kApart ? std::size_t{kFusedP} : kP;
  static constexpr std::size_t kGates = kCell == RecurrentCell::rnn    ? 1
                                        : kCell == RecurrentCell::lstm ? 4
                                                                       : 3;

  // The state's size, of W, R and B that fit.
  std::int64_t expect_weights(std::span<const ValueInfo> inputs) const {
    const ValueInfo& x = inputs[kX];
    const ValueInfo& w = required_float(inputs, kW, "W");
    const ValueInfo& r = required_float(inputs, kR, "R");
    constexpr auto kCount = static_cast<std::int64_t>(kGates);
    if (r.shape.rank() != 3) {
      fail<ModelError>("expected R of {}, {} times the state, the state, got {}", directions_,
                       kCount, r.shape.str());
    }
    const std::int64_t hidden = r.shape[2];
    if (fields_.hidden_size != 0 && fields_.hidden_size != hidden) {
      fail<ModelError>("hidden_size: expected {} as R {} has it, got {}", hidden, r.shape.str(),
                       fields_.hidden_size);
    }
    if (hidden > kLargest / (2 * kCount)) fail<ModelError>("the state is too large");
    const std::int64_t rows = kCount * hidden;
    expect(w, x.dtype, {directions_, rows, x.shape[2]}, "W");
    expect(r, x.dtype, {directions_, rows, hidden}, "R");
    if (present(inputs, kB)) expect(inputs[kB], x.dtype, {directions_, 2 * rows}, "B");
    return hidden;
  }

  std::int64_t expect_gates(std::span<const ValueInfo> inputs) const {
    const ValueInfo& x = inputs[kX];
    const std::int64_t hidden = required_float(inputs, kFusedGates, "W").shape[0];
    const std::size_t all = static_cast<std::size_t>(directions_) * kGates;
    for (std::size_t i = 0; i < all; ++i) {
      expect(required(inputs, kFusedGates + i, "W"), x.dtype, {hidden, x.shape[2]}, "W");
      expect(required(inputs, kFusedGates + all + i, "R"), x.dtype, {hidden, hidden}, "R");
    }
    for (std::size_t i = kFusedGates + 2 * all; i < inputs.size(); ++i) {
      if (present(inputs, i)) expect(inputs[i], x.dtype, {hidden}, "a bias");
    }
    return hidden;
  }

  static std::size_t prepared_bytes(const Device& device, const RecurrentGeometry& g) {
    return align_up(device.recurrent_prepared(g));
  }
  template <class Bytes>
  static std::span<Bytes> part_of(std::span<Bytes> prepared, const Device& device,
                                  const RecurrentGeometry& g, std::int64_t d) {
    if (prepared.empty()) return {};
    return prepared.subspan(static_cast<std::size_t>(d) * prepared_bytes(device, g),
                            device.recurrent_prepared(g));
  }

  bool batch_first() const { return fields_.layout == 1; }
  // The device's output is the node's own.
  bool writes_directly(bool absent) const { return directions_ == 1 && !batch_first() && !absent; }

  template <class Operands>
  RecurrentGeometry geometry_of(const Operands& inputs, std::int64_t d) const {
    const Shape& x = inputs[kX].shape;
    RecurrentGeometry g{.cell = kCell,
                        .steps = x[batch_first() ? 1 : 0],
                        .batch = x[batch_first() ? 0 : 1],
                        .inputs = x[2],
                        .hidden = hidden_of(inputs),
                        .reverse = fields_.direction == "reverse" || d == 1,
                        .linear_before_reset = fields_.linear_before_reset,
                        .input_forget = fields_.input_forget,
                        .clip = fields_.clip,
                        .functions = {}};
    const std::size_t each = functions_.size() / static_cast<std::size_t>(directions_);
    std::copy_n(functions_.begin() + static_cast<std::ptrdiff_t>(each) * d, each,
                g.functions.begin());
    return g;
  }
  RecurrentGeometry geometry(std::span<const ValueInfo> inputs, std::int64_t d) const {
    return geometry_of(inputs, d);
  }
  template <class Operands>
  std::int64_t hidden_of(const Operands& inputs) const {
    return kApart ? inputs[kFusedGates].shape[0] : inputs[kR].shape[2];
  }
  static Shape time_first(const RecurrentGeometry& g) { return {g.steps, g.batch, g.inputs}; }
  Shape one_direction(std::span<const ConstView> inputs) const {
    const RecurrentGeometry g = geometry_of(inputs, 0);
    return {g.steps, g.batch, g.hidden};
  }

  ConstView turned_input(const Device& device, const ConstView& x, Scratch& scratch) const {
    if (!batch_first()) return x;
    const ConstView turned = swapped(x, 0, 1);
    const View dense = scratch_view(scratch, x.dtype, turned.shape);
    device.copy(turned, dense);
    return dense;
  }

  // Direction d of Y as [time, batch, state], of a state as [batch, state].
  template <class SomeView>
  SomeView output(const SomeView& y, std::int64_t d) const {
    if (!y) return {};
    return batch_first() ? swapped(part(y, 2, d), 0, 1) : part(y, 1, d);
  }
  template <class SomeView>
  SomeView state(const SomeView& states, std::int64_t d) const {
    return states ? part(states, batch_first() ? 1 : 0, d) : SomeView{};
  }

  // Saved tensors in the order of `traits`: kept values, cells, the output where Y is not it.
  template <class SomeView, class Result>
  Result kept(std::span<const SomeView> saved, std::int64_t d) const {
    Result result;
    std::size_t next = 0;
    const auto take = [&] {
      const SomeView view = at(saved, next++);
      return view ? part(view, 0, d) : SomeView{};
    };
    if (kCell != RecurrentCell::rnn) result.kept = take();
    if (kCell == RecurrentCell::lstm) result.cells = take();
    if (next < saved.size()) result.y = take();
    return result;
  }

  // Gate number `gate` of `hidden` rows each.
  template <class SomeView>
  static SomeView gate_of(const SomeView& rows, std::size_t gate, std::int64_t hidden) {
    return rows ? sliced(rows, 0, static_cast<std::int64_t>(gate) * hidden, hidden) : SomeView{};
  }

  RecurrentInputs read(std::span<const ConstView> inputs, const ConstView& x,
                       std::int64_t d) const {
    return {.x = x,
            .lengths = at(inputs, kAtLengths),
            .h = state(at(inputs, kAtH), d),
            .c = state(at(inputs, kAtC), d),
            .weights = weights(inputs, geometry_of(inputs, d), d)};
  }

  // Where the tensor of W, R (kW, kR) or a bias of direction d stands among a fused node's inputs.
  std::size_t place(RecurrentInput which, std::int64_t d, std::size_t gate) const {
    const std::size_t all = static_cast<std::size_t>(directions_) * kGates;
    const auto direction = static_cast<std::size_t>(d);
    if (which == kB) return kFusedGates + 2 * all + direction * 2 * kGates + gate;
    return kFusedGates + (which == kR ? all : 0) + direction * kGates + gate;
  }

  // Calls body(operand, the input it comes from, the gate's number in that input).
  template <class Weights, class Body>
  static void each_weight(Weights& weights, const Body& body) {
    for (std::size_t gate = 0; gate < kGates; ++gate) {
      body(weights.w[gate], kW, gate);
      body(weights.r[gate], kR, gate);
      body(weights.input_bias[gate], kB, gate);
      body(weights.recurrent_bias[gate], kB, kGates + gate);
    }
    for (std::size_t gate = 0; gate < kPeepholes; ++gate) body(weights.peephole[gate], kP, gate);
  }

  RecurrentWeights weights(std::span<const ConstView> inputs, const RecurrentGeometry& g,
                           std::int64_t d) const {
    RecurrentWeights weights;
    each_weight(weights, [&](ConstView& to, RecurrentInput which, std::size_t gate) {
      if (kApart && which != kP) {
        to = at(inputs, place(which, d, gate));
        return;
      }
      const ConstView all = at(inputs, which == kP ? kAtP : which);
      if (all.shape.rank() > 0) to = gate_of(part(all, 0, d), gate, g.hidden);
    });
    return weights;
  }

  void write_gradients(std::span<const InputGradient> wanted, const RecurrentGeometry& g,
                       std::int64_t d, RecurrentGradients& out) const {
    each_weight(out.weights, [&](GradientView& to, RecurrentInput which, std::size_t gate) {
      if (kApart && which != kP) {
        const InputGradient one = at(wanted, place(which, d, gate));
        to = {one.view, one.accumulate};
        return;
      }
      const InputGradient all = at(wanted, which == kP ? kAtP : which);
      if (all.view) to = {gate_of(part(all.view, 0, d), gate, g.hidden), all.accumulate};
    });
    const InputGradient h = at(wanted, kAtH);
    const InputGradient c = at(wanted, kAtC);
    out.h = {state(h.view, d), h.accumulate};
    out.c = {state(c.view, d), c.accumulate};
  }

  Fields fields_;
  std::int64_t directions_ = 1;
  std::vector<CellFunction> functions_;
};

template <RecurrentCell kCell>
void add_rows(OperatorRegistry& registry, const std::string& name, const std::string& doc) {
  const bool lstm = kCell == RecurrentCell::lstm;
  const int gates = RecurrentGeometry{.cell = kCell}.gates();
  registry.add({.name = name,
                .doc = doc,
                .min_inputs = 3,
                .max_inputs = lstm ? 8 : 6,
                .max_outputs = lstm ? 3 : 2,
                .make = make_operator<Recurrent<kCell, false>>});
  registry.add({.name = "Fused" + name,
                .doc = name +
                       " with each gate's weights from a tensor of its own, as plans make it "
                       "(domain striate).",
                .min_inputs = static_cast<int>(kFusedGates) + 2 * gates,
                .max_inputs = static_cast<int>(kFusedGates) + 8 * gates,
                .max_outputs = lstm ? 3 : 2,
                .make = make_operator<Recurrent<kCell, true>>});
}

}  // namespace

void register_op_recurrent(OperatorRegistry& registry) {
  add_rows<RecurrentCell::rnn>(
      registry, "RNN",
      "A sequence through a layer that reads its own last output too (Elman, 1990).");
  add_rows<RecurrentCell::lstm>(
      registry, "LSTM",
      "A sequence through a layer with gated memory (Hochreiter and Schmidhuber, 1997).");
  add_rows<RecurrentCell::gru>(
      registry, "GRU", "A sequence through a layer with two gates (Cho et al., arXiv:1406.1078).");
}

}  // namespace striate
