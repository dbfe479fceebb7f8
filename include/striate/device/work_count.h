#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "striate/device/device.h"

namespace striate {

/// Arithmetic that a reference device has executed, counted one by one in its loops.
struct WorkCount {
  std::atomic<std::int64_t> products{0};  ///< of convolutions and matrix products, padding's too
  std::atomic<std::int64_t> padding{0};   ///< of these, those with a pixel outside the map
  std::atomic<std::int64_t> bias{0};      ///< biases added by convolutions and matrix products
  std::atomic<std::int64_t> norm{0};      ///< elements scaled and shifted by batch norms
};

/// A reference device that adds what it executes to `count`.
std::unique_ptr<Device> make_counting_device(std::shared_ptr<WorkCount> count);

}  // namespace striate
