// What moves more than it computes, against the bandwidth of a copy. Each operand counts once.

#include <fmt/format.h>

#include "device/cpu/primitives.h"
#include "measure.h"
#include "striate/base/memory.h"
#include "striate/ops/operator.h"

namespace striate::bench {
namespace {

constexpr double kTarget = 0.7;

// Operands of one size: a map [n, c, h, w].
class Maps {
 public:
  Maps(Bench& bench, const char* what, const Shape& shape)
      : bench_(bench),
        what_(what),
        shape_(shape),
        x_(random_tensor(shape)),
        dy_(random_tensor(shape)),
        y_(random_tensor(shape)),
        vector_{random_tensor({shape[1]}), random_tensor({shape[1]}), random_tensor({shape[1]}),
                random_tensor({shape[1]})} {
    for (float& value : std::span(vector_[1].data<float>(), static_cast<std::size_t>(shape[1]))) {
      value = value * value + 0.5F;
    }
  }

  void add_all() {
    add_elementwise("relu", Function::relu, 1);
    add_elementwise("relu gradient", Function::relu_grad, 2);
    add_elementwise("add", Function::add, 2);
    add_elementwise("leaky relu", Function::leaky_relu, 1, {0.1});
    add_elementwise("sigmoid", Function::sigmoid, 1);
    add_elementwise("tanh", Function::tanh, 1);
    add_elementwise("exp", Function::exp, 1);
    add_elementwise("elu", Function::elu, 1, {1.0, 1.0});
    add_elementwise("elu gradient", Function::elu_grad, 2, {1.0, 1.0});
    add_elementwise("softplus", Function::softplus, 1);
    add_elementwise("softplus gradient", Function::softplus_grad, 2);
    add("add bias", 2, [&](const Threads& t) {
      View bias = vector_[0].view();
      bias.shape = shape_;
      bias.strides = {0, 1, 0, 0};
      const std::array<ConstView, 2> in{map_of(x_), bias};
      cpu_elementwise(t, Function::add, in, map_of(y_), {}, false);
    });
    add("sum of channels", 1, [&](const Threads& t) {
      View sum = vector_[3].view();
      sum.shape = {1, shape_[1], 1, 1};
      sum.strides = dense_strides(sum.shape);
      cpu_reduce_sum(t, map_of(x_), sum, 1e-6, false);
    });
    add("rows to channels last", 2,
        [&](const Threads& t) { cpu_copy(t, x_.view(), map_of(y_), false); });
    add("channels last to rows", 2,
        [&](const Threads& t) { cpu_copy(t, map_of(x_), y_.view(), false); });
    add_norm();
    add_pool(2, 2);
    add_pool(3, 2);
    add("dropout", 2, [&](const Threads& t) {
      cpu_dropout(t, map_of(x_), map_of(y_), {}, 0.5, {.seed = 1}, false);
    });
    add("dropout of rows", 2, [&](const Threads& t) {
      cpu_dropout(t, x_.view(), y_.view(), {}, 0.5, {.seed = 1}, false);
    });
    // Of positive numbers from here on.
    for (float& value : std::span(x_.data<float>(), static_cast<std::size_t>(shape_.elements()))) {
      value = value * value + 0.01F;
    }
    add_elementwise("log", Function::log, 1);
    add_elementwise("power -0.75", Function::power, 1, {-0.75});
    add_elementwise("power -0.6", Function::power, 1, {-0.6});
  }

 private:
  double bytes() const { return 4.0 * static_cast<double>(shape_.elements()); }

  // `maps`: how many maps of this size are read and written.
  void add(const std::string& title, double maps, const std::function<void(const Threads&)>& run) {
    bench_.add({.name = fmt::format("{} {} {}", title, what_, shape_.str()),
                .algorithm = "",
                .unit = Kernel::Unit::bytes,
                .work = maps * bytes(),
                .target = kTarget,
                .relative_to = "",
                .run = run});
  }

  void add_elementwise(const char* title, Function f, int inputs,
                       const std::vector<double>& parameters = {}) {
    add(title, inputs + 1, [&, f, inputs, parameters](const Threads& t) {
      const std::array<ConstView, 2> in{map_of(x_), map_of(dy_)};
      cpu_elementwise(t, f, std::span(in).first(static_cast<std::size_t>(inputs)), map_of(y_),
                      parameters, false);
    });
  }

  void add_norm() {
    const Device::BatchNorm norm{.mean = vector_[0].view(),
                                 .variance = vector_[1].view(),
                                 .scale = vector_[2].view(),
                                 .bias = vector_[3].view(),
                                 .slope = 0};
    add("batch norm statistics", 1, [&](const Threads& t) {
      Tensor mean({DType::f32}, {shape_[1]});
      Tensor variance({DType::f32}, {shape_[1]});
      cpu_batch_norm_statistics(t, map_of(x_), mean.view(), variance.view());
    });
    add("batch norm + relu", 2,
        [&, norm](const Threads& t) { cpu_batch_norm_apply(t, map_of(x_), norm, map_of(y_)); });
    // x and dy are read for the sums, and again for dx.
    add("batch norm + relu backward", 5, [&, norm](const Threads& t) {
      cpu_batch_norm_backward(t, map_of(x_), map_of(dy_), norm,
                              {.dx = map_of(y_), .dscale = {}, .dbias = {}});
    });
  }

