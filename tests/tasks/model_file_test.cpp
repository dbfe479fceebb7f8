#include "striate/tasks/model_file.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "striate/base/error.h"
#include "striate/base/files.h"
#include "striate/base/random.h"
#include "striate/formats/npy.h"
#include "striate/graph/plan.h"
#include "striate/graph/rewrite.h"
#include "striate/nn/initialize.h"
#include "testing/temporary_folder.h"

namespace striate {
namespace {

using ::testing::HasSubstr;

TEST(ModelFile, GuessesTheModel) {
  const ModelRow& row = models().find("resnet34");
  Weights weights = initialize(row.build(row.natural), 1);
  EXPECT_EQ(likely_model(weights).name, "resnet34");
  EXPECT_TRUE(likely_model(weights).exact);
  weights["conv1.weight.extra"] = Tensor(DType::f32, {1});
  EXPECT_EQ(likely_model(weights).name, "resnet34");
  EXPECT_FALSE(likely_model(weights).exact);
  ModelSize size = row.natural;
  size.classes = 7;
  const LikelyModel seven = likely_model(initialize(row.build(size), 1));
  EXPECT_EQ(seven.name, "resnet34");
  EXPECT_TRUE(seven.exact);
  EXPECT_EQ(seven.size.classes, 7);
  Weights strange;
  strange["a"] = Tensor(DType::f32, {1});
  EXPECT_EQ(likely_model(strange).name, "");
}

TEST(ModelFile, SaysAllThatDoesNotFit) {
  const ModelRow& row = models().find("resnet18");
  const Graph graph = row.build(row.natural);
  Weights weights = initialize(graph, 1);
  weights["left"] = Tensor(DType::f32, {1});
  weights["fc.weight"] = Tensor(DType::f32, {2, 2});
  Weights fewer;
  for (const auto& [name, tensor] : weights) {
    if (name != "conv1.weight" && name != "bn1.bias") fewer[name] = tensor;
  }
  try {
    pick_weights_for(graph, fewer, "f.pth");
    FAIL() << "weights that do not fit";
  } catch (const InputError& error) {
    EXPECT_EQ(std::string(error.what()),
              "f.pth: the weights do not fit resnet18: 2 missing: conv1.weight, bn1.bias; 1 not in "
              "the model: left; 1 of another shape: fc.weight is float32 2x2, expected float32 "
              "1000x512");
  }
  const ModelRow& other = models().find("resnet34");
  try {
    pick_weights_for(graph, initialize(other.build(other.natural), 1), "f.pth");
    FAIL() << "weights that do not fit";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("do not fit resnet18 (did you mean \"resnet34\"?)"));
  }
}

// torchvision's networks whose weights are a formula of name and place (torchvision_cases.py, which
// also wrote the numbers): largest score, first scores.
struct StoredCase {
  const char* name;
  double largest;
  double scores[4];
};
constexpr StoredCase kStored[] = {
    {"alexnet", 9.15628, {-3.44312, -0.346976, 1.42756, -5.20354}},
    {"resnet18", 114.637, {34.7348, -12.2734, -16.6656, 43.8728}},
    {"resnet50", 9522.2, {4197.05, -3279.63, 26.0941, 1340.18}},
    {"densenet121", 8.0692, {-0.127521, -1.0313, 2.6599, 1.7033}},
    {"googlenet", 17.601, {-3.25381, 6.21134, -1.14703, 1.16637}},
    {"fcn_resnet50", 10022.1, {-2343.59, 4314.38, -2135.52, 2704.08}},
    {"fcn_resnet101", 4.40367e+07, {-8.95864e+06, 1.5491e+07, -1.02653e+07, 8.67017e+06}},
};

// A value in [-1, 1): splitmix64 of the name's number (FNV-1a), plus the place.
double formula(std::uint64_t name, std::int64_t place) {
  std::uint64_t z = name + static_cast<std::uint64_t>(place) * 0x9e3779b97f4a7c15ULL;
  z = (z ^ z >> 30U) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ z >> 27U) * 0x94d049bb133111ebULL;
  z ^= z >> 31U;
  return static_cast<double>(z >> 40U) / 0x1p23 - 1;
}

// mean + deviation * formula.
Tensor formula_tensor(const std::string& name, const Shape& shape, double mean, double deviation) {
  Tensor tensor(DType::f32, shape);
  const std::uint64_t number = purpose_of(name);
  float* to = tensor.data<float>();
  for (std::int64_t i = 0; i < tensor.elements(); ++i) {
    to[i] = static_cast<float>(mean + deviation * formula(number, i));
  }
  return tensor;
}

