#include "striate/base/error.h"

#include <gtest/gtest.h>

namespace striate {
namespace {

TEST(Error, IsOneLineWhateverItQuotes) {
  EXPECT_EQ(one_line("a \"b\" é\\"), "a \"b\" é\\");
  EXPECT_EQ(one_line(std::string_view("a\nb\tc\x1b[2J\r\0\x7f", 12)),
            "a\\nb\\tc\\x1b[2J\\x0d\\x00\\x7f");
  EXPECT_EQ(one_line(one_line("a\nb")), "a\\nb");
  try {
    fail<InputError>("{}: bad", "two\nlines");
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "two\\nlines: bad");
  }
}

TEST(Error, IsNotAsLongAsItsFile) {
  const std::string line = one_line(std::string(100000, 'x'));
  EXPECT_LT(line.size(), 4100U);
  EXPECT_TRUE(line.ends_with("(96000 bytes more)")) << line.substr(3990);
}

}  // namespace
}  // namespace striate
