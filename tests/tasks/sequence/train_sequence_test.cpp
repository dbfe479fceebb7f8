#include "striate/tasks/sequence/train_sequence.h"

#include <cmath>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "striate/base/error.h"
#include "striate/base/files.h"
#include "striate/nn/recurrent.h"
#include "striate/tasks/sequence/sequence_model.h"
#include "tasks/sequence/batches.h"
#include "testing/temporary_folder.h"

namespace striate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Ids = std::vector<std::int64_t>;

Bytes bytes(const std::string& text) { return {text.begin(), text.end()}; }

// Words that follow one another in a fixed way, but for every fourth.
std::string nursery(int lines) {
  const char* kinds[] = {"red", "blue", "green", "white"};
  Random random({.seed = 2, .purpose = purpose_of("nursery")}, 0);
  std::string text;
  for (int i = 0; i < lines; ++i) {
    text += fmt::format("the {} cat sat on a mat\n", kinds[random.below(4)]);
  }
  return text;
}

class SequenceTraining : public testing::Test {
 protected:
  TrainingSettings settings(const std::string& model, const std::string& data) const {
    TrainingSettings s;
    s.model = model;
    s.data = data;
    s.validation = 0.1;
    s.train.epochs = 2;
    s.train.batch = 4;
    s.train.optimizer.name = "adam";
    s.train.optimizer.lr = 0.01;
    s.sequence.steps = 7;
    s.sequence.network.hidden = 12;
    s.sequence.network.embedding = 8;
    return s;
  }
  std::string text(int lines) const {
    return "text:" + folder_.put("a.txt", bytes(nursery(lines)));
  }
  std::string refusal(const TrainingSettings& s) const {
    try {
      open_training(s, Threads(1));
      return "opened";
    } catch (const InputError& error) {
      return error.what();
    }
  }

  TemporaryFolder folder_;
  std::shared_ptr<const Device> device_ = make_cpu_device(2);
};

TEST(TextBatches, AreStreamsSideBySide) {
  std::vector<SequenceExample> examples(1);
  examples[0].symbols = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  const auto text = std::make_shared<StoredSequences>(SequenceForm{}, examples);
  TextBatches batches(text, 2, 3, 1, true);
  EXPECT_EQ(batches.steps(), 2);
  batches.start(1, 1, 0);
  TrainBatch batch = batches.next();
  EXPECT_THAT(batch.inputs.at("input").values<std::int64_t>(), ElementsAre(0, 5, 1, 6, 2, 7));
  EXPECT_THAT(batch.inputs.at("labels").values<std::int64_t>(), ElementsAre(1, 6, 2, 7, 3, 8));
  EXPECT_THAT(batch.inputs.at("keep").values<float>(), ElementsAre(0));
  EXPECT_EQ(batch.samples, 6);
  batch = batches.next();
  EXPECT_THAT(batch.inputs.at("input").values<std::int64_t>(), ElementsAre(3, 8, 4, 9));
  EXPECT_THAT(batch.inputs.at("keep").values<float>(), ElementsAre(1));
  // A run that goes on at the second batch gets the same.
  batches.start(1, 1, 1);
  EXPECT_THAT(batches.next().inputs.at("labels").values<std::int64_t>(), ElementsAre(4, 9, 5, 10));
  // A window sees what stands before.
  TextBatches windows(text, 2, 3, 3, false);
  windows.start(1, 1, 0);
  batch = windows.next();
  EXPECT_THAT(batch.inputs.at("input").values<std::int64_t>(),
              ElementsAre(0, 3, 0, 4, 0, 5, 1, 6, 2, 7));
  EXPECT_FALSE(batch.inputs.contains("keep"));
  EXPECT_THROW(TextBatches(text, 11, 3, 1, false), InputError);
}

