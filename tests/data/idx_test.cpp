#include <algorithm>
#include <array>
#include <cstdlib>

#include <gmock/gmock.h>
#include <zlib.h>

#include "data/support.h"
#include "striate/data/registry.h"

namespace striate {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing_data::refusal;
using testing_data::shared_data;

Bytes idx(std::vector<std::uint32_t> sizes, const Bytes& values) {
  Bytes bytes{0, 0, 8, static_cast<std::uint8_t>(sizes.size())};
  for (const std::uint32_t size : sizes) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      bytes.push_back(static_cast<std::uint8_t>(size >> shift));
    }
  }
  bytes.insert(bytes.end(), values.begin(), values.end());
  return bytes;
}

void put_gzip(const std::string& path, const Bytes& content) {
  gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, content.data(), static_cast<unsigned>(content.size()));
  gzclose(file);
}

const Bytes kImages = idx({2, 2, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
const Bytes kLabels = idx({2}, {7, 0});

// What opening the two files as test data says.
std::string outcome(const Bytes& images, const Bytes& labels) {
  const TemporaryFolder folder;
  folder.put("t10k-images-idx3-ubyte", images);
  folder.put("t10k-labels-idx1-ubyte", labels);
  return refusal([&] { open_dataset("mnist:" + folder.path(), Split::test); });
}

TEST(Idx, ReadsPlainAndGzip) {
  const TemporaryFolder folder;
  folder.put("t10k-images-idx3-ubyte", kImages);
  put_gzip(folder / "t10k-labels-idx1-ubyte.gz", kLabels);
  const auto data = open_dataset("mnist:" + folder.path(), Split::test);
  ASSERT_EQ(data->size(), 2);
  const Example second = data->get(1);
  EXPECT_EQ(second.label, 0);
  EXPECT_EQ(second.picture.width, 3);
  EXPECT_EQ(second.picture.height, 2);
  EXPECT_EQ(second.picture.channels, 1);
  EXPECT_EQ(second.picture.pixels, (std::vector<std::uint8_t>{7, 8, 9, 10, 11, 12}));
  EXPECT_EQ(data->get(0).label, 7);
  EXPECT_EQ(data->classes()[7], "7");
  EXPECT_THAT(refusal([&] { open_dataset("mnist:" + folder.path(), Split::train); }),
              HasSubstr("train-images-idx3-ubyte: no such file, nor with .gz"));
}

TEST(Idx, OneFileFindsItsLabels) {
  const TemporaryFolder folder;
  const std::string images = folder.put("my-images.idx3-ubyte", kImages);
  EXPECT_THAT(refusal([&] { open_dataset("fashion-mnist:" + images, Split::train); }),
              HasSubstr("my-labels.idx1-ubyte: no such file"));
  folder.put("my-labels.idx1-ubyte", kLabels);
  for (const Split split : {Split::train, Split::test}) {
    EXPECT_EQ(open_dataset("fashion-mnist:" + images, split)->size(), 2);
  }
  const std::string odd = folder.put("pictures", kImages);
  EXPECT_THAT(refusal([&] { open_dataset("mnist:" + odd, Split::test); }), HasSubstr("\"images\""));
}

TEST(Idx, SaysWhatIsWrong) {
  EXPECT_EQ(outcome(kImages, kLabels), "accepted");
  EXPECT_THAT(outcome(kLabels, kLabels),
              AllOf(HasSubstr("t10k-images-idx3-ubyte: expected IDX pictures (magic 00000803)"),
                    HasSubstr("got magic 00000801")));
  EXPECT_THAT(outcome(kImages, kImages), HasSubstr("expected IDX labels"));
  EXPECT_THAT(outcome(kImages, idx({3}, {1, 2, 3})),
              AllOf(HasSubstr("expected 2 labels"), HasSubstr("got 3")));
  EXPECT_THAT(outcome(kImages, idx({2}, {1, 10})),
              AllOf(HasSubstr("t10k-labels-idx1-ubyte: label of picture 1"),
                    HasSubstr("expected 0 to 9, got 10")));
  EXPECT_THAT(outcome(idx({2, 2, 3}, Bytes(13)), kLabels),
              HasSubstr("too long: expected 12 bytes after the header, got 13"));
  EXPECT_THAT(outcome(idx({0, 2, 3}, {}), idx({0}, {})), HasSubstr("got 0 of 2x3"));
  EXPECT_THAT(outcome(idx({2, 0, 3}, {}), kLabels), HasSubstr("got 2 of 0x3"));
  // Sizes whose product does not fit in 64 bits.
  EXPECT_THAT(outcome(idx({~0U, ~0U, ~0U}, {}), kLabels), HasSubstr("truncated"));
  EXPECT_THAT(outcome(idx({1U << 31, 1U << 31, 4}, {}), kLabels), HasSubstr("truncated"));
}

TEST(Idx, RefusesEveryTruncation) {
  for (std::size_t length = 0; length < kImages.size(); ++length) {
    EXPECT_THAT(
        outcome(Bytes(kImages.begin(), kImages.begin() + static_cast<std::ptrdiff_t>(length)),
                kLabels),
        HasSubstr("t10k-images-idx3-ubyte: truncated"))
        << length;
  }
  for (std::size_t length = 0; length < kLabels.size(); ++length) {
    EXPECT_THAT(outcome(kImages, Bytes(kLabels.begin(),
                                       kLabels.begin() + static_cast<std::ptrdiff_t>(length))),
                HasSubstr("t10k-labels-idx1-ubyte: truncated"))
        << length;
  }
}

TEST(Idx, RefusesWhatIsNoGzip) {
  const TemporaryFolder folder;
  folder.put("t10k-images-idx3-ubyte.gz", kImages);
  folder.put("t10k-labels-idx1-ubyte", kLabels);
  EXPECT_THAT(refusal([&] { open_dataset("mnist:" + folder.path(), Split::test); }),
              HasSubstr("t10k-images-idx3-ubyte.gz: not a gzip file"));
}

TEST(Idx, ReadsTheRealDigits) {
  STRIATE_SKIP_WITHOUT(shared_data("mnist"));
  const auto data = open_dataset("mnist:" + shared_data("mnist/t10k-images-idx3-ubyte.gz").string(),
                                 Split::train);
  ASSERT_EQ(data->size(), 10000);
  // The first ten labels as everybody has printed them.
  std::vector<std::int64_t> labels;
  for (std::int64_t i = 0; i < 10; ++i) labels.push_back(data->get(i).label);
  EXPECT_THAT(labels, testing::ElementsAre(7, 2, 1, 0, 4, 1, 4, 9, 5, 9));
  EXPECT_EQ(open_dataset("mnist:" + shared_data("mnist").string(), Split::train)->size(), 60000);
}

TEST(Idx, ReadsDebiansFashion) {
  STRIATE_SKIP_WITHOUT("/usr/share/datasets/fashion-mnist");
  const auto data = open_dataset("fashion-mnist", Split::test);
  ASSERT_EQ(data->size(), 10000);
  std::array<int, 10> count{};
  for (std::int64_t i = 0; i < data->size(); ++i) {
    ++count[static_cast<std::size_t>(data->get(i).label)];
  }
  EXPECT_THAT(count, testing::Each(1000));
  EXPECT_EQ(data->classes()[static_cast<std::size_t>(data->get(0).label)], "Ankle boot");
  EXPECT_EQ(data->get(9999).picture.pixels.size(), 784U);
}

}  // namespace
}  // namespace striate
