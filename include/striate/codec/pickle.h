#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace striate {

/// What a Python pickle (protocols 0 to 5) says, as data: nothing is imported, made or called. A
/// value may be reached on several ways, and lists and dictionaries from themselves.
class Pickle {
 public:
  using Id = std::uint32_t;
  enum class Kind : std::uint8_t {
    none,
    boolean,
    integer,     ///< of at most 64 bits
    number,      ///< a float
    text,        ///< text, bytes, and longer integers as their bytes
    tuple,       ///< `items`
    list,        ///< `items`
    dict,        ///< `items`: key, value, key, value, …; OrderedDict too
    global,      ///< `text`: "module.name"
    call,        ///< `items`: a global and the tuple it would be called with
    persistent,  ///< `items`: what the pickler's owner was told of something kept elsewhere
  };
  struct Value {
    Kind kind = Kind::none;
    std::int64_t integer = 0;
    double number = 0;
    std::string text;
    std::vector<Id> items;
  };

  const Value& operator[](Id id) const { return values_[id]; }
  const std::vector<Value>& values() const { return values_; }
  const Value& root() const { return values_[root_]; }
  Id root_id() const { return root_; }
  /// Bytes up to and with the end of the pickle.
  std::size_t consumed() const { return consumed_; }

 private:
  friend class PickleReader;
  std::vector<Value> values_;
  Id root_ = 0;
  std::size_t consumed_ = 0;
};

/// Reads the pickle that `bytes` begins with. `globals` are the only "module.name"s it may mention;
/// `name` stands for it in messages. Throws InputError for other names, opcodes that build what is
/// not listed above, and anything that is no whole pickle.
Pickle read_pickle(std::span<const std::uint8_t> bytes, std::string_view name,
                   std::span<const std::string_view> globals);

}  // namespace striate
