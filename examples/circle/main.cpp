// Builds a small network, trains it to tell points inside a circle from those outside, saves it,
// loads it, uses it, and catches an error.
#include <cstdio>

#include <striate/striate.h>

using namespace striate;

int main() {
  Tensor points(DType::f32, {2000, 2}), labels(DType::i64, {2000});
  Random random({.seed = 1, .purpose = purpose_of("points")}, 0);
  for (int i = 0; i < 2000; ++i) {
    const double x = random.uniform(-1, 1), y = random.uniform(-1, 1);
    points.data<float>()[2 * i] = static_cast<float>(x);
    points.data<float>()[2 * i + 1] = static_cast<float>(y);
    labels.data<std::int64_t>()[i] = x * x + y * y < 0.5 ? 1 : 0;
  }
  Builder b("circle");
  Value hidden = b.relu("relu", b.linear("fc1", b.input("input", {1, 2}), 32));
  const Graph scores = b.finish(b.linear("fc2", hidden, 2), "logits");
  const Graph training = with_classification_loss(scores);
  const std::shared_ptr<const Device> device = make_cpu_device();

  TrainState state{.weights = initialize(training, 1)};
  TensorBatches batches({{"input", points}, {"labels", labels}}, 50);
  train(Program(training, device, {.differentiate = {"loss"}}), state, batches,
        {.epochs = 30, .batch = 50, .optimizer = {.name = "adam", .lr = 0.01}});
  save_safetensors("circle.safetensors", {.tensors = state.weights, .metadata = {}});

  const Weights weights =
      pick_weights(scores, load_safetensors("circle.safetensors").tensors, "circle.safetensors");
  const Tensor found = Program(scores, device).run({{"input", points.view()}}, weights, "logits");
  int right = 0;
  for (int i = 0; i < 2000; ++i) {
    const float* row = found.data<float>() + 2 * i;
    right += (row[1] > row[0]) == (labels.data<std::int64_t>()[i] == 1);
  }
  std::printf("%.1f %% of the points are on the right side\n", right / 20.0);
  try {
    load_safetensors("square.safetensors");
  } catch (const InputError& error) {
    std::printf("caught: %s\n", error.what());
  }
}
