#include <fmt/ranges.h>

#include "ops/gradient.h"

namespace striate {
namespace {

using namespace testing;
using Strings = std::vector<std::string>;

Input lengths(const std::vector<std::int32_t>& values) {
  const Shape shape{static_cast<std::int64_t>(values.size())};
  return {.shape = shape, .value = Tensor::of<std::int32_t>(shape, values)};
}

constexpr std::int64_t kSteps = 4, kBatch = 3, kInputs = 2, kHidden = 3;

std::int64_t gates_of(const std::string& op) { return op == "LSTM" ? 4 : op == "GRU" ? 3 : 1; }

// Every operand that the operator knows; `directions` of them.
OperatorCase whole(const std::string& op, std::int64_t directions, Attributes attributes = {}) {
  const bool lstm = op == "LSTM";
  const bool batch_first = attributes.contains("layout");
  const Shape x = batch_first ? Shape{kBatch, kSteps, kInputs} : Shape{kSteps, kBatch, kInputs};
  const Shape state =
      batch_first ? Shape{kBatch, directions, kHidden} : Shape{directions, kBatch, kHidden};
  const std::int64_t rows = gates_of(op) * kHidden;
  OperatorCase test{.op = op, .attributes = std::move(attributes)};
  test.inputs = {random(x),
                 random({directions, rows, kInputs}),
                 random({directions, rows, kHidden}),
                 random({directions, 2 * rows}),
                 nothing(),
                 random(state)};
  if (lstm) {
    test.inputs.push_back(random(state));
    test.inputs.push_back(random({directions, 3 * kHidden}));
  }
  test.outputs = lstm ? 3 : 2;
  test.differentiable = lstm ? std::vector<std::size_t>{0, 1, 2} : std::vector<std::size_t>{0, 1};
  return test;
}

const char* const kOps[] = {"RNN", "LSTM", "GRU"};

TEST(Recurrent, GradientsOfEveryDirectionAndLayout) {
  for (const char* op : kOps) {
    for (const std::string direction : {"forward", "reverse", "bidirectional"}) {
      for (const std::int64_t layout : {0, 1}) {
        SCOPED_TRACE(direction);
        Attributes attributes{{"direction", direction}};
        if (layout == 1) attributes["layout"] = layout;
        check_operator(whole(op, direction == "bidirectional" ? 2 : 1, attributes));
      }
    }
  }
}

TEST(Recurrent, GradientsOfSequencesOfDifferentLengths) {
  for (const char* op : kOps) {
    for (const std::string direction : {"forward", "reverse", "bidirectional"}) {
      for (const std::vector<std::int32_t>& given :
           {std::vector<std::int32_t>{4, 2, 1}, {0, 3, 4}}) {
        SCOPED_TRACE(fmt::format("{} of {}", direction, fmt::join(given, " ")));
        OperatorCase test =
            whole(op, direction == "bidirectional" ? 2 : 1, {{"direction", direction}});
        test.inputs[4] = lengths(given);
        check_operator(test);
      }
    }
  }
}

TEST(Recurrent, GradientsWithoutWhatMayBeLeftOut) {
  for (const char* op : kOps) {
    OperatorCase test = whole(op, 1);
    test.inputs.resize(3);
    check_operator(test);
    for (std::size_t output = 0; output < test.outputs; ++output) {
      test.differentiable = {output};
      check_operator(test);
    }
  }
}

TEST(Recurrent, GradientsOfResetBehindTheProduct) {
  for (const std::string direction : {"forward", "reverse"}) {
    OperatorCase test =
        whole("GRU", 1, {{"direction", direction}, {"linear_before_reset", std::int64_t{1}}});
    check_operator(test);
    test.inputs[4] = lengths({2, 4, 0});
    check_operator(test);
    test.attributes["clip"] = 0.4;
    check_operator(test);
  }
}

TEST(Recurrent, GradientsOfCoupledGates) {
  check_operator(whole("LSTM", 1, {{"input_forget", std::int64_t{1}}}));
  check_operator(whole("LSTM", 1, {{"input_forget", std::int64_t{1}}, {"clip", 0.5}}));
}

TEST(Recurrent, GradientsThroughClipping) {
  for (const char* op : kOps) check_operator(whole(op, 1, {{"clip", 0.5}}));
}

TEST(Recurrent, GradientsOfEveryFunction) {
  for (const char* f : {"Relu", "Tanh", "Sigmoid", "Affine", "LeakyRelu", "ThresholdedRelu",
                        "ScaledTanh", "HardSigmoid", "Elu", "Softsign", "Softplus"}) {
    SCOPED_TRACE(f);
    const std::vector<double> alphas(3, 0.3);
    const std::vector<double> betas(3, 0.6);
    const auto with = [&](const Strings& functions) {
      return Attributes{
          {"activations", functions}, {"activation_alpha", alphas}, {"activation_beta", betas}};
    };
    check_operator(whole("RNN", 1, with({f})));
    check_operator(whole("LSTM", 1, with({f, "Tanh", f})));
    check_operator(whole("GRU", 1, with({"Sigmoid", f})));
  }
  check_operator(whole(
      "RNN", 2,
      {{"direction", std::string("bidirectional")}, {"activations", Strings{"relu", "sigmoid"}}}));
}

TEST(Recurrent, AlphasGoToTheFunctionsThatTakeOne) {
  // f takes none, g is 0.5 x + 0.25, h is 2 x.
  OperatorCase test{.op = "LSTM",
                    .attributes = {{"activations", Strings{"Sigmoid", "Affine", "Affine"}},
                                   {"activation_alpha", std::vector<double>{0.5, 2}},
                                   {"activation_beta", std::vector<double>{0.25}}},
                    .inputs = {given({1, 1, 1}, {0}), given({1, 4, 1}, {0, 0, 0, 0}),
                               given({1, 4, 1}, {0, 0, 0, 0})},
                    .outputs = 3};
  const auto outputs = outputs_of(test);
  EXPECT_EQ(outputs[2], Numbers{0.125});  // half of 0.25
  EXPECT_EQ(outputs[0], Numbers{0.125});  // half of 2 * 0.125
}

// Elman's network counts the ones it has seen, forwards and backwards, each sequence by its length.
TEST(Recurrent, KnownValues) {
  OperatorCase test{.op = "RNN",
                    .attributes = {{"direction", std::string("bidirectional")},
                                   {"activations", Strings{"Relu", "Relu"}}},
                    .inputs = {given({3, 2, 1}, {1, 1, 1, 1, 1, 1}), given({2, 1, 1}, {1, 1}),
                               given({2, 1, 1}, {1, 1}), nothing(), lengths({3, 2})},
                    .outputs = 2};
  const auto outputs = outputs_of(test);
  EXPECT_EQ(outputs[0], (Numbers{1, 1, 3, 2, 2, 2, 2, 1, 3, 0, 1, 0}));
  EXPECT_EQ(outputs[1], (Numbers{3, 2, 3, 2}));
}

TEST(Recurrent, ASequenceWithoutStepsKeepsItsState) {
  for (const char* op : kOps) {
    OperatorCase test = whole(op, 1);
    test.inputs[4] = lengths({0, 0, 0});
    test.inputs[5] = given({1, kBatch, kHidden}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
    const auto outputs = outputs_of(test);
    EXPECT_EQ(largest(outputs[0]), 0);
    EXPECT_EQ(outputs[1], (Numbers{1, 2, 3, 4, 5, 6, 7, 8, 9}));
  }
}

TEST(Recurrent, Cost) {
  for (const char* op : kOps) {
    const OperatorCase test = whole(op, 2, {{"direction", std::string("bidirectional")}});
    const auto inputs = infos_of(test, draw_inputs(test), DType::f32);
    const Cost cost = make(test)->cost(inputs, make(test)->infer(inputs));
    const std::int64_t sums = 2 * kSteps * kBatch * gates_of(op) * kHidden;
    EXPECT_EQ(cost.macs, sums * (kInputs + kHidden));
    EXPECT_EQ(cost.bias, sums);
    EXPECT_EQ(make(test)->window(inputs).kind, Window::Kind::everything);
  }
}

TEST(Recurrent, SaysWhatDoesNotFit) {
  const auto wrong = [](const std::string& op, std::size_t input, const Shape& shape) {
    OperatorCase test = whole(op, 1);
    test.inputs[input] = random(shape);
    return error_of(test);
  };
  EXPECT_EQ(wrong("LSTM", 0, {4, 2}), "expected an input time,batch,features, got 4x2");
  EXPECT_EQ(wrong("LSTM", 1, {1, 9, 2}), "expected W float64 1x12x2, got float64 1x9x2");
  EXPECT_EQ(wrong("GRU", 2, {1, 8, 3}), "expected R float64 1x9x3, got float64 1x8x3");
  EXPECT_EQ(wrong("GRU", 2, {9, 3}), "expected R of 1, 3 times the state, the state, got 9x3");
  EXPECT_EQ(wrong("RNN", 3, {1, 3}), "expected B float64 1x6, got float64 1x3");
  EXPECT_EQ(wrong("RNN", 5, {2, 3, 3}), "expected initial_h float64 1x3x3, got float64 2x3x3");
  EXPECT_EQ(wrong("LSTM", 6, {1, 3, 4}), "expected initial_c float64 1x3x3, got float64 1x3x4");
  EXPECT_EQ(wrong("LSTM", 7, {1, 3}), "expected P float64 1x9, got float64 1x3");
  OperatorCase test = whole("LSTM", 1);
  test.inputs[4] = labels({3}, {1, 2, 3});
  EXPECT_EQ(error_of(test), "expected sequence_lens int32 3, got int64 3");
  const auto refused = [](const std::string& op, const Attributes& attributes) {
    return error_of(whole(op, 1, attributes));
  };
  EXPECT_EQ(refused("LSTM", {{"direction", std::string("forwards")}}),
            "direction: unknown direction forwards; did you mean \"forward\"?");
  EXPECT_EQ(refused("LSTM", {{"hidden_size", std::int64_t{4}}}),
            "hidden_size: expected 3 as R 1x12x3 has it, got 4");
  EXPECT_EQ(refused("LSTM", {{"activations", Strings{"Tanh"}}}),
            "activations: expected 3 functions (3 for each direction), got 1");
  EXPECT_EQ(refused("RNN", {{"activations", Strings{"Tanhh"}}}),
            "activations: unknown function Tanhh; did you mean \"Tanh\"?");
  EXPECT_EQ(refused("GRU", {{"clip", -1.0}}), "clip: expected at least 0, got -1");
  EXPECT_EQ(refused("GRU", {{"layout", std::int64_t{2}}}), "layout: expected 0 or 1, got 2");
  EXPECT_EQ(refused("RNN", {{"linear_before_reset", std::int64_t{1}}}).substr(0, 38),
            "unknown attribute linear_before_reset;");
}

TEST(Recurrent, NegativeAlphasHaveNoGradient) {
  OperatorCase test = whole(
      "RNN", 1,
      {{"activations", Strings{"LeakyRelu"}}, {"activation_alpha", std::vector<double>{-0.5}}});
  Execution run(test, draw_inputs(test), reference_device(), DType::f64, {});
  run.forward(true);
  try {
    run.backward({Numbers(static_cast<std::size_t>(kSteps * kBatch * kHidden), 1), {}}, {});
    FAIL() << "expected an error";
  } catch (const ModelError& error) {
    EXPECT_EQ(std::string(error.what()),
              "activation_alpha: a function with a negative alpha has no gradient");
  }
}

}  // namespace
}  // namespace striate
