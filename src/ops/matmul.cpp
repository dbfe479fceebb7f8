#include <algorithm>

#include "ops/operands.h"
#include "ops/views.h"

namespace striate {
namespace {

// A vector as a matrix: a row on the left, a column on the right.
Shape as_matrix(const Shape& shape, bool left) {
  if (shape.rank() != 1) return shape;
  return left ? Shape{1, shape[0]} : Shape{shape[0], 1};
}

Shape batch_of(const Shape& shape) { return Shape({shape.begin(), shape.end() - 2}); }

// NumPy's matmul: matrices in batches that broadcast; vectors count as a row or a column.
class MatMul final : public Operator {
 public:
  using Fields = NoFields;
  explicit MatMul(const Fields&) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const ValueInfo& a = required_float(inputs, 0, "A");
    const ValueInfo& b = required_float(inputs, 1, "B");
    if (a.dtype != b.dtype) {
      fail<ModelError>("expected B of {}, got {}", name_of(a.dtype), name_of(b.dtype));
    }
    const bool fits = a.shape.rank() > 0 && b.shape.rank() > 0 &&
                      as_matrix(a.shape, true).back() ==
                          as_matrix(b.shape, false)[std::max(b.shape.rank(), 2) - 2];
    if (!fits) {
      fail<ModelError>("expected matrices M,K and K,N, got {} and {}", a.shape.str(),
                       b.shape.str());
    }
    const Shape left = as_matrix(a.shape, true);
    const Shape right = as_matrix(b.shape, false);
    Shape shape = broadcast_shape(batch_of(left), batch_of(right));
    if (a.shape.rank() > 1) shape.push_back(left[left.rank() - 2]);
    if (b.shape.rank() > 1) shape.push_back(right.back());
    return {{.dtype = a.dtype, .shape = shape}};
  }

  Cost cost(std::span<const ValueInfo> inputs, std::span<const ValueInfo> outputs) const override {
    const Shape left = as_matrix(inputs[0].shape, true);
    return {.macs = Shape{outputs[0].shape.elements(), left.back()}.elements()};
  }

  Window window(std::span<const ValueInfo>) const override {
    return {.kind = Window::Kind::everything};
  }

  Traits traits(const Device& device, std::span<const ValueInfo> inputs,
                std::span<const ValueInfo>) const override {
    const Shape left = as_matrix(inputs[0].shape, true);
    const Shape right = as_matrix(inputs[1].shape, false);
    const std::int64_t n = right.back();
    const std::int64_t k = left.back();
    // The left operand's batch may become rows of one product.
    const std::int64_t m = k == 0 ? 0 : left.elements() / k;
    const std::int64_t row = left[left.rank() - 2];
    Traits traits;
    traits.layout = Traits::Needs::row_major;
    traits.backward_reads_inputs = true;
    traits.forward_scratch =
        std::max(device.matmul_scratch(m, n, k), device.matmul_scratch(row, n, k));
    traits.backward_scratch =
        std::max({device.matmul_scratch(m, k, n), device.matmul_scratch(row, k, n),
                  device.matmul_scratch(k, n, m), device.matmul_scratch(k, n, row)});
    return traits;
  }

  void forward(const ForwardArgs& args) const override {
    const Problem<const void, const void, void> p(args.inputs[0], args.inputs[1], args.outputs[0]);
    if (p.a.shape.elements() == 0 || p.b.shape.elements() == 0) {
      args.device.fill(args.outputs[0], 0.0);
      return;
    }
    p.each([&](const ConstView& a, const ConstView& b, const View& c) {
      args.device.matmul(a, b, {}, c, 1.0, false, args.scratch);
    });
  }

  // dA = dC B^T and dB = A^T dC, summed over the batches that share a matrix.
  void backward(const BackwardArgs& args) const override {
    const Device& device = args.device;
    const ConstView& dc = args.output_gradients[0];
    const InputGradient& da = args.input_gradients[0];
    const InputGradient& db = args.input_gradients[1];
    if (da.view) {
      if (!da.accumulate) device.fill(da.view, 0.0);
      const Problem<void, const void, const void> p(da.view, args.inputs[1], dc);
      p.each([&](const View& a, const ConstView& b, const ConstView& c) {
        device.matmul(c, swapped(b, 0, 1), {}, a, 1.0, true, args.scratch);
      });
    }
    if (db.view) {
      if (!db.accumulate) device.fill(db.view, 0.0);
      const Problem<const void, void, const void> p(args.inputs[0], db.view, dc);
      p.each([&](const ConstView& a, const View& b, const ConstView& c) {
        device.matmul(swapped(a, 0, 1), c, {}, b, 1.0, true, args.scratch);
      });
    }
  }

 private:
  // The products of one MatMul: each operand as matrices in batches.
  template <class A, class B, class C>
  struct Problem {
    Problem(const BasicView<A>& left, const BasicView<B>& right, const BasicView<C>& out)
        : a(reshaped(left, as_matrix(left.shape, true))),
          b(reshaped(right, as_matrix(right.shape, false))) {
      if (b.shape.rank() == 2 && a.shape.rank() > 2) {
        // One right operand for all: their left operands stand one below another.
        const Shape rows({a.shape.begin(), a.shape.end() - 1});
        a = reshaped(a, {rows.elements(), a.shape.back()});
      }
      batches = broadcast_shape(batch_of(a.shape), batch_of(b.shape));
      Shape shape = batches;
      shape.push_back(a.shape[a.shape.rank() - 2]);
      shape.push_back(b.shape.back());
      c = reshaped(out, shape);
    }

    template <class Body>
    void each(const Body& body) const {
      if (a.shape.elements() == 0 || b.shape.elements() == 0) return;
      for (std::int64_t i = 0; i < batches.elements(); ++i) {
        body(matrix(a, i), matrix(b, i), matrix(c, i));
      }
    }

    // The matrix of batch number i, counted in the output.
    template <class Void>
    BasicView<Void> matrix(BasicView<Void> view, std::int64_t i) const {
      const int rank = view.shape.rank() - 2;
      for (int axis = batches.rank() - 1; axis >= 0; --axis) {
        const std::int64_t place = i % batches[axis];
        i /= batches[axis];
        const int own = axis - (batches.rank() - rank);
        if (own >= 0 && view.shape[own] != 1) view = sliced(view, own, place, 1);
      }
      return {view.data, view.dtype, Shape{view.shape[rank], view.shape[rank + 1]},
              Strides{view.stride(rank), view.stride(rank + 1)}};
    }

    BasicView<A> a;
    BasicView<B> b;
    BasicView<C> c;
    Shape batches;
  };
};

}  // namespace

void register_op_matmul(OperatorRegistry& registry) {
  registry.add({.name = "MatMul",
                .doc = "NumPy's matmul: products of matrices in batches that broadcast.",
                .min_inputs = 2,
                .max_inputs = 2,
                .make = make_operator<MatMul>});
}

}  // namespace striate