TEST(LengthBatches, HoldLikeLengths) {
  std::vector<SequenceExample> examples;
  for (const int length : {5, 1, 3, 5, 0, 3, 1, 2}) {
    SequenceExample example;
    example.symbols.assign(static_cast<std::size_t>(length), length);
    example.label = length;
    examples.push_back(example);
  }
  const auto dataset = std::make_shared<StoredSequences>(
      SequenceForm{.asked = Asked::label, .symbols = {"a", "b", "c", "d", "e", "f"}}, examples);
  LengthBatches batches(dataset, 2);
  EXPECT_EQ(batches.steps(), 4);
  std::set<std::int64_t> padded;
  std::vector<Ids> orders;
  for (std::int64_t pass = 1; pass <= 2; ++pass) {
    batches.start(3, pass, 0);
    Ids labels;
    for (int i = 0; i < 4; ++i) {
      const TrainBatch batch = batches.next();
      const auto lengths = batch.inputs.at("lengths").values<std::int32_t>();
      ASSERT_EQ(lengths.size(), 2U);
      EXPECT_LE(std::abs(lengths[0] - lengths[1]), 1);
      for (const std::int64_t label : batch.inputs.at("labels").values<std::int64_t>()) {
        labels.push_back(label);
      }
    }
    orders.push_back(labels);
    Ids sorted = labels;
    std::sort(sorted.begin(), sorted.end());
    EXPECT_THAT(sorted, ElementsAre(0, 1, 1, 2, 3, 3, 5, 5));
  }
  EXPECT_NE(orders[0], orders[1]);
}

// One step with states carried is the same as two halves of it, the second begun with the first's
// last states: forgetting them gives another loss.
TEST_F(SequenceTraining, StatesGoOnFromStepToStep) {
  SequenceNetwork network = completed({.hidden = 5, .embedding = 4}, "char_lm");
  network.symbols = network.answers = 6;
  Graph graph = with_classification_loss(build_sequence("char_lm", network, 4, 2, true));
  const auto names = carry_between_steps(graph, 2);
  EXPECT_EQ(names.size(), 4U);
  EXPECT_EQ(graph.outputs, (std::vector<std::string>{"loss", "logits"}));
  Weights weights = initialize(graph, 1);
  const Program program(graph, device_);
  const Ids ids{0, 1, 2, 3, 4, 5, 1, 0};
  const Ids labels{2, 3, 4, 5, 1, 0, 2, 2};
  const auto run = [&](std::int64_t from, std::int64_t steps, float keep) {
    const Tensor input = Tensor::of<std::int64_t>(
        {steps, 2}, std::span(ids).subspan(static_cast<std::size_t>(2 * from),
                                           static_cast<std::size_t>(2 * steps)));
    const Tensor asked = Tensor::of<std::int64_t>(
        {2 * steps}, std::span(labels).subspan(static_cast<std::size_t>(2 * from),
                                               static_cast<std::size_t>(2 * steps)));
    const Tensor kept = Tensor::of<float>({}, {&keep, 1});
    const auto plan = program.plan({{"input", input.shape()}, {"labels", asked.shape()}});
    Workspace workspace(plan);
    plan->forward(workspace,
                  {{"input", input.view()}, {"labels", asked.view()}, {"keep", kept.view()}},
                  weights);
    plan->update_state(workspace, weights);
    return workspace.fetch("loss").data<float>()[0];
  };
  const float whole = run(0, 4, 0);
  const float first = run(0, 2, 0);
  const Weights between = weights.clone();
  const float second = run(2, 2, 1);
  EXPECT_NEAR((first + second) / 2, whole, 1e-6);
  weights = between;
  EXPECT_GT(std::abs(run(2, 2, 0) - second), 1e-5);
}

