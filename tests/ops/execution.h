#pragma once

// One node run the way a compiled graph runs it: operands laid out by the operator's traits, saved
// tensors and scratch of the sizes it asked for, and null views for everything it must not read.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ops/placed.h"
#include "striate/base/memory.h"
#include "striate/base/random.h"
#include "striate/ops/operator.h"

namespace striate::testing {

/// An operand of a case. Floating-point values are float32 numbers, so that both devices get the
/// same; they are drawn by `check_operator` unless given.
struct Input {
  enum class Draw : std::uint8_t { given, uniform, distinct };
  Draw draw = Draw::given;
  Shape shape;
  double low = 0, high = 0;
  Tensor value;
  bool constant = false;
  bool absent = false;
};

/// Uniform draws from [low, high).
inline Input random(const Shape& shape, double low = -1, double high = 1) {
  return {.draw = Input::Draw::uniform, .shape = shape, .low = low, .high = high, .value = {}};
}
/// Different numbers of (-1, 1), none near another or near 0: for operators with kinks.
inline Input distinct(const Shape& shape) {
  return {.draw = Input::Draw::distinct, .shape = shape, .value = {}};
}
inline Input given(const Shape& shape, const std::vector<double>& values) {
  return {.shape = shape, .value = Tensor::of<double>(shape, values)};
}
inline Input labels(const Shape& shape, const std::vector<std::int64_t>& values) {
  return {.shape = shape, .value = Tensor::of<std::int64_t>(shape, values)};
}
inline Input known(const std::vector<std::int64_t>& values) {
  const Shape shape{static_cast<std::int64_t>(values.size())};
  return {.shape = shape, .value = Tensor::of<std::int64_t>(shape, values), .constant = true};
}
inline Input known(double number) {
  return {.shape = {}, .value = Tensor::of<double>({}, {{number}}), .constant = true};
}
inline Input known(bool truth) {
  Tensor value(DType::boolean, {});
  *value.data<bool>() = truth;
  return {.shape = {}, .value = value, .constant = true};
}
inline Input nothing() { return {.shape = {}, .value = {}, .absent = true}; }

struct OperatorCase {
  std::string op;
  Attributes attributes = {};
  std::vector<Input> inputs;
  /// How many outputs the node has, and through which of them a gradient may come.
  std::size_t outputs = 1;
  std::vector<std::size_t> differentiable = {0};
  /// The cpu device's float32 results differ from the reference's float64 ones by no more than
  /// this, relative to the largest element.
  double bound = 1e-5;
};

/// The values of a case's inputs; absent ones are empty.
inline std::vector<Tensor> draw_inputs(const OperatorCase& test) {
  std::vector<Tensor> values;
  for (const Input& input : test.inputs) {
    Tensor value = input.value;
    if (input.draw != Input::Draw::given) {
      value = Tensor(DType::f64, input.shape);
      const std::int64_t count = value.elements();
      Random draws({.seed = 1, .purpose = purpose_of(test.op)}, values.size());
      for (std::int64_t i = 0; i < count; ++i) {
        const double place = (static_cast<double>(i) + 0.25) / static_cast<double>(count);
        const double number = input.draw == Input::Draw::uniform
                                  ? draws.uniform(input.low, input.high)
                                  : 2 * place - 1;
        value.data<double>()[i] = static_cast<double>(static_cast<float>(number));
      }
      for (std::int64_t i = count; input.draw == Input::Draw::distinct && i > 1; --i) {
        std::swap(value.data<double>()[i - 1],
                  value.data<double>()[draws.below(static_cast<std::uint32_t>(i))]);
      }
    }
    values.push_back(value);
  }
  return values;
}

inline std::vector<ValueInfo> infos_of(const OperatorCase& test, const std::vector<Tensor>& values,
                                       DType real) {
  std::vector<ValueInfo> infos;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Input& input = test.inputs[i];
    ValueInfo info{.shape = input.shape, .absent = input.absent};
    if (!input.absent) {
      const Tensor value = is_float(values[i].dtype()) ? values[i].cast(real) : values[i];
      info.dtype = value.dtype();
      if (input.constant) info.constant = std::make_shared<Tensor>(value);
    }
    infos.push_back(info);
  }
  return infos;
}

inline std::unique_ptr<Operator> make(const OperatorCase& test) {
  return operators().find(test.op).make(test.attributes);
}

