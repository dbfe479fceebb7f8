#include "striate/device/recurrent.h"

#include <algorithm>
#include <cmath>

namespace striate {

double CellFunction::operator()(double x) const {
  switch (kind) {
    case Kind::tanh:
      return std::tanh(x);
    case Kind::sigmoid:
      return 1.0 / (1.0 + std::exp(-x));
    case Kind::relu:
      return x <= 0 ? 0 : x;
    case Kind::affine:
      return alpha * x + beta;
    case Kind::leaky_relu:
      return x < 0 ? alpha * x : x;
    case Kind::thresholded_relu:
      return x <= alpha ? 0 : x;
    case Kind::scaled_tanh:
      return alpha * std::tanh(beta * x);
    case Kind::hard_sigmoid: {
      const double y = alpha * x + beta;
      return y < 0 ? 0 : y > 1 ? 1 : y;
    }
    case Kind::elu:
      return x < 0 ? alpha * std::expm1(x) : x;
    case Kind::softsign:
      return x / (1 + std::abs(x));
    case Kind::softplus:
      return std::log1p(std::exp(-std::abs(x))) + std::max(x, 0.0);
  }
  return x;
}

double CellFunction::slope(double y) const {
  switch (kind) {
    case Kind::tanh:
      return 1 - y * y;
    case Kind::sigmoid:
      return y * (1 - y);
    case Kind::relu:
    case Kind::thresholded_relu:
      return y == 0 ? 0 : 1;
    case Kind::affine:
      return alpha;
    case Kind::leaky_relu:
      return y < 0 ? alpha : 1;
    case Kind::scaled_tanh:
      return alpha == 0 ? 0 : beta * (alpha - y * y / alpha);
    case Kind::hard_sigmoid:
      return y > 0 && y < 1 ? alpha : 0;
    case Kind::elu:
      return y < 0 ? y + alpha : 1;
    case Kind::softsign: {
      const double rest = 1 - std::abs(y);
      return rest * rest;
    }
    case Kind::softplus:
      return -std::expm1(-y);
  }
  return 1;
}

bool CellFunction::has_slope() const {
  return (kind != Kind::leaky_relu && kind != Kind::elu) || alpha >= 0;
}

}  // namespace striate
