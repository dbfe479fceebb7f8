#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "striate/base/memory.h"

namespace striate {

using Bytes = std::vector<std::uint8_t, BlockAllocator<std::uint8_t>>;

/// The whole file, of any kind but a folder; memory grows with what was read. Throws InputError
/// naming the file when it cannot be read or is larger than `limit` bytes.
Bytes read_file(const std::filesystem::path& path, std::uint64_t limit = std::uint64_t{1} << 34);

/// Replaces `path` by `content`, whole or not at all: written under a temporary name beside it,
/// synced, renamed. Throws SystemError (no space, for example) and leaves the old file as it was.
void write_file(const std::filesystem::path& path, std::span<const std::uint8_t> content);
void write_file(const std::filesystem::path& path, std::string_view content);

/// Holds a folder for one writer: as long as this lives, no other process (or owner) gets it. What
/// `write_file` left unfinished there when a process was killed is removed. Throws SystemError
/// where the folder is held already, or cannot be opened.
class FolderLock {
 public:
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int fd_;
};

}  // namespace striate
