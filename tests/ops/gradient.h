#pragma once

// What every operator owes, checked on one case in a few lines:
//
//     check_operator({.op = "Conv", .attributes = {…}, .inputs = {random({2, 3, 5, 5}), …}});

#include <cmath>
#include <string>
#include <vector>

#include "ops/execution.h"

namespace striate::testing {

using Numbers = std::vector<double>;

inline double largest(const Numbers& numbers) {
  double result = 0;
  for (const double v : numbers) result = std::max(result, std::abs(v));
  return result;
}

/// |got - expected| <= bound * (|largest expected| + floor), element by element; NaN fails.
inline void expect_close(const Numbers& got, const Numbers& expected, double bound,
                         const std::string& what, double floor = 0) {
  ASSERT_EQ(got.size(), expected.size()) << what;
  const double limit = bound * (largest(expected) + floor);
  for (std::size_t i = 0; i < got.size(); ++i) {
    ASSERT_TRUE(std::abs(got[i] - expected[i]) <= limit)
        << what << ", element " << i << ": got " << got[i] << ", expected " << expected[i]
        << " within " << limit;
  }
}

inline Numbers draw_numbers(std::int64_t count, std::uint64_t stream) {
  Random draws({.seed = 2, .purpose = purpose_of("projection")}, stream);
  Numbers result;
  for (std::int64_t i = 0; i < count; ++i) {
    result.push_back(static_cast<double>(static_cast<float>(draws.uniform(-1, 1))));
  }
  return result;
}

inline double project(const Execution& run, const std::vector<Numbers>& projections) {
  double sum = 0;
  for (std::size_t k = 0; k < projections.size(); ++k) {
    if (projections[k].empty()) continue;
    const Numbers output = run.output(k);
    for (std::size_t i = 0; i < output.size(); ++i) sum += output[i] * projections[k][i];
  }
  return sum;
}

/// The gradient of the projection in input `i` by central differences.
inline Numbers finite_differences(const OperatorCase& test, const std::vector<Tensor>& values,
                                  std::size_t i, const std::vector<Numbers>& projections) {
  constexpr double kStep = 1e-5;
  Numbers slopes;
  for (std::int64_t element = 0; element < values[i].elements(); ++element) {
    const auto moved = [&](double by) {
      std::vector<Tensor> changed = values;
      changed[i] = values[i].clone();
      changed[i].data<double>()[element] += by;
      Execution run(test, changed, reference_device(), DType::f64, {});
      run.forward(false);
      return project(run, projections);
    };
    slopes.push_back((moved(kStep) - moved(-kStep)) / (2 * kStep));
  }
  return slopes;
}

/// Results of one device and arrangement against those of the reference.
inline void expect_same_results(const OperatorCase& test, const std::vector<Tensor>& values,
                                const Device& device, DType real, const Arrangement& arrangement,
                                const std::vector<Numbers>& outputs,
                                const std::vector<Numbers>& projections,
                                const std::vector<Numbers>& gradients, double bound) {
  SCOPED_TRACE(fmt::format("{} {}, layout {} and {}, gap {}", device.name(), name_of(real),
                           static_cast<int>(arrangement.first),
                           static_cast<int>(arrangement.others), arrangement.gap));
  Execution run(test, values, device, real, arrangement);
  run.forward(true);
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    expect_close(run.output(k), outputs[k], bound, fmt::format("output {}", k));
  }
  if (run.can_run_in_place(run.traits().in_place)) {
    Execution over(test, values, device, real, arrangement);
    over.forward(true, true);
    EXPECT_EQ(over.output(0), run.output(0)) << "in place";
  }
  if (test.differentiable.empty()) return;

  const std::vector<Numbers> got = run.backward(projections, {});
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (!run.wants_gradient(i)) continue;
    expect_close(got[i], gradients[i], bound, fmt::format("gradient of input {}", i),
                 largest(gradients[i]) == 0 ? 1 : 0);
  }
  if (run.can_run_in_place(run.traits().gradient_in_place)) {
    EXPECT_EQ(run.backward(projections, {.in_place = true}), got) << "gradient in place";
  }
}

/// Runs a case on the reference device in float64 and compares every differentiable input's
/// gradient with finite differences; then again with gradients one by one, accumulating, in place,
/// without saved tensors, in every layout the traits allow, and on the cpu device.
inline void check_operator(const OperatorCase& test) {
  SCOPED_TRACE(test.op);
  const Device& reference = reference_device();
  const std::vector<Tensor> values = draw_inputs(test);
  Execution run(test, values, reference, DType::f64, {});
  run.forward(true);
  std::vector<Numbers> outputs;
  for (std::size_t k = 0; k < test.outputs; ++k) outputs.push_back(run.output(k));

  Execution unsaved(test, values, reference, DType::f64, {});
  unsaved.forward(false);
  for (std::size_t k = 0; k < test.outputs; ++k) {
    EXPECT_EQ(unsaved.output(k), outputs[k]) << "output " << k << " without saved tensors";
  }

  std::vector<Numbers> projections(test.outputs);
  for (const std::size_t k : test.differentiable) {
    projections[k] = draw_numbers(static_cast<std::int64_t>(outputs[k].size()), k);
  }
  std::vector<Numbers> gradients(values.size());
  if (!test.differentiable.empty()) {
    gradients = run.backward(projections, {});
    std::vector<Numbers> prefilled(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!run.wants_gradient(i)) continue;
      const std::string what = fmt::format("gradient of input {}", i);
      const Numbers slopes = finite_differences(test, values, i, projections);
      expect_close(gradients[i], slopes, 1e-7, what + " against finite differences", 1);
      EXPECT_EQ(run.backward(projections, {.only = i})[i], gradients[i]) << what << " alone";
      prefilled[i] = draw_numbers(static_cast<std::int64_t>(gradients[i].size()), 100 + i);
    }
    const std::vector<Numbers> added = run.backward(projections, {.prefilled = &prefilled});
    for (std::size_t i = 0; i < values.size(); ++i) {
      Numbers expected = gradients[i];
      for (std::size_t e = 0; e < expected.size(); ++e) expected[e] += prefilled[i][e];
      expect_close(added[i], expected, 1e-12, fmt::format("gradient of input {}, added", i), 1);
    }
  }

  constexpr Layout kRows = Layout::row_major;
  constexpr Layout kLast = Layout::channels_last;
  const std::vector<Arrangement> arrangements = {{kRows, kRows, 0},
                                                 {kLast, kLast, 0},
                                                 {kLast, kLast, 3},
                                                 {kLast, kRows, 1},
                                                 {kRows, kLast, 1}};
  for (const Arrangement& arrangement : arrangements) {
    const auto expect_same = [&](const Device& device, DType real, double bound) {
      expect_same_results(test, values, device, real, arrangement, outputs, projections, gradients,
                          bound);
    };
    expect_same(reference, DType::f64, 1e-12);
    expect_same(cpu_device(), DType::f32, test.bound);
  }
}

}  // namespace striate::testing
