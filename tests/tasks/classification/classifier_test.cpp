#include "striate/tasks/classification/classifier.h"

#include <cmath>

#include <gtest/gtest.h>

namespace striate {
namespace {

TEST(BestGuesses, AreSoftmaxInOrder) {
  const std::vector<float> logits{1.0F, 3.0F, 2.0F, 3.0F};
  const auto guesses = best_guesses(logits, {"a", "b", "c", "d"}, 3);
  ASSERT_EQ(guesses.size(), 3U);
  EXPECT_EQ(guesses[0].name, "b") << "of equal ones the first";
  EXPECT_EQ(guesses[1].name, "d");
  EXPECT_EQ(guesses[2].name, "c");
  const double sum = std::exp(-2.0) + 1 + std::exp(-1.0) + 1;
  EXPECT_NEAR(guesses[0].probability, 1 / sum, 1e-12);
}

TEST(BestGuesses, HugeLogitsDoNotOverflow) {
  const std::vector<float> logits{1e30F, -1e30F};
  EXPECT_EQ(best_guesses(logits, {"a", "b"}, 5)[0].probability, 1.0);
}

TEST(Classifier, RefusesACardThatCannotWork) {
  const auto device = std::shared_ptr<const Device>(make_reference_device());
  const ModelCard good{
      .model = "cnn",
      .classes = {"a", "b"},
      .preprocessing = {
          .channels = 1, .height = 28, .width = 28, .mean = {0.5}, .deviation = {0.5}}};
  EXPECT_NO_THROW(Classifier(good, {}, device));
  ModelCard bad = good;
  bad.model = "cn";
  EXPECT_THROW(Classifier(bad, {}, device), InputError);
  bad = good;
  bad.classes.clear();
  EXPECT_THROW(Classifier(bad, {}, device), InputError);
  bad = good;
  bad.preprocessing.deviation = {0};
  EXPECT_THROW(Classifier(bad, {}, device), InputError);
  bad = good;
  bad.preprocessing.height = 1;
  EXPECT_THROW(Classifier(bad, {}, device), ModelError);
}

}  // namespace
}  // namespace striate
