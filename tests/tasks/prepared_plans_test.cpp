#include "striate/tasks/prepared_plans.h"

#include <gtest/gtest.h>

#include "striate/models/registry.h"
#include "striate/nn/initialize.h"

namespace striate {
namespace {

TEST(PreparedPlans, KeepsWhatWasUsedLast) {
  const Graph graph = models().find("lenet5").build({.channels = 1, .height = 28, .width = 28});
  const Weights weights = initialize(graph, 1);
  const Program program(graph, make_cpu_device(1));
  const auto plan = [&](std::int64_t batch) {
    return program.plan({{"input", {batch, 1, 28, 28}}});
  };
  PreparedPlans prepared(2);
  const auto first = prepared.of(plan(1), weights);
  const auto second = prepared.of(plan(2), weights);
  EXPECT_NE(first, second);
  EXPECT_EQ(prepared.of(plan(1), weights), first);
  prepared.of(plan(3), weights);  // plan(2) was used longest ago
  EXPECT_EQ(prepared.of(plan(1), weights), first);
  EXPECT_NE(prepared.of(plan(2), weights), second);
}

}  // namespace
}  // namespace striate
