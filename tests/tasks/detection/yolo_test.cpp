#include <gmock/gmock.h>

#include "striate/data/registry.h"
#include "striate/tasks/detection/detector.h"
#include "striate/tasks/detection/score.h"
#include "tasks/detection/squares.h"

namespace striate {
namespace {

using ::testing::HasSubstr;
using testing::fs::path;

class TrainYolo : public testing::SquaresTest {
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

TEST_F(TrainYolo, LearnsSquaresAndSavesWhatItLearnt) {
  TrainingSettings s = settings(squares(48, 8));
  s.train.epochs = 30;
  s.train.batch = 8;
  s.train.optimizer.lr = 2e-3;
  s.train.schedule = "cosine";
  const Training training = open_training(s, Threads(2));
  EXPECT_EQ(training.samples, 48);
  EXPECT_EQ(training.held_back, 8);
  EXPECT_EQ(training.kind, "pictures 3x64x64 with objects of 2 classes");
  const std::shared_ptr<const Device> device = make_cpu_device(2);
  RunFolder run(folder_ / "run");
  const TrainingOutcome outcome = run_training(training, device, run);
  EXPECT_GT(outcome.best_score, 0.8);
  const auto detector = load_detector(run.best(), device);
  const DetectionRun again = detect_all(*detector, *open_dataset(s.data, Split::test));
  EXPECT_DOUBLE_EQ(mean_average_precision(again.found, again.truth, 2), outcome.best_score);
  EXPECT_GT(again.seconds.features, 0);
  for (const Detection& one : again.found[0]) {
    EXPECT_GE(one.box.x1, 0);
    EXPECT_LE(one.box.y2, 64);
    EXPECT_GE(one.score, DetectOptions{}.score);
  }
}

// Stopped and resumed, and on other numbers of threads: the same bytes.
TEST_F(TrainYolo, SameBitsResumedAndOnAnyNumberOfThreads) {
  TrainingSettings s = settings(squares(12));
  s.augment = "flip,jitter";
  Bytes first;
  struct Way {
    int threads;
    bool interrupted;
  };
  for (const Way way : {Way{1, false}, Way{2, false}, Way{3, true}}) {
    const TemporaryFolder place;
    const std::shared_ptr<const Device> device = make_cpu_device(way.threads);
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

TEST_F(TrainYolo, PicturesWithoutObjectsAndFarTooManyAreNoTrouble) {
  const std::string data = squares(8);
  const std::string size = "<size><width>64</width><height>64</height></size>";
  put("Annotations/p0.xml", "<annotation>" + size + "</annotation>");
  std::string all;
  for (int i = 0; i < 50000; ++i) {
    all += fmt::format(
        "<object><name>red</name><bndbox><xmin>{}</xmin><ymin>2</ymin><xmax>60</xmax>"
        "<ymax>{}</ymax></bndbox></object>",
        1 + i % 40, 20 + i % 30);
  }
  put("Annotations/p1.xml", "<annotation>" + size + all + "</annotation>");
  const Training training = open_training(settings(data), Threads(2));
  RunFolder run(folder_ / "run");
  const TrainingOutcome outcome = run_training(training, make_cpu_device(2), run);
  EXPECT_EQ(outcome.end, TrainEnd::finished);
  EXPECT_TRUE(std::isfinite(outcome.epochs.back().loss));
}

TEST_F(TrainYolo, BeginsFromAnotherRunAndFreezes) {
  const std::string data = squares(8);
  TrainingSettings s = settings(data);
  s.train.epochs = 1;
  RunFolder run(folder_ / "run");
  run_training(open_training(s, Threads(2)), make_cpu_device(2), run);
  s.weights = run.best().string();
  const Training again = open_training(s, Threads(2));
  ASSERT_TRUE(again.loaded);
  EXPECT_TRUE(again.loaded->missing.empty());
  s.freeze = "conv1,bn1,layer1";
  EXPECT_GT(open_training(s, Threads(2)).frozen, 1000);
}

TEST_F(TrainYolo, SaysWhatDoesNotFit) {
  const std::string data = squares(6);
  TrainingSettings s = settings(data);
  s.detection.network.grid = 7;
  EXPECT_THAT(refusal(s), HasSubstr("which is no multiple of 7 cells"));
  s = settings(data);
  s.segmentation.width = 0;
  EXPECT_EQ(refusal(s), "height and width: expected both, or neither, got 64x0");
  s = settings(data);
  s.model = "resnet18";
  s.segmentation = {};
  EXPECT_THAT(refusal(s), HasSubstr("its pictures have objects in boxes, resnet18 is for"));
  s = settings(data);
  s.resize = 80;
  EXPECT_EQ(refusal(s), "resize: pictures for yolo are squeezed to height and width");
}

}  // namespace
}  // namespace striate
