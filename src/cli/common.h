#pragma once

#include <atomic>
#include <cstdio>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/options.h"
#include "striate/base/fields.h"
#include "striate/tasks/classification/classifier.h"
#include "striate/tasks/classification/evaluate.h"
#include "striate/tasks/detection/detector.h"
#include "striate/tasks/segmentation/segmenter.h"

namespace striate {

/// JSON whose keys keep the order they were written in.
using Json = nlohmann::ordered_json;

inline void print(const std::string& text) { std::fputs(text.c_str(), stdout); }
inline void print(const Json& json) {
  print(json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n');
}
/// A share as "92.34 %".
inline std::string percent(double share) { return fmt::format("{:.2f} %", 100 * share); }

/// Options that every command which computes has.
struct DeviceOptions {
  int threads = 0;
  std::string conv = "fastest";
  bool json = false;

  STRIATE_FIELDS(visit("threads", threads,
                       "threads; 0: one for each processor; the result does not depend on it");
                 visit("conv", conv, "fastest, or plain: no Winograd, whose rounding is coarser");
                 visit("json", json, "print JSON for programs instead of text for people");)
};

/// From the first call on, true once the user has asked to stop (Ctrl-C, or SIGTERM); asked again,
/// the process ends at once.
const std::atomic<bool>& stop_when_interrupted();

/// Throws InputError for a number of threads that cannot be meant.
std::shared_ptr<const Device> make_device(const DeviceOptions& options);

/// The PNG and JPEG files in a folder and below it, in order of their names. Throws InputError where
/// there are none.
std::vector<std::string> pictures_below(const std::filesystem::path& folder);

/// A picture, and what is written of it is called: pictures out of a folder keep their place below it.
struct PictureJob {
  std::string picture;
  std::filesystem::path name;
};

/// Of pictures and folders of them. Throws InputError where two would be written under one name.
std::vector<PictureJob> picture_jobs(const std::vector<std::string>& paths);

/// Where a trained network comes from: MODEL is a model file, or a model's name with --weights.
struct ClassifierSource {
  std::string model;
  std::string cfg;
  std::string weights;
  std::string names;
  std::vector<double> mean;
  std::vector<double> deviation;
  std::string order = "rgb";

  void add_to(CLI::App& app);
  /// For commands that run detectors: MODEL may then be left out. `settle` after parsing.
  void add_cfg_to(CLI::App& app);
  /// Brings --cfg to MODEL's place; what stands there already goes to `rest`. Throws InputError.
  void settle(std::vector<std::string>* rest = nullptr);
  /// `data` names the dataset whose class names stand in where the weights carry none; may be
  /// empty. Throws InputError.
  Classifier open(std::shared_ptr<const Device> device, const std::string& data = "") const;
  Segmenter open_segmenter(std::shared_ptr<const Device> device) const;
  /// `classes` stand in where neither the weights nor --names name them; else they have numbers.
  std::unique_ptr<Detector> open_detector(std::shared_ptr<const Device> device,
                                          std::vector<std::string> classes = {}) const;

 private:
  /// What stands in where the file says nothing; the file goes to `file`.
  ModelCard defaults(std::string& file) const;
};

}  // namespace striate
