#include "striate/train/schedule.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numbers>
#include <optional>

#include "striate/base/error.h"
#include "striate/base/suggest.h"

namespace striate {
namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// A factor for the rate: 0 to 1, neither NaN nor infinite.
std::optional<double> fraction(std::string_view text) {
  const std::optional<double> value = number<double>(text);
  return value && *value >= 0 && *value <= 1 ? value : std::nullopt;
}

bool read_milestones(std::string_view text, std::vector<std::int64_t>& milestones) {
  for (const std::string_view part : split(text, ',')) {
    const auto epoch = number<std::int64_t>(part);
    if (!epoch || *epoch <= (milestones.empty() ? 0 : milestones.back())) return false;
    milestones.push_back(*epoch);
  }
  return true;
}

}  // namespace

double Schedule::factor(std::int64_t step, std::int64_t steps_per_epoch,
                        std::int64_t epochs) const {
  const auto at = static_cast<double>(step);
  const double rise = std::round(warmup * static_cast<double>(steps_per_epoch));
  const double ramp = at < rise ? (at + 1) / rise : 1.0;
  const std::int64_t epoch = step / std::max<std::int64_t>(steps_per_epoch, 1);
  switch (kind) {
    case Kind::constant:
      return ramp;
    case Kind::step: {
      const auto falls = std::upper_bound(milestones.begin(), milestones.end(), epoch);
      return ramp * std::pow(gamma, static_cast<double>(falls - milestones.begin()));
    }
    case Kind::every: {
      const std::int64_t falls = epoch / period;
      return ramp * std::pow(gamma, static_cast<double>(falls));
    }
    case Kind::cosine: {
      if (at < rise) return ramp;
      const double length = static_cast<double>(epochs * steps_per_epoch) - rise;
      const double done = length > 0 ? std::min(1.0, (at - rise) / length) : 1.0;
      return minimum + (1 - minimum) * 0.5 * (1 + std::cos(std::numbers::pi * done));
    }
  }
  throw BugError("Schedule::factor: unknown kind");
}

Schedule parse_schedule(std::string_view text, double warmup) {
  if (!(warmup >= 0) || std::isinf(warmup)) {
    fail<InputError>("warmup: expected a number of epochs of at least 0, got {}", warmup);
  }
  const std::vector<std::string_view> parts = split(text, ':');
  const auto refuse = [&](std::string_view expected) {
    fail<InputError>("schedule {}: expected {}", text, expected);
  };
  Schedule schedule{.warmup = warmup};
  if (parts[0] == "constant") {
    if (parts.size() != 1) refuse("constant");
  } else if (parts[0] == "cosine") {
    schedule.kind = Schedule::Kind::cosine;
    const auto minimum = parts.size() == 1 ? 0.0 : fraction(parts[1]);
    if (parts.size() > 2 || !minimum) refuse("cosine or cosine:0.01, the minimum from 0 to 1");
    schedule.minimum = *minimum;
  } else if (parts[0] == "step") {
    schedule.kind = Schedule::Kind::step;
    const auto gamma = parts.size() == 2 ? 0.1 : fraction(parts.back());
    if (parts.size() < 2 || parts.size() > 3 || !gamma ||
        !read_milestones(parts[1], schedule.milestones)) {
      refuse("step:30,60:0.1, rising epochs and a factor from 0 to 1");
    }
    schedule.gamma = *gamma;
  } else if (parts[0] == "every") {
    schedule.kind = Schedule::Kind::every;
    const auto gamma = parts.size() == 2 ? 0.1 : fraction(parts.back());
    const auto period = parts.size() < 2 ? std::nullopt : number<std::int64_t>(parts[1]);
    if (parts.size() > 3 || !gamma || !period || *period < 1) {
      refuse("every:30:0.1, a number of epochs and a factor from 0 to 1");
    }
    schedule.period = *period;
    schedule.gamma = *gamma;
  } else {
    const std::vector<std::string> known = {"constant", "cosine", "step", "every"};
    fail<InputError>("unknown schedule {}{}", parts[0], suggestion(parts[0], known));
  }
  return schedule;
}

}  // namespace striate
