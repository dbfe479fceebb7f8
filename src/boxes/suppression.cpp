#include "striate/boxes/suppression.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "striate/base/error.h"

namespace striate {
namespace {

constexpr std::int64_t kNone = -1;

bool has_area(const Box& box) {
  return std::isfinite(box.width()) && std::isfinite(box.height()) && box.width() > 0 &&
         box.height() > 0;
}

double centre_x(const Box& box) { return box.x1 + box.width() / 2; }
double centre_y(const Box& box) { return box.y1 + box.height() / 2; }

// Sides between 2^level and 2^(level + 1).
int level_of(const Box& box) { return std::ilogb(std::max(box.width(), box.height())); }

// Where the centres of kept boxes of one level lie: a square grid whose cells are lists.
class Grid {
 public:
  void expect(const Box& box) {
    left_ = std::min(left_, centre_x(box));
    right_ = std::max(right_, centre_x(box));
    top_ = std::min(top_, centre_y(box));
    bottom_ = std::max(bottom_, centre_y(box));
    ++count_;
  }

  // No more cells than boxes, and none smaller than they are.
  void lay_out(int level) {
    largest_ = std::ldexp(2.0, level);
    const double side = std::max(right_ - left_, bottom_ - top_);
    const double most = std::ceil(std::sqrt(static_cast<double>(count_)));
    cells_ = static_cast<std::int64_t>(std::clamp(side / largest_ * 2, 1.0, most));
    size_ = std::max(side / static_cast<double>(cells_), 1e-300);
    heads_.assign(static_cast<std::size_t>(cells_ * cells_), kNone);
  }

  double largest() const { return largest_; }

  void insert(const Box& box, std::int64_t index, std::vector<std::int64_t>& next) {
    const std::int64_t cell = cell_of(centre_y(box), top_) * cells_ + cell_of(centre_x(box), left_);
    std::int64_t& head = heads_[static_cast<std::size_t>(cell)];
    next[static_cast<std::size_t>(index)] = head;
    head = index;
  }

  // Whether `test` holds for one whose centre may be as near as (reach_x, reach_y).
  template <class Test>
  bool any(const Box& box, double reach_x, double reach_y, const std::vector<std::int64_t>& next,
           const Test& test) const {
    const double x = centre_x(box);
    const double y = centre_y(box);
    const std::int64_t first = cell_of(x - reach_x, left_);
    const std::int64_t last = cell_of(x + reach_x, left_);
    const std::int64_t end = cell_of(y + reach_y, top_);
    for (std::int64_t row = cell_of(y - reach_y, top_); row <= end; ++row) {
      for (std::int64_t column = first; column <= last; ++column) {
        std::int64_t at = heads_[static_cast<std::size_t>(row * cells_ + column)];
        for (; at != kNone; at = next[static_cast<std::size_t>(at)]) {
          if (test(at)) return true;
        }
      }
    }
    return false;
  }

 private:
  std::int64_t cell_of(double place, double begin) const {
    const double cell = std::floor((place - begin) / size_);
    return static_cast<std::int64_t>(std::clamp(cell, 0.0, static_cast<double>(cells_ - 1)));
  }

