#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "striate/base/files.h"
#include "striate/train/loop.h"

namespace striate {

/// One line of metrics: a JSON object with `epoch`, `global_step`, `loss`, `top1` where it was counted, `lr`, `seconds`,
/// `samples_per_second`, `validation_seconds`, each validation score as `validation_NAME`, and
/// `best_epoch` and `best_score` once there is a best. What is not finite is null.
std::string metrics_line(const EpochReport& report);

/// The epochs in a file of such lines, in its order; other lines are passed over. Throws InputError
/// where the file cannot be read.
std::vector<EpochReport> read_metrics(const std::filesystem::path& path);

/// Where a training run keeps its files, for one run at a time.
class RunFolder {
 public:
  /// Makes the folder where it is not there yet. Throws SystemError when that cannot be done, or
  /// another run is going on there.
  explicit RunFolder(std::filesystem::path path);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path config() const { return path_ / "config.toml"; }
  std::filesystem::path metrics() const { return path_ / "metrics.jsonl"; }
  std::filesystem::path checkpoint() const { return path_ / "checkpoint.safetensors"; }
  std::filesystem::path best() const { return path_ / "best.safetensors"; }

  /// Begins the metrics with those of the first `epochs` epochs that an earlier run left there: 0
  /// for a new run. Lines after them, and what is not a line of metrics, go. Throws SystemError where
  /// the file cannot be written.
  void keep_metrics(std::int64_t epochs);
  /// Adds a line; the file is replaced whole, so that no line is ever half there.
  void append_metrics(const EpochReport& report);

 private:
  std::filesystem::path path_;
  std::unique_ptr<FolderLock> lock_;
  std::string lines_;
};

}  // namespace striate
