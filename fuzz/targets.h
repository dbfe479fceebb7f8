#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace striate::fuzz {

/// A reader of bytes from outside. `read` gives it `bytes` as a user's file would and returns what
/// it refused them with, empty where it took them. An Error is the only thing that may come out of
/// a reader; anything else comes out of `read` too.
struct Target {
  const char* name;
  std::string (*read)(std::span<const std::uint8_t> bytes);
};

std::span<const Target> targets();

}  // namespace striate::fuzz
