#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "striate/base/random.h"
#include "striate/device/device.h"
#include "striate/ops/attributes.h"
#include "striate/tensor/tensor.h"

namespace striate {

/// A value as an operator sees it before anything runs.
struct ValueInfo {
  DType dtype = DType::f32;
  Shape shape;
  /// The numbers, where they are known when the graph is compiled (shapes, axes, paddings given as
  /// inputs); host memory, row-major. Absent optional inputs have neither shape nor constant.
  std::shared_ptr<const Tensor> constant = nullptr;
  bool absent = false;
};

/// Work of one execution, forward.
struct Cost {
  /// Multiply-adds of convolutions and matrix products, padding counted.
  std::int64_t macs = 0;
  /// Those of them that multiply padding, or (transposed convolution) whose product is cropped.
  std::int64_t padding = 0;
  std::int64_t bias = 0;  ///< additions of a bias
  std::int64_t norm = 0;  ///< multiply-adds of batch norms
};

/// A picture is too small for a window: with more pixels it fits.
class OutOfPixels : public ModelError {
 public:
  using ModelError::ModelError;
};

/// Which input pixels one output pixel can see, along the height and the width.
struct Window {
  enum class Kind : std::uint8_t {
    sliding,     ///< output pixel i sees i * stride - pad + t * dilation, t in [0, kernel)
    transposed,  ///< output pixel i sees x where x * stride = i + pad - t * dilation for such a t
    everything,  ///< a dense layer, a global pooling
    uneven       ///< no rule that holds for every pixel
  };
  struct Axis {
    std::int64_t kernel = 1, stride = 1, dilation = 1;
    std::int64_t pad = 0, pad_end = 0;

    /// Pixels from the first tap to the last.
    std::int64_t extent() const { return (kernel - 1) * dilation + 1; }
  };
  Axis h, w;
  Kind kind = Kind::sliding;
  /// Whether a person would call it a window: convolutions and poolings, not slices.
  bool named = false;
};

/// What the plan must know of an operator for given shapes.
struct Traits {
  /// How operands of rank 3 and 4 must lie; smaller ones are always row-major. `any`: the operator
  /// reads and writes whatever strides it is given, and its outputs lie as its first input does.
  enum class Needs : std::uint8_t { any, channels_last, row_major };
  Needs layout = Needs::any;
  /// Inputs that stay row-major whatever `layout` says (kernels, labels).
  std::vector<int> row_major_inputs;
  /// Output 0 may take over the memory of this input (-1: of none) where nobody reads the input
  /// afterwards, this operator's own backward included.
  int in_place = -1;
  /// Tensors that forward writes and backward reads; rank 3 and 4 lie as output 0 does.
  std::vector<ValueInfo> saved;
  /// What backward reads beside output gradients and saved tensors.
  bool backward_reads_inputs = false;
  bool backward_reads_outputs = false;
  /// Inputs backward never gives a gradient for (labels, shapes, running statistics).
  std::vector<int> no_gradient;
  /// The gradient of this input may take over the memory of output 0's gradient (-1: of none),
  /// where the input's value is no other input of the node.
  int gradient_in_place = -1;
  /// Output 0 is the inputs' channels behind one another. Inputs may then lie there beforehand, and
  /// their gradients in output 0's: both passes hand such parts to Device::copy all the same.
  bool joins_channels = false;
  std::size_t forward_scratch = 0;
  std::size_t backward_scratch = 0;
  /// Bytes that `prepare` makes of the inputs `prepared_from` (those of them that are there), where
  /// these stay the same from run to run.
  std::size_t prepared = 0;
  std::vector<int> prepared_from;
};

/// What an execution is given. Absent optional values are null views. Inputs whose numbers were
/// known when the graph was compiled (ValueInfo::constant) are dense, in host memory, and handed to
/// both passes.
struct ForwardArgs {
  const Device& device;
  std::span<const ConstView> inputs;
  std::span<const View> outputs;
  std::span<const View> saved;
  std::span<std::byte> scratch;
  /// Seed and step of the run, purpose of the node.
  RandomKey key;
  /// What `prepare` made, or empty. Of the inputs it was made from there are only dtype and shape then.
  std::span<const std::byte> prepared = {};
};

/// What is the same in every run of a node. Inputs that are not in Traits::prepared_from are null.
struct PrepareArgs {
  const Device& device;
  std::span<const ConstView> inputs;
  std::span<std::byte> prepared;
};

struct InputGradient {
  View view;  ///< null where no gradient is wanted
  bool accumulate = false;
};

struct BackwardArgs {
  const Device& device;
  /// Null unless backward_reads_inputs, or constant; dtype and shape are there all the same.
  std::span<const ConstView> inputs;
  std::span<const ConstView> outputs;  ///< null unless backward_reads_outputs
  std::span<const ConstView> saved;
  /// Null for outputs that no gradient reaches; at least one is not null.
  std::span<const ConstView> output_gradients;
  std::span<const InputGradient> input_gradients;
  std::span<std::byte> scratch;
  RandomKey key;
};

/// One node's operator with its attributes read: ONNX's name and semantics, opset 17. Immutable, so
/// any number of threads may use one. Errors are ModelErrors that say what is wrong; the caller
/// adds the node's name.
class Operator {
 public:
  Operator() = default;
  Operator(const Operator&) = delete;
  Operator& operator=(const Operator&) = delete;
  virtual ~Operator() = default;

  /// Types and shapes of the outputs. Integer values that follow from constants are given as
  /// constants: such a node is folded away when the graph is compiled.
  virtual std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const = 0;
  virtual Cost cost(std::span<const ValueInfo> inputs, std::span<const ValueInfo> outputs) const;
  virtual Window window(std::span<const ValueInfo> inputs) const;
  virtual Traits traits(const Device& device, std::span<const ValueInfo> inputs,
                        std::span<const ValueInfo> outputs) const = 0;
  /// Work on weights that all runs have in common, done once; called where Traits::prepared is not 0.
  virtual void prepare(const PrepareArgs& args) const;
  virtual void forward(const ForwardArgs& args) const = 0;
  /// Fills or adds to every wanted input gradient; not called where the row is not differentiable.
  virtual void backward(const BackwardArgs& args) const = 0;
};

/// What is known of an operator before a node uses it.
struct OperatorRow {
  std::string name;  ///< ONNX's
  std::string doc;   ///< one sentence, with the source where it has one
  int min_inputs = 1, max_inputs = 1;
  int min_outputs = 1, max_outputs = 1;
  bool differentiable = true;
  std::function<std::unique_ptr<Operator>(const Attributes&)> make;
};

class OperatorRegistry {
 public:
  void add(OperatorRow row);
  /// Throws ModelError with the nearest name for an operator that is not here.
  const OperatorRow& find(std::string_view name) const;
  const std::map<std::string, OperatorRow, std::less<>>& rows() const { return rows_; }

 private:
  std::map<std::string, OperatorRow, std::less<>> rows_;
};

/// Every operator the library was built with.
const OperatorRegistry& operators();

}  // namespace striate
