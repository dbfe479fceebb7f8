#include <cmath>

#include <gmock/gmock.h>

#include "striate/data/registry.h"
#include "striate/tasks/detection/detector.h"
#include "striate/tasks/detection/score.h"
#include "tasks/detection/squares.h"

namespace striate {
namespace {

class TrainFastRcnn : public testing::SquaresTest {
 protected:
  TrainingSettings of(const std::string& data) const {
    TrainingSettings s = settings(data);
    s.model = "fast_rcnn";
    s.detection.network = {.regions = 60, .stride = 8};
    s.augment = "flip";
    return s;
  }
};

TEST_F(TrainFastRcnn, LearnsSquares) {
  TrainingSettings s = of(squares(24, 6));
  s.train.epochs = 10;
  s.train.optimizer.lr = 1e-3;
  s.train.schedule = "cosine";
  const std::shared_ptr<const Device> device = make_cpu_device(2);
  RunFolder run(folder_ / "run");
  run_training(open_training(s, Threads(2)), device, run);
  const auto detector = load_detector(run.best(), device);
  const DetectionRun found = detect_all(*detector, *open_dataset(s.data, Split::test));
  EXPECT_GT(mean_average_precision(found.found, found.truth, 2), 0.6);
  EXPECT_GT(found.seconds.regions, 0);
  EXPECT_GT(found.seconds.features, 0);
}

TEST_F(TrainFastRcnn, SameBitsResumedAndOnAnyNumberOfThreads) {
  const std::string data = squares(8, 2);
  Bytes first;
  for (const int threads : {1, 2, 3}) {
    const TrainingSettings s = of(data);
    const std::shared_ptr<const Device> device = make_cpu_device(threads);
    RunFolder run(folder_ / ("run" + std::to_string(threads)));
    std::int64_t steps = 0;
    std::atomic<bool> stop = false;
    const TrainingHooks hooks{
        .on_step = [&](const StepReport&) { stop = threads == 3 && ++steps == 2; }, .stop = &stop};
    run_training(open_training(s, Threads(threads)), device, run, false, hooks);
    if (threads == 3) {
      stop = false;
      run_training(open_training(s, Threads(2), run.checkpoint()), device, run, true);
    }
    const Bytes best = read_file(run.best());
    if (first.empty()) first = best;
    EXPECT_TRUE(best == first) << threads << " threads";
  }
}

// Batches without a positive region: there is a loss all the same, and it is a number.
TEST_F(TrainFastRcnn, PicturesWithoutObjectsAreBackground) {
  TrainingSettings s = of(squares(4, 2));
  for (int i = 0; i < 3; ++i) {
    put("Annotations/p" + std::to_string(i) + ".xml",
        "<annotation><size><width>64</width><height>64</height></size></annotation>");
  }
  s.train.batch = 1;
  RunFolder run(folder_ / "run");
  const TrainingOutcome outcome =
      run_training(open_training(s, Threads(2)), make_cpu_device(2), run);
  for (const EpochReport& epoch : outcome.epochs) EXPECT_TRUE(std::isfinite(epoch.loss));
}

}  // namespace
}  // namespace striate
