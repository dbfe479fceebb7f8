#include "striate/codec/gzip.h"

#include <algorithm>
#include <limits>

#include <zlib.h>

#include "striate/base/error.h"

namespace striate {
namespace {

struct Inflater {
  z_stream stream{};

  Inflater() {
    // 15 is the widest window; 16 more asks for a gzip header and its checksum.
    if (inflateInit2(&stream, 15 + 16) != Z_OK) fail<SystemError>("out of memory for inflating");
  }
  ~Inflater() { inflateEnd(&stream); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
};

// zlib counts in 32 bits.
uInt clipped(std::size_t bytes) {
  return static_cast<uInt>(std::min<std::size_t>(bytes, std::numeric_limits<uInt>::max()));
}

}  // namespace

bool is_gzip(std::span<const std::uint8_t> content) {
  return content.size() >= 2 && content[0] == 0x1f && content[1] == 0x8b;
}

Bytes gunzip(std::span<const std::uint8_t> content, std::string_view name, std::uint64_t limit) {
  if (!is_gzip(content)) {
    fail<InputError>("{}: not a gzip file: expected it to begin with 1f 8b, got {}", name,
                     content.size() < 2 ? "less than two bytes"
                                        : fmt::format("{:02x} {:02x}", content[0], content[1]));
  }
  // One byte beyond the limit is room enough to see that the limit is passed.
  const std::size_t room = std::min<std::uint64_t>(limit, std::uint64_t{1} << 48) + 1;
  Inflater inflater;
  z_stream& z = inflater.stream;
  std::size_t consumed = 0;
  std::size_t made = 0;
  Bytes out(std::min(room, std::max<std::size_t>(4096, 4 * content.size())));
  while (true) {
    if (made == out.size()) out.resize(std::min(room, out.size() + out.size() / 2));
    const uInt input = clipped(content.size() - consumed);
    const uInt output = clipped(out.size() - made);
    z.next_in = const_cast<Bytef*>(content.data() + consumed);  // zlib only reads it
    z.avail_in = input;
    z.next_out = out.data() + made;
    z.avail_out = output;
    const int result = inflate(&z, Z_NO_FLUSH);
    consumed += input - z.avail_in;
    made += output - z.avail_out;
    if (made > limit) {
      fail<InputError>("{}: unpacks to more than the {} bytes expected at most", name, limit);
    }
    if (result == Z_STREAM_END) {
      const auto rest = content.subspan(consumed);
      if (rest.empty()) break;
      if (!is_gzip(rest)) {
        fail<InputError>("{}: expected the end of the gzip file at byte {}, got {} bytes more",
                         name, consumed, rest.size());
      }
      inflateReset(&z);
    } else if (result == Z_BUF_ERROR) {
      fail<InputError>("{}: truncated: the gzip data go on after the file's {} bytes", name,
                       content.size());
    } else if (result == Z_MEM_ERROR) {
      fail<SystemError>("{}: out of memory while unpacking", name);
    } else if (result != Z_OK) {
      fail<InputError>("{}: damaged gzip data near byte {}: {}", name, consumed,
                       z.msg != nullptr ? z.msg : "unknown fault");
    }
  }
  out.resize(made);
  return out;
}

}  // namespace striate
