#include "striate/codec/pickle.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <optional>
#include <unordered_map>

#include "striate/base/error.h"

namespace striate {

static_assert(std::endian::native == std::endian::little, "pickles are little-endian");

// The stack machine of Python's pickletools, without what it could be made to do.
class PickleReader {
 public:
  PickleReader(std::span<const std::uint8_t> bytes, std::string_view name,
               std::span<const std::string_view> globals)
      : bytes_(bytes), name_(name), globals_(globals) {}

  Pickle read() {
    while (!step(take<std::uint8_t>())) {
    }
    pickle_.root_ = pop();
    pickle_.consumed_ = at_;
    return std::move(pickle_);
  }

 private:
  using Id = Pickle::Id;
  using Kind = Pickle::Kind;
  using Value = Pickle::Value;

  // A value takes some dozen times the bytes that name it.
  static constexpr std::size_t kMostValues = std::size_t{1} << 22;

  template <class... Args>
  [[noreturn]] void refuse(fmt::format_string<Args...> format, Args&&... args) const {
    fail<InputError>("{}: pickle, byte {}: {}", name_, at_,
                     fmt::format(format, std::forward<Args>(args)...));
  }

  std::string_view take_bytes(std::uint64_t count) {
    if (count > bytes_.size() - at_) {
      refuse("it ends after {} bytes, where {} more were announced", bytes_.size(), count);
    }
    const auto* begin = reinterpret_cast<const char*>(bytes_.data()) + at_;
    at_ += static_cast<std::size_t>(count);
    return {begin, static_cast<std::size_t>(count)};
  }
  template <class T>
  T take() {
    T value{};
    std::memcpy(&value, take_bytes(sizeof(T)).data(), sizeof(T));
    return value;
  }
  std::string_view take_line() {
    const auto* begin = bytes_.data() + at_;
    const auto* end = std::find(begin, bytes_.data() + bytes_.size(), '\n');
    const auto line = take_bytes(static_cast<std::uint64_t>(end - begin));
    take_bytes(1);
    return line;
  }

  void push(Value value) {
    if (pickle_.values_.size() >= kMostValues) refuse("it has more than {} values", kMostValues);
    stack_.push_back(static_cast<Id>(pickle_.values_.size()));
    pickle_.values_.push_back(std::move(value));
  }
  void push_text(std::string_view text) { push({.kind = Kind::text, .text = std::string(text)}); }
  void push_integer(std::int64_t value) { push({.kind = Kind::integer, .integer = value}); }

  Id pop() {
    const std::size_t floor = marks_.empty() ? 0 : marks_.back();
    if (stack_.size() <= floor) refuse("it takes a value that is not there");
    const Id id = stack_.back();
    stack_.pop_back();
    return id;
  }
  std::vector<Id> pop_to_mark() {
    if (marks_.empty()) refuse("it takes values up to a mark that is not there");
    const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<Id> items(begin, stack_.end());
    stack_.erase(begin, stack_.end());
    marks_.pop_back();
    return items;
  }
  std::vector<Id> pop_items(std::size_t count) {
    std::vector<Id> items(count);
    for (std::size_t i = count; i-- > 0;) items[i] = pop();
    return items;
  }
  Value& top(Kind kind, const char* what) {
    const std::size_t floor = marks_.empty() ? 0 : marks_.back();
    if (stack_.size() <= floor) refuse("it takes a value that is not there");
    Value& value = pickle_.values_[stack_.back()];
    if (value.kind != kind) refuse("it adds to what is no {}", what);
    return value;
  }

  void append(std::vector<Id> items) {
    std::vector<Id>& list = top(Kind::list, "list").items;
    list.insert(list.end(), items.begin(), items.end());
  }
  void set_items(std::vector<Id> items) {
    if (items.size() % 2 != 0) refuse("a key has no value");
    std::vector<Id>& dict = top(Kind::dict, "dictionary").items;
    dict.insert(dict.end(), items.begin(), items.end());
  }

