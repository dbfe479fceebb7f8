#include "striate/device/device.h"

namespace striate {

int optimizer_state_count(const OptimizerStep& rule) {
  using Rule = OptimizerStep::Rule;
  switch (rule.rule) {
    case Rule::sgd:
      return rule.momentum != 0 ? 1 : 0;
    case Rule::adam:
    case Rule::adamw:
      return rule.amsgrad ? 3 : 2;
    case Rule::adagrad:
      return 1;
    case Rule::rmsprop:
      return 1 + (rule.momentum != 0 ? 1 : 0) + (rule.centered ? 1 : 0);
    case Rule::adadelta:
      return 2;
  }
  throw BugError("optimizer_state_count: unknown rule");
}

}  // namespace striate
