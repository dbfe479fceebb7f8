#pragma once

#include <cstdint>

#include "striate/base/error.h"
#include "striate/codec/image.h"

namespace striate::testing_pictures {

/// Noise from a linear congruential generator, so that other programs can make the same picture.
inline Image noise(int width, int height, int channels) {
  Image image(width, height, channels);
  std::uint32_t state = 12345;
  for (auto& value : image.pixels) {
    state = state * 1664525U + 1013904223U;
    value = static_cast<std::uint8_t>(state >> 24);
  }
  return image;
}

/// Slow changes, which JPEG keeps well.
inline Image slopes(int width, int height, int channels) {
  Image image(width, height, channels);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < channels; ++c) {
        image.row(y)[x * channels + c] = static_cast<std::uint8_t>(40 + (x * (3 - c) * 60) / width +
                                                                   (y * (c + 1) * 60) / height);
      }
    }
  }
  return image;
}

/// Runs `decode` on every truncation, on each bit flipped, and on noise after `kept` good bytes;
/// any outcome but a picture or an InputError fails the test that calls this. Returns how many of
/// the truncations were accepted.
template <class Decode>
int abuse(const Bytes& good, std::size_t kept, std::size_t flip_step, Decode decode) {
  const auto accepted = [&](const Bytes& bytes) {
    try {
      decode(bytes);
      return 1;
    } catch (const InputError&) {
      return 0;
    }
  };
  int cut_accepted = 0;
  for (std::size_t length = 0; length < good.size(); ++length) {
    cut_accepted +=
        accepted(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(length)));
  }
  for (std::size_t bit = 0; bit < good.size() * 8; bit += flip_step) {
    Bytes bad = good;
    bad[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    accepted(bad);
  }
  std::uint32_t state = 99;
  for (int trial = 0; trial < 200; ++trial) {
    Bytes bad = good;
    for (std::size_t i = kept; i < bad.size(); ++i) {
      state = state * 1664525U + 1013904223U;
      // A few bytes at first, all of them in the end.
      if ((state >> 16) % 200 <= static_cast<unsigned>(trial))
        bad[i] = static_cast<std::uint8_t>(state >> 24);
    }
    accepted(bad);
  }
  return cut_accepted;
}

}  // namespace striate::testing_pictures
