#include "striate/codec/utf8.h"

#include <gmock/gmock.h>

#include "striate/base/error.h"

namespace striate {
namespace {

using testing::HasSubstr;

std::string refusal(const std::string& text) {
  try {
    utf8_text(Bytes(text.begin(), text.end()), "a.txt");
    return "read";
  } catch (const InputError& error) {
    return error.what();
  }
}

TEST(Utf8, KnowsCharacters) {
  const std::string text = "a\u00e9\u20ac\U0001f600";
  EXPECT_EQ(utf8_characters(text),
            (std::vector<std::string_view>{"a", "\u00e9", "\u20ac", "\U0001f600"}));
  EXPECT_EQ(utf8_length("\xc0\x80"), 0U);          // overlong
  EXPECT_EQ(utf8_length("\xed\xa0\x80"), 0U);      // a surrogate
  EXPECT_EQ(utf8_length("\xf4\x90\x80\x80"), 0U);  // beyond the last
  EXPECT_EQ(utf8_length("\xe2\x82"), 0U);          // cut short
  EXPECT_EQ(utf8_length(""), 0U);
}

TEST(Utf8, LeavesOutTheMark) {
  const std::string text = "\xef\xbb\xbfx";
  const Bytes bytes(text.begin(), text.end());
  EXPECT_EQ(utf8_text(bytes, "a.txt"), "x");
}

TEST(Utf8, SaysWhatIsNoText) {
  EXPECT_THAT(refusal(std::string("\xff\xfe\x61\x00", 4)), HasSubstr("a.txt: it is UTF-16"));
  EXPECT_THAT(refusal("ab\ncaf\xe9\n"), HasSubstr("a.txt: line 2: byte 0xe9 is no text in UTF-8"));
  EXPECT_THAT(refusal(std::string("a\0b", 3)), HasSubstr("line 1: byte 0x00"));
}

}  // namespace
}  // namespace striate
