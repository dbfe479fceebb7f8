#include "formats/elements.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace striate {
namespace {

static_assert(std::endian::native == std::endian::little, "these files are little-endian");

float from_f16(std::uint16_t half) {
  const std::uint32_t sign = (half & 0x8000U) << 16U;
  const std::uint32_t exponent = (half >> 10U) & 0x1FU;
  const std::uint32_t fraction = half & 0x3FFU;
  if (exponent == 0) {  // zero and subnormal numbers: fraction * 2^-24
    const float magnitude = static_cast<float>(fraction) * 0x1p-24F;
    return sign != 0 ? -magnitude : magnitude;
  }
  const std::uint32_t wide = exponent == 0x1FU ? 0xFFU : exponent + 112;
  return std::bit_cast<float>(sign | wide << 23U | fraction << 13U);
}

float from_bf16(std::uint16_t half) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(half) << 16U);
}

template <class From, class To, class Convert>
void widen(std::span<const std::uint8_t> bytes, To* to, const Convert& convert) {
  for (std::size_t i = 0; i < bytes.size() / sizeof(From); ++i) {
    From value{};
    std::memcpy(&value, bytes.data() + i * sizeof(From), sizeof(From));
    to[i] = convert(value);
  }
}

}  // namespace

bool read_elements(const Element& element, std::span<const std::uint8_t> bytes, Tensor& tensor) {
  invariant(tensor.dtype() == element.dtype &&
                bytes.size() == static_cast<std::size_t>(tensor.elements()) * element.size,
            "read_elements: sizes");
  const auto same = [](auto value) { return static_cast<std::int32_t>(value); };
  switch (element.widen) {
    case Element::Widen::f16:
      widen<std::uint16_t>(bytes, tensor.data<float>(), from_f16);
      return true;
    case Element::Widen::bf16:
      widen<std::uint16_t>(bytes, tensor.data<float>(), from_bf16);
      return true;
    case Element::Widen::i16:
      widen<std::int16_t>(bytes, tensor.data<std::int32_t>(), same);
      return true;
    case Element::Widen::i8:
      widen<std::int8_t>(bytes, tensor.data<std::int32_t>(), same);
      return true;
    case Element::Widen::no:
      break;
  }
  const auto is_bit = [](std::uint8_t byte) { return byte <= 1; };
  if (element.dtype == DType::boolean && !std::all_of(bytes.begin(), bytes.end(), is_bit)) {
    return false;
  }
  if (!bytes.empty()) std::memcpy(tensor.raw().data(), bytes.data(), bytes.size());
  return true;
}

}  // namespace striate
