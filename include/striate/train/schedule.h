#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace striate {

/// How the learning rate changes while training: a factor on it that depends on the step's number,
/// the steps in an epoch and the epochs in all, and on nothing else, so that a resumed run goes on
/// where it was.
struct Schedule {
  enum class Kind : std::uint8_t { constant, step, every, cosine };
  Kind kind = Kind::constant;
  std::vector<std::int64_t> milestones;  ///< step: epochs finished when the rate falls
  std::int64_t period = 1;               ///< every: epochs between falls
  double gamma = 0.1;                    ///< step, every: factor of one fall
  double minimum = 0;                    ///< cosine: the last factor
  double warmup = 0;                     ///< epochs of linear rise at the start

  /// The factor at `step`, counted from 0. During warm-up the rate rises linearly, step k of W
  /// taking (k + 1) / W; cosine (Loshchilov and Hutter, arXiv:1608.03983, without restarts) falls
  /// over the steps after it.
  double factor(std::int64_t step, std::int64_t steps_per_epoch, std::int64_t epochs) const;
};

/// The command line's form: `constant`; `cosine` or `cosine:0.01` (ends at a hundredth of the
/// rate); `step:30,60:0.1` (a tenth after 30 and again after 60 epochs); `every:30:0.1` (a tenth
/// after each 30). `warmup` is in epochs. Throws InputError, with the nearest name for an unknown
/// one.
Schedule parse_schedule(std::string_view text, double warmup = 0);

}  // namespace striate
