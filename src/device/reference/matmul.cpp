#include "device/check.h"
#include "device/reference/loops.h"
#include "device/reference/reference_device.h"

namespace striate {

using namespace reference;

void ReferenceDevice::matmul(const ConstView& a, const ConstView& b, const ConstView& bias,
                             const View& c, double alpha, bool accumulate,
                             std::span<std::byte>) const {
  check_matmul(a, b, bias, c);
  with_float(a.dtype, "matmul", [&]<class T>(T) {
    const auto as = read<T>(a);
    const auto bs = read<T>(b);
    const auto biases = read<T>(bias);
    const auto cs = write<T>(c);
    std::int64_t products = 0;
    std::int64_t added = 0;
    for (std::int64_t i = 0; i < c.shape[0]; ++i)
      for (std::int64_t j = 0; j < c.shape[1]; ++j) {
        double sum = 0;
        for (std::int64_t k = 0; k < a.shape[1]; ++k) {
          sum += static_cast<double>(as(i, k)) * static_cast<double>(bs(k, j));
          ++products;
        }
        if (biases) ++added;
        put(cs(i, j), alpha * sum + (biases ? static_cast<double>(biases(j)) : 0.0), accumulate);
      }
    count_->products += products;
    count_->bias += added;
  });
}

}  // namespace striate
