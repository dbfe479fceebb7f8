#pragma once

#include <cstdint>
#include <string>

#include "cli/common.h"

namespace striate {

/// What `striate eval` was asked. Each task takes what it knows and refuses the rest.
struct EvalArguments {
  ClassifierSource source;
  std::string data;
  std::string split = "test";
  std::int64_t batch = 0;
  std::int64_t resize = -1;
  int crops = 1;
  std::string sheet;
  int sheet_pictures = 45;
  std::string matrix;
  DeviceOptions run;
};

void eval_classifier(const EvalArguments& arguments);
void eval_segmenter(const EvalArguments& arguments);
void eval_detector(const EvalArguments& arguments);
void eval_sequence(const EvalArguments& arguments);

}  // namespace striate
