// Networks that forecast a series: an MLP on a window of the last values, and recurrent layers whose
// state is the summary of all values before, trained through time on windows of the series:
// h_t = g(h_{t-1}, x_{t-1}), x_t expected as f(h_t), f linear; g linear (an RNN with the identity),
// tanh, LSTM or GRU.

#include <algorithm>
#include <cmath>
#include <limits>

#include "striate/base/error.h"
#include "striate/base/suggest.h"
#include "striate/graph/rewrite.h"
#include "striate/nn/recurrent.h"
#include "striate/tasks/sequence/series.h"
#include "striate/train/tensor_batches.h"
#include "tasks/sequence/forecasters.h"

namespace striate {
namespace {

using Values = std::span<const double>;

struct Network {
  std::string what, cell;  // cell: linear, tanh, gru, lstm, window
  std::int64_t hidden = 0, layers = 1, window = 0;
};

RecurrentOptions layers_of(const Network& n, bool carry) {
  RecurrentOptions options{.cell = n.cell == "lstm"  ? RecurrentCell::lstm
                                   : n.cell == "gru" ? RecurrentCell::gru
                                                     : RecurrentCell::rnn,
                           .hidden = n.hidden,
                           .layers = n.layers};
  options.carry = carry;
  if (n.cell == "linear") options.activation = "Affine";
  if (n.cell == "lstm") options.first_forget_bias = 1;
  return options;
}

// Time first: x [T, N, 1], or [N, window]; the expected next values [T * N, 1] or [N, 1].
Value expected(Builder& b, const Network& n, Value x, bool carry) {
  if (n.cell == "window") {
    x = b.tanh("tanh", b.linear("hidden", x, n.hidden, fan_in_uniform));
  } else {
    x = join_steps(b, "steps", recurrent(b, "recurrent", x, layers_of(n, carry)));
  }
  return b.linear("output", x, 1, fan_in_uniform);
}

Graph inference_graph(const Network& n) {
  Builder b("forecast");
  const Value x =
      n.cell == "window" ? b.input("input", {1, n.window}) : b.input("input", {1, 1, 1});
  return b.finish(expected(b, n, x, true), "expected");
}

// Windows along the first axis: `input` [N, T, 1] or [N, window], `target` [N, T, 1] or [N, 1].
Graph training_graph(const Network& n, std::int64_t steps) {
  const std::vector<std::int64_t> turn{1, 0, 2};
  Builder b("forecast");
  Value difference;
  if (n.cell == "window") {
    const Value x = expected(b, n, b.input("input", {1, n.window}), false);
    difference = b.node("Sub", "difference", {x, b.input("target", {1, 1})});
  } else {
    const Value x =
        b.node("Transpose", "turn", {b.input("input", {1, steps, 1})}, {{"perm", turn}});
    const Value target =
        b.node("Transpose", "target.turn", {b.input("target", {1, steps, 1})}, {{"perm", turn}});
    difference = b.node("Sub", "difference",
                        {expected(b, n, x, false), join_steps(b, "target.steps", target)});
  }
  const Value square = b.node("Mul", "square", {difference, difference});
  return b.finish(b.node("ReduceMean", "loss", {square}, {{"keepdims", std::int64_t{0}}}), "loss");
}

class NeuralForecaster final : public Forecaster {
 public:
  NeuralForecaster(Network network, Values values, const ForecastOptions& options,
                   const SharedDevice& device)
      : network_(std::move(network)),
        mean_(mean_of(values)),
        deviation_(std::sqrt(variance_of(values))),
        program_(inference_graph(network_), device) {
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    if (*least == *most) {
      fail<InputError>("the series is constant, {} throughout: there is nothing to fit", *least);
    }
    if (options.epochs < 1 || options.epochs > 1000000) {
      fail<InputError>("epochs: expected 1 to 1000000, got {}", options.epochs);
    }
    train_on(values, options, device);
  }

  Forecast forecast(Values past, std::int64_t steps) const override {
    std::vector<float> x = scaled(past);
    if (network_.cell == "window" && past.size() < static_cast<std::size_t>(network_.window)) {
      fail<InputError>("the window sees {} values, got {}", network_.window, past.size());
    }
    States states;
    Forecast result;
    float next = network_.cell == "window" ? 0 : run(x, states).back();
    for (std::int64_t h = 0; h < steps; ++h) {
      if (network_.cell == "window") {
        next = run({x.end() - network_.window, x.end()}, states).back();
        x.push_back(next);
      } else if (h > 0) {
        next = run({next}, states).back();
      }
      result.mean.push_back(mean_ + deviation_ * static_cast<double>(next));
      const auto known = static_cast<std::int64_t>(errors_.size());
      result.deviation.push_back(known == 0
                                     ? std::numeric_limits<double>::quiet_NaN()
                                     : errors_[static_cast<std::size_t>(std::min(h, known - 1))]);
    }
    return result;
  }

