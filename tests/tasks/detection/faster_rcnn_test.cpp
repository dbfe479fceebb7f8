#include <cmath>

#include <gmock/gmock.h>

#include "striate/boxes/anchors.h"
#include "striate/data/registry.h"
#include "striate/tasks/detection/detector.h"
#include "striate/tasks/detection/score.h"
#include "tasks/detection/region_detector.h"
#include "tasks/detection/squares.h"

namespace striate {
namespace {

class TrainFasterRcnn : public testing::SquaresTest {
 protected:
  TrainingSettings faster(const std::string& data) const {
    TrainingSettings s = settings(data);
    s.model = "faster_rcnn";
    s.detection.network = {.anchors = "20x20,24x16,16x24", .regions = 50, .stride = 8};
    return s;
  }
};

TEST_F(TrainFasterRcnn, LearnsSquaresAndSavesWhatItLearnt) {
  TrainingSettings s = faster(squares(32, 8));
  s.train.epochs = 12;
  s.train.optimizer.lr = 1e-3;
  s.train.schedule = "cosine";
  const Training training = open_training(s, Threads(2));
  EXPECT_EQ(training.kind, "pictures 3x64x64 with objects of 2 classes");
  const std::shared_ptr<const Device> device = make_cpu_device(2);
  RunFolder run(folder_ / "run");
  const TrainingOutcome outcome = run_training(training, device, run);
  EXPECT_GT(outcome.best_score, 0.8);
  const auto detector = load_detector(run.best(), device);
  const DetectionRun again = detect_all(*detector, *open_dataset(s.data, Split::test));
  EXPECT_DOUBLE_EQ(mean_average_precision(again.found, again.truth, 2), outcome.best_score);
  EXPECT_GT(again.seconds.features, 0);
  EXPECT_GT(again.seconds.regions, 0);
  EXPECT_GT(again.seconds.classification, 0);
  for (const Detection& one : again.found[0]) {
    EXPECT_GE(one.box.x1, 0);
    EXPECT_LE(one.box.y2, 64);
    EXPECT_GE(one.score, DetectOptions{}.score);
  }
}

// All rectangles have sides of 14 to 25 pixels, and so have the anchors fitted to them.
TEST_F(TrainFasterRcnn, FitsAnchorsToTheData) {
  TrainingSettings s = faster(squares(12, 2));
  s.detection.network.anchors = "auto";
  const Training training = open_training(s, Threads(2));
  const DetectorNetwork network = read_detector_network(training.card.definition, "card");
  const std::vector<BoxSize> fitted = parse_anchors(network.anchors);
  EXPECT_EQ(fitted.size(), 9U);
  for (const BoxSize& size : fitted) {
    EXPECT_GE(size.width, 14);
    EXPECT_LE(size.height, 25);
  }
}

// Stopped and resumed, and on other numbers of threads: the same bytes.
TEST_F(TrainFasterRcnn, SameBitsResumedAndOnAnyNumberOfThreads) {
  TrainingSettings s = faster(squares(8, 2));
  s.augment = "flip";
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
        .on_step = [&](const StepReport&) { stop = way.interrupted && ++steps == 3; },
        .stop = &stop};
    run_training(open_training(s, Threads(2)), device, run, false, hooks);
    if (way.interrupted) {
      stop = false;
      run_training(open_training(s, Threads(2), run.checkpoint()), device, run, true);
    }
    const Bytes bytes = read_file(run.best());
    if (first.empty()) first = bytes;
    EXPECT_EQ(bytes, first) << way.threads << " threads";
  }
}

// Pictures that show nothing, alone in a batch: there is a loss all the same, and it is a number.
TEST_F(TrainFasterRcnn, PicturesWithoutObjectsTeachWhatIsNone) {
  TrainingSettings s = faster(squares(4, 2));
  for (int i = 0; i < 4; ++i) {
    put("Annotations/p" + std::to_string(i) + ".xml",
        "<annotation><size><width>64</width><height>64</height></size></annotation>");
  }
  const std::shared_ptr<const Device> device = make_cpu_device(2);
  RunFolder run(folder_ / "run");
  const TrainingOutcome outcome = run_training(open_training(s, Threads(2)), device, run);
  ASSERT_EQ(outcome.epochs.size(), 2U);
  for (const EpochReport& epoch : outcome.epochs) EXPECT_TRUE(std::isfinite(epoch.loss));
}

// Two regions of two classes: scores by the softmax, boxes moved by a tenth of their width (the
// offsets of class 2), and what has no area or no score left out.
TEST(ReadRegions, ScoresAndMovesThem) {
  const std::vector<float> logits{0, 0, 2, 9, 0, 0, 0, 9, 0};
  std::vector<float> offsets(36, 0.0F);
  offsets[8] = 1;
  offsets[11] = static_cast<float>(5 * std::log(0.5));
  const std::vector<float> proposals{0, 10, 10, 20, 20, 0, 1, 1, 5, 5, 0, 7, 7, 7, 9};
  const auto found =
      read_regions(Tensor::of<float>({3, 3}, logits), Tensor::of<float>({3, 12}, offsets),
                   Tensor::of<float>({3, 5}, proposals), 20, 30, 0.05);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].label, 0);
  EXPECT_NEAR(found[0].score, 1 / (2 + std::exp(2)), 1e-9);
  EXPECT_EQ(found[0].box, (Box{10, 10, 20, 20}));
  EXPECT_EQ(found[1].label, 1);
  EXPECT_NEAR(found[1].score, std::exp(2) / (2 + std::exp(2)), 1e-9);
  EXPECT_NEAR(found[1].box.x1, 11, 1e-6);
  EXPECT_NEAR(found[1].box.x2, 20, 1e-6);
  EXPECT_NEAR(found[1].box.y1, 12.5, 1e-5);
  EXPECT_NEAR(found[1].box.y2, 17.5, 1e-5);
}

TEST(ReadRegions, ObjectsFillRowsOfAPowerOfTwo) {
  Batch batch;
  batch.objects.resize(2);
  for (int i = 0; i < 9; ++i) batch.objects[1].push_back({.box = {0, 0, 5, 4}, .label = i % 2});
  batch.objects[1][3].crowd = true;
  const Tensor objects = objects_tensor(batch);
  EXPECT_EQ(objects.shape(), Shape({2, 16, 5}));
  const float* rows = objects.data<float>();
  EXPECT_EQ(rows[4], -1);
  EXPECT_EQ(rows[5 * 17 + 4], 1);
  EXPECT_EQ(rows[5 * 17 + 2], 5);
  EXPECT_EQ(rows[5 * 19 + 4], -1);
  EXPECT_EQ(rows[5 * 25 + 4], -1);
}

}  // namespace
}  // namespace striate
