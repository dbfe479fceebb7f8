#include "striate/formats/onnx.h"

#include <functional>
#include <onnx/onnx.pb.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "striate/base/files.h"
#include "striate/base/random.h"
#include "striate/graph/plan.h"
#include "testing/temporary_folder.h"

namespace striate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Bytes bytes_of(const onnx::ModelProto& model) {
  const std::string text = model.SerializeAsString();
  return {text.begin(), text.end()};
}

onnx::ModelProto model_of(std::int64_t opset) {
  onnx::ModelProto model;
  model.set_ir_version(8);
  model.add_opset_import()->set_version(opset);
  model.mutable_graph()->set_name("g");
  return model;
}

void add_input(onnx::ModelProto& model, const std::string& name,
               const std::vector<std::int64_t>& dims) {
  auto* input = model.mutable_graph()->add_input();
  input->set_name(name);
  auto* type = input->mutable_type()->mutable_tensor_type();
  type->set_elem_type(onnx::TensorProto::FLOAT);
  for (const std::int64_t size : dims) type->mutable_shape()->add_dim()->set_dim_value(size);
}

onnx::NodeProto& add_node(onnx::ModelProto& model, const std::string& op,
                          const std::vector<std::string>& inputs, const std::string& output) {
  onnx::NodeProto& node = *model.mutable_graph()->add_node();
  node.set_op_type(op);
  for (const std::string& input : inputs) node.add_input(input);
  node.add_output(output);
  return node;
}

void set_ints(onnx::NodeProto& node, const std::string& name,
              const std::vector<std::int64_t>& values) {
  auto* attribute = node.add_attribute();
  attribute->set_name(name);
  attribute->set_type(onnx::AttributeProto::INTS);
  for (const std::int64_t value : values) attribute->add_ints(value);
}

void set_int(onnx::NodeProto& node, const std::string& name, std::int64_t value) {
  auto* attribute = node.add_attribute();
  attribute->set_name(name);
  attribute->set_type(onnx::AttributeProto::INT);
  attribute->set_i(value);
}

void add_floats(onnx::ModelProto& model, const std::string& name, std::vector<float> values) {
  auto* tensor = model.mutable_graph()->add_initializer();
  tensor->set_name(name);
  tensor->set_data_type(onnx::TensorProto::FLOAT);
  tensor->add_dims(static_cast<std::int64_t>(values.size()));
  tensor->mutable_float_data()->Add(values.begin(), values.end());
}

void add_ints(onnx::ModelProto& model, const std::string& name,
              const std::vector<std::int64_t>& values) {
  auto* tensor = model.mutable_graph()->add_initializer();
  tensor->set_name(name);
  tensor->set_data_type(onnx::TensorProto::INT64);
  tensor->add_dims(static_cast<std::int64_t>(values.size()));
  tensor->mutable_int64_data()->Add(values.begin(), values.end());
}

void add_output(onnx::ModelProto& model, const std::string& name) {
  model.mutable_graph()->add_output()->set_name(name);
}

Tensor run(const OnnxModel& model, const Tensor& x) {
  const auto plan = Plan::compile(model.graph, make_reference_device(), {{"x", x.shape()}}, {});
  Workspace workspace(plan);
  plan->forward(workspace, {{"x", x.view()}}, model.weights);
  return workspace.fetch(model.graph.outputs[0]);
}

