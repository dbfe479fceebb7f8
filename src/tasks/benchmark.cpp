#include "striate/tasks/benchmark.h"

#include <algorithm>
#include <chrono>

#include "striate/base/random.h"
#include "striate/base/threads.h"
#include "striate/device/peak.h"
#include "striate/graph/rewrite.h"
#include "striate/nn/builder.h"
#include "striate/nn/initialize.h"
#include "striate/tasks/networks.h"
#include "striate/train/optimizer.h"

namespace striate {
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

std::int64_t bytes_of(const ValueInfo& info) {
  return info.absent ? 0 : info.shape.elements() * static_cast<std::int64_t>(size_of(info.dtype));
}

// A network, its plan, and what a run of it needs.
class Run {
 public:
  Run(const ModelRow& model, const ModelSize& size, std::shared_ptr<const Device> device,
      const BenchmarkOptions& options)
      : options_(options), device_(std::move(device)) {
    graph_ = model.build(size);
    const Shape shape = input_shape(graph_, size, options.batch);
    const Shape scores = infer_shapes(graph_, {{"input", shape}}).at("logits").shape;
    graph_ = options.training ? with_classification_loss(std::move(graph_))
                              : inference_form(std::move(graph_));
    shapes_["input"] = shape;
    pictures_ = Tensor(DType::f32, shape);
    Random random({.seed = 1, .purpose = purpose_of("bench"), .step = 0}, 0);
    for (float& value :
         std::span(pictures_.data<float>(), static_cast<std::size_t>(shape.elements()))) {
      value = static_cast<float>(random.uniform(-1, 1));
    }
    inputs_["input"] = pictures_.view();
    if (options.training) {
      Shape& labels = shapes_["labels"];
      for (int axis = 0; axis < scores.rank(); ++axis) {
        if (axis != 1) labels.push_back(scores[axis]);
      }
      labels_ = Tensor(DType::i64, labels);
      for (std::int64_t i = 0; i < labels_.elements(); ++i) {
        labels_.data<std::int64_t>()[i] = random.below(static_cast<std::uint32_t>(size.classes));
      }
      inputs_["labels"] = labels_.view();
    }
    weights_ = initialize(graph_, 1);
    std::vector<std::string> differentiate;
    if (options.training) differentiate.emplace_back("loss");
    plan_ = Plan::compile(graph_, device_, shapes_, {.differentiate = differentiate});
    if (!options.training) prepared_ = plan_->prepare(weights_);
    workspace_ = std::make_unique<Workspace>(plan_);
  }

  const Plan& plan() const { return *plan_; }
  /// The graph that the plan runs.
  Graph fused() const {
    const ValueInfos infos = infer_shapes(graph_, shapes_);
    return options_.training ? fuse_for_training(graph_, infos, *device_)
                             : fuse_for_inference(graph_, infos, *device_);
  }
  const Shapes& shapes() const { return shapes_; }

  // One run or step; returns the seconds of the optimizer.
  template <class Observe>
  double step(const Observe& observe) {
    RunOptions options{.key = {.seed = 1, .step = ++step_}, .cancel = options_.cancel};
    options.observe = observe(false);
    if (prepared_) {
      plan_->forward(*workspace_, inputs_, *prepared_, options);
      return 0;
    }
    plan_->forward(*workspace_, inputs_, weights_, options);
    options.observe = observe(true);
    plan_->backward(*workspace_, inputs_, weights_, options);
    const Clock::time_point start = Clock::now();
    // So small a step that random labels never make the weights diverge.
    optimizer_.step(*device_, graph_, weights_, *workspace_, 1e-6);
    plan_->update_state(*workspace_, weights_);
    return since(start);
  }
  double step() {
    return step([](bool) { return decltype(RunOptions::observe){}; });
  }

  // Calls `work` until the time is over; at least five times.
  template <class Work>
  int repeat(const Work& work) const {
    int runs = 0;
    for (const Clock::time_point begin = Clock::now();
         runs < 5 || (since(begin) < options_.seconds && runs < 100000); ++runs) {
      work();
    }
    return runs;
  }

