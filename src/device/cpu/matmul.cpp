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
// Rows of a product that reads its right operand as it lies, and columns that one item takes.
constexpr std::int64_t kFewRows = 16;
constexpr std::int64_t kFewColumns = 32;

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

// Whether the rows are so few that packing the right operand, whose columns are dense, would cost
// more than it saves.
bool has_few_rows(const Call& call) {
  return call.c.rows <= kFewRows && call.a.rows_dense() && call.b.transposed().rows_dense();
}

void put_row(const Call& call, std::int64_t row, std::int64_t first, std::int64_t count,
             const float* sums) {
  for (std::int64_t j = 0; j < count; ++j) {
    float value = call.alpha * sums[j];
    if (call.bias) value += call.bias[(first + j) * call.bias_stride];
    float& out = call.c.data[row * call.c.row + (first + j) * call.c.column];
    out = call.accumulate ? out + value : value;
  }
}

// Reads the right operand once, as it lies: its columns are dense.
void multiply_few_rows(const Threads& threads, const Call& call) {
  const Kernels& k = kernels();
  const Parts parts = parts_of(call.c.columns, kFewColumns);
  const Parts tiles = parts_of(call.c.rows, kMaxDotRows);
  threads.run(parts.parts, [&](std::int64_t part) {
    const std::int64_t first = parts.begin(part);
    const std::int64_t count = parts.end(part) - first;
    std::array<std::array<float, kFewColumns>, kMaxDotRows> sums;
    std::array<const float*, kMaxDotRows> in;
    std::array<float*, kMaxDotRows> out;
    for (std::int64_t tile = 0; tile < tiles.parts; ++tile) {
      const std::int64_t row = tiles.begin(tile);
      const std::int64_t rows = tiles.end(tile) - row;
      for (std::int64_t i = 0; i < rows; ++i) {
        in[to_size(i)] = call.a.data + (row + i) * call.a.row;
        out[to_size(i)] = sums[to_size(i)].data();
      }
      k.dot_rows[to_size(rows - 1)](in.data(), call.b.data + first * call.b.column, call.b.column,
                                    call.a.columns, count, out.data());
      for (std::int64_t i = 0; i < rows; ++i) put_row(call, row + i, first, count, out[to_size(i)]);
    }
  });
}

// The same product of one row, with the row made dense.
Call dense_row(Call call, std::span<std::byte> scratch) {
  float* dense = Scratch(scratch).take<float>(to_size(call.a.columns));
  for (std::int64_t i = 0; i < call.a.columns; ++i) dense[i] = call.a.data[i * call.a.column];
  call.a.data = dense;
  call.a.column = 1;
  return call;
}

// One row, right operand as it lies: its rows are dense.
void multiply_row(const Threads& threads, const Call& call) {
  const Kernels& k = kernels();
  const Parts parts = parts_of(call.c.columns, kRowColumns);
  threads.run(parts.parts, [&](std::int64_t part) {
    const std::int64_t first = parts.begin(part);
    const std::int64_t count = parts.end(part) - first;
    std::array<float, kRowColumns> sums;
    k.sum_rows(call.a.data, call.b.data + first, call.b.row, call.a.columns, count, sums.data());
    put_row(call, 0, first, count, sums.data());
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
  if (call.c.rows == 1 && !call.a.rows_dense()) call = dense_row(call, scratch);
  if (has_few_rows(call)) {
    multiply_few_rows(threads, call);
  } else if (call.c.rows == 1) {
    multiply_row(threads, call);
  } else {
    multiply_matrix(threads, call.c.rows_dense() ? call : turned(call), scratch);
  }
}

}  // namespace striate
