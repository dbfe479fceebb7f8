#include "formats/onnx_external.h"

#include <algorithm>
#include <charconv>
#include <fstream>

#include "striate/base/error.h"

namespace striate {
namespace {

namespace fs = std::filesystem;

std::uint64_t number_of(const std::string& text, const std::string& key, std::string_view what) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    fail<InputError>("{}: external {}: expected a number, got {}", what, key, text);
  }
  return value;
}

}  // namespace

ExternalData::File& ExternalData::open(const std::string& location, std::string_view what) {
  const auto found = files_.find(location);
  if (found != files_.end()) return found->second;
  std::error_code error;
  const fs::path root = fs::canonical(folder_.empty() ? fs::path(".") : folder_, error);
  const fs::path path = error ? fs::path() : fs::canonical(root / location, error);
  // Both are free of links and dots now. A model must not read what lies elsewhere.
  const bool below =
      !error &&
      std::mismatch(root.begin(), root.end(), path.begin(), path.end()).first == root.end();
  if (!below || !fs::is_regular_file(path)) {
    fail<InputError>("{}: its elements lie in {}, which is no file in the model's folder", what,
                     location);
  }
  return files_.emplace(location, File{path, fs::file_size(path), 0}).first->second;
}

Bytes ExternalData::read(const onnx::TensorProto& proto, std::uint64_t bytes,
                         std::string_view what) {
  std::string location;
  std::uint64_t offset = 0;
  for (const auto& entry : proto.external_data()) {
    if (entry.key() == "location") location = entry.value();
    if (entry.key() == "offset") offset = number_of(entry.value(), "offset", what);
    if (entry.key() == "length") {
      const std::uint64_t length = number_of(entry.value(), "length", what);
      if (length != bytes) {
        fail<InputError>("{}: external length: expected {} bytes, got {}", what, bytes, length);
      }
    }
  }
  File& file = open(location, what);
  if (offset > file.size || bytes > file.size - offset) {
    fail<InputError>("{}: expected {} bytes from byte {} of {}, which has {}", what, bytes, offset,
                     location, file.size);
  }
  if (bytes > file.size - file.taken) {
    fail<InputError>("{}: tensors lie over one another in {}", what, location);
  }
  file.taken += bytes;
  Bytes content(static_cast<std::size_t>(bytes));
  std::ifstream stream(file.path, std::ios::binary);
  stream.seekg(static_cast<std::streamoff>(offset));
  stream.read(reinterpret_cast<char*>(content.data()), static_cast<std::streamsize>(bytes));
  if (!stream) fail<InputError>("{}: {} cannot be read", what, location);
  return content;
}

}  // namespace striate