  void memoize(std::uint64_t key) {
    if (stack_.empty()) refuse("it keeps a value that is not there");
    memo_[key] = stack_.back();
  }
  void recall(std::uint64_t key) {
    const auto found = memo_.find(key);
    if (found == memo_.end()) refuse("it wants back value {}, which it did not keep", key);
    stack_.push_back(found->second);
  }

  std::int64_t parsed(std::string_view text) const {
    if (text.ends_with('L')) text.remove_suffix(1);  // as Python 2 wrote it
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) refuse("no number: {}", text);
    return value;
  }

  void push_global(std::string_view module, std::string_view name) {
    const std::string full = std::string(module) + "." + std::string(name);
    if (std::find(globals_.begin(), globals_.end(), full) == globals_.end()) {
      refuse("it names {}: only tensors are read, and nothing is ever called", full);
    }
    push({.kind = Kind::global, .text = full});
  }

  // The bytes of an integer in two's complement.
  void push_long(std::string_view bytes) {
    if (bytes.size() > 8) return push_text(bytes);
    std::uint64_t value = 0;
    std::memcpy(&value, bytes.data(), bytes.size());
    const bool negative = !bytes.empty() && (static_cast<unsigned char>(bytes.back()) & 0x80U) != 0;
    if (negative && bytes.size() < 8) value |= ~std::uint64_t{0} << (8 * bytes.size());
    push_integer(static_cast<std::int64_t>(value));
  }

  void call() {
    const Id arguments = pop();
    const Id callee = pop();
    if (pickle_.values_[callee].kind != Kind::global ||
        pickle_.values_[arguments].kind != Kind::tuple) {
      refuse("it calls what has no name");
    }
    if (pickle_.values_[callee].text != "collections.OrderedDict") {
      return push({.kind = Kind::call, .items = {callee, arguments}});
    }
    // A dictionary, of pairs where there are any.
    Value dict{.kind = Kind::dict};
    const std::vector<Id>& given = pickle_.values_[arguments].items;
    if (!given.empty()) {
      for (const Id pair : pickle_.values_[given[0]].items) {
        const std::vector<Id>& items = pickle_.values_[pair].items;
        if (items.size() != 2) refuse("a dictionary is made of what are no pairs");
        // A list that is used often counts as often.
        if (++copied_ > bytes_.size()) refuse("its dictionaries are larger than itself");
        dict.items.insert(dict.items.end(), items.begin(), items.end());
      }
    }
    push(std::move(dict));
  }

  // True at the end.
  bool step(std::uint8_t opcode) {
    switch (opcode) {
      case 0x80:  // PROTO
        if (const auto version = take<std::uint8_t>(); version > 5) {
          refuse("protocol {} is not known", version);
        }
        return false;
      case 0x95:  // FRAME
        take<std::uint64_t>();
        return false;
      case '.':
        return true;
      case '(':
        marks_.push_back(stack_.size());
        return false;
      case '0':  // POP
        pop();
        return false;
      case 'N':
        push({});
        return false;
      case 0x88:
      case 0x89:
        push({.kind = Kind::boolean, .integer = opcode == 0x88 ? 1 : 0});
        return false;
      case 'b':  // BUILD: attributes, of which nothing here has any
        pop();
        return false;
      case 'R':
        call();
        return false;
      default:
        if (step_number(opcode) || step_text(opcode) || step_container(opcode) ||
            step_memo(opcode)) {
          return false;
        }
        refuse("opcode {:#04x} is not read: only tensors are", opcode);
    }
  }

  bool step_number(std::uint8_t opcode) {
    switch (opcode) {
      case 'I': {
        const std::string_view line = take_line();
        if (line == "00" || line == "01") {
          push({.kind = Kind::boolean, .integer = line == "01" ? 1 : 0});
        } else {
          push_integer(parsed(line));
        }
        return true;
      }
      case 'L': {
        const std::string_view line = take_line();
        if (line.size() > 20) {
          push_text(line);
        } else {
          push_integer(parsed(line));
        }
        return true;
      }
      case 'J':
        push_integer(take<std::int32_t>());
        return true;
      case 'K':
        push_integer(take<std::uint8_t>());
        return true;
      case 'M':
        push_integer(take<std::uint16_t>());
        return true;
      case 0x8a:
        push_long(take_bytes(take<std::uint8_t>()));
        return true;
      case 0x8b:
        push_long(take_bytes(take<std::uint32_t>()));
        return true;
      case 'F': {
        const std::string line(take_line());
        push({.kind = Kind::number, .number = std::strtod(line.c_str(), nullptr)});
        return true;
      }
      case 'G': {
        const std::uint64_t bits = __builtin_bswap64(take<std::uint64_t>());
        push({.kind = Kind::number, .number = std::bit_cast<double>(bits)});
        return true;
      }
      default:
        return false;
    }
  }

