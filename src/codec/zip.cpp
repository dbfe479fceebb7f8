#include "striate/codec/zip.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include <zlib.h>

#include "striate/base/error.h"

namespace striate {
namespace {

static_assert(std::endian::native == std::endian::little, "zip archives are little-endian");

constexpr std::uint32_t kLocal = 0x04034b50, kCentral = 0x02014b50, kEnd = 0x06054b50;
constexpr std::uint32_t kEnd64 = 0x06064b50, kLocator64 = 0x07064b50;
constexpr std::size_t kLocalBytes = 30, kCentralBytes = 46, kEndBytes = 22;
constexpr std::size_t kLocatorBytes = 20, kEnd64Bytes = 56;
constexpr std::uint32_t kFull32 = 0xffffffff;
constexpr std::size_t kAligned = 64;

// What a deflated file may unpack to: weights shrink by a tenth, a file of nothing but zeros by a
// thousand.
constexpr std::uint64_t kMostRatio = 64, kAlwaysAllowed = 1 << 16;

// Reads numbers at places that are checked first.
class Bytewise {
 public:
  Bytewise(std::span<const std::uint8_t> bytes, std::string_view name)
      : bytes_(bytes), name_(name) {}

  template <class T>
  T at(std::uint64_t place) const {
    need(place, sizeof(T));
    T value{};
    std::memcpy(&value, bytes_.data() + place, sizeof(T));
    return value;
  }
  std::string text(std::uint64_t place, std::size_t length) const {
    need(place, length);
    return {reinterpret_cast<const char*>(bytes_.data()) + place, length};
  }
  void need(std::uint64_t place, std::uint64_t length) const {
    if (place > bytes_.size() || length > bytes_.size() - place) {
      fail<InputError>("{}: not a whole zip archive: it ends at byte {}", name_, bytes_.size());
    }
  }