TEST_F(SequenceTraining, EveryCellLearnsAText) {
  for (const char* cell : {"lstm", "gru", "rnn", "window"}) {
    TrainingSettings s = settings("word_lm", text(200));
    s.sequence.network.cell = cell;
    s.train.epochs = 12;
    const Training training = open_training(s, Threads(2));
    RunFolder run(folder_ / cell);
    const TrainingOutcome outcome = run_training(training, device_, run);
    // One word of eight is drawn from four: ln 4 / 8 is what must be left.
    const double least = std::log(4.0) / 8;
    const double loss = outcome.epochs.back().scores.at("loss");
    EXPECT_LT(loss, least * 1.5) << cell;
    EXPECT_GT(loss, least * 0.8) << cell;
    const SequenceModel model = SequenceModel::load(run.best(), device_);
    EXPECT_EQ(model.card().symbols.size(), 12U);  // with <eos> and <unk>
    const auto test = open_sequences(
        s.data, {.split = SequenceSplit::test, .unit = "words", .symbols = model.card().symbols});
    EXPECT_LT(model.evaluate(*test).loss, least * 1.5) << cell;
  }
}

// Weights, optimizer and carried states are the same bytes on any number of threads, and stopped in
// the middle and resumed.
TEST_F(SequenceTraining, SameBitsInterruptedOrNot) {
  for (const char* model : {"word_lm", "gru"}) {
    TrainingSettings s = settings(model, model == std::string("gru") ? "adding:12" : text(60));
    if (model == std::string("gru")) s.limit = 200;
    s.sequence.network.dropout = 0.2;
    Bytes first;
    for (const int threads : {1, 3, -2}) {
      const TemporaryFolder place;
      const auto device = std::shared_ptr<const Device>(make_cpu_device(std::abs(threads)));
      const Training training = open_training(s, Threads(1));
      RunFolder run(place.path());
      std::int64_t steps = 0;
      std::atomic<bool> stop = false;
      const TrainingHooks hooks{.on_step =
                                    [&](const StepReport&) {
                                      ++steps;
                                      stop = threads < 0 && (steps == 5 || steps == 21);
                                    },
                                .stop = &stop};
      while (run_training(training, device, run, steps > 0, hooks).end == TrainEnd::stopped) {
        stop = false;
      }
      const Bytes checkpoint = read_file(run.checkpoint());
      if (first.empty()) first = checkpoint;
      EXPECT_TRUE(checkpoint == first) << model << " " << threads;
    }
  }
}

TEST_F(SequenceTraining, BestHoldsNoStates) {
  const Training training = open_training(settings("char_lm", text(20)), Threads(1));
  EXPECT_EQ(training.carried.size(), 4U);
  RunFolder run(folder_ / "run");
  run_training(training, device_, run);
  const SequenceModel model = SequenceModel::load(run.best(), device_);
  for (const auto& [name, tensor] : model.weights()) {
    EXPECT_FALSE(training.carried.contains(name)) << name;
  }
}

// What a stream says symbol by symbol is what the whole text is judged by.
TEST_F(SequenceTraining, AStreamSaysWhatTheJudgeDoes) {
  for (const char* cell : {"lstm", "gru", "window"}) {
    TrainingSettings s = settings("char_lm", text(20));
    s.sequence.network.cell = cell;
    s.sequence.network.window = 3;
    const Training training = open_training(s, Threads(1));
    RunFolder run(folder_ / cell);
    run_training(training, device_, run);
    const SequenceModel model = SequenceModel::load(run.best(), device_);
    const Ids ids = model.numbered("the red cat sat on a mat\nthe red c");
    std::vector<SequenceExample> examples(1);
    examples[0].symbols = ids;
    const StoredSequences dataset({.symbols = model.card().symbols}, examples);
    SymbolStream stream(model);
    double sum = 0;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (i > 0) sum -= stream.log_probabilities()[static_cast<std::size_t>(ids[i])];
      stream.read(ids[i]);
    }
    const SequenceScores scores = model.evaluate(dataset, {.batch = 1});
    EXPECT_EQ(scores.count, static_cast<std::int64_t>(ids.size()) - 1);
    EXPECT_NEAR(scores.loss, sum / static_cast<double>(scores.count), 1e-5) << cell;
    // More streams than one begin anew, and leave something over.
    EXPECT_EQ(model.evaluate(dataset, {.batch = 4}).count, scores.count);
  }
}

