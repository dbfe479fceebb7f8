// What include/striate/striate.h promises: who may call what at once, what is copied, what is
// thrown, what stays valid.

#include <thread>

#include <gtest/gtest.h>

#include "striate/striate.h"
#include "testing/temporary_folder.h"

namespace striate {
namespace {

ModelCard card() {
  return {.model = "lenet5",
          .classes = {"no", "yes"},
          .preprocessing = {
              .channels = 1, .height = 28, .width = 28, .mean = {0.5}, .deviation = {0.25}}};
}

Classifier classifier(int threads) {
  const std::shared_ptr<const Device> device = make_cpu_device(threads);
  const ModelCard own = card();
  return {own, initialize(models().find("lenet5").build(size_of(own)), 1), device};
}

Image picture(std::uint8_t shade) {
  Image image(28, 28, 1);
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    image.pixels[i] = static_cast<std::uint8_t>(i * shade);
  }
  return image;
}

double first_probability(const Classifier& network, std::uint8_t shade) {
  const Image image = picture(shade);
  return network.classify({&image, 1}, 1)[0][0].probability;
}

TEST(ThreadsContract, OneClassifierServesManyThreads) {
  const Classifier one = classifier(2);
  const Classifier copy = one;  // shares weights and plans
  const double expected[] = {first_probability(one, 3), first_probability(one, 7)};
  std::vector<std::thread> threads;
  std::array<double, 4> found{};
  for (std::size_t i = 0; i < found.size(); ++i) {
    threads.emplace_back([&, i] {
      for (int repeat = 0; repeat < 10; ++repeat) {
        found[i] = first_probability(i < 2 ? one : copy, i % 2 == 0 ? 3 : 7);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i], expected[i % 2]) << i;
}

TEST(ThreadsContract, RegistriesAndReadersServeManyThreads) {
  std::vector<std::thread> threads;
  std::array<std::size_t, 4> sizes{};
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    threads.emplace_back([&, i] {
      const ModelRow& row = models().find("lenet5");
      const Weights weights = initialize(row.build(row.natural), i);
      const Bytes file = write_safetensors({.tensors = weights, .metadata = {}});
      sizes[i] = read_safetensors(file, "weights").tensors.size();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::size_t size : sizes) EXPECT_EQ(size, sizes[0]);
}

TEST(Contract, CopiesShareAndClonesDoNot) {
  Tensor one(DType::f32, {2});
  Tensor same = one;
  const Tensor other = one.clone();
  const Tensor flat = one.reshaped({2, 1});
  same.data<float>()[0] = 5;
  EXPECT_EQ(one.data<float>()[0], 5);
  EXPECT_EQ(flat.data<float>()[0], 5);
  EXPECT_EQ(one.cast(DType::f32).data<float>(), one.data<float>());
  EXPECT_EQ(other.data<float>()[0], 0);
  Weights weights;
  weights["a"] = one;
  Weights copy = weights;
  EXPECT_EQ(copy.at("a").data<float>(), one.data<float>());
  EXPECT_NE(weights.clone().at("a").data<float>(), one.data<float>());
}

TEST(Contract, NothingPointsIntoWhatWasRead) {
  Tensor one(DType::f32, {2});
  one.data<float>()[1] = 3;
  SafeTensors file;
  file.tensors["a"] = one;
  Bytes bytes = write_safetensors(file);
  const SafeTensors read = read_safetensors(bytes, "a file");
  std::fill(bytes.begin(), bytes.end(), std::uint8_t{0xff});
  EXPECT_EQ(read.tensors.at("a").data<float>()[1], 3);
}

TEST(Contract, AFailedRunLeavesItsWorkspaceUsable) {
  const Classifier one = classifier(1);
  const Program program(one.graph(), make_cpu_device(1));
  const auto plan = program.plan({{"input", Shape{1, 1, 28, 28}}});
  EXPECT_EQ(program.plan({{"input", Shape{1, 1, 28, 28}}}), plan);  // kept
  Workspace workspace(plan);
  const Tensor input(DType::f32, {1, 1, 28, 28});
  plan->forward(workspace, {{"input", input.view()}}, one.weights());
  const Tensor before = workspace.fetch("logits");
  std::atomic<bool> cancel = true;
  EXPECT_THROW(
      plan->forward(workspace, {{"input", input.view()}}, one.weights(), {.cancel = &cancel}),
      Cancelled);
  Weights incomplete = one.weights();
  incomplete["c1.weight"] = Tensor();
  EXPECT_THROW(plan->forward(workspace, {{"input", input.view()}}, incomplete), ModelError);
  EXPECT_THROW(plan->forward(workspace, {{"input", ConstView()}}, one.weights()), ModelError);
  EXPECT_THROW(plan->forward(workspace, {}, one.weights()), ModelError);
  plan->forward(workspace, {{"input", input.view()}}, one.weights());
  EXPECT_EQ(workspace.output("logits").as<float>()[0], before.data<float>()[0]);
}

TEST(Contract, EachFaultHasItsType) {
  const TemporaryFolder folder;
  const Classifier one = classifier(1);
  EXPECT_THROW(read_file(folder / "absent"), InputError);
  EXPECT_THROW(read_image(folder / "absent"), InputError);
  EXPECT_THROW(load_safetensors(folder / "absent"), InputError);
  EXPECT_THROW(write_file(folder / "no/such/folder", std::string_view("x")), SystemError);
  EXPECT_THROW(one.save(folder / "no/such/folder"), SystemError);
  EXPECT_THROW(one.logits(Tensor(DType::f32, {1, 3, 28, 28})), ModelError);
  EXPECT_THROW(one.logits(Tensor(DType::f64, {1, 1, 28, 28})), ModelError);
  EXPECT_THROW(Tensor(DType::f32, {-1}), ModelError);
  EXPECT_THROW(Shape({1, 1, 1, 1, 1, 1, 1, 1, 1}), ModelError);
  EXPECT_THROW(Tensor(DType::f32, {2}).reshaped({3}), ModelError);
  EXPECT_THROW(Tensor(DType::f32, {2}).data<double>(), BugError);
  EXPECT_THROW(resize_bilinear(Image(), 4, 4), BugError);
  Builder b("small");
  const Value input = b.input("input", {1, 1, 4, 4});
  EXPECT_THROW(b.conv("conv", input, {.out = 2, .kernel = 9}), ModelError);
  RunFolder held(folder / "run");
  EXPECT_THROW(RunFolder(folder / "run"), SystemError);
}

}  // namespace
}  // namespace striate
