#include "device/cpu/matmul.h"

#include <gtest/gtest.h>

#include "operand.h"
#include "striate/device/device.h"

namespace striate {
namespace {

using testing::ExactScratch;
using testing::on_every_instruction_set;
using testing::Operand;

struct Sizes {
  std::int64_t m = 0, n = 0, k = 0;
  // Which operands lie transposed in memory.
  bool a_turned = false, b_turned = false, c_turned = false;
  bool bias = false, accumulate = false;
  double alpha = 1;
};

Random case_random(std::uint64_t number) {
  return Random({.seed = 7, .purpose = purpose_of("matrix product tests"), .step = 0}, number);
}

// Strides of a matrix, one of them 1, with a gap now and then.
Strides matrix_strides(Random& random, std::int64_t rows, std::int64_t columns, bool turned) {
  const std::int64_t gap = random.below(2) == 0 ? 0 : static_cast<std::int64_t>(random.below(7));
  Strides strides{};
  strides[0] = turned ? 1 : columns + gap;
  strides[1] = turned ? rows + gap : 1;
  return strides;
}

struct Case {
  Case(const Sizes& sizes, Random& random)
      : s(sizes),
        a(random, {s.m, s.k}, matrix_strides(random, s.m, s.k, s.a_turned)),
        b(random, {s.k, s.n}, matrix_strides(random, s.k, s.n, s.b_turned)),
        bias(random, {s.n}),
        c(random, {s.m, s.n}, matrix_strides(random, s.m, s.n, s.c_turned)) {}

  void run(const Threads& threads) {
    ExactScratch scratch(cpu_matmul_scratch(threads, s.m, s.n, s.k));
    cpu_matmul(threads, a.single(), b.single(), s.bias ? bias.single() : ConstView(), c.single(),
               s.alpha, s.accumulate, scratch.span());
  }
  void run_reference(const Device& reference) {
    reference.matmul(a.exact(), b.exact(), s.bias ? bias.exact() : ConstView(), c.exact(), s.alpha,
                     s.accumulate, {});
    reference.matmul(a.absolute(), b.absolute(), s.bias ? bias.absolute() : ConstView(),
                     c.absolute(), std::abs(s.alpha), s.accumulate, {});
  }

  Sizes s;
  Operand a, b, bias, c;
};

void check(const Sizes& s, std::uint64_t number) {
  static const Threads threads(2);
  static const std::unique_ptr<Device> reference = make_reference_device();
  SCOPED_TRACE(fmt::format("case {}: m {} n {} k {}, turned {}{}{}, bias {}, accumulate {}", number,
                           s.m, s.n, s.k, s.a_turned, s.b_turned, s.c_turned, s.bias,
                           s.accumulate));
  Random random = case_random(number);
  Case c(s, random);
  c.run_reference(*reference);
  on_every_instruction_set([&] {
    Case got = c;
    got.run(threads);
    got.c.expect_close(s.k);
  });
}

TEST(Matmul, MatchesTheReferenceOnRandomSizes) {
  for (std::uint64_t number = 0; number < 400; ++number) {
    Random random = case_random(1000 + number);
    const auto size = [&] {
      constexpr std::int64_t kMost[] = {2, 20, 70, 200};
      return static_cast<std::int64_t>(
          random.below(static_cast<std::uint32_t>(kMost[random.below(4)])));
    };
    const auto flag = [&] { return random.below(2) == 0; };
    Sizes s{.m = size(), .n = size(), .k = size()};
    s.a_turned = flag(), s.b_turned = flag(), s.c_turned = random.below(4) == 0;
    s.bias = flag(), s.accumulate = flag(), s.alpha = flag() ? 1 : -0.75;
    check(s, number);
    if (::testing::Test::HasFailure()) return;
  }
}

// Large enough to cut every dimension into blocks, in the forms that training needs.
TEST(Matmul, MatchesTheReferenceAcrossBlocks) {
  check({.m = 130, .n = 300, .k = 1100, .b_turned = true, .bias = true}, 0);
  check({.m = 130, .n = 300, .k = 1100, .accumulate = true}, 1);
  check({.m = 600, .n = 70, .k = 530, .a_turned = true, .accumulate = true}, 2);
  check({.m = 100, .n = 270, .k = 600, .a_turned = true, .bias = true, .alpha = 0.5}, 3);
}

TEST(Matmul, MatchesTheReferenceOnOneRowAndOneColumn) {
  std::uint64_t number = 0;
  for (const bool a : {false, true}) {
    for (const bool b : {false, true}) {
      for (const bool bias : {false, true}) {
        check({.m = 1, .n = 333, .k = 517, .a_turned = a, .b_turned = b, .bias = bias}, ++number);
        check({.m = 301,
               .n = 1,
               .k = 130,
               .a_turned = a,
               .b_turned = b,
               .bias = bias,
               .accumulate = true},
              ++number);
      }
    }
  }
}

TEST(ThreadsMatmul, SameBitsOnAnyNumberOfThreads) {
  const Sizes cases[] = {{.m = 90, .n = 400, .k = 700, .b_turned = true, .bias = true},
                         {.m = 900, .n = 40, .k = 130, .accumulate = true},
                         {.m = 200, .n = 100, .k = 90, .a_turned = true},
                         {.m = 1, .n = 700, .k = 300, .b_turned = true},
                         {.m = 1, .n = 700, .k = 300}};
  for (const Sizes& s : cases) {
    Random random = case_random(5);
    Case expected(s, random);
    expected.run(Threads(1));
    for (const int count : {2, 3, 5}) {
      random = case_random(5);
      Case got(s, random);
      got.run(Threads(count));
      EXPECT_TRUE(got.c.same_bits(expected.c)) << count << " threads, m " << s.m;
    }
  }
}

}  // namespace
}  // namespace striate
