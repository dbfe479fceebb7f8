#include "cli/harness.h"

namespace striate {
namespace {

using testing::CommandTest;
using ::testing::HasSubstr;
using testing::Outcome;

class Predict : public CommandTest {};

TEST_F(Predict, NamesWhatItSees) {
  make_pictures();
  ASSERT_EQ(run("train lenet5 --data folder:shapes --batch 16 --lr 0.01 --epochs 3 --out a").status,
            0);
  const std::string pictures = "shapes/left/1.png shapes/right/2.png";
  const Outcome outcome = run("predict a/best.safetensors --json " + pictures);
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const auto predictions = outcome.json().at("predictions");
  EXPECT_EQ(predictions[0].at("top")[0].at("class"), "left");
  EXPECT_EQ(predictions[1].at("top")[0].at("class"), "right");
  EXPECT_EQ(predictions[0].at("top").size(), 2U) << "there are no more classes";
  const double sum = predictions[0].at("top")[0].at("probability").get<double>() +
                     predictions[0].at("top")[1].at("probability").get<double>();
  EXPECT_NEAR(sum, 1.0, 1e-9);
  const Outcome text = run("predict a/best.safetensors --sheet s.png " + pictures);
  EXPECT_THAT(text.out, HasSubstr("shapes/left/1.png   left   "));
  EXPECT_TRUE(testing::fs::exists(folder_ / "s.png"));

  // A folder gives CSV.
  testing::fs::copy(folder_ / "shapes/left/1.png", folder_ / "shapes/left/a, \"b\".png");
  const Outcome csv = run("predict a/best.safetensors shapes --top 1");
  EXPECT_THAT(csv.out,
              ::testing::StartsWith("image,class_1,probability_1\nshapes/left/0.png,left,0."));
  EXPECT_THAT(csv.out, HasSubstr("\n\"shapes/left/a, \"\"b\"\".png\",left,0."));
  EXPECT_EQ(std::count(csv.out.begin(), csv.out.end(), '\n'), 82);
  testing::fs::create_directories(folder_ / "empty");
  expect_refused("predict a/best.safetensors empty", "empty: expected PNG or JPEG files in it");

  // Weights that carry nothing: the order of colours is said beside mean and deviation.
  ASSERT_EQ(run("convert resnet20 colour.pth").status, 0);
  const std::string bare =
      "predict colour.pth --mean 0.4,0.5,0.6 --std 1,1,1 --json shapes/left/1.png";
  EXPECT_EQ(run(bare + " --order bgr").status, 0);
  expect_refused(bare + " --order grb", "order: expected rgb or bgr, got grb");

  write_file(folder_ / "bad.png", "x");
  expect_refused("predict a/best.safetensors shapes/left/1.png bad.png", "bad.png");
  expect_refused("predict a/best.safetensors absent.png", "absent.png: cannot be read");
  expect_refused("predict a/best.safetensors", "IMAGE");
}

}  // namespace
}  // namespace striate
