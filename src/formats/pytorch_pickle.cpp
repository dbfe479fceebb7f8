#include "formats/pytorch_pickle.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <set>

#include <fmt/ranges.h>

#include "striate/base/error.h"
#include "striate/base/files.h"

namespace striate {
namespace {

using Kind = Pickle::Kind;

constexpr std::string_view kRebuilds[] = {"torch._utils._rebuild_tensor_v2",
                                          "torch._utils._rebuild_tensor",
                                          "torch._utils._rebuild_parameter"};

struct StorageRow {
  std::string_view name;
  Element element;
};
constexpr StorageRow kStorages[] = {{"torch.FloatStorage", kF32}, {"torch.DoubleStorage", kF64},
                                    {"torch.LongStorage", kI64},  {"torch.IntStorage", kI32},
                                    {"torch.ByteStorage", kU8},   {"torch.BoolStorage", kBool},
                                    {"torch.HalfStorage", kF16},  {"torch.BFloat16Storage", kBF16},
                                    {"torch.ShortStorage", kI16}, {"torch.CharStorage", kI8}};

// Where checkpoints keep the network's state_dict beside other things.
constexpr std::string_view kUsualNames[] = {"state_dict", "model_state_dict", "model", "net"};

constexpr std::uint64_t kMost = std::uint64_t{1} << 40;

}  // namespace

std::span<const std::string_view> pytorch_globals() {
  static const std::vector<std::string_view> all = [] {
    std::vector<std::string_view> names(std::begin(kRebuilds), std::end(kRebuilds));
    for (const StorageRow& row : kStorages) names.push_back(row.name);
    names.emplace_back("collections.OrderedDict");
    return names;
  }();
  return all;
}

std::string_view pytorch_storage_name(DType dtype) {
  const auto* found = std::find_if(
      std::begin(kStorages), std::end(kStorages),
      [&](const StorageRow& row) { return row.element.dtype == dtype && row.element.as_it_is(); });
  invariant(found != std::end(kStorages), "a dtype that PyTorch files do not have");
  return found->name.substr(std::string_view("torch.").size());
}

PytorchPickle::PytorchPickle(const Pickle& pickle, std::string_view file)
    : pickle_(pickle), file_(file) {
  // All of them: the older layout holds those of other dictionaries too.
  for (const Pickle::Value& value : pickle_.values()) {
    std::uint64_t ignored = 0;
    if (value.kind == Kind::persistent) storage(value, ignored);
  }
  const std::vector<Pickle::Id>& items = state_dict().items;
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < items.size(); i += 2) {
    const Pickle::Value& key = pickle_[items[i]];
    const Pickle::Value& value = pickle_[items[i + 1]];
    if (!is_tensor(value)) continue;
    if (key.kind != Kind::text) fail<InputError>("{}: a tensor's name is no text", file_);
    if (!names.insert(key.text).second) {
      fail<InputError>("{}: two tensors are called {}", file_, key.text);
    }
    add_tensor(key.text, value);
  }
  constexpr std::string_view kModule = "module.";
  const auto wrapped = [&](const Look& look) { return look.name.starts_with(kModule); };
  if (std::all_of(tensors_.begin(), tensors_.end(), wrapped)) {
    for (Look& look : tensors_) look.name.erase(0, kModule.size());
  }
}

bool PytorchPickle::is_tensor(const Pickle::Value& value) const {
  return value.kind == Kind::call && std::find(std::begin(kRebuilds), std::end(kRebuilds),
                                               pickle_[value.items[0]].text) != std::end(kRebuilds);
}

const Pickle::Value& PytorchPickle::state_dict() const {
  const Pickle::Value& root = pickle_.root();
  if (root.kind != Kind::dict) fail<InputError>("{}: expected a dictionary of tensors", file_);
  const auto has_tensors = [&](const Pickle::Value& value) {
    if (value.kind != Kind::dict) return false;
    for (std::size_t i = 1; i < value.items.size(); i += 2) {
      if (is_tensor(pickle_[value.items[i]])) return true;
    }
    return false;
  };
  if (has_tensors(root)) return root;
  std::vector<std::pair<std::string, const Pickle::Value*>> found;
  for (std::size_t i = 0; i < root.items.size(); i += 2) {
    const Pickle::Value& value = pickle_[root.items[i + 1]];
    if (has_tensors(value)) found.emplace_back(pickle_[root.items[i]].text, &value);
  }
  if (found.empty()) fail<InputError>("{}: no tensors are in it by name", file_);
  for (const std::string_view usual : kUsualNames) {
    for (const auto& [name, value] : found) {
      if (name == usual) return *value;
    }
  }
  if (found.size() == 1) return *found[0].second;
  std::vector<std::string> names;
  for (const auto& [name, value] : found) names.push_back(name);
  fail<InputError>("{}: several dictionaries of tensors are in it: {}", file_,
                   fmt::join(names, ", "));
}

