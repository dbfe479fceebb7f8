#include <gtest/gtest.h>

#include "striate/graph/summary.h"
#include "striate/models/registry.h"

namespace striate {
namespace {

// Worked by hand: 288 + 64 (batch norm) + 18,432 + 128 + 3136*1024+1024 + 1024*128+128 + 1290.
TEST(Cnn, CountsOfTheAssignment) {
  const ModelRow& row = models().find("cnn");
  const Summary summary = summarize(row.build(row.natural));
  EXPECT_EQ(summary.parameters, 288 + 64 + 18432 + 128 + 3212288 + 131200 + 1290);
  EXPECT_EQ(summary.buffers, 2 * (32 + 64));
  EXPECT_EQ(summary.macs, 28 * 28 * 288 + 14 * 14 * 18432 + 3136 * 1024 + 1024 * 128 + 1280);
}

TEST(Cnn, ShapesOfTheAssignment) {
  const ModelRow& row = models().find("cnn");
  const ValueInfos infos = infer_shapes(row.build(row.natural), {{"input", {5, 1, 28, 28}}});
  EXPECT_EQ(infos.at("pool1").shape, Shape({5, 32, 14, 14}));
  EXPECT_EQ(infos.at("flatten").shape, Shape({5, 3136}));
  EXPECT_EQ(infos.at("logits").shape, Shape({5, 10}));
}

TEST(Cnn, PicturesTooSmallNameTheLayer) {
  try {
    models().find("cnn").build({.channels = 1, .height = 2, .width = 2, .classes = 10});
    FAIL() << "2x2 pictures leave nothing after two poolings";
  } catch (const ModelError& error) {
    EXPECT_EQ(std::string(error.what()).substr(0, 15), "pool2 (MaxPool)");
  }
}

}  // namespace
}  // namespace striate
