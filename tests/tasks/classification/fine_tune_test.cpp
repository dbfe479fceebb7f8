// Beginning from another training's weights, and holding some of them still.

#include <filesystem>

#include <gmock/gmock.h>

#include "striate/base/files.h"
#include "striate/formats/safetensors.h"
#include "striate/models/registry.h"
#include "striate/nn/initialize.h"
#include "striate/tasks/training.h"
#include "striate/train/checkpoint.h"
#include "tasks/classification/stripes.h"

namespace striate {
namespace {

namespace fs = std::filesystem;

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

bool same_bytes(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() &&
         std::equal(a.values<float>().begin(), a.values<float>().end(), b.values<float>().begin());
}

class FineTune : public testing::StripesTest {
 protected:
  void SetUp() override {
    TrainingSettings s = settings("resnet20", stripes(24));
    s.train.epochs = 1;
    run(s, "before");
    before_ = load_safetensors(weights()).tensors;
  }

  std::string weights() const { return (folder_ / "before" / "best.safetensors").string(); }

  TrainingOutcome run(const TrainingSettings& s, const std::string& name, bool resume = false,
                      const TrainingHooks& hooks = {}) const {
    const fs::path checkpoint = folder_ / name / "checkpoint.safetensors";
    const Training training = open_training(s, Threads(2), resume ? checkpoint : fs::path());
    RunFolder folder(folder_ / name);
    return run_training(training, make_cpu_device(2), folder, resume, hooks);
  }

  // Three kinds of stripes, which the weights before know two of.
  TrainingSettings three() const {
    const std::string data = stripes(24);
    const fs::path more = folder_ / "data" / "both";
    fs::create_directories(more);
    for (int i = 0; i < 24; ++i) {
      Image picture(16, 16, 1);
      for (int y = 0; y < 16; ++y) {
        for (int x = 0; x < 16; ++x) {
          picture.row(y)[x] = static_cast<std::uint8_t>((x + i) / 2 % 2 == (y / 2) % 2 ? 60 : 190);
        }
      }
      write_file(more / (std::to_string(i) + ".png"), encode_png(picture));
    }
    TrainingSettings s = settings("resnet20", data);
    s.weights = weights();
    s.train.epochs = 2;
    return s;
  }

  std::string refusal(const TrainingSettings& s) const {
    try {
      open_training(s, Threads(1));
    } catch (const InputError& error) {
      return error.what();
    }
    return "accepted";
  }

