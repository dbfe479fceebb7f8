#include "cli/common.h"

#include <algorithm>
#include <cctype>
#include <csignal>
#include <map>
#include <sstream>

#include "striate/base/error.h"
#include "striate/base/files.h"
#include "striate/base/suggest.h"
#include "striate/data/registry.h"
#include "striate/tasks/networks.h"

namespace striate {
namespace {

std::atomic<bool> interrupted = false;

}  // namespace

const std::atomic<bool>& stop_when_interrupted() {
  for (const int signal : {SIGINT, SIGTERM}) {
    std::signal(signal, [](int number) {
      interrupted = true;
      std::signal(number, SIG_DFL);
    });
  }
  return interrupted;
}

std::shared_ptr<const Device> make_device(const DeviceOptions& options) {
  constexpr int kMost = 1024;
  if (options.threads < 0 || options.threads > kMost) {
    fail<InputError>("--threads: expected 0 to {}, got {}", kMost, options.threads);
  }
  const std::vector<std::string> methods{"fastest", "plain"};
  if (std::find(methods.begin(), methods.end(), options.conv) == methods.end()) {
    fail<InputError>("--conv: unknown method {}{}", options.conv,
                     suggestion(options.conv, methods));
  }
  return make_cpu_device(
      CpuOptions{.threads = options.threads, .winograd = options.conv == "fastest"});
}

std::vector<std::string> pictures_below(const std::filesystem::path& folder) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    std::string ending = entry.path().extension().string();
    std::transform(ending.begin(), ending.end(), ending.begin(), [](char c) {
      return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    });
    const bool picture = ending == ".png" || ending == ".jpg" || ending == ".jpeg";
    if (picture && entry.is_regular_file()) paths.push_back(entry.path().string());
  }
  if (paths.empty()) fail<InputError>("{}: expected PNG or JPEG files in it", folder.string());
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::vector<PictureJob> picture_jobs(const std::vector<std::string>& paths) {
  std::vector<PictureJob> jobs;
  std::map<std::filesystem::path, std::string> taken;
  const auto add = [&](const std::string& picture, const std::filesystem::path& name) {
    const std::filesystem::path stem = std::filesystem::path(name).replace_extension();
    const auto [other, fresh] = taken.emplace(stem, picture);
    if (!fresh) {
      fail<InputError>("{} and {}: both would be written as {}", other->second, picture,
                       stem.string());
    }
    jobs.push_back({picture, name});
  };
  for (const std::string& path : paths) {
    if (!std::filesystem::is_directory(path)) {
      add(path, std::filesystem::path(path).filename());
      continue;
    }
    for (const std::string& picture : pictures_below(path)) {
      add(picture, std::filesystem::relative(picture, path));
    }
  }
  return jobs;
}

void ClassifierSource::add_to(CLI::App& app) {
  app.add_option("MODEL", model, "a model file, or with --weights a model's name")->required();
  app.add_option("--weights", weights,
                 "file of the model's weights: .safetensors, .pth .pt .th, .onnx, .weights");
  app.add_option("--mean", mean, "one number a channel, where the weights carry none (0 to 1)")
      ->delimiter(',');
  app.add_option("--std", deviation, "the same for the deviation")->delimiter(',');
  app.add_option("--order", order,
                 "rgb or bgr: how the network takes colours, where the weights do not say")
      ->capture_default_str();
}

void ClassifierSource::add_cfg_to(CLI::App& app) {
  app.get_option("MODEL")->required(false);
  app.add_option("--cfg", cfg, "a network in darknet's format, with --weights, in place of MODEL");
  app.add_option("--names", names, "file of the classes' names, one a line");
}

void ClassifierSource::settle(std::vector<std::string>* rest) {
  if (!cfg.empty()) {
    if (!model.empty() && rest == nullptr) {
      fail<InputError>("--cfg {}: the network is {} already", cfg, model);
    }
    if (!model.empty()) rest->insert(rest->begin(), model);
    model = cfg;
    if (weights.empty()) fail<InputError>("{}: a network without weights: give --weights", cfg);
  }
  if (model.empty()) fail<InputError>("name a model file, or --cfg and --weights");
}

ModelCard ClassifierSource::defaults(std::string& file) const {
  const bool named = !weights.empty();
  file = named ? weights : model;
  if (!named && mean.empty() && deviation.empty()) {
    const bool is_name =
        !std::filesystem::exists(model) && model.find_first_of("./") == std::string::npos;
    if (is_name) {
      find_network(model);  // a misspelt name is told so
      fail<InputError>("{}: a model without weights: give --weights FILE or a model file", model);
    }
    return {};
  }
  ModelCard card;
  card.preprocessing.height = 0;
  card.preprocessing.mean = mean;
  card.preprocessing.deviation = deviation;
  card.preprocessing.order = order;
  if (named) {
    const Network network = find_network(model);
    const ModelRow& row = network.row;
    card.model = model;
    card.definition = network.definition;
    card.preprocessing = {.channels = row.natural.channels,
                          .height = row.natural.height,
                          .width = row.natural.width,
                          .mean = mean,
                          .deviation = deviation,
                          .order = order};
  }
  if (mean.size() != deviation.size()) {
    fail<InputError>("--mean and --std: expected as many numbers for both, got {} and {}",
                     mean.size(), deviation.size());
  }
  return card;
}

Classifier ClassifierSource::open(std::shared_ptr<const Device> device,
                                  const std::string& data) const {
  std::string file;
  ModelCard card = defaults(file);
  const bool given = !weights.empty() || !mean.empty() || !deviation.empty();
  if (given && !data.empty()) {
    const DatasetRow& row = datasets().find(data.substr(0, data.find(':')));
    if (row.height != 0) {
      card.preprocessing.channels = row.channels;
      card.preprocessing.height = row.height;
      card.preprocessing.width = row.width;
    }
    card.classes = open_dataset(data, Split::test)->classes();
  }
  return Classifier::load(file, std::move(device), card);
}

Segmenter ClassifierSource::open_segmenter(std::shared_ptr<const Device> device) const {
  std::string file;
  const ModelCard card = defaults(file);
  return Segmenter::load(file, std::move(device), card);
}

std::unique_ptr<Detector> ClassifierSource::open_detector(std::shared_ptr<const Device> device,
                                                          std::vector<std::string> classes) const {
  std::string file;
  ModelCard card = defaults(file);
  card.classes = std::move(classes);
  if (!names.empty()) {
    constexpr std::uint64_t kMost = std::uint64_t{1} << 24;
    const Bytes bytes = read_file(names, kMost);
    card.classes.clear();
    std::istringstream lines(std::string(bytes.begin(), bytes.end()));
    for (std::string line; std::getline(lines, line);) {
      while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
      if (!line.empty()) card.classes.push_back(line);
    }
    if (card.classes.empty()) fail<InputError>("{}: expected names of classes", names);
  }
  // Darknet's networks take the picture's numbers from 0 to 1 as they are.
  if (!card.definition.empty() && card.preprocessing.mean.empty()) {
    const auto channels = static_cast<std::size_t>(card.preprocessing.channels);
    card.preprocessing.mean.assign(channels, 0);
    card.preprocessing.deviation.assign(channels, 1);
  }
  return load_detector(file, std::move(device), card);
}

}  // namespace striate
