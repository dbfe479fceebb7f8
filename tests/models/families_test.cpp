// What holds for every model of the registry.

#include <fstream>
#include <set>
#include <sstream>

#include "account.h"
#include "nn/count_work.h"
#include "testing/paths.h"

namespace striate {
namespace {

using namespace testing;

// The first of each family, for half its picture or 33 pixels, or the next larger one that it takes:
// the reference device gets through its loops.
TEST(Families, CountsAreWhatIsExecuted) {
  std::set<std::string> families;
  for (const ModelRow& row : models().rows()) {
    if (row.name.starts_with("fcn")) continue;  // fcn_test.cpp: too large by their padding
    std::string family = row.name;
    std::erase_if(family, [](char c) { return c >= '0' && c <= '9'; });
    if (!families.insert(family + std::to_string(row.natural.height)).second) continue;
    ModelSize size = row.natural;
    size.classes = 5;
    size.height = size.width = std::min<std::int64_t>(row.natural.height / 2, 33);
    Graph graph;
    if (row.natural.channels == 0) graph = row.build(row.natural);
    while (graph.nodes.empty() && size.height < row.natural.height) {
      try {
        graph = row.build(size);
      } catch (const ModelError&) {
        size.width = ++size.height;
      }
    }
    ASSERT_FALSE(graph.nodes.empty()) << row.name;
    // Given no lengths, sequences are empty and nothing is done.
    if (graph.find_input("lengths") != nullptr) continue;
    expect_counted(graph);
  }
  EXPECT_GE(families.size(), 17U);
}

std::vector<std::vector<std::string>> table(const std::string& file) {
  std::ifstream in(std::string(kSourceFolder) + "/../shared/data/" + file);
  std::vector<std::vector<std::string>> rows;
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    std::vector<std::string> cells;
    std::stringstream text(line);
    for (std::string cell; std::getline(text, cell, '\t');) cells.push_back(cell);
    rows.push_back(cells);
  }
  return rows;
}

// torchvision's documented counts for the weights of every model that is here under its name.
TEST(Families, ParametersAreTorchvisions) {
  const auto rows = table("torchvision-params/params.tsv");
  if (rows.empty()) GTEST_SKIP() << "../shared/data/torchvision-params is not here";
  std::set<std::string> seen;
  for (const auto& cells : rows) {
    std::string name;
    for (const char c : cells.at(0)) name += static_cast<char>(std::tolower(c));
    for (const ModelRow& row : models().rows()) {
      if (row.name != name) continue;
      // torchvision counts the auxiliary heads of its networks for segmentation, not GoogLeNet's.
      const CountConvention whole{.auxiliary = row.task == "segmentation"};
      EXPECT_EQ(summarize(built(name), {}, whole).parameters, std::stoll(cells.at(2))) << name;
      seen.insert(name);
    }
  }
  EXPECT_EQ(seen.size(), 21U);  // AlexNet, 8 VGGs, GoogLeNet, 5 ResNets, 4 DenseNets, 2 FCNs
}

// The published receptive fields of the networks that are the same here. Their padding is how far
// pixel 0 looks out of the picture; TensorFlow pads ResNet's first pooling behind the picture only,
// the paper on both sides: 2 pixels.
TEST(Families, ReceptiveFieldsAsPublished) {
  const auto rows = table("receptive-field/table.tsv");
  if (rows.empty()) GTEST_SKIP() << "../shared/data/receptive-field is not here";
  struct Same {
    const char* theirs;
    const char* model;
    const char* layer;
    std::int64_t more_padding;
  };
  const Same same[] = {{"alexnet_v2", "alexnet_paper", "pool5", 0},
                       {"vgg_16", "vgg16", "features.30", 0},
                       {"resnet_v1_50", "resnet50_paper", "layer4.2.relu", 2},
                       {"resnet_v1_101", "resnet101_paper", "layer4.2.relu", 2},
                       {"resnet_v1_152", "resnet152_paper", "layer4.2.relu", 2}};
  std::size_t found = 0;
  for (const auto& cells : rows) {
    for (const Same& pair : same) {
      if (cells.at(0) != pair.theirs) continue;
      ++found;
      for (const SummaryRow& row : account(pair.model).rows) {
        if (row.name != pair.layer) continue;
        EXPECT_EQ(row.sees.h.size, std::stoll(cells.at(1))) << pair.model;
        EXPECT_EQ(row.sees.h.stride, std::stod(cells.at(2))) << pair.model;
        EXPECT_EQ(-row.sees.h.offset, std::stoll(cells.at(3)) + pair.more_padding) << pair.model;
      }
    }
  }
  EXPECT_EQ(found, std::size(same));
}

// Their 30.71: convolutions alone up to the last pooling, as operations, biases too.
TEST(Families, VggsOperationsAsPublished) {
  std::int64_t operations = 0;
  for (const SummaryRow& row : summarize(built("vgg16"), {}, {.bias = true}).rows) {
    if (row.op == "Conv") operations += row.operations;
  }
  EXPECT_NEAR(static_cast<double>(operations) * 1e-9, 30.71, 0.005);
}

TEST(Families, SeeAsFarAsPublished) {
  EXPECT_EQ(sees("alexnet", "features.12"), 195);
  EXPECT_EQ(sees("vgg16", "features.30"), 212);
  EXPECT_EQ(sees("resnet18", "layer4.1.relu"), 435);
  EXPECT_EQ(sees("resnet34", "layer4.2.relu"), 899);
}

// fc6 as the convolution that it is: 404.
TEST(Families, Vgg16Fc6Sees404) {
  const ReceptiveField sees = [] {
    for (const SummaryRow& row : account("vgg16").rows) {
      if (row.name == "features.30") return row.sees;
    }
    return ReceptiveField{};
  }();
  EXPECT_EQ(sees.h.size + 6 * static_cast<std::int64_t>(sees.h.stride), 404);
}

TEST(Families, AuxiliaryHeadsCountWhereAsked) {
  EXPECT_EQ(summarize(built("googlenet")).parameters, 6624904);
  EXPECT_EQ(summarize(built("googlenet"), {}, {.auxiliary = true}).parameters, 13004888);
}

TEST(Families, BlocksAddUp) {
  for (const char* name : {"resnet50", "googlenet", "densenet121"}) {
    const Summary whole = account(name);
    for (const int depth : {1, 2, 9}) {
      const Summary blocks = grouped_by_block(whole, depth);
      std::int64_t parameters = 0;
      std::int64_t macs = 0;
      int nodes = 0;
      for (const SummaryRow& row : blocks.rows) {
        parameters += row.parameters;
        macs += row.macs;
        nodes += row.nodes;
      }
      EXPECT_EQ(parameters, whole.parameters);
      EXPECT_EQ(macs, whole.macs);
      EXPECT_EQ(nodes, static_cast<int>(whole.rows.size()));
      EXPECT_EQ(blocks.rows.size() == whole.rows.size(), depth == 9) << name;
    }
  }
  const Summary resnet = grouped_by_block(account("resnet50"), 1);
  ASSERT_EQ(resnet.rows[4].name, "layer1");
  EXPECT_EQ(resnet.rows[4].output, Shape({1, 256, 56, 56}));
  EXPECT_EQ(resnet.rows[4].parameters, 215808);
}

}  // namespace
}  // namespace striate
