// The recurrent layers of PyTorch itself, where it is installed.

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "striate/formats/npy.h"
#include "striate/formats/pytorch.h"
#include "striate/graph/plan.h"
#include "striate/nn/load.h"
#include "striate/nn/recurrent.h"
#include "testing/paths.h"
#include "testing/temporary_folder.h"

namespace striate {
namespace {

constexpr double kSame = 1e-5;

Graph network(const std::string& cell, const Shape& x) {
  Builder b("net");
  const RecurrentCell kind = cell == "rnn"    ? RecurrentCell::rnn
                             : cell == "lstm" ? RecurrentCell::lstm
                                              : RecurrentCell::gru;
  return b.finish(
      recurrent(b, "layers", b.input("input", x),
                {.cell = kind, .hidden = 33, .layers = 2, .bidirectional = true, .biases = 2}),
      "output");
}

TEST(PytorchRecurrentThere, LayersMadeThereGiveItsOutputs) {
  if (std::system("/usr/bin/python3 -c 'import torch' 2>/dev/null") != 0) {
    GTEST_SKIP() << "PyTorch is absent: install python3-torch";
  }
  const TemporaryFolder folder;
  const std::string line = std::string("/usr/bin/python3 '") + kSourceFolder +
                           "/tests/tasks/pytorch_recurrent_cases.py' '" + folder.path() + "'";
  ASSERT_EQ(std::system(line.c_str()), 0);
  for (const std::string cell : {"rnn", "lstm", "gru"}) {
    const Tensor x = load_npy(folder.path() + "/" + cell + "_x.npy");
    const Tensor expected = load_npy(folder.path() + "/" + cell + "_y.npy");
    const Program program(network(cell, x.shape()), make_cpu_device(2));
    const Weights weights = pick_weights(
        program.graph(), load_pytorch(folder.path() + "/" + cell + ".pth"), cell + ".pth");
    const Tensor y = program.run({{"input", x.view()}}, weights, "output");
    ASSERT_EQ(y.shape(), expected.shape());
    for (std::int64_t i = 0; i < y.elements(); ++i) {
      ASSERT_NEAR(y.data<float>()[i], expected.data<float>()[i], kSame) << cell << " " << i;
    }
  }
}

}  // namespace
}  // namespace striate
