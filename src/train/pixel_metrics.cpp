#include "striate/train/pixel_metrics.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "striate/base/error.h"

namespace striate {
namespace {

constexpr std::size_t kValues = 256;
constexpr std::uint8_t kVoidLabel = 255;

double share(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? std::numeric_limits<double>::quiet_NaN()
                    : static_cast<double>(part) / static_cast<double>(whole);
}

// The mean of what is a number; 0 of none.
template <class Score>
double mean_of(std::int64_t classes, Score score) {
  double sum = 0;
  std::int64_t count = 0;
  for (std::int64_t c = 0; c < classes; ++c) {
    const double value = score(c);
    if (std::isnan(value)) continue;
    sum += value;
    ++count;
  }
  return count == 0 ? 0.0 : sum / static_cast<double>(count);
}

// How often each pair of bytes stands at one place: truth * 256 + predicted.
std::vector<std::int64_t> count_pairs(std::span<const std::uint8_t> predicted,
                                      std::span<const std::uint8_t> truth) {
  std::vector<std::int64_t> pairs(kValues * kValues);
  const std::uint8_t* p = predicted.data();
  const std::uint8_t* t = truth.data();
  const auto at = [&](std::size_t i) -> std::int64_t& { return pairs[t[i] * kValues + p[i]]; };
  constexpr std::size_t kWord = 8;
  std::size_t i = 0;
  for (; i + kWord <= truth.size(); i += kWord) {
    std::uint64_t eight_p = 0;
    std::uint64_t eight_t = 0;
    std::memcpy(&eight_p, p + i, kWord);
    std::memcpy(&eight_t, t + i, kWord);
    // Masks are made of areas: eight pixels are mostly alike.
    constexpr std::uint64_t kOnes = 0x0101010101010101;
    if (eight_p == p[i] * kOnes && eight_t == t[i] * kOnes) {
      at(i) += kWord;
      continue;
    }
    for (std::size_t k = i; k < i + kWord; ++k) ++at(k);
  }
  for (; i < truth.size(); ++i) ++at(i);
  return pairs;
}

}  // namespace

PixelMetrics::PixelMetrics(std::int64_t classes)
    : classes_(classes), confusion_(static_cast<std::size_t>(classes * classes)) {
  invariant(classes > 0 && classes < kVoidLabel + 1, "pixel metrics of 1 to 255 classes");
}

void PixelMetrics::add(std::span<const std::uint8_t> predicted,
                       std::span<const std::uint8_t> truth) {
  invariant(predicted.size() == truth.size(), "pixel metrics: masks of one size");
  const std::vector<std::int64_t> pairs = count_pairs(predicted, truth);
  const auto classes = static_cast<std::size_t>(classes_);
  for (std::size_t t = 0; t < kValues; ++t) {
    for (std::size_t p = 0; p < kValues; ++p) {
      if (pairs[t * kValues + p] == 0) continue;
      const bool known = t < classes || t == kVoidLabel;
      if (!known || (p >= classes && t != kVoidLabel)) {
        fail<InputError>("label {} is none of the {} classes, 0 to {}", known ? p : t, classes_,
                         classes_ - 1);
      }
    }
  }
  std::int64_t nowhere = 0;
  for (std::size_t p = 0; p < kValues; ++p) nowhere += pairs[kVoidLabel * kValues + p];
  for (std::size_t t = 0; t < classes; ++t) {
    for (std::size_t p = 0; p < classes; ++p) confusion_[t * classes + p] += pairs[t * kValues + p];
  }
  ++masks_;
  void_pixels_ += nowhere;
  if (nowhere == static_cast<std::int64_t>(truth.size())) ++all_void_;
}

std::int64_t PixelMetrics::pixels() const {
  std::int64_t sum = 0;
  for (const std::int64_t count : confusion_) sum += count;
  return sum;
}

std::int64_t PixelMetrics::confusion(std::int64_t truth, std::int64_t predicted) const {
  invariant(truth >= 0 && truth < classes_ && predicted >= 0 && predicted < classes_,
            "confusion: no such class");
  return confusion_[static_cast<std::size_t>(truth * classes_ + predicted)];
}

std::int64_t PixelMetrics::of_class(std::int64_t label) const {
  std::int64_t sum = 0;
  for (std::int64_t p = 0; p < classes_; ++p) sum += confusion(label, p);
  return sum;
}

std::int64_t PixelMetrics::taken_for(std::int64_t label) const {
  std::int64_t sum = 0;
  for (std::int64_t t = 0; t < classes_; ++t) sum += confusion(t, label);
  return sum;
}

double PixelMetrics::accuracy(std::int64_t label) const {
  return share(confusion(label, label), of_class(label));
}

double PixelMetrics::iou(std::int64_t label) const {
  const std::int64_t right = confusion(label, label);
  return share(right, of_class(label) + taken_for(label) - right);
}

double PixelMetrics::pixel_accuracy() const {
  std::int64_t right = 0;
  for (std::int64_t c = 0; c < classes_; ++c) right += confusion(c, c);
  return pixels() == 0 ? 0.0 : share(right, pixels());
}

double PixelMetrics::mean_accuracy() const {
  return mean_of(classes_, [&](std::int64_t c) { return accuracy(c); });
}

double PixelMetrics::mean_iou() const {
  return mean_of(classes_, [&](std::int64_t c) { return iou(c); });
}

double PixelMetrics::frequency_weighted_iou() const {
  if (pixels() == 0) return 0.0;
  double sum = 0;
  for (std::int64_t c = 0; c < classes_; ++c) {
    if (of_class(c) > 0) sum += static_cast<double>(of_class(c)) * iou(c);
  }
  return sum / static_cast<double>(pixels());
}

}  // namespace striate
