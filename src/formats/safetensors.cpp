#include "striate/formats/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "formats/elements.h"
#include "formats/safetensors_header.h"

namespace striate {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors files are little-endian");

constexpr std::size_t kLengthBytes = 8;
constexpr std::string_view kMetadata = "__metadata__";

struct FileDType {
  std::string_view name;
  Element element;
};

constexpr std::array<FileDType, 8> kFileDTypes = {{
    {"F64", kF64},
    {"F32", kF32},
    {"I64", kI64},
    {"I32", kI32},
    {"U8", kU8},
    {"BOOL", kBool},
    {"F16", kF16},
    {"BF16", kBF16},
}};

const FileDType* find_dtype(std::string_view name) {
  const auto* found = std::find_if(kFileDTypes.begin(), kFileDTypes.end(),
                                   [&](const FileDType& row) { return row.name == name; });
  return found == kFileDTypes.end() ? nullptr : found;
}

std::string_view name_in_file(DType dtype) {
  const auto* found = std::find_if(kFileDTypes.begin(), kFileDTypes.end(), [&](const auto& row) {
    return row.element.dtype == dtype && row.element.as_it_is();
  });
  invariant(found != kFileDTypes.end(), "a dtype that safetensors files do not have");
  return found->name;
}

// The count of elements, or nothing where it cannot be a tensor's.
std::optional<std::uint64_t> count_elements(const std::vector<std::uint64_t>& dims) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 62U;
  std::uint64_t product = 1;
  for (const std::uint64_t size : dims) {
    if (size > kMost || (size != 0 && product > kMost / size)) return std::nullopt;
    product *= size;
  }
  return product;
}

// Checks one entry against the data that follows the previous one and copies its elements.
Tensor read_tensor(const SafeTensorsEntry& entry, std::span<const std::uint8_t> data,
                   std::string_view file) {
  const auto refuse = [&](std::string_view what) {
    fail<InputError>("{}: tensor {}: {}", file, shown(entry.name), what);
  };
  const FileDType* row = find_dtype(entry.dtype);
  if (row == nullptr) refuse(fmt::format("dtype {} is not read here", shown(entry.dtype)));
  const std::optional<std::uint64_t> elements = count_elements(entry.shape);
  const std::uint64_t bytes = entry.offsets[1] - entry.offsets[0];
  // Compared by division: a count times a size may not fit.
  const std::size_t each = row->element.size;
  if (!elements || bytes % each != 0 || bytes / each != *elements) {
    refuse(fmt::format("shape [{}] of {} does not fill its {} bytes", fmt::join(entry.shape, ", "),
                       entry.dtype, bytes));
  }
  Shape shape;
  for (const std::uint64_t size : entry.shape) shape.push_back(static_cast<std::int64_t>(size));
  Tensor tensor(row->element.dtype, shape);
  if (!read_elements(
          row->element,
          data.subspan(static_cast<std::size_t>(entry.offsets[0]), static_cast<std::size_t>(bytes)),
          tensor)) {
    refuse("a BOOL is neither 0 nor 1");
  }
  return tensor;
}

std::string json_text(const std::string& text) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::exception&) {
    fail<InputError>("{} is not UTF-8: it cannot be written into a safetensors file", shown(text));
  }
}

}  // namespace

Bytes write_safetensors(const SafeTensors& file) {
  std::vector<std::pair<const std::string*, const Tensor*>> order;
  for (const auto& [name, tensor] : file.tensors) {
    if (name == kMetadata) fail<InputError>("a tensor cannot be called {}", kMetadata);
    invariant(!tensor.empty(), "an empty tensor was to be written");
    order.emplace_back(&name, &tensor);
  }
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return size_of(a.second->dtype()) > size_of(b.second->dtype());
  });

  std::string header = "{";
  const auto add = [&](const std::string& member) {
    header += (header.size() > 1 ? "," : "") + member;
  };
  if (!file.metadata.empty()) {
    std::vector<std::string> notes;
    for (const auto& [key, value] : file.metadata) {
      notes.push_back(json_text(key) + ":" + json_text(value));
    }
    add(fmt::format("\"{}\":{{{}}}", kMetadata, fmt::join(notes, ",")));
  }
  std::size_t offset = 0;
  for (const auto& [name, tensor] : order) {
    const std::size_t end = offset + tensor->bytes();
    add(fmt::format(R"({}:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})", json_text(*name),
                    name_in_file(tensor->dtype()),
                    fmt::join(tensor->shape().begin(), tensor->shape().end(), ","), offset, end));
    offset = end;
  }
  header += "}";
  header.append((8 - header.size() % 8) % 8, ' ');

  Bytes bytes(kLengthBytes + header.size() + offset);
  const std::uint64_t length = header.size();
  std::memcpy(bytes.data(), &length, kLengthBytes);
  std::memcpy(bytes.data() + kLengthBytes, header.data(), header.size());
  std::uint8_t* to = bytes.data() + kLengthBytes + header.size();
  for (const auto& [name, tensor] : order) {
    if (tensor->bytes() != 0) std::memcpy(to, tensor->raw().data(), tensor->bytes());
    to += tensor->bytes();
  }
  return bytes;
}

SafeTensors read_safetensors(std::span<const std::uint8_t> bytes, std::string_view name) {
  if (bytes.size() < kLengthBytes) {
    fail<InputError>("{}: not a safetensors file: expected at least 8 bytes, got {}", name,
                     bytes.size());
  }
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), kLengthBytes);
  bytes = bytes.subspan(kLengthBytes);
  if (length > bytes.size()) {
    fail<InputError>("{}: not a whole safetensors file: its header takes {} bytes of {}", name,
                     length, bytes.size());
  }
  const std::string_view json(reinterpret_cast<const char*>(bytes.data()),
                              static_cast<std::size_t>(length));
  const std::span<const std::uint8_t> data = bytes.subspan(static_cast<std::size_t>(length));
  SafeTensorsHeader header = parse_safetensors_header(json, name);

  // The tensors must fill the data from its first byte to its last, none over another.
  std::sort(header.entries.begin(), header.entries.end(),
            [](const auto& a, const auto& b) { return a.offsets < b.offsets; });
  std::uint64_t end = 0;
  for (const SafeTensorsEntry& entry : header.entries) {
    const std::uint64_t first = entry.offsets[0];
    const std::uint64_t last = entry.offsets[1];
    if (first != end || last < first || last > data.size()) {
      fail<InputError>("{}: tensor {}: data_offsets [{}, {}] do not follow byte {} of {}", name,
                       shown(entry.name), first, last, end, data.size());
    }
    end = last;
  }
  if (end != data.size()) {
    fail<InputError>("{}: expected {} bytes of tensors, got {}", name, end, data.size());
  }
  SafeTensors file{.metadata = std::move(header.metadata)};
  for (const SafeTensorsEntry& entry : header.entries) {
    file.tensors[entry.name] = read_tensor(entry, data, name);
  }
  return file;
}

SafeTensors load_safetensors(const std::filesystem::path& path) {
  return read_safetensors(read_file(path), path.string());
}

void save_safetensors(const std::filesystem::path& path, const SafeTensors& file) {
  write_file(path, write_safetensors(file));
}

}  // namespace striate
