#include "measure.h"

#include <algorithm>
#include <cstdio>
#include <ctime>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "device/cpu/kernels.h"
#include "peers.h"
#include "striate/base/memory.h"
#include "striate/base/random.h"
#include "striate/device/peak.h"

namespace striate::bench {
namespace {

double now(bool processor_time) {
  timespec time{};
  clock_gettime(processor_time ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

}  // namespace

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

// A number of threads, and what the machine does with it.
struct Bench::Machine {
  Machine(int count, bool processor_time) : threads(count), processor(processor_time) {
    const std::size_t bytes = std::size_t{1} << 28;
    from = allocate(bytes);
    to = allocate(bytes);
    for (int i = 0; i < 15; ++i) peaks.push_back(peak(1000000));
    for (int i = 0; i < 7; ++i) copies.push_back(copied(bytes));
  }

  double gflops() const { return median(peaks); }
  double gbytes() const { return median(copies); }

  double seconds_of(const std::function<void()>& work) const {
    const double start = now(processor);
    work();
    return now(processor) - start;
  }

  // GFLOP/s of register-only multiply-adds on all threads at once.
  double peak(std::int64_t rounds = 60000) const {
    double operations = 0;
    const double seconds = seconds_of([&] {
      std::vector<double> each(static_cast<std::size_t>(threads.count()));
      threads.run(threads.count(),
                  [&](std::int64_t i) { each[static_cast<std::size_t>(i)] = burn(rounds); });
      for (const double one : each) operations += one;
    });
    return operations / seconds / 1e9;
  }

  // GB/s read and written by copying a block.
  double copied(std::size_t bytes) const {
    constexpr std::int64_t kPieces = 64;
    const auto piece = static_cast<std::ptrdiff_t>(bytes / kPieces);
    return 2.0 * static_cast<double>(bytes) / 1e9 / seconds_of([&] {
             threads.run(kPieces, [&](std::int64_t i) {
               std::copy_n(from.get() + i * piece, piece, to.get() + i * piece);
             });
           });
  }

  // What the machine does of a unit just now, in 1e9 a second: its speed drifts.
  double able(Kernel::Unit unit) {
    const bool operations = unit == Kernel::Unit::operations;
    std::vector<double>& all = operations ? peaks : copies;
    all.push_back(operations ? peak() : copied(std::size_t{1} << 25));
    return all.back();
  }

  Threads threads;
  bool processor;
  std::vector<double> peaks, copies;
  std::shared_ptr<std::byte[]> from, to;
};

struct Bench::Result {
  Kernel kernel;
  struct At {
    int threads;
    double seconds, rate, share;
  };
  std::vector<At> at;
  std::string note;
};

Bench::Bench(Options options) : options_(std::move(options)) {
  if (options_.processor_time) options_.threads = {1};
  for (const int count : options_.threads) {
    machines_.push_back(std::make_unique<Machine>(count, options_.processor_time));
    const Machine& machine = *machines_.back();
    if (options_.json) continue;
    fmt::print("{} thread{}, {}: peak {:.0f} GFLOP/s, copy {:.1f} GB/s\n", count,
               count == 1 ? "" : "s", cpu::kernels().name, machine.gflops(), machine.gbytes());
  }
  if (options_.json) return;
  fmt::print("\n{:<50} {:<9}", "kernel", "");
  for (const auto& machine : machines_) {
    fmt::print("{:>10} {:>7} {:>7} ", fmt::format("{} thr. ms", machine->threads.count()), "G/s",
               "share");
  }
  fmt::print("\n");
}

Bench::~Bench() = default;

bool Bench::wants(const std::string& name) const {
  return name.find(options_.filter) != std::string::npos;
}

void Bench::add(const Kernel& kernel) {
  if (!wants(kernel.name)) return;
  Result result{.kernel = kernel, .at = {}, .note = {}};
  result.kernel.run = nullptr;
  for (const auto& machine : machines_) {
    const auto work = [&] { kernel.run(machine->threads); };
    work();
    // What is short is run several times over, on operands that the runs before left in the cache.
    constexpr double kShort = 5e-4;
    const int runs = static_cast<int>(std::clamp(kShort / machine->seconds_of(work), 1.0, 1000.0));
    std::vector<double> seconds;
    std::vector<double> shares;
    double spent = 0;
    double before = machine->able(kernel.unit);
    while (seconds.size() < 9 || (spent < 0.2 && seconds.size() < 200)) {
      if (runs > 1) work();
      const double taken = machine->seconds_of([&] {
        for (int i = 0; i < runs; ++i) work();
      });
      seconds.push_back(taken / runs);
      spent += taken;
      const double after = machine->able(kernel.unit);
      shares.push_back(kernel.work / seconds.back() / 1e9 / (0.5 * (before + after)));
      before = after;
    }
    const double typical = median(seconds);
    result.at.push_back({.threads = machine->threads.count(),
                         .seconds = typical,
                         .rate = kernel.work / typical / 1e9,
                         .share = median(shares)});
  }
  const Result::At& first = result.at.front();
  const Result::At& last = result.at.back();
  const auto note = [&](const std::string& text) {
    result.note += (result.note.empty() ? "" : "; ") + text;
  };
  const double worst = std::min(first.share, last.share);
  if (kernel.target > 0 && kernel.relative_to.empty() && worst < kernel.target) {
    note(fmt::format("short of {:.0f} %", 100 * kernel.target));
  }
  for (const Result& other : results_) {
    if (kernel.relative_to.empty() || other.kernel.name != kernel.relative_to) continue;
    const double ratio = first.share / other.at.front().share;
    note(fmt::format("{:.0f} % of forward{}", 100 * ratio, ratio < kernel.target ? ", short" : ""));
  }
  if (kernel.unit == Kernel::Unit::operations && first.threads == 1 && last.threads == 2) {
    // By the shares: a machine that lends its second processor elsewhere for a while would not be
    // the kernel's fault.
    const double gain =
        last.share / first.share * machines_.back()->gflops() / machines_.front()->gflops();
    note(fmt::format("x{:.2f}{}", gain, gain < 1.8 ? ", short of 1.8" : ""));
  }
  if (!options_.json) {
    fmt::print("{:<50} {:<9}", kernel.name, kernel.algorithm);
    for (const Result::At& at : result.at) {
      fmt::print("{:10.3f} {:7.1f} {:5.1f} % ", at.seconds * 1e3, at.rate, at.share * 100);
    }
    fmt::print(" {}\n", result.note);
    std::fflush(stdout);
  }
  results_.push_back(std::move(result));
}

void Bench::finish() {
  if (!options_.json) return;
  nlohmann::json all{{"instruction_set", cpu::kernels().name}};
  for (const auto& machine : machines_) {
    all["machine"].push_back({{"threads", machine->threads.count()},
                              {"peak_gflops", machine->gflops()},
                              {"copy_gbytes", machine->gbytes()}});
  }
  for (const Result& result : results_) {
    for (const Result::At& at : result.at) {
      const bool bytes = result.kernel.unit == Kernel::Unit::bytes;
      all["rates"].push_back({{"name", result.kernel.name},
                              {"algorithm", result.kernel.algorithm},
                              {"threads", at.threads},
                              {"seconds", at.seconds},
                              {bytes ? "gbytes" : "gflops", at.rate},
                              {bytes ? "share_of_copy" : "share_of_peak", at.share},
                              {"note", result.note}});
    }
  }
  fmt::print("{}\n", all.dump(2));
}

}  // namespace striate::bench