/// How the values of an operator that takes any layout lie.
struct Arrangement {
  Layout first = Layout::row_major;   ///< input 0 and all outputs
  Layout others = Layout::row_major;  ///< the other inputs
  std::int64_t gap = 0;               ///< unused elements after each pixel of a channels-last map
};

class Execution {
 public:
  Execution(const OperatorCase& test, const std::vector<Tensor>& values, const Device& device,
            DType real, const Arrangement& arrangement)
      : test_(test), device_(device), arrangement_(arrangement), op_(make(test)) {
    const std::vector<ValueInfo> infos = infos_of(test, values, real);
    output_infos_ = op_->infer(infos);
    output_infos_.resize(test.outputs);
    traits_ = op_->traits(device, infos, output_infos_);
    for (std::size_t i = 0; i < infos.size(); ++i) {
      if (infos[i].absent) {
        inputs_.emplace_back();
      } else {
        inputs_.emplace_back(std::in_place, values[i], infos[i].dtype,
                             strides(infos[i].shape, layout_of_input(i)));
      }
    }
    for (const ValueInfo& info : output_infos_) {
      outputs_.emplace_back(info.dtype, info.shape, strides(info.shape, layout(arrangement.first)));
    }
    for (const ValueInfo& info : traits_.saved) {
      saved_.emplace_back(info.dtype, info.shape, strides(info.shape, layout(arrangement.first)));
    }
  }

  const Traits& traits() const { return traits_; }
  const std::vector<ValueInfo>& output_infos() const { return output_infos_; }
  std::vector<double> output(std::size_t i) const { return outputs_[i].values(); }

  bool wants_gradient(std::size_t i) const {
    const auto& none = traits_.no_gradient;
    return inputs_[i] &&
           is_float(test_.inputs[i].value.empty() ? DType::f64 : test_.inputs[i].value.dtype()) &&
           !test_.inputs[i].constant &&
           std::find(none.begin(), none.end(), static_cast<int>(i)) == none.end();
  }

  /// With `keep` the saved tensors are written, as a plan with a backward pass has it; in place,
  /// output 0 takes over the memory of the input that traits name.
  void forward(bool keep, bool in_place = false) {
    std::vector<ConstView> inputs;
    for (auto& input : inputs_) inputs.push_back(input ? input->view() : View{});
    std::vector<View> outputs;
    for (Placed& output : outputs_) outputs.push_back(output.view());
    if (in_place)
      outputs[0].data = inputs_[static_cast<std::size_t>(traits_.in_place)]->view().data;
    std::vector<View> saved;
    for (Placed& value : saved_) saved.push_back(keep ? value.view() : View{});
    op_->forward({.device = device_,
                  .inputs = inputs,
                  .outputs = outputs,
                  .saved = saved,
                  .scratch = scratch(traits_.forward_scratch),
                  .key = kKey});
    if (in_place) {
      Placed copy(output_infos_[0].dtype, output_infos_[0].shape, outputs[0].strides);
      device_.copy(outputs[0], copy.view());
      outputs_[0] = std::move(copy);
    }
    for (const Placed& output : outputs_) output.expect_guards();
    for (const Placed& value : saved_) value.expect_guards();
  }

  struct Request {
    /// Which inputs' gradients; all that exist where empty.
    std::optional<std::size_t> only = std::nullopt;
    /// What the gradients hold before, to be added to.
    const std::vector<std::vector<double>>* prefilled = nullptr;
    bool in_place = false;
  };

