#include "striate/train/metrics.h"

#include <algorithm>
#include <cmath>

namespace striate {
namespace {

double share(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

ClassMetrics::ClassMetrics(std::int64_t classes)
    : classes_(classes),
      confusion_(static_cast<std::size_t>(classes * classes)),
      of_class_(static_cast<std::size_t>(classes)) {
  invariant(classes > 0, "metrics of no classes");
}

template <class T>
void ClassMetrics::add_row(const T* logits, std::int64_t label) {
  ++count_;
  ++of_class_[static_cast<std::size_t>(label)];
  const std::span<const T> row(logits, static_cast<std::size_t>(classes_));
  if (std::any_of(row.begin(), row.end(), [](T v) { return std::isnan(v); })) {
    ++undefined_;
    loss_ += std::nan("");
    return;
  }
  const T own = logits[label];
  std::int64_t before = 0;
  for (std::int64_t k = 0; k < classes_; ++k) {
    if (logits[k] > own || (logits[k] == own && k < label)) ++before;
  }
  if (before < 1) ++top1_;
  if (before < 5) ++top5_;
  const auto best = std::max_element(row.begin(), row.end());  // the first of equals
  ++confusion_[static_cast<std::size_t>(label * classes_ + (best - row.begin()))];
  double sum = 0;
  for (const T v : row) sum += std::exp(static_cast<double>(v) - static_cast<double>(*best));
  loss_ += std::log(sum) - (static_cast<double>(own) - static_cast<double>(*best));
}

void ClassMetrics::add(const Tensor& logits, std::span<const std::int64_t> labels) {
  const auto rows = static_cast<std::int64_t>(labels.size());
  if (!(logits.shape() == Shape{rows, classes_}) || !is_float(logits.dtype())) {
    fail<ModelError>("logits of {} samples: expected float {}x{}, got {} {}", rows, rows, classes_,
                     name_of(logits.dtype()), logits.shape().str());
  }
  for (const std::int64_t label : labels) {
    if (label < 0 || label >= classes_) {
      fail<InputError>("label {} is none of the {} classes, 0 to {}", label, classes_,
                       classes_ - 1);
    }
  }
  for (std::int64_t i = 0; i < rows; ++i) {
    const std::int64_t label = labels[static_cast<std::size_t>(i)];
    if (logits.dtype() == DType::f32) {
      add_row(logits.data<float>() + i * classes_, label);
    } else {
      add_row(logits.data<double>() + i * classes_, label);
    }
  }
}

double ClassMetrics::top1() const { return share(top1_, count_); }
double ClassMetrics::top5() const { return share(top5_, count_); }
double ClassMetrics::loss() const {
  return count_ == 0 ? 0.0 : loss_ / static_cast<double>(count_);
}

std::int64_t ClassMetrics::confusion(std::int64_t truth, std::int64_t predicted) const {
  invariant(truth >= 0 && truth < classes_ && predicted >= 0 && predicted < classes_,
            "confusion: no such class");
  return confusion_[static_cast<std::size_t>(truth * classes_ + predicted)];
}

double ClassMetrics::precision(std::int64_t label) const {
  std::int64_t taken = 0;
  for (std::int64_t truth = 0; truth < classes_; ++truth) taken += confusion(truth, label);
  return share(confusion(label, label), taken);
}

double ClassMetrics::recall(std::int64_t label) const {
  return share(confusion(label, label), of_class_.at(static_cast<std::size_t>(label)));
}

}  // namespace striate
