#include "draw/text.h"

#include <gtest/gtest.h>

namespace striate::draw {
namespace {

constexpr const char* kBad = "\xef\xbf\xbd";

TEST(Text, PrintableKeepsGoodUtf8) {
  for (const char* good : {"", "plain", "größe", "漢字", "😀", "a\u0080b", "\uffee"}) {
    EXPECT_EQ(printable(good), good);
  }
}

TEST(Text, PrintableReplacesWhatIsNotUtf8) {
  const std::string bad = kBad;
  EXPECT_EQ(printable("\xff"), bad);
  EXPECT_EQ(printable("a\x80z"), "a" + bad + "z");
  EXPECT_EQ(printable("\xc0\xaf"), bad + bad);                      // overlong "/"
  EXPECT_EQ(printable("\xe0\x80\xaf"), bad + bad + bad);            // overlong in three bytes
  EXPECT_EQ(printable("\xed\xa0\x80"), bad + bad + bad);            // a surrogate
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), bad + bad + bad + bad);  // beyond U+10FFFF
  EXPECT_EQ(printable("\xef\xbf\xbf"), bad + bad + bad);            // U+FFFF, which XML forbids
  EXPECT_EQ(printable("x\xe2\x82"), "x" + bad + bad);               // cut short
}

TEST(Text, PrintableIsOneLine) {
  EXPECT_EQ(printable("a\nb\tc\x7f"), "a b c ");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a b");
}

TEST(Text, XmlIsEscaped) {
  EXPECT_EQ(xml_escaped("R&D <\"x\"> 'y'"), "R&amp;D &lt;&quot;x&quot;&gt; &#39;y&#39;");
}

TEST(Text, WithoutLastDropsWholeCharacters) {
  EXPECT_EQ(without_last("abc"), "ab");
  EXPECT_EQ(without_last("a漢"), "a");
  EXPECT_EQ(without_last("😀"), "");
  EXPECT_EQ(without_last(""), "");
}

}  // namespace
}  // namespace striate::draw
