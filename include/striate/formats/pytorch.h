#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

#include "striate/base/files.h"
#include "striate/graph/graph.h"

namespace striate {

/// The tensors of a PyTorch file (.pth, .pt, .th), in the zip layout of PyTorch 1.6 and later or the
/// one before: a `state_dict`, or a dictionary that holds one. Names that all begin with `module.`
/// lose that. Half precision becomes float32, 8- and 16-bit integers int32. The pickles in the file
/// are read as data: nothing is executed. `name` stands for the file in messages. Throws InputError
/// for what is no such file, and for one that holds anything but tensors, numbers and texts; memory
/// is bounded by the size of `bytes`.
Weights read_pytorch(std::span<const std::uint8_t> bytes, std::string_view name);
Weights load_pytorch(const std::filesystem::path& path);

/// A file in the zip layout that holds the tensors as a `state_dict`, in order of their names; what
/// `torch.load(…, weights_only=True)` reads. A function of the tensors alone.
Bytes write_pytorch(const Weights& tensors);
/// Replaces `path`, whole or not at all. Throws SystemError when it cannot be written.
void save_pytorch(const std::filesystem::path& path, const Weights& tensors);

}  // namespace striate
