#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "striate/train/loop.h"

namespace striate {

/// A training run on disk: one safetensors file with the weights as `weights/NAME`, the optimizer's
/// state as `optimizer/SLOT/NAME`, and the counters and options as JSON in its metadata, with a
/// checksum over it all.
struct Checkpoint {
  TrainState state;
  /// What else travels with it (the model's name, class names), as in a file of weights alone.
  std::map<std::string, std::string> metadata;
};

/// Replaces `path`, whole or not at all. Throws SystemError and leaves the old file as it was.
void save_checkpoint(const std::filesystem::path& path, const TrainState& state,
                     const std::map<std::string, std::string>& metadata = {});

/// Whether a safetensors file with this metadata is a checkpoint.
bool is_checkpoint(const std::map<std::string, std::string>& metadata);

/// The state, in memory of its own. Throws InputError for a file that is not a whole checkpoint.
/// Whether weights and optimizer state fit a graph is seen by `train`.
Checkpoint load_checkpoint(const std::filesystem::path& path);

}  // namespace striate