 private:
  const BenchmarkOptions& options_;
  std::shared_ptr<const Device> device_;
  Graph graph_;
  Shapes shapes_;
  Tensor pictures_, labels_;
  Inputs inputs_;
  Weights weights_;
  std::shared_ptr<const Plan> plan_;
  std::shared_ptr<const Prepared> prepared_;  // for inference
  std::unique_ptr<Workspace> workspace_;
  Optimizer optimizer_{{.name = "sgd", .momentum = 0.9}};
  std::uint64_t step_ = 0;
};

// What is measured of the layers, in the order in which they run first.
class Layers {
 public:
  explicit Layers(const Run& run) {
    const Graph graph = run.fused();
    const ValueInfos infos = infer_shapes(graph, run.shapes());
    for (const Node& node : graph.nodes) {
      const std::vector<ValueInfo> ins = operands(node.inputs, infos);
      const std::vector<ValueInfo> outs = operands(node.outputs, infos);
      Layer layer;
      layer.macs = operators().find(node.op).make(node.attributes)->cost(ins, outs).macs;
      for (const ValueInfo& info : ins) layer.bytes += bytes_of(info);
      for (const ValueInfo& info : outs) layer.bytes += bytes_of(info);
      known_[node.name] = layer;
    }
  }

  auto observer(bool backward) {
    last_ = Clock::now();
    return [this, backward](std::string_view name, std::string_view op,
                            std::span<const ConstView> written) {
      const double seconds = since(last_);
      Layer& layer = at(name, op);
      (backward ? layer.backward : layer.forward).push_back(seconds);
      if (!backward && layer.bytes == 0 && !written.empty() && written[0]) {
        // A value moved to another layout: read once, written once.
        layer.bytes =
            2 * written[0].shape.elements() * static_cast<std::int64_t>(size_of(written[0].dtype));
      }
      if (backward) {
        // The gradients of a product's two factors cost one more product each.
        layer.factors = 0;
        for (std::size_t i = 0; i < std::min<std::size_t>(2, written.size()); ++i) {
          layer.factors += written[i] ? 1 : 0;
        }
      }
      last_ = Clock::now();
    };
  }

  std::vector<LayerTime> times() const {
    std::vector<LayerTime> result;
    for (const std::string& name : order_) {
      const Layer& layer = known_.find(name)->second;
      result.push_back({.name = name,
                        .op = layer.op,
                        .forward = median(layer.forward),
                        .backward = median(layer.backward),
                        .macs = layer.macs * (1 + layer.factors),
                        .bytes = layer.bytes});
    }
    return result;
  }

 private:
  struct Layer {
    std::string op;
    std::int64_t macs = 0, bytes = 0;
    int factors = 0;
    std::vector<double> forward, backward;
  };

  Layer& at(std::string_view name, std::string_view op) {
    Layer& layer = known_[std::string(name)];
    if (layer.op.empty()) {
      layer.op = op;
      order_.emplace_back(name);
    }
    return layer;
  }

  std::map<std::string, Layer, std::less<>> known_;
  std::vector<std::string> order_;
  Clock::time_point last_;
};

}  // namespace

Benchmark benchmark(const ModelRow& model, const ModelSize& size,
                    const std::shared_ptr<const Device>& device, const BenchmarkOptions& options) {
  Run run(model, size, device, options);
  Benchmark result{.workspace_bytes = run.plan().workspace_bytes()};
  run.step();  // memory is touched for the first time
  // One pass with the observer counts a step's work, whether or not its layers are asked for.
  Layers layers(run);
  const auto observe = [&](bool backward) -> decltype(RunOptions::observe) {
    return layers.observer(backward);
  };
  run.step(observe);
  for (const LayerTime& layer : layers.times()) result.macs += layer.macs;
  const Threads threads(options.threads);
  std::vector<double> peaks{peak_gflops(threads)};
  std::vector<double> seconds;
  std::vector<double> optimizer;
  result.runs = run.repeat([&] {
    const Clock::time_point start = Clock::now();
    optimizer.push_back(run.step());
    seconds.push_back(since(start));
  });
  result.seconds = median(seconds);
  result.optimizer = median(optimizer);
  result.images_per_second = static_cast<double>(options.batch) / result.seconds;
  peaks.push_back(peak_gflops(threads));
  if (options.layers) {
    run.repeat([&] { run.step(observe); });
    result.layers = layers.times();
    peaks.push_back(peak_gflops(threads));
  }
  result.peak = median(peaks);
  return result;
}

}  // namespace striate
