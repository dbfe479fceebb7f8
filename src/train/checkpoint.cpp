#include "striate/train/checkpoint.h"

#include "striate/formats/safetensors.h"
#include "train/fields_json.h"

namespace striate {
namespace {

constexpr std::string_view kWeights = "weights/";
constexpr std::string_view kOptimizer = "optimizer/";
// Metadata that the checkpoint keeps to itself.
constexpr const char* kState = "striate.train_state";
constexpr const char* kOptions = "striate.train_options";

template <class Struct>
void read_fields(std::map<std::string, std::string>& metadata, const char* key, Struct& values,
                 const std::string& file) {
  const auto found = metadata.find(key);
  if (found == metadata.end()) {
    fail<InputError>("{}: not a training checkpoint: its metadata has no {}", file, key);
  }
  // A few dozen fields: anything longer is not ours, and not worth the memory of a JSON tree.
  constexpr std::size_t kLongest = std::size_t{1} << 16;
  const std::string where = file + ": " + key;
  if (found->second.size() > kLongest) fail<InputError>("{}: too long", where);
  const auto json = nlohmann::json::parse(found->second, nullptr, false);
  if (json.is_discarded()) fail<InputError>("{}: not JSON", where);
  fields_from_json(json, values, where);
  metadata.erase(found);
}

void check_counters(const TrainState& state, const std::string& file) {
  state.fields([&]<class Field>(std::string_view name, const Field& field, std::string_view) {
    if constexpr (std::is_same_v<Field, std::int64_t>) {
      if (field >= 0 && field < std::int64_t{1} << 48) return;
      fail<InputError>("{}: {}: {} cannot be", file, name, field);
    }
  });
}

}  // namespace

void save_checkpoint(const std::filesystem::path& path, const TrainState& state,
                     const std::map<std::string, std::string>& metadata) {
  SafeTensors file{.metadata = metadata};
  for (const auto& [name, tensor] : state.weights) {
    file.tensors[std::string(kWeights) + name] = tensor;
  }
  for (const auto& [name, tensor] : state.optimizer) {
    file.tensors[std::string(kOptimizer) + name] = tensor;
  }
  file.metadata[kState] = fields_to_json(state).dump();
  file.metadata[kOptions] = fields_to_json(state.options).dump();
  save_safetensors(path, file);
}

Checkpoint load_checkpoint(const std::filesystem::path& path) {
  SafeTensors file = load_safetensors(path);
  Checkpoint checkpoint;
  TrainState& state = checkpoint.state;
  read_fields(file.metadata, kState, state, path.string());
  read_fields(file.metadata, kOptions, state.options, path.string());
  check_counters(state, path.string());
  try {
    check(state.options);
  } catch (const InputError& error) {
    fail<InputError>("{}: {}", path.string(), error.what());
  }
  for (const auto& [name, tensor] : file.tensors) {
    if (name.starts_with(kWeights)) {
      state.weights[name.substr(kWeights.size())] = tensor;
    } else if (name.starts_with(kOptimizer)) {
      state.optimizer[name.substr(kOptimizer.size())] = tensor;
    } else {
      fail<InputError>("{}: tensor {} is neither a weight nor optimizer state", path.string(),
                       nlohmann::json(name).dump());
    }
  }
  checkpoint.metadata = std::move(file.metadata);
  return checkpoint;
}

}  // namespace striate
