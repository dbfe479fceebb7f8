#include "striate/train/run_folder.h"

#include <cmath>
#include <limits>
#include <string_view>
#include <system_error>

#include <nlohmann/json.hpp>

namespace striate {
namespace {

// What a line of metrics says; its epoch is 0 for anything else.
EpochReport report_of(std::string_view line) {
  EpochReport report;
  // Our lines are short; a long one is not parsed, whatever it holds.
  constexpr std::size_t kLongest = std::size_t{1} << 16;
  if (line.size() > kLongest) return report;
  const auto json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object()) return report;
  const auto integer = [&](const char* key) -> std::int64_t {
    const auto found = json.find(key);
    return found != json.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
  };
  const auto number = [](const nlohmann::json& value) {
    return value.is_number() ? value.get<double>() : std::numeric_limits<double>::quiet_NaN();
  };
  const auto real = [&](const char* key) { return number(json.value(key, nlohmann::json())); };
  report.epoch = integer("epoch");
  report.global_step = integer("global_step");
  report.loss = real("loss");
  report.top1 = real("top1");
  report.lr = real("lr");
  report.seconds = real("seconds");
  report.samples_per_second = real("samples_per_second");
  report.validation_seconds = real("validation_seconds");
  constexpr std::string_view kScore = "validation_";
  for (const auto& [key, value] : json.items()) {
    if (!key.starts_with(kScore) || key == "validation_seconds") continue;
    report.scores[key.substr(kScore.size())] = number(value);
  }
  report.best_epoch = integer("best_epoch");
  report.best_score = real("best_score");
  report.improved = report.epoch > 0 && report.best_epoch == report.epoch;
  return report;
}

// Calls visit(line, report) for each whole line of metrics.
template <class Visit>
void for_each_line(const std::filesystem::path& path, Visit visit) {
  const Bytes content = read_file(path, std::uint64_t{1} << 28);
  std::string_view rest(reinterpret_cast<const char*>(content.data()), content.size());
  for (std::size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    const EpochReport report = report_of(line);
    if (report.epoch >= 1) visit(line, report);
  }
}

}  // namespace

std::string metrics_line(const EpochReport& report) {
  nlohmann::ordered_json line;  // it writes what is not finite as null
  line["epoch"] = report.epoch;
  line["global_step"] = report.global_step;
  line["loss"] = report.loss;
  if (!std::isnan(report.top1)) line["top1"] = report.top1;
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

std::vector<EpochReport> read_metrics(const std::filesystem::path& path) {
  std::vector<EpochReport> reports;
  for_each_line(
      path, [&](std::string_view, EpochReport report) { reports.push_back(std::move(report)); });
  return reports;
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
    for_each_line(metrics(), [&](std::string_view line, const EpochReport& report) {
      if (report.epoch <= epochs) lines_.append(line).append("\n");
    });
  }
  write_file(metrics(), lines_);
}

void RunFolder::append_metrics(const EpochReport& report) {
  lines_.append(metrics_line(report)).append("\n");
  write_file(metrics(), lines_);
}

}  // namespace striate
