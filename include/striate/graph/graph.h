#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "striate/ops/operator.h"

namespace striate {

/// Tensors by parameter name: what training changes and files hold. Copies of a Weights share the
/// tensors' memory; `clone` does not.
class Weights {
 public:
  using Map = std::map<std::string, Tensor, std::less<>>;

  /// The tensor of this name, an empty one where there was none. References stay good until the
  /// tensor is taken out.
  Tensor& operator[](const std::string& name) { return tensors_[name]; }
  bool contains(std::string_view name) const { return tensors_.find(name) != tensors_.end(); }
  /// Throws ModelError when there is no such tensor.
  const Tensor& at(std::string_view name) const;
  Tensor& at(std::string_view name);
  std::size_t size() const { return tensors_.size(); }
  Map::const_iterator begin() const { return tensors_.begin(); }
  Map::const_iterator end() const { return tensors_.end(); }
  Map::iterator begin() { return tensors_.begin(); }
  Map::iterator end() { return tensors_.end(); }
  Weights clone() const;

 private:
  Map tensors_;
};

/// How a parameter's first values are drawn: constant a, uniform in [a, b), normal with mean a and
/// deviation b, or bilinear, the kernel of a transposed convolution I,O,R,S that interpolates each
/// map by itself. nn/initialize.h has the papers' rules and makes the draws.
struct Initial {
  enum class Kind : std::uint8_t { constant, uniform, normal, bilinear };
  Kind kind = Kind::constant;
  double a = 0, b = 0;
};

struct Parameter {
  std::string name;  ///< a dotted path, a file format: stable from the first day
  DType dtype = DType::f32;
  Shape shape;
  bool trainable = true;  ///< false for running statistics
  Initial initial;
};

struct GraphInput {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;  ///< as the model was built; compiling may give another
};

/// One operator at work. Inputs and outputs are value names; "" is an absent optional one.
struct Node {
  std::string name;
  std::string op;
  Attributes attributes;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
};

/// After a training step, `value` becomes the parameter's content (running statistics).
struct StateUpdate {
  std::string parameter;
  std::string value;
};

/// A network as ONNX describes one: the one structure that summary, import and export,
/// differentiation, rewriting and execution read. Every value has one name and one producer; nodes
/// stand in an order in which they can run.
struct Graph {
  std::string name;
  std::vector<GraphInput> inputs;
  std::vector<Parameter> parameters;
  std::map<std::string, Tensor, std::less<>> constants;
  std::vector<Node> nodes;
  std::vector<std::string> outputs;
  std::vector<std::string> auxiliary;  ///< scores that only training's loss looks at
  std::vector<StateUpdate> updates;

  /// Null where there is none. What is pointed to is good until the graph is changed.
  const Parameter* find_parameter(std::string_view parameter) const;
  const GraphInput* find_input(std::string_view input) const;
  /// The node that makes a value; null for inputs, parameters and constants.
  const Node* producer(std::string_view value) const;
};

/// Throws ModelError unless names are unique, values are defined before they are used, operators
/// are known and take that many operands, and outputs and updates exist.
void check(const Graph& graph);

using Shapes = std::map<std::string, Shape, std::less<>>;
using ValueInfos = std::map<std::string, ValueInfo, std::less<>>;

/// The dtype and shape of every value when inputs have these shapes (those not named keep the
/// graph's). Throws ModelError that names the node and its operator.
ValueInfos infer_shapes(const Graph& graph, const Shapes& input_shapes = {});

/// A node's operands as the operator sees them; absent ones are marked.
std::vector<ValueInfo> operands(const std::vector<std::string>& names, const ValueInfos& infos);

}  // namespace striate