  bool step_text(std::uint8_t opcode) {
    switch (opcode) {
      case 'S': {
        std::string_view line = take_line();
        const bool quoted = line.size() >= 2 && line.front() == line.back() &&
                            (line.front() == '\'' || line.front() == '"');
        if (!quoted) refuse("a text is not quoted");
        push_text(line.substr(1, line.size() - 2));
        return true;
      }
      case 'V':
        push_text(take_line());
        return true;
      case 'U':
      case 'C':
      case 0x8c:
        push_text(take_bytes(take<std::uint8_t>()));
        return true;
      case 'T':
      case 'X':
      case 'B':
        push_text(take_bytes(take<std::uint32_t>()));
        return true;
      case 0x8d:
      case 0x8e:
        push_text(take_bytes(take<std::uint64_t>()));
        return true;
      case 'c': {
        const std::string_view module = take_line();
        push_global(module, take_line());
        return true;
      }
      case 0x93: {  // STACK_GLOBAL
        const Id name = pop();
        const Id module = pop();
        // Copies: pushing moves the values.
        const std::string first = pickle_.values_[module].text;
        const std::string second = pickle_.values_[name].text;
        push_global(first, second);
        return true;
      }
      default:
        return false;
    }
  }

  bool step_container(std::uint8_t opcode) {
    switch (opcode) {
      case ')':
        push({.kind = Kind::tuple});
        return true;
      case 't':
        push({.kind = Kind::tuple, .items = pop_to_mark()});
        return true;
      case 0x85:
      case 0x86:
      case 0x87:
        push({.kind = Kind::tuple, .items = pop_items(opcode - 0x84U)});
        return true;
      case ']':
        push({.kind = Kind::list});
        return true;
      case 'l':
        push({.kind = Kind::list, .items = pop_to_mark()});
        return true;
      case 'a':
        append(pop_items(1));
        return true;
      case 'e':
        append(pop_to_mark());
        return true;
      case '}':
        push({.kind = Kind::dict});
        return true;
      case 'd': {
        std::vector<Id> items = pop_to_mark();
        push({.kind = Kind::dict});
        set_items(std::move(items));
        return true;
      }
      case 's':
        set_items(pop_items(2));
        return true;
      case 'u':
        set_items(pop_to_mark());
        return true;
      case 'Q':
        push({.kind = Kind::persistent, .items = pop_items(1)});
        return true;
      default:
        return false;
    }
  }

  bool step_memo(std::uint8_t opcode) {
    switch (opcode) {
      case 'p':
        memoize(static_cast<std::uint64_t>(parsed(take_line())));
        return true;
      case 'q':
        memoize(take<std::uint8_t>());
        return true;
      case 'r':
        memoize(take<std::uint32_t>());
        return true;
      case 0x94:
        memoize(memo_.size());
        return true;
      case 'g':
        recall(static_cast<std::uint64_t>(parsed(take_line())));
        return true;
      case 'h':
        recall(take<std::uint8_t>());
        return true;
      case 'j':
        recall(take<std::uint32_t>());
        return true;
      default:
        return false;
    }
  }

  std::span<const std::uint8_t> bytes_;
  std::string name_;
  std::span<const std::string_view> globals_;
  std::size_t at_ = 0;
  std::size_t copied_ = 0;
  Pickle pickle_;
  std::vector<Id> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint64_t, Id> memo_;
};

Pickle read_pickle(std::span<const std::uint8_t> bytes, std::string_view name,
                   std::span<const std::string_view> globals) {
  return PickleReader(bytes, name, globals).read();
}

}  // namespace striate
