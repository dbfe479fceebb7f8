#pragma once

#include <filesystem>
#include <map>
#include <onnx/onnx.pb.h>
#include <string>
#include <string_view>

#include "striate/base/files.h"

namespace striate {

/// The files beside an ONNX model that hold elements of its tensors.
class ExternalData {
 public:
  /// Files are looked for in the model's folder and below; with no folder there are none.
  explicit ExternalData(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// The `bytes` bytes of a tensor. Throws InputError where the file is not below the folder, where
  /// the bytes are not in it, and where tensors together would take more than the file holds.
  Bytes read(const onnx::TensorProto& proto, std::uint64_t bytes, std::string_view what);

 private:
  struct File {
    std::filesystem::path path;
    std::uint64_t size = 0, taken = 0;
  };
  File& open(const std::string& location, std::string_view what);

  std::filesystem::path folder_;
  std::map<std::string, File, std::less<>> files_;
};

}  // namespace striate
