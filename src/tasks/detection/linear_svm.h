#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace striate {

struct SvmOptions {
  double cost = 1e-3;          ///< C
  double positive_weight = 2;  ///< times C for positive rows
  double bias = 10;  ///< what the constant feature is: the less, the smaller the bias stays
  double tolerance = 1e-3;
};

struct LinearSvm {
  std::vector<double> weights;
  double bias = 0;

  double score(std::span<const float> row) const;
};

/// A linear support vector machine by LIBLINEAR (Fan et al., "LIBLINEAR: a library for large linear
/// classification", 2008): its primal solver of the squared hinge loss, a trust region Newton method,
/// which draws nothing at random. `rows` are `columns` long. REQUIRES: as many signs as rows, rows of
/// either sign, finite numbers.
LinearSvm fit_svm(std::span<const float> rows, std::int64_t columns, std::span<const char> positive,
                  const SvmOptions& options = {});

/// Ridge regression: sums of rows are gathered, then (X'X + lambda) w = X'y is solved with a bias
/// that is no part of the penalty.
class Ridge {
 public:
  Ridge(std::int64_t columns, std::int64_t targets);
  ~Ridge();
  Ridge(Ridge&& other) noexcept;
  Ridge& operator=(Ridge&& other) noexcept;

  void add(std::span<const float> row, std::span<const double> target);
  std::int64_t rows() const;
  /// Of each target the weights and, behind them, the bias; zeros where there is no row.
  std::vector<std::vector<double>> solve(double lambda) const;

 private:
  struct Sums;
  std::unique_ptr<Sums> sums_;
};

}  // namespace striate