  /// The input gradients of sum over k of <output k, projections[k]>, after forward(true).
  std::vector<std::vector<double>> backward(const std::vector<std::vector<double>>& projections,
                                            const Request& request) {
    std::vector<ConstView> inputs;
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      ConstView view = inputs_[i] ? inputs_[i]->view() : View{};
      if (!traits_.backward_reads_inputs && !test_.inputs[i].constant) view.data = nullptr;
      inputs.push_back(view);
    }
    std::vector<ConstView> outputs;
    std::vector<std::optional<Placed>> gradients_out(outputs_.size());
    std::vector<ConstView> output_gradients;
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      outputs.push_back(outputs_[i].view());
      if (!traits_.backward_reads_outputs) outputs.back().data = nullptr;
      if (!projections[i].empty()) {
        const Shape& shape = output_infos_[i].shape;
        gradients_out[i].emplace(Tensor::of<double>(shape, projections[i]), output_infos_[i].dtype,
                                 strides(shape, layout(arrangement_.first)));
      }
      output_gradients.push_back(gradients_out[i] ? gradients_out[i]->view() : View{});
    }
    std::vector<ConstView> saved;
    for (Placed& value : saved_) saved.push_back(value.view());

    std::vector<std::optional<Placed>> gradients(inputs_.size());
    std::vector<InputGradient> wanted(inputs_.size());
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      if (!wants_gradient(i) || (request.only && *request.only != i)) continue;
      const View like = inputs_[i]->view();
      if (request.prefilled != nullptr) {
        const Tensor before = Tensor::of<double>(like.shape, (*request.prefilled)[i]);
        gradients[i].emplace(before, like.dtype, like.strides);
      } else {
        gradients[i].emplace(like.dtype, like.shape, like.strides);
      }
      wanted[i] = {.view = gradients[i]->view(), .accumulate = request.prefilled != nullptr};
    }
    if (request.in_place) {
      wanted[static_cast<std::size_t>(traits_.gradient_in_place)].view.data =
          gradients_out[0]->view().data;
    }
    op_->backward({.device = device_,
                   .inputs = inputs,
                   .outputs = outputs,
                   .saved = saved,
                   .output_gradients = output_gradients,
                   .input_gradients = wanted,
                   .scratch = scratch(traits_.backward_scratch),
                   .key = kKey});
    std::vector<std::vector<double>> result(inputs_.size());
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      if (!gradients[i]) continue;
      gradients[i]->expect_guards();
      device_.copy(wanted[i].view, gradients[i]->view());
      result[i] = gradients[i]->values();
    }
    return result;
  }

  /// True where `forward`, or `backward`, may be asked to run in place: the two values lie alike.
  bool can_run_in_place(int input) const {
    if (input < 0) return false;
    const auto i = static_cast<std::size_t>(input);
    return output_infos_[0].shape.elements() != 0 && wants_gradient(i) &&
           layout_of_input(i) == layout(arrangement_.first) &&
           (test_.inputs[i].shape == output_infos_[0].shape ||
            traits_.layout == Traits::Needs::row_major);
  }

 private:
  static constexpr RandomKey kKey{.seed = 7, .purpose = purpose_of("dropout:test"), .step = 3};

  Layout layout(Layout wished) const {
    switch (traits_.layout) {
      case Traits::Needs::row_major:
        return Layout::row_major;
      case Traits::Needs::channels_last:
        return Layout::channels_last;
      case Traits::Needs::any:
        return wished;
    }
    return wished;
  }
  Layout layout_of_input(std::size_t i) const {
    const auto& fixed = traits_.row_major_inputs;
    if (test_.inputs[i].constant ||
        std::find(fixed.begin(), fixed.end(), static_cast<int>(i)) != fixed.end()) {
      return Layout::row_major;
    }
    return layout(i == 0 ? arrangement_.first : arrangement_.others);
  }
  Strides strides(const Shape& shape, Layout layout) const {
    const bool map = shape.rank() == 3 || shape.rank() == 4;
    if (layout == Layout::row_major || !map) return dense_strides(shape);
    return map_strides(shape, shape[1] + arrangement_.gap);
  }
  /// Exactly as much as was asked for, of a content that no result survives.
  std::span<std::byte> scratch(std::size_t bytes) {
    scratch_ = allocate(bytes);
    std::memset(scratch_.get(), 0xff, bytes);
    return {scratch_.get(), bytes};
  }

  const OperatorCase& test_;
  const Device& device_;
  Arrangement arrangement_;
  std::unique_ptr<Operator> op_;
  std::vector<ValueInfo> output_infos_;
  Traits traits_;
  std::vector<std::optional<Placed>> inputs_;
  std::vector<Placed> outputs_, saved_;
  std::shared_ptr<std::byte[]> scratch_;
};

/// The outputs of a case on the reference device in float64, for tests with known values.
inline std::vector<std::vector<double>> outputs_of(const OperatorCase& test) {
  Execution run(test, draw_inputs(test), reference_device(), DType::f64, {});
  run.forward(false);
  std::vector<std::vector<double>> outputs;
  for (std::size_t i = 0; i < test.outputs; ++i) outputs.push_back(run.output(i));
  return outputs;
}

/// What the shape rule says of a case.
inline std::vector<ValueInfo> infer(const OperatorCase& test) {
  return make(test)->infer(infos_of(test, draw_inputs(test), DType::f64));
}
inline std::string shape_of(const OperatorCase& test) { return infer(test)[0].shape.str(); }

/// The message of the ModelError that a case's attributes or shapes raise.
inline std::string error_of(const OperatorCase& test) {
  try {
    infer(test);
  } catch (const ModelError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace striate::testing