std::uint64_t PytorchPickle::number(Pickle::Id id, std::string_view what) const {
  const Pickle::Value& value = pickle_[id];
  if (value.kind != Kind::integer || value.integer < 0 ||
      static_cast<std::uint64_t>(value.integer) > kMost) {
    fail<InputError>("{}: {}: expected 0 to {}", file_, what, kMost);
  }
  return static_cast<std::uint64_t>(value.integer);
}

std::vector<std::uint64_t> PytorchPickle::numbers(Pickle::Id id, std::string_view what) const {
  const Pickle::Value& value = pickle_[id];
  if (value.kind != Kind::tuple || value.items.size() > std::size_t{Shape::kMaxRank}) {
    fail<InputError>("{}: {}: expected at most {} numbers", file_, what, Shape::kMaxRank);
  }
  std::vector<std::uint64_t> result;
  for (const Pickle::Id item : value.items) result.push_back(number(item, what));
  return result;
}

// ('storage', class, key, place, elements) and, in the older layout, None or (key, offset, size).
const PytorchStorage& PytorchPickle::storage(const Pickle::Value& value, std::uint64_t& offset) {
  const auto refuse = [&](std::string_view what) {
    fail<InputError>("{}: a tensor's storage: {}", file_, what);
  };
  if (value.kind != Kind::persistent) refuse("it is none");
  const std::vector<Pickle::Id>& items = pickle_[value.items[0]].items;
  if (items.size() < 5 || pickle_[items[0]].text != "storage") refuse("expected five parts");
  const Pickle::Value& type = pickle_[items[1]];
  const auto* row = std::find_if(std::begin(kStorages), std::end(kStorages),
                                 [&](const auto& known) { return known.name == type.text; });
  if (type.kind != Kind::global || row == std::end(kStorages)) refuse("its type is unknown");
  const Pickle::Value& key = pickle_[items[2]];
  if (key.kind != Kind::text) refuse("its key is no text");
  if (items.size() > 5 && pickle_[items[5]].kind == Kind::tuple) {
    const std::vector<Pickle::Id>& view = pickle_[items[5]].items;
    if (view.size() != 3) refuse("expected a view of three parts");
    offset += number(view[1], "a view's offset");
  }
  const PytorchStorage found{key.text, row->element, number(items[4], "a storage's size")};
  const auto [at, added] = storages_.emplace(key.text, found);
  if (!added &&
      (at->second.elements != found.elements || at->second.element.size != found.element.size ||
       at->second.element.widen != found.element.widen ||
       at->second.element.dtype != found.element.dtype)) {
    refuse(fmt::format("{} is described in two ways", key.text));
  }
  return at->second;
}

