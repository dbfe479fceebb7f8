#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "striate/base/files.h"

namespace striate {

/// True where `content` starts as a zip archive does.
bool is_zip(std::span<const std::uint8_t> content);

/// The files in a zip archive (APPNOTE 6.3, zip64 too), stored or deflated. The archive's bytes must
/// outlive it.
class ZipArchive {
 public:
  struct Entry {
    std::uint64_t size = 0;    ///< unpacked
    std::uint64_t packed = 0;  ///< as it lies in the archive
    std::uint64_t begin = 0;   ///< of the packed bytes
    std::uint32_t checksum = 0;
    bool deflated = false;
  };
  using Entries = std::map<std::string, Entry, std::less<>>;

  /// Reads the list of files. `name` stands for the archive in messages. Throws InputError where the
  /// list is not whole, a file's own header says something else, files lie over one another or
  /// outside the archive, two have one name, or one unpacks to far more than it takes.
  ZipArchive(std::span<const std::uint8_t> bytes, std::string_view name);

  const Entries& entries() const { return entries_; }
  /// A file's content. Throws InputError where it is damaged.
  Bytes read(const Entries::value_type& entry) const;
  /// The content of a file that is stored as it is, where it lies; nothing for a deflated one.
  std::optional<std::span<const std::uint8_t>> view(const Entries::value_type& entry) const;

 private:
  std::span<const std::uint8_t> packed(const Entry& entry) const;
  void check_sum(const Entries::value_type& entry, std::span<const std::uint8_t> content) const;

  std::span<const std::uint8_t> bytes_;
  std::string name_;
  Entries entries_;
};

/// A file to be put into an archive.
struct ZipMember {
  std::string name;
  std::span<const std::uint8_t> content;
};

/// An archive of stored files whose contents begin at multiples of 64 bytes: a function of the
/// members alone. Throws InputError for what would need zip64 (4 GiB).
Bytes write_zip(std::span<const ZipMember> members);

}  // namespace striate
