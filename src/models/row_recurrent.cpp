// A picture read as a sequence of its rows, from top to bottom, by one recurrent layer whose last
// state is classified (as in Le, Jaitly and Hinton, arXiv:1504.00941, who read pixel by pixel).

#include "striate/models/registry.h"
#include "striate/nn/recurrent.h"

namespace striate {
namespace {

struct Variant {
  const char* name;
  const char* doc;
  RecurrentCell cell;
};
constexpr Variant kVariants[] = {
    {"row_rnn", "a picture's rows through 128 tanh units (Elman 1990)", RecurrentCell::rnn},
    {"row_lstm", "a picture's rows through an LSTM of 128 (Hochreiter and Schmidhuber 1997)",
     RecurrentCell::lstm},
    {"row_gru", "a picture's rows through a GRU of 128 (Cho et al. 2014)", RecurrentCell::gru}};

Graph build(const Variant& variant, const ModelSize& size) {
  constexpr std::int64_t kHidden = 128;
  Builder b(variant.name);
  Value x = b.input("input", {1, size.channels, size.height, size.width});
  // N,C,H,W to H,N,C,W: a step for each row, the row of every channel in it.
  x = b.node("Transpose", "rows", {x}, {{"perm", std::vector<std::int64_t>{2, 0, 1, 3}}});
  const std::int64_t shape[] = {0, 0, -1};
  x = b.node("Reshape", "steps",
             {x, b.constant("steps.shape", Tensor::of<std::int64_t>({3}, shape))});
  RecurrentOptions options{.cell = variant.cell, .hidden = kHidden, .last = true};
  if (variant.cell == RecurrentCell::lstm) options.first_forget_bias = 1;
  x = recurrent(b, "recurrent", x, options);
  return b.finish(b.linear("fc", x, size.classes, fan_in_uniform), "logits");
}

}  // namespace

void register_model_row_recurrent(ModelRegistry& registry);
void register_model_row_recurrent(ModelRegistry& registry) {
  for (const Variant& variant : kVariants) {
    registry.add({.name = variant.name,
                  .doc = variant.doc,
                  .natural = {.channels = 1, .height = 28, .width = 28, .classes = 10},
                  .build = [variant](const ModelSize& size) { return build(variant, size); }});
  }
}

}  // namespace striate
