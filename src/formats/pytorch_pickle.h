#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/elements.h"
#include "striate/base/files.h"
#include "striate/codec/pickle.h"
#include "striate/graph/graph.h"

namespace striate {

/// A row of numbers in a PyTorch file, which tensors look at.
struct PytorchStorage {
  std::string key;
  Element element;
  std::uint64_t elements = 0;
};

/// The names that the pickles of tensors mention.
std::span<const std::string_view> pytorch_globals();

/// What PyTorch calls the storage of a dtype: "FloatStorage".
std::string_view pytorch_storage_name(DType dtype);

/// A pickled state_dict, or the one in a pickled dictionary: the tensors and the storages they look
/// at, checked against one another. `file` stands for the file in messages.
class PytorchPickle {
 public:
  /// Throws InputError.
  PytorchPickle(const Pickle& pickle, std::string_view file);

  /// By key, in the file's order of names.
  const std::map<std::string, PytorchStorage>& storages() const { return storages_; }
  /// The tensors; `bytes_of` gives a storage's bytes, as many as it has elements.
  Weights tensors(
      const std::function<std::span<const std::uint8_t>(const PytorchStorage&)>& bytes_of) const;

 private:
  struct Look {
    std::string name, storage;
    std::uint64_t offset = 0;
    std::vector<std::uint64_t> sizes, strides;
    std::uint64_t elements = 0;

    bool is_dense() const;
    Bytes gathered(std::span<const std::uint8_t> bytes, std::size_t size) const;
  };

  bool is_tensor(const Pickle::Value& value) const;
  const Pickle::Value& state_dict() const;
  void add_tensor(const std::string& name, const Pickle::Value& value);
  std::uint64_t number(Pickle::Id id, std::string_view what) const;
  std::vector<std::uint64_t> numbers(Pickle::Id id, std::string_view what) const;
  const PytorchStorage& storage(const Pickle::Value& value, std::uint64_t& offset);

  const Pickle& pickle_;
  std::string file_;
  std::map<std::string, PytorchStorage> storages_;
  std::vector<Look> tensors_;
};

}  // namespace striate