  void add_pool(std::int64_t size, std::int64_t stride) {
    const std::int64_t out = (shape_[2] - size) / stride + 1;
    const PoolGeometry g{.n = shape_[0],
                         .c = shape_[1],
                         .h = shape_[2],
                         .w = shape_[3],
                         .oh = out,
                         .ow = out,
                         .r = size,
                         .s = size,
                         .stride_h = stride,
                         .stride_w = stride};
    Tensor y = random_tensor({g.n, g.c, out, out});
    Tensor indices(DType::i32, y.shape());
    const auto map_of_indices = [&] {
      View view = indices.view();
      view.strides = dense_strides(view.shape, Layout::channels_last);
      return view;
    };
    const double part = static_cast<double>(y.elements()) / static_cast<double>(shape_.elements());
    const std::string kind = fmt::format("pool {}x{}/{}", size, size, stride);
    add("max " + kind, 1 + 2 * part, [&](const Threads& t) {
      cpu_max_pool_forward(t, g, map_of(x_), map_of(y), map_of_indices());
    });
    add("max " + kind + " backward", 1 + 2 * part, [&](const Threads& t) {
      cpu_max_pool_backward(t, g, map_of(y), map_of_indices(), map_of(dy_), false);
    });
    add("average " + kind, 1 + part,
        [&](const Threads& t) { cpu_average_pool_forward(t, g, map_of(x_), map_of(y)); });
    add("average " + kind + " backward", 1 + part,
        [&](const Threads& t) { cpu_average_pool_backward(t, g, map_of(y), map_of(dy_), false); });
  }

  Bench& bench_;
  std::string what_;
  Shape shape_;
  Tensor x_, dy_, y_;
  std::array<Tensor, 4> vector_;
};

void add_softmax(Bench& bench, std::int64_t n, std::int64_t classes) {
  Tensor x = random_tensor({n, classes});
  Tensor y = random_tensor({n, classes});
  bench.add({.name = fmt::format("softmax {}x{}", n, classes),
             .algorithm = "",
             .unit = Kernel::Unit::bytes,
             .work = 8.0 * static_cast<double>(n * classes),
             .target = kTarget,
             .relative_to = "",
             .run = [&](const Threads& t) { cpu_softmax_forward(t, x.view(), y.view(), false); }});
}

void add_adam(Bench& bench, std::int64_t count) {
  Tensor parameter = random_tensor({count});
  Tensor gradient = random_tensor({count});
  Tensor mean = random_tensor({count});
  Tensor square(DType::f32, {count});
  bench.add({.name = fmt::format("adam {}", count),
             .algorithm = "",
             .unit = Kernel::Unit::bytes,
             .work = 7 * 4.0 * static_cast<double>(count),
             .target = kTarget,
             .relative_to = "",
             .run = [&](const Threads& t) {
               const std::array<View, 2> state{mean.view(), square.view()};
               OptimizerStep rule;
               rule.rule = OptimizerStep::Rule::adam;
               rule.lr = 1e-6;
               cpu_optimizer_step(t, rule, parameter.view(), gradient.view(), state);
             }});
}

// Made of other primitives by its operator, so it is the operator that runs.
void add_lrn(Bench& bench, const Shape& shape) {
  Tensor x = random_tensor(shape);
  Tensor y = random_tensor(shape);
  const std::shared_ptr<const Operator> op = operators().find("LRN").make(
      {{"size", std::int64_t{5}}, {"alpha", 1e-4}, {"beta", 0.75}, {"bias", 2.0}});
  bench.add(
      {.name = fmt::format("lrn in memory {}", shape.str()),
       .algorithm = "",
       .unit = Kernel::Unit::bytes,
       .work = 8.0 * static_cast<double>(shape.elements()),
       .target = kTarget,
       .relative_to = "",
       .run = [&x, &y, op](const Threads& t) {
         static std::map<int, std::unique_ptr<Device>> devices;
         auto& device = devices[t.count()];
         if (!device) device = make_cpu_device(t.count());
         const ValueInfo info{.dtype = DType::f32, .shape = x.shape()};
         const std::size_t bytes = op->traits(*device, {&info, 1}, {&info, 1}).forward_scratch;
         static std::shared_ptr<std::byte[]> block = allocate(bytes);
         const ConstView in = map_of(x);
         const View out = map_of(y);
         op->forward({.device = *device,
                      .inputs = {&in, 1},
                      .outputs = {&out, 1},
                      .saved = {},
                      .scratch = {block.get(), bytes},
                      .key = {}});
       }});
}

}  // namespace

void add_memory_bound(Bench& bench) {
  Maps(bench, "in memory", {256, 32, 28, 28}).add_all();
  Maps(bench, "in cache", {1, 64, 28, 28}).add_all();
  add_lrn(bench, {32, 96, 27, 27});
  add_softmax(bench, 256, 10);
  add_softmax(bench, 256, 1000);
  add_adam(bench, 3 << 20);
}

}  // namespace striate::bench
