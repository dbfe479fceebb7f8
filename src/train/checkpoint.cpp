#include "striate/train/checkpoint.h"

#include <zlib.h>

#include "striate/formats/safetensors.h"
#include "train/fields_json.h"

namespace striate {
namespace {

constexpr std::string_view kWeights = "weights/";
constexpr std::string_view kOptimizer = "optimizer/";
// Metadata that the checkpoint keeps to itself.
constexpr const char* kState = "striate.train_state";
constexpr const char* kOptions = "striate.train_options";
constexpr const char* kChecksum = "striate.checksum";

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

// Over everything in the file but itself: a flipped bit in a weight would not show otherwise.
std::string checksum(const SafeTensors& file) {
  uLong sum = crc32(0, nullptr, 0);
  const auto add = [&](const void* data, std::size_t bytes) {
    sum = crc32_z(sum, static_cast<const Bytef*>(data), bytes);
  };
  const auto add_text = [&](std::string_view text) {
    add(text.data(), text.size());
    add("", 1);
  };
  for (const auto& [key, value] : file.metadata) {
    if (key == kChecksum) continue;
    add_text(key);
    add_text(value);
  }
  for (const auto& [name, tensor] : file.tensors) {
    add_text(name);
    add_text(name_of(tensor.dtype()));
    add_text(tensor.shape().str());
    add(tensor.raw().data(), tensor.bytes());
  }
  return fmt::format("crc32:{:08x}", sum);
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
  file.metadata[kChecksum] = checksum(file);
  save_safetensors(path, file);
}

bool is_checkpoint(const std::map<std::string, std::string>& metadata) {
  return metadata.contains(kState);
}

Checkpoint load_checkpoint(const std::filesystem::path& path) {
  SafeTensors file = load_safetensors(path);
  // Whether it is whole is told last, and only where all else is as it should be.
  const auto found = file.metadata.find(kChecksum);
  const std::string given = found == file.metadata.end() ? "" : found->second;
  const std::string sum = checksum(file);
  if (found != file.metadata.end()) file.metadata.erase(found);
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
  if (!given.empty() && given != sum) {
    fail<InputError>("{}: damaged: expected the content of checksum {}, got {}", path.string(),
                     given, sum);
  }
  checkpoint.metadata = std::move(file.metadata);
  return checkpoint;
}

}  // namespace striate