TEST_F(SequenceTraining, LearnsNamesAndCopies) {
  folder_.put("names/Ah.txt", bytes("aha\nahaha\nhaa\nahh\naah\nhaha\naaha\nhahaha\nahah\nah\n"));
  folder_.put("names/Oh.txt", bytes("oho\nohoho\nhoo\nohh\nooh\nhoho\nooho\nhohoho\nohoh\noh\n"));
  TrainingSettings s = settings("lstm", "names:" + (folder_ / "names"));
  s.train.epochs = 20;
  s.validation = 0.3;
  const Training names = open_training(s, Threads(1));
  EXPECT_EQ(names.card.classes, (std::vector<std::string>{"Ah", "Oh"}));
  RunFolder run(folder_ / "run-names");
  EXPECT_EQ(run_training(names, device_, run).best_score, 1);
  s = settings("gru", "copy:1");
  s.limit = 400;
  s.train.epochs = 3;
  const Training copies = open_training(s, Threads(1));
  RunFolder other(folder_ / "run-copies");
  const TrainingOutcome outcome = run_training(copies, device_, other);
  EXPECT_LT(outcome.epochs.back().loss, outcome.epochs.front().loss);
}

TEST_F(SequenceTraining, AddsAndIsLoaded) {
  TrainingSettings s = settings("lstm", "adding:4");
  s.train.epochs = 3;
  s.limit = 1500;
  const Training training = open_training(s, Threads(1));
  RunFolder run(folder_ / "run");
  const double held_back = -run_training(training, device_, run).best_score;
  const SequenceModel model = SequenceModel::load(run.best(), device_);
  const auto test = open_sequences("adding:4", {.split = SequenceSplit::test});
  const SequenceScores scores = model.evaluate(*test);
  EXPECT_EQ(scores.count, 2000);
  EXPECT_NEAR(scores.loss, held_back, 0.02);
  EXPECT_LT(scores.loss, 1.0 / 6);
}

// An empty sequence among others gets the answer of a state that nothing was read into.
TEST_F(SequenceTraining, JudgesEmptySequences) {
  SequenceNetwork network = completed({.hidden = 4, .embedding = 3}, "gru");
  network.symbols = 3;
  network.answers = 2;
  network.asked = "label";
  const Weights weights = initialize(build_sequence("gru", network, 2, 1), 1);
  const SequenceJudge judge("gru", network, device_);
  const SequenceForm form{.asked = Asked::label, .symbols = {"a", "b", "c"}, .classes = {"x", "y"}};
  const auto loss = [&](const std::vector<Ids>& all) {
    std::vector<SequenceExample> examples;
    for (const Ids& symbols : all) examples.push_back({.symbols = symbols});
    return judge.judge(weights, StoredSequences(form, examples)).loss;
  };
  EXPECT_NEAR(loss({{}, {1, 2, 0}}), (loss({{}}) + loss({{1, 2, 0}})) / 2, 1e-6);
  // A head whose bias alone speaks.
  const float* bias = weights.at("decoder.bias").data<float>();
  EXPECT_NEAR(loss({{}}), std::log(1 + std::exp(bias[1] - bias[0])), 1e-6);
}