  std::vector<double> one_step(Values values, std::int64_t first) const override {
    if (network_.cell == "window") return Forecaster::one_step(values, first);
    States states;
    const std::vector<float> next = run(scaled(values.first(values.size() - 1)), states);
    std::vector<double> result;
    for (std::size_t t = static_cast<std::size_t>(first); t < values.size(); ++t) {
      result.push_back(mean_ + deviation_ * static_cast<double>(next[t - 1]));
    }
    return result;
  }

  FitReport report() const override {
    FitReport report{.what = network_.what, .inputs = network_.window};
    for (const auto& [name, tensor] : weights_) report.parameters += tensor.elements();
    report.numbers = {{"hidden", static_cast<double>(network_.hidden)},
                      {"epochs", static_cast<double>(epochs_)},
                      {"training_error", deviation_ * std::sqrt(loss_)}};
    report.notes.push_back(
        "intervals: errors measured at every horizon on the last tenth, which the first fit did "
        "not "
        "see");
    return report;
  }

 private:
  using States = std::map<std::string, Tensor>;

  std::vector<float> scaled(Values values) const {
    std::vector<float> x;
    for (const double value : values) {
      x.push_back(static_cast<float>((value - mean_) / deviation_));
    }
    return x;
  }

  // What is expected after each of the values; the states go on.
  std::vector<float> run(const std::vector<float>& x, States& states) const {
    const bool window = network_.cell == "window";
    const auto n = static_cast<std::int64_t>(x.size());
    const Tensor input = Tensor::of<float>(window ? Shape{1, n} : Shape{n, 1, 1}, x);
    Shapes shapes{{"input", input.shape()}};
    Inputs inputs{{"input", input.view()}};
    const auto carried = carried_states(program_.graph());
    for (const CarriedState& state : carried) {
      if (!states.contains(state.input)) {
        Tensor zeros(DType::f32, state.shape);
        std::fill_n(zeros.data<float>(), zeros.elements(), 0.0F);
        states[state.input] = std::move(zeros);
      }
      inputs[state.input] = std::as_const(states.at(state.input)).view();
    }
    const auto plan = program_.plan(shapes);
    Workspace workspace(plan);
    plan->forward(workspace, inputs, weights_);
    for (const CarriedState& state : carried) states[state.input] = workspace.fetch(state.output);
    const Tensor out = workspace.fetch("expected");
    const auto all = out.values<float>();
    return {all.begin(), all.end()};
  }

  // The first fit leaves out the last tenth, on which it finds how many passes are best and how far
  // off it is at every horizon; the second takes so many passes over everything.
  void train_on(Values values, const ForecastOptions& options, const SharedDevice& device) {
    const auto n = static_cast<std::int64_t>(values.size());
    const std::int64_t first = n - std::max<std::int64_t>(n / 10, 2);
    const std::int64_t least = network_.cell == "window" ? network_.window + 2 : 4;
    if (first < least) {
      fail<InputError>("a network needs {} values or more to be fitted to, got {}",
                       least * 10 / 9 + 2, n);
    }
    epochs_ = options.epochs;
    fit(values.first(static_cast<std::size_t>(first)), values, options, device);
    constexpr std::int64_t kMostSteps = 60;
    errors_ = rolling_errors(*this, values, first, std::min(n - first, kMostSteps));
    fit(values, {}, options, device);
  }

