#include "striate/boxes/anchors.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "striate/base/error.h"
#include "striate/base/random.h"

namespace striate {
namespace {

std::size_t nearest_of(const BoxSize& box, std::span<const BoxSize> anchors) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < anchors.size(); ++i) {
    if (iou(box, anchors[i]) > iou(box, anchors[best])) best = i;
  }
  return best;
}

// k-means++: each further centre is a box drawn by the square of its distance to the nearest one.
std::vector<BoxSize> beginning(std::span<const BoxSize> boxes, std::int64_t count, Random& random) {
  std::vector<BoxSize> centres{boxes[random.below(static_cast<std::uint32_t>(boxes.size()))]};
  while (static_cast<std::int64_t>(centres.size()) < count) {
    std::vector<double> sums;
    double sum = 0;
    for (const BoxSize& box : boxes) {
      const double distance = 1 - iou(box, centres[nearest_of(box, centres)]);
      sums.push_back(sum += distance * distance);
    }
    if (!(sum > 1e-12)) break;
    const auto drawn = std::upper_bound(sums.begin(), sums.end() - 1, random.uniform() * sum);
    centres.push_back(boxes[static_cast<std::size_t>(drawn - sums.begin())]);
  }
  return centres;
}

std::vector<BoxSize> settled(std::span<const BoxSize> boxes, std::vector<BoxSize> centres) {
  constexpr int kRounds = 300;
  std::vector<std::size_t> before;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<std::size_t> nearest;
    for (const BoxSize& box : boxes) nearest.push_back(nearest_of(box, centres));
    if (nearest == before) break;
    std::vector<BoxSize> sums(centres.size());
    std::vector<double> counts(centres.size());
    for (std::size_t i = 0; i < boxes.size(); ++i) {
      sums[nearest[i]].width += boxes[i].width;
      sums[nearest[i]].height += boxes[i].height;
      counts[nearest[i]] += 1;
    }
    for (std::size_t c = 0; c < centres.size(); ++c) {
      if (counts[c] > 0) centres[c] = {sums[c].width / counts[c], sums[c].height / counts[c]};
    }
    before = std::move(nearest);
  }
  return centres;
}

}  // namespace

double iou(const BoxSize& a, const BoxSize& b) {
  const double both = std::min(a.width, b.width) * std::min(a.height, b.height);
  const double all = a.width * a.height + b.width * b.height - both;
  return all > 0 ? both / all : 0;
}

std::vector<BoxSize> paper_anchors() {
  std::vector<BoxSize> anchors;
  for (const double side : {128.0, 256.0, 512.0}) {
    for (const double ratio : {0.5, 1.0, 2.0}) {
      anchors.push_back({side / std::sqrt(ratio), side * std::sqrt(ratio)});
    }
  }
  return anchors;
}

std::vector<BoxSize> parse_anchors(std::string_view text) {
  constexpr std::size_t kMost = 64;
  std::vector<BoxSize> anchors;
  const std::string_view whole = text;
  const auto side = [&](std::string_view word) {
    double value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc() || end != word.data() + word.size() || !(value > 0 && value < 1e6)) {
      fail<InputError>("anchors {}: expected widths and heights in pixels as in 32x32,64x128",
                       whole);
    }
    return value;
  };
  for (bool more = true; more;) {
    const std::string_view part = text.substr(0, text.find(','));
    more = part.size() < text.size();
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    const std::size_t cross = std::min(part.find('x'), part.size());
    anchors.push_back(
        {side(part.substr(0, cross)), side(part.substr(std::min(cross + 1, part.size())))});
  }
  if (anchors.size() > kMost) {
    fail<InputError>("anchors: expected 1 to {}, got {}", kMost, anchors.size());
  }
  return anchors;
}

std::string format_anchors(std::span<const BoxSize> anchors) {
  std::string text;
  for (const BoxSize& one : anchors) {
    text += fmt::format("{}{}x{}", text.empty() ? "" : ",", one.width, one.height);
  }
  return text;
}

std::vector<BoxSize> fit_anchors(std::span<const BoxSize> boxes, std::int64_t count,
                                 std::uint64_t seed) {
  constexpr std::uint64_t kBeginnings = 10;
  std::vector<BoxSize> sound;
  for (const BoxSize& box : boxes) {
    if (box.width > 0 && box.height > 0 && std::isfinite(box.width * box.height)) {
      sound.push_back(box);
    }
  }
  if (sound.empty() || count <= 0) return {};
  std::vector<BoxSize> best;
  for (std::uint64_t start = 0; start < kBeginnings; ++start) {
    Random random({.seed = seed, .purpose = purpose_of("anchors")}, start);
    std::vector<BoxSize> centres = settled(sound, beginning(sound, count, random));
    if (best.empty() || mean_best_iou(sound, centres) > mean_best_iou(sound, best)) {
      best = std::move(centres);
    }
  }
  std::stable_sort(best.begin(), best.end(), [](const BoxSize& a, const BoxSize& b) {
    return a.width * a.height < b.width * b.height;
  });
  return best;
}

double mean_best_iou(std::span<const BoxSize> boxes, std::span<const BoxSize> anchors) {
  if (boxes.empty() || anchors.empty()) return 0;
  double sum = 0;
  for (const BoxSize& box : boxes) sum += iou(box, anchors[nearest_of(box, anchors)]);
  return sum / static_cast<double>(boxes.size());
}

std::vector<Box> lay_anchors(std::span<const BoxSize> anchors, std::int64_t rows,
                             std::int64_t columns, double stride) {
  std::vector<Box> boxes;
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t column = 0; column < columns; ++column) {
      const double x = (static_cast<double>(column) + 0.5) * stride;
      const double y = (static_cast<double>(row) + 0.5) * stride;
      for (const BoxSize& one : anchors) {
        boxes.push_back(
            {x - one.width / 2, y - one.height / 2, x + one.width / 2, y + one.height / 2});
      }
    }
  }
  return boxes;
}

}  // namespace striate
