#pragma once

#include <onnx/onnx.pb.h>
#include <optional>
#include <string_view>

#include "formats/onnx_external.h"
#include "striate/tensor/tensor.h"

namespace striate {

/// The dtype of ONNX's number for it; throws ModelError where this library has none.
DType dtype_of_onnx(std::int64_t code, std::string_view what);

/// Sizes from a file. Throws InputError for negative ones, and where there are too many.
Shape shape_of_onnx(const google::protobuf::RepeatedField<std::int64_t>& dims,
                    std::string_view what);

/// The tensor's elements; never more memory than the message and the files beside it take.
/// `external` may be null: elements outside the message are refused then. `what` stands for the
/// tensor in messages.
Tensor tensor_of_onnx(const onnx::TensorProto& proto, std::string_view what,
                      ExternalData* external = nullptr);

}  // namespace striate
