#include "peers.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <sys/resource.h>

#include <fmt/format.h>

#include "striate/base/error.h"
#include "striate/base/random.h"
#include "striate/nn/initialize.h"

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

int guarded(const char* name, int (*run)(int, char**), int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}: {}\n", name, error.what());
    return 1;
  }
}

Folder::Folder() {
  std::string name = (std::filesystem::temp_directory_path() / "striate-bench-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) fail<SystemError>("{}: cannot be made", name);
  path_ = name;
}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Tensor random_tensor(const Shape& shape, const std::string& purpose, double low, double high) {
  Tensor tensor(DType::f32, shape);
  Random random({.seed = 1, .purpose = purpose_of(purpose)}, 0);
  for (std::int64_t i = 0; i < tensor.elements(); ++i) {
    tensor.data<float>()[i] = static_cast<float>(random.uniform(low, high));
  }
  return tensor;
}

Weights random_weights(const Graph& graph, std::uint64_t seed) {
  Weights weights = initialize(graph, seed);
  for (const Parameter& parameter : graph.parameters) {
    if (parameter.name.ends_with("running_mean")) {
      weights[parameter.name] = random_tensor(parameter.shape, parameter.name, -0.1, 0.1);
    } else if (parameter.name.ends_with("running_var")) {
      weights[parameter.name] = random_tensor(parameter.shape, parameter.name, 0.5, 1.5);
    }
  }
  return weights;
}

double difference(const Tensor& a, const Tensor& b) {
  if (!(a.shape() == b.shape())) return INFINITY;
  double most = 0;
  double largest = 0;
  for (std::int64_t i = 0; i < a.elements(); ++i) {
    const double value = static_cast<double>(b.data<float>()[i]);
    most = std::max(most, std::abs(static_cast<double>(a.data<float>()[i]) - value));
    largest = std::max(largest, std::abs(value));
  }
  return most / largest;
}

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
