#include "striate/models/registry.h"

#include <algorithm>

#include "account.h"

namespace striate {
namespace {

using namespace testing;

// FNV-1a over a line "NAME 64x3x7x7" for each parameter and running statistic, sorted by name.
std::uint64_t fingerprint(const Graph& graph) {
  std::vector<std::string> lines;
  for (const Parameter& parameter : graph.parameters) {
    lines.push_back(parameter.name + ' ' + parameter.shape.str() + '\n');
  }
  std::sort(lines.begin(), lines.end());
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const std::string& line : lines) {
    for (const char c : line) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  }
  return hash;
}

// The same lines of torchvision 0.14's state_dict() with both auxiliary heads, but for its
// num_batches_tracked: every name and every shape is torchvision's, and there are no others.
TEST(Registry, EveryNameAndShapeIsTorchvisions) {
  struct Row {
    const char* name;
    std::size_t tensors;
    std::uint64_t fingerprint;
  };
  constexpr Row kRows[] = {
      {"alexnet", 16, 0x1ee8f3858b0010a6U},      {"vgg11", 22, 0xcdb2806472c0a5dbU},
      {"vgg13", 26, 0xa73ef2d42f54652cU},        {"vgg16", 32, 0xd903676470699f1aU},
      {"vgg19", 38, 0xe1c939697103d426U},        {"vgg11_bn", 54, 0x19c80c353639048bU},
      {"vgg13_bn", 66, 0xe6636adf329ecbe4U},     {"vgg16_bn", 84, 0xec160d1ebfad7723U},
      {"vgg19_bn", 102, 0xb3c74cc6dbd094e4U},    {"googlenet", 305, 0x85e31dcd73ddb135U},
      {"resnet18", 102, 0xc340bda65f536872U},    {"resnet34", 182, 0x29f522befd56d7eaU},
      {"resnet50", 267, 0x536158e742196701U},    {"resnet101", 522, 0xeedb88dea2cf077aU},
      {"resnet152", 777, 0x0d0407254f679736U},   {"densenet121", 606, 0xf082c9b8fd55d7e7U},
      {"densenet161", 806, 0x24e2bcf0c6a8dca2U}, {"densenet169", 846, 0xccc5a26cb8b91d69U},
      {"densenet201", 1006, 0x5eea09a62cfd6887U}};
  for (const Row& row : kRows) {
    const Graph graph = built(row.name);
    EXPECT_EQ(graph.parameters.size(), row.tensors) << row.name;
    EXPECT_EQ(fingerprint(graph), row.fingerprint) << row.name;
  }
}

// A name that is gone would leave its weights' files without a model.
TEST(Registry, HoldsEveryVariant) {
  for (const char* name :
       {"cnn", "lenet5", "alexnet", "alexnet_paper", "alexnet_lecture", "nin_cifar", "googlenet",
        "googlenet_paper", "resnet50_paper", "resnet101_paper", "resnet152_paper", "densenet40_12",
        "densenet_bc100_12"}) {
    EXPECT_NO_THROW(models().find(name)) << name;
  }
  for (const char* depth : {"20", "32", "44", "56", "110"}) {
    for (const std::string form : {"resnet#", "resnet#_projected", "preact_resnet#", "plain#"}) {
      if (form == "plain#" && depth == std::string("110")) continue;
      std::string name = form;
      name.replace(name.find('#'), 1, depth);
      EXPECT_NO_THROW(models().find(name)) << name;
    }
  }
}

}  // namespace
}  // namespace striate
