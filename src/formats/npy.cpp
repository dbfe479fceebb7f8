#include "striate/formats/npy.h"

#include <algorithm>

#include "formats/elements.h"
#include "striate/codec/npy.h"

namespace striate {
namespace {

struct TypeRow {
  std::string_view type;
  Element element;
};
constexpr TypeRow kTypes[] = {{"f4", kF32},  {"f8", kF64}, {"i8", kI64}, {"i4", kI32}, {"u1", kU8},
                              {"b1", kBool}, {"f2", kF16}, {"i2", kI16}, {"i1", kI8}};

}  // namespace

Tensor read_npy_tensor(std::span<const std::uint8_t> bytes, std::string_view name) {
  const NpyArray array = read_npy(bytes, name);
  const auto* row = std::find_if(std::begin(kTypes), std::end(kTypes),
                                 [&](const TypeRow& known) { return known.type == array.type; });
  if (row == std::end(kTypes)) {
    fail<InputError>("{}: numbers of type {} are not read here", name, array.type);
  }
  if (array.shape.size() > std::size_t{Shape::kMaxRank}) {
    fail<InputError>("{}: expected at most {} axes, got {}", name, Shape::kMaxRank,
                     array.shape.size());
  }
  Shape shape;
  for (const std::uint64_t size : array.shape) {
    constexpr std::uint64_t kMost = std::uint64_t{1} << 62;
    if (size > kMost) fail<InputError>("{}: a size of {} is too large", name, size);
    shape.push_back(static_cast<std::int64_t>(size));
  }
  // A file without elements may still have a size that no tensor has.
  if (array.data.empty()) {
    for (const std::int64_t size : shape) {
      if (size > (std::int64_t{1} << 31)) fail<InputError>("{}: {} is too large", name, size);
    }
  }
  Tensor tensor(row->element.dtype, shape);
  if (!read_elements(row->element, array.data, tensor)) {
    fail<InputError>("{}: a truth value is neither 0 nor 1", name);
  }
  return tensor;
}

Tensor load_npy(const std::filesystem::path& path) {
  return read_npy_tensor(read_file(path), path.string());
}

Bytes write_npy_tensor(const Tensor& tensor) {
  const auto* row = std::find_if(std::begin(kTypes), std::end(kTypes), [&](const TypeRow& known) {
    return known.element.dtype == tensor.dtype() && known.element.as_it_is();
  });
  invariant(row != std::end(kTypes), "a dtype that NumPy has not");
  const std::vector<std::uint64_t> shape(tensor.shape().begin(), tensor.shape().end());
  const auto raw = tensor.raw();
  return write_npy(row->type, shape,
                   {reinterpret_cast<const std::uint8_t*>(raw.data()), raw.size()});
}

void save_npy(const std::filesystem::path& path, const Tensor& tensor) {
  write_file(path, write_npy_tensor(tensor));
}

}  // namespace striate
