// Every family learns real pictures: sixteen of each of four classes, by heart.

#include <numeric>

#include "data/support.h"
#include "striate/data/registry.h"
#include "striate/models/registry.h"
#include "striate/nn/builder.h"
#include "striate/nn/initialize.h"
#include "striate/nn/preprocessing.h"
#include "striate/train/loop.h"
#include "striate/train/tensor_batches.h"

namespace striate {
namespace {

const std::filesystem::path kPictures =
    testing_data::shared_data("cifar10-lossless/data_batch_1_first4000.bin");
constexpr std::int64_t kClasses = 4;
constexpr std::int64_t kEach = 16;

std::map<std::string, Tensor, std::less<>> pictures(std::int64_t side) {
  const auto data = open_dataset("cifar10:" + kPictures.string(), Split::train);
  const Preprocessing p{3, side, side, {0.49, 0.48, 0.45}, {0.25, 0.24, 0.26}};
  Tensor inputs(DType::f32, {kClasses * kEach, 3, side, side});
  Tensor labels(DType::i64, {kClasses * kEach});
  std::int64_t count[kClasses] = {};
  std::int64_t taken = 0;
  for (std::int64_t i = 0; taken < kClasses * kEach; ++i) {
    Example example = data->get(i);
    if (example.label >= kClasses || count[example.label] == kEach) continue;
    ++count[example.label];
    preprocess(std::move(example.picture), p, inputs.data<float>() + taken * 3 * side * side);
    labels.data<std::int64_t>()[taken++] = example.label;
  }
  return {{"input", std::move(inputs)}, {"labels", std::move(labels)}};
}

struct Case {
  const char* model;
  std::int64_t side;
  std::int64_t epochs = 12;  // of four steps
  double lr = 1e-3;
};

class SlowFamilies : public ::testing::TestWithParam<Case> {};

TEST_P(SlowFamilies, LossFallsOnRealPictures) {
  STRIATE_SKIP_WITHOUT(kPictures);
  const Case& c = GetParam();
  const Graph graph =
      with_classification_loss(models().find(c.model).build({3, c.side, c.side, kClasses}));
  const Program program(graph, make_cpu_device(), {.differentiate = {"loss"}});
  TrainState state{.weights = initialize(graph, 1)};
  TensorBatches batches(pictures(c.side), kEach);
  std::vector<double> losses;
  const TrainHooks hooks{.on_epoch = [&](const EpochReport& report, const TrainState&) {
    losses.push_back(report.loss);
  }};
  TrainOptions options{.epochs = c.epochs, .batch = kEach};
  options.optimizer.name = "adam";
  options.optimizer.lr = c.lr;
  train(program, state, batches, options, hooks, "loss");
  ASSERT_EQ(losses.size(), static_cast<std::size_t>(c.epochs));
  EXPECT_LT(losses.back(), 0.75 * losses.front()) << c.model;
  RecordProperty("losses", ::testing::PrintToString(losses));
}

INSTANTIATE_TEST_SUITE_P(
    Models, SlowFamilies,
    ::testing::Values(Case{"lenet5", 32}, Case{"cnn", 32}, Case{"alexnet", 64, 20},
                      Case{"alexnet_paper", 67, 30, 3e-4}, Case{"alexnet_lecture", 67, 30, 3e-4},
                      Case{"vgg11", 32, 20, 3e-4}, Case{"vgg11_bn", 32, 12, 3e-4},
                      Case{"nin_cifar", 32, 25}, Case{"googlenet", 96},
                      Case{"googlenet_paper", 96, 20}, Case{"resnet18", 64}, Case{"resnet50", 64},
                      Case{"resnet50_paper", 64}, Case{"resnet20", 32},
                      Case{"resnet20_projected", 32}, Case{"preact_resnet20", 32},
                      Case{"plain20", 32}, Case{"densenet121", 64}, Case{"densenet40_12", 32},
                      Case{"densenet_bc100_12", 32}),
    [](const auto& one) { return std::string(one.param.model); });

}  // namespace
}  // namespace striate
