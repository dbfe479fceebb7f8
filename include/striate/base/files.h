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

/// The whole file. Throws InputError naming the file when it cannot be read or is larger than
/// `limit` bytes.
Bytes read_file(const std::filesystem::path& path, std::uint64_t limit = std::uint64_t{1} << 34);

/// Replaces `path` by `content`, whole or not at all: written under a temporary name beside it,
/// synced, renamed. Throws SystemError (no space, for example) and leaves the old file as it was.
void write_file(const std::filesystem::path& path, std::span<const std::uint8_t> content);
void write_file(const std::filesystem::path& path, std::string_view content);

}  // namespace striate
