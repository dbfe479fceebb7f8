#include "peers.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <sys/resource.h>

#include <fmt/format.h>

namespace striate::bench {

using nlohmann::json;

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

double median_of(const std::vector<json>& runs, const char* key) {
  std::vector<double> values;
  for (const json& run : runs) values.push_back(run.at(key).get<double>());
  return median(values);
}

double geometric_mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += std::log(value);
  return values.empty() ? 0 : std::exp(sum / static_cast<double>(values.size()));
}

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::int64_t peak_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss * 1024;
}

json run_command(const std::string& command) {
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return nullptr;
  std::string line;
  std::string last;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) {
    if (c != '\n') {
      line += static_cast<char>(c);
      continue;
    }
    last = line;
    line.clear();
  }
  if (pclose(pipe) != 0) return nullptr;
  const json result = json::parse(last, nullptr, false);
  return result.is_discarded() ? json(nullptr) : result;
}

std::string quoted(const std::string& text) { return "'" + text + "'"; }

std::string own_path() { return std::filesystem::read_symlink("/proc/self/exe").string(); }

bool has_pytorch(const std::string& python, const char* modules) {
  const std::string line = fmt::format("{} -c 'import {}' 2>/dev/null", python, modules);
  if (std::system(line.c_str()) == 0) return true;
  fmt::print(stderr,
             "PyTorch is left out: {} cannot import {} (apt install python3-torch "
             "python3-torchvision libopenblas0-pthread)\n",
             python, modules);
  return false;
}

bool has_onnx_runtime(const std::string& node) {
  const std::string line = fmt::format("{} -e \"require('onnxruntime-node')\" 2>/dev/null", node);
  if (std::system(line.c_str()) == 0) return true;
  fmt::print(stderr,
             "ONNX Runtime is left out: {} cannot load onnxruntime-node (npm install "
             "--ignore-scripts onnxruntime-node, and NODE_PATH to its node_modules)\n",
             node);
  return false;
}

}  // namespace striate::bench
