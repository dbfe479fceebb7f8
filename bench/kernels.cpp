// How fast the convolutions and matrix products of the cpu device are, as a share of what the
// processor's multiply-add units can do. The machine's speed drifts, so each timing stands between
// two of register-only arithmetic, and the share is the median of theirs.

#include "device/cpu/kernels.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <hwy/targets.h>
#include <nlohmann/json.hpp>

#include "device/cpu/conv.h"
#include "device/cpu/matmul.h"
#include "peak.h"
#include "striate/base/memory.h"
#include "striate/base/random.h"

namespace striate::bench {
namespace {

// Measure the processor time of this process instead of the clock's: on a machine that others load,
// one thread's processor time is close to what it would take alone.
bool processor_time = false;
ConvMethod conv_method = ConvMethod::fastest;

double now() {
  timespec time{};
  clock_gettime(processor_time ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double seconds_of(const std::function<void()>& work) {
  const double start = now();
  work();
  return now() - start;
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// GFLOP/s of register-only multiply-adds on all threads at once.
double peak(const Threads& threads, std::int64_t rounds = 60000) {
  double operations = 0;
  const double seconds = seconds_of([&] {
    std::vector<double> each(static_cast<std::size_t>(threads.count()));
    threads.run(threads.count(),
                [&](std::int64_t i) { each[static_cast<std::size_t>(i)] = burn(rounds); });
    for (const double one : each) operations += one;
  });
  return operations / seconds / 1e9;
}

// GB/s read and written by copying a block larger than the caches.
double copy_bandwidth(const Threads& threads) {
  constexpr std::size_t kBytes = std::size_t{1} << 28;
  constexpr std::size_t kPieces = 64;
  const auto from = allocate(kBytes);
  const auto to = allocate(kBytes);
  std::vector<double> rates;
  for (int i = 0; i < 7; ++i) {
    rates.push_back(2.0 * kBytes / 1e9 / seconds_of([&] {
                      threads.run(kPieces, [&](std::int64_t piece) {
                        const auto at = piece * static_cast<std::ptrdiff_t>(kBytes / kPieces);
                        std::copy_n(from.get() + at, kBytes / kPieces, to.get() + at);
                      });
                    }));
  }
  return median(rates);
}

struct Rate {
  std::string name, algorithm;
  int threads = 0;
  double seconds = 0, gflops = 0, share = 0;
};

// `operations` are those of the plain algorithm, whichever runs: the rate is the effective one.
Rate measure(const Threads& threads, const std::string& name, const std::string& algorithm,
             double operations, const std::function<void()>& work) {
  work();
  std::vector<double> seconds;
  std::vector<double> shares;
  double spent = 0;
  double before = peak(threads);
  while (seconds.size() < 9 || (spent < 0.25 && seconds.size() < 200)) {
    seconds.push_back(seconds_of(work));
    spent += seconds.back();
    const double after = peak(threads);
    shares.push_back(operations / seconds.back() / 1e9 / (0.5 * (before + after)));
    before = after;
  }
  const double typical = median(seconds);
  return {name, algorithm, threads.count(), typical, operations / typical / 1e9, median(shares)};
}

Tensor random_tensor(const Shape& shape) {
  Tensor tensor(DType::f32, shape);
  Random random({.seed = 1, .purpose = purpose_of("bench"), .step = 0}, 0);
  float* data = tensor.data<float>();
  for (std::int64_t i = 0; i < tensor.elements(); ++i) {
    data[i] = static_cast<float>(random.uniform(-1, 1));
  }
  return tensor;
}

View map_of(Tensor& tensor) {
  View view = tensor.view();
  view.strides = dense_strides(view.shape, Layout::channels_last);
  return view;
}

struct Layer {
  std::string name;
  ConvGeometry g;
};

Layer conv(const char* what, std::int64_t n, std::int64_t c, std::int64_t size, std::int64_t o,
           std::int64_t kernel, std::int64_t stride = 1) {
  const std::int64_t pad = kernel / 2;
  const std::int64_t out = (size + 2 * pad - kernel) / stride + 1;
  return {fmt::format("{} {}x{}/{} {}->{} {}^2 n{}", what, kernel, kernel, stride, c, o, size, n),
          {.n = n,
           .c = c,
           .h = size,
           .w = size,
           .o = o,
           .oh = out,
           .ow = out,
           .r = kernel,
           .s = kernel,
           .stride_h = stride,
           .stride_w = stride,
           .pad_top = pad,
           .pad_left = pad}};
}

std::vector<Layer> layers() {
  return {
      conv("cnn", 256, 1, 28, 32, 3),          conv("cnn", 256, 32, 14, 64, 3),
      conv("resnet20", 128, 3, 32, 16, 3),     conv("resnet20", 128, 16, 32, 16, 3),
      conv("resnet20", 128, 16, 32, 32, 3, 2), conv("resnet20", 128, 32, 16, 32, 3),
      conv("resnet20", 128, 32, 16, 64, 3, 2), conv("resnet20", 128, 64, 8, 64, 3),
      conv("first", 1, 3, 224, 64, 7, 2),      conv("first", 8, 3, 224, 64, 7, 2),
      conv("large", 1, 64, 112, 64, 3),        conv("large", 8, 64, 112, 64, 3),
      conv("large", 1, 64, 56, 64, 3),         conv("large", 1, 128, 56, 128, 3),
      conv("large", 1, 256, 56, 256, 3),       conv("large", 1, 128, 28, 128, 3),
      conv("large", 1, 512, 28, 512, 3),       conv("large", 1, 256, 14, 256, 3),
      conv("large", 8, 64, 56, 64, 3),         conv("large", 8, 128, 28, 128, 3),
      conv("large", 1, 256, 28, 256, 3),       conv("large", 8, 256, 14, 256, 3),
      conv("large", 1, 512, 14, 512, 3),       conv("large", 8, 512, 14, 512, 3),
      conv("large", 1, 512, 7, 512, 3),        conv("large", 8, 512, 7, 512, 3),
      conv("point", 8, 64, 56, 256, 1),        conv("point", 8, 256, 56, 64, 1),
      conv("point", 8, 512, 28, 128, 1),       conv("point", 1, 1024, 14, 256, 1),
      conv("point", 8, 512, 14, 512, 1),       conv("point", 1, 512, 7, 512, 1),
  };
}

using Report = std::function<void(const Rate&)>;
using Wanted = std::function<bool(const std::string&)>;

void measure_conv(const Threads& threads, const Layer& layer, const Wanted& wanted,
                  const Report& report) {
  const ConvGeometry& g = layer.g;
  Tensor x = random_tensor({g.n, g.c, g.h, g.w});
  Tensor w = random_tensor({g.o, g.c / g.groups, g.r, g.s});
  Tensor y = random_tensor({g.n, g.o, g.oh, g.ow});
  const double operations =
      2.0 * static_cast<double>(g.n * g.oh * g.ow * g.o * (g.c / g.groups) * g.r * g.s);
  const auto scratch_of = [&](ConvPass pass) {
    return cpu_conv_scratch(threads, g, pass, conv_method);
  };
  const std::size_t bytes =
      std::max({scratch_of(ConvPass::forward), scratch_of(ConvPass::backward_data),
                scratch_of(ConvPass::backward_weights)});
  const auto block = allocate(bytes);
  const std::span<std::byte> scratch(block.get(), bytes);
  const auto one = [&](const char* title, ConvPass pass, const std::function<void()>& work) {
    const std::string name = layer.name + " " + title;
    const bool winograd = cpu_conv_method(g, pass, conv_method) == ConvMethod::winograd;
    if (wanted(name)) {
      report(measure(threads, name, winograd ? "winograd" : "product", operations, work));
    }
  };
  one("forward", ConvPass::forward, [&] {
    cpu_conv_forward(threads, g, map_of(x), w.view(), {}, map_of(y), scratch, conv_method);
  });
  one("backward-data", ConvPass::backward_data, [&] {
    cpu_conv_backward_data(threads, g, map_of(y), w.view(), map_of(x), false, scratch, conv_method);
  });
  one("backward-weights", ConvPass::backward_weights, [&] {
    cpu_conv_backward_weights(threads, g, map_of(x), map_of(y), w.view(), false, scratch,
                              conv_method);
  });
}

// The three products of a dense layer, y = x W^T, dx = dy W, dW = dy^T x.
void measure_dense(const Threads& threads, std::int64_t n, std::int64_t in, std::int64_t out,
                   const Wanted& wanted, const Report& report) {
  Tensor x = random_tensor({n, in});
  Tensor w = random_tensor({out, in});
  Tensor y = random_tensor({n, out});
  const auto turned = [](Tensor& t) {
    const View v = t.view();
    return View(v.data, v.dtype, {v.shape[1], v.shape[0]}, {v.stride(1), v.stride(0)});
  };
  const double operations = 2.0 * static_cast<double>(n * in * out);
  const std::size_t bytes =
      std::max({cpu_matmul_scratch(threads, n, out, in), cpu_matmul_scratch(threads, n, in, out),
                cpu_matmul_scratch(threads, out, in, n)});
  const auto block = allocate(bytes);
  const std::span<std::byte> scratch(block.get(), bytes);
  const auto one = [&](const char* pass, const std::function<void()>& work) {
    const std::string name = fmt::format("dense {}x{}x{} {}", n, in, out, pass);
    if (wanted(name)) report(measure(threads, name, "product", operations, work));
  };
  one("forward",
      [&] { cpu_matmul(threads, x.view(), turned(w), {}, y.view(), 1, false, scratch); });
  one("backward-data",
      [&] { cpu_matmul(threads, y.view(), w.view(), {}, x.view(), 1, false, scratch); });
  one("backward-weights",
      [&] { cpu_matmul(threads, turned(y), x.view(), {}, w.view(), 1, false, scratch); });
}

int run(int argc, char** argv) {
  CLI::App app("Speed of the cpu device's convolutions and matrix products.");
  bool json = false;
  std::vector<int> counts = {1, 2};
  std::string filter;
  app.add_flag("--json", json, "one JSON object instead of a table");
  app.add_option("--threads", counts, "numbers of threads to measure with")->delimiter(',');
  app.add_flag("--processor-time", processor_time,
               "measure one thread's processor time instead of the clock's: for a loaded machine");
  app.add_option("--filter", filter, "only the measurements whose name contains this");
  const std::map<std::string, ConvMethod> methods = {{"fastest", ConvMethod::fastest},
                                                     {"plain", ConvMethod::plain},
                                                     {"winograd", ConvMethod::winograd}};
  app.add_option("--conv", conv_method, "how to convolve: fastest, plain or winograd")
      ->transform(CLI::CheckedTransformer(methods));
  std::string instruction_set;
  app.add_option("--instruction-set", instruction_set, "AVX2 or AVX3 (AVX-512) instead of the best")
      ->check(CLI::IsMember({"AVX2", "AVX3"}));
  CLI11_PARSE(app, argc, argv);
  if (!instruction_set.empty()) {
    hwy::SetSupportedTargetsForTest(instruction_set == "AVX2" ? HWY_AVX2 : HWY_AVX3);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
  if (processor_time) counts = {1};

  nlohmann::json result;
  result["instruction_set"] = cpu::kernels().name;
  const Wanted wanted = [&](const std::string& name) {
    return name.find(filter) != std::string::npos;
  };
  for (const int count : counts) {
    const Threads threads(count);
    std::vector<double> peaks;
    for (int i = 0; i < 15; ++i) peaks.push_back(peak(threads, 1000000));
    const double copied = copy_bandwidth(threads);
    result["machine"].push_back(
        {{"threads", count}, {"peak_gflops", median(peaks)}, {"copy_gbytes", copied}});
    if (!json) {
      fmt::print("{} threads, {}: peak {:.0f} GFLOP/s, copy {:.1f} GB/s\n", count,
                 cpu::kernels().name, median(peaks), copied);
    }
    const Report report = [&](const Rate& rate) {
      result["rates"].push_back({{"name", rate.name},
                                 {"algorithm", rate.algorithm},
                                 {"threads", rate.threads},
                                 {"seconds", rate.seconds},
                                 {"gflops", rate.gflops},
                                 {"share_of_peak", rate.share}});
      if (json) return;
      fmt::print("{:<52} {:<8} {:9.3f} ms {:7.1f} GFLOP/s {:5.1f} %\n", rate.name, rate.algorithm,
                 rate.seconds * 1e3, rate.gflops, rate.share * 100);
      std::fflush(stdout);
    };
    for (const Layer& layer : layers()) {
      if (wanted(layer.name + " forward") || wanted(layer.name + " backward-data") ||
          wanted(layer.name + " backward-weights")) {
        measure_conv(threads, layer, wanted, report);
      }
    }
    measure_dense(threads, 256, 3136, 1024, wanted, report);
    measure_dense(threads, 256, 1024, 10, wanted, report);
    measure_dense(threads, 8, 4096, 4096, wanted, report);
    measure_dense(threads, 1, 4096, 4096, wanted, report);
  }
  if (json) fmt::print("{}\n", result.dump(2));
  return 0;
}

}  // namespace
}  // namespace striate::bench

int main(int argc, char** argv) { return striate::bench::run(argc, argv); }
