#pragma once

#include <cstdint>
#include <span>

#include "striate/tensor/tensor.h"

namespace striate {

/// How numbers lie in files, little-endian: as they do in tensors, or in a smaller type that the
/// tensor's holds entirely.
struct Element {
  enum class Widen : std::uint8_t { no, f16, bf16, i16, i8 };
  DType dtype;       ///< of the tensor they become
  std::size_t size;  ///< bytes in the file
  Widen widen = Widen::no;

  constexpr bool as_it_is() const { return widen == Widen::no; }
};

inline constexpr Element kF64{DType::f64, 8}, kF32{DType::f32, 4}, kI64{DType::i64, 8},
    kI32{DType::i32, 4}, kU8{DType::u8, 1}, kBool{DType::boolean, 1},
    kF16{DType::f32, 2, Element::Widen::f16}, kBF16{DType::f32, 2, Element::Widen::bf16},
    kI16{DType::i32, 2, Element::Widen::i16}, kI8{DType::i32, 1, Element::Widen::i8};

/// Fills a tensor, whose count of elements the bytes must be, from a file's bytes. False where a
/// truth value is neither 0 nor 1.
bool read_elements(const Element& element, std::span<const std::uint8_t> bytes, Tensor& tensor);

}  // namespace striate
