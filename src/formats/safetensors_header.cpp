#include "formats/safetensors_header.h"

#include <set>

#include <nlohmann/json.hpp>

#include "striate/base/error.h"
#include "striate/tensor/tensor.h"

namespace striate {

std::string shown(std::string_view name) {
  constexpr std::size_t kLongest = 80;
  const bool cut = name.size() > kLongest;
  const nlohmann::json text(std::string(name.substr(0, kLongest)));
  return text.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace) + (cut ? "…" : "");
}

namespace {

// Hears the JSON as it is read: nothing but the format's own form is ever kept, so neither depth
// nor size can grow beyond the header's, and a name given twice is seen.
class Listener {
 public:
  using number_integer_t = nlohmann::json::number_integer_t;
  using number_unsigned_t = nlohmann::json::number_unsigned_t;
  using number_float_t = nlohmann::json::number_float_t;
  using string_t = nlohmann::json::string_t;
  using binary_t = nlohmann::json::binary_t;

  explicit Listener(std::string_view file) : file_(file) {}

  SafeTensorsHeader take() && { return std::move(header_); }

  // NOLINTBEGIN(readability-convert-member-functions-to-static): the parser calls these
  bool null() { return unexpected("null"); }
  bool boolean(bool) { return unexpected("a truth value"); }
  bool number_integer(number_integer_t value) {
    return unexpected(fmt::format("the number {}", value));
  }
  bool number_float(number_float_t, const string_t& text) {
    return unexpected("the number " + text.substr(0, 40));
  }
  bool binary(binary_t&) { return unexpected("bytes"); }
  // NOLINTEND(readability-convert-member-functions-to-static)

  bool number_unsigned(number_unsigned_t value) {
    if (place_ != Place::list) return unexpected(fmt::format("the number {}", value));
    const std::size_t most = list_ == "shape" ? std::size_t{Shape::kMaxRank} : 2;
    if (numbers().size() == most) {
      fail<InputError>("{}: tensor {}: {} has more than {} numbers", file_, tensor(), list_, most);
    }
    numbers().push_back(value);
    return true;
  }

  bool string(string_t& value) {
    if (place_ == Place::metadata) {
      header_.metadata[key_] = std::move(value);
    } else if (place_ == Place::entry && key_ == "dtype") {
      header_.entries.back().dtype = std::move(value);
    } else {
      return unexpected("the text " + shown(value));
    }
    return true;
  }

  bool start_object(std::size_t) {
    if (place_ == Place::nothing) {
      place_ = Place::top;
    } else if (place_ == Place::top) {
      place_ = key_ == "__metadata__" ? Place::metadata : Place::entry;
      if (place_ == Place::entry) header_.entries.push_back({.name = key_});
      inner_keys_.clear();
    } else {
      return unexpected("an object");
    }
    return true;
  }

  bool end_object() {
    if (place_ == Place::entry) {
      const SafeTensorsEntry& entry = header_.entries.back();
      for (const char* field : {"dtype", "shape", "data_offsets"}) {
        if (!inner_keys_.contains(field)) {
          fail<InputError>("{}: tensor {} has no {}", file_, tensor(), field);
        }
      }
      if (entry.offsets.size() != 2) {
        fail<InputError>("{}: tensor {}: expected two data_offsets, got {}", file_, tensor(),
                         entry.offsets.size());
      }
    }
    place_ = place_ == Place::top ? Place::end : Place::top;
    return true;
  }

  bool key(string_t& name) {
    std::set<std::string>& keys = place_ == Place::top ? top_keys_ : inner_keys_;
    if (!keys.insert(name).second) {
      fail<InputError>("{}: the header names {} twice", file_, shown(name));
    }
    key_ = std::move(name);
    if (place_ == Place::entry && key_ != "dtype" && key_ != "shape" && key_ != "data_offsets") {
      fail<InputError>("{}: tensor {}: unknown field {}", file_, tensor(), shown(key_));
    }
    return true;
  }

  bool start_array(std::size_t) {
    if (place_ != Place::entry || key_ == "dtype") return unexpected("a list");
    place_ = Place::list;
    list_ = key_;
    return true;
  }

  bool end_array() {
    place_ = Place::entry;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) {
    fail<InputError>("{}: the header is not JSON in UTF-8 (at its byte {})", file_, position);
  }

 private:
  enum class Place : std::uint8_t { nothing, top, metadata, entry, list, end };

  std::string tensor() const { return shown(header_.entries.back().name); }

  std::vector<std::uint64_t>& numbers() {
    SafeTensorsEntry& entry = header_.entries.back();
    return list_ == "shape" ? entry.shape : entry.offsets;
  }

  [[noreturn]] bool unexpected(const std::string& what) const {
    switch (place_) {
      case Place::nothing:
      case Place::end:
        fail<InputError>("{}: the header is {}, not an object", file_, what);
      case Place::top:
        fail<InputError>("{}: {}: expected an object, got {}", file_, shown(key_), what);
      case Place::metadata:
        fail<InputError>("{}: __metadata__ {}: expected a text, got {}", file_, shown(key_), what);
      case Place::entry:
        fail<InputError>("{}: tensor {}: {} is {}", file_, tensor(), key_, what);
      case Place::list:
        fail<InputError>("{}: tensor {}: {} holds {}", file_, tensor(), list_, what);
    }
    throw BugError("a safetensors header in no place");
  }

  std::string_view file_;
  SafeTensorsHeader header_;
  Place place_ = Place::nothing;
  std::string key_, list_;
  std::set<std::string> top_keys_, inner_keys_;
};

}  // namespace

SafeTensorsHeader parse_safetensors_header(std::string_view json, std::string_view file) {
  Listener listener(file);
  nlohmann::json::sax_parse(json.begin(), json.end(), &listener);
  return std::move(listener).take();
}

}  // namespace striate
