#include "nn/pytorch_recurrent.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nn/networks.h"
#include "striate/graph/plan.h"
#include "striate/nn/load.h"
#include "striate/nn/recurrent.h"

namespace striate {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr double kSame = 1e-5;

RecurrentCell cell_of(const std::string& name) {
  return name == "rnn"    ? RecurrentCell::rnn
         : name == "lstm" ? RecurrentCell::lstm
                          : RecurrentCell::gru;
}

Graph network(const std::string& cell, const Shape& x, std::int64_t hidden, int biases) {
  Builder b("net");
  return b.finish(recurrent(b, "layers", b.input("input", x),
                            {.cell = cell_of(cell),
                             .hidden = hidden,
                             .layers = 2,
                             .bidirectional = true,
                             .biases = biases}),
                  "output");
}

// Weights that nn.RNN and its kin name for two layers in both directions: parameter i's element k is
// sin(1.7 (i + 1) + 0.9 k) / 2.
Weights their_weights(const std::string& cell, const std::string& prefix) {
  const std::int64_t rows = 2 * (cell == "rnn" ? 1 : cell == "lstm" ? 4 : 3);
  Weights weights;
  int i = 0;
  for (const char* layer : {"l0", "l0_reverse", "l1", "l1_reverse"}) {
    const std::int64_t features = std::string(layer).starts_with("l0") ? 2 : 4;
    for (const auto& [what, shape] : {std::pair<const char*, Shape>{"weight_ih_", {rows, features}},
                                      {"weight_hh_", {rows, 2}},
                                      {"bias_ih_", {rows}},
                                      {"bias_hh_", {rows}}}) {
      Tensor tensor(DType::f32, shape);
      for (std::int64_t k = 0; k < tensor.elements(); ++k) {
        tensor.data<float>()[k] =
            static_cast<float>(0.5 * std::sin(1.7 * (i + 1) + 0.9 * static_cast<double>(k)));
      }
      ++i;
      weights[prefix + what + layer] = tensor;
    }
  }
  return weights;
}

struct Case {
  const char* cell;
  std::vector<float> y;
};

// What PyTorch 1.13 gives for x[k] = sin(0.3 + 0.8 k).
const Case kCases[] = {
    {"rnn", {0.43430895F,  0.53743362F, 0.49278587F,  0.70090407F, 0.26957619F,  0.68354398F,
             0.17947292F,  0.80677342F, -0.46607128F, 0.83438230F, -0.04830400F, 0.78072792F,
             -0.30200735F, 0.77681780F, 0.23991472F,  0.68790150F, 0.17541195F,  0.80772585F,
             0.45041573F,  0.58445841F, -0.03065558F, 0.86466914F, 0.25733534F,  0.71851003F}},
    {"lstm", {-0.15261155F, -0.14998081F, -0.34399745F, -0.20065178F, -0.15448551F, -0.14108065F,
              -0.34307867F, -0.19391960F, -0.23161326F, -0.27996168F, -0.30829886F, -0.16748059F,
              -0.23233077F, -0.27878982F, -0.30798385F, -0.16961861F, -0.25079057F, -0.36452600F,
              -0.20820220F, -0.06715228F, -0.25162670F, -0.36178124F, -0.21188715F, -0.06036335F}},
    {"gru", {-0.19171017F, -0.16944605F, -0.56347954F, -0.27587345F, -0.20024836F, -0.15528062F,
             -0.57125461F, -0.26765937F, -0.32577527F, -0.30153638F, -0.46356195F, -0.24135192F,
             -0.31893343F, -0.30490243F, -0.46161276F, -0.24325246F, -0.36216503F, -0.39919552F,
             -0.29307154F, -0.11354010F, -0.37664020F, -0.38420647F, -0.31097615F, -0.09940834F}}};

TEST(PytorchRecurrent, LayersGiveItsOutputs) {
  Tensor x(DType::f32, {3, 2, 2});
  for (std::int64_t k = 0; k < x.elements(); ++k) {
    x.data<float>()[k] = static_cast<float>(std::sin(0.3 + 0.8 * static_cast<double>(k)));
  }
  for (const Case& test : kCases) {
    for (const int biases : {1, 2}) {
      for (const std::string prefix : {"layers.", ""}) {
        const Program program(network(test.cell, x.shape(), 2, biases), make_cpu_device(2));
        std::vector<std::string> notes;
        const Weights weights = pick_weights(program.graph(), their_weights(test.cell, prefix),
                                             "there.pth", {}, &notes);
        const bool cut = std::string(test.cell) != "rnn";
        EXPECT_EQ(notes.size(), static_cast<std::size_t>(cut) + (biases == 1 ? 1U : 0U));
        const Tensor y = program.run({{"input", x.view()}}, weights, "output");
        ASSERT_EQ(y.elements(), static_cast<std::int64_t>(test.y.size()));
        for (std::size_t i = 0; i < test.y.size(); ++i) {
          EXPECT_NEAR(y.data<float>()[i], test.y[i], kSame)
              << test.cell << " with " << biases << " biases, element " << i;
        }
      }
    }
  }
}

TEST(PytorchRecurrent, SaysWhatWasChanged) {
  std::vector<std::string> notes;
  pick_weights(network("lstm", {3, 2, 2}, 2, 1), their_weights("lstm", "layers."), "there.pth", {},
               &notes);
  EXPECT_THAT(notes, ::testing::ElementsAre(
                         "PyTorch's recurrent weights were cut into gates, which it keeps in "
                         "another order",
                         "PyTorch's two biases of each gate were added up to the one that the "
                         "network has"));
  const Graph graph = network("lstm", {3, 2, 2}, 2, 1);
  Weights weights = initialize(graph, 1);
  const LoadReport report =
      begin_from(graph, their_weights("lstm", "layers."), "there.pth", false, weights);
  EXPECT_EQ(report.notes.size(), 2U);
  EXPECT_THAT(report.missing, IsEmpty());
  EXPECT_THAT(report.left_over, IsEmpty());
}

TEST(PytorchRecurrent, SaysWhatDoesNotFit) {
  const auto refused = [](const Graph& graph, const Weights& weights) -> std::string {
    try {
      pick_weights(graph, weights, "there.pth");
    } catch (const InputError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(refused(network("lstm", {3, 2, 2}, 3, 1), their_weights("lstm", "layers.")),
              HasSubstr("of another shape: layers.0.input.weight_ih is float32 2x2, expected "
                        "float32 3x2"));
  EXPECT_THAT(refused(network("lstm", {3, 2, 2}, 2, 1), their_weights("gru", "layers.")),
              HasSubstr("not in the model"));
  Builder b("net");
  const Graph early =
      b.finish(recurrent(b, "layers", b.input("input", {3, 2, 2}),
                         {.cell = RecurrentCell::gru, .hidden = 2, .linear_before_reset = false}),
               "output");
  EXPECT_THAT(refused(early, their_weights("gru", "layers.")),
              HasSubstr("layers.0 resets its state before the product, PyTorch's gru behind it"));
}

}  // namespace
}  // namespace striate
