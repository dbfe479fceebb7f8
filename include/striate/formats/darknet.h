#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "striate/base/files.h"
#include "striate/graph/graph.h"

namespace striate {

/// A network in darknet's text format (a .cfg file): sections of `key=value` lines, one a layer, of
/// which the first is [net]. Here are [convolutional], [connected], [maxpool], [avgpool],
/// [dropout], [shortcut], [route], [upsample], [softmax] and [cost], with darknet's defaults; a
/// [softmax] at the end is left to the loss, and keys that only darknet's own training knows
/// (learning_rate, steps, …) are passed over. Parameters are named layer0.conv.weight,
/// layer0.bn.running_mean, layer9.fc.bias, … by the layer's number.
struct DarknetNetwork {
  Graph graph;  ///< training form: input `input` [1, channels, height, width], output `logits`
  Shape input;  ///< 1, channels, height, width
};

/// `size` (channels, height, width) takes the place of [net]'s. Throws InputError naming `file` and
/// the line: what, expected, got; an unknown section or key with the nearest known one. Throws
/// OutOfPixels, with the same line, where the picture is too small.
DarknetNetwork read_darknet(std::string_view text, const std::string& file,
                            const std::optional<Shape>& size = std::nullopt);

/// The parameters of a network that `read_darknet` gave, from the bytes of a .weights file. `name`
/// stands for the file in messages. Throws InputError for a file that is too short or too long for
/// the network.
Weights read_darknet_weights(std::span<const std::uint8_t> bytes, const Graph& graph,
                             std::string_view name);

/// The file's bytes, version 0.2. Throws InputError where the network is not of a .cfg file.
Bytes write_darknet_weights(const Graph& graph, const Weights& weights);

/// What [net] says of the input: 1, channels, height, width. Throws InputError.
Shape darknet_input(std::string_view text, const std::string& file);

}  // namespace striate
