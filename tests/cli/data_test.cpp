#include "cli/harness.h"

namespace striate {
namespace {

using testing::CommandTest;
using ::testing::HasSubstr;

class Data : public CommandTest {};

TEST_F(Data, ListsWhatThereIsAndHowToGetIt) {
  const auto text = run("data").out;
  EXPECT_THAT(text, HasSubstr("fashion-mnist"));
  EXPECT_THAT(text, HasSubstr("apt install dataset-fashion-mnist"));
  EXPECT_GE(run("data --json").json().at("datasets").size(), 5U);
}

TEST_F(Data, CountsAndExports) {
  make_pictures(20);
  const auto json = run("data folder:shapes --split train --export e --count 3 --json").json();
  const auto counts = json.at("counts");
  EXPECT_EQ(counts[0].get<int>() + counts[1].get<int>(), json.at("images").get<int>());
  ASSERT_EQ(json.at("written").size(), 3U);
  const Image picture = read_image(folder_ / json.at("written")[0].get<std::string>());
  EXPECT_EQ(picture.width, 12);
}

TEST_F(Data, CountsSequences) {
  std::filesystem::create_directories(folder_ / "names");
  std::string names;
  for (int i = 0; i < 10; ++i) names += "Ada\n";
  write_file(folder_ / "names" / "Irish.txt", names);
  const auto json = run("data names:names --split train --json").json();
  EXPECT_EQ(json.at("sequences"), 9);
  EXPECT_EQ(json.at("steps"), 27);
  EXPECT_EQ(json.at("counts"), nlohmann::json::array({9}));
  EXPECT_THAT(run("data adding:50").out, HasSubstr("2,000 sequences, 100,000 steps, of 2 numbers"));
  write_file(folder_ / "a.txt", std::string("to be or not to be that is it\n"));
  EXPECT_EQ(run("data text:a.txt --unit words --split train --json").json().at("steps"), 9);
  expect_refused("data adding:50 --export e", "--export and --augment are for pictures");
}

TEST_F(Data, MissingOnesSayHowToGetThem) {
  expect_refused("data cifar10", "cifar-10-binary.tar.gz");
  expect_refused("data cifar10:absent.bin", "absent.bin");
  expect_refused("data mnst", "did you mean \"mnist\"?");
}

}  // namespace
}  // namespace striate
