#include "data/json_records.h"

#include <algorithm>
#include <iterator>

#include <nlohmann/json.hpp>

#include "striate/base/error.h"

namespace striate {
namespace {

using nlohmann::json;

// Characters, and where the parser is.
class Counted {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  Counted(const char* at, const char** reached) : at_(at), reached_(reached) {}
  reference operator*() const { return *at_; }
  Counted& operator++() {
    *reached_ = ++at_;
    return *this;
  }
  Counted operator++(int) {
    Counted before = *this;
    ++*this;
    return before;
  }
  friend bool operator==(const Counted& a, const Counted& b) { return a.at_ == b.at_; }

 private:
  const char* at_;
  const char** reached_;
};

// Depths: what lies in the outermost object or array has depth 1.
class Listener {
 public:
  using number_integer_t = json::number_integer_t;
  using number_unsigned_t = json::number_unsigned_t;
  using number_float_t = json::number_float_t;
  using string_t = json::string_t;
  using binary_t = json::binary_t;

  Listener(std::string_view text, std::string_view file, const std::vector<std::string>& wanted,
           const std::function<void(std::string_view, const JsonRecord&)>& on_record)
      : reached(text.data()),
        counted_(text.data()),
        file_(file),
        wanted_(wanted),
        on_record_(on_record) {}

  bool null() { return scalar("", nullptr); }
  bool boolean(bool value) {
    const double number = value ? 1 : 0;
    return scalar(value ? "1" : "0", &number);
  }
  bool number_integer(number_integer_t value) {
    const auto number = static_cast<double>(value);
    return scalar(std::to_string(value), &number);
  }
  bool number_unsigned(number_unsigned_t value) {
    const auto number = static_cast<double>(value);
    return scalar(std::to_string(value), &number);
  }
  bool number_float(number_float_t value, const string_t& text) { return scalar(text, &value); }
  bool string(string_t& value) { return scalar(value, nullptr); }
  bool binary(binary_t&) { return true; }

  bool start_object(std::size_t) {
    spoil();
    if (depth_ == record_depth() - 1 && array_open_ && record_depth() > 0) {
      record_ = {};
      record_.line = line();
      in_record_ = true;
    }
    if (depth_ == 0) outermost_ = '{';
    ++depth_;
    return true;
  }
  bool key(string_t& value) {
    if (depth_ == 1 && outermost_ == '{') section_ = value;
    if (in_record_ && depth_ == record_depth()) {
      key_ = std::find(wanted_.begin(), wanted_.end(), value) != wanted_.end() ? value : "";
    }
    return true;
  }
  bool end_object() {
    --depth_;
    if (in_record_ && depth_ == record_depth() - 1) {
      in_record_ = false;
      on_record_(section_, record_);
    }
    return true;
  }
  bool start_array(std::size_t) {
    spoil();
    if (depth_ == 0) outermost_ = '[';
    if (depth_ == record_depth() - 2) array_open_ = true;
    if (in_record_ && depth_ == record_depth() && !key_.empty()) {
      list_ = &record_.lists[key_];
      list_->clear();
    }
    ++depth_;
    return true;
  }
  bool end_array() {
    --depth_;
    if (depth_ == record_depth() - 2) array_open_ = false;
    if (in_record_ && depth_ == record_depth()) list_ = nullptr;
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const json::exception& error) {
    std::string_view what = error.what();
    what.remove_prefix(std::min(what.find("] ") + 2, what.size()));
    fail<InputError>("{}: line {}: not JSON: {}", file_, line(), what);
  }

  const char* reached;

 private:
  // The depth of the keys of a record: in [{…}] 2, in {"images": [{…}]} 3.
  int record_depth() const { return outermost_ == '[' ? 2 : 3; }
  // A list with anything but numbers in it is none.
  void spoil() {
    if (list_ == nullptr) return;
    list_ = nullptr;
    record_.lists.erase(key_);
  }
  bool scalar(std::string text, const double* number) {
    if (list_ != nullptr && depth_ == record_depth() + 1) {
      if (number == nullptr) {
        spoil();
      } else {
        list_->push_back(*number);
      }
    } else if (in_record_ && depth_ == record_depth() && !key_.empty()) {
      if (number != nullptr) record_.numbers[key_] = *number;
      record_.texts[key_] = std::move(text);
    }
    return true;
  }
  std::int64_t line() {
    line_ += std::count(counted_, reached, '\n');
    counted_ = reached;
    return line_;
  }

  const char* counted_;
  std::string_view file_;
  const std::vector<std::string>& wanted_;
  const std::function<void(std::string_view, const JsonRecord&)>& on_record_;
  std::int64_t line_ = 1;
  int depth_ = 0;
  char outermost_ = '{';
  bool array_open_ = false, in_record_ = false;
  std::string section_, key_;
  JsonRecord record_;
  std::vector<double>* list_ = nullptr;
};

}  // namespace

void read_json_records(std::string_view text, std::string_view file,
                       const std::vector<std::string>& wanted,
                       const std::function<void(std::string_view, const JsonRecord&)>& on_record) {
  Listener listener(text, file, wanted, on_record);
  json::sax_parse(Counted(text.data(), &listener.reached),
                  Counted(text.data() + text.size(), &listener.reached), &listener);
}

}  // namespace striate
