#include "device/cpu/matmul.h"

#include <algorithm>
#include <array>

#include "device/cpu/groups.h"
#include "device/cpu/product.h"
#include "striate/base/memory.h"

namespace striate {
namespace {

using namespace cpu;

// Columns of a one-row product that one item takes.
constexpr std::int64_t kRowColumns = 128;

// Element (i, j) lies at data[i * row + j * column].
template <class T>
struct Matrix {
  T* data = nullptr;
  std::int64_t rows = 0, columns = 0;
  std::int64_t row = 0, column = 0;

  Matrix transposed() const { return {data, columns, rows, column, row}; }
  // A dimension of one element has no say in which of the strides is 1.
  bool rows_dense() const { return column == 1 || columns <= 1; }
};

struct Call {
  Matrix<const float> a, b;
  Matrix<float> c;
  const float* bias = nullptr;
  std::int64_t bias_stride = 0;
  float alpha = 1;
  bool accumulate = false;
};

std::size_t product_scratch(int threads, std::int64_t m, std::int64_t n, std::int64_t k) {
  return bytes_of<float>(Panels(n).padded()) +
         std::max(multiply_scratch(threads, m, n, 1, k, false),
                  multiply_scratch(threads, m, n, 1, k, true));
}

// One row: reads the right operand once, as it lies.
void multiply_row(const Threads& threads, const Call& call, std::span<std::byte> scratch) {
  const Kernels& k = kernels();
  const std::int64_t depth = call.a.columns;
  const float* x = call.a.data;
  if (!call.a.rows_dense()) {
    float* dense = Scratch(scratch).take<float>(to_size(depth));
    for (std::int64_t i = 0; i < depth; ++i) dense[i] = x[i * call.a.column];
    x = dense;
  }
  const Parts parts = parts_of(call.c.columns, kRowColumns);
  threads.run(parts.parts, [&](std::int64_t part) {
    const std::int64_t first = parts.begin(part);
    const std::int64_t count = parts.end(part) - first;
    std::array<float, kRowColumns> sums;
    if (call.b.transposed().rows_dense()) {
      k.dot_rows(x, call.b.data + first * call.b.column, call.b.column, depth, count, sums.data());
    } else {
      k.sum_rows(x, call.b.data + first, call.b.row, depth, count, sums.data());
    }
    for (std::int64_t j = 0; j < count; ++j) {
      float value = call.alpha * sums[to_size(j)];
      if (call.bias) value += call.bias[(first + j) * call.bias_stride];
      float& out = call.c.data[(first + j) * call.c.column];
      out = call.accumulate ? out + value : value;
    }
  });
}

void multiply_matrix(const Threads& threads, const Call& call, std::span<std::byte> memory) {
  const Kernels& k = kernels();
  const auto& [a, b, c, bias, bias_stride, alpha, accumulate] = call;
  const Panels panels(c.columns);
  Scratch scratch(memory);
  float* padded_bias = scratch.take<float>(to_size(panels.padded()));
  if (bias) {
    std::fill_n(padded_bias, panels.padded(), 0.0F);
    for (std::int64_t j = 0; j < c.columns; ++j) padded_bias[j] = bias[j * bias_stride];
  }

  Product product;
  product.rows = c.rows;
  product.columns = c.columns;
  product.depth = a.columns;
  if (!a.rows_dense()) {
    product.left_transposed = a.data;
    product.left_stride = a.column;
  }
  product.find = [&](std::int64_t first, std::int64_t count, const float** in, float** out) {
    for (std::int64_t i = 0; i < count; ++i) {
      if (in) in[i] = call.a.data + (first + i) * call.a.row;
      out[i] = call.c.data + (first + i) * call.c.row;
    }
  };
  product.pack = [&](std::int64_t panel, std::int64_t first, std::int64_t last, float* to) {
    const Matrix<const float>& right = call.b;
    const float* from = right.data + first * right.row + panels.first(panel) * right.column;
    const std::int64_t columns = panels.columns_of(panel);
    if (right.rows_dense()) {
      k.pack_rows(from, right.row, last - first, columns, panels.width_of(panel), to);
    } else {
      k.pack_transposed(from, right.column, last - first, columns, nullptr, panels.width_of(panel),
                        to);
    }
  };
  const Finish finish{.shift = padded_bias};
  product.finish = bias ? &finish : nullptr;
  product.alpha = alpha;
  product.accumulate = accumulate;
  multiply(threads, product, scratch.rest());
}

// The same result as a product of the transposed operands, for a result whose columns are dense.
// The bias then varies along what have become rows, so it is put in place first.
Call turned(const Call& call) {
  if (call.bias) {
    for (std::int64_t i = 0; i < call.c.rows; ++i) {
      for (std::int64_t j = 0; j < call.c.columns; ++j) {
        float& out = call.c.data[i * call.c.row + j * call.c.column];
        out = call.bias[j * call.bias_stride] + (call.accumulate ? out : 0.0F);
      }
    }
  }
  return {.a = call.b.transposed(),
          .b = call.a.transposed(),
          .c = call.c.transposed(),
          .alpha = call.alpha,
          .accumulate = call.accumulate || call.bias != nullptr};
}

}  // namespace

std::size_t cpu_matmul_scratch(const Threads& threads, std::int64_t m, std::int64_t n,
                               std::int64_t k) {
  if (m == 0 || n == 0) return 0;
  if (m == 1 || n == 1) return bytes_of<float>(k);
  return std::max(product_scratch(threads.count(), m, n, k),
                  product_scratch(threads.count(), n, m, k));
}

void cpu_matmul(const Threads& threads, const ConstView& a, const ConstView& b,
                const ConstView& bias, const View& c, double alpha, bool accumulate,
                std::span<std::byte> scratch) {
  const auto read = [](const ConstView& v) {
    return Matrix<const float>{v.as<float>(), v.shape[0], v.shape[1], v.stride(0), v.stride(1)};
  };
  Call call{.a = read(a),
            .b = read(b),
            .c = {c.as<float>(), c.shape[0], c.shape[1], c.stride(0), c.stride(1)},
            .alpha = static_cast<float>(alpha),
            .accumulate = accumulate};
  if (call.c.rows == 0 || call.c.columns == 0) return;
  if (bias) {
    call.bias = bias.as<float>();
    call.bias_stride = bias.stride(0);
  }
  if (call.c.columns == 1 && call.c.rows > 1) call = turned(call);
  if (call.c.rows == 1) {
    multiply_row(threads, call, scratch);
    return;
  }
  multiply_matrix(threads, call.c.rows_dense() ? call : turned(call), scratch);
}

}  // namespace striate
