#pragma once

#include <string>
#include <vector>

namespace striate::draw {

struct Tick {
  double value = 0;
  std::string label;
  bool operator==(const Tick&) const = default;
};

/// Multiples of 1, 2 or 5 times a power of ten within [low, high]: as many as come near to `about`
/// without being more than it. `whole` keeps to whole numbers. REQUIRES low < high, both smaller
/// than 1e301 in size and apart by more than 1e-9 of it and 1e-291; about >= 2.
std::vector<Tick> linear_ticks(double low, double high, int about, bool whole = false);

/// Powers of ten within [low, high], thinned out to at most `about`; also their multiples by 2 and
/// 5 where there are too few powers, and linear ticks where even these are fewer than two. REQUIRES
/// 0 < low < high as above.
std::vector<Tick> log_ticks(double low, double high, int about);

}  // namespace striate::draw
