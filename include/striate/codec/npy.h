#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "striate/base/files.h"

namespace striate {

/// An array of NumPy's file format (.npy).
struct NpyArray {
  std::string type;  ///< "f4", "i8", "u1", "b1", …: kind and bytes an element
  std::vector<std::uint64_t> shape;
  Bytes data;  ///< little-endian, in row-major order
};

/// Reads versions 1 to 3; numbers of the other byte order and arrays of Fortran's order are put into
/// this one. `name` stands for the file in messages. Throws InputError for anything that is not a
/// whole array of booleans, integers or floating-point numbers; memory is bounded by the file's.
NpyArray read_npy(std::span<const std::uint8_t> bytes, std::string_view name);

/// The file's bytes, version 1.0.
Bytes write_npy(std::string_view type, std::span<const std::uint64_t> shape,
                std::span<const std::uint8_t> data);

}  // namespace striate
