#include "striate/base/memory.h"

#include <cstdlib>
#include <cstring>
#include <new>
#include <sys/mman.h>

#include "striate/base/error.h"

namespace striate {

// Large blocks come straight from the kernel: zeroed on first touch, in huge pages where it can.
static constexpr std::size_t kMapped = std::size_t{1} << 21;

void* allocate_block(std::size_t bytes) {
  void* block = nullptr;
  if (bytes >= kMapped) {
    block = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) fail<SystemError>("out of memory: {} bytes were asked for", bytes);
    madvise(block, bytes, MADV_HUGEPAGE);
    return block;
  }
  block = std::aligned_alloc(kAlignment, align_up(bytes == 0 ? 1 : bytes));
  if (block == nullptr) fail<SystemError>("out of memory: {} bytes were asked for", bytes);
  return block;
}

void free_block(void* block, std::size_t bytes) {
  if (bytes >= kMapped) {
    munmap(block, bytes);
  } else {
    std::free(block);
  }
}

std::shared_ptr<std::byte[]> allocate(std::size_t bytes) {
  void* block = allocate_block(bytes);
  if (bytes < kMapped) std::memset(block, 0, bytes);
  return {static_cast<std::byte*>(block), [bytes](std::byte* b) { free_block(b, bytes); }};
}

std::byte* Scratch::take_bytes(std::size_t bytes) {
  const std::size_t size = align_up(bytes);
  invariant(size <= rest_.size(), "scratch memory is smaller than what a primitive takes");
  std::byte* piece = rest_.data();
  rest_ = rest_.subspan(size);
  return piece;
}

}  // namespace striate
