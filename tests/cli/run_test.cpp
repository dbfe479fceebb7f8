#include <cmath>

#include "cli/harness.h"
#include "striate/formats/npy.h"
#include "striate/formats/onnx.h"

namespace striate {
namespace {

using testing::CommandTest;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class RunCommand : public CommandTest {
 protected:
  void put(const std::string& name, const Tensor& tensor) const {
    save_npy(folder_ / name, tensor);
  }
  Tensor get(const std::string& name) const { return load_npy(folder_ / name); }

  // sum = a + b and neg = -b, of any length.
  void put_network() const {
    Graph graph{.name = "two"};
    graph.inputs = {{"a", DType::f32, {2}}, {"b", DType::f32, {2}}};
    graph.nodes = {{"add", "Add", {}, {"a", "b"}, {"sum"}}, {"neg", "Neg", {}, {"b"}, {"neg"}}};
    graph.outputs = {"sum", "neg"};
    save_onnx(folder_ / "two.onnx", {.graph = graph});
  }
};

TEST_F(RunCommand, TakesInputsAndOutputsByName) {
  put_network();
  put("x.npy", Tensor::of<float>({2}, std::vector<float>{1, 2}));
  put("y.npy", Tensor::of<double>({2}, std::vector<double>{10, 20}));
  EXPECT_THAT(run("run two.onnx --input x.npy --input y.npy --output s.npy").out,
              HasSubstr("sum     float32  2      s.npy"));
  EXPECT_THAT(get("s.npy").values<float>(), ElementsAre(11, 22));
  const auto json =
      run("run two.onnx --input b=x.npy y.npy --output neg=n.npy t.npy --json").json();
  EXPECT_EQ(json.at("outputs")[1].at("file"), "n.npy");
  EXPECT_THAT(get("n.npy").values<float>(), ElementsAre(-1, -2));
  EXPECT_THAT(get("t.npy").values<float>(), ElementsAre(11, 22));
}

// Other exporters name values by paths.
TEST_F(RunCommand, NamesMayLookLikePaths) {
  Graph graph{.name = "paths"};
  graph.inputs = {{"net/in=1", DType::f32, {2}}};
  graph.nodes = {{"neg", "Neg", {}, {"net/in=1"}, {"net/out"}}};
  graph.outputs = {"net/out"};
  save_onnx(folder_ / "paths.onnx", {.graph = graph});
  put("x.npy", Tensor::of<float>({2}, std::vector<float>{1, 2}));
  EXPECT_EQ(run("run paths.onnx --input net/in=1=x.npy --output net/out=y.npy").status, 0);
  EXPECT_THAT(get("y.npy").values<float>(), ElementsAre(-1, -2));
}

TEST_F(RunCommand, RunsModelsWithTheirWeights) {
  ASSERT_EQ(run("convert lenet5 w.pth").status, 0);
  ASSERT_EQ(run("convert w.pth w.onnx").status, 0);
  ASSERT_EQ(run("convert w.pth w.safetensors").status, 0);
  Tensor x(DType::f32, {3, 1, 28, 28});
  const auto json = run("summary lenet5 --json").json();
  x = Tensor(DType::f32, {3, 1, json.at("input")[2], json.at("input")[3]});
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    x.data<float>()[i] = static_cast<float>(std::sin(static_cast<double>(i)));
  }
  put("x.npy", x);
  const std::string rest = " --input input=x.npy --output logits=";
  EXPECT_EQ(run("run lenet5 --weights w.pth" + rest + "a.npy").status, 0);
  EXPECT_EQ(run("run w.onnx" + rest + "b.npy").status, 0);
  EXPECT_EQ(run("run w.safetensors" + rest + "c.npy").status, 0);
  EXPECT_EQ(run("run w.pth" + rest + "d.npy").status, 0);
  EXPECT_EQ(get("a.npy").shape(), (Shape{3, 10}));
  EXPECT_NE(get("a.npy").data<float>()[0], get("a.npy").data<float>()[1]);
  for (const char* other : {"b.npy", "c.npy", "d.npy"}) {
    EXPECT_EQ(text_of(folder_ / other), text_of(folder_ / "a.npy")) << other;
  }
}

TEST_F(RunCommand, Refuses) {
  put_network();
  put("x.npy", Tensor(DType::f32, {2}));
  put("i.npy", Tensor(DType::i64, {2}));
  put("m.npy", Tensor(DType::f32, {2, 2}));
  expect_refused("run two.onnx --input x.npy", "expected an array for each of a, b, got 1");
  expect_refused("run two.onnx --input x.npy x.npy x.npy", "is one too many: the network has 2");
  expect_refused("run two.onnx --input c=x.npy x.npy", "the network has no c; it has a, b");
  expect_refused("run two.onnx --input a=x.npy a=x.npy", "a is given twice");
  expect_refused("run two.onnx --input x.npy i.npy", "i.npy: expected float32, got int64");
  expect_refused("run two.onnx --input x.npy m.npy", "input b expects 1 dimensions");
  expect_refused("run two.onnx --input x.npy x.npy --output z=o.npy", "no z; it has sum, neg");
  expect_refused("run two.onnx --input none.npy x.npy", "none.npy");
  expect_refused("run lenet5 --input x.npy", "a network without weights: give --weights FILE");
  expect_refused("run lenet6 --input x.npy", "did you mean \"lenet5\"?");
}

}  // namespace
}  // namespace striate