void PytorchPickle::add_tensor(const std::string& name, const Pickle::Value& value) {
  const Pickle::Value* call = &value;
  const auto refuse = [&](std::string_view what) {
    fail<InputError>("{}: tensor {}: {}", file_, name, what);
  };
  // A parameter is a tensor with a note.
  if (pickle_[call->items[0]].text == kRebuilds[2]) {
    const std::vector<Pickle::Id>& wrapped = pickle_[call->items[1]].items;
    if (wrapped.empty() || !is_tensor(pickle_[wrapped[0]])) refuse("it is a parameter of nothing");
    call = &pickle_[wrapped[0]];
    if (pickle_[call->items[0]].text == kRebuilds[2]) refuse("it is a parameter of a parameter");
  }
  const std::vector<Pickle::Id>& items = pickle_[call->items[1]].items;
  if (items.size() < 4) refuse("expected a storage, an offset, sizes and strides");
  Look look{.name = name, .storage = {}};
  const std::string what = "tensor " + name;
  look.offset = number(items[1], what);
  const PytorchStorage& from = storage(pickle_[items[0]], look.offset);
  look.storage = from.key;
  look.sizes = numbers(items[2], what);
  look.strides = numbers(items[3], what);
  if (look.sizes.size() != look.strides.size()) refuse("its sizes and strides are not as many");
  look.elements = 1;
  bool nothing = false;
  for (const std::uint64_t size : look.sizes) nothing = nothing || size == 0;
  std::uint64_t last = look.offset;
  for (std::size_t axis = 0; axis < look.sizes.size() && !nothing; ++axis) {
    const std::uint64_t size = look.sizes[axis];
    // Compared by division: nothing overflows.
    if (size > from.elements || look.elements > from.elements / size) {
      refuse(fmt::format("[{}] is more than the {} elements of its storage",
                         fmt::join(look.sizes, ", "), from.elements));
    }
    look.elements *= size;
    if (size > 1 && look.strides[axis] > kMost / (size - 1)) refuse("it goes beyond its storage");
    last += (size - 1) * look.strides[axis];
  }
  if (nothing) look.elements = 0;
  if (!nothing && last >= from.elements) {
    refuse(fmt::format("it goes to element {} of a storage of {}", last, from.elements));
  }
  tensors_.push_back(std::move(look));
}

bool PytorchPickle::Look::is_dense() const {
  std::uint64_t step = 1;
  for (std::size_t axis = sizes.size(); axis-- > 0;) {
    if (sizes[axis] != 1 && strides[axis] != step && elements != 0) return false;
    step *= sizes[axis];
  }
  return true;
}

// In row-major order, whatever the strides.
Bytes PytorchPickle::Look::gathered(std::span<const std::uint8_t> bytes, std::size_t size) const {
  Bytes dense(static_cast<std::size_t>(elements) * size);
  std::vector<std::uint64_t> index(sizes.size());
  std::uint64_t place = offset;
  for (std::uint64_t i = 0; i < elements; ++i) {
    std::memcpy(dense.data() + i * size, bytes.data() + place * size, size);
    for (std::size_t axis = index.size(); axis-- > 0;) {
      place += strides[axis];
      if (++index[axis] < sizes[axis]) break;
      place -= strides[axis] * sizes[axis];
      index[axis] = 0;
    }
  }
  return dense;
}

Weights PytorchPickle::tensors(
    const std::function<std::span<const std::uint8_t>(const PytorchStorage&)>& bytes_of) const {
  Weights result;
  // Tensors that are the same share their memory; others may not take more than the storage.
  std::map<std::string, std::vector<std::pair<const Look*, Tensor>>> seen;
  std::map<std::string, std::uint64_t> taken;
  for (const Look& look : tensors_) {
    const PytorchStorage& from = storages_.at(look.storage);
    auto& others = seen[look.storage];
    const auto same = std::find_if(others.begin(), others.end(), [&](const auto& other) {
      return other.first->offset == look.offset && other.first->sizes == look.sizes &&
             other.first->strides == look.strides;
    });
    if (same != others.end()) {
      result[look.name] = same->second;
      continue;
    }
    taken[look.storage] += look.elements;
    if (taken[look.storage] > from.elements) {
      fail<InputError>("{}: tensor {}: tensors lie over one another in storage {}", file_,
                       look.name, from.key);
    }
    const std::span<const std::uint8_t> bytes = bytes_of(from);
    const std::size_t size = from.element.size;
    Shape shape;
    for (const std::uint64_t s : look.sizes) shape.push_back(static_cast<std::int64_t>(s));
    Tensor tensor(from.element.dtype, shape);
    Bytes gathered;
    const auto count = static_cast<std::size_t>(look.elements) * size;
    std::span<const std::uint8_t> dense;
    if (look.is_dense()) {
      if (count != 0) dense = bytes.subspan(static_cast<std::size_t>(look.offset) * size, count);
    } else {
      gathered = look.gathered(bytes, size);
      dense = gathered;
    }
    if (!read_elements(from.element, dense, tensor)) {
      fail<InputError>("{}: tensor {}: a truth value is neither 0 nor 1", file_, look.name);
    }
    others.emplace_back(&look, tensor);
    result[look.name] = std::move(tensor);
  }
  return result;
}

}  // namespace striate
