#include <algorithm>
#include <optional>

#include <gtest/gtest.h>

#include "device/compare.h"
#include "device/operand.h"
#include "striate/base/error.h"

namespace striate {
namespace {

using namespace striate::testing;
using Cell = RecurrentGeometry::Cell;
using Kind = CellFunction::Kind;

// One layer's operands on both devices, gate by gate in tensors of their own or all in one.
class Layer {
 public:
  Layer(const RecurrentGeometry& g, Random& random, bool in_one, bool lengths, bool states,
        bool biases)
      : geometry(g),
        in_one_(in_one),
        biases_(biases),
        x({g.steps, g.batch, g.inputs}),
        h0({g.batch, g.hidden}),
        c0({g.batch, g.hidden}),
        lengths_(Shape{g.batch}, 0, DType::i32),
        y({g.steps, g.batch, g.hidden}),
        h({g.batch, g.hidden}),
        c({g.batch, g.hidden}),
        kept({g.steps, g.batch, g.kept() * g.hidden}),
        cells({g.steps, g.batch, g.hidden}),
        dy({g.steps, g.batch, g.hidden}),
        dh({g.batch, g.hidden}),
        dc({g.batch, g.hidden}),
        dx({g.steps, g.batch, g.inputs}),
        dh0({g.batch, g.hidden}),
        dc0({g.batch, g.hidden}),
        has_lengths_(lengths),
        has_states_(states) {
    const std::int64_t tensors = in_one ? 1 : g.gates();
    const std::int64_t rows = in_one ? g.gates() * g.hidden : g.hidden;
    for (std::int64_t i = 0; i < tensors; ++i) {
      for (const std::int64_t columns : {g.inputs, g.hidden}) {
        const double size = 1.5 / std::sqrt(static_cast<double>(columns));
        weights.emplace_back(Shape{rows, columns}).randomize(random, -size, size);
        gradients.emplace_back(Shape{rows, columns}).randomize(random);
      }
      for (int bias = 0; bias < 2; ++bias) {
        weights.emplace_back(Shape{rows}).randomize(random);
        gradients.emplace_back(Shape{rows}).randomize(random);
      }
    }
    for (std::size_t i = 0; i < kPeepholes; ++i) {
      peepholes.emplace_back(Shape{g.hidden}).randomize(random);
      dpeepholes.emplace_back(Shape{g.hidden}).randomize(random);
    }
    for (Value* value : {&x, &h0, &c0, &dy, &dh, &dc, &dx, &dh0, &dc0}) value->randomize(random);
    for (std::int64_t n = 0; n < g.batch; ++n) {
      lengths_.set(n, random.below(static_cast<std::uint32_t>(g.steps + 1)));
    }
  }

  RecurrentInputs inputs(const Device& device, bool peep) {
    RecurrentInputs in{.x = x.on(device), .lengths = {}, .h = {}, .c = {}, .weights = {}};
    if (has_lengths_) in.lengths = lengths_.on(device);
    if (has_states_) {
      in.h = h0.on(device);
      in.c = c0.on(device);
    }
    for (std::size_t gate = 0; gate < static_cast<std::size_t>(geometry.gates()); ++gate) {
      in.weights.w[gate] = of(weights, device, gate, 0);
      in.weights.r[gate] = of(weights, device, gate, 1);
      if (!biases_) continue;
      in.weights.input_bias[gate] = of(weights, device, gate, 2);
      in.weights.recurrent_bias[gate] = of(weights, device, gate, 3);
    }
    for (std::size_t i = 0; peep && geometry.cell == Cell::lstm && i < kPeepholes; ++i) {
      in.weights.peephole[i] = peepholes[i].on(device);
    }
    return in;
  }

  RecurrentOutputs outputs(const Device& device, bool keep) {
    RecurrentOutputs out{
        .y = y.on(device), .h = h.on(device), .c = c.on(device), .kept = {}, .cells = {}};
    if (keep && geometry.kept() > 0) out.kept = kept.on(device);
    if (keep && geometry.cell == Cell::lstm) out.cells = cells.on(device);
    if (geometry.cell != Cell::lstm) out.c = {};
    return out;
  }

