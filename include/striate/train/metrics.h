#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "striate/tensor/tensor.h"

namespace striate {

/// How well a classifier does, gathered batch by batch. Of equal logits the lowest class goes
/// first. A sample with a NaN among its logits is never right, counts as `undefined` and stands in
/// no column of the confusion matrix. The numbers depend on the order of the batches alone.
class ClassMetrics {
 public:
  /// REQUIRES: at least one class; labels given to the accessors are of [0, classes).
  explicit ClassMetrics(std::int64_t classes);

  /// Logits [N, classes], float32 or float64, and N labels. Throws InputError for a label outside
  /// the classes and ModelError for logits of another shape.
  void add(const Tensor& logits, std::span<const std::int64_t> labels);

  std::int64_t classes() const { return classes_; }
  std::int64_t count() const { return count_; }
  std::int64_t undefined() const { return undefined_; }
  /// Share of samples whose class has the largest logit, or one of the five largest; 0 of none.
  double top1() const;
  double top5() const;
  /// Mean cross-entropy, -log softmax(logits)[label]; NaN where a sample was undefined; 0 of none.
  double loss() const;
  /// Samples of class `truth` that were taken for class `predicted`.
  std::int64_t confusion(std::int64_t truth, std::int64_t predicted) const;
  /// Right ones among those taken for the class, and among those of the class; 0 of none.
  double precision(std::int64_t label) const;
  double recall(std::int64_t label) const;

 private:
  template <class T>
  void add_row(const T* logits, std::int64_t label);

  std::int64_t classes_;
  std::int64_t count_ = 0, undefined_ = 0, top1_ = 0, top5_ = 0;
  double loss_ = 0;
  std::vector<std::int64_t> confusion_;  // truth by predicted
  std::vector<std::int64_t> of_class_;   // samples of each class
};

}  // namespace striate