Tensor formula_weight(const std::string& name, const Shape& shape) {
  if (name.ends_with("running_var")) return formula_tensor(name, shape, 1, 0.5);
  if (shape.rank() > 1) {
    const auto fan_in = static_cast<double>(shape.elements() / shape[0]);
    return formula_tensor(name, shape, 0, std::sqrt(6.0 / fan_in));
  }
  return formula_tensor(name, shape, name.ends_with("weight") ? 1 : 0, 0.1);
}

TEST(ModelFile, TorchvisionsNamesGiveItsScores) {
  const std::shared_ptr<const Device> device = make_cpu_device(2);
  for (const StoredCase& stored : kStored) {
    const ModelRow& row = models().find(stored.name);
    const bool segments = row.task == "segmentation";
    ModelSize size = row.natural;
    size.height = segments ? 100 : 224;  // sides that no stride divides
    size.width = segments ? 83 : 224;
    const Graph graph = inference_form(row.build(size));
    Weights weights;
    for (const Parameter& parameter : graph.parameters) {
      weights[parameter.name] = formula_weight(parameter.name, parameter.shape);
    }
    const Tensor x = formula_tensor("input", {1, 3, size.height, size.width}, 0, 1);
    const Tensor y = Program(graph, device).run({{"input", x.view()}}, weights, "logits");
    for (int i = 0; i < 4; ++i) {
      const std::int64_t place = segments ? (i + 1) * (y.elements() / 5) : i;
      EXPECT_NEAR(static_cast<double>(y.data<float>()[place]), stored.scores[i],
                  1e-4 * stored.largest)
          << stored.name << " " << i;
    }
  }
}

// torchvision's networks with random weights: its state_dict and its outputs.
class Torchvision : public ::testing::Test {
 protected:
  static bool there() {
    static const bool found =
        std::system("/usr/bin/python3 -c 'import torchvision' 2>/dev/null") == 0;
    return found;
  }

  static void expect_same(const std::string& name) {
    SCOPED_TRACE(name);
    const TemporaryFolder folder;
    write_file(folder / "there.py", std::string_view(R"(
import sys, numpy as np, torch, torchvision
folder, name = sys.argv[1:]
torch.manual_seed(11)
torch.set_num_threads(2)
more = {'init_weights': True} if name == 'googlenet' else {}
net = getattr(torchvision.models, name)(weights=None, **more).eval()
for key, value in net.state_dict().items():
    if key.endswith('running_mean'): value.uniform_(-0.1, 0.1)
    if key.endswith('running_var'): value.uniform_(0.5, 1.5)
x = torch.randn(2, 3, 224, 224)
with torch.no_grad():
    y = net(x)
torch.save(net.state_dict(), folder + '/w.pth')
np.save(folder + '/x.npy', x.numpy())
np.save(folder + '/y.npy', y.numpy())
)"));
    const std::string line =
        "/usr/bin/python3 -W ignore " + (folder / "there.py") + " " + folder.path() + " " + name;
    ASSERT_EQ(std::system(line.c_str()), 0);
    const ModelRow& row = models().find(name);
    const Graph graph = row.build(row.natural);
    const Weights weights =
        pick_weights_for(graph, load_model_file(folder / "w.pth").weights, "w.pth");
    const Tensor x = load_npy(folder / "x.npy");
    const Tensor expected = load_npy(folder / "y.npy");
    const std::shared_ptr<const Device> device = make_cpu_device(2);
    const Tensor got =
        Program(inference_form(graph), device).run({{"input", x.view()}}, weights, "logits");
    ASSERT_EQ(got.shape(), expected.shape());
    double most = 0;
    double size = 0;
    for (std::int64_t i = 0; i < got.elements(); ++i) {
      const auto a = static_cast<double>(got.data<float>()[i]);
      const auto b = static_cast<double>(expected.data<float>()[i]);
      most = std::max(most, std::abs(a - b));
      size = std::max(size, std::abs(b));
    }
    EXPECT_LT(most, 1e-4 * size);
  }
};

TEST_F(Torchvision, StateDictsGiveItsOutputs) {
  if (!there()) GTEST_SKIP() << "torchvision is absent: install python3-torchvision";
  expect_same("resnet18");
}

using SlowTorchvision = Torchvision;
TEST_F(SlowTorchvision, EveryStateDictGivesItsOutputs) {
  if (!there()) GTEST_SKIP() << "torchvision is absent: install python3-torchvision";
  for (const char* name : {"densenet121", "googlenet", "alexnet", "vgg11_bn", "resnet50"}) {
    expect_same(name);
  }
}

}  // namespace
}  // namespace striate
