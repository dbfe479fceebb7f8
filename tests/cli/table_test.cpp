#include "cli/table.h"

#include <gtest/gtest.h>

namespace striate {
namespace {

TEST(Table, AlignsColumns) {
  Table table({{"name"}, {"count", Table::Align::right}});
  table.add({"a", "1"});
  table.add({"größer", "1,000"});
  EXPECT_EQ(table.str(),
            "name    count\n"
            "─────────────\n"
            "a           1\n"
            "größer  1,000\n");
}

TEST(Table, IsMarkdownToo) {
  Table table({{"name"}, {"count", Table::Align::right}});
  table.add({"a|b", "1"});
  table.rule();
  table.add({"sum", "1,000"});
  EXPECT_EQ(table.markdown(),
            "| name | count |\n"
            "| --- | ---: |\n"
            "| a\\|b | 1 |\n"
            "| sum | 1,000 |\n");
}

TEST(Table, ShortensByCharacters) {
  EXPECT_EQ(shortened("größer", 6), "größer");
  EXPECT_EQ(shortened("größere", 5), "größ…");
  EXPECT_EQ(shortened("", 3), "");
}

TEST(Table, NumbersForPeople) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(61100840), "61,100,840");
  EXPECT_EQ(grouped(-1234), "-1,234");
  EXPECT_EQ(grouped(-123), "-123");
  EXPECT_EQ(with_unit(12), "12");
  EXPECT_EQ(with_unit(5274), "5.27 K");
  EXPECT_EQ(with_unit(4.089e9), "4.09 G");
  EXPECT_EQ(bytes_text(12), "12 B");
  EXPECT_EQ(bytes_text(5274000), "5.27 MB");
  EXPECT_EQ(decimal(2.30259), "2.3026");
  EXPECT_EQ(decimal(593882.14), "5.939e+05");
  EXPECT_EQ(duration(0.0421), "42 ms");
  EXPECT_EQ(duration(12.34), "12.3 s");
  EXPECT_EQ(duration(75.3), "1 min 15 s");
  EXPECT_EQ(duration(7265), "2 h 1 min");
}

}  // namespace
}  // namespace striate
