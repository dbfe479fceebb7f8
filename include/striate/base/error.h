#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace striate {

/// `text` as one line that is safe to show: control characters, which names out of files may hold,
/// as \n, \t or \x1b, and what is beyond some thousand bytes cut off.
std::string one_line(std::string_view text);

/// Root of everything the library throws on purpose. The message is one line for a person: what is
/// wrong, where, what was expected and what was found. The library never prints, exits or aborts.
class Error : public std::runtime_error {
 public:
  explicit Error(std::string_view what) : std::runtime_error(one_line(what)) {}
};

/// Something from outside is bad: a file, a flag, a picture. The command exits with 2 for it.
class InputError : public Error {
 public:
  using Error::Error;
};

/// A model or a shape is wrong; the message names the node.
class ModelError : public Error {
 public:
  using Error::Error;
};

/// The machine could not do what was asked of it (disk full, out of memory); the command exits
/// with 1 for it.
class SystemError : public Error {
 public:
  using Error::Error;
};

/// A fault of ours, or of a caller who broke a line marked REQUIRES.
class BugError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

/// Throws `E` with a formatted message.
template <class E, class... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  throw E(fmt::format(format, std::forward<Args>(args)...));
}

/// Throws BugError unless `condition` holds: for what only a fault of ours can break.
inline void invariant(bool condition, const char* what) {
  if (!condition) throw BugError(std::string("internal error: ") + what);
}

}  // namespace striate
