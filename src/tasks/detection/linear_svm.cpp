#include "tasks/detection/linear_svm.h"

#include <Eigen/Dense>
#include <linear.h>

#include "striate/base/error.h"

namespace striate {

double LinearSvm::score(std::span<const float> row) const {
  double sum = bias;
  for (std::size_t i = 0; i < row.size(); ++i) sum += weights[i] * double{row[i]};
  return sum;
}

LinearSvm fit_svm(std::span<const float> rows, std::int64_t columns, std::span<const char> positive,
                  const SvmOptions& options) {
  const auto n = static_cast<std::size_t>(columns);
  invariant(rows.size() == positive.size() * n, "svm: rows and signs differ in number");
  // LIBLINEAR's rows are sparse and end with -1; the constant feature is the last.
  std::vector<feature_node> nodes(positive.size() * (n + 2));
  std::vector<feature_node*> starts;
  std::vector<double> signs;
  for (std::size_t r = 0; r < positive.size(); ++r) {
    feature_node* at = nodes.data() + r * (n + 2);
    starts.push_back(at);
    signs.push_back(positive[r] != 0 ? 1 : -1);
    for (std::size_t i = 0; i < n; ++i) {
      const float value = rows[r * n + i];
      if (value != 0) *at++ = {static_cast<int>(i) + 1, double{value}};
    }
    *at++ = {static_cast<int>(n) + 1, options.bias};
    *at = {-1, 0};
  }
  problem data{};
  data.l = static_cast<int>(positive.size());
  data.n = static_cast<int>(n) + 1;
  data.y = signs.data();
  data.x = starts.data();
  data.bias = options.bias;
  int label = 1;
  double weight = options.positive_weight;
  parameter how{};
  how.solver_type = L2R_L2LOSS_SVC;
  how.eps = options.tolerance;
  how.C = options.cost;
  how.nr_weight = 1;
  how.weight_label = &label;
  how.weight = &weight;
  how.p = 0.1;
  set_print_string_function([](const char*) {});
  if (const char* wrong = check_parameter(&data, &how)) throw BugError(wrong);
  const std::unique_ptr<model, void (*)(model*)> fitted(
      train(&data, &how), [](model* one) { free_and_destroy_model(&one); });
  invariant(fitted->nr_class == 2, "svm: rows of one sign");
  // Weights are for the label that came first.
  const double sign = fitted->label[0] == 1 ? 1 : -1;
  LinearSvm svm{.bias = sign * fitted->w[n] * options.bias};
  for (std::size_t i = 0; i < n; ++i) svm.weights.push_back(sign * fitted->w[i]);
  return svm;
}

struct Ridge::Sums {
  Eigen::MatrixXd products;  // rows and a 1 by themselves
  Eigen::MatrixXd targets;
  std::int64_t rows = 0;
  // Rows that are not in the sums yet: many at once are a matrix product.
  Eigen::MatrixXd waiting, waiting_targets;
  Eigen::Index held = 0;

  void gather() {
    if (held == 0) return;
    const auto some = waiting.leftCols(held);
    products.noalias() += some * some.transpose();
    targets.noalias() += some * waiting_targets.leftCols(held).transpose();
    held = 0;
  }
};

Ridge::Ridge(std::int64_t columns, std::int64_t targets) : sums_(std::make_unique<Sums>()) {
  constexpr Eigen::Index kTogether = 256;
  sums_->products = Eigen::MatrixXd::Zero(columns + 1, columns + 1);
  sums_->targets = Eigen::MatrixXd::Zero(columns + 1, targets);
  sums_->waiting = Eigen::MatrixXd::Zero(columns + 1, kTogether);
  sums_->waiting_targets = Eigen::MatrixXd::Zero(targets, kTogether);
}
Ridge::~Ridge() = default;
Ridge::Ridge(Ridge&& other) noexcept = default;
Ridge& Ridge::operator=(Ridge&& other) noexcept = default;

std::int64_t Ridge::rows() const { return sums_->rows; }

void Ridge::add(std::span<const float> row, std::span<const double> target) {
  Sums& sums = *sums_;
  const Eigen::Index at = sums.held++;
  for (std::size_t i = 0; i < row.size(); ++i) {
    sums.waiting(static_cast<Eigen::Index>(i), at) = double{row[i]};
  }
  sums.waiting(static_cast<Eigen::Index>(row.size()), at) = 1;
  for (std::size_t i = 0; i < target.size(); ++i) {
    sums.waiting_targets(static_cast<Eigen::Index>(i), at) = target[i];
  }
  ++sums.rows;
  if (sums.held == sums.waiting.cols()) sums.gather();
}

std::vector<std::vector<double>> Ridge::solve(double lambda) const {
  sums_->gather();
  const Eigen::Index n = sums_->products.rows();
  const Eigen::Index targets = sums_->targets.cols();
  std::vector<std::vector<double>> found(static_cast<std::size_t>(targets),
                                         std::vector<double>(static_cast<std::size_t>(n)));
  if (sums_->rows == 0) return found;
  Eigen::MatrixXd left = sums_->products;
  left.diagonal().head(n - 1).array() += lambda;
  const Eigen::MatrixXd solved = left.ldlt().solve(sums_->targets);
  for (Eigen::Index t = 0; t < targets; ++t) {
    for (Eigen::Index i = 0; i < n; ++i) {
      found[static_cast<std::size_t>(t)][static_cast<std::size_t>(i)] = solved(i, t);
    }
  }
  return found;
}

}  // namespace striate
