// Every reader of bytes from outside, given files that are cut short, flipped, spliced and random.
// The same readers are what the fuzzers of fuzz/ drive; what those found lies in fuzz/corpus.

#include <algorithm>
#include <filesystem>
#include <sys/resource.h>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "fuzz/targets.h"
#include "striate/base/error.h"
#include "striate/base/files.h"
#include "striate/base/random.h"
#include "testing/paths.h"

namespace striate {
namespace {

namespace fs = std::filesystem;

std::int64_t peak_bytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{usage.ru_maxrss} * 1024;
}

class Damage : public ::testing::TestWithParam<fuzz::Target> {
 protected:
  // What a reader refuses with is one line of text, and nothing but an Error comes out of it.
  void try_reading(const Bytes& bytes, const std::string& what) const {
    std::string refusal;
    try {
      refusal = GetParam().read(bytes);
    } catch (const std::exception& error) {
      FAIL() << what << ": " << error.what();
    }
    ASSERT_EQ(refusal, one_line(refusal)) << what;
  }

  static Bytes mutated(Bytes bytes, Random& random) {
    for (std::uint32_t edit = random.below(4) + 1; edit > 0; --edit) {
      const auto at =
          static_cast<std::ptrdiff_t>(random.below(static_cast<std::uint32_t>(bytes.size()) + 1));
      const auto count = std::min<std::ptrdiff_t>(random.below(9) + 1,
                                                  static_cast<std::ptrdiff_t>(bytes.size()) - at);
      switch (random.below(4)) {
        case 0:  // other bytes, the edges of their range among them
          for (std::ptrdiff_t i = at; i < at + count; ++i) {
            const std::uint8_t edges[] = {0, 1, 0x7f, 0x80, 0xff};
            bytes[static_cast<std::size_t>(i)] = random.below(2) == 0
                                                     ? edges[random.below(5)]
                                                     : static_cast<std::uint8_t>(random.below(256));
          }
          break;
        case 1:
          bytes.erase(bytes.begin() + at, bytes.begin() + at + count);
          break;
        case 2:
          bytes.insert(bytes.begin() + at, 8, static_cast<std::uint8_t>(random.below(256)));
          break;
        default: {  // a piece of itself
          const Bytes piece(bytes.begin() + at, bytes.begin() + at + count);
          const auto to = random.below(static_cast<std::uint32_t>(bytes.size()) + 1);
          bytes.insert(bytes.begin() + to, piece.begin(), piece.end());
        }
      }
    }
    return bytes;
  }
};

TEST_P(Damage, IsRefusedInALineOrRead) {
  constexpr std::size_t kCuts = 500, kFlips = 1000;
  constexpr int kMutations = 300, kRandom = 100;
  const fs::path corpus = fs::path(kSourceFolder) / "fuzz/corpus" / GetParam().name;
  const std::int64_t before = peak_bytes();
  int good = 0;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(corpus)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) {
    const std::string name = file.filename().string();
    const Bytes whole = read_file(file);
    if (name.starts_with("found-")) {
      try_reading(whole, name);
      continue;
    }
    ++good;
    EXPECT_EQ(GetParam().read(whole), "") << name;
    const std::size_t step = std::max<std::size_t>(1, whole.size() / kCuts);
    for (std::size_t length = 0; length < whole.size(); length += step) {
      const auto end = whole.begin() + static_cast<std::ptrdiff_t>(length);
      ASSERT_NO_FATAL_FAILURE(
          try_reading(Bytes(whole.begin(), end), fmt::format("{} cut to {} bytes", name, length)));
    }
    const std::size_t stride = std::max<std::size_t>(1, 8 * whole.size() / kFlips);
    Bytes flipped = whole;
    for (std::size_t bit = 0; bit < 8 * whole.size(); bit += stride) {
      const auto mask = static_cast<std::uint8_t>(1U << bit % 8);
      flipped[bit / 8] ^= mask;
      ASSERT_NO_FATAL_FAILURE(
          try_reading(flipped, fmt::format("{} with bit {} flipped", name, bit)));
      flipped[bit / 8] ^= mask;
    }
    for (int number = 0; number < kMutations; ++number) {
      Random random({.seed = 1, .purpose = purpose_of("damage:" + name)},
                    static_cast<std::uint64_t>(number));
      ASSERT_NO_FATAL_FAILURE(
          try_reading(mutated(whole, random), fmt::format("{}, mutation {}", name, number)));
    }
  }
  EXPECT_GE(good, 1) << "no good file to begin with";
  for (int number = 0; number < kRandom; ++number) {
    Random random({.seed = 2, .purpose = purpose_of("damage")}, static_cast<std::uint64_t>(number));
    Bytes bytes(random.below(400));
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random.below(256));
    ASSERT_NO_FATAL_FAILURE(try_reading(bytes, fmt::format("random bytes {}", number)));
  }
  // No file here is larger than some kilobytes; a picture may take what kMaxPixels allows.
  EXPECT_LT(peak_bytes() - before, std::int64_t{1} << 29);
}

INSTANTIATE_TEST_SUITE_P(EveryReader, Damage, ::testing::ValuesIn(fuzz::targets()),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace striate
