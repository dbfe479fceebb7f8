#include "striate/ops/operator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace striate {
namespace {

TEST(OperatorRegistry, HoldsWhatTheBuildNamed) {
  const auto& rows = operators().rows();
  EXPECT_GE(rows.size(), 24U);
  for (const auto& [name, row] : rows) {
    EXPECT_EQ(name, row.name);
    EXPECT_THAT(row.doc, ::testing::EndsWith(".")) << name;
    EXPECT_LE(row.min_inputs, row.max_inputs) << name;
    EXPECT_LE(row.min_outputs, row.max_outputs) << name;
    EXPECT_TRUE(row.make) << name;
  }
}

TEST(OperatorRegistry, NamesTheNearestOfAnUnknownOperator) {
  try {
    operators().find("Convv");
    FAIL() << "no error";
  } catch (const ModelError& error) {
    EXPECT_STREQ(error.what(), "unknown operator Convv; did you mean \"Conv\"?");
  }
}

struct Everything {
  bool flag = false;
  std::int64_t count = 3;
  double ratio = 0.5;
  std::string mode = "plain";
  std::vector<std::int64_t> sizes;
  std::vector<double> weights;
  STRIATE_FIELDS(visit("flag", flag, ""); visit("count", count, ""); visit("ratio", ratio, "");
                 visit("mode", mode, ""); visit("sizes", sizes, ""); visit("weights", weights, "");)
};

TEST(Attributes, AreReadAndWrittenThroughOneList) {
  const Attributes given = {{"flag", std::int64_t{1}},
                            {"count", std::int64_t{7}},
                            {"ratio", 0.25},
                            {"mode", std::string("other")},
                            {"sizes", std::vector<std::int64_t>{1, 2}},
                            {"weights", std::vector<double>{0.5}}};
  const auto read = read_attributes<Everything>(given);
  EXPECT_TRUE(read.flag);
  EXPECT_EQ(read.count, 7);
  EXPECT_EQ(read.ratio, 0.25);
  EXPECT_EQ(read.mode, "other");
  EXPECT_THAT(read.sizes, ::testing::ElementsAre(1, 2));
  EXPECT_THAT(read.weights, ::testing::ElementsAre(0.5));
  const Attributes written = write_attributes(read);
  EXPECT_EQ(written.size(), 6U);
  EXPECT_EQ(std::get<double>(written.at("ratio")), 0.25);
  EXPECT_EQ(std::get<std::int64_t>(written.at("flag")), 1);
}

TEST(Attributes, SayWhichKindWasExpected) {
  const auto error = [](const Attributes& attributes) {
    try {
      read_attributes<Everything>(attributes);
    } catch (const ModelError& e) {
      return std::string(e.what());
    }
    return std::string("no error");
  };
  EXPECT_EQ(error({{"count", 0.5}}), "attribute count: expected an integer, got a number");
  EXPECT_EQ(error({{"mode", std::int64_t{1}}}),
            "attribute mode: expected a string, got an integer");
  EXPECT_EQ(error({{"sizes", std::vector<double>{1}}}),
            "attribute sizes: expected a list, got a list of numbers");
  EXPECT_EQ(error({{"mod", std::string("x")}}), "unknown attribute mod; did you mean \"mode\"?");
}

}  // namespace
}  // namespace striate
