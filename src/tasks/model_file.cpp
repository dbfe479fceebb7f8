#include "striate/tasks/model_file.h"

#include <algorithm>

#include "striate/base/error.h"
#include "striate/base/files.h"
#include "striate/base/suggest.h"
#include "striate/codec/zip.h"
#include "striate/formats/darknet.h"
#include "striate/formats/onnx.h"
#include "striate/formats/pytorch.h"
#include "striate/formats/safetensors.h"
#include "striate/graph/rewrite.h"
#include "striate/nn/load.h"
#include "striate/tasks/classification/classifier.h"
#include "striate/tasks/networks.h"
#include "striate/train/checkpoint.h"

namespace striate {
namespace {

enum class Format : std::uint8_t { safetensors, pytorch, onnx, darknet, unknown };

Format format_of(const std::filesystem::path& path) {
  const std::string ending = path.extension().string();
  if (ending == ".safetensors") return Format::safetensors;
  if (ending == ".pth" || ending == ".pt" || ending == ".th") return Format::pytorch;
  if (ending == ".onnx") return Format::onnx;
  if (ending == ".weights") return Format::darknet;
  return Format::unknown;
}

bool counted(const std::string& name) { return !name.ends_with("num_batches_tracked"); }

// The last layer's, which alone changes with the classes.
std::string head_of(const Graph& graph) {
  for (auto parameter = graph.parameters.rbegin(); parameter != graph.parameters.rend();
       ++parameter) {
    if (parameter->name.ends_with(".bias") && parameter->shape.rank() == 1 &&
        !parameter->name.starts_with("aux")) {
      return parameter->name.substr(0, parameter->name.size() - 5);
    }
  }
  return "";
}

}  // namespace

ModelFile load_model_file(const std::filesystem::path& path, const Graph* network) {
  switch (format_of(path)) {
    case Format::pytorch:
      return {.weights = load_pytorch(path)};
    case Format::onnx: {
      OnnxModel model = load_onnx(path);
      return {.weights = std::move(model.weights),
              .metadata = std::move(model.metadata),
              .graph = std::move(model.graph)};
    }
    case Format::darknet:
      if (network == nullptr) {
        fail<InputError>("{}: darknet's weights have no names: name the .cfg file of their network",
                         path.string());
      }
      return {.weights = read_darknet_weights(read_file(path), *network, path.string())};
    case Format::safetensors:
    case Format::unknown:
      break;
  }
  const Bytes bytes = read_file(path);
  // Any other ending: PyTorch's files begin as zip archives or pickles do.
  const bool pytorch =
      is_zip(bytes) || (bytes.size() > 3 && bytes[0] == 0x80 && bytes[1] == 2 && bytes[2] == 0x8a);
  if (format_of(path) == Format::unknown && pytorch) {
    return {.weights = read_pytorch(bytes, path.string())};
  }
  SafeTensors file = read_safetensors(bytes, path.string());
  return {.weights = std::move(file.tensors), .metadata = std::move(file.metadata)};
}

void save_model_file(const std::filesystem::path& path, const ModelFile& file) {
  const Format format = format_of(path);
  if ((format == Format::onnx || format == Format::darknet) && !file.graph) {
    fail<InputError>("{}: such a file needs the network: name the model", path.string());
  }
  switch (format) {
    case Format::safetensors:
      return save_safetensors(path, {.tensors = file.weights, .metadata = file.metadata});
    case Format::pytorch:
      return save_pytorch(path, file.weights);
    case Format::onnx:
      return save_onnx(path,
                       {.graph = *file.graph, .weights = file.weights, .metadata = file.metadata});
    case Format::darknet:
      return write_file(path, write_darknet_weights(*file.graph, file.weights));
    case Format::unknown:
      break;
  }
  const std::vector<std::string> known{"safetensors", "pth", "pt", "th", "onnx", "weights"};
  const std::string ending = path.extension().string();
  fail<InputError>("{}: no format is known by this ending{}", path.string(),
                   suggestion(ending.substr(std::min<std::size_t>(1, ending.size())), known));
}

LikelyModel likely_model(const Weights& tensors) {
  constexpr double kNear = 0.4;
  double best = kNear;
  LikelyModel likely;
  const auto given = static_cast<double>(std::count_if(
      tensors.begin(), tensors.end(), [](const auto& entry) { return counted(entry.first); }));
  for (const ModelRow& row : models().rows()) {
    ModelSize size = row.natural;
    Graph graph = row.build(size);
    const std::string head = head_of(graph);
    if (tensors.contains(head + ".bias")) {
      const Shape& shape = tensors.at(head + ".bias").shape();
      constexpr std::int64_t kMost = 1 << 20;
      if (shape.rank() == 1 && shape[0] != size.classes && shape[0] > 0 && shape[0] <= kMost) {
        size.classes = shape[0];
        graph = row.build(size);
      }
    }
    double common = 0;
    double half = 0;
    for (const Parameter& parameter : graph.parameters) {
      if (!tensors.contains(parameter.name)) continue;
      (tensors.at(parameter.name).shape() == parameter.shape ? common : half) += 1;
    }
    const double all = static_cast<double>(graph.parameters.size()) + given - common - half;
    const double score = (common + half / 2) / std::max(all, 1.0);
    if (score <= best) continue;
    best = score;
    const auto wanted = static_cast<double>(inference_form(graph).parameters.size());
    likely = {
        .name = row.name, .exact = half == 0 && common == given && common >= wanted, .size = size};
  }
  return likely;
}

Weights pick_weights_for(const Graph& training, const Weights& tensors, std::string_view file,
                         std::vector<std::string>* notes) {
  const Graph inference = inference_form(training);
  Weights wanted;
  for (const auto& [name, tensor] : tensors) {
    const bool auxiliary =
        training.find_parameter(name) != nullptr && inference.find_parameter(name) == nullptr;
    if (!auxiliary) wanted[name] = tensor;
  }
  const auto meant = [&] {
    const std::string name = likely_model(tensors).name;
    return name == training.name ? std::string() : name;
  };
  return pick_weights(inference, wanted, file, meant, notes);
}

ModelFile load_trained_file(const std::filesystem::path& path, const Graph* network) {
  ModelFile file = load_model_file(path, network);
  if (is_checkpoint(file.metadata)) {
    fail<InputError>(
        "{}: a checkpoint of a training, expected a model, such as best.safetensors beside it",
        path.string());
  }
  return file;
}

Weights fit_card(ModelCard& card, const LikelyModel& likely, const Weights& tensors,
                 const std::string& file) {
  const ModelRow row = network_of(card).row;
  if (card.preprocessing.height == 0) {
    card.preprocessing.channels = row.natural.channels;
    card.preprocessing.height = row.natural.height;
    card.preprocessing.width = row.natural.width;
  }
  // The head says how many classes there are where no names came along.
  if (card.classes.empty()) {
    const std::int64_t classes =
        likely.name == card.model ? likely.size.classes : row.natural.classes;
    for (std::int64_t i = 0; i < classes; ++i) card.classes.push_back(std::to_string(i));
  }
  check(card.preprocessing);
  return pick_weights_for(row.build(size_of(card)), tensors, file);
}

}  // namespace striate
