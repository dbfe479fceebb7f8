#include "striate/tasks/sequence/gradient_flow.h"

#include <algorithm>
#include <cmath>

#include "striate/base/random.h"
#include "striate/base/suggest.h"
#include "striate/graph/rewrite.h"
#include "striate/graph/unroll.h"
#include "striate/nn/recurrent.h"

namespace striate {
namespace {

constexpr std::int64_t kAnswers = 4;

bool is_recurrent(const std::string& op) { return op == "RNN" || op == "LSTM" || op == "GRU"; }

// The network in float64 with all steps of every sequence.
Graph measured_form(const Graph& graph) {
  Graph result = inference_form(graph);
  for (Node& node : result.nodes) {
    constexpr std::size_t kLengths = 4;
    if (is_recurrent(node.op) && node.inputs.size() > kLengths) node.inputs[kLengths].clear();
  }
  prune(result);
  for (Parameter& parameter : result.parameters) parameter.dtype = DType::f64;
  for (GraphInput& input : result.inputs) {
    if (is_float(input.dtype)) input.dtype = DType::f64;
  }
  for (auto& [name, tensor] : result.constants) {
    if (is_float(tensor.dtype())) tensor = tensor.cast(DType::f64);
  }
  return result;
}

Weights in_double(const Graph& graph, const Weights& weights) {
  Weights result;
  for (const Parameter& parameter : graph.parameters) {
    result[parameter.name] = weights.at(parameter.name).cast(DType::f64).clone();
  }
  return result;
}

// Inputs of the graph in float64; what is not given (states) is zero.
struct Given {
  std::map<std::string, Tensor> tensors;
  Shapes shapes;

  Given(const Graph& graph, const Inputs& inputs) {
    const std::unique_ptr<Device> device = make_reference_device();
    for (const GraphInput& input : graph.inputs) {
      const auto found = inputs.find(input.name);
      if (found == inputs.end()) {
        tensors[input.name] = Tensor(input.dtype, input.shape);
      } else {
        tensors[input.name] = Tensor(input.dtype, found->second.shape);
        device->copy(found->second, tensors[input.name].view());
      }
      shapes[input.name] = tensors[input.name].shape();
    }
  }
  Inputs views() const {
    Inputs result;
    for (const auto& [name, tensor] : tensors) result[name] = tensor.view();
    return result;
  }
};

// A zero that is added to a value, so that the value's gradient is the zero's.
void add_probe(Graph& graph, const std::string& value, const Shape& shape) {
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    auto& outputs = graph.nodes[i].outputs;
    const auto made = std::find(outputs.begin(), outputs.end(), value);
    if (made == outputs.end()) continue;
    const std::string free = value + ".free";
    *made = free;
    graph.nodes.insert(graph.nodes.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                       {.name = value + ".probed",
                        .op = "Add",
                        .attributes = {},
                        .inputs = {free, value + ".probe"},
                        .outputs = {value}});
    graph.inputs.push_back({.name = value + ".probe", .dtype = DType::f64, .shape = shape});
    return;
  }
}

// The loss of the last row of `answers` and its gradient in all of them.
double loss_of(const Tensor& answers, std::int64_t label, Tensor& gradient) {
  const std::int64_t columns = answers.shape().back();
  const std::int64_t first = answers.elements() - columns;
  gradient = Tensor(DType::f64, answers.shape());
  const double* a = answers.data<double>() + first;
  double* g = gradient.data<double>() + first;
  if (columns == 1) {
    g[0] = a[0];
    return a[0] * a[0] / 2;
  }
  const double most = *std::max_element(a, a + columns);
  double sum = 0;
  for (std::int64_t j = 0; j < columns; ++j) sum += std::exp(a[j] - most);
  for (std::int64_t j = 0; j < columns; ++j) g[j] = std::exp(a[j] - most) / sum;
  g[label % columns] -= 1;
  return most + std::log(sum) - a[label % columns];
}

double norm_of(const ConstView& gradient) {
  if (!gradient) return 0;
  const auto* values = gradient.as<double>();
  double sum = 0;
  for (std::int64_t i = 0; i < gradient.shape.elements(); ++i) sum += values[i] * values[i];
  return std::sqrt(sum);
}

// One step of a layer for as many sequences as its state has numbers, all alike: the gradient of row
// i's i-th number is row i of the step's Jacobian.
class Jacobian {
 public:
  Jacobian(const Graph& graph, const std::string& layer, std::int64_t hidden)
      : device_(make_cpu_device()), hidden_(hidden) {
    const auto source = std::find_if(graph.nodes.begin(), graph.nodes.end(),
                                     [&](const Node& node) { return node.name == layer; });
    lstm_ = source->op == "LSTM";
    size_ = lstm_ ? 2 * hidden : hidden;
    Graph step = graph;
    Node node = *source;
    node.inputs.resize(lstm_ ? std::max<std::size_t>(7, node.inputs.size()) : 6);
    const std::int64_t features = infer_shapes(graph).at(node.inputs[0]).shape[2];
    node.inputs[0] = "step.x";
    node.inputs[5] = "step.h";
    if (lstm_) node.inputs[6] = "step.c";
    node.attributes["layout"] = std::int64_t{0};
    node.outputs = {"", "next.h"};
    if (lstm_) node.outputs.emplace_back("next.c");
    step.inputs = {{.name = "step.x", .dtype = DType::f64, .shape = {1, size_, features}},
                   {.name = "step.h", .dtype = DType::f64, .shape = {1, size_, hidden}}};
    if (lstm_)
      step.inputs.push_back({.name = "step.c", .dtype = DType::f64, .shape = {1, size_, hidden}});
    step.nodes.erase(std::find_if(step.nodes.begin(), step.nodes.end(),
                                  [&](const Node& other) { return other.name == layer; }),
                     step.nodes.end());
    step.nodes.push_back(node);
    step.outputs = {"next.h"};
    if (lstm_) step.outputs.emplace_back("next.c");
    std::erase_if(step.nodes, [&](const Node& other) {
      return other.name != layer && !only_weights(graph, other);
    });
    prune(step);
    for (GraphInput& input : step.inputs) input.dtype = DType::f32;
    for (Parameter& parameter : step.parameters) parameter.dtype = DType::f32;
    for (auto& [name, tensor] : step.constants) {
      if (is_float(tensor.dtype())) tensor = tensor.cast(DType::f32);
    }
    Plan::Options options{.differentiate = step.outputs, .input_gradients = {"step.h"}};
    if (lstm_) options.input_gradients.emplace_back("step.c");
    plan_ = Plan::compile(step, device_, {}, options);
    graph_ = step;
  }

