#include <algorithm>
#include <cctype>

#include "ops/recurrent.h"
#include "striate/base/suggest.h"

namespace striate {
namespace {

using Kind = CellFunction::Kind;

struct FunctionRow {
  const char* name;
  Kind kind;
  bool takes_alpha, takes_beta;
  double alpha, beta;
};
constexpr FunctionRow kRows[] = {
    {"Tanh", Kind::tanh, false, false, 0, 0},
    {"Sigmoid", Kind::sigmoid, false, false, 0, 0},
    {"Relu", Kind::relu, false, false, 0, 0},
    {"Affine", Kind::affine, true, true, 1, 0},
    {"LeakyRelu", Kind::leaky_relu, true, false, 0.01, 0},
    {"ThresholdedRelu", Kind::thresholded_relu, true, false, 1, 0},
    {"ScaledTanh", Kind::scaled_tanh, true, true, 1, 1},
    {"HardSigmoid", Kind::hard_sigmoid, true, true, 0.2, 0.5},
    {"Elu", Kind::elu, true, false, 1, 0},
    {"Softsign", Kind::softsign, false, false, 0, 0},
    {"Softplus", Kind::softplus, false, false, 0, 0},
};

std::string lower(std::string text) {
  for (char& letter : text) {
    letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  }
  return text;
}

const FunctionRow& row_of(const std::string& name) {
  std::vector<std::string> known;
  for (const FunctionRow& row : kRows) {
    if (lower(row.name) == lower(name)) return row;
    known.emplace_back(row.name);
  }
  fail<ModelError>("activations: unknown function {}{}", name, suggestion(name, known));
}

std::vector<std::string> default_names(RecurrentCell cell) {
  switch (cell) {
    case RecurrentCell::rnn:
      return {"Tanh"};
    case RecurrentCell::lstm:
      return {"Sigmoid", "Tanh", "Tanh"};
    case RecurrentCell::gru:
      return {"Sigmoid", "Tanh"};
  }
  throw BugError("default_names: unknown cell");
}

}  // namespace

std::vector<CellFunction> cell_functions(RecurrentCell cell, std::size_t directions,
                                         const std::vector<std::string>& names,
                                         const std::vector<double>& alphas,
                                         const std::vector<double>& betas) {
  const std::vector<std::string> one = default_names(cell);
  std::vector<std::string> all = names;
  for (std::size_t d = 0; names.empty() && d < directions; ++d) {
    all.insert(all.end(), one.begin(), one.end());
  }
  if (all.size() != directions * one.size()) {
    fail<ModelError>("activations: expected {} functions ({} for each direction), got {}",
                     directions * one.size(), one.size(), all.size());
  }
  std::size_t alpha = 0;
  std::size_t beta = 0;
  std::vector<CellFunction> functions;
  for (const std::string& name : all) {
    const FunctionRow& row = row_of(name);
    CellFunction function{.kind = row.kind, .alpha = row.alpha, .beta = row.beta};
    if (row.takes_alpha && alpha < alphas.size()) function.alpha = alphas[alpha++];
    if (row.takes_beta && beta < betas.size()) function.beta = betas[beta++];
    functions.push_back(function);
  }
  return functions;
}

}  // namespace striate
