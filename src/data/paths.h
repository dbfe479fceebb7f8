#pragma once

#include <filesystem>

namespace striate {

// std::filesystem's own questions throw where a folder may not be searched; whoever opens the file
// afterwards says it better.

inline bool present(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

inline bool is_folder(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error);
}

}  // namespace striate
