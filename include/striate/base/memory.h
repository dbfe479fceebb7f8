#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace striate {

/// Every block starts on a cache line, which is also the widest vector.
inline constexpr std::size_t kAlignment = 64;

/// A block of at least `bytes` bytes, not zeroed, aligned to kAlignment; throws SystemError when there
/// is no memory. `free_block` takes the same count.
void* allocate_block(std::size_t bytes);
void free_block(void* block, std::size_t bytes);

/// A zeroed block of bytes aligned to kAlignment; throws SystemError when there is no memory.
std::shared_ptr<std::byte[]> allocate(std::size_t bytes);

/// Memory for containers of plain bytes, huge pages and all: reading a large file into ordinary
/// pages takes longer to find the pages than to read.
template <class T>
struct BlockAllocator {
  using value_type = T;

  BlockAllocator() = default;
  template <class U>
  explicit BlockAllocator(const BlockAllocator<U>&) {}

  T* allocate(std::size_t count) { return static_cast<T*>(allocate_block(count * sizeof(T))); }
  void deallocate(T* block, std::size_t count) { free_block(block, count * sizeof(T)); }
  friend bool operator==(const BlockAllocator&, const BlockAllocator&) { return true; }
};

constexpr std::size_t align_up(std::size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

/// Cuts typed pieces off a block of scratch memory, in order, each aligned to kAlignment where the
/// block is. It owns nothing. REQUIRES: all pieces fit in the block.
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
