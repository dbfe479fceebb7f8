#include "striate/codec/gzip.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "striate/base/error.h"
#include "striate/base/random.h"

namespace striate {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

Bytes gzip(const Bytes& plain) {
  z_stream z{};
  deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  Bytes packed(deflateBound(&z, plain.size()) + 32);
  z.next_in = const_cast<Bytef*>(plain.data());
  z.avail_in = static_cast<uInt>(plain.size());
  z.next_out = packed.data();
  z.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
  packed.resize(z.total_out);
  deflateEnd(&z);
  return packed;
}

Bytes sample(std::size_t size) {
  Bytes bytes(size);
  Random random({.seed = 1, .purpose = purpose_of("gzip test"), .step = 0}, 0);
  for (auto& b : bytes) b = static_cast<std::uint8_t>(random.below(7));
  return bytes;
}

TEST(Gzip, GivesBackWhatWasPacked) {
  for (const std::size_t size : {0U, 1U, 100U, 300000U}) {
    const Bytes plain = sample(size);
    EXPECT_EQ(gunzip(gzip(plain), "a.gz", size), plain) << size;
  }
}

TEST(Gzip, ReadsSeveralMembersAsOne) {
  const Bytes plain = sample(1000);
  Bytes twice = gzip(plain);
  const Bytes second = gzip(plain);
  twice.insert(twice.end(), second.begin(), second.end());
  Bytes expected = plain;
  expected.insert(expected.end(), plain.begin(), plain.end());
  EXPECT_EQ(gunzip(twice, "a.gz", 2000), expected);
  EXPECT_THROW(gunzip(twice, "a.gz", 1999), InputError);
}

TEST(Gzip, StopsAtItsLimit) {
  const Bytes bomb = gzip(Bytes(std::size_t{1} << 24));
  EXPECT_THAT([&] { gunzip(bomb, "bomb.gz", 1000); },
              ThrowsMessage<InputError>(AllOf(HasSubstr("bomb.gz"), HasSubstr("1000 bytes"))));
  EXPECT_THROW(gunzip(bomb, "bomb.gz", (1 << 24) - 1), InputError);
  EXPECT_EQ(gunzip(bomb, "bomb.gz", 1 << 24).size(), std::size_t{1} << 24);
}

TEST(Gzip, SaysWhatIsWrong) {
  const Bytes good = gzip(sample(1000));
  const auto message = [](Bytes bytes) {
    try {
      gunzip(bytes, "a.gz", 1 << 20);
    } catch (const InputError& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_THAT(message({'P', 'K', 3, 4}), HasSubstr("expected it to begin with 1f 8b, got 50 4b"));
  EXPECT_THAT(message({}), HasSubstr("less than two bytes"));
  Bytes garbage = good;
  garbage.insert(garbage.end(), {0, 0, 0});
  EXPECT_THAT(message(garbage), HasSubstr("got 3 bytes more"));
  Bytes checksum = good;
  checksum[checksum.size() - 6] ^= 1;
  EXPECT_THAT(message(checksum), HasSubstr("incorrect data check"));
  for (std::size_t length = 2; length < good.size(); ++length) {
    EXPECT_THAT(message(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(length))),
                HasSubstr("truncated"))
        << length;
  }
}

TEST(Gzip, SurvivesAnyBytes) {
  const Bytes plain = sample(400);
  const Bytes good = gzip(plain);
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    Bytes bad = good;
    bad[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    try {
      // A flip in the header's time or system leaves the content as it was; one in its flags may
      // shift where the data begin, which the checksum sees.
      EXPECT_EQ(gunzip(bad, "a.gz", 1 << 20), plain) << bit;
    } catch (const InputError&) {
      continue;
    }
  }
  for (std::uint64_t trial = 0; trial < 300; ++trial) {
    Random random({.seed = 2, .purpose = purpose_of("gzip noise"), .step = 0}, trial);
    Bytes noise{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3};
    noise.resize(10 + random.below(200));
    for (std::size_t i = 10; i < noise.size(); ++i)
      noise[i] = static_cast<std::uint8_t>(random.bits());
    EXPECT_THROW(gunzip(noise, "noise.gz", 1 << 20), InputError);
  }
}

}  // namespace
}  // namespace striate
