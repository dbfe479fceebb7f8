#include "striate/codec/csv.h"

#include <gmock/gmock.h>

#include "striate/base/error.h"
#include "striate/base/files.h"

namespace striate {
namespace {

using testing::HasSubstr;
using Row = std::vector<std::string>;

CsvTable read(const std::string& text) {
  return read_csv(Bytes(text.begin(), text.end()), "a.csv");
}

std::string refusal(const std::string& text) {
  try {
    read(text);
    return "read";
  } catch (const InputError& error) {
    return error.what();
  }
}

TEST(Csv, ReadsQuotesAndLineEnds) {
  const CsvTable table = read("\"Month\",\"a \"\"b\"\"\"\r\n\"1,\n2\",3\r\n\r\n4,5");
  EXPECT_EQ(table.header, (Row{"Month", "a \"b\""}));
  EXPECT_EQ(table.rows, (std::vector<Row>{{"1,\n2", "3"}, {"4", "5"}}));
  EXPECT_EQ(table.lines, (std::vector<std::int64_t>{2, 5}));
}

TEST(Csv, FindsSeparatorAndHeader) {
  EXPECT_EQ(read("day;value\n1;2,5\n").separator, ';');
  EXPECT_EQ(read("a,b\tc\td\n1\t2\t3\n").separator, '\t');
  EXPECT_TRUE(read("1,2\n3,4\n").header.empty());
  EXPECT_EQ(read("x\n1\n").header, Row{"x"});
}

TEST(Csv, KeepsGapsOfOneColumn) {
  EXPECT_EQ(read("x\n1\n\n3\n\n\n").rows, (std::vector<Row>{{"1"}, {""}, {"3"}}));
}

TEST(Csv, ReadsNumbers) {
  const auto number = [](std::string_view cell, char separator) {
    double value = -1;
    return csv_number(cell, separator, value) ? value : -1;
  };
  EXPECT_EQ(number(" 2.5e1 ", ','), 25);
  EXPECT_EQ(number("+3", ','), 3);
  EXPECT_EQ(number("2,5", ';'), 2.5);
  for (const char* cell : {"", " ", "2,5", "1x", "nan", "inf", "1e999", "?0.2"}) {
    EXPECT_EQ(number(cell, ','), -1) << cell;
  }
}

TEST(Csv, WritesWhatItReads) {
  for (const std::string text : {"plain", "a,b", "say \"x\"", "two\nlines"}) {
    EXPECT_EQ(read(csv_cell(text) + ",1\n").rows[0][0], text);
  }
}

TEST(Csv, SaysWhatIsWrong) {
  EXPECT_EQ(refusal(""), "a.csv: expected a table, got no lines");
  EXPECT_EQ(refusal("\n\n"), "a.csv: expected a table, got no lines");
  EXPECT_EQ(refusal("a,b\n1,2\n3\n"),
            "a.csv: line 3: expected 2 cells as in the first line, got 1");
  EXPECT_EQ(refusal("a\n\"1"), "a.csv: line 2: a quote that does not end");
  EXPECT_EQ(refusal("\"a\"b\n"), "a.csv: line 1: text behind a closing quote");
  EXPECT_THAT(refusal("a\n\xe9\n"), HasSubstr("a.csv: line 2: byte 0xe9"));
}

}  // namespace
}  // namespace striate
