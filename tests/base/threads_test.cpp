#include "striate/base/threads.h"

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace striate {
namespace {

TEST(Threads, RunsEveryItemOnce) {
  for (const int count : {1, 2, 3, 5}) {
    const Threads threads(count);
    EXPECT_EQ(threads.count(), count);
    for (const std::int64_t items : {0, 1, 2, 1000}) {
      std::vector<std::atomic<int>> seen(static_cast<std::size_t>(items));
      threads.run(items, [&](std::int64_t i) { ++seen[static_cast<std::size_t>(i)]; });
      for (const auto& times : seen) EXPECT_EQ(times, 1);
    }
  }
}

TEST(Threads, ThreadNumbersAreExclusive) {
  const Threads threads(3);
  std::array<std::atomic<int>, 3> inside{};
  std::atomic<bool> shared = false;
  threads.run_with_thread(2000, [&](std::int64_t, int thread) {
    auto& mine = inside.at(static_cast<std::size_t>(thread));
    if (++mine != 1) shared = true;
    --mine;
  });
  EXPECT_FALSE(shared);
}

TEST(Threads, PassesOnTheFirstException) {
  const Threads threads(4);
  EXPECT_THROW(threads.run(100,
                           [](std::int64_t i) {
                             if (i == 37) throw std::runtime_error("37");
                           }),
               std::runtime_error);
  std::atomic<int> after = 0;
  threads.run(10, [&](std::int64_t) { ++after; });
  EXPECT_EQ(after, 10) << "the pool must go on after an exception";
}

TEST(Threads, LoopsInsideLoopsAndFromSeveralThreads) {
  const Threads threads(2);
  std::atomic<int> sum = 0;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&] {
      for (int repeat = 0; repeat < 50; ++repeat) {
        threads.run(8, [&](std::int64_t) { threads.run(4, [&](std::int64_t) { ++sum; }); });
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(sum, 4 * 50 * 8 * 4);
}

}  // namespace
}  // namespace striate