  void fit(Values values, Values judged_by, const ForecastOptions& options,
           const SharedDevice& device) {
    const std::vector<float> x = scaled(values);
    const auto n = static_cast<std::int64_t>(x.size());
    const bool window = network_.cell == "window";
    constexpr std::int64_t kLongest = 64;
    constexpr std::int64_t kMostWindows = 512;
    const std::int64_t steps =
        window ? network_.window : std::min(kLongest, std::max<std::int64_t>(2, n / 4));
    const std::int64_t all = n - steps;
    const std::int64_t stride = (all + kMostWindows - 1) / kMostWindows;
    const std::int64_t count = (all + stride - 1) / stride;
    const std::int64_t asked = window ? 1 : steps;
    Tensor input(DType::f32, window ? Shape{count, steps} : Shape{count, steps, 1});
    Tensor target(DType::f32, window ? Shape{count, 1} : Shape{count, steps, 1});
    for (std::int64_t i = 0; i < count; ++i) {
      std::copy_n(x.begin() + i * stride, steps, input.data<float>() + i * steps);
      std::copy_n(x.begin() + i * stride + steps - asked + 1, asked,
                  target.data<float>() + i * asked);
    }
    const Graph graph = training_graph(network_, steps);
    const Program program(graph, device, {.differentiate = {"loss"}});
    TrainState state;
    state.weights = initialize(graph, static_cast<std::uint64_t>(options.seed));
    constexpr std::int64_t kBatch = 32;
    TensorBatches batches({{"input", input}, {"target", target}}, kBatch);
    TrainHooks hooks;
    double best = std::numeric_limits<double>::infinity();
    Weights best_weights;
    std::int64_t best_epoch = epochs_;
    if (!judged_by.empty()) {
      hooks.validate = [&](const Weights& weights) -> Scores {
        weights_ = weights;
        const auto truth = judged_by.subspan(values.size());
        const double error = error_of(one_step(judged_by, n), truth).rmse;
        return {{"less_error", -error}};
      };
      hooks.on_epoch = [&](const EpochReport& report, const TrainState& now) {
        if (-report.best_score >= best) return;
        best = -report.best_score;
        best_weights = now.weights.clone();
        best_epoch = report.epoch;
      };
    } else {
      hooks.on_epoch = [&](const EpochReport& report, const TrainState&) { loss_ = report.loss; };
    }
    TrainOptions how;
    how.epochs = epochs_;
    how.batch = kBatch;
    how.optimizer.name = "adam";
    how.optimizer.lr = options.lr;
    how.optimizer.clip_norm = 1;
    how.seed = options.seed;
    how.early_stop = judged_by.empty() ? 0 : std::max<std::int64_t>(10, epochs_ / 5);
    how.best_by = "less_error";
    train(program, state, batches, how, hooks);
    weights_ = judged_by.empty() ? state.weights : best_weights;
    epochs_ = best_epoch;
  }

  Network network_;
  double mean_, deviation_;
  Program program_;
  Weights weights_;
  std::int64_t epochs_ = 0;
  double loss_ = 0;
  std::vector<double> errors_;
};

std::int64_t in_range(const char* name, std::int64_t value, std::int64_t most) {
  if (value < 1 || value > most) {
    fail<InputError>("{}: expected 1 to {}, got {}", name, most, value);
  }
  return value;
}

}  // namespace

Fitted fit_window(Values values, const ForecastOptions& options, const SharedDevice& device) {
  // The linear model's order is as good a first guess as any.
  const std::int64_t window = std::max<std::int64_t>(1, choose_order(values, options).order);
  const std::int64_t hidden = in_range("hidden", options.hidden == 0 ? 32 : options.hidden, 4096);
  if (window * 2 > static_cast<std::int64_t>(values.size())) {
    fail<InputError>("order {} is too long for a series of {} values: a window takes at most half",
                     window, values.size());
  }
  return std::make_unique<NeuralForecaster>(
      Network{.what = fmt::format("MLP on the last {} values, {} tanh units", window, hidden),
              .cell = "window",
              .hidden = hidden,
              .window = window},
      values, options, device);
}

Fitted fit_latent(Values values, const ForecastOptions& options, const SharedDevice& device) {
  const std::vector<std::string> cells{"linear", "tanh", "gru", "lstm"};
  if (std::find(cells.begin(), cells.end(), options.cell) == cells.end()) {
    fail<InputError>("cell: unknown {}{}", options.cell, suggestion(options.cell, cells));
  }
  const std::int64_t hidden = in_range("hidden", options.hidden == 0 ? 8 : options.hidden, 4096);
  return std::make_unique<NeuralForecaster>(
      Network{.what = fmt::format("h_t = g(h_{{t-1}}, x_{{t-1}}) of {} numbers, g {}; x_t = f(h_t)",
                                  hidden, options.cell),
              .cell = options.cell,
              .hidden = hidden},
      values, options, device);
}

namespace {

Fitted fit_layers(const char* name, const char* cell, Values values, const ForecastOptions& options,
                  const SharedDevice& device) {
  const std::int64_t hidden = in_range("hidden", options.hidden == 0 ? 32 : options.hidden, 4096);
  const std::int64_t layers = in_range("layers", options.layers, 16);
  return std::make_unique<NeuralForecaster>(
      Network{
          .what = fmt::format("{}, {} layer{} of {}", name, layers, layers == 1 ? "" : "s", hidden),
          .cell = cell,
          .hidden = hidden,
          .layers = layers},
      values, options, device);
}

}  // namespace

Fitted fit_rnn(Values values, const ForecastOptions& options, const SharedDevice& device) {
  return fit_layers("RNN", "tanh", values, options, device);
}
Fitted fit_lstm(Values values, const ForecastOptions& options, const SharedDevice& device) {
  return fit_layers("LSTM", "lstm", values, options, device);
}
Fitted fit_gru(Values values, const ForecastOptions& options, const SharedDevice& device) {
  return fit_layers("GRU", "gru", values, options, device);
}

}  // namespace striate
