#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "striate/device/device.h"

namespace striate {

/// A network with inputs and the outputs that it must give, as ONNX's own tests lie on disk: a
/// folder with model.onnx and test_data_set_0, …, each with input_0.pb, … and output_0.pb, …; or
/// NAME.onnx beside NAME_output_0.pb, …, whose inputs of n numbers are 0/n, 1/n, … (n-1)/n.
struct OnnxCase {
  std::string name;  ///< its path below the folder that was searched
  std::filesystem::path model;
  std::vector<std::filesystem::path> sets;  ///< folders; empty for the second form
};

/// The cases in a folder and all folders below it, by name. Throws InputError where there are none.
std::vector<OnnxCase> find_onnx_cases(const std::filesystem::path& folder);

enum class Verdict : std::uint8_t { pass, fail, unsupported };
std::string_view name_of(Verdict verdict);

struct OnnxCaseResult {
  Verdict verdict = Verdict::pass;
  std::string why;  ///< empty for a pass
};

/// Runs a case. Outputs agree where types and shapes are the same and each number is within
/// 1e-5 + 1e-4 |expected| (infinities and NaN the same; 6e-5 for RoiAlign's, which come rounded). Unsupported is what the reader or the
/// compiler refuses with a ModelError, and results that hang on another generator's random numbers.
OnnxCaseResult run_onnx_case(const OnnxCase& test, const std::shared_ptr<const Device>& device);

}  // namespace striate
