#include <algorithm>

#include "ops/operands.h"
#include "ops/views.h"

namespace striate {
namespace {

// Y = alpha * A' B' + beta * C, A' of M,K and B' of K,N after transposition; C broadcasts to M,N.
class Gemm final : public Operator {
 public:
  struct Fields {
    double alpha = 1.0;
    double beta = 1.0;
    bool trans_a = false;
    bool trans_b = false;
    STRIATE_FIELDS(visit("alpha", alpha, "factor of the product");
                   visit("beta", beta, "factor of C"); visit("transA", trans_a, "A is stored K,M");
                   visit("transB", trans_b, "B is stored N,K");)
  };
  explicit Gemm(const Fields& fields) : fields_(fields) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const ValueInfo& a = required_float(inputs, 0, "A");
    const ValueInfo& b = required_float(inputs, 1, "B");
    if (a.shape.rank() != 2 || b.shape.rank() != 2) {
      fail<ModelError>("expected two matrices, got A {} and B {}", a.shape.str(), b.shape.str());
    }
    if (a.dtype != b.dtype) {
      fail<ModelError>("expected B of {}, got {}", name_of(a.dtype), name_of(b.dtype));
    }
    const std::int64_t k = a.shape[fields_.trans_a ? 0 : 1];
    if (b.shape[fields_.trans_b ? 1 : 0] != k) {
      fail<ModelError>("expected an input of {} features (weights {}{}), got {}{}",
                       b.shape[fields_.trans_b ? 1 : 0], b.shape.str(),
                       fields_.trans_b ? " transposed" : "", a.shape.str(),
                       fields_.trans_a ? " transposed" : "");
    }
    const Shape result{a.shape[fields_.trans_a ? 1 : 0], b.shape[fields_.trans_b ? 0 : 1]};
    if (present(inputs, 2)) {
      const ValueInfo& c = required_float(inputs, 2, "C");
      if (c.dtype != a.dtype || c.shape.rank() > 2 || broadcast_shape(c.shape, result) != result) {
        fail<ModelError>("expected C {} that broadcasts to {}, got {} {}", name_of(a.dtype),
                         result.str(), name_of(c.dtype), c.shape.str());
      }
    }
    return {{.dtype = a.dtype, .shape = result}};
  }

  Cost cost(std::span<const ValueInfo> inputs, std::span<const ValueInfo> outputs) const override {
    const std::int64_t k = inputs[0].shape[fields_.trans_a ? 0 : 1];
    return {.macs = Shape{outputs[0].shape[0], outputs[0].shape[1], k}.elements(),
            .bias = present(inputs, 2) ? outputs[0].shape.elements() : 0};
  }

  Window window(std::span<const ValueInfo>) const override {
    return {.kind = Window::Kind::everything};
  }

  Traits traits(const Device& device, std::span<const ValueInfo> inputs,
                std::span<const ValueInfo> outputs) const override {
    const std::int64_t m = outputs[0].shape[0];
    const std::int64_t n = outputs[0].shape[1];
    const std::int64_t k = inputs[0].shape[fields_.trans_a ? 0 : 1];
    Traits traits;
    traits.layout = Traits::Needs::row_major;
    traits.backward_reads_inputs = true;
    traits.forward_scratch = device.matmul_scratch(m, n, k);
    traits.backward_scratch =
        std::max(fields_.trans_a ? device.matmul_scratch(k, m, n) : device.matmul_scratch(m, k, n),
                 fields_.trans_b ? device.matmul_scratch(n, k, m) : device.matmul_scratch(k, n, m));
    return traits;
  }

  void forward(const ForwardArgs& args) const override {
    const ConstView a = turned(args.inputs[0], fields_.trans_a);
    const ConstView b = turned(args.inputs[1], fields_.trans_b);
    const ConstView c = at(args.inputs, 2);
    const View& y = args.outputs[0];
    // One row of N numbers, as dense layers have it, is the product's own bias.
    const bool row = c && fields_.beta == 1.0 && c.shape.rank() >= 1 &&
                     c.shape.back() == y.shape[1] && c.shape.elements() == y.shape[1];
    if (c && !row) {
      apply(args.device, Function::scale, {broadcast(c, y.shape)}, y, {fields_.beta});
    }
    args.device.matmul(a, b, row ? reshaped(c, {y.shape[1]}) : ConstView{}, y, fields_.alpha,
                       c && !row, args.scratch);
  }

  // dA' = alpha dY B'^T and dB' = alpha A'^T dY; a transposed operand's gradient is computed
  // transposed, so that results are always row-major.
  void backward(const BackwardArgs& args) const override {
    const ConstView a = turned(args.inputs[0], fields_.trans_a);
    const ConstView b = turned(args.inputs[1], fields_.trans_b);
    const ConstView& dy = args.output_gradients[0];
    const auto product = [&](const ConstView& left, const ConstView& right,
                             const InputGradient& out) {
      args.device.matmul(left, right, {}, out.view, fields_.alpha, out.accumulate, args.scratch);
    };
    if (const InputGradient da = at(args.input_gradients, 0); da.view) {
      if (fields_.trans_a) {
        product(b, swapped(dy, 0, 1), da);
      } else {
        product(dy, swapped(b, 0, 1), da);
      }
    }
    if (const InputGradient db = at(args.input_gradients, 1); db.view) {
      if (fields_.trans_b) {
        product(swapped(dy, 0, 1), a, db);
      } else {
        product(swapped(a, 0, 1), dy, db);
      }
    }
    if (const InputGradient dc = at(args.input_gradients, 2); dc.view) {
      sum_to(args.device, dy, dc.view, fields_.beta, dc.accumulate);
    }
  }

 private:
  static ConstView turned(const ConstView& view, bool transposed) {
    return transposed ? swapped(view, 0, 1) : view;
  }

  Fields fields_;
};

}  // namespace

void register_op_gemm(OperatorRegistry& registry) {
  registry.add({.name = "Gemm",
                .doc = "Y = alpha A B + beta C for matrices, either transposed: a dense layer.",
                .min_inputs = 2,
                .max_inputs = 3,
                .make = make_operator<Gemm>});
}

}  // namespace striate
