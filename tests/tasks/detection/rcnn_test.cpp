#include <gmock/gmock.h>

#include "striate/data/registry.h"
#include "striate/tasks/detection/detector.h"
#include "striate/tasks/detection/score.h"
#include "tasks/detection/squares.h"

namespace striate {
namespace {

using ::testing::HasSubstr;

class TrainRcnn : public testing::SquaresTest {
 protected:
  TrainingSettings of(const std::string& data) const {
    TrainingSettings s = settings(data);
    s.model = "rcnn";
    s.segmentation = {.height = 32, .width = 32};
    s.detection.network = {.regions = 60};
    s.train.epochs = 6;
    s.train.batch = 32;
    s.train.optimizer.lr = 1e-3;
    s.train.schedule = "constant";
    return s;
  }
};

TEST_F(TrainRcnn, LearnsSquares) {
  const TrainingSettings s = of(squares(20, 6));
  const Training training = open_training(s, Threads(2));
  const std::shared_ptr<const Device> device = make_cpu_device(2);
  RunFolder run(folder_ / "run");
  std::set<std::string> told;
  TrainingHooks hooks;
  hooks.on_finish = [&](std::string_view what, std::int64_t, std::int64_t) { told.emplace(what); };
  EXPECT_EQ(run_training(training, device, run, false, hooks).end, TrainEnd::finished);
  EXPECT_TRUE(told.contains("hard negatives"));
  EXPECT_FALSE(std::filesystem::exists(run.path() / "features"));
  const auto detector = load_detector(run.best(), device);
  const DetectionRun found = detect_all(*detector, *open_dataset(s.data, Split::test));
  EXPECT_GT(mean_average_precision(found.found, found.truth, 2), 0.6);
  EXPECT_GT(found.seconds.regions, 0);
  EXPECT_GT(found.seconds.features, 0);
}

TEST_F(TrainRcnn, SameBitsOnAnyNumberOfThreads) {
  const std::string data = squares(6);
  Bytes first;
  for (const int threads : {1, 3}) {
    TrainingSettings s = of(data);
    s.train.epochs = 1;
    RunFolder run(folder_ / ("run" + std::to_string(threads)));
    run_training(open_training(s, Threads(threads)), make_cpu_device(threads), run);
    const Bytes best = read_file(run.best());
    if (first.empty()) first = best;
    EXPECT_TRUE(best == first) << threads << " threads";
  }
}

TEST_F(TrainRcnn, PicturesWithoutObjectsAreBackground) {
  const std::string data = squares(4);
  for (int i = 0; i < 4; ++i) {
    put(fmt::format("Annotations/p{}.xml", i),
        i == 0
            ? "<annotation><size><width>64</width><height>64</height></size><object><name>red"
              "</name><bndbox><xmin>3</xmin><ymin>3</ymin><xmax>20</xmax><ymax>20</ymax></bndbox>"
              "</object></annotation>"
            : "<annotation><size><width>64</width><height>64</height></size></annotation>");
  }
  TrainingSettings s = of(data);
  s.train.epochs = 1;
  RunFolder run(folder_ / "run");
  const TrainingOutcome outcome =
      run_training(open_training(s, Threads(2)), make_cpu_device(2), run);
  EXPECT_TRUE(std::isfinite(outcome.epochs.back().loss));
  load_detector(run.best(), make_cpu_device(2));
}

TEST_F(TrainRcnn, SaysWhatDoesNotFit) {
  const std::string data = squares(4);
  const auto refusal = [](const TrainingSettings& s) -> std::string {
    try {
      open_training(s, Threads(1));
    } catch (const Error& error) {
      return error.what();
    }
    return "accepted";
  };
  TrainingSettings s = of(data);
  s.augment = "flip";
  EXPECT_THAT(refusal(s), HasSubstr("augment: rcnn draws regions"));
  s = of(data);
  s.detection.network.regions = -1;
  EXPECT_THAT(refusal(s), HasSubstr("regions: expected 0 to"));
  s = of(data);
  s.detection.network.backbone = "resnet1";
  EXPECT_THAT(refusal(s), HasSubstr("resnet1"));
}

}  // namespace
}  // namespace striate
