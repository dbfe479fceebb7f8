#include "striate/tasks/sequence/series.h"

#include <cmath>

#include <gmock/gmock.h>

#include "striate/base/error.h"
#include "striate/base/random.h"
#include "testing/temporary_folder.h"

namespace striate {
namespace {

using testing::DoubleEq;
using testing::ElementsAre;
using testing::HasSubstr;

class SeriesFile : public testing::Test {
 protected:
  RealSeries read(const std::string& text, const SeriesOptions& options = {}) const {
    return read_series(folder_.put("a.csv", Bytes(text.begin(), text.end())), options);
  }
  std::string refusal(const std::string& text, const SeriesOptions& options = {}) const {
    try {
      read(text, options);
      return "read";
    } catch (const InputError& error) {
      return error.what();
    }
  }

  TemporaryFolder folder_;
};

TEST_F(SeriesFile, ReadsAColumn) {
  const std::string text = "Month,a,b\n1-01,1,2.5\n1-02,3,-4e1\n";
  const RealSeries last = read(text);
  EXPECT_EQ(last.name, "b");
  EXPECT_EQ(last.label_name, "Month");
  EXPECT_THAT(last.values, ElementsAre(2.5, -40));
  EXPECT_THAT(last.labels, ElementsAre("1-01", "1-02"));
  EXPECT_THAT(read(text, {.column = "a"}).values, ElementsAre(1, 3));
  EXPECT_THAT(read(text, {.column = "2"}).values, ElementsAre(1, 3));
  EXPECT_THAT(read("5\n6\n").values, ElementsAre(5, 6));
  EXPECT_EQ(read("1949;1,5\n1950;2,5\n").values[1], 2.5);
}

TEST_F(SeriesFile, FillsGaps) {
  const std::string text = "t,x\n1,1\n2,\n3,NA\n4,4\n5,6\n";
  const RealSeries filled = read(text, {.gaps = "linear"});
  EXPECT_THAT(filled.values, ElementsAre(1, 2, 3, 4, 6));
  EXPECT_THAT(filled.filled, ElementsAre(3, 4));
}

TEST_F(SeriesFile, SaysWhatIsWrong) {
  EXPECT_THAT(refusal("t,x\n1,2\n2,?0.2\n"),
              HasSubstr("a.csv: line 3, column \"x\": expected a number, got \"?0.2\""));
  EXPECT_THAT(refusal("t,x\n1,2\n2,\n3,4\n"),
              HasSubstr("a.csv: line 3, column \"x\": a gap; --gaps linear fills it"));
  EXPECT_THAT(refusal("t,x\n1,\n2,1\n", {.gaps = "linear"}),
              HasSubstr("line 2, column \"x\": a gap at an end of the series"));
  EXPECT_THAT(refusal("t,x\n1,2\n2,\n", {.gaps = "linear"}), HasSubstr("a gap at an end"));
  EXPECT_THAT(refusal("t,x\n1,\n2,\n3,4\n", {.gaps = "linear"}), HasSubstr("line 2"));
  EXPECT_THAT(refusal(""), HasSubstr("a.csv: expected a table, got no lines"));
  EXPECT_THAT(refusal("t,x\n"), HasSubstr("a.csv: expected values below the first line"));
  EXPECT_THAT(refusal("t,sales\n1,2\n", {.column = "sale"}), HasSubstr("did you mean \"sales\"?"));
  EXPECT_THAT(refusal("t,x\n1,2\n", {.column = "3"}), HasSubstr("expected a column from 1 to 2"));
  EXPECT_THAT(refusal("t,x\n1,2e300\n"), HasSubstr("beyond what is computed with"));
  EXPECT_THAT(refusal("t,x\n1,2\n", {.gaps = "linea"}), HasSubstr("did you mean \"linear\"?"));
  EXPECT_THAT(refusal("t,x\n1,\xff\n"), HasSubstr("line 2: byte 0xff"));
}

TEST(Series, Autocovariances) {
  const double x[] = {1, 2, 4, 1};
  EXPECT_EQ(mean_of(x), 2);
  EXPECT_EQ(variance_of(x), 6.0 / 4);
  // About the mean: -1 0 2 -1.
  EXPECT_THAT(autocovariances(x, 3),
              ElementsAre(1.5, DoubleEq(-2.0 / 4), DoubleEq(-2.0 / 4), DoubleEq(1.0 / 4)));
}

TEST(Series, FindsTheSeason) {
  std::vector<double> wave;
  std::vector<double> noise;
  Random random({.seed = 1, .purpose = purpose_of("season test")}, 0);
  for (int t = 0; t < 200; ++t) {
    noise.push_back(random.normal());
    wave.push_back(std::sin(2 * 3.14159265 * t / 7) + 0.05 * t + 0.1 * noise.back());
  }
  EXPECT_EQ(season_of(wave), 7);
  EXPECT_EQ(season_of(noise), 0);
  EXPECT_EQ(season_of(std::vector<double>{1, 2, 3}), 0);
}

TEST(Series, GoesOnCounting) {
  const auto after = [](std::vector<std::string> labels) {
    RealSeries series;
    series.labels = std::move(labels);
    return labels_after(series, 2);
  };
  EXPECT_THAT(after({"2007", "2008"}), ElementsAre("2009", "2010"));
  EXPECT_THAT(after({"1960-11", "1960-12"}), ElementsAre("1961-01", "1961-02"));
  EXPECT_THAT(after({"3-11", "3-12"}), ElementsAre("4-01", "4-02"));
  EXPECT_THAT(after({"2024-02-27", "2024-02-28"}), ElementsAre("2024-02-29", "2024-03-01"));
  EXPECT_THAT(after({"2024-02-20", "2024-02-28"}), ElementsAre("+1", "+2"));
  EXPECT_THAT(after({"spring", "summer"}), ElementsAre("+1", "+2"));
  EXPECT_THAT(after({"1-13", "1-14"}), ElementsAre("+1", "+2"));
  EXPECT_THAT(after({}), ElementsAre("+1", "+2"));
}

}  // namespace
}  // namespace striate
