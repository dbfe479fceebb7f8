#pragma once

// Measurements beside named peers: each is a process of its own, so that memory and first runs are
// its own too, and the processes take turns.

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

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

/// Whether an interpreter can load a module; says on stderr what is left out where it cannot.
bool has_pytorch(const std::string& python, const char* modules = "torch");
bool has_onnx_runtime(const std::string& node);

}  // namespace striate::bench
