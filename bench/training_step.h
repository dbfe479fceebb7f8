#pragma once

#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

namespace striate::bench {

/// Training steps of a model on pictures that lie ready in memory.
struct TrainingJob {
  std::string model = "cnn";
  std::int64_t batch = 256;
  int threads = 2;
  double seconds = 6;  ///< to measure for, at least; at least five steps
  std::string optimizer = "adam";
};

/// {"images_per_second", "peak_bytes", "workspace_bytes", "loss"} of this process.
nlohmann::json measure_training(const TrainingJob& job);

}  // namespace striate::bench
