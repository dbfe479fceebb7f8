#include "cli/harness.h"

namespace striate {
namespace {

using testing::CommandTest;
using ::testing::HasSubstr;
using testing::Outcome;

constexpr const char* kTrain =
    "train lenet5 --data folder:shapes --batch 16 --lr 0.01 --validation 0.2 ";

class Train : public CommandTest {};

TEST_F(Train, LearnsAndLeavesAFolderThatRepeatsIt) {
  make_pictures();
  const Outcome first = run(std::string(kTrain) + "--epochs 3 --out a --json");
  ASSERT_EQ(first.status, 0) << first.err;
  const auto json = first.json();
  EXPECT_GE(json.at("top1").get<double>(), 0.9);
  EXPECT_GT(json.at("images_per_second").get<double>(), 0);
  EXPECT_TRUE(json.contains("loss"));
  for (const char* name : {"config.toml", "metrics.jsonl", "checkpoint.safetensors",
                           "best.safetensors", "curves.png"}) {
    EXPECT_TRUE(testing::fs::exists(folder_ / "a" / name)) << name;
  }
  const std::string metrics = text_of(folder_ / "a" / "metrics.jsonl");
  EXPECT_EQ(std::count(metrics.begin(), metrics.end(), '\n'), 3);

  // The configuration alone repeats the run, on any number of threads, to the last bit.
  const Outcome again = run("train --config a/config.toml --out b --threads 3");
  ASSERT_EQ(again.status, 0) << again.err;
  EXPECT_EQ(read_file(folder_ / "a" / "best.safetensors"),
            read_file(folder_ / "b" / "best.safetensors"));
  EXPECT_THAT(again.out, HasSubstr("epoch 3/3"));
}

TEST_F(Train, GoesOnWithTheBitsOfAnUninterruptedRun) {
  make_pictures(20);
  ASSERT_EQ(run(std::string(kTrain) + "--schedule constant --epochs 4 --out whole").status, 0);
  ASSERT_EQ(run(std::string(kTrain) + "--schedule constant --epochs 2 --out parts").status, 0);
  const Outcome more = run("train --resume parts --epochs 4");
  ASSERT_EQ(more.status, 0) << more.err;
  EXPECT_EQ(read_file(folder_ / "whole" / "checkpoint.safetensors"),
            read_file(folder_ / "parts" / "checkpoint.safetensors"));
}

TEST_F(Train, FlagsWinOverTheConfiguration) {
  make_pictures(10);
  ASSERT_EQ(run(std::string(kTrain) + "--epochs 1 --out a").status, 0);
  ASSERT_EQ(run("train --config a/config.toml --epochs 2 --out b").status, 0);
  EXPECT_THAT(text_of(folder_ / "b" / "config.toml"), HasSubstr("epochs = 2"));
  EXPECT_THAT(text_of(folder_ / "b" / "config.toml"), HasSubstr("lr = 0.01"));
}

TEST_F(Train, RefusesInOneLineAndWritesNothing) {
  make_pictures(4);
  expect_refused("train cn --data fashion-mnist", "unknown model cn; did you mean \"cnn\"?");
  expect_refused("train cnn --data fashon-mnist", "did you mean \"fashion-mnist\"?");
  expect_refused("train cnn --data folder:absent", "absent");
  Bytes images{0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 28, 0, 0, 0, 28};
  images.resize(images.size() + 2 * 784);
  write_file(folder_ / "images", images);
  write_file(folder_ / "labels", Bytes{0, 0, 8, 1, 0, 0, 0, 2, 3, 4});
  expect_refused("train alexnet --data mnist:images",
                 "alexnet was published for pictures of 3x224x224, mnist:images gives it 1x28x28: "
                 "features.");
  expect_refused("train cnn", "--data is missing");
  expect_refused("train --data folder:shapes", "name a model");
  expect_refused("train cnn --data folder:shapes --epocs 3", "did you mean \"--epochs\"?");
  expect_refused("train cnn --data folder:shapes --epochs many", "--epochs");
  expect_refused("train cnn --data folder:shapes --epochs -1", "epochs");
  expect_refused("train cnn --data folder:shapes --batch 0", "batch");
  expect_refused("train cnn --data folder:shapes --lr nan", "lr");
  expect_refused("train cnn --data folder:shapes --optimizer adm", "did you mean \"adam\"?");
  expect_refused("train cnn --data folder:shapes --schedule cosin", "did you mean \"cosine\"?");
  expect_refused("train cnn --data folder:shapes --augment flop", "did you mean \"flip\"?");
  expect_refused("train cnn --data folder:shapes --validation 2", "validation");
  expect_refused("train cnn --data folder:shapes --threads -3", "--threads");
  expect_refused("train --config absent.toml", "absent.toml");
  expect_refused("train --resume absent", "absent");
  EXPECT_FALSE(testing::fs::exists(folder_ / "runs"));
}

TEST_F(Train, NeverOverwritesARun) {
  make_pictures(10);
  ASSERT_EQ(run(std::string(kTrain) + "--epochs 1 --out a").status, 0);
  const Bytes before = read_file(folder_ / "a" / "checkpoint.safetensors");
  expect_refused(std::string(kTrain) + "--epochs 1 --out a", "already holds a run");
  EXPECT_EQ(read_file(folder_ / "a" / "checkpoint.safetensors"), before);
}

TEST_F(Train, BadConfigurationNamesTheLine) {
  write_file(folder_ / "c.toml", "model = \"cnn\"\nepocs = 3\n");
  expect_refused("train --config c.toml",
                 "c.toml, line 2: unknown setting epocs; did you mean \"epochs\"?");
  write_file(folder_ / "c.toml", "model = \"cnn\"\nepochs = \"three\"\n");
  expect_refused("train --config c.toml", "c.toml, line 2: epochs");
  write_file(folder_ / "c.toml", "model = = 3\n");
  expect_refused("train --config c.toml", "c.toml, line 1");
}

TEST_F(Train, APictureThatCannotBeReadIsNamed) {
  make_pictures(10);
  write_file(folder_ / "shapes" / "left" / "3.png", "not a picture");
  expect_refused("train lenet5 --data folder:shapes --out a", "3.png");
  EXPECT_FALSE(testing::fs::exists(folder_ / "a"));
}

}  // namespace
}  // namespace striate
