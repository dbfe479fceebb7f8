#include "striate/tasks/classification/evaluate.h"

#include <cmath>

#include "data/support.h"
#include "striate/nn/initialize.h"
#include "striate/tasks/classification/classifier.h"

namespace striate {
namespace {

// The loss of ten views' averaged probabilities, worked out picture by picture.
TEST(Evaluate, AveragesProbabilitiesOverCrops) {
  const testing_data::Numbered data(5, 40, 36, 1);
  const ModelCard card{
      .model = "lenet5", .classes = data.classes(), .preprocessing = {1, 28, 28, {0.5}, {0.3}, 33}};
  const std::shared_ptr<const Device> device = make_cpu_device(1);
  const Weights weights = initialize(models().find("lenet5").build(size_of(card)), 3);
  const Classifier classifier(card, weights, device);
  double loss = 0;
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const Example example = data.get(i);
    double probability = 0;
    for (const Image& view : crops(example.picture, card.preprocessing, 10)) {
      Tensor input(DType::f32, {1, 1, 28, 28});
      normalize(view, card.preprocessing, input.data<float>());
      const Tensor scores = classifier.logits(input);
      const double other = scores.data<float>()[1 - example.label];
      probability += 0.1 / (1 + std::exp(other - double{scores.data<float>()[example.label]}));
    }
    loss -= std::log(probability) / 5;
  }
  const Program program(classifier.graph(), device);
  for (const std::int64_t batch : {1, 20, 256}) {
    const Evaluation result =
        evaluate(program, weights, data, card.preprocessing, {.batch = batch, .crops = 10});
    EXPECT_EQ(result.metrics.count(), 5);
    EXPECT_NEAR(result.metrics.loss(), loss, 1e-6);
  }
}

}  // namespace
}  // namespace striate
