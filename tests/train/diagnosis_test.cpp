// Faults planted in small networks and their data: each must stop training at its step, name the
// layer and the operator that first made a number that is none, and say why.

#include "striate/train/diagnosis.h"

#include <cmath>
#include <functional>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "train/toy.h"

namespace striate {
namespace {

using testing::HasSubstr;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Batches whose third is spoiled.
class Spoiled final : public BatchSource {
 public:
  explicit Spoiled(std::function<void(TrainBatch&)> spoil) : spoil_(std::move(spoil)) {}
  std::int64_t steps() const override { return clouds_.steps(); }
  void start(std::int64_t seed, std::int64_t epoch, std::int64_t first) override {
    clouds_.start(seed, epoch, first);
    next_ = first;
  }
  TrainBatch next() override {
    TrainBatch batch = clouds_.next();
    if (++next_ == 3 && spoil_) spoil_(batch);
    return batch;
  }

 private:
  toy::Clouds clouds_;
  std::function<void(TrainBatch&)> spoil_;
  std::int64_t next_ = 0;
};

// x through fc1, then what `middle` makes of it, then fc2 and the loss.
Graph network(const std::function<Value(Builder&, const Value&)>& middle) {
  Builder b("planted");
  const Value x = b.linear("fc1", b.input("x", {8, 4}), 6);
  return with_classification_loss(b.finish(b.linear("fc2", middle(b, x), 3), "logits"));
}
Value number(Builder& b, const std::string& name, float value) {
  return b.constant(name, Tensor::of<float>({}, {&value, 1}));
}
Graph normed(double epsilon) {
  return network(
      [=](Builder& b, const Value& x) { return b.batch_norm("bn", x, {.epsilon = epsilon}); });
}

struct Fault {
  const char* name;
  std::int64_t step;
  const char* layer;
  const char* op;
  bool backward;
  const char* cause;  // a part of it
  Graph graph = toy::plain_graph();
  std::function<void(TrainState&)> weights = nullptr;
  std::function<void(TrainBatch&)> batch = nullptr;
  double lr = 0.01;
};

void fill(Tensor& tensor, float value) {
  for (std::int64_t i = 0; i < tensor.elements(); ++i) tensor.data<float>()[i] = value;
}

std::vector<Fault> faults() {
  const auto in_weights = [](const char* name, float value) {
    return [=](TrainState& state) { state.weights.at(name).data<float>()[1] = value; };
  };
  const auto in_batch = [](float value) {
    return [=](TrainBatch& batch) { batch.inputs.at("x").data<float>()[5] = value; };
  };
  std::vector<Fault> list;
  list.push_back({"a learning rate far too high", 2, "fc1.weight", "parameter", false,
                  "learning rate, 1e+39, is probably too high"});
  list.back().lr = 1e39;
  list.push_back({"a learning rate too high for what the weights make of it", 2, "fc2", "Gemm",
                  false, "activations have outgrown float32"});
  list.back().lr = 1e38;
  list.push_back({"a pixel that is NaN", 3, "x", "input", false, "a damaged file"});
  list.back().batch = in_batch(kNan);
  list.push_back({"a pixel that is infinite", 3, "x", "input", false, "a damaged file"});
  list.back().batch = in_batch(-kInfinity);
  list.push_back({"a pixel whose product overflows", 3, "fc1", "Gemm", false, "outgrown float32"});
  list.back().batch = [](TrainBatch& batch) { fill(batch.inputs.at("x"), 3e38F); };
  list.push_back({"weights that begin as NaN", 1, "fc2.weight", "parameter", false,
                  "the weights that training began with"});
  list.back().weights = in_weights("fc2.weight", kNan);
  list.push_back({"a bias that begins infinite", 1, "fc1.bias", "parameter", false,
                  "the weights that training began with"});
  list.back().weights = in_weights("fc1.bias", kInfinity);
  list.push_back({"the logarithm of zero", 1, "log", "Log", false, "logarithm of zero",
                  network([](Builder& b, const Value& x) {
                    return b.node("Log", "log", {b.relu("relu", x)});
                  })});
  list.push_back({"a division by zero", 1, "div", "Div", false, "division by zero",
                  network([](Builder& b, const Value& x) {
                    return b.node("Div", "div", {x, b.node("Sub", "sub", {x, x})});
                  })});
  list.push_back({"an exponential too large", 1, "exp", "Exp", false, "an exponential beyond",
                  network([](Builder& b, const Value& x) {
                    const Value large = b.node("Mul", "mul", {x, number(b, "thousand", 1000)});
                    return b.node("Exp", "exp", {large});
                  })});
  list.push_back({"the square root of a negative number", 1, "root", "Sqrt", false,
                  "square root of a negative",
                  network([](Builder& b, const Value& x) { return b.node("Sqrt", "root", {x}); })});
  list.push_back(
      {"a square root's slope at zero", 1, "root", "Sqrt", true, "slope at zero",
       network([](Builder& b, const Value& x) {
         return b.node("Sqrt", "root", {b.node("Mul", "mul", {x, number(b, "nought", 0)})});
       })});
  list.push_back({"a broken power of a negative number", 1, "power", "Pow", false, "broken power",
                  network([](Builder& b, const Value& x) {
                    return b.node("Pow", "power", {x, number(b, "half", 0.5)});
                  })});
  list.push_back({"a constant input to a batch norm without epsilon", 3, "bn", "BatchNormalization",
                  false, "a constant input", normed(0)});
  list.back().batch = [](TrainBatch& batch) { fill(batch.inputs.at("x"), 0.5F); };
  list.push_back({"a batch norm of one value without epsilon", 3, "bn", "BatchNormalization", false,
                  "one value a channel", normed(0)});
  list.back().batch = [](TrainBatch& batch) {
    Tensor one(DType::f32, {1, 4});
    fill(one, 0.5F);
    batch.inputs["x"] = one;
    batch.inputs["labels"] = Tensor(DType::i64, {1});
    batch.samples = 1;
  };
  list.push_back({"an exploding recurrence", 1, "step34", "MatMul", false, "exploding recurrence",
                  network([](Builder& b, Value x) {
                    const Initial large{.kind = Initial::Kind::constant, .a = 2};
                    const Value w = b.parameter("recurrent.weight", {6, 6}, large);
                    for (int i = 0; i < 60; ++i) {
                      x = b.node("MatMul", "step" + std::to_string(i), {x, w});
                    }
                    return x;
                  })});
  return list;
}

TEST(Diagnosis, NamesStepLayerOperatorAndCauseOfPlantedFaults) {
  const std::vector<Fault> list = faults();
  EXPECT_GE(list.size(), 12U);
  for (const auto& device : {std::shared_ptr<const Device>(make_reference_device()),
                             std::shared_ptr<const Device>(make_cpu_device(2))}) {
    for (const Fault& fault : list) {
      SCOPED_TRACE(fmt::format("{} on {}", fault.name, device->name()));
      const Program program(fault.graph, device, {.differentiate = {"loss"}});
      TrainState state = toy::state(program);
      if (fault.weights) fault.weights(state);
      Spoiled source(fault.batch);
      TrainOptions options = toy::options();
      options.optimizer = {.name = "sgd", .lr = fault.lr};
      options.schedule = "constant";
      options.warmup = 0;
      try {
        train(program, state, source, options);
        ADD_FAILURE() << "it was not found";
      } catch (const DivergedError& error) {
        EXPECT_EQ(error.at.global_step, fault.step) << error.what();
        EXPECT_EQ(error.diagnosis.layer.substr(0, 4), std::string(fault.layer).substr(0, 4))
            << error.what();
        EXPECT_EQ(error.diagnosis.op, fault.op) << error.what();
        EXPECT_EQ(error.diagnosis.backward, fault.backward) << error.what();
        EXPECT_THAT(error.what(), HasSubstr(fault.cause));
        EXPECT_THAT(error.what(), Not(HasSubstr("\n")));
        EXPECT_EQ(state.global_step, fault.step - 1);
      }
    }
  }
}

// A label that no class has is told as what it is.
TEST(Diagnosis, LabelsOutOfRangeAreNamed) {
  const auto program = toy::program(toy::plain_graph());
  TrainState state = toy::state(*program);
  Spoiled source([](TrainBatch& batch) { batch.inputs.at("labels").data<std::int64_t>()[2] = 3; });
  try {
    train(*program, state, source, toy::options());
    FAIL() << "class 3 of 3";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("label 3 at position 2: expected a class in [0, 3)"));
  }
  EXPECT_EQ(state.global_step, 2);
}

// What looks odd but is sound must go on.
TEST(Diagnosis, HealthyRunsGoOn) {
  struct Healthy {
    const char* name;
    Graph graph;
    std::function<void(TrainBatch&)> batch;
    double lr;
  };
  const std::vector<Healthy> list = {
      {"plain", toy::plain_graph(), nullptr, 0.1},
      {"dropout and batch norm", toy::graph(), nullptr, 0.1},
      {"a constant batch", toy::graph(),
       [](TrainBatch& batch) { fill(batch.inputs.at("x"), 0.25F); }, 0.1},
      {"zeros", toy::graph(), [](TrainBatch& batch) { fill(batch.inputs.at("x"), 0); }, 0.1},
      {"one sample", toy::graph(),
       [](TrainBatch& batch) {
         batch.inputs["x"] = Tensor(DType::f32, {1, 4});
         batch.inputs["labels"] = Tensor(DType::i64, {1});
         batch.samples = 1;
       },
       0.1},
      {"large pixels", normed(1e-5), [](TrainBatch& batch) { fill(batch.inputs.at("x"), 1e15F); },
       0.01},
      {"a loss that jumps about", toy::plain_graph(), nullptr, 5}};
  for (const Healthy& healthy : list) {
    SCOPED_TRACE(healthy.name);
    const auto program = toy::program(healthy.graph);
    TrainState state = toy::state(*program);
    Spoiled source(healthy.batch);
    TrainOptions options = toy::options();
    options.optimizer = {.name = "sgd", .lr = healthy.lr};
    EXPECT_EQ(train(*program, state, source, options), TrainEnd::finished);
  }
}

}  // namespace
}  // namespace striate