  Weights before_;
};

TEST_F(FineTune, ReplacesTheHeadAndSaysWhatItLoaded) {
  TrainingSettings s = three();
  s.classes = 3;
  const Training training = open_training(s, Threads(1));
  ASSERT_TRUE(training.loaded);
  const LoadReport& report = *training.loaded;
  EXPECT_EQ(report.loaded.size(), before_.size() - 2);
  ASSERT_EQ(report.replaced.size(), 2U);
  EXPECT_EQ(report.replaced[0].name, "fc.weight");
  EXPECT_EQ(report.replaced[0].file, Shape({2, 64}));
  EXPECT_EQ(report.replaced[0].model, Shape({3, 64}));
  EXPECT_THAT(report.missing, IsEmpty());
  EXPECT_THAT(report.left_over, IsEmpty());
  const Weights fresh = initialize(training.graph, 1);
  for (const auto& [name, tensor] : training.first) {
    const bool head = name == "fc.weight" || name == "fc.bias";
    EXPECT_TRUE(same_bytes(tensor, head ? fresh.at(name) : before_.at(name))) << name;
  }
  // The network sees pictures as it did before.
  const ModelCard card = model_card(load_safetensors(weights()).metadata, "before");
  EXPECT_EQ(training.card.preprocessing.mean, card.preprocessing.mean);
  EXPECT_EQ(training.card.preprocessing.height, card.preprocessing.height);
}

// Two auxiliary classifiers have the classes too.
TEST(FineTuneAuxiliary, TheirHeadsAreReplacedAsWell) {
  const ModelRow& row = models().find("googlenet");
  ModelSize size = row.natural;
  size.classes = 10;
  const Weights before = initialize(row.build(size), 1);
  size.classes = 3;
  const Graph graph = row.build(size);
  Weights weights = initialize(graph, 2);
  const Weights fresh = weights;
  const LoadReport report = begin_from(graph, before, "before", false, weights);
  std::vector<std::string> replaced;
  for (const auto& change : report.replaced) replaced.push_back(change.name);
  EXPECT_THAT(replaced,
              ::testing::UnorderedElementsAre("fc.weight", "fc.bias", "aux1.fc2.weight",
                                              "aux1.fc2.bias", "aux2.fc2.weight", "aux2.fc2.bias"));
  EXPECT_TRUE(same_bytes(weights.at("aux2.fc2.weight"), fresh.at("aux2.fc2.weight")));
  EXPECT_TRUE(same_bytes(weights.at("aux2.fc1.weight"), before.at("aux2.fc1.weight")));
  EXPECT_THAT(report.missing, IsEmpty());
}

// The same classes go on with their head; asked for by number, it is a new one.
TEST_F(FineTune, KeepsAHeadThatFits) {
  TrainingSettings s = settings("resnet20", stripes(24));
  s.weights = weights();
  EXPECT_THAT(open_training(s, Threads(1)).loaded->replaced, IsEmpty());
  s.classes = 2;
  EXPECT_EQ(open_training(s, Threads(1)).loaded->replaced.size(), 2U);
}

TEST_F(FineTune, SaysWhatIsMissingAndLeftOver) {
  Weights changed = before_;
  changed["other.weight"] = Tensor(DType::f32, {3});
  SafeTensors file;
  for (const auto& [name, tensor] : changed) {
    if (name != "layer3.2.conv2.weight") file.tensors[name] = tensor;
  }
  const fs::path path = folder_ / "foreign.safetensors";
  save_safetensors(path, file);
  TrainingSettings s = three();
  s.weights = path.string();
  const Training training = open_training(s, Threads(1));
  EXPECT_THAT(training.loaded->missing, ElementsAre("layer3.2.conv2.weight"));
  EXPECT_THAT(training.loaded->left_over, ElementsAre("other.weight"));
}

TEST_F(FineTune, FrozenParametersStay) {
  TrainingSettings s = three();
  s.freeze = "conv1,bn1,layer1,layer2.0.bn2";
  const Training training = open_training(s, Threads(1));
  const Program program(training.graph, make_cpu_device(1), {.differentiate = {"loss"}});
  Workspace workspace(program.plan({{"input", {2, 3, 32, 32}}, {"labels", {2}}}));
  EXPECT_FALSE(workspace.gradient("layer1.2.conv2.weight"));
  EXPECT_FALSE(workspace.gradient("layer2.0.bn2.weight"));
  EXPECT_TRUE(workspace.gradient("layer2.0.conv1.weight"));
  EXPECT_EQ(training.frozen, 16 * 27 + 2 * 16 + 6 * (16 * 16 * 9 + 2 * 16) + 2 * 32);
  s.train.optimizer.weight_decay = 0.01;
  run(s, "after");
  const Weights after = load_safetensors(folder_ / "after" / "best.safetensors").tensors;
  for (const auto& [name, tensor] : after) {
    const bool frozen = name.starts_with("conv1.") || name.starts_with("bn1.") ||
                        name.starts_with("layer1.") || name.starts_with("layer2.0.bn2.");
    EXPECT_EQ(!name.starts_with("fc.") && same_bytes(tensor, before_.at(name)), frozen) << name;
  }
}

// Interrupted after each of some steps and gone on with, even where the file is no longer there.
TEST_F(FineTune, GoesOnWithTheSameBits) {
  TrainingSettings s = three();
  s.freeze = "layer1";
  s.augment = "crop:2,flip,jitter";
  run(s, "whole");
  std::atomic<bool> stop = false;
  TrainingHooks hooks{.on_step = [&](const StepReport& report) { stop = report.step == 2; },
                      .stop = &stop};
  EXPECT_EQ(run(s, "parts", false, hooks).end, TrainEnd::stopped);
  fs::remove(weights());
  stop = false;
  hooks.on_step = {};
  run(s, "parts", true, hooks);
  for (const char* file : {"checkpoint.safetensors", "best.safetensors"}) {
    EXPECT_EQ(read_file(folder_ / "parts" / file), read_file(folder_ / "whole" / file)) << file;
  }
}

TEST_F(FineTune, SaysWhatDoesNotFit) {
  TrainingSettings s = three();
  s.classes = 5;
  EXPECT_THAT(refusal(s), HasSubstr("classes: folder:"));
  EXPECT_THAT(refusal(s), HasSubstr("has 3, not 5"));
  s.classes = 0;
  s.freeze = "layer4";
  EXPECT_THAT(refusal(s), HasSubstr("freeze: resnet20 has no parameter under \"layer4\""));
  s.freeze = "conv1,bn1,layer1,layer2,layer3,fc";
  EXPECT_THAT(refusal(s), HasSubstr("nothing is left to train of resnet20"));
  s.freeze = "layer";
  EXPECT_THAT(refusal(s), HasSubstr("under \"layer\""));
  s.freeze = "";
  s.model = "plain20";
  EXPECT_THAT(refusal(s), HasSubstr("it holds the weights of resnet20, not of plain20"));
  s.model = "resnet20";
  SafeTensors file;
  file.tensors["conv1.weight"] = Tensor(DType::f32, {16, 1, 3, 3});
  save_safetensors(folder_ / "grey.safetensors", file);
  s.weights = (folder_ / "grey.safetensors").string();
  EXPECT_THAT(refusal(s), HasSubstr("conv1.weight is float32 16x1x3x3, expected float32 16x3x3x3"));
  file.tensors = {};
  file.tensors["nothing"] = Tensor(DType::f32, {1});
  save_safetensors(folder_ / "none.safetensors", file);
  s.weights = (folder_ / "none.safetensors").string();
  EXPECT_THAT(refusal(s), HasSubstr("none of its 1 tensors is one of resnet20"));
}

}  // namespace
}  // namespace striate
