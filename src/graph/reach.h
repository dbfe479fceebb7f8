#pragma once

#include <cstdint>
#include <vector>

#include "striate/graph/summary.h"
#include "striate/ops/operator.h"

namespace striate {

/// What the pixels of a value see of the network's input, as if maps had no borders, along one
/// axis: pixel i + period sees `advance` input pixels further on than pixel i. Upsampling makes the
/// period longer than 1.
class ReachAxis {
 public:
  /// From the first input pixel to the last; empty where first > last.
  struct Range {
    std::int64_t first = 0, last = 0;
    bool empty() const { return first > last; }
  };

  std::int64_t period() const { return static_cast<std::int64_t>(phases_.size()); }
  std::int64_t advance() const { return advance_; }
  Range at(std::int64_t pixel) const;

  /// Through a window, and together with a branch that it meets. False where that follows no
  /// period, or none that is short enough to keep.
  bool pass(Window::Kind kind, const Window::Axis& window);
  bool join(const ReachAxis& other);

  ReceptiveField::Axis field() const;

 private:
  bool see(const std::vector<std::int64_t>& taps, std::int64_t pixel, Range& range) const;
  bool replace(std::vector<Range> phases, std::int64_t advance);

  std::vector<Range> phases_{Range{}};
  std::int64_t advance_ = 1;
};

/// The same along both axes.
struct Reach {
  ReceptiveField::Kind kind = ReceptiveField::Kind::window;
  ReachAxis h, w;

  void pass(const Window& window);
  void join(const Reach& other);
  ReceptiveField field() const;
};

}  // namespace striate
