#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "striate/base/files.h"
#include "striate/graph/graph.h"

namespace striate {

/// A network as an ONNX file holds it (https://onnx.ai). Initializers of floating-point numbers are
/// parameters, but where an operator must know them when the graph is compiled; other initializers
/// are constants.
struct OnnxModel {
  Graph graph;
  Weights weights;
  std::map<std::string, std::string> metadata;  ///< notes about the model, by key
};

/// Numbers of inputs that are known beforehand: these inputs become constants of the graph.
using KnownInputs = std::map<std::string, Tensor, std::less<>>;

/// Reads models of opset 6 to 17, and of 18 to 21 where the operators are what they were; what an
/// operator's form was in an older opset is put into the present one. Input sizes that a file leaves
/// open are 1 until the graph is compiled for others. `load_onnx` also reads elements that lie in
/// other files of the model's folder. `name` stands for the file in messages. Throws InputError for
/// what is no such file, and ModelError for what this library does not do: all unknown operators at
/// once, with their nodes.
OnnxModel read_onnx(std::span<const std::uint8_t> bytes, std::string_view name,
                    const KnownInputs& known = {});
OnnxModel load_onnx(const std::filesystem::path& path, const KnownInputs& known = {});

/// The file's bytes, opset 17, weights inside. The graph must be of inference form. Its batch is left
/// open where the network takes batches of any size. Throws InputError where the weights are larger
/// than the 2 GiB that such a file may hold, and ModelError for a node that is no operator of ONNX.
Bytes write_onnx(const OnnxModel& model);
/// Replaces `path`, whole or not at all. Throws SystemError when it cannot be written.
void save_onnx(const std::filesystem::path& path, const OnnxModel& model);

/// A tensor in ONNX's form, as its test data hold them.
Tensor read_onnx_tensor(std::span<const std::uint8_t> bytes, std::string_view name);

}  // namespace striate
