#pragma once

#include <complex>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace striate {

/// What is to come: the expected values and the deviations of their errors, one a step.
struct Forecast {
  std::vector<double> mean;
  std::vector<double> deviation;
};

/// An autoregressive process of order p: x_t = c + phi_1 x_{t-1} + … + phi_p x_{t-p} + e_t with e_t
/// independent of mean 0 and variance s². All in double.
struct Autoregression {
  std::string method;  ///< ols, yule-walker or burg
  double constant = 0;
  std::vector<double> coefficients;  ///< phi_1 … phi_p
  double variance = 0;               ///< s², as the method estimates it
  /// sqrt(sum of squares / (N - p - 1)) of the residuals that the fit leaves on its own values.
  double residual_error = 0;
  std::int64_t observations = 0;  ///< N: what the likelihood counts
  double log_likelihood = 0;      ///< -N/2 (ln(2 pi s²) + 1), conditional and Gaussian
  std::vector<double> residuals;  ///< of steps p+1 … n

  std::int64_t order() const { return static_cast<std::int64_t>(coefficients.size()); }
  /// -2 ln L + 2 k and -2 ln L + k ln N with k = p + 2: coefficients, constant and variance (Akaike
  /// 1974; Schwarz 1978).
  double aic() const;
  double bic() const;
  /// c / (1 - sum of phi); NaN where the sum is 1.
  double mean() const;
  /// Roots of z^p - phi_1 z^(p-1) - … - phi_p, the largest first. The process is stationary where
  /// all lie inside the unit circle.
  std::vector<std::complex<double>> roots() const;
  bool stationary() const;
  /// From the last values on; the deviation of step h is s sqrt(psi_0² + … + psi_{h-1}²), psi the
  /// weights of the process written as a sum of past e (Box and Jenkins, section 5.1.1), the
  /// coefficients taken as known. REQUIRES: as many values as the order.
  Forecast forecast(std::span<const double> past, std::int64_t steps) const;
};

/// Fits an order by
/// - ols: least squares of x_{p+1} … x_n on a constant and the p values before; s² = sum of squares /
///   (n - p), N = n - p;
/// - yule-walker: the autocovariances (divided by n, about the mean) through Levinson's and Durbin's
///   recursion; s² = c_0 - sum of phi_k c_k, N = n;
/// - burg: reflection coefficients that minimize the forward and backward errors together (Burg
///   1967; Brockwell and Davis, section 5.1.2), about the mean; s² = the last mean of the two, N = n.
/// Throws InputError for an unknown method, an order that the series is too short for (ols needs n >
/// 2p + 1, the others n > p), and a series that is constant.
Autoregression fit_autoregression(std::span<const double> values, std::int64_t order,
                                  const std::string& method);

/// A fit's criteria, for one order.
struct OrderScore {
  std::int64_t order = 0;
  double aic = 0, bic = 0;
};

/// Criteria of the orders 0 … most, all about the same values: for ols the likelihood is that of
/// x_{most+1} … x_n at every order. Throws as fit_autoregression does.
std::vector<OrderScore> score_orders(std::span<const double> values, std::int64_t most,
                                     const std::string& method);

/// The order with the least of a criterion ("aic" or "bic"); the smallest of equals.
std::int64_t best_order(std::span<const OrderScore> scores, const std::string& criterion);

/// The largest order that is looked at where none is named: 10 log10(n), but no more than a third of
/// n.
std::int64_t largest_order(std::int64_t n);

}  // namespace striate