TEST_F(SequenceTraining, SaysWhatIsWrong) {
  EXPECT_THAT(refusal(settings("char_lm", "adding:2000000")),
              HasSubstr("adding: expected a number"));
  EXPECT_THAT(refusal(settings("char_lm", "mnist")), HasSubstr("it holds pictures"));
  TrainingSettings s = settings("char_lm", text(20));
  s.augment = "flip";
  EXPECT_THAT(refusal(s), HasSubstr("are for pictures"));
  s = settings("char_lm", text(20));
  s.sequence.steps = -1;
  EXPECT_THAT(refusal(s), HasSubstr("steps: expected 0 or more"));
  s = settings("cnn", text(20));
  EXPECT_THAT(refusal(s), HasSubstr("text: it holds sequences, expected pictures"));
  s = settings("char_lm", text(1));
  s.train.batch = 64;
  EXPECT_THAT(refusal(s), HasSubstr("is too short for 64 streams side by side"));
}

TEST_F(SequenceTraining, RefusesOtherSymbols) {
  const Training training = open_training(settings("char_lm", text(20)), Threads(1));
  RunFolder run(folder_ / "run");
  run_training(training, device_, run);
  const SequenceModel model = SequenceModel::load(run.best(), device_);
  const std::string other = "text:" + folder_.put("b.txt", bytes("quick brown foxes jump over it"));
  const auto says = [](auto act) -> std::string {
    try {
      act();
      return "accepted";
    } catch (const InputError& error) {
      return error.what();
    }
  };
  EXPECT_THAT(says([&] { open_sequences(other, {.symbols = model.card().symbols}); }),
              HasSubstr("is none of the"));
  EXPECT_THAT(says([&] { model.evaluate(*open_sequences(other, {})); }),
              HasSubstr("not the same ones"));
  EXPECT_THAT(says([&] { model.numbered("x"); }), HasSubstr("the text: line 1: \"x\" is none of"));
  TrainingSettings s = settings("char_lm", other);
  s.weights = run.best().string();
  EXPECT_THAT(says([&] { open_training(s, Threads(1)); }), HasSubstr("not the same ones"));
  // Changed beneath a run that is to go on.
  const auto changed = settings("char_lm", other);
  EXPECT_THAT(says([&] { open_training(changed, Threads(1), run.checkpoint()); }),
              HasSubstr("it was begun with other symbols"));
}

TEST(DrawSymbol, ByTemperatureAndRank) {
  const std::vector<double> p{std::log(0.5), std::log(0.3), std::log(0.2)};
  const auto shares = [&](const DrawOptions& options) {
    std::vector<double> all(3);
    for (std::int64_t i = 0; i < 20000; ++i) {
      all[static_cast<std::size_t>(draw_symbol(p, options, i))] += 1 / 20000.0;
    }
    return all;
  };
  const auto plain = shares({});
  EXPECT_NEAR(plain[0], 0.5, 0.02);
  EXPECT_NEAR(plain[2], 0.2, 0.02);
  const auto cold = shares({.temperature = 0.5});  // 25 : 9 : 4
  EXPECT_NEAR(cold[0], 25.0 / 38, 0.02);
  const auto two = shares({.top_k = 2});
  EXPECT_NEAR(two[0], 5.0 / 8, 0.02);
  EXPECT_EQ(two[2], 0);
  EXPECT_EQ(draw_symbol(p, {.temperature = 0}, 5), 0);
  EXPECT_EQ(draw_symbol(p, {.seed = 4}, 5), draw_symbol(p, {.seed = 4}, 5));
  EXPECT_THROW(draw_symbol(p, {.temperature = -1}, 0), InputError);
  EXPECT_THROW(draw_symbol(p, {.top_k = -1}, 0), InputError);
}

TEST(Definition, ComesBack) {
  SequenceNetwork network = completed({.cell = "gru", .dropout = 0.25, .tied = true}, "word_lm");
  network.symbols = network.answers = 50;
  const SequenceNetwork back = read_definition(to_definition(network), "a file");
  EXPECT_EQ(to_definition(back), to_definition(network));
  EXPECT_EQ(back.symbols, 50);
  for (const char* bad : {"[]", "{}", "{\"symbols\":-1}", "{"}) {
    EXPECT_THROW(read_definition(bad, "a file"), InputError) << bad;
  }
}

}  // namespace
}  // namespace striate
