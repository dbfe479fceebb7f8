#include "striate/data/loader.h"

#include <chrono>
#include <thread>

#include <gmock/gmock.h>

#include "data/support.h"
#include "striate/data/registry.h"

namespace striate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing_data::Numbered;
using testing_data::refusal;

const Preprocessing kSmall{1, 3, 4, {0.5}, {0.25}};

struct Pass {
  std::vector<std::int64_t> indices;
  std::vector<std::int64_t> labels;
  std::vector<float> values;
  std::vector<std::int64_t> sizes;

  friend bool operator==(const Pass&, const Pass&) = default;
};

Pass all_of(const Dataset& data, const LoaderOptions& options, int pause_microseconds = 0) {
  Pass pass;
  Loader loader(data, options);
  while (auto batch = loader.next()) {
    pass.sizes.push_back(batch->pictures.shape()[0]);
    pass.indices.insert(pass.indices.end(), batch->indices.begin(), batch->indices.end());
    for (const std::int64_t label : batch->labels.values<std::int64_t>()) {
      pass.labels.push_back(label);
    }
    for (const float value : batch->pictures.values<float>()) pass.values.push_back(value);
    if (pause_microseconds > 0) {
      std::this_thread::sleep_for(std::chrono::microseconds(pause_microseconds));
    }
  }
  EXPECT_FALSE(loader.next().has_value());
  EXPECT_EQ(static_cast<std::int64_t>(pass.sizes.size()), loader.batches());
  return pass;
}

TEST(ThreadsLoader, GivesEveryExampleOnceInOrder) {
  const Numbered data(7, 4, 3, 1);
  const Pass pass = all_of(data, {.batch = 3, .preprocessing = kSmall});
  EXPECT_THAT(pass.sizes, ElementsAre(3, 3, 1));
  EXPECT_THAT(pass.indices, ElementsAre(0, 1, 2, 3, 4, 5, 6));
  EXPECT_THAT(pass.labels, ElementsAre(0, 1, 0, 1, 0, 1, 0));
  std::vector<float> expected(12);
  preprocess(data.get(5).picture, kSmall, expected.data());
  EXPECT_EQ(std::vector<float>(pass.values.begin() + 60, pass.values.begin() + 72), expected);
  EXPECT_THAT(all_of(data, {.batch = 3, .drop_last = true, .preprocessing = kSmall}).sizes,
              ElementsAre(3, 3));
  EXPECT_THAT(all_of(data, {.batch = 100, .preprocessing = kSmall}).sizes, ElementsAre(7));
  EXPECT_TRUE(all_of(Numbered(0, 4, 3, 1), {.batch = 3, .preprocessing = kSmall}).sizes.empty());
}

TEST(ThreadsLoader, IsAFunctionOfSeedAndEpochAlone) {
  const Numbered data(200, 4, 3, 1);
  LoaderOptions options{.batch = 16,
                        .shuffle = true,
                        .seed = 3,
                        .epoch = 5,
                        .augment = Augmentation::parse("crop:1,flip"),
                        .preprocessing = kSmall};
  const Pass pass = all_of(data, options);
  EXPECT_EQ(pass, all_of(data, options, 300));
  auto sorted = pass.indices;
  std::sort(sorted.begin(), sorted.end());
  for (std::int64_t i = 0; i < 200; ++i) EXPECT_EQ(sorted[static_cast<std::size_t>(i)], i);
  // What a picture becomes does not depend on the batch it falls into.
  options.batch = 7;
  EXPECT_EQ(all_of(data, options).values, pass.values);
  options.epoch = 6;
  EXPECT_NE(all_of(data, options).indices, pass.indices);
  options.epoch = 5;
  options.seed = 4;
  EXPECT_NE(all_of(data, options).indices, pass.indices);
}

TEST(ThreadsLoader, FitsPicturesOfAnotherSize) {
  const Numbered data(3, 9, 8, 3);
  const Pass pass =
      all_of(data, {.batch = 2, .augment = Augmentation::parse("flip"), .preprocessing = kSmall});
  EXPECT_EQ(pass.values.size(), 36U);
}

// Ten views of each picture, one picture's behind another's.
TEST(ThreadsLoader, GivesEveryCrop) {
  const Numbered data(3, 9, 8, 3);
  Preprocessing p = kSmall;
  p.resize = 6;
  const Pass pass = all_of(data, {.batch = 2, .crops = 10, .preprocessing = p});
  ASSERT_EQ(pass.values.size(), 3U * 10 * 12);
  std::vector<float> expected(12);
  normalize(crops(data.get(1).picture, p, 10)[7], p, expected.data());
  EXPECT_EQ(std::vector<float>(pass.values.begin() + 17 * 12, pass.values.begin() + 18 * 12),
            expected);
}

TEST(ThreadsLoader, ThrowsWhatTheDatasetThrewInItsPlace) {
  Numbered data(30, 4, 3, 1);
  data.bad = 13;
  Loader loader(data, {.batch = 5, .preprocessing = kSmall});
  EXPECT_EQ(loader.next()->indices[0], 0);
  EXPECT_EQ(loader.next()->indices[0], 5);
  EXPECT_THAT(refusal([&] { loader.next(); }), HasSubstr("7.png: bad PNG"));
  EXPECT_THROW(loader.next(), InputError);
}

TEST(ThreadsLoader, MayBeDroppedAtAnyPoint) {
  const Numbered data(100, 4, 3, 1);
  for (int taken = 0; taken < 12; ++taken) {
    for (int trial = 0; trial < 20; ++trial) {
      Loader loader(data, {.batch = 10, .preprocessing = kSmall});
      for (int i = 0; i < taken; ++i) loader.next();
    }
  }
}

TEST(Loader, RefusesOptionsThatCannotBeUsed) {
  const Numbered data(10, 4, 3, 1);
  EXPECT_THAT(refusal([&] { Loader loader(data, {.batch = 0, .preprocessing = kSmall}); }),
              HasSubstr("batch: expected at least one picture, got 0"));
  EXPECT_THAT(refusal([&] { Loader loader(data, {.batch = 1}); }), HasSubstr("preprocessing"));
}

// Pictures a second on this machine; no bound is asserted, since others may be using it.
TEST(SlowLoader, IsTimed) {
  STRIATE_SKIP_WITHOUT("/usr/share/datasets/fashion-mnist");
  const auto data = open_dataset("fashion-mnist", Split::train);
  const Preprocessing p = measure_preprocessing(*data, 1, 28, 28, Threads());
  EXPECT_NEAR(p.mean[0], 0.2860, 5e-5);  // the figures everybody uses
  EXPECT_NEAR(p.deviation[0], 0.3530, 5e-5);
  for (const char* augment : {"", "crop,flip"}) {
    const auto start = std::chrono::steady_clock::now();
    Loader loader(*data, {.batch = 128,
                          .shuffle = true,
                          .augment = Augmentation::parse(augment),
                          .preprocessing = p});
    std::size_t count = 0;
    while (const auto batch = loader.next()) count += batch->indices.size();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    EXPECT_EQ(count, 60000U);
    RecordProperty(*augment == '\0' ? "plain" : "augmented",
                   fmt::format("{:.0f} pictures/s", 60000 / seconds.count()));
  }
}

}  // namespace
}  // namespace striate
