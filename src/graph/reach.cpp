#include "graph/reach.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace striate {
namespace {

// Networks upsample by 32 at most; a file may ask for anything.
constexpr std::int64_t kLongestPeriod = 1024;
constexpr std::int64_t kMostTaps = std::int64_t{1} << 16;
constexpr std::int64_t kFarthest = std::int64_t{1} << 40;

// Rounds down, for positive b.
std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  return a / b - static_cast<std::int64_t>(a % b < 0);
}

void widen(ReachAxis::Range& range, const ReachAxis::Range& more) {
  if (more.empty()) return;
  if (range.empty()) {
    range = more;
    return;
  }
  range = {std::min(range.first, more.first), std::max(range.last, more.last)};
}

constexpr ReachAxis::Range kNothing{.first = 1, .last = 0};

}  // namespace

ReachAxis::Range ReachAxis::at(std::int64_t pixel) const {
  const std::int64_t turns = floor_div(pixel, period());
  const Range& range = phases_[static_cast<std::size_t>(pixel - turns * period())];
  if (range.empty()) return range;
  return {range.first + turns * advance_, range.last + turns * advance_};
}

bool ReachAxis::replace(std::vector<Range> phases, std::int64_t advance) {
  const auto far = [](const Range& r) {
    return !r.empty() && std::max(std::abs(r.first), std::abs(r.last)) > kFarthest;
  };
  if (advance > kFarthest || std::any_of(phases.begin(), phases.end(), far)) return false;
  phases_ = std::move(phases);
  advance_ = advance;
  return true;
}

bool ReachAxis::pass(Window::Kind kind, const Window::Axis& window) {
  const std::int64_t s = window.stride;
  if (s == 1 && window.kernel == 1 && window.pad == 0) return true;
  if (std::max({s, window.extent(), std::abs(window.pad)}) > kFarthest) return false;
  const bool sliding = kind == Window::Kind::sliding;
  const std::int64_t common = std::gcd(s, period());
  const std::int64_t phases = sliding ? period() / common : period() * s;
  const std::int64_t advance = sliding ? s / common * advance_ : advance_;
  if (phases > kLongestPeriod) return false;
  // Where every pixel sees something, later ones later things, the ends of the window decide.
  const bool ends = sliding && period() == 1 && !phases_[0].empty();
  if (!ends && phases * window.kernel > kMostTaps) return false;
  std::vector<Range> result(static_cast<std::size_t>(phases), kNothing);
  for (std::int64_t i = 0; i < phases; ++i) {
    Range& range = result[static_cast<std::size_t>(i)];
    for (std::int64_t t = 0; t < window.kernel; ++t) {
      if (ends && t == 1) t = window.kernel - 1;
      const std::int64_t tap = t * window.dilation;
      if (sliding) {
        widen(range, at(i * s - window.pad + tap));
      } else if ((i + window.pad - tap) % s == 0) {
        widen(range, at((i + window.pad - tap) / s));
      }
    }
  }
  return replace(std::move(result), advance);
}

bool ReachAxis::join(const ReachAxis& other) {
  if (advance_ * other.period() != other.advance_ * period()) return false;
  const std::int64_t phases = std::lcm(period(), other.period());
  if (phases > kLongestPeriod) return false;
  std::vector<Range> result;
  for (std::int64_t i = 0; i < phases; ++i) {
    Range range = at(i);
    widen(range, other.at(i));
    result.push_back(range);
  }
  return replace(std::move(result), phases / period() * advance_);
}

ReceptiveField::Axis ReachAxis::field() const {
  ReceptiveField::Axis field{.size = 0, .period = period()};
  field.stride = static_cast<double>(advance_) / static_cast<double>(period());
  bool first = true;
  for (const Range& range : phases_) {
    if (range.empty()) continue;
    field.size = std::max(field.size, range.last - range.first + 1);
    if (std::exchange(first, false)) field.offset = range.first;
  }
  return field;
}

void Reach::pass(const Window& window) {
  using Kind = ReceptiveField::Kind;
  if (window.kind == Window::Kind::everything) kind = Kind::everything;
  if (kind != Kind::window) return;
  const bool follows = window.kind != Window::Kind::uneven && h.pass(window.kind, window.h) &&
                       w.pass(window.kind, window.w);
  if (!follows) kind = Kind::uneven;
}

void Reach::join(const Reach& other) {
  using Kind = ReceptiveField::Kind;
  if (kind == Kind::everything || other.kind == Kind::everything) {
    kind = Kind::everything;
  } else if (kind == Kind::uneven || other.kind == Kind::uneven || !h.join(other.h) ||
             !w.join(other.w)) {
    kind = Kind::uneven;
  }
}

ReceptiveField Reach::field() const { return {.kind = kind, .h = h.field(), .w = w.field()}; }

}  // namespace striate