  // The largest singular value of the step from this state.
  double largest(const Weights& weights, const Tensor& x, const Tensor& h, const Tensor& c) const {
    Inputs inputs;
    const Tensor xs = repeated(x);
    const Tensor hs = repeated(h);
    const Tensor cs = lstm_ ? repeated(c) : Tensor();
    inputs["step.x"] = xs.view();
    inputs["step.h"] = hs.view();
    if (lstm_) inputs["step.c"] = cs.view();
    Tensor to_h(DType::f32, {1, size_, hidden_});
    Tensor to_c(DType::f32, {1, size_, hidden_});
    for (std::int64_t i = 0; i < size_; ++i) {
      (i < hidden_ ? to_h : to_c).data<float>()[i * hidden_ + i % hidden_] = 1;
    }
    Inputs gradients{{"next.h", to_h.view()}};
    if (lstm_) gradients["next.c"] = to_c.view();
    Weights single;
    for (const Parameter& parameter : graph_.parameters) {
      single[parameter.name] = weights.at(parameter.name).cast(DType::f32);
    }
    Workspace workspace(plan_);
    plan_->forward(workspace, inputs, single);
    plan_->backward(workspace, inputs, single, RunKey{}, gradients);
    return largest_singular(rows(workspace));
  }

 private:
  // Whether a node's value is made of parameters and constants alone.
  static bool only_weights(const Graph& graph, const Node& node) {
    return std::all_of(node.inputs.begin(), node.inputs.end(), [&](const std::string& name) {
      if (name.empty() || graph.find_parameter(name) != nullptr || graph.constants.contains(name)) {
        return true;
      }
      const Node* before = graph.producer(name);
      return before != nullptr && only_weights(graph, *before);
    });
  }

  Tensor repeated(const Tensor& row) const {
    const Tensor single = row.cast(DType::f32);
    const std::int64_t columns = single.elements();
    Tensor all(DType::f32, {1, size_, columns});
    for (std::int64_t i = 0; i < size_; ++i) {
      std::copy_n(single.data<float>(), columns, all.data<float>() + i * columns);
    }
    return all;
  }

  std::vector<double> rows(const Workspace& workspace) const {
    std::vector<double> j(static_cast<std::size_t>(size_ * size_));
    const auto put = [&](const char* name, std::int64_t column) {
      const ConstView gradient = workspace.gradient(name);
      if (!gradient) return;
      const auto* values = gradient.as<float>();
      for (std::int64_t i = 0; i < size_; ++i) {
        for (std::int64_t k = 0; k < hidden_; ++k) {
          j[static_cast<std::size_t>(i * size_ + column + k)] =
              static_cast<double>(values[i * hidden_ + k]);
        }
      }
    };
    put("step.h", 0);
    if (lstm_) put("step.c", hidden_);
    return j;
  }

