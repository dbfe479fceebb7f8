#include "striate/train/optimizer.h"

#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "testing/paths.h"

namespace striate {
namespace {

using testing::HasSubstr;

Tensor doubles(const Shape& shape, const std::vector<double>& values) {
  return Tensor::of<double>(shape, values);
}

// A graph of parameters alone, with weights and gradients for each.
struct Problem {
  Graph graph{.name = "problem"};
  Weights weights;
  std::map<std::string, Tensor, std::less<>> gradients;

  void add(const std::string& name, const Tensor& start) {
    graph.parameters.push_back({.name = name, .dtype = start.dtype(), .shape = start.shape()});
    weights[name] = start;
    gradients[name] = Tensor(start.dtype(), start.shape());
  }
  Optimizer::GradientOf gradient_of() const {
    return [this](std::string_view name) {
      const auto found = gradients.find(name);
      return found == gradients.end() ? ConstView() : std::as_const(found->second).view();
    };
  }
};

std::string error_of(const OptimizerOptions& options) {
  try {
    const Optimizer optimizer(options);
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

// Steps of one weight that starts at 1, under the gradients 0.5 and then -0.25, at rate 0.1.
std::array<double, 2> two_steps(const OptimizerOptions& options) {
  const auto device = make_reference_device();
  Problem problem;
  problem.add("w", doubles({1, 1}, {1}));
  Optimizer optimizer(options);
  std::array<double, 2> after{};
  for (std::size_t i = 0; i < 2; ++i) {
    problem.gradients["w"].data<double>()[0] = i == 0 ? 0.5 : -0.25;
    optimizer.step(*device, problem.graph, problem.weights, problem.gradient_of(), 0.1);
    after[i] = problem.weights.at("w").data<double>()[0];
  }
  return after;
}

void expect_steps(const OptimizerOptions& options, double first, double second) {
  const auto after = two_steps(options);
  EXPECT_NEAR(after[0], first, 1e-13) << options.name;
  EXPECT_NEAR(after[1], second, 1e-13) << options.name;
}

TEST(Optimizer, TakesTheStepsWorkedByHand) {
  // 1 - 0.1 * 0.5; + 0.1 * 0.25
  expect_steps({.name = "sgd"}, 0.95, 0.975);
  // buffer 0.5, then 0.9 * 0.5 - 0.25 = 0.2
  expect_steps({.name = "sgd", .momentum = 0.9}, 0.95, 0.93);
  // 0.5 + 0.9 * 0.5 = 0.95; -0.25 + 0.9 * 0.2 = -0.07
  expect_steps({.name = "sgd", .momentum = 0.9, .nesterov = true}, 0.905, 0.912);
  // buffer 0.5, then 0.9 * 0.5 - 0.5 * 0.25 = 0.325
  expect_steps({.name = "sgd", .momentum = 0.9, .dampening = 0.5}, 0.95, 0.9175);
  // gradient 0.5 + 0.1 * 1 = 0.6; -0.25 + 0.1 * 0.94 = -0.156
  expect_steps({.name = "sgd", .weight_decay = 0.1}, 0.94, 0.9556);
  // The first step's corrected means are g and g²; then (0.9 * 0.05 - 0.025) / 0.19 and
  // (0.999 * 0.00025 + 0.0000625) / 0.001999.
  const double first = 1 - 0.1 * 0.5 / (0.5 + 1e-8);
  const double direction = (0.02 / 0.19) / (std::sqrt(0.00031225 / 0.001999) + 1e-8);
  expect_steps({.name = "adam"}, first, first - 0.1 * direction);
  const double decayed = 0.999 - 0.1 * 0.5 / (0.5 + 1e-8);
  expect_steps({.name = "adamw"}, decayed, decayed * 0.999 - 0.1 * direction);
  // sum 0.25, then 0.3125
  const double sum_first = 1 - 0.1 * 0.5 / (0.5 + 1e-10);
  expect_steps({.name = "adagrad"}, sum_first,
               sum_first + 0.1 * 0.25 / (std::sqrt(0.3125) + 1e-10));
  // mean square 0.0025, then 0.99 * 0.0025 + 0.01 * 0.0625 = 0.0031
  const double mean_first = 1 - 0.1 * 0.5 / (0.05 + 1e-8);
  expect_steps({.name = "rmsprop"}, mean_first,
               mean_first + 0.1 * 0.25 / (std::sqrt(0.0031) + 1e-8));
  // mean square 0.025, then 0.02875; updates d1, then one of root mean square of 0.1 * d1²
  const double d1 = 0.5 * std::sqrt(1e-6) / std::sqrt(0.025 + 1e-6);
  const double d2 = -0.25 * std::sqrt(0.1 * d1 * d1 + 1e-6) / std::sqrt(0.02875 + 1e-6);
  expect_steps({.name = "adadelta"}, 1 - 0.1 * d1, 1 - 0.1 * d1 - 0.1 * d2);
}

TEST(Optimizer, KnowsEachRulesDefaults) {
  const auto lr = [](const char* name) { return Optimizer({.name = name}).options().lr; };
  EXPECT_EQ(lr("sgd"), 0.1);
  EXPECT_EQ(lr("adam"), 1e-3);
  EXPECT_EQ(lr("adadelta"), 1.0);
  EXPECT_EQ(Optimizer({.name = "adamw"}).options().weight_decay, 0.01);
  EXPECT_EQ(Optimizer({.name = "adagrad"}).options().epsilon, 1e-10);
  EXPECT_EQ(Optimizer({.name = "adagrad", .lr = 0, .epsilon = 0}).options().lr, 0);
}

TEST(Optimizer, RefusesWhatItCannotDo) {
  EXPECT_THAT(error_of({.name = "adm"}), HasSubstr("did you mean \"adam\"?"));
  EXPECT_THAT(error_of({.lr = -0.5}), HasSubstr("lr: expected a number of at least 0, got -0.5"));
  EXPECT_THAT(error_of({.lr = NAN}), HasSubstr("lr: "));
  EXPECT_THAT(error_of({.name = "adam", .beta1 = 1}), HasSubstr("beta1: expected a number from 0"));
  EXPECT_THAT(error_of({.name = "adam", .momentum = 0.9}), HasSubstr("adam has no momentum"));
  EXPECT_THAT(error_of({.nesterov = true}), HasSubstr("nesterov needs a momentum"));
  EXPECT_THAT(error_of({.clip_norm = -1}), HasSubstr("clip_norm"));
  for (const std::string& name : optimizer_names()) EXPECT_EQ(error_of({.name = name}), "no error");
}

TEST(Optimizer, ShortensLongGradientsTogether) {
  const auto device = make_reference_device();
  Problem problem;
  problem.add("a", doubles({2}, {0, 0}));
  problem.add("b", doubles({1, 1}, {0}));
  const auto step = [&](double clip) {
    problem.gradients["a"] = doubles({2}, {2, 3});
    problem.gradients["b"] = doubles({1, 1}, {6});  // of length 7 together
    problem.weights["a"] = doubles({2}, {0, 0});
    problem.weights["b"] = doubles({1, 1}, {0});
    Optimizer optimizer({.name = "sgd", .clip_norm = clip});
    return optimizer.step(*device, problem.graph, problem.weights, problem.gradient_of(), 1);
  };
  EXPECT_DOUBLE_EQ(step(3.5), 7);
  EXPECT_NEAR(problem.weights.at("a").data<double>()[1], -1.5, 1e-6);
  EXPECT_NEAR(problem.weights.at("b").data<double>()[0], -3, 1e-6);
  EXPECT_DOUBLE_EQ(step(10), 7);
  EXPECT_EQ(problem.weights.at("a").data<double>()[1], -3);
  EXPECT_DOUBLE_EQ(step(0), 7);
  EXPECT_EQ(problem.weights.at("b").data<double>()[0], -6);
}

TEST(Optimizer, ChangesNothingWhereTheNormIsNotFinite) {
  const auto device = make_reference_device();
  Problem problem;
  problem.add("a", doubles({2}, {1, 2}));
  problem.gradients["a"] = doubles({2}, {NAN, 1});
  Optimizer optimizer({.name = "adam", .clip_norm = 1});
  EXPECT_TRUE(std::isnan(
      optimizer.step(*device, problem.graph, problem.weights, problem.gradient_of(), 1)));
  EXPECT_EQ(problem.weights.at("a").data<double>()[0], 1);
  EXPECT_EQ(problem.weights.at("a").data<double>()[1], 2);
  EXPECT_EQ(optimizer.steps(), 0);
}

TEST(Optimizer, LeavesOutWhatIsNotToBeChanged) {
  const auto device = make_reference_device();
  Problem problem;
  problem.add("weight", doubles({1, 1}, {1}));
  problem.add("bias", doubles({1}, {1}));
  problem.add("running", doubles({1}, {1}));
  problem.add("unused", doubles({1}, {1}));
  problem.graph.parameters[2].trainable = false;
  problem.gradients.erase("unused");
  Optimizer optimizer({.name = "sgd", .weight_decay = 0.5, .decay_vectors = false});
  optimizer.step(*device, problem.graph, problem.weights, problem.gradient_of(), 0.1);
  const auto value = [&](const char* name) { return problem.weights.at(name).data<double>()[0]; };
  EXPECT_EQ(value("weight"), 0.95);
  EXPECT_EQ(value("bias"), 1);
  EXPECT_EQ(value("running"), 1);
  EXPECT_EQ(value("unused"), 1);
}

TEST(Optimizer, GoesOnFromItsState) {
  const auto device = make_reference_device();
  const auto run = [&](bool interrupted) {
    Problem problem;
    problem.add("w", doubles({2}, {1, -1}));
    auto optimizer = std::make_unique<Optimizer>(OptimizerOptions{.name = "adam", .amsgrad = true});
    for (int i = 0; i < 6; ++i) {
      problem.gradients["w"] = doubles({2}, {std::sin(i), 1.0 / (i + 1)});
      optimizer->step(*device, problem.graph, problem.weights, problem.gradient_of(), 0.1);
      if (interrupted && i == 2) {
        const Weights state = optimizer->state().clone();
        const std::int64_t steps = optimizer->steps();
        optimizer = std::make_unique<Optimizer>(optimizer->options());
        optimizer->resume(problem.graph, state, steps);
      }
    }
    const auto values = problem.weights.at("w").values<double>();
    return std::vector<double>(values.begin(), values.end());
  };
  EXPECT_EQ(run(true), run(false));
}

TEST(Optimizer, NamesItsStateAndChecksIt) {
  const auto device = make_reference_device();
  Problem problem;
  problem.add("conv1.weight", doubles({2}, {1, -1}));
  problem.gradients["conv1.weight"] = doubles({2}, {1, 1});
  Optimizer optimizer({.name = "adam"});
  optimizer.step(*device, problem.graph, problem.weights, problem.gradient_of(), 0.1);
  ASSERT_EQ(optimizer.state().size(), 2U);
  EXPECT_NEAR(optimizer.state().at("exp_avg/conv1.weight").data<double>()[0], 0.1, 1e-15);
  EXPECT_NEAR(optimizer.state().at("exp_avg_sq/conv1.weight").data<double>()[0], 1e-3, 1e-15);

  const auto refuses = [&](const char* name, const Weights& state) -> std::string {
    try {
      Optimizer({.name = name}).resume(problem.graph, state, 1);
    } catch (const InputError& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(refuses("adam", optimizer.state()), "no error");
  EXPECT_THAT(refuses("adagrad", optimizer.state()), HasSubstr("exp_avg/conv1.weight"));
  EXPECT_THAT(refuses("adam", {}), HasSubstr("is missing"));
  Weights one;
  one["exp_avg/conv1.weight"] = doubles({2}, {0, 0});
  EXPECT_THAT(refuses("adam", one), HasSubstr("exp_avg_sq/conv1.weight is missing"));
  one["exp_avg_sq/conv1.weight"] = doubles({3}, {0, 0, 0});
  EXPECT_THAT(refuses("adam", one), HasSubstr("expected float64 2, got float64 3"));
}

// PyTorch's own test network: Linear(2,3), Sigmoid, Linear(3,1), Sigmoid, the loss the sum of the
// outputs over three inputs; its gradients by hand.
class SigmoidNetwork {
 public:
  SigmoidNetwork() {
    problem_.add("0.weight", doubles({3, 2}, {-.2109, -.4976, -.1413, -.3420, -.2524, .6976}));
    problem_.add("0.bias", doubles({3}, {-.1085, -.2979, .6892}));
    problem_.add("2.weight", doubles({1, 3}, {-.0508, -.3941, -.2843}));
    problem_.add("2.bias", doubles({1}, {-.0711}));
  }

  Problem& problem() { return problem_; }
  static constexpr std::array<const char*, 4> kNames = {"0.weight", "0.bias", "2.weight", "2.bias"};

  void find_gradients() {
    const double* w1 = problem_.weights.at("0.weight").data<double>();
    const double* b1 = problem_.weights.at("0.bias").data<double>();
    const double* w2 = problem_.weights.at("2.weight").data<double>();
    const double* b2 = problem_.weights.at("2.bias").data<double>();
    std::array<double*, 4> g{};
    for (std::size_t i = 0; i < 4; ++i) {
      Tensor& gradient = problem_.gradients[kNames[i]];
      g[i] = gradient.data<double>();
      std::fill_n(g[i], gradient.elements(), 0.0);
    }
    constexpr double kInputs[3][2] = {{.1, .2}, {.3, .4}, {.5, .6}};
    for (const auto& x : kInputs) {
      std::array<double, 3> hidden{};
      double logit = b2[0];
      for (std::size_t j = 0; j < 3; ++j) {
        hidden[j] = sigmoid(w1[2 * j] * x[0] + w1[2 * j + 1] * x[1] + b1[j]);
        logit += w2[j] * hidden[j];
      }
      const double y = sigmoid(logit);
      const double dlogit = y * (1 - y);
      g[3][0] += dlogit;
      for (std::size_t j = 0; j < 3; ++j) {
        g[2][j] += dlogit * hidden[j];
        const double dz = dlogit * w2[j] * hidden[j] * (1 - hidden[j]);
        g[1][j] += dz;
        g[0][2 * j] += dz * x[0];
        g[0][2 * j + 1] += dz * x[1];
      }
    }
  }

 private:
  static double sigmoid(double z) { return 1 / (1 + std::exp(-z)); }
  Problem problem_;
};

// "SGD lr=0.1 momentum=0.9 nesterov": the optimizer, then knobs by the fields' names.
OptimizerOptions parse_setting(const std::string& setting) {
  OptimizerOptions options;
  std::istringstream words(setting);
  words >> options.name;
  for (char& c : options.name) c = static_cast<char>(std::tolower(c));
  for (std::string word; words >> word;) {
    const std::size_t equals = word.find('=');
    bool found = false;
    options.fields([&]<class Field>(std::string_view name, Field& field, std::string_view) {
      if (name != word.substr(0, equals)) return;
      found = true;
      if constexpr (std::is_same_v<Field, bool>) field = true;
      if constexpr (std::is_same_v<Field, double>) field = std::stod(word.substr(equals + 1));
    });
    EXPECT_TRUE(found) << word;
  }
  return options;
}

TEST(Optimizer, FollowsPyTorchForAThousandSteps) {
  const auto path =
      std::filesystem::path(kSourceFolder) / "../shared/data/optimizers/trajectories.json";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "needs " << path << " (see its README)";
  const auto json = nlohmann::json::parse(std::ifstream(path));
  const auto device = make_reference_device();
  int settings = 0;
  for (const auto& [setting, expected] : json["trajectories"].items()) {
    ++settings;
    SigmoidNetwork network;
    Problem& problem = network.problem();
    Optimizer optimizer(parse_setting(setting));
    double worst = 0;
    for (int step = 0; step <= 1000; ++step) {
      network.find_gradients();
      optimizer.step(*device, problem.graph, problem.weights, problem.gradient_of(),
                     optimizer.options().lr);
      if (step % 100 != 0) continue;
      const auto& at = expected[static_cast<std::size_t>(step / 100)];
      for (std::size_t i = 0; i < 4; ++i) {
        const auto values = problem.weights.at(SigmoidNetwork::kNames[i]).values<double>();
        ASSERT_EQ(at[i].size(), values.size());
        for (std::size_t k = 0; k < values.size(); ++k) {
          const double want = at[i][k].get<double>();
          worst = std::max(worst, std::abs(values[k] - want) / std::max(std::abs(want), 1e-3));
        }
      }
    }
    EXPECT_LT(worst, 1e-10) << setting;
  }
  EXPECT_EQ(settings, 16);
}

}  // namespace
}  // namespace striate