std::string error_of(const Bytes& bytes) {
  try {
    read_onnx(bytes, "f.onnx");
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

// Floating-point initializers become parameters, running statistics among them untrained ones;
// what operators must know, and integers, become constants.
TEST(Onnx, TellsParametersFromConstants) {
  onnx::ModelProto model = model_of(17);
  add_input(model, "x", {2, 3, 4});
  for (const char* name : {"scale", "bias", "mean", "variance"}) {
    add_floats(model, name, {1, 2, 3});
  }
  add_floats(model, "low", {0.5F});
  add_ints(model, "shape", {2, -1});
  add_node(model, "BatchNormalization", {"x", "scale", "bias", "mean", "variance"}, "a");
  add_node(model, "Clip", {"a", "low"}, "b");
  add_node(model, "Reshape", {"b", "shape"}, "y");
  add_output(model, "y");
  const OnnxModel read = read_onnx(bytes_of(model), "f.onnx");
  EXPECT_EQ(read.weights.size(), 4U);
  EXPECT_TRUE(read.graph.find_parameter("scale")->trainable);
  EXPECT_FALSE(read.graph.find_parameter("variance")->trainable);
  EXPECT_EQ(read.graph.constants.size(), 2U);
  Tensor x(DType::f32, {2, 3, 4});
  EXPECT_EQ(run(read, x).shape().str(), "2x12");
}

// x.reshape(x.shape[0] * 2, -1), as exporters write it.
TEST(Onnx, FoldsShapeComputations) {
  onnx::ModelProto model = model_of(17);
  add_input(model, "x", {2, 3, 4});
  for (const auto& [name, value] : std::map<std::string, std::int64_t>{{"zero", 0}, {"two", 2}}) {
    add_ints(model, name, {value});
  }
  add_ints(model, "open", {-1});
  add_node(model, "Shape", {"x"}, "shape");
  add_node(model, "Gather", {"shape", "zero"}, "batch");
  add_node(model, "Mul", {"batch", "two"}, "rows");
  set_int(add_node(model, "Concat", {"rows", "open"}, "wanted"), "axis", 0);
  add_node(model, "Reshape", {"x", "wanted"}, "y");
  add_output(model, "y");
  const OnnxModel read = read_onnx(bytes_of(model), "f.onnx");
  EXPECT_EQ(run(read, Tensor(DType::f32, {2, 3, 4})).shape().str(), "4x6");
  EXPECT_EQ(run(read, Tensor(DType::f32, {5, 3, 4})).shape().str(), "10x6");
}

TEST(Onnx, ReadsOlderForms) {
  onnx::ModelProto model = model_of(9);
  add_input(model, "x", {2, 3});
  set_ints(add_node(model, "Unsqueeze", {"x"}, "a"), "axes", {0});
  set_ints(add_node(model, "Squeeze", {"a"}, "b"), "axes", {0});
  auto& slice = add_node(model, "Slice", {"b"}, "c");
  set_ints(slice, "starts", {1});
  set_ints(slice, "ends", {3});
  set_ints(slice, "axes", {1});
  // Before opset 13 this softmax ran over all four numbers at once.
  set_int(add_node(model, "Softmax", {"c"}, "y"), "axis", 0);
  add_output(model, "y");
  const Tensor y = run(read_onnx(bytes_of(model), "f.onnx"), Tensor(DType::f32, {2, 3}));
  EXPECT_EQ(y.shape().str(), "2x2");
  EXPECT_THAT(y.values<float>(), ElementsAre(0.25F, 0.25F, 0.25F, 0.25F));
}

TEST(Onnx, NamesAllUnknownOperatorsAtOnce) {
  onnx::ModelProto model = model_of(17);
  add_input(model, "x", {1});
  add_node(model, "Einsum", {"x"}, "a").set_name("first");
  add_node(model, "Relu", {"a"}, "b");
  add_node(model, "Loop", {"b"}, "c");
  add_node(model, "Einsum", {"c"}, "y");
  add_output(model, "y");
  EXPECT_EQ(error_of(bytes_of(model)),
            "f.onnx: operators that are not supported: Einsum (first, Einsum_3); Loop (Loop_2)");
}

TEST(Onnx, RefusesWhatItDoesNotRead) {
  EXPECT_EQ(error_of({1, 2, 3}), "f.onnx: this is no ONNX file");
  EXPECT_EQ(error_of({}), "f.onnx: this is no ONNX file");
  for (const std::int64_t opset : {5, 22}) {
    onnx::ModelProto model = model_of(opset);
    add_input(model, "x", {1});
    add_node(model, "Relu", {"x"}, "y");
    add_output(model, "y");
    EXPECT_EQ(error_of(bytes_of(model)),
              "f.onnx: expected opset 6 to 21, got " + std::to_string(opset));
  }
  const auto changed = [](const std::function<void(onnx::TensorProto&)>& change) {
    onnx::ModelProto model = model_of(17);
    add_input(model, "x", {1});
    add_floats(model, "w", {1, 2});
    change(*model.mutable_graph()->mutable_initializer(0));
    add_node(model, "Add", {"x", "w"}, "y");
    add_output(model, "y");
    return error_of(bytes_of(model));
  };
  EXPECT_EQ(changed([](auto&) {}), "no error");
  EXPECT_EQ(changed([](auto& w) { w.set_dims(0, 3); }),
            "f.onnx: w: expected 3 elements (3), got 2");
  EXPECT_EQ(changed([](auto& w) { w.set_dims(0, -1); }), "f.onnx: w: a size is negative");
  EXPECT_THAT(changed([](auto& w) { w.set_dims(0, std::int64_t{1} << 40); }),
              HasSubstr("expected 1099511627776 elements"));
  EXPECT_THAT(changed([](auto& w) {
                w.clear_float_data();
                w.set_raw_data("1234567");
              }),
              HasSubstr("got 7 bytes"));
  EXPECT_THAT(changed([](auto& w) { w.set_data_type(onnx::TensorProto::FLOAT16); }),
              HasSubstr("tensors of type FLOAT16 (10) are not supported"));
  EXPECT_THAT(changed([](auto& w) { w.set_data_location(onnx::TensorProto::EXTERNAL); }),
              HasSubstr("elements outside the file are not supported"));
}

// Before opset 7 `axis` said where the second operand begins.
TEST(Onnx, ReadsOldBroadcasting) {
  onnx::ModelProto model = model_of(6);
  add_input(model, "x", {2, 2, 2});
  add_floats(model, "w", {10, 20});
  auto& add = add_node(model, "Add", {"x", "w"}, "y");
  set_int(add, "broadcast", 1);
  set_int(add, "axis", 1);
  add_output(model, "y");
  const Tensor y = run(read_onnx(bytes_of(model), "f.onnx"), Tensor(DType::f32, {2, 2, 2}));
  EXPECT_THAT(y.values<float>(), ElementsAre(10, 10, 20, 20, 10, 10, 20, 20));
  model.mutable_graph()->mutable_node(0)->mutable_attribute(1)->set_i(4);
  EXPECT_EQ(error_of(bytes_of(model)), "Add_0 (Add): axis: expected one of 3 axes, got 4");
}

// What later opsets added counts only where it says something new.
TEST(Onnx, ReadsLaterOpsetsOfUnchangedOperators) {
  const auto cast = [](std::int64_t opset, bool antialias) {
    onnx::ModelProto model = model_of(opset);
    add_input(model, "x", {1, 1, 1, 2});
    add_floats(model, "scales", {1, 1, 1, 2});
    auto& resize = add_node(model, "Resize", {"x", "", "scales"}, "y");
    set_int(resize, "antialias", antialias ? 1 : 0);
    add_output(model, "y");
    return bytes_of(model);
  };
  for (const std::int64_t opset : {18, 19, 20, 21}) {
    const OnnxModel read = read_onnx(cast(opset, false), "f.onnx");
    EXPECT_EQ(run(read, Tensor(DType::f32, {1, 1, 1, 2})).shape().str(), "1x1x1x4");
  }
  EXPECT_THAT(error_of(cast(18, true)), HasSubstr("antialias other than 0 is not supported"));
}

// A size that the file leaves open, by a name or not at all.
TEST(Onnx, TakesOpenSizes) {
  onnx::ModelProto model = model_of(17);
  add_input(model, "x", {2, 3});
  auto* shape = model.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type();
  shape->mutable_shape()->mutable_dim(0)->set_dim_param("batch");
  shape->mutable_shape()->mutable_dim(1)->Clear();
  add_node(model, "Relu", {"x"}, "y");
  add_output(model, "y");
  const OnnxModel read = read_onnx(bytes_of(model), "f.onnx");
  EXPECT_EQ(read.graph.inputs[0].shape.str(), "1x1");
  EXPECT_EQ(run(read, Tensor(DType::f32, {5, 7})).shape().str(), "5x7");
}

class OnnxExternal : public ::testing::Test {
 protected:
  // y = x + w, the two numbers of w in another file.
  std::string outcome(const std::map<std::string, std::string>& entries) const {
    onnx::ModelProto model = model_of(17);
    add_input(model, "x", {2});
    add_floats(model, "w", {1, 2});
    auto* w = model.mutable_graph()->mutable_initializer(0);
    w->clear_float_data();
    w->set_data_location(onnx::TensorProto::EXTERNAL);
    for (const auto& [key, value] : entries) {
      auto* entry = w->add_external_data();
      entry->set_key(key);
      entry->set_value(value);
    }
    if (twice_) {
      *model.mutable_graph()->add_initializer() = *w;
      model.mutable_graph()->mutable_initializer(1)->set_name("v");
    }
    add_node(model, "Add", {"x", "w"}, "y");
    add_output(model, "y");
    folder_.put("in/m.onnx", bytes_of(model));
    try {
      const Tensor y = run(load_onnx(folder_ / "in/m.onnx"), Tensor(DType::f32, {2}));
      return fmt::format("{} {}", y.data<float>()[0], y.data<float>()[1]);
    } catch (const Error& error) {
      return error.what();
    }
  }

  void SetUp() override {
    const std::vector<float> numbers{7, 8, 9};
    Bytes bytes(12);
    std::memcpy(bytes.data(), numbers.data(), bytes.size());
    folder_.put("in/w.bin", bytes);
    folder_.put("out.bin", bytes);
    std::filesystem::create_symlink("../out.bin", folder_ / "in/link.bin");
  }

  TemporaryFolder folder_;
  bool twice_ = false;
};

TEST_F(OnnxExternal, IsReadFromTheModelsFolder) {
  EXPECT_EQ(outcome({{"location", "w.bin"}}), "7 8");
  EXPECT_EQ(outcome({{"location", "w.bin"}, {"offset", "4"}, {"length", "8"}}), "8 9");
}

TEST_F(OnnxExternal, IsReadFromNowhereElse) {
  for (const std::string place : {"../out.bin", "link.bin", "none.bin", "", ".", "/etc/passwd"}) {
    EXPECT_EQ(outcome({{"location", place}}), "m.onnx: w: its elements lie in " + place +
                                                  ", which is no file in the model's folder");
  }
}

TEST_F(OnnxExternal, MustFit) {
  EXPECT_EQ(outcome({{"location", "w.bin"}, {"offset", "8"}}),
            "m.onnx: w: expected 8 bytes from byte 8 of w.bin, which has 12");
  EXPECT_EQ(outcome({{"location", "w.bin"}, {"offset", "18446744073709551612"}}),
            "m.onnx: w: expected 8 bytes from byte 18446744073709551612 of w.bin, which has 12");
  EXPECT_EQ(outcome({{"location", "w.bin"}, {"length", "12"}}),
            "m.onnx: w: external length: expected 8 bytes, got 12");
  EXPECT_EQ(outcome({{"location", "w.bin"}, {"offset", "x"}}),
            "m.onnx: w: external offset: expected a number, got x");
  twice_ = true;
  EXPECT_EQ(outcome({{"location", "w.bin"}}), "m.onnx: v: tensors lie over one another in w.bin");
}

// Whatever bytes are changed or cut off, a model is read or an error of ours is thrown.
TEST(Onnx, SurvivesDamage) {
  onnx::ModelProto model = model_of(17);
  add_input(model, "x", {2, 3});
  add_floats(model, "w", {1, 2, 3});
  add_ints(model, "shape", {3, 2});
  add_node(model, "Mul", {"x", "w"}, "a");
  add_node(model, "Reshape", {"a", "shape"}, "y");
  add_output(model, "y");
  const Bytes whole = bytes_of(model);
  int read = 0;
  Random random({.seed = 1, .purpose = purpose_of("damage"), .step = 0}, 0);
  for (int i = 0; i < 3000; ++i) {
    Bytes bytes = whole;
    bytes[random.below(static_cast<std::uint32_t>(bytes.size()))] =
        static_cast<std::uint8_t>(random.below(256));
    if (i % 4 == 0) bytes.resize(random.below(static_cast<std::uint32_t>(bytes.size())));
    try {
      infer_shapes(read_onnx(bytes, "f.onnx").graph);
      ++read;
    } catch (const Error&) {
    }
  }
  EXPECT_GT(read, 0);
  EXPECT_LT(read, 3000);
}

}  // namespace
}  // namespace striate
