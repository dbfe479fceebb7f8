#include "cli/harness.h"

namespace striate {
namespace {

using testing::CommandTest;
using ::testing::HasSubstr;

class CommandLine : public CommandTest {};

TEST_F(CommandLine, ListsModels) {
  const auto models = run("models --json").json().at("models");
  bool found = false;
  for (const auto& model : models) {
    found = found || (model.at("model") == "resnet20" && model.at("parameters") == 269722);
  }
  EXPECT_TRUE(found);
  EXPECT_THAT(run("models").out, HasSubstr("lenet5"));
}

TEST_F(CommandLine, HelpCarriesAnExample) {
  for (const char* command :
       {"train", "eval", "predict", "models", "data", "summary", "compare", "conv", "course"}) {
    const auto help = run(std::string(command) + " --help");
    EXPECT_EQ(help.status, 0);
    EXPECT_THAT(help.out, HasSubstr(std::string("Example:\n  striate ") + command));
  }
  EXPECT_THAT(run("--help").out, HasSubstr("predict"));
  EXPECT_THAT(run("--version").out, ::testing::StartsWith("striate "));
}

TEST_F(CommandLine, MisspeltWordsAreGuessed) {
  expect_refused("trian cnn", "unknown command trian; did you mean \"train\"?");
  expect_refused("models --jsn", "unknown option --jsn; did you mean \"--json\"?");
  expect_refused("models extra", "unexpected argument extra");
  EXPECT_EQ(run("").status, 2);
}

}  // namespace
}  // namespace striate
