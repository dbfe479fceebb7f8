#include <gtest/gtest.h>

#include "striate/graph/summary.h"
#include "striate/models/registry.h"

namespace striate {
namespace {

std::int64_t parameters(const char* name) {
  const ModelRow& row = models().find(name);
  return summarize(row.build(row.natural)).parameters;
}

// A gate has 128 * 28 + 128 * 128 weights and 128 biases; the GRU's candidate has its bias twice.
TEST(RowRecurrent, CountsByHand) {
  const std::int64_t gate = 128 * 28 + 128 * 128 + 128;
  const std::int64_t head = 128 * 10 + 10;
  EXPECT_EQ(parameters("row_rnn"), gate + head);
  EXPECT_EQ(parameters("row_lstm"), 4 * gate + head);
  EXPECT_EQ(parameters("row_gru"), 3 * gate + 128 + head);
}

TEST(RowRecurrent, ReadsRowsOfAnyPicture) {
  const ModelRow& row = models().find("row_lstm");
  const Graph graph = row.build({.channels = 3, .height = 20, .width = 12, .classes = 4});
  const ValueInfos infos = infer_shapes(graph, {{"input", {5, 3, 20, 12}}});
  EXPECT_EQ(infos.at("steps").shape, Shape({20, 5, 36}));
  EXPECT_EQ(infos.at("logits").shape, Shape({5, 4}));
}

TEST(RowRecurrent, NamesAreAFileFormat) {
  const ModelRow& row = models().find("row_gru");
  const Graph graph = row.build(row.natural);
  for (const char* name :
       {"recurrent.0.update.weight_ih", "recurrent.0.reset.weight_hh", "fc.weight", "fc.bias"}) {
    EXPECT_NE(graph.find_parameter(name), nullptr) << name;
  }
}

}  // namespace
}  // namespace striate