  RecurrentGradients backward(const Device& device, bool accumulate, bool peep) {
    RecurrentGradients out;
    out.y = y.on(device);
    if (geometry.kept() > 0) out.kept = kept.on(device);
    if (geometry.cell == Cell::lstm) out.cells = cells.on(device);
    out.dy = dy.on(device);
    out.dh = dh.on(device);
    out.dx = {dx.on(device), accumulate};
    out.h = {dh0.on(device), accumulate};
    if (geometry.cell == Cell::lstm) {
      out.dc = dc.on(device);
      out.c = {dc0.on(device), accumulate};
    }
    for (std::size_t gate = 0; gate < static_cast<std::size_t>(geometry.gates()); ++gate) {
      out.weights.w[gate] = {of(gradients, device, gate, 0), accumulate};
      out.weights.r[gate] = {of(gradients, device, gate, 1), accumulate};
      if (!biases_) continue;
      out.weights.input_bias[gate] = {of(gradients, device, gate, 2), accumulate};
      out.weights.recurrent_bias[gate] = {of(gradients, device, gate, 3), accumulate};
    }
    for (std::size_t i = 0; peep && geometry.cell == Cell::lstm && i < kPeepholes; ++i) {
      out.weights.peephole[i] = {dpeepholes[i].on(device), accumulate};
    }
    return out;
  }

  void forward(const Device& device, bool keep, bool peep) {
    ExactScratch scratch(device.recurrent_scratch(geometry, Device::RecurrentPass::forward));
    device.recurrent_forward(geometry, inputs(device, peep), outputs(device, keep), scratch.span());
  }
  void backward_on(const Device& device, bool accumulate, bool peep) {
    ExactScratch scratch(device.recurrent_scratch(geometry, Device::RecurrentPass::backward));
    device.recurrent_backward(geometry, inputs(device, peep), backward(device, accumulate, peep),
                              scratch.span());
  }

  void expect_gradients(double epsilons) {
    const double terms = 4 + static_cast<double>(geometry.steps * geometry.batch);
    dx.expect_close(epsilons, 4);
    dh0.expect_close(epsilons, 4);
    dc0.expect_close(epsilons, 4);
    for (Value& gradient : gradients) gradient.expect_close(epsilons, terms);
    for (Value& gradient : dpeepholes) gradient.expect_close(epsilons, terms);
  }

  RecurrentGeometry geometry;

 private:
  View of(std::vector<Value>& tensors, const Device& device, std::size_t gate, std::size_t which) {
    if (!in_one_) return tensors[4 * gate + which].on(device);
    View view = tensors[which].on(device);
    view.data = static_cast<std::byte*>(view.data) +
                static_cast<std::int64_t>(gate) * geometry.hidden * view.stride(0) *
                    static_cast<std::int64_t>(size_of(view.dtype));
    view.shape[0] = geometry.hidden;
    return view;
  }

  bool in_one_, biases_;

 public:
  Value x, h0, c0, lengths_, y, h, c, kept, cells, dy, dh, dc, dx, dh0, dc0;
  std::vector<Value> weights, gradients, peepholes, dpeepholes;

