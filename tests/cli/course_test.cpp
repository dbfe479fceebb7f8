#include "cli/harness.h"

namespace striate {
namespace {

using ::testing::AllOf;
using testing::CommandTest;
using ::testing::HasSubstr;

class CourseCommand : public CommandTest {};

TEST_F(CourseCommand, AlexnetsEightLines) {
  const auto json = run("course alexnet --json").json();
  EXPECT_EQ(json.at("lecture"), 200415264);
  EXPECT_EQ(json.at("network_parameters"), 60965224);
  const std::vector<std::int64_t> counted{34848,  307200,    884736,   663552,
                                          442368, 177209344, 16777216, 4096000};
  ASSERT_EQ(json.at("lines").size(), counted.size());
  for (std::size_t i = 0; i < counted.size(); ++i) {
    const auto& line = json.at("lines")[i];
    EXPECT_EQ(line.at("lecture"), counted[i]);
    // All but fc6 have the network's weights.
    EXPECT_EQ(line.at("network_weights") == counted[i], i != 5) << line;
  }
  const auto text = run("course alexnet").out;
  EXPECT_THAT(text,
              AllOf(HasSubstr("200,415,264"), HasSubstr("60,965,224"), HasSubstr("13·13·256·4096"),
                    HasSubstr("6·6·256·4096"), HasSubstr("2·(5·5·48·128)")));
}

TEST_F(CourseCommand, GooglenetBesideThePaper) {
  const auto json = run("course googlenet --json").json();
  EXPECT_EQ(json.at("parameters"), 6998552);
  std::vector<std::string> differ;
  for (const auto& line : json.at("lines")) {
    if (!line.at("parameters_agree")) differ.push_back(line.at("layer"));
    if (!line.at("operations_agree")) differ.push_back(std::string(line.at("layer")) + " work");
  }
  // Where the paper contradicts its own columns.
  EXPECT_THAT(differ, ::testing::IsSupersetOf({"conv 7x7/2", "conv 7x7/2 work", "inception 4c",
                                               "inception 5a", "inception 5b"}));
  EXPECT_EQ(json.at("differences"), static_cast<int>(differ.size()));
  const auto text = run("course googlenet").out;
  EXPECT_THAT(text, AllOf(HasSubstr("9,408"), HasSubstr("497.5"), HasSubstr("differs")));
}

TEST_F(CourseCommand, PopularFigures) {
  const auto text = run("course figures").out;
  EXPECT_THAT(text, AllOf(HasSubstr("60,965,224"), HasSubstr("143,667,240"), HasSubstr("6,998,552"),
                          HasSubstr("132,863,336")));
  EXPECT_THAT(run("course figures --markdown").out, HasSubstr("| GoogLeNet | 4M |"));
}

TEST_F(CourseCommand, TransposedConvolutionIsNoInverse) {
  const auto lines = run("course transposed --json").json().at("lines");
  ASSERT_EQ(lines.size(), 2U);
  for (const auto& line : lines) {
    EXPECT_EQ(line.at("convolution"), nlohmann::json({10.0}));
    EXPECT_EQ(line.at("back"), nlohmann::json({10.0, 10.0}));
  }
  EXPECT_NE(lines[0].at("input"), lines[1].at("input"));
}

TEST_F(CourseCommand, Refuses) { expect_refused("course alexnt", "did you mean \"alexnet\"?"); }

}  // namespace
}  // namespace striate
