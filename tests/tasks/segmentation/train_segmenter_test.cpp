#include "striate/tasks/segmentation/train_segmenter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "striate/data/registry.h"
#include "striate/tasks/segmentation/segmenter.h"
#include "tasks/segmentation/fields.h"

namespace striate {
namespace {

using ::testing::HasSubstr;
using testing::fs::path;

class TrainSegmenter : public testing::FieldsTest {
 protected:
  std::string refusal(const TrainingSettings& s) const {
    try {
      open_training(s, Threads(1));
    } catch (const Error& error) {
      return error.what();
    }
    return "accepted";
  }
};

TEST_F(TrainSegmenter, LearnsFieldsAndSavesWhatItLearnt) {
  TrainingSettings s = settings(fields(20));
  s.augment = "flip,jitter";
  s.segmentation.class_weights = "median";
  s.train.epochs = 6;
  const Training training = open_training(s, Threads(2));
  EXPECT_EQ(training.samples, 16);
  EXPECT_EQ(training.kind, "pictures 3x40x48 of 2 classes");
  const auto device = std::shared_ptr<const Device>(make_cpu_device(2));
  RunFolder run(folder_ / "run");
  const TrainingOutcome outcome = run_training(training, device, run);
  EXPECT_GT(outcome.best_score, 0.8);
  EXPECT_LT(outcome.epochs.back().loss, outcome.epochs.front().loss);
  const Segmenter segmenter = Segmenter::load(run.best(), device);
  const PixelEvaluation again = evaluate(segmenter, *open_dataset(s.data, Split::test));
  EXPECT_GT(again.metrics.mean_iou(), 0.8);
  EXPECT_EQ(again.metrics.void_pixels(), 4 * 48);
}

// Stopped and resumed, and on other numbers of threads: the same bytes.
TEST_F(TrainSegmenter, SameBitsResumedAndOnAnyNumberOfThreads) {
  TrainingSettings s = settings(fields(12));
  s.augment = "resized_crop:30,flip,jitter";
  s.segmentation.height = 32;
  s.segmentation.width = 40;
  Bytes first;
  struct Way {
    int threads;
    bool interrupted;
  };
  for (const Way way : {Way{1, false}, Way{2, false}, Way{3, true}}) {
    const TemporaryFolder place;
    const auto device = std::shared_ptr<const Device>(make_cpu_device(way.threads));
    RunFolder run(place.path());
    std::int64_t steps = 0;
    std::atomic<bool> stop = false;
    const TrainingHooks hooks{
        .on_step = [&](const StepReport&) { stop = way.interrupted && ++steps == 4; },
        .stop = &stop};
    bool resume = false;
    do {
      stop = false;
      const Training training =
          open_training(s, Threads(way.threads), resume ? run.checkpoint() : path());
      resume = run_training(training, device, run, resume, hooks).end == TrainEnd::stopped;
    } while (resume);
    const Bytes checkpoint = read_file(run.checkpoint());
    if (first.empty()) first = checkpoint;
    EXPECT_TRUE(checkpoint == first) << way.threads << " threads";
  }
}

TEST_F(TrainSegmenter, BeginsFromOtherClasses) {
  TrainingSettings s = settings(fields(10));
  s.train.epochs = 1;
  const auto device = std::shared_ptr<const Device>(make_cpu_device(2));
  RunFolder run(folder_ / "run");
  run_training(open_training(s, Threads(2)), device, run);
  s.weights = run.best().string();
  s.classes = 2;
  const Training again = open_training(s, Threads(2));
  std::vector<std::string> replaced;
  for (const auto& head : again.loaded->replaced) replaced.push_back(head.name);
  EXPECT_THAT(replaced, ::testing::IsSupersetOf({"score4.weight", "up.weight", "score2.bn.bias"}));
  EXPECT_THAT(again.loaded->loaded, ::testing::Contains("layer4.1.conv2.weight"));
  EXPECT_TRUE(again.loaded->missing.empty());
}

TEST_F(TrainSegmenter, MasksVoidEverywhereAreLeftOutAndSaid) {
  const std::string data = fields(10);
  Image nothing(48, 40, 1);
  std::fill(nothing.pixels.begin(), nothing.pixels.end(), kVoid);
  write_file(folder_ / "data/train/masks/3.png", encode_png(nothing));
  TrainingSettings s = settings(data);
  s.validation = 0;
  const Training training = open_training(s, Threads(2));
  EXPECT_EQ(training.samples, 9);
  ASSERT_EQ(training.notes.size(), 1U);
  EXPECT_THAT(training.notes[0],
              HasSubstr("1 masks are void everywhere and left out, the first is"));
  EXPECT_THAT(training.notes[0], HasSubstr("train/images/3.png"));
}

TEST_F(TrainSegmenter, SaysWhatDoesNotFit) {
  const std::string data = fields(6);
  TrainingSettings s = settings(data);
  s.segmentation.class_weights = "medain";
  EXPECT_EQ(refusal(s), "class_weights: unknown kind medain; did you mean \"median\"?");
  s = settings(data);
  s.segmentation.height = 32;
  EXPECT_EQ(refusal(s), "height and width: expected both, or neither, got 32x0");
  s = settings(data);
  s.model = "resnet18";
  EXPECT_THAT(refusal(s),
              HasSubstr("its pictures have masks, resnet18 is for pictures with a class"));
  s.segmentation.class_weights = "median";
  EXPECT_EQ(refusal(s), "class_weights is for segmentation, resnet18 is for classification");
  s = settings(data);
  s.train.best_by = "mean_io";
  s.classes = 3;
  EXPECT_THAT(refusal(s), HasSubstr("classes: seg:"));
}

}  // namespace
}  // namespace striate
