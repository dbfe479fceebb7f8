#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace striate {

/// How well every pixel's class is found, gathered mask by mask over all pixels (not averaged over
/// pictures). With n(t,p) pixels of class t taken for p, t(i) pixels of class i (Long, Shelhamer,
/// Darrell, arXiv:1411.4038, section 5):
///
///   pixel accuracy          sum n(i,i) / sum t(i)
///   mean accuracy           mean of n(i,i) / t(i)
///   mean IoU                mean of n(i,i) / (t(i) + sum over j of n(j,i) - n(i,i))
///   frequency-weighted IoU  sum of t(i) IoU(i) / sum t(i)
///
/// Pixels whose truth is void are not counted. Means are over the classes that have the number: an
/// accuracy needs a pixel of the class, an IoU one that is of it or taken for it.
class PixelMetrics {
 public:
  /// REQUIRES: 1 to 255 classes.
  explicit PixelMetrics(std::int64_t classes);

  /// Masks of one size: classes, and 255 for void in the truth. Throws InputError where one holds
  /// anything else. REQUIRES: as many pixels in both.
  void add(std::span<const std::uint8_t> predicted, std::span<const std::uint8_t> truth);

  std::int64_t classes() const { return classes_; }
  std::int64_t masks() const { return masks_; }
  std::int64_t all_void() const { return all_void_; }  ///< masks without a single class
  std::int64_t pixels() const;                         ///< that were counted
  std::int64_t void_pixels() const { return void_pixels_; }
  std::int64_t confusion(std::int64_t truth, std::int64_t predicted) const;

  /// 0 where nothing was counted.
  double pixel_accuracy() const;
  double mean_accuracy() const;
  double mean_iou() const;
  double frequency_weighted_iou() const;
  /// NaN for a class that has none.
  double accuracy(std::int64_t label) const;
  double iou(std::int64_t label) const;

 private:
  std::int64_t of_class(std::int64_t label) const;
  std::int64_t taken_for(std::int64_t label) const;

  std::int64_t classes_;
  std::int64_t masks_ = 0, all_void_ = 0, void_pixels_ = 0;
  std::vector<std::int64_t> confusion_;  // truth by predicted
};

}  // namespace striate