  // By powers of J'J on a fixed first vector.
  double largest_singular(const std::vector<double>& j) const {
    constexpr int kTurns = 200;
    const auto n = static_cast<std::size_t>(size_);
    std::vector<double> v(n);
    for (std::size_t i = 0; i < n; ++i) v[i] = 1 + 0.1 * std::sin(static_cast<double>(i));
    double sigma = 0;
    for (int turn = 0; turn < kTurns; ++turn) {
      std::vector<double> u(n);
      std::vector<double> w(n);
      for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t k = 0; k < n; ++k) u[i] += j[i * n + k] * v[k];
      }
      for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t k = 0; k < n; ++k) w[k] += j[i * n + k] * u[i];
      }
      double length = 0;
      for (const double value : w) length += value * value;
      length = std::sqrt(length);
      double of_v = 0;
      for (const double value : v) of_v += value * value;
      const double before = sigma;
      sigma = std::sqrt(length / std::sqrt(of_v));
      if (length == 0 || std::abs(sigma - before) < 1e-9 * sigma) break;
      for (std::size_t i = 0; i < n; ++i) v[i] = w[i] / length;
    }
    return sigma;
  }

  std::shared_ptr<const Device> device_;
  std::int64_t hidden_, size_ = 0;
  bool lstm_ = false;
  Graph graph_;
  std::shared_ptr<const Plan> plan_;
};

Tensor row_of(const Tensor& tensor) { return tensor.reshaped({tensor.elements()}); }

// The singular values of a layer's steps, the last step's first.
std::vector<double> singular_values(const Graph& graph, const UnrolledLayer& layer,
                                    const Weights& weights, const Workspace& workspace) {
  const Jacobian jacobian(graph, layer.name, layer.hidden);
  const bool lstm = layer.op == "LSTM";
  std::vector<double> result;
  for (std::size_t s = layer.steps.size(); s-- > 0;) {
    const Tensor zero(DType::f64, {layer.hidden});
    const Tensor h = s == 0 ? zero : row_of(workspace.fetch(layer.steps[s - 1].at("h")));
    const Tensor c = s == 0 || !lstm ? zero : row_of(workspace.fetch(layer.steps[s - 1].at("c")));
    const std::size_t t = layer.reverse ? layer.steps.size() - 1 - s : s;
    const Tensor x = row_of(workspace.fetch(fmt::format("{}.x{}", layer.name, t)));
    result.push_back(jacobian.largest(weights, x, h, c));
  }
  return result;
}

}  // namespace

GradientReport gradient_flow(const Graph& graph, const Weights& weights, const Inputs& inputs,
                             std::int64_t label) {
  const Graph form = measured_form(graph);
  const Given given(form, inputs);
  Unrolled unrolled = unroll(form, given.shapes);
  if (unrolled.layers.empty()) fail<ModelError>("{} has no recurrent layer", graph.name);
  Graph& probed = unrolled.graph;
  const std::string answers = probed.outputs.at(0);
  Inputs views = given.views();
  std::map<std::string, Tensor> zeros;
  Plan::Options options{.differentiate = {answers}};
  for (const UnrolledLayer& layer : unrolled.layers) {
    if (layer.batch != 1) fail<ModelError>("expected one sequence, got {}", layer.batch);
    for (std::size_t s = 0; s < layer.steps.size(); ++s) {
      probed.outputs.push_back(fmt::format("{}.x{}", layer.name, s));
      for (const char* state : {"h", "c"}) {
        const auto value = layer.steps[s].find(state);
        if (value == layer.steps[s].end()) continue;
        add_probe(probed, value->second, {layer.batch, layer.hidden});
        const std::string probe = value->second + ".probe";
        zeros[probe] = Tensor(DType::f64, {layer.batch, layer.hidden});
        views[probe] = std::as_const(zeros[probe]).view();
        options.input_gradients.push_back(probe);
        probed.outputs.push_back(value->second);
      }
    }
  }
  std::sort(probed.outputs.begin() + 1, probed.outputs.end());
  probed.outputs.erase(std::unique(probed.outputs.begin() + 1, probed.outputs.end()),
                       probed.outputs.end());
  const Weights own = in_double(form, weights);
  const auto plan = Plan::compile(probed, make_reference_device(), {}, options);
  Workspace workspace(plan);
  plan->forward(workspace, views, own);
  GradientReport report;
  Tensor slope;
  report.loss = loss_of(workspace.fetch(answers), label, slope);
  std::vector<std::vector<double>> singular;
  for (const UnrolledLayer& layer : unrolled.layers) {
    const bool twice =
        std::count_if(unrolled.layers.begin(), unrolled.layers.end(),
                      [&](const UnrolledLayer& other) { return other.name == layer.name; }) > 1;
    singular.push_back(twice ? std::vector<double>()
                             : singular_values(form, layer, own, workspace));
  }
  plan->backward(workspace, views, own, RunKey{}, {{answers, std::as_const(slope).view()}});
  double squares = 0;
  for (const Parameter& parameter : probed.parameters) {
    const double norm = norm_of(workspace.gradient(parameter.name));
    squares += norm * norm;
  }
  report.weights_norm = std::sqrt(squares);
  for (std::size_t i = 0; i < unrolled.layers.size(); ++i) {
    const UnrolledLayer& layer = unrolled.layers[i];
    GradientFlow flow{.layer = layer.name + (layer.reverse ? " reversed" : ""),
                      .norms = {},
                      .singular = std::move(singular[i])};
    for (std::size_t s = layer.steps.size(); s-- > 0;) {
      double sum = 0;
      for (const char* state : {"h", "c"}) {
        const auto value = layer.steps[s].find(state);
        if (value == layer.steps[s].end()) continue;
        const double norm = norm_of(workspace.gradient(value->second + ".probe"));
        sum += norm * norm;
      }
      flow.norms.push_back(std::sqrt(sum));
    }
    report.layers.push_back(std::move(flow));
  }
  return report;
}

