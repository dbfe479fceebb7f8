#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "striate/base/files.h"
#include "striate/graph/graph.h"

namespace striate {

/// What a section at a detector's end says of the answers before it. The graph gives them as they come
/// from the layer, without the section's activations.
struct DarknetHead {
  enum class Kind : std::uint8_t {
    detection,  ///< YOLO's dense layer: classes of all cells, then confidences, then boxes
    region,     ///< YOLOv2's map: x, y, w, h, confidence and classes of each anchor
    yolo        ///< YOLOv3's, the same with a logistic function for each class
  };
  Kind kind = Kind::yolo;
  std::string output;  ///< the graph's
  std::int64_t classes = 0;
  std::int64_t boxes = 0;  ///< of a cell
  std::int64_t side = 0;   ///< detection: cells along each side
  /// Width and height of each box: in cells (region), or in pixels of the network's input (yolo).
  std::vector<double> anchors;
  bool softmax = false;     ///< of the classes (detection, region)
  bool roots = false;       ///< detection: sizes are answered by their roots
  bool background = false;  ///< region: the confidence stays as the layer gives it
};

/// A network in darknet's text format (a .cfg file): sections of `key=value` lines, one a layer, of
/// which the first is [net]. Here are [convolutional], [connected], [maxpool], [avgpool], [dropout],
/// [shortcut], [route], [upsample], [reorg], [softmax], [cost], a detector's [detection], [region] and
/// [yolo], and [rnn], [crnn], [lstm] and [gru], all with darknet's defaults; a [softmax] at the end is
/// left to the loss, and keys that only darknet's own training knows (learning_rate, steps, …) are
/// passed over. Where a layer is recurrent, the rows of the input are the `time_steps` of one sequence.
/// Parameters are named layer0.conv.weight, layer0.bn.running_mean, layer9.fc.bias,
/// layer2.gru.0.reset.weight_hh, … by the layer's number.
struct DarknetNetwork {
  Graph graph;  ///< training form: input `input` [1, channels, height, width], output `logits`
  /// Of a detector, whose outputs are these heads' answers, `logits` the first's; else empty.
  std::vector<DarknetHead> heads;
  Shape input;  ///< 1, or the steps of a sequence; channels, height, width
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
