#pragma once

#include <string>
#include <vector>

#include "striate/nn/recurrent.h"

namespace striate {

/// The gates of a cell in ONNX's order, as parameters are named by them; an rnn's only one is "".
const std::vector<std::string>& gate_names(RecurrentCell cell);

}  // namespace striate
