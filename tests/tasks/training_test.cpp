#include "striate/tasks/training.h"

#include <filesystem>

#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "striate/base/files.h"
#include "striate/data/registry.h"
#include "striate/tasks/classification/classifier.h"
#include "striate/tasks/classification/evaluate.h"
#include "tasks/classification/stripes.h"
#include "testing/paths.h"
#include "testing/temporary_folder.h"

namespace striate {
namespace {

namespace fs = std::filesystem;

class RunTraining : public testing::StripesTest {};

// The first losses of a whole training against stored ones. They were made by this test itself on
// the reference device, whose parts are proved by finite differences and known values; here they
// keep initialization, shuffling, augmentation, dropout and the optimizer from changing unseen.
TEST_F(RunTraining, FirstLossesAreTheStoredOnes) {
  TrainingSettings s = settings("cnn", stripes(40));
  s.augment = "crop:2,flip";
  s.train.epochs = 1;
  const Training training = open_training(s, Threads(1));
  const std::vector<double> stored{0.704380870, 1.386876225, 0.849339604, 0.241576910};
  for (const auto& device : {std::shared_ptr<const Device>(make_reference_device()),
                             std::shared_ptr<const Device>(make_cpu_device(2))}) {
    RunFolder run(folder_ / std::string(device->name()));
    std::vector<double> losses;
    run_training(training, device, run, false,
                 {.on_step = [&](const StepReport& report) { losses.push_back(report.loss); }});
    ASSERT_EQ(losses.size(), stored.size()) << fmt::format("{:.9f}", fmt::join(losses, ", "));
    for (std::size_t i = 0; i < losses.size(); ++i) {
      EXPECT_NEAR(losses[i], stored[i], 2e-4 * (1 + static_cast<double>(i))) << "step " << i + 1;
    }
  }
}

// Those that are small enough to be trained in a test, one of each kind.
TEST_F(RunTraining, SmallModelsLearnStripes) {
  const std::string data = stripes(60);
  for (const char* name :
       {"cnn", "lenet5", "resnet20", "resnet20_projected", "preact_resnet20", "plain20"}) {
    const ModelRow& row = models().find(name);
    TrainingSettings s = settings(row.name, data);
    s.train.epochs = 10;
    s.train.optimizer.lr = 0.003;
    const Threads threads(2);
    const Training training = open_training(s, threads);
    RunFolder run(folder_ / row.name);
    const TrainingOutcome outcome = run_training(training, make_cpu_device(2), run);
    EXPECT_LT(outcome.epochs.back().loss, outcome.epochs.front().loss) << row.name;
    EXPECT_GE(outcome.best_score, 0.9) << row.name;
  }
}

TEST_F(RunTraining, TheSavedFileIsTheTrainedNetwork) {
  TrainingSettings s = settings("lenet5", stripes(40));
  s.train.epochs = 4;
  const Training training = open_training(s, Threads(2));
  RunFolder run(folder_ / "run");
  const auto device = std::shared_ptr<const Device>(make_cpu_device(2));
  const TrainingOutcome outcome = run_training(training, device, run);
  const Classifier classifier = Classifier::load(run.best(), device);
  EXPECT_EQ(classifier.card().classes, (std::vector<std::string>{"across", "along"}));
  const Program program(classifier.graph(), device);
  const Parts parts = split_by_seed(open_dataset(s.data, Split::train), s.validation, 1);
  const Evaluation again =
      evaluate(program, classifier.weights(), *parts.validation, classifier.card().preprocessing);
  EXPECT_EQ(again.metrics.top1(), outcome.best_score);
}

// Weights, optimizer and counters after fifty steps, with augmentation and dropout, are the same
// bytes on any number of threads, run again, and stopped in the middle and resumed; and so is what
// the network says of pictures.
TEST_F(RunTraining, SameBitsOnAnyNumberOfThreads) {
  constexpr int kSteps = 50;
  const std::string data = stripes(72);
  const Image picture = read_image(folder_ / "data" / "along" / "0.png");
  for (const char* model : {"cnn", "resnet20"}) {
    TrainingSettings s = settings(model, data);
    s.augment = "crop,flip";
    s.train.batch = 4;
    Bytes first;
    double probability = 0;
    struct Way {
      int threads;
      bool interrupted = false;
    };
    for (const Way way : {Way{1}, Way{2}, Way{3}, Way{5}, Way{2}, Way{3, true}}) {
      SCOPED_TRACE(fmt::format("{} on {} threads{}", model, way.threads,
                               way.interrupted ? ", interrupted" : ""));
      const TemporaryFolder place;
      const auto device = std::shared_ptr<const Device>(make_cpu_device(way.threads));
      const Training training = open_training(s, Threads(way.threads));
      RunFolder run(place.path());
      std::int64_t steps = 0;
      std::atomic<bool> stop = false;
      const TrainingHooks hooks{.on_step =
                                    [&](const StepReport& report) {
                                      EXPECT_EQ(report.global_step, ++steps);
                                      stop = way.interrupted && (steps == 17 || steps == 40);
                                    },
                                .stop = &stop};
      while (run_training(training, device, run, steps > 0, hooks).end == TrainEnd::stopped) {
        stop = false;
      }
      EXPECT_GE(steps, kSteps);
      const Bytes checkpoint = read_file(run.checkpoint());
      const double says =
          Classifier::load(run.best(), device).classify({&picture, 1}, 1)[0][0].probability;
      if (first.empty()) {
        first = checkpoint;
        probability = says;
      }
      EXPECT_TRUE(checkpoint == first);
      EXPECT_EQ(says, probability);
    }
  }
}

TEST(Settings, SurviveTheirFile) {
  TrainingSettings s;
  s.model = "cnn";
  s.data = "folder:/a \"quoted\" path\\with\nall";
  s.train.optimizer.lr = 0.1;
  s.train.optimizer.nesterov = true;
  s.train.seed = 123456789012345;
  TrainingSettings back;
  read_toml(to_toml(s), "config.toml", back);
  EXPECT_EQ(to_toml(back), to_toml(s));
  EXPECT_EQ(back.data, s.data);
  EXPECT_EQ(back.train.optimizer.lr, 0.1);
  EXPECT_EQ(back.train.seed, s.train.seed);
}

// Real pictures; Debian's package is not everywhere.
TEST(SlowTraining, CnnOnFashionMnist) {
  if (!fs::exists("/usr/share/datasets/fashion-mnist")) {
    GTEST_SKIP() << "dataset-fashion-mnist is not installed";
  }
  TrainingSettings s;
  const Bytes recipe = read_file(fs::path(kSourceFolder) / "recipes/cnn-fashion-mnist.toml");
  read_toml({reinterpret_cast<const char*>(recipe.data()), recipe.size()}, "recipe", s);
  s.train.epochs = 1;
  const TemporaryFolder folder;
  RunFolder run(folder.path());
  const Training training = open_training(s, Threads());
  const TrainingOutcome outcome = run_training(training, make_cpu_device(), run);
  EXPECT_GE(outcome.best_score, 0.87);
}

}  // namespace
}  // namespace striate
