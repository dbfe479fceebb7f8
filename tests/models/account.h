#pragma once

// A network's account against published figures.

#include <initializer_list>
#include <string>

#include <gtest/gtest.h>

#include "striate/graph/plan.h"
#include "striate/graph/rewrite.h"
#include "striate/graph/summary.h"
#include "striate/models/registry.h"
#include "striate/nn/builder.h"

namespace striate::testing {

inline Graph built(const std::string& name) {
  const ModelRow& row = models().find(name);
  return row.build(row.natural);
}
inline Summary account(const std::string& name) { return summarize(built(name)); }

inline std::int64_t trained(const Graph& graph) {
  std::int64_t count = 0;
  for (const Parameter& parameter : graph.parameters) {
    if (parameter.trainable) count += parameter.shape.elements();
  }
  return count;
}

/// Parameters, and the multiply-adds of convolutions and dense layers in 10^9, to three digits.
struct Published {
  const char* name;
  std::int64_t parameters;
  double gmacs;
};
inline void expect_counts(std::initializer_list<Published> rows) {
  for (const Published& row : rows) {
    const Summary summary = account(row.name);
    EXPECT_EQ(summary.parameters, row.parameters) << row.name;
    EXPECT_NEAR(static_cast<double>(summary.macs) * 1e-9, row.gmacs, 0.0005001) << row.name;
  }
}

/// Input pixels along a side that one pixel of a layer sees.
inline std::int64_t sees(const std::string& model, const std::string& layer) {
  for (const SummaryRow& row : account(model).rows) {
    if (row.name == layer) return row.sees.h.size;
  }
  ADD_FAILURE() << model << " has no layer " << layer;
  return 0;
}

inline void expect_parameters(const std::string& model, std::initializer_list<const char*> names) {
  const Graph graph = built(model);
  for (const char* name : names) {
    EXPECT_NE(graph.find_parameter(name), nullptr) << model << ": " << name;
  }
}

/// The training graph builds for other classes.
inline void expect_trainable(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const ModelRow& row = models().find(name);
    ModelSize size = row.natural;
    size.classes = 7;
    const ValueInfos infos = infer_shapes(with_classification_loss(row.build(size)));
    const Shape expected =
        row.task == "segmentation" ? Shape{1, 7, size.height, size.width} : Shape{1, 7};
    EXPECT_EQ(infos.at("logits").shape, expected) << name;
    EXPECT_EQ(infos.at("loss").shape, Shape()) << name;
  }
}

}  // namespace striate::testing