 private:
  std::span<const std::uint8_t> bytes_;
  std::string_view name_;
};

struct Directory {
  std::uint64_t count = 0, begin = 0, bytes = 0;
};

Directory find_directory(std::span<const std::uint8_t> bytes, std::string_view name) {
  const Bytewise in(bytes, name);
  // The last record ends with a comment of at most 65535 bytes, whose length it says.
  const std::size_t most = std::min<std::size_t>(bytes.size(), kEndBytes + 0xffff);
  for (std::size_t back = kEndBytes; back <= most; ++back) {
    const std::uint64_t place = bytes.size() - back;
    if (in.at<std::uint32_t>(place) != kEnd) continue;
    if (in.at<std::uint16_t>(place + 20) != back - kEndBytes) continue;
    Directory found{.count = in.at<std::uint16_t>(place + 10),
                    .begin = in.at<std::uint32_t>(place + 16),
                    .bytes = in.at<std::uint32_t>(place + 12)};
    const bool wide =
        place >= kLocatorBytes && in.at<std::uint32_t>(place - kLocatorBytes) == kLocator64;
    if (wide) {
      const auto end = in.at<std::uint64_t>(place - kLocatorBytes + 8);
      in.need(end, kEnd64Bytes);
      if (in.at<std::uint32_t>(end) != kEnd64) {
        fail<InputError>("{}: its zip64 record is not where it should be", name);
      }
      found = {.count = in.at<std::uint64_t>(end + 32),
               .begin = in.at<std::uint64_t>(end + 48),
               .bytes = in.at<std::uint64_t>(end + 40)};
    }
    if (found.begin > place || found.bytes > place - found.begin) {
      fail<InputError>("{}: its list of files lies outside it", name);
    }
    return found;
  }
  fail<InputError>("{}: not a whole zip archive: its list of files is missing", name);
}

}  // namespace

bool is_zip(std::span<const std::uint8_t> content) {
  return content.size() >= 4 && content[0] == 'P' && content[1] == 'K' && content[2] == 3 &&
         content[3] == 4;
}

ZipArchive::ZipArchive(std::span<const std::uint8_t> bytes, std::string_view name)
    : bytes_(bytes), name_(name) {
  const Bytewise in(bytes, name_);
  const Directory directory = find_directory(bytes, name_);
  std::uint64_t place = directory.begin;
  const std::uint64_t end = directory.begin + directory.bytes;
  struct Extent {
    std::uint64_t begin, end;
  };
  std::vector<Extent> extents;
  for (std::uint64_t i = 0; i < directory.count; ++i) {
    if (end - place < kCentralBytes || in.at<std::uint32_t>(place) != kCentral) {
      fail<InputError>("{}: expected {} files in its list, got {}", name_, directory.count, i);
    }
    const std::uint16_t flags = in.at<std::uint16_t>(place + 8);
    const std::uint16_t method = in.at<std::uint16_t>(place + 10);
    const std::size_t name_length = in.at<std::uint16_t>(place + 28);
    const std::size_t extra_length = in.at<std::uint16_t>(place + 30);
    const std::size_t comment_length = in.at<std::uint16_t>(place + 32);
    const std::string file = in.text(place + kCentralBytes, name_length);
    Entry entry{.size = in.at<std::uint32_t>(place + 24),
                .packed = in.at<std::uint32_t>(place + 20),
                .checksum = in.at<std::uint32_t>(place + 16),
                .deflated = method == 8};
    std::uint64_t header = in.at<std::uint32_t>(place + 42);
    // Sizes that do not fit stand in the field 1, those and only those, in this order.
    std::uint64_t extra = place + kCentralBytes + name_length;
    const std::uint64_t extra_end = extra + extra_length;
    while (extra_end - extra >= 4) {
      const std::uint16_t id = in.at<std::uint16_t>(extra);
      const std::uint64_t length = in.at<std::uint16_t>(extra + 2);
      if (length > extra_end - extra - 4) break;
      std::uint64_t number = extra + 4;
      extra = number + length;
      if (id != 1) continue;
      for (std::uint64_t* value : {&entry.size, &entry.packed, &header}) {
        if (*value != kFull32) continue;
        if (extra - number < 8) break;
        *value = in.at<std::uint64_t>(number);
        number += 8;
      }
    }
    place += kCentralBytes + name_length + extra_length + comment_length;
    if (place > end) fail<InputError>("{}: its list of files is longer than it says", name_);
    if ((flags & 1U) != 0) fail<InputError>("{}: {} is encrypted", name_, file);
    if (method != 0 && method != 8) {
      fail<InputError>("{}: {}: packed by method {}, which is not read here", name_, file, method);
    }
    if (in.at<std::uint32_t>(header) != kLocal ||
        in.text(header + kLocalBytes, in.at<std::uint16_t>(header + 26)) != file) {
      fail<InputError>("{}: {} is not where the list of files says", name_, file);
    }
    entry.begin = header + kLocalBytes + in.at<std::uint16_t>(header + 26) +
                  in.at<std::uint16_t>(header + 28);
    if (entry.begin > directory.begin || entry.packed > directory.begin - entry.begin) {
      fail<InputError>("{}: {} goes beyond the archive's files", name_, file);
    }
    if (!entry.deflated && entry.size != entry.packed) {
      fail<InputError>("{}: {} is stored, but {} bytes are to become {}", name_, file, entry.packed,
                       entry.size);
    }
    if (entry.size > kAlwaysAllowed && (entry.size - kAlwaysAllowed) / kMostRatio > entry.packed) {
      fail<InputError>("{}: {} would unpack from {} to {} bytes: no weights do", name_, file,
                       entry.packed, entry.size);
    }
    extents.push_back({header, entry.begin + entry.packed});
    if (!entries_.emplace(file, entry).second) {
      fail<InputError>("{}: two files in it are called {}", name_, file);
    }
  }
  std::sort(extents.begin(), extents.end(),
            [](const Extent& a, const Extent& b) { return a.begin < b.begin; });
  for (std::size_t i = 1; i < extents.size(); ++i) {
    if (extents[i].begin < extents[i - 1].end) {
      fail<InputError>("{}: two of its files lie over one another", name_);
    }
  }
}

std::span<const std::uint8_t> ZipArchive::packed(const Entry& entry) const {
  return bytes_.subspan(static_cast<std::size_t>(entry.begin),
                        static_cast<std::size_t>(entry.packed));
}

void ZipArchive::check_sum(const Entries::value_type& item,
                           std::span<const std::uint8_t> content) const {
  if (crc32_z(crc32_z(0, nullptr, 0), content.data(), content.size()) != item.second.checksum) {
    fail<InputError>("{}: {}: damaged: its checksum is another", name_, item.first);
  }
}

std::optional<std::span<const std::uint8_t>> ZipArchive::view(
    const Entries::value_type& item) const {
  if (item.second.deflated) return std::nullopt;
  check_sum(item, packed(item.second));
  return packed(item.second);
}

Bytes ZipArchive::read(const Entries::value_type& item) const {
  const auto& [file, entry] = item;
  if (const auto stored = view(item)) return {stored->begin(), stored->end()};
  const std::span<const std::uint8_t> from = packed(entry);
  constexpr std::uint64_t kMost = std::numeric_limits<uInt>::max();
  if (entry.size >= kMost || entry.packed >= kMost) {
    fail<InputError>("{}: {}: {} deflated bytes are too many", name_, file, entry.size);
  }
  Bytes content(static_cast<std::size_t>(entry.size));
  z_stream z{};
  if (inflateInit2(&z, -15) != Z_OK) fail<SystemError>("out of memory for inflating");
  std::uint8_t nothing = 0;
  z.next_in = const_cast<Bytef*>(from.data());  // zlib only reads it
  z.avail_in = static_cast<uInt>(from.size());
  z.next_out = content.empty() ? &nothing : content.data();
  z.avail_out = static_cast<uInt>(content.size());
  const int result = inflate(&z, Z_FINISH);
  const bool whole = result == Z_STREAM_END && z.avail_out == 0 && z.avail_in == 0;
  inflateEnd(&z);
  if (!whole) {
    fail<InputError>("{}: {}: damaged: expected {} bytes from {} deflated ones", name_, file,
                     entry.size, entry.packed);
  }
  check_sum(item, content);
  return content;
}

Bytes write_zip(std::span<const ZipMember> members) {
  Bytes out;
  Bytes list;
  const auto put = [](Bytes& to, auto value) {
    const auto* raw = reinterpret_cast<const std::uint8_t*>(&value);
    to.insert(to.end(), raw, raw + sizeof(value));
  };
  std::size_t total = 0;
  for (const ZipMember& member : members) total += member.content.size() + 256;
  if (total >= kFull32 || members.size() >= 0xffff) {
    fail<InputError>("{} bytes in {} files are too many for an archive of 4 GiB", total,
                     members.size());
  }
  out.reserve(total);
  for (const ZipMember& member : members) {
    const auto checksum = static_cast<std::uint32_t>(
        crc32_z(crc32_z(0, nullptr, 0), member.content.data(), member.content.size()));
    const auto size = static_cast<std::uint32_t>(member.content.size());
    const auto begin = static_cast<std::uint32_t>(out.size());
    const auto length = static_cast<std::uint16_t>(member.name.size());
    // What both headers share: version 2.0, UTF-8 names, stored, 1 January 1980.
    const auto put_common = [&](Bytes& to, std::uint16_t extra) {
      for (const int value : {20, 0x0800, 0, 0, 0x21}) put(to, static_cast<std::uint16_t>(value));
      put(to, checksum);
      put(to, size);
      put(to, size);
      put(to, length);
      put(to, extra);
    };
    // An extra field of at least its own four bytes fills up to the next multiple.
    const std::size_t bare = out.size() + kLocalBytes + length + 4;
    const auto fill = static_cast<std::uint16_t>((kAligned - bare % kAligned) % kAligned);
    put(out, kLocal);
    put_common(out, static_cast<std::uint16_t>(fill + 4));
    out.insert(out.end(), member.name.begin(), member.name.end());
    put(out, std::uint16_t{0x4246});  // "FB", as PyTorch calls its own filling
    put(out, fill);
    out.insert(out.end(), fill, 0);
    out.insert(out.end(), member.content.begin(), member.content.end());
    put(list, kCentral);
    put(list, std::uint16_t{20});
    put_common(list, 0);
    for (int i = 0; i < 3; ++i) put(list, std::uint16_t{0});  // comment, disk, attributes
    put(list, std::uint32_t{0});
    put(list, begin);
    list.insert(list.end(), member.name.begin(), member.name.end());
  }
  const auto begin = static_cast<std::uint32_t>(out.size());
  const auto count = static_cast<std::uint16_t>(members.size());
  out.insert(out.end(), list.begin(), list.end());
  put(out, kEnd);
  put(out, std::uint32_t{0});
  put(out, count);
  put(out, count);
  put(out, static_cast<std::uint32_t>(list.size()));
  put(out, begin);
  put(out, std::uint16_t{0});
  return out;
}

}  // namespace striate
