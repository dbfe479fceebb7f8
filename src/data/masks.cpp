#include "striate/data/masks.h"

#include <algorithm>

#include "striate/base/error.h"

namespace striate {

MaskCensus count_masks(const Dataset& dataset, const Threads& threads) {
  invariant(dataset.masked(), "count_masks: a dataset without masks");
  const std::size_t classes = dataset.classes().size();
  const auto count = static_cast<std::size_t>(dataset.size());
  // Of each mask: the pixels of each class, and void ones behind them.
  std::vector<std::vector<std::int64_t>> of(count);
  threads.run(dataset.size(), [&](std::int64_t index) {
    std::vector<std::int64_t> histogram(256);
    for (const std::uint8_t label : dataset.get(index).mask.pixels) ++histogram[label];
    const std::int64_t nowhere = histogram[kVoid];
    histogram.resize(classes);
    histogram.push_back(nowhere);
    of[static_cast<std::size_t>(index)] = std::move(histogram);
  });
  MaskCensus census{.pixels = std::vector<std::int64_t>(classes),
                    .together = std::vector<std::int64_t>(classes)};
  for (std::size_t i = 0; i < count; ++i) {
    std::int64_t labelled = 0;
    for (std::size_t c = 0; c < classes; ++c) labelled += of[i][c];
    census.void_pixels += of[i][classes];
    if (labelled == 0) census.all_void.push_back(static_cast<std::int64_t>(i));
    for (std::size_t c = 0; c < classes; ++c) {
      census.pixels[c] += of[i][c];
      if (of[i][c] > 0) census.together[c] += labelled;
    }
  }
  return census;
}

std::vector<double> median_frequency_weights(const MaskCensus& census) {
  std::vector<double> frequencies;  // of the classes that there are
  const auto frequency = [&](std::size_t c) {
    return static_cast<double>(census.pixels[c]) / static_cast<double>(census.together[c]);
  };
  for (std::size_t c = 0; c < census.pixels.size(); ++c) {
    if (census.pixels[c] > 0) frequencies.push_back(frequency(c));
  }
  std::vector<double> weights(census.pixels.size(), 1.0);
  if (frequencies.empty()) return weights;
  std::sort(frequencies.begin(), frequencies.end());
  const std::size_t half = frequencies.size() / 2;
  const double median = frequencies.size() % 2 == 1
                            ? frequencies[half]
                            : (frequencies[half - 1] + frequencies[half]) / 2;
  for (std::size_t c = 0; c < weights.size(); ++c) {
    if (census.pixels[c] > 0) weights[c] = median / frequency(c);
  }
  return weights;
}

}  // namespace striate
