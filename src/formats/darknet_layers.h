#pragma once

#include <cstdint>
#include <string>

#include "formats/darknet_sections.h"
#include "striate/nn/builder.h"

namespace striate {

/// What the section's `activation` makes of x; `otherwise` is meant where it names none. Throws
/// InputError for one that is not known.
Value darknet_activation(Builder& builder, const Value& x, DarknetSection& section,
                         const std::string& otherwise);

/// Whether a section's layer keeps a state from step to step.
bool is_recurrent(const DarknetSection& section);

/// [rnn], [crnn], [lstm] and [gru], as darknet computes them: the first axis of x is time.
/// - lstm, gru: ONNX's, with two biases a gate; a gru's reset comes before the product
/// - rnn: h = a(U x + b) + a(W h + c), y = a(V h + d), unrolled step by step; crnn: the same with
///   convolutions of 3 by 3. `shortcut=1` adds the state before.
/// Throws InputError for what the section cannot mean.
Value darknet_recurrent(Builder& builder, const Value& x, DarknetSection& section);

}  // namespace striate
