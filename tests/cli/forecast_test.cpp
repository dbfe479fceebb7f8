#include "cli/harness.h"

namespace striate {
namespace {

using testing::CommandTest;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ForecastCommand : public CommandTest {
 protected:
  void put(const std::string& name, const std::string& text) const {
    write_file(folder_ / name, text);
  }
  // Twelve a year, rising, with a wave of 12.
  void put_months() const {
    std::string text = "Month,Sales\n";
    for (int t = 0; t < 96; ++t) {
      text +=
          std::to_string(1950 + t / 12) + (t % 12 < 9 ? "-0" : "-") + std::to_string(t % 12 + 1);
      text += "," + std::to_string(100 + t + (t % 12) * (t % 12) / 2 + t * 7 % 5) + "\n";
    }
    put("sales.csv", text);
  }
};

TEST_F(ForecastCommand, SaysWhatComesNext) {
  put_months();
  const auto outcome = run("forecast sales.csv --model ar --horizon 3 --out next");
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("96 values, season 12"));
  EXPECT_THAT(outcome.out, HasSubstr("last value"));
  EXPECT_THAT(outcome.out, HasSubstr("seasonal, 12"));
  const std::string csv = text_of(folder_ / "next.csv");
  EXPECT_THAT(csv, ::testing::StartsWith("Month,forecast,low,high\n1958-01,"));
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 4);
  EXPECT_EQ(decode_image(read_file(folder_ / "next.png"), "next.png").width, 960);
}

TEST_F(ForecastCommand, GivesPlainKeys) {
  put_months();
  const auto json = run("forecast sales.csv --order 2 --method burg --holdout 10 --json").json();
  EXPECT_EQ(json.at("values"), 96);
  EXPECT_EQ(json.at("holdout"), 10);
  EXPECT_EQ(json.at("fit").at("what"), "AR(2) by burg");
  EXPECT_EQ(json.at("fit").at("parameters"), 3);
  EXPECT_TRUE(json.at("fit").at("numbers").at("phi_2").is_number());
  EXPECT_EQ(json.at("forecast").size(), 12U);
  EXPECT_EQ(json.at("errors").size(), 3U);
}

TEST_F(ForecastCommand, ComparesEveryModel) {
  put_months();
  const auto json = run("forecast sales.csv --compare --epochs 3 --hidden 4 --json").json();
  std::vector<std::string> names;
  for (const auto& row : json.at("errors")) names.push_back(row.at("model"));
  EXPECT_THAT(names,
              ::testing::IsSupersetOf({"naive", "ar", "markov", "last value", "seasonal, 12"}));
}

TEST_F(ForecastCommand, FillsGapsWhenAsked) {
  put("gap.csv", "1\n2\n\n4\n3\n5\n6\n5\n7\n8\n9\n8\n");
  expect_refused("forecast gap.csv", "gap.csv: line 3, column \"column 1\": a gap; --gaps linear");
  const auto json = run("forecast gap.csv --gaps linear --model markov --holdout 0 --json").json();
  EXPECT_EQ(json.at("filled"), nlohmann::json::array({3}));
}

TEST_F(ForecastCommand, LeavesOutIntervalsThatCannotBeMeasured) {
  put("two.csv", "t,x\n1,5\n2,6\n");
  EXPECT_EQ(run("forecast two.csv --model naive --holdout 0 --horizon 1").status, 0);
  // 6 = w (1, 5): the least norm is w = 6 / 26 (1, 5).
  EXPECT_EQ(text_of(folder_ / "forecast.csv"), "t,forecast,low,high\n3,7.153846154,,\n");
}

TEST_F(ForecastCommand, Refuses) {
  put("flat.csv", "t,x\n1,5\n2,5\n3,5\n4,5\n5,5\n6,5\n7,5\n8,5\n");
  put("short.csv", "t,x\n1,5\n2,6\n3,7\n4,9\n");
  put("one.csv", "5\n");
  put("none.csv", "");
  put("bad.csv", "t,x\n1,5\n2,five\n");
  put("latin.csv", "t,x\n1,5\ncaf\xe9,6\n");
  expect_refused("forecast flat.csv", "flat.csv: the series is constant, 5 throughout");
  expect_refused("forecast short.csv --order 9", "order 9 is too long for a series of 4 values");
  expect_refused("forecast one.csv", "one.csv: expected a series of at least 2 values, got 1");
  expect_refused("forecast none.csv", "none.csv: expected a table, got no lines");
  expect_refused("forecast bad.csv",
                 "bad.csv: line 3, column \"x\": expected a number, got \"five\"");
  expect_refused("forecast latin.csv", "latin.csv: line 3: byte 0xe9");
  expect_refused("forecast short.csv --model arr", "unknown model arr");
  expect_refused("forecast short.csv --holdout 3", "cannot be fitted without its last 3");
  expect_refused("forecast short.csv --holdout -1", "--holdout: expected a share");
  expect_refused("forecast short.csv --horizon 0", "--horizon: expected 1 to");
  expect_refused("forecast short.csv --season 9", "--season: expected less than");
  expect_refused("forecast short.csv --compare --holdout 0", "nothing is held out to compare on");
  expect_refused("forecast absent.csv", "absent.csv: cannot be read");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "forecast.csv"));
}

}  // namespace
}  // namespace striate
