#include <onnx/onnx.pb.h>

#include "cli/harness.h"

namespace striate {
namespace {

using testing::CommandTest;
namespace fs = std::filesystem;
using ::testing::HasSubstr;

class VerifyCommand : public CommandTest {
 protected:
  // One node with input x of two numbers.
  static std::string model(const std::string& op) {
    onnx::ModelProto model;
    model.set_ir_version(8);
    model.add_opset_import()->set_version(17);
    auto* graph = model.mutable_graph();
    graph->set_name(op);
    auto* input = graph->add_input();
    input->set_name("x");
    auto* type = input->mutable_type()->mutable_tensor_type();
    type->set_elem_type(onnx::TensorProto::FLOAT);
    type->mutable_shape()->add_dim()->set_dim_value(2);
    auto* node = graph->add_node();
    node->set_op_type(op);
    node->add_input("x");
    node->add_output("y");
    graph->add_output()->set_name("y");
    return model.SerializeAsString();
  }

  static std::string tensor(std::vector<float> values) {
    onnx::TensorProto tensor;
    tensor.set_data_type(onnx::TensorProto::FLOAT);
    tensor.add_dims(static_cast<std::int64_t>(values.size()));
    tensor.mutable_float_data()->Add(values.begin(), values.end());
    return tensor.SerializeAsString();
  }

  void put(const std::string& name, const std::string& content) const {
    fs::create_directories((folder_ / name).parent_path());
    write_file(folder_ / name, std::string_view(content));
  }

  void put_case(const std::string& name, const std::string& op, std::vector<float> in,
                std::vector<float> out) const {
    put(name + "/model.onnx", model(op));
    put(name + "/test_data_set_0/input_0.pb", tensor(std::move(in)));
    put(name + "/test_data_set_0/output_0.pb", tensor(std::move(out)));
  }
};

TEST_F(VerifyCommand, TellsPassFailAndUnsupported) {
  put_case("cases/good", "Neg", {1, -2}, {-1, 2});
  put_case("cases/deep/wrong", "Neg", {1, -2}, {-1, 2.1F});
  put_case("cases/unknown", "Einsum", {1, -2}, {-1, 2});
  const auto outcome = run("verify cases");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.out, HasSubstr("3 cases: 1 pass, 1 fail, 1 unsupported"));
  EXPECT_THAT(
      outcome.out,
      HasSubstr("fail         deep/wrong  output 0 (y) element 1 is 2, expected 2.0999999"));
  EXPECT_THAT(outcome.out, HasSubstr("operators that are not supported: Einsum (Einsum_0)"));
  const auto json = run("verify cases --json").json();
  EXPECT_EQ(json.at("pass"), 1);
  ASSERT_EQ(json.at("cases").size(), 3U);
  EXPECT_EQ(json.at("cases")[1].at("case"), "good");
  EXPECT_EQ(json.at("cases")[1].at("verdict"), "pass");
  EXPECT_EQ(run("verify cases/good").status, 0);
}

// Inputs of the flat form are 0/n, 1/n, …
TEST_F(VerifyCommand, FlatForm) {
  put("neg.onnx", model("Neg"));
  put("neg_output_0.pb", tensor({0, -0.5F}));
  EXPECT_THAT(run("verify .").out, HasSubstr("1 cases: 1 pass"));
  put("neg_output_0.pb", tensor({0, -1}));
  EXPECT_THAT(run("verify .").out, HasSubstr("element 1 is -0.5, expected -1"));
}

TEST_F(VerifyCommand, DamagedCasesFail) {
  put_case("short", "Neg", {1}, {-1, 2});
  put_case("cut", "Neg", {1, -2}, {-1, 2});
  put("cut/test_data_set_0/input_0.pb", "\x08\x01\xff");
  put_case("none", "Neg", {1, -2}, {-1, 2});
  fs::remove(folder_ / "none/test_data_set_0/input_0.pb");
  const auto outcome = run("verify .");
  EXPECT_THAT(outcome.out, HasSubstr("output 0 (y) is float32 1, expected float32 2"));
  EXPECT_THAT(outcome.out, HasSubstr("input_0.pb: this is no ONNX file"));
  EXPECT_THAT(outcome.out, HasSubstr("expected 1 inputs, got 0"));
}

TEST_F(VerifyCommand, Refuses) {
  expect_refused("verify", "DIR is required");
  expect_refused("verify nowhere", "nowhere: the folder cannot be read");
  fs::create_directories(folder_ / "empty");
  expect_refused("verify empty", "empty: expected folders with a model.onnx");
}

}  // namespace
}  // namespace striate
