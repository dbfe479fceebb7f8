#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace striate {

/// Every block starts on a cache line, which is also the widest vector.
inline constexpr std::size_t kAlignment = 64;

/// A zeroed block of bytes aligned to kAlignment; throws SystemError when there is no memory.
std::shared_ptr<std::byte[]> allocate(std::size_t bytes);

constexpr std::size_t align_up(std::size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

/// Cuts typed pieces off a block of scratch memory, in order.
class Scratch {
 public:
  explicit Scratch(std::span<std::byte> block) : rest_(block) {}

  template <class T>
  T* take(std::size_t count) {
    return reinterpret_cast<T*>(take_bytes(count * sizeof(T)));
  }

  /// What has not been cut off yet.
  std::span<std::byte> rest() const { return rest_; }

 private:
  std::byte* take_bytes(std::size_t bytes);

  std::span<std::byte> rest_;
};

}  // namespace striate
