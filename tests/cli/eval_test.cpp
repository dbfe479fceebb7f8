#include "cli/harness.h"

namespace striate {
namespace {

using testing::CommandTest;
using ::testing::HasSubstr;
using testing::Outcome;

class Eval : public CommandTest {
 protected:
  void train() const {
    make_pictures();
    const Outcome outcome =
        run("train lenet5 --data folder:shapes --batch 16 --lr 0.01 --epochs 3 --out a");
    ASSERT_EQ(outcome.status, 0) << outcome.err;
  }
};

TEST_F(Eval, MeasuresDrawsAndSaysWhere) {
  train();
  const Outcome json = run("eval a/best.safetensors --data folder:shapes --json");
  ASSERT_EQ(json.status, 0) << json.err;
  EXPECT_GE(json.json().at("top1").get<double>(), 0.9);
  for (const char* key : {"top5", "loss", "images", "images_per_second", "confusion", "classes"}) {
    EXPECT_TRUE(json.json().contains(key)) << key;
  }
  const Outcome text =
      run("eval a/best.safetensors --data folder:shapes --sheet s.png --matrix m.png");
  ASSERT_EQ(text.status, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("top-1"));
  EXPECT_THAT(text.out, HasSubstr("wrote s.png"));
  EXPECT_EQ(decode_image(read_file(folder_ / "s.png"), "s.png").channels, 3);
  EXPECT_GT(decode_image(read_file(folder_ / "m.png"), "m.png").width, 50);
}

TEST_F(Eval, TheSameOnAnyNumberOfThreadsAndBatches) {
  train();
  const auto loss = [&](const std::string& more) {
    return run("eval a/best.safetensors --data folder:shapes --json " + more)
        .json()
        .at("loss")
        .get<double>();
  };
  const double one = loss("--threads 1");
  EXPECT_EQ(loss("--threads 2"), one);
  EXPECT_EQ(loss("--threads 5"), one);
  EXPECT_NEAR(loss("--batch 3"), one, 1e-6);
  EXPECT_NEAR(loss("--conv plain"), one, 1e-5);
  expect_refused("eval a/best.safetensors --data folder:shapes --conv plan",
                 "did you mean \"plain\"?");
}

TEST_F(Eval, AveragesCrops) {
  train();
  const auto json =
      run("eval a/best.safetensors --data folder:shapes --resize 32 --crops 10 --json");
  ASSERT_EQ(json.status, 0) << json.err;
  // The classes are each other's mirror image: averaged over both, nothing tells them apart.
  EXPECT_NEAR(json.json().at("loss").get<double>(), std::log(2.0), 0.1);
  expect_refused("eval a/best.safetensors --data folder:shapes --crops 10",
                 "crops: ten of them need pictures larger than the network's input of 28x28");
  expect_refused("eval a/best.safetensors --data folder:shapes --resize 27",
                 "resize: expected 0 or at least");
}

TEST_F(Eval, TakesWeightsThatCarryNothing) {
  train();
  // The same tensors without metadata, as another tool would write them.
  Bytes file = read_file(folder_ / "a" / "best.safetensors");
  std::uint64_t length = 0;
  for (int i = 7; i >= 0; --i) length = length << 8 | file[static_cast<std::size_t>(i)];
  const auto begin = file.begin() + 8;
  auto header = nlohmann::json::parse(begin, begin + static_cast<std::ptrdiff_t>(length));
  const auto card = header.at("__metadata__");
  header.erase("__metadata__");
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  Bytes bare;
  for (int i = 0; i < 8; ++i) bare.push_back(static_cast<std::uint8_t>(text.size() >> (8 * i)));
  bare.insert(bare.end(), text.begin(), text.end());
  bare.insert(bare.end(), begin + static_cast<std::ptrdiff_t>(length), file.end());
  write_file(folder_ / "bare.safetensors", bare);

  expect_refused("eval lenet5 --weights bare.safetensors --data folder:shapes", "--mean and --std");
  expect_refused("eval bare.safetensors --data folder:shapes", "carries no mean and deviation");
  // The lossless test: folder pictures take the model's own 28x28.
  const auto preprocessing = nlohmann::json::parse(card.at("preprocessing").get<std::string>());
  const std::string numbers = " --mean " + preprocessing.at("mean")[0].dump() + " --std " +
                              preprocessing.at("deviation")[0].dump();
  const Outcome full = run("eval a/best.safetensors --data folder:shapes --json");
  const Outcome outcome =
      run("eval lenet5 --weights bare.safetensors --data folder:shapes --json" + numbers);
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.json().at("loss"), full.json().at("loss"));
  // Names and shapes say which model it is.
  const Outcome guessed = run("eval bare.safetensors --data folder:shapes --json" + numbers);
  EXPECT_EQ(guessed.json().at("loss"), full.json().at("loss")) << guessed.err;
}

TEST_F(Eval, RefusesInOneLine) {
  train();
  expect_refused("eval lenet5 --data folder:shapes", "without weights");
  expect_refused("eval lenet --data folder:shapes", "did you mean \"lenet5\"?");
  expect_refused("eval absent.safetensors --data folder:shapes", "absent.safetensors");
  expect_refused("eval cnn --weights a/best.safetensors --data folder:shapes",
                 "it holds the weights of lenet5, not of cnn");
  expect_refused("eval a/best.safetensors", "--data");
  expect_refused("eval a/best.safetensors --data folder:shapes --split tset", "--split");
  testing::fs::create_directories(folder_ / "three/a");
  testing::fs::create_directories(folder_ / "three/b");
  testing::fs::create_directories(folder_ / "three/c");
  for (const char* name : {"a", "b", "c"}) {
    for (int i = 0; i < 20; ++i) {
      testing::fs::copy(folder_ / "shapes/left/1.png",
                        folder_ / "three" / name / (std::to_string(i) + ".png"));
    }
  }
  expect_refused("eval a/best.safetensors --data folder:three",
                 "of 3 classes (a, b, c); expected 1x28x28 of 2 classes (left, right)");
  testing::fs::remove_all(folder_ / "three/c");
  expect_refused("eval a/best.safetensors --data folder:three", "of 2 classes (a, b); expected");
  expect_refused("eval a/checkpoint.safetensors --data folder:shapes",
                 "a checkpoint of a training, expected a model");
  Bytes cut = read_file(folder_ / "a/best.safetensors");
  cut.resize(cut.size() / 2);
  write_file(folder_ / "cut.safetensors", cut);
  expect_refused("eval cut.safetensors --data folder:shapes", "cut.safetensors");
}

}  // namespace
}  // namespace striate
