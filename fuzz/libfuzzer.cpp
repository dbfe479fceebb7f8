// One program a target, for libFuzzer: STRIATE_FUZZ_TARGET is its name.

#include <string_view>

#include "fuzz/targets.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const striate::fuzz::Target& target : striate::fuzz::targets()) {
    if (std::string_view(target.name) == STRIATE_FUZZ_TARGET) target.read({data, size});
  }
  return 0;
}