const std::vector<std::string>& flow_examples() {
  static const std::vector<std::string> kNames{"rnn-sigmoid", "rnn-tanh", "rnn-relu", "lstm",
                                               "gru"};
  return kNames;
}

Graph flow_example(const FlowExample& example, Weights& weights) {
  const auto& names = flow_examples();
  if (std::find(names.begin(), names.end(), example.name) == names.end()) {
    fail<InputError>("unknown example \"{}\"{}", example.name, suggestion(example.name, names));
  }
  Builder b(example.name);
  constexpr std::int64_t kFeatures = 8;
  const Value x = b.input("input", {example.steps, 1, kFeatures});
  RecurrentOptions options{.cell = example.name == "lstm"  ? RecurrentCell::lstm
                                   : example.name == "gru" ? RecurrentCell::gru
                                                           : RecurrentCell::rnn,
                           .hidden = example.hidden,
                           .last = true};
  if (example.name == "rnn-sigmoid") options.activation = "Sigmoid";
  if (example.name == "rnn-relu") options.activation = "Relu";
  const Value last = recurrent(b, "layer", x, options);
  Graph graph = b.finish(b.linear("answers", last, kAnswers, fan_in_uniform), "logits");
  const double he = std::sqrt(6.0 / static_cast<double>(example.hidden)) * example.scale;
  for (Parameter& parameter : graph.parameters) {
    if (example.name == "rnn-relu" && parameter.name == "layer.0.weight_hh") {
      parameter.initial = {.kind = Initial::Kind::uniform, .a = -he, .b = he};
    }
    if (parameter.name == "layer.0.forget.bias" || parameter.name == "layer.0.update.bias") {
      parameter.initial = constant_initial(example.keep_bias);
    }
  }
  weights = initialize(graph, example.seed);
  return graph;
}

Tensor flow_input(const FlowExample& example) {
  constexpr std::int64_t kFeatures = 8;
  Tensor x(DType::f32, {example.steps, 1, kFeatures});
  Random random({.seed = example.seed, .purpose = purpose_of("flow input")}, 0);
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    x.data<float>()[i] = static_cast<float>(random.normal());
  }
  return x;
}

std::vector<double> descend(const Graph& graph, Weights weights, const Inputs& inputs,
                            std::int64_t label, double rate, double clip, int steps) {
  const Graph form = measured_form(graph);
  const Given given(form, inputs);
  const std::string answers = form.outputs.at(0);
  weights = in_double(form, weights);
  const auto plan =
      Plan::compile(form, make_reference_device(), given.shapes, {.differentiate = {answers}});
  Workspace workspace(plan);
  const Inputs views = given.views();
  std::vector<double> losses;
  for (int step = 0; step <= steps; ++step) {
    plan->forward(workspace, views, weights);
    Tensor slope;
    losses.push_back(loss_of(workspace.fetch(answers), label, slope));
    if (step == steps || !std::isfinite(losses.back())) break;
    plan->backward(workspace, views, weights, RunKey{}, {{answers, std::as_const(slope).view()}});
    double squares = 0;
    for (const Parameter& parameter : form.parameters) {
      const double norm = norm_of(workspace.gradient(parameter.name));
      squares += norm * norm;
    }
    const double norm = std::sqrt(squares);
    const double shorter = clip > 0 && norm > clip ? clip / norm : 1;
    for (const Parameter& parameter : form.parameters) {
      const auto* gradient = workspace.gradient(parameter.name).as<double>();
      double* values = weights.at(parameter.name).data<double>();
      for (std::int64_t i = 0; i < parameter.shape.elements(); ++i) {
        values[i] -= rate * shorter * gradient[i];
      }
    }
  }
  return losses;
}

}  // namespace striate