 private:
  bool has_lengths_, has_states_;
};

RecurrentGeometry random_geometry(std::uint64_t number, Random& random) {
  RecurrentGeometry g{.cell = static_cast<Cell>(number % 3)};
  const std::int64_t batches[] = {1, 2, 5, 14, 30, 47};
  g.steps = random.below(6);
  g.batch = batches[number % 6];
  g.inputs = 1 + random.below(40);
  g.hidden = 1 + random.below(90);
  g.reverse = random.below(2) == 0;
  g.linear_before_reset = g.cell == Cell::gru && random.below(2) == 0;
  g.input_forget = g.cell == Cell::lstm && random.below(4) == 0;
  const bool usual = random.below(2) == 0;
  g.functions = {CellFunction{g.cell == Cell::rnn ? Kind::tanh : Kind::sigmoid},
                 CellFunction{Kind::tanh}, CellFunction{Kind::tanh}};
  if (!usual) {
    for (CellFunction& f : g.functions) {
      f = {.kind = static_cast<Kind>(random.below(11)), .alpha = 0.4, .beta = 0.3};
    }
    // Gates that are not bounded make states grow, and with them whatever was rounded.
    const Kind gates[] = {Kind::hard_sigmoid, Kind::scaled_tanh, Kind::softsign, Kind::tanh};
    if (g.cell != Cell::rnn) g.functions[0].kind = gates[random.below(4)];
    if (random.below(2) == 0) g.clip = 0.8;
  }
  return g;
}

class RecurrentDevice : public ::testing::TestWithParam<std::uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Random, RecurrentDevice, ::testing::Range<std::uint64_t>(0, 96));

TEST_P(RecurrentDevice, ForwardAndBackward) {
  Random random = case_random(GetParam());
  const RecurrentGeometry g = random_geometry(GetParam(), random);
  const bool peep = g.cell == Cell::lstm && random.below(2) == 0;
  Layer layer(g, random, random.below(2) == 0, random.below(2) == 0, random.below(3) != 0,
              random.below(3) != 0);
  SCOPED_TRACE(fmt::format("cell {}, {} steps, batch {}, inputs {}, hidden {}, reverse {}",
                           static_cast<int>(g.cell), g.steps, g.batch, g.inputs, g.hidden,
                           g.reverse));
  on_both([&](const Device& device) { layer.forward(device, true, peep); });
  layer.y.expect_close(400, 1);
  layer.h.expect_close(400, 1);
  layer.c.expect_close(400, 1);
  layer.kept.expect_close(400, 2);
  layer.cells.expect_close(400, 1);
  for (const bool accumulate : {false, true}) {
    on_both([&](const Device& device) { layer.backward_on(device, accumulate, peep); });
    layer.expect_gradients(800);
  }
}

TEST_P(RecurrentDevice, KeepsNothingWithTheSameResult) {
  Random random = case_random(GetParam());
  const RecurrentGeometry g = random_geometry(GetParam(), random);
  Layer layer(g, random, true, GetParam() % 2 == 0, true, true);
  layer.forward(testing::cpu(), true, false);
  const auto y = layer.y.bytes();
  const auto h = layer.h.bytes();
  const auto c = layer.c.bytes();
  layer.forward(testing::cpu(), false, false);
  EXPECT_TRUE(layer.y.bytes() == y);
  EXPECT_TRUE(layer.h.bytes() == h);
  EXPECT_TRUE(layer.c.bytes() == c);
}

TEST_P(RecurrentDevice, PreparedWeightsGiveTheSameBits) {
  Random random = case_random(GetParam());
  const RecurrentGeometry g = random_geometry(GetParam(), random);
  Layer layer(g, random, GetParam() % 2 == 0, GetParam() % 4 < 2, true, GetParam() % 3 != 0);
  layer.forward(testing::cpu(), true, false);
  const auto y = layer.y.bytes();
  const auto kept = layer.kept.bytes();
  const Device& device = testing::cpu();
  RecurrentInputs in = layer.inputs(device, false);
  ExactScratch prepared(device.recurrent_prepared(g));
  device.recurrent_prepare(g, in.weights, prepared.span());
  for (auto* views :
       {&in.weights.w, &in.weights.r, &in.weights.input_bias, &in.weights.recurrent_bias}) {
    for (ConstView& view : *views) view.data = nullptr;
  }
  ExactScratch scratch(device.recurrent_scratch(g, Device::RecurrentPass::forward));
  device.recurrent_forward(g, in, layer.outputs(device, true), scratch.span(), prepared.span());
  EXPECT_TRUE(layer.y.bytes() == y);
  EXPECT_TRUE(layer.kept.bytes() == kept);
}

TEST_P(RecurrentDevice, ThreadsChangeNothing) {
  expect_same_bits([&](const Device& device) {
    Random random = case_random(GetParam());
    const RecurrentGeometry g = random_geometry(GetParam(), random);
    Layer layer(g, random, GetParam() % 2 == 0, GetParam() % 4 < 2, true, true);
    layer.forward(device, true, true);
    layer.backward_on(device, false, true);
    std::vector<std::byte> all = layer.y.bytes();
    const auto add = [&](const Value& value) {
      all.insert(all.end(), value.bytes().begin(), value.bytes().end());
    };
    for (const Value* value : {&layer.h, &layer.kept, &layer.dx, &layer.dh0, &layer.dc0}) {
      add(*value);
    }
    for (const Value& gradient : layer.gradients) add(gradient);
    for (const Value& gradient : layer.dpeepholes) add(gradient);
    return all;
  });
}

TEST(RecurrentDevice, RowsAndUnitsSharedOutOnEveryInstructionSet) {
  on_every_instruction_set([] {
    for (const std::int64_t hidden : {7, 100, 260}) {
      for (const Cell cell : {Cell::rnn, Cell::lstm, Cell::gru}) {
        Random random = case_random(static_cast<std::uint64_t>(hidden));
        RecurrentGeometry g{.cell = cell, .steps = 3, .batch = 33, .inputs = 9, .hidden = hidden};
        g.functions = {CellFunction{cell == Cell::rnn ? Kind::tanh : Kind::sigmoid},
                       CellFunction{Kind::tanh}, CellFunction{Kind::tanh}};
        g.linear_before_reset = hidden == 100 && cell == Cell::gru;
        Layer layer(g, random, true, false, true, true);
        on_both([&](const Device& device) {
          layer.forward(device, true, false);
          layer.backward_on(device, false, false);
        });
        layer.y.expect_close(400, 1);
        layer.expect_gradients(4000);
      }
    }
  });
}

TEST(RecurrentDevice, RefusesLengths) {
  Random random = case_random(1);
  const RecurrentGeometry g{.steps = 3, .batch = 2, .inputs = 1, .hidden = 2};
  for (const auto& [length, got] : {std::pair{4, "4"}, std::pair{-1, "-1"}}) {
    Layer layer(g, random, true, true, false, true);
    layer.lengths_.set(0, 3);
    layer.lengths_.set(1, length);
    on_both([&, got = got](const Device& device) {
      try {
        layer.forward(device, true, false);
        FAIL() << "expected an error";
      } catch (const InputError& error) {
        EXPECT_EQ(std::string(error.what()),
                  std::string("sequence 1: expected a length of 0 to 3 steps, got ") + got);
      }
    });
  }
}

TEST(CellFunctions, SlopesAreThoseOfTheirValues) {
  for (int kind = 0; kind < 11; ++kind) {
    const CellFunction f{.kind = static_cast<Kind>(kind), .alpha = 0.4, .beta = 0.3};
    for (const double x : {-1.3, -0.21, 0.17, 0.9, 2.4}) {
      constexpr double kStep = 1e-6;
      EXPECT_NEAR(f.slope(f(x)), (f(x + kStep) - f(x - kStep)) / (2 * kStep), 1e-8)
          << "kind " << kind << " at " << x;
    }
  }
}

// The sequence of one unit, worked by hand.
TEST(RecurrentDevice, KnownValues) {
  RecurrentGeometry g{.steps = 2, .batch = 1, .inputs = 1, .hidden = 1};
  g.functions[0] = {.kind = Kind::affine, .alpha = 1, .beta = 0};
  const double x[] = {1, 2};
  const double w = 3;
  const double r = 10;
  double y[2] = {};
  const auto view = [](auto* data, const Shape& shape) {
    return ConstView{data, DType::f64, shape, dense_strides(shape)};
  };
  RecurrentInputs in{.x = view(x, {2, 1, 1}), .lengths = {}, .h = {}, .c = {}, .weights = {}};
  in.weights.w[0] = view(&w, {1, 1});
  in.weights.r[0] = view(&r, {1, 1});
  const View out{y, DType::f64, {2, 1, 1}, dense_strides({2, 1, 1})};
  reference().recurrent_forward(g, in, {.y = out, .h = {}, .c = {}, .kept = {}, .cells = {}}, {});
  EXPECT_EQ(y[0], 3);
  EXPECT_EQ(y[1], 36);
  g.reverse = true;
  reference().recurrent_forward(g, in, {.y = out, .h = {}, .c = {}, .kept = {}, .cells = {}}, {});
  EXPECT_EQ(y[1], 6);
  EXPECT_EQ(y[0], 63);
}

}  // namespace
}  // namespace striate
