#include "striate/models/sequence.h"

#include <gmock/gmock.h>

#include "striate/base/error.h"
#include "striate/graph/summary.h"
#include "striate/models/registry.h"
#include "striate/nn/recurrent.h"

namespace striate {
namespace {

using testing::HasSubstr;

std::int64_t parameters(const Graph& graph) {
  std::int64_t count = 0;
  for (const Parameter& parameter : graph.parameters) count += parameter.shape.elements();
  return count;
}

std::string refusal(const SequenceNetwork& network, const std::string& model) {
  try {
    build_sequence(model, completed(network, model), 3, 2);
    return "built";
  } catch (const InputError& error) {
    return error.what();
  }
}

// Zaremba's small model: an embedding of 10,000 by 200, two LSTMs of 200, a softmax.
TEST(SequenceModels, ZarembasSmallCounts) {
  const ModelRow& row = models().find("word_lm");
  const std::int64_t layer = 4 * (200 * 200 + 200 * 200 + 200);
  EXPECT_EQ(parameters(row.build(row.natural)), 10000 * 200 + 2 * layer + 200 * 10000 + 10000);
}

TEST(SequenceModels, TiedWeightsAreCountedOnce) {
  SequenceNetwork network = completed({.hidden = 30, .tied = true}, "word_lm");
  network.symbols = network.answers = 100;
  const Graph graph = build_sequence("word_lm", network, 4, 3);
  EXPECT_EQ(network.embedding, 30);
  EXPECT_EQ(graph.find_parameter("decoder.weight"), nullptr);
  EXPECT_EQ(parameters(graph), 100 * 30 + 2 * 4 * (30 * 30 + 30 * 30 + 30) + 100);
  EXPECT_EQ(infer_shapes(graph).at("logits").shape, Shape({12, 100}));
}

TEST(SequenceModels, AnswersAsAsked) {
  SequenceNetwork label = completed({}, "gru");
  label.symbols = 7;
  label.answers = 4;
  label.asked = "label";
  const Graph graph = build_sequence("gru", label, 5, 3);
  EXPECT_EQ(infer_shapes(graph).at("logits").shape, Shape({3, 4}));
  EXPECT_EQ(graph.find_input("lengths")->shape, Shape({3}));
  SequenceNetwork number = completed({}, "rnn");
  number.features = 2;
  number.answers = 1;
  number.asked = "number";
  const Graph loss = with_square_loss(build_sequence("rnn", number, 5, 3));
  EXPECT_EQ(infer_shapes(loss).at("loss").shape, Shape{});
  EXPECT_EQ(loss.outputs[0], "loss");
}

TEST(SequenceModels, WindowsSlideOverTheText) {
  SequenceNetwork network = completed({.window = 4}, "char_window");
  network.symbols = network.answers = 9;
  const Graph graph = build_sequence("char_window", network, 5, 2);
  const ValueInfos infos = infer_shapes(graph, {{"input", {10, 2}}});  // seven steps
  EXPECT_EQ(infos.at("windows").shape, Shape({7, 2, 4 * 32}));
  EXPECT_EQ(infos.at("logits").shape, Shape({14, 9}));
}

TEST(SequenceModels, FirstValuesWithin) {
  SequenceNetwork network = completed({.initial = 0.1}, "word_lm");
  network.symbols = network.answers = 20;
  for (const Parameter& parameter : build_sequence("word_lm", network, 2, 1).parameters) {
    EXPECT_EQ(parameter.initial.kind, Initial::Kind::uniform) << parameter.name;
    EXPECT_EQ(parameter.initial.a, -0.1);
    EXPECT_EQ(parameter.initial.b, 0.1);
  }
}

TEST(SequenceModels, CarryTheirStates) {
  SequenceNetwork network = completed({}, "char_lm");
  network.symbols = network.answers = 20;
  const auto states = carried_states(build_sequence("char_lm", network, 2, 6, true));
  ASSERT_EQ(states.size(), 4U);  // h and c of two layers
  EXPECT_EQ(states[0].shape, Shape({1, 6, 256}));
}

TEST(SequenceModels, SayWhatIsWrong) {
  EXPECT_THAT(refusal({.cell = "lstn"}, "char_lm"), HasSubstr("cell: unknown lstn"));
  EXPECT_THAT(refusal({.hidden = -1}, "char_lm"), HasSubstr("hidden: expected 1 to"));
  EXPECT_THAT(refusal({.dropout = 1}, "char_lm"), HasSubstr("dropout: expected a share"));
  EXPECT_THAT(refusal({.hidden = 20, .embedding = 10, .tied = true}, "char_lm"),
              HasSubstr("tied: the embedding must be as wide as the last layer, 20, it is 10"));
  EXPECT_THAT(refusal({.cell = "window"}, "lstm"), HasSubstr("a window answers at every step"));
  EXPECT_THAT(refusal({}, "char_ml"), HasSubstr("did you mean \"char_lm\"?"));
}

}  // namespace
}  // namespace striate
