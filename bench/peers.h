#pragma once

// Measurements beside named peers: each is a process of its own, so that memory and first runs are
// its own too, and the processes take turns.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "striate/graph/graph.h"

namespace striate::bench {

double median(std::vector<double> values);
/// The median of one number of several results.
double median_of(const std::vector<nlohmann::json>& runs, const char* key);
double geometric_mean(const std::vector<double>& values);

/// Seconds since some moment.
double now();
/// The most memory this process has had.
std::int64_t peak_bytes();

/// The last line a command prints, as JSON; null where it fails.
nlohmann::json run_command(const std::string& command);
/// For a shell.
std::string quoted(const std::string& text);
/// This program's own file.
std::string own_path();

/// What a program runs from its `main`: errors become a line and status 1.
int guarded(const char* name, int (*run)(int, char**), int argc, char** argv);

/// A folder for files that both sides read, gone when this is.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

/// float32, uniform in [low, high), a function of shape and purpose.
Tensor random_tensor(const Shape& shape, const std::string& purpose, double low = -1,
                     double high = 1);
/// First weights by seed, with running statistics that are not 0 and 1.
Weights random_weights(const Graph& graph, std::uint64_t seed);
/// The largest difference of two float32 tensors as a share of b's largest number.
double difference(const Tensor& a, const Tensor& b);

/// Whether an interpreter can load a module; says on stderr what is left out where it cannot.
bool has_pytorch(const std::string& python, const char* modules = "torch");
bool has_onnx_runtime(const std::string& node);

}  // namespace striate::bench
