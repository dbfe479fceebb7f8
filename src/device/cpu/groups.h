#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "device/cpu/kernels.h"
#include "device/cpu/maps.h"
#include "striate/base/memory.h"
#include "striate/base/threads.h"
#include "striate/device/device.h"

// A grouped convolution is one convolution a group, each on its own slice of channels.

namespace striate::cpu {

constexpr std::size_t to_size(std::int64_t value) { return static_cast<std::size_t>(value); }

/// Bytes of `count` elements as Scratch cuts them.
template <class T>
constexpr std::size_t bytes_of(std::int64_t count) {
  return align_up(to_size(count) * sizeof(T));
}

/// One group of a convolution: the geometry, with the channels that are its own.
struct Group : ConvGeometry {
  Group(const ConvGeometry& g, std::int64_t which)
      : ConvGeometry(g), group(which), in(g.c / g.groups), out(g.o / g.groups) {}

  std::int64_t group, in, out;

  std::int64_t taps() const { return r * s; }
  /// Weights of one output channel.
  std::int64_t weights() const { return in * taps(); }
  std::int64_t first_in() const { return group * in; }
  std::int64_t first_out() const { return group * out; }
  const float* weights_of(const ConstView& all) const {
    return all.as<float>() + first_out() * weights();
  }
  Pixels input(const ConstView& x) const {
    return {x.as<float>() + first_in(), h, w, pixel_stride(x)};
  }
  Pixels output(const ConstView& y) const {
    return {y.as<float>() + first_out(), oh, ow, pixel_stride(y)};
  }
  /// order[c * taps + tap] = tap * in + c: from the order of weights to that of panels.
  void order_weights(std::int64_t* order) const {
    for (std::int64_t i = 0; i < in; ++i) {
      for (std::int64_t tap = 0; tap < taps(); ++tap) order[i * taps() + tap] = tap * in + i;
    }
  }
};

/// Groups enough to keep the threads busy are one thread's work each; fewer are done one after
/// another, each on all threads. Loops inside a loop run where they are, on one thread's scratch.
constexpr std::int64_t kManyGroups = 8;

template <class GroupScratch>
std::size_t groups_scratch(const Threads& threads, const ConvGeometry& g,
                           const GroupScratch& scratch_of) {
  const Group group(g, 0);
  if (g.groups < kManyGroups) return scratch_of(threads.count(), group);
  return to_size(threads.count()) * scratch_of(1, group);
}

/// Calls body(group, its scratch).
template <class GroupScratch, class Body>
void for_each_group(const Threads& threads, const ConvGeometry& g, const GroupScratch& scratch_of,
                    std::span<std::byte> scratch, const Body& body) {
  if (g.groups < kManyGroups) {
    for (std::int64_t group = 0; group < g.groups; ++group) body(Group(g, group), scratch);
    return;
  }
  const std::size_t bytes = scratch_of(1, Group(g, 0));
  threads.run_with_thread(g.groups, [&](std::int64_t group, int thread) {
    body(Group(g, group), scratch.subspan(bytes * to_size(thread), bytes));
  });
}

}  // namespace striate::cpu
