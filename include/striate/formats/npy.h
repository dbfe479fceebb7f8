#pragma once

#include <filesystem>
#include <span>
#include <string_view>

#include "striate/base/files.h"
#include "striate/tensor/tensor.h"

namespace striate {

/// A tensor from an array of NumPy's (.npy). Half precision becomes float32, integers of 8 and 16
/// bits int32. Throws InputError.
Tensor read_npy_tensor(std::span<const std::uint8_t> bytes, std::string_view name);
Tensor load_npy(const std::filesystem::path& path);

Bytes write_npy_tensor(const Tensor& tensor);
/// Replaces `path`, whole or not at all. Throws SystemError when it cannot be written.
void save_npy(const std::filesystem::path& path, const Tensor& tensor);

}  // namespace striate
