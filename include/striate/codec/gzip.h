#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "striate/base/files.h"

namespace striate {

/// True where `content` starts with gzip's magic number.
bool is_gzip(std::span<const std::uint8_t> content);

/// The content of a gzip file of one or more members (RFC 1952). Throws InputError naming `name`
/// when it is no gzip file, is cut short, fails its checksum, is followed by other bytes, or
/// unpacks to more than `limit` bytes. Memory grows with what was unpacked, never with a claim.
Bytes gunzip(std::span<const std::uint8_t> content, std::string_view name, std::uint64_t limit);

}  // namespace striate
