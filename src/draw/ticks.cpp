#include "striate/draw/ticks.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace striate::draw {
namespace {

// mantissa · 10^exponent, kept apart so that 3 · 10⁻¹ comes out as 0.3 and not 0.30000000000000004.
struct Step {
  int mantissa;
  int exponent;

  double times(double count) const {
    const double whole = count * mantissa;
    return exponent < 0 ? whole / std::pow(10.0, -exponent) : whole * std::pow(10.0, exponent);
  }
  double size() const { return times(1); }
  Step next() const {
    if (mantissa == 5) return {1, exponent + 1};
    return {mantissa == 1 ? 2 : 5, exponent};
  }
};

struct Range {
  double first;
  double last;
};

// Numbers of the first and last multiple of the step within [low, high], forgiving the rounding of
// a bound that was meant to be one.
Range multiples(const Step& step, double low, double high) {
  constexpr double kForgiven = 1e-9;
  return {std::ceil(low / step.size() - kForgiven), std::floor(high / step.size() + kForgiven)};
}

// 1000000 and beyond, and 0.00001 and below, as 1.5e6 and 2e-5.
std::string scientific(double value, int digits) {
  std::string text = fmt::format("{:.{}e}", value, digits);
  const std::size_t e = text.find('e');
  const int exponent = std::stoi(text.substr(e + 1));
  std::string mantissa = text.substr(0, e);
  if (mantissa.find('.') != std::string::npos) {
    mantissa.erase(mantissa.find_last_not_of('0') + 1);
    if (mantissa.back() == '.') mantissa.pop_back();
  }
  return fmt::format("{}e{}", mantissa, exponent);
}

std::string label(double value, int step_exponent, double largest) {
  if (value == 0) return "0";
  if (largest >= 1e6 || step_exponent < -4) {
    const int exponent = static_cast<int>(std::floor(std::log10(std::abs(value))));
    return scientific(value, std::clamp(exponent - step_exponent, 0, 16));
  }
  return fmt::format("{:.{}f}", value, std::max(0, -step_exponent));
}

Tick power_tick(int mantissa, int exponent) {
  const double value = Step{mantissa, exponent}.size();
  return {value, label(value, exponent, value)};
}

}  // namespace

std::vector<Tick> linear_ticks(double low, double high, int about, bool whole) {
  const double raw = high / about - low / about;  // high - low may overflow
  Step step{1, std::max(-300, static_cast<int>(std::floor(std::log10(raw))) - 1)};
  if (whole) step.exponent = std::max(step.exponent, 0);
  Range range = multiples(step, low, high);
  while (range.last - range.first + 1 > about) {
    step = step.next();
    range = multiples(step, low, high);
  }
  const double largest = std::max(std::abs(low), std::abs(high));
  std::vector<Tick> ticks;
  const int count = static_cast<int>(range.last - range.first) + 1;
  for (int i = 0; i < count; ++i) {
    const double value = step.times(range.first + i) + 0.0;  // not -0
    ticks.push_back({value, label(value, step.exponent, largest)});
  }
  return ticks;
}

std::vector<Tick> log_ticks(double low, double high, int about) {
  const auto within = [&](const Tick& tick) {
    return tick.value >= low * (1 - 1e-9) && tick.value <= high * (1 + 1e-9);
  };
  const int first = static_cast<int>(std::floor(std::log10(low)));
  const int last = static_cast<int>(std::ceil(std::log10(high)));
  std::vector<Tick> powers;
  std::vector<Tick> finer;
  for (int exponent = first; exponent <= last; ++exponent) {
    for (const int mantissa : {1, 2, 5}) {
      const Tick tick = power_tick(mantissa, exponent);
      if (!within(tick)) continue;
      if (mantissa == 1) powers.push_back(tick);
      finer.push_back(tick);
    }
  }
  if (powers.size() >= 3) {
    const std::size_t each = (powers.size() + static_cast<std::size_t>(about) - 1) / about;
    std::vector<Tick> kept;
    for (std::size_t i = 0; i < powers.size(); i += each) kept.push_back(powers[i]);
    return kept;
  }
  if (finer.size() >= 2) return finer;
  return linear_ticks(low, high, about);
}

}  // namespace striate::draw
