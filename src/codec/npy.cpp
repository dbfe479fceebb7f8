#include "striate/codec/npy.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <optional>

#include <fmt/ranges.h>

#include "striate/base/error.h"

namespace striate {
namespace {

static_assert(std::endian::native == std::endian::little, "arrays are kept little-endian");

constexpr std::string_view kMagic("\x93NUMPY", 6);
constexpr std::size_t kMostAxes = 32;
constexpr std::size_t kMostHeader = 1 << 16;

struct Header {
  std::string type;
  bool swapped = false, fortran = false;
  std::vector<std::uint64_t> shape;
};

// A Python dictionary of three things, and nothing else of Python.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, std::string_view name) : rest_(text), name_(name) {}

  Header read() {
    std::optional<std::string> type;
    std::optional<bool> fortran;
    std::optional<std::vector<std::uint64_t>> shape;
    expect("{");
    while (!skip("}")) {
      const std::string key = quoted();
      expect(":");
      if (key == "descr" && !type) {
        type = quoted();
      } else if (key == "fortran_order" && !fortran) {
        fortran = truth();
      } else if (key == "shape" && !shape) {
        shape = numbers();
      } else {
        refuse(fmt::format("unexpected {}", key));
      }
      if (!skip(",")) {
        expect("}");
        break;
      }
    }
    blank();
    if (!rest_.empty()) refuse("something follows it");
    if (!type || !fortran || !shape) refuse("expected descr, fortran_order and shape");
    Header header{.fortran = *fortran, .shape = *shape};
    // "<f4": byte order, kind, bytes.
    if (type->size() < 3 || std::string_view("<>|=").find((*type)[0]) == std::string_view::npos) {
      refuse(fmt::format("type {} is not read here", *type));
    }
    header.swapped = (*type)[0] == '>';
    header.type = type->substr(1);
    static constexpr std::string_view kTypes[] = {"b1", "i1", "i2", "i4", "i8", "u1",
                                                  "u2", "u4", "u8", "f2", "f4", "f8"};
    if (std::find(std::begin(kTypes), std::end(kTypes), header.type) == std::end(kTypes)) {
      refuse(fmt::format("type {} is not read here", *type));
    }
    return header;
  }

 private:
  [[noreturn]] void refuse(std::string_view what) const {
    fail<InputError>("{}: NumPy's header: {}", name_, what);
  }
  void blank() {
    while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\n')) rest_.remove_prefix(1);
  }
  bool skip(std::string_view token) {
    blank();
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }
  void expect(std::string_view token) {
    if (!skip(token)) refuse(fmt::format("expected {}", token));
  }
  std::string quoted() {
    blank();
    if (rest_.empty() || (rest_[0] != '\'' && rest_[0] != '"')) refuse("expected a quoted text");
    const std::size_t end = rest_.find(rest_[0], 1);
    if (end == std::string_view::npos) refuse("a text does not end");
    std::string text(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    return text;
  }
  bool truth() {
    if (skip("True")) return true;
    expect("False");
    return false;
  }
  std::vector<std::uint64_t> numbers() {
    std::vector<std::uint64_t> list;
    expect("(");
    while (!skip(")")) {
      blank();
      std::uint64_t number = 0;
      const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), number);
      if (error != std::errc()) refuse("expected a size");
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
      skip("L");  // as Python 2 wrote it
      if (list.size() == kMostAxes) refuse(fmt::format("more than {} axes", kMostAxes));
      list.push_back(number);
      if (!skip(",")) {
        expect(")");
        break;
      }
    }
    return list;
  }

  std::string_view rest_;
  std::string name_;
};

// From the first axis running fastest to the last.
Bytes row_major(std::span<const std::uint8_t> data, const std::vector<std::uint64_t>& shape,
                std::size_t size) {
  Bytes result(data.size());
  std::vector<std::uint64_t> strides(shape.size());
  std::uint64_t step = 1;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    strides[axis] = step;
    step *= shape[axis];
  }
  std::vector<std::uint64_t> index(shape.size());
  std::uint64_t place = 0;
  for (std::size_t i = 0; i < data.size() / size; ++i) {
    std::memcpy(result.data() + i * size, data.data() + place * size, size);
    for (std::size_t axis = shape.size(); axis-- > 0;) {
      place += strides[axis];
      if (++index[axis] < shape[axis]) break;
      place -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return result;
}

}  // namespace

NpyArray read_npy(std::span<const std::uint8_t> bytes, std::string_view name) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!text.starts_with(kMagic) || bytes.size() < 10) {
    fail<InputError>("{}: this is no array of NumPy (.npy)", name);
  }
  const std::uint8_t version = bytes[6];
  if (version < 1 || version > 3 || bytes[7] != 0) {
    fail<InputError>("{}: expected version 1.0, 2.0 or 3.0, got {}.{}", name, version, bytes[7]);
  }
  const std::size_t begin = version == 1 ? 10 : 12;
  std::uint32_t length = 0;
  if (bytes.size() >= begin) std::memcpy(&length, bytes.data() + 8, begin - 8);
  if (bytes.size() < begin || length > bytes.size() - begin || length > kMostHeader) {
    fail<InputError>("{}: its header of {} bytes is not whole", name, length);
  }
  const Header header = HeaderParser(text.substr(begin, length), name).read();
  const auto data = bytes.subspan(begin + length);
  const auto size = static_cast<std::size_t>(header.type[1] - '0');
  // Compared by division: a product of sizes may be anything.
  std::uint64_t left = data.size() / size;
  bool whole = data.size() % size == 0;
  const bool nothing =
      std::find(header.shape.begin(), header.shape.end(), 0U) != header.shape.end();
  for (const std::uint64_t axis : header.shape) {
    if (nothing) break;
    whole = whole && left % axis == 0;
    left /= axis;
  }
  if (nothing ? !data.empty() : !whole || left != 1) {
    fail<InputError>("{}: shape ({}) of {} does not fill its {} bytes", name,
                     fmt::join(header.shape, ", "), header.type, data.size());
  }
  NpyArray array{.type = header.type, .shape = header.shape, .data = {}};
  if (header.fortran && header.shape.size() > 1) {
    array.data = row_major(data, header.shape, size);
  } else {
    array.data.assign(data.begin(), data.end());
  }
  if (header.swapped) {
    for (std::size_t i = 0; i < array.data.size(); i += size) {
      const auto at = array.data.begin() + static_cast<std::ptrdiff_t>(i);
      std::reverse(at, at + static_cast<std::ptrdiff_t>(size));
    }
  }
  return array;
}

Bytes write_npy(std::string_view type, std::span<const std::uint64_t> shape,
                std::span<const std::uint8_t> data) {
  const char order = type.ends_with('1') ? '|' : '<';
  std::string header =
      fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': ({}{}), }}", order, type,
                  fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
  constexpr std::size_t kBegin = 10, kAligned = 64;
  header.append((kAligned - (kBegin + header.size() + 1) % kAligned) % kAligned, ' ');
  header += '\n';
  Bytes bytes(kMagic.begin(), kMagic.end());
  bytes.insert(bytes.end(), {1, 0, static_cast<std::uint8_t>(header.size() % 256),
                             static_cast<std::uint8_t>(header.size() / 256)});
  bytes.insert(bytes.end(), header.begin(), header.end());
  bytes.insert(bytes.end(), data.begin(), data.end());
  return bytes;
}

}  // namespace striate
