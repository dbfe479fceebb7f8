// How fast the cpu device's kernels are, as a share of what the machine can do: convolutions and
// matrix products of the multiply-add peak, everything else of the bandwidth of a copy. The
// machine's speed drifts, so each timing stands between two of the machine's own, and the share is
// the median of theirs.

#include "device/cpu/kernels.h"

#include <CLI/CLI.hpp>
#include <hwy/targets.h>

#include "measure.h"

namespace striate::bench {
namespace {

int run(int argc, char** argv) {
  CLI::App app("Speed of the cpu device's kernels.");
  Bench::Options options;
  app.add_flag("--json", options.json, "one JSON object instead of a table");
  app.add_option("--threads", options.threads, "numbers of threads to measure with")
      ->delimiter(',');
  app.add_flag("--processor-time", options.processor_time,
               "measure one thread's processor time instead of the clock's: for a loaded machine");
  app.add_option("--filter", options.filter, "only the measurements whose name contains this");
  std::string conv = "fastest";
  app.add_option("--conv", conv, "how to convolve: fastest or plain")
      ->check(CLI::IsMember({"fastest", "plain"}));
  std::string instruction_set;
  app.add_option("--instruction-set", instruction_set, "AVX2 or AVX3 (AVX-512) instead of the best")
      ->check(CLI::IsMember({"AVX2", "AVX3"}));
  CLI11_PARSE(app, argc, argv);
  if (!instruction_set.empty()) {
    hwy::SetSupportedTargetsForTest(instruction_set == "AVX2" ? HWY_AVX2 : HWY_AVX3);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
  Bench bench(options);
  add_convolutions(bench, conv == "fastest");
  add_products(bench);
  add_memory_bound(bench);
  bench.finish();
  return 0;
}

}  // namespace
}  // namespace striate::bench

int main(int argc, char** argv) { return striate::bench::run(argc, argv); }
