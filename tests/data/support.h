#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "striate/base/error.h"
#include "striate/base/files.h"
#include "striate/data/dataset.h"
#include "testing/paths.h"
#include "testing/temporary_folder.h"

namespace striate::testing_data {

/// What an InputError thrown by `act` says; "accepted" where it throws none.
template <class Act>
std::string refusal(Act act) {
  try {
    act();
  } catch (const InputError& error) {
    const std::string message = error.what();
    EXPECT_EQ(message.find('\n'), std::string::npos) << "more than one line: " << message;
    return message;
  }
  return "accepted";
}

/// Pictures whose bytes tell which example they are.
class Numbered : public Dataset {
 public:
  Numbered(std::int64_t size, int width, int height, int channels)
      : size_(size), width_(width), height_(height), channels_(channels) {}

  std::int64_t size() const override { return size_; }
  const std::vector<std::string>& classes() const override { return classes_; }
  Example get(std::int64_t index) const override {
    if (index == bad) throw InputError("picture 7.png: bad PNG");
    Example example{Image(width_, height_, channels_), index % 2};
    for (std::size_t i = 0; i < example.picture.pixels.size(); ++i) {
      example.picture.pixels[i] =
          static_cast<std::uint8_t>(static_cast<std::size_t>(index) * 7 + i * 3);
    }
    return example;
  }

  std::int64_t bad = -1;  ///< the example that cannot be read

 private:
  std::int64_t size_;
  int width_, height_, channels_;
  std::vector<std::string> classes_{"even", "odd"};
};

/// A folder of the real data that some machines have beside the checkout.
inline std::filesystem::path shared_data(const std::string& name) {
  return std::filesystem::path(kSourceFolder) / ".." / "shared" / "data" / name;
}

#define STRIATE_SKIP_WITHOUT(place)                                          \
  if (!std::filesystem::exists(place)) {                                     \
    GTEST_SKIP() << std::filesystem::path(place).string() << " is not here"; \
  }                                                                          \
  static_assert(true)

}  // namespace striate::testing_data
