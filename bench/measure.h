#pragma once

// Timing of kernels against what the machine can do, for bench_kernels.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "striate/base/threads.h"
#include "striate/tensor/tensor.h"

namespace striate::bench {

Tensor random_tensor(const Shape& shape);
/// A tensor's elements as a channels-last map.
View map_of(Tensor& tensor);

/// One kernel to measure. `work` is in operations (of the plain algorithm, whichever runs) or in
/// bytes read and written once each.
struct Kernel {
  enum class Unit : std::uint8_t { operations, bytes };
  std::string name, algorithm;
  Unit unit = Unit::operations;
  double work = 0;
  /// The share of the machine's peak that is aimed at; 0: none.
  double target = 0;
  /// Or the share of this other kernel's rate.
  std::string relative_to;
  std::function<void(const Threads&)> run;
};

/// Kernels are measured as they are added, on each number of threads, and reported.
class Bench {
 public:
  struct Options {
    std::vector<int> threads = {1, 2};
    std::string filter;
    bool processor_time = false;
    bool json = false;
  };
  explicit Bench(Options options);
  ~Bench();

  void add(const Kernel& kernel);
  /// Whether the filter lets any of a group's kernels through: their operands are made only then.
  bool wants(const std::string& name) const;
  /// Prints what is left to print.
  void finish();

 private:
  struct Machine;
  struct Result;
  Options options_;
  std::vector<std::unique_ptr<Machine>> machines_;
  std::vector<Result> results_;
};

void add_convolutions(Bench& bench, bool winograd);
void add_products(Bench& bench);
void add_memory_bound(Bench& bench);

}  // namespace striate::bench
