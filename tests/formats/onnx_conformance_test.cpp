// Every node, converted and operator case of libonnx-testdata whose operators are ours, on both
// devices, against the results that come with it. What does not run is listed with its reason, and
// a reason that is not in the table below is a failure.

#include <filesystem>
#include <iostream>
#include <map>

#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "striate/formats/onnx_cases.h"

namespace striate {
namespace {

namespace fs = std::filesystem;

const fs::path kCases = "/usr/share/libonnx-testdata/data";

// What may keep a case from running: part of the error, and what it means.
struct Reason {
  const char* error;
  const char* meaning;
};
constexpr Reason kReasons[] = {
    {"operators that are not supported", "operators that are not among ours"},
    {"tensors of type", "types other than float32 and the integers of shapes"},
    {"is no tensor: this is not supported", "types other than tensors"},
    {"expected an input N,C,W or N,C,H,W", "three-dimensional convolution and pooling"},
    {"expected floating-point operands, or int64 ones", "arithmetic on integers"},
    {"of floating-point numbers, got", "arithmetic on integers"},
    {"the cpu device computes in float32", "float64, which the cpu device has not"},
    {"to: expected float32 (1)", "types other than float32 and the integers of shapes"},
    {"tf_crop_and_resize", "regions of interest"},
    {"by another generator than ours", "random numbers of another generator"},
};

const char* reason_of(const std::string& error) {
  for (const Reason& reason : kReasons) {
    if (error.find(reason.error) != std::string::npos) return reason.meaning;
  }
  return nullptr;
}

void run_cases(const char* kind, int at_least) {
  if (!fs::exists(kCases)) GTEST_SKIP() << kCases << " is absent: install libonnx-testdata";
  const std::vector<std::shared_ptr<const Device>> devices = {make_reference_device(),
                                                              make_cpu_device(2)};
  std::map<std::string, std::vector<std::string>> left_out;
  int ran = 0;
  for (const OnnxCase& test : find_onnx_cases(kCases / kind)) {
    int passed = 0;
    for (const auto& device : devices) {
      const OnnxCaseResult result = run_onnx_case(test, device);
      EXPECT_NE(result.verdict, Verdict::fail)
          << test.name << " on " << device->name() << ": " << result.why;
      if (result.verdict == Verdict::pass) {
        ++passed;
        continue;
      }
      const char* reason = reason_of(result.why);
      EXPECT_NE(reason, nullptr) << test.name << ": " << result.why;
      left_out[reason == nullptr ? "FAULTS" : reason].push_back(test.name.substr(5));
      break;
    }
    if (passed == 2) ++ran;
  }
  std::cout << "ONNX " << kind << " cases: " << ran
            << " pass on the reference and the cpu device\n";
  for (const auto& [reason, names] : left_out) {
    std::cout << "  " << names.size() << " left out: " << reason << ": "
              << fmt::format("{}", fmt::join(names, " ")) << "\n";
  }
  EXPECT_GE(ran, at_least);
}

TEST(OnnxConformance, EveryNodeCaseOfOurOperators) { run_cases("node", 434); }
TEST(OnnxConformance, EveryConvertedCaseOfOurOperators) { run_cases("pytorch-converted", 1); }
TEST(OnnxConformance, EveryOperatorCaseOfOurOperators) { run_cases("pytorch-operator", 1); }

}  // namespace
}  // namespace striate
