#include "striate/train/run_folder.h"

#include <cmath>
#include <string_view>
#include <system_error>

#include <nlohmann/json.hpp>

namespace striate {
namespace {

// The epoch of a line of metrics, 0 for anything else.
std::int64_t epoch_of(std::string_view line) {
  // Our lines are short; a long one is not parsed, whatever it holds.
  constexpr std::size_t kLongest = std::size_t{1} << 16;
  if (line.size() > kLongest) return 0;
  const auto json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object()) return 0;
  const auto epoch = json.find("epoch");
  return epoch != json.end() && epoch->is_number_integer() ? epoch->get<std::int64_t>() : 0;
}

}  // namespace

std::string metrics_line(const EpochReport& report) {
  nlohmann::ordered_json line;  // it writes what is not finite as null
  line["epoch"] = report.epoch;
  line["global_step"] = report.global_step;
  line["loss"] = report.loss;
  line["lr"] = report.lr;
  line["seconds"] = report.seconds;
  line["samples_per_second"] = report.samples_per_second;
  line["validation_seconds"] = report.validation_seconds;
  for (const auto& [name, score] : report.scores) line["validation_" + name] = score;
  if (report.best_epoch > 0) {
    line["best_epoch"] = report.best_epoch;
    line["best_score"] = report.best_score;
  }
  return line.dump();
}

RunFolder::RunFolder(std::filesystem::path path) : path_(std::move(path)) {
  std::error_code error;
  std::filesystem::create_directories(path_, error);
  if (error) {
    fail<SystemError>("{}: the folder cannot be made: {}", path_.string(), error.message());
  }
  lock_ = std::make_unique<FolderLock>(path_);
}

void RunFolder::keep_metrics(std::int64_t epochs) {
  lines_.clear();
  if (epochs > 0 && std::filesystem::exists(metrics())) {
    const Bytes old = read_file(metrics(), std::uint64_t{1} << 28);
    std::string_view rest(reinterpret_cast<const char*>(old.data()), old.size());
    for (std::size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
      const std::string_view line = rest.substr(0, end);
      rest.remove_prefix(end + 1);
      const std::int64_t epoch = epoch_of(line);
      if (epoch >= 1 && epoch <= epochs) lines_.append(line).append("\n");
    }
  }
  write_file(metrics(), lines_);
}

void RunFolder::append_metrics(const EpochReport& report) {
  lines_.append(metrics_line(report)).append("\n");
  write_file(metrics(), lines_);
}

}  // namespace striate
