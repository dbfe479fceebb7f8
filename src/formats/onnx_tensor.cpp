#include "formats/onnx_tensor.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace striate {
namespace {

static_assert(std::endian::native == std::endian::little, "ONNX files are little-endian");

template <class T, class List>
Tensor tensor_of_list(DType dtype, const Shape& shape, const List& list, std::string_view what) {
  if (list.size() != shape.elements()) {
    fail<InputError>("{}: expected {} elements ({}), got {}", what, shape.elements(), shape.str(),
                     list.size());
  }
  Tensor tensor(dtype, shape);
  std::transform(list.begin(), list.end(), tensor.data<T>(),
                 [](auto value) { return static_cast<T>(value); });
  return tensor;
}

Tensor tensor_of_bytes(DType dtype, const Shape& shape, std::span<const std::uint8_t> bytes,
                       std::string_view what) {
  const auto elements = static_cast<std::size_t>(shape.elements());
  if (bytes.size() % size_of(dtype) != 0 || bytes.size() / size_of(dtype) != elements) {
    fail<InputError>("{}: expected {} elements of {} ({}), got {} bytes", what, elements,
                     name_of(dtype), shape.str(), bytes.size());
  }
  Tensor tensor(dtype, shape);
  if (dtype == DType::boolean) {
    std::transform(bytes.begin(), bytes.end(), tensor.data<bool>(),
                   [](std::uint8_t byte) { return byte != 0; });
  } else if (!bytes.empty()) {
    std::memcpy(tensor.raw().data(), bytes.data(), bytes.size());
  }
  return tensor;
}

}  // namespace

DType dtype_of_onnx(std::int64_t code, std::string_view what) {
  switch (code) {
    case onnx::TensorProto::FLOAT:
      return DType::f32;
    case onnx::TensorProto::DOUBLE:
      return DType::f64;
    case onnx::TensorProto::INT64:
      return DType::i64;
    case onnx::TensorProto::INT32:
      return DType::i32;
    case onnx::TensorProto::UINT8:
      return DType::u8;
    case onnx::TensorProto::BOOL:
      return DType::boolean;
    default:
      break;
  }
  const std::string& name =
      onnx::TensorProto::DataType_IsValid(static_cast<int>(code))
          ? onnx::TensorProto::DataType_Name(static_cast<onnx::TensorProto::DataType>(code))
          : "unknown";
  fail<ModelError>("{}: tensors of type {} ({}) are not supported", what, name, code);
}

Shape shape_of_onnx(const google::protobuf::RepeatedField<std::int64_t>& dims,
                    std::string_view what) {
  if (dims.size() > Shape::kMaxRank) {
    fail<InputError>("{}: expected at most {} axes, got {}", what, Shape::kMaxRank, dims.size());
  }
  if (std::any_of(dims.begin(), dims.end(), [](std::int64_t size) { return size < 0; })) {
    fail<InputError>("{}: a size is negative", what);
  }
  return Shape(std::span<const std::int64_t>(dims.data(), static_cast<std::size_t>(dims.size())));
}

Tensor tensor_of_onnx(const onnx::TensorProto& proto, std::string_view what,
                      ExternalData* external) {
  const bool elsewhere = proto.data_location() == onnx::TensorProto::EXTERNAL;
  if (proto.has_segment() || (elsewhere && external == nullptr)) {
    fail<ModelError>("{}: elements outside the file are not supported", what);
  }
  const DType dtype = dtype_of_onnx(proto.data_type(), what);
  const Shape shape = shape_of_onnx(proto.dims(), what);
  if (elsewhere) {
    const auto bytes = static_cast<std::uint64_t>(shape.elements());
    constexpr std::uint64_t kMost = std::uint64_t{1} << 48;
    if (bytes > kMost) fail<InputError>("{}: {} elements are too many", what, bytes);
    return tensor_of_bytes(dtype, shape, external->read(proto, bytes * size_of(dtype), what), what);
  }
  if (proto.has_raw_data()) {
    const std::string& raw = proto.raw_data();
    return tensor_of_bytes(dtype, shape,
                           {reinterpret_cast<const std::uint8_t*>(raw.data()), raw.size()}, what);
  }
  switch (dtype) {
    case DType::f32:
      return tensor_of_list<float>(dtype, shape, proto.float_data(), what);
    case DType::f64:
      return tensor_of_list<double>(dtype, shape, proto.double_data(), what);
    case DType::i64:
      return tensor_of_list<std::int64_t>(dtype, shape, proto.int64_data(), what);
    case DType::i32:
      return tensor_of_list<std::int32_t>(dtype, shape, proto.int32_data(), what);
    case DType::u8:
      return tensor_of_list<std::uint8_t>(dtype, shape, proto.int32_data(), what);
    case DType::boolean:
      return tensor_of_list<bool>(dtype, shape, proto.int32_data(), what);
  }
  throw BugError("tensor_of_onnx: unknown dtype");
}

}  // namespace striate