  double left_ = HUGE_VAL, right_ = -HUGE_VAL, top_ = HUGE_VAL, bottom_ = -HUGE_VAL;
  double size_ = 1, largest_ = 0;
  std::int64_t count_ = 0, cells_ = 1;
  std::vector<std::int64_t> heads_;
};

double rank(double score) { return std::isnan(score) ? -HUGE_VAL : score; }

// How far apart the centres of intervals may lie, of which one is `size` long and the other at most
// `largest`, when both share `overlap` of the longer one, as boxes do whose IoU is that: half the sum
// of the lengths less that share.
double reach_of(double size, double largest, double overlap) {
  const double longest = overlap > 0 ? std::min(largest, size / overlap) : largest;
  const double same = size * (1 - overlap);
  const double other = (size + longest) / 2 - overlap * std::max(size, longest);
  // Rounding must not lose a neighbour.
  return std::max({same, other, 0.0}) * (1 + 1e-9) + 1e-9 * size;
}

std::map<std::int64_t, std::vector<std::int64_t>> by_class(std::span<const Detection> detections) {
  std::map<std::int64_t, std::vector<std::int64_t>> classes;
  for (std::size_t i = 0; i < detections.size(); ++i) {
    classes[detections[i].label].push_back(static_cast<std::int64_t>(i));
  }
  return classes;
}

std::vector<Detection> best_first(std::vector<Detection> kept, std::int64_t most) {
  std::stable_sort(kept.begin(), kept.end(), [](const Detection& a, const Detection& b) {
    return rank(a.score) > rank(b.score);
  });
  if (most >= 0 && static_cast<std::int64_t>(kept.size()) > most) {
    kept.resize(static_cast<std::size_t>(most));
  }
  return kept;
}

}  // namespace

std::vector<std::int64_t> suppress(std::span<const Box> boxes, std::span<const double> scores,
                                   double overlap) {
  invariant(boxes.size() == scores.size(), "suppress: boxes and scores differ in number");
  std::vector<std::int64_t> order(boxes.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    return rank(scores[static_cast<std::size_t>(a)]) > rank(scores[static_cast<std::size_t>(b)]);
  });
  std::map<int, Grid> grids;
  for (const Box& box : boxes) {
    if (has_area(box)) grids[level_of(box)].expect(box);
  }
  for (auto& [level, grid] : grids) grid.lay_out(level);

  std::vector<std::int64_t> next(boxes.size(), kNone);
  std::vector<std::int64_t> kept;
  for (const std::int64_t index : order) {
    const Box& box = boxes[static_cast<std::size_t>(index)];
    if (!has_area(box)) {
      kept.push_back(index);
      continue;
    }
    const auto covers = [&](std::int64_t other) {
      return iou(box, boxes[static_cast<std::size_t>(other)]) > overlap;
    };
    const double longer = std::max(box.width(), box.height());
    bool covered = false;
    for (const auto& [level, grid] : grids) {
      // The longer sides of two boxes have at most that ratio.
      const double smallest = grid.largest() / 2;
      if (overlap > 0 && (smallest * overlap > longer || grid.largest() < longer * overlap)) {
        continue;
      }
      if (grid.any(box, reach_of(box.width(), grid.largest(), std::max(overlap, 0.0)),
                   reach_of(box.height(), grid.largest(), std::max(overlap, 0.0)), next, covers)) {
        covered = true;
        break;
      }
    }
    if (covered) continue;
    kept.push_back(index);
    grids.at(level_of(box)).insert(box, index, next);
  }
  return kept;
}

std::vector<Detection> suppress(std::span<const Detection> detections, double overlap,
                                std::int64_t most) {
  std::vector<Detection> kept;
  for (const auto& [label, members] : by_class(detections)) {
    std::vector<Box> boxes;
    std::vector<double> scores;
    for (const std::int64_t i : members) {
      boxes.push_back(detections[static_cast<std::size_t>(i)].box);
      scores.push_back(detections[static_cast<std::size_t>(i)].score);
    }
    for (const std::int64_t i : suppress(boxes, scores, overlap)) {
      kept.push_back(detections[static_cast<std::size_t>(members[static_cast<std::size_t>(i)])]);
    }
  }
  return best_first(std::move(kept), most);
}

std::vector<Detection> soft_suppress(std::span<const Detection> detections,
                                     const SoftSuppression& how, std::int64_t most) {
  std::vector<Detection> kept;
  for (const auto& [label, members] : by_class(detections)) {
    std::vector<Detection> open;
    for (const std::int64_t i : members) open.push_back(detections[static_cast<std::size_t>(i)]);
    while (!open.empty()) {
      const auto best = std::max_element(
          open.begin(), open.end(),
          [](const Detection& a, const Detection& b) { return rank(a.score) < rank(b.score); });
      if (!(best->score >= how.least)) break;
      const Detection chosen = *best;
      kept.push_back(chosen);
      open.erase(best);
      for (Detection& other : open) {
        const double shared = iou(chosen.box, other.box);
        if (how.sigma > 0) {
          other.score *= std::exp(-shared * shared / how.sigma);
        } else if (shared > how.overlap) {
          other.score *= 1 - shared;
        }
      }
      std::erase_if(open, [&](const Detection& other) { return !(other.score >= how.least); });
    }
  }
  return best_first(std::move(kept), most);
}

}  // namespace striate
