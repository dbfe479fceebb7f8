#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "striate/base/files.h"
#include "striate/graph/graph.h"

namespace striate {

/// Named tensors and notes about them, as a safetensors file holds them
/// (https://github.com/huggingface/safetensors): eight bytes of header length, a JSON header, the
/// elements in row-major order. Weights, checkpoints and everything else this library keeps in
/// tensors is such a file.
struct SafeTensors {
  Weights tensors;
  std::map<std::string, std::string> metadata;
};

/// The file's bytes: a function of the content alone. Tensors lie by falling element size and then
/// by name, as the format's reference writes them, so that all are aligned. Throws InputError for a
/// name that is not UTF-8 or that the format keeps to itself.
Bytes write_safetensors(const SafeTensors& file);

/// Reads dtypes F64, F32, I64, I32, U8 and BOOL as they are, and F16 and BF16 as float32. `name`
/// stands for the file in messages. Throws InputError for anything that is not a whole, gapless
/// file of these; memory is bounded by the size of `bytes`, which nothing points into afterwards.
SafeTensors read_safetensors(std::span<const std::uint8_t> bytes, std::string_view name);

/// The same of a file; InputError where it cannot be read.
SafeTensors load_safetensors(const std::filesystem::path& path);
/// Replaces `path`, whole or not at all. Throws SystemError when it cannot be written.
void save_safetensors(const std::filesystem::path& path, const SafeTensors& file);

}  // namespace striate
