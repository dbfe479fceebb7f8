#include "account.h"

namespace striate {
namespace {

using namespace testing;

// 192 filters of 5x5x3, 160 and 96 of 1x1; 192 of 5x5x96, 192 and 192; 192 of 3x3x192, 192 and 10.
TEST(Nin, CountsByHand) {
  const std::int64_t first = 192 * 76 + 160 * 193 + 96 * 161;
  const std::int64_t second = 192 * (25 * 96 + 1) + 2 * 192 * 193;
  const std::int64_t third = 192 * (9 * 192 + 1) + 192 * 193 + 10 * 193;
  EXPECT_EQ(account("nin_cifar").parameters, first + second + third);
}

TEST(Nin, Trains) { expect_trainable({"nin_cifar"}); }

}  // namespace
}  // namespace striate
