#include "striate/formats/pytorch.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "formats/pytorch_pickle.h"
#include "striate/base/error.h"
#include "striate/codec/pickle.h"
#include "striate/codec/zip.h"

namespace striate {
namespace {

// The integer that files of the older layout begin with, 0x1950a86a20f9469cfc6c.
constexpr std::string_view kMagic("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10);

Weights read_zip(std::span<const std::uint8_t> bytes, std::string_view name) {
  const ZipArchive archive(bytes, name);
  // Everything lies in one folder, whatever it is called.
  constexpr std::string_view kPickle = "data.pkl";
  const ZipArchive::Entries::value_type* pickled = nullptr;
  for (const auto& entry : archive.entries()) {
    const std::string& file = entry.first;
    if (!file.ends_with(kPickle)) continue;
    const std::size_t folder = file.size() - kPickle.size();
    if (folder != 0 && file.find('/') != folder - 1) continue;
    if (pickled != nullptr) fail<InputError>("{}: two pickles are in it", name);
    pickled = &entry;
  }
  if (pickled == nullptr) fail<InputError>("{}: expected data.pkl in it, got none", name);
  const std::string folder = pickled->first.substr(0, pickled->first.size() - kPickle.size());
  const auto find = [&](const std::string& file) {
    const auto found = archive.entries().find(folder + file);
    return found == archive.entries().end() ? nullptr : &*found;
  };
  if (const auto* order = find("byteorder"); order != nullptr && order->second.size < 16) {
    const Bytes text = archive.read(*order);
    if (std::string_view(reinterpret_cast<const char*>(text.data()), text.size()) != "little") {
      fail<InputError>("{}: its numbers are not little-endian", name);
    }
  }
  const Pickle pickle = read_pickle(archive.read(*pickled), name, pytorch_globals());
  const PytorchPickle content(pickle, name);
  std::map<std::string, Bytes> unpacked;
  for (const auto& [key, storage] : content.storages()) {
    const auto* entry = find("data/" + key);
    if (entry == nullptr) fail<InputError>("{}: storage {} is missing", name, key);
    const std::uint64_t wanted = storage.elements * storage.element.size;
    if (entry->second.size != wanted) {
      fail<InputError>("{}: storage {}: expected {} bytes, got {}", name, key, wanted,
                       entry->second.size);
    }
  }
  // PyTorch stores them as they are; another packer may have deflated them.
  std::map<std::string, std::span<const std::uint8_t>, std::less<>> checked;
  return content.tensors([&](const PytorchStorage& storage) {
    auto [at, added] = checked.try_emplace(storage.key);
    if (added) {
      const auto& entry = *find("data/" + storage.key);
      const auto stored = archive.view(entry);
      at->second = stored ? *stored : unpacked[storage.key] = archive.read(entry);
    }
    return at->second;
  });
}

// Four pickles (magic, protocol, machine, content), the list of storages, then each storage's count
// and numbers.
Weights read_legacy(std::span<const std::uint8_t> bytes, std::string_view name) {
  std::size_t at = 0;
  const auto next = [&] {
    Pickle pickle = read_pickle(bytes.subspan(at), name, pytorch_globals());
    at += pickle.consumed();
    return pickle;
  };
  if (next().root().text != kMagic) fail<InputError>("{}: this is no PyTorch file", name);
  if (const Pickle protocol = next(); protocol.root().integer != 1001) {
    fail<InputError>("{}: expected protocol 1001, got {}", name, protocol.root().integer);
  }
  next();  // the machine it was written on: all are little-endian
  const Pickle pickle = next();
  const Pickle keys = next();
  const PytorchPickle content(pickle, name);
  std::map<std::string, std::span<const std::uint8_t>, std::less<>> found;
  for (const Pickle::Id id : keys.root().items) {
    const std::string& key = keys[id].text;
    const auto storage = content.storages().find(key);
    if (storage == content.storages().end()) {
      fail<InputError>("{}: storage {} belongs to no tensor", name, key);
    }
    std::uint64_t count = 0;
    if (bytes.size() - at < sizeof(count)) fail<InputError>("{}: storage {} is missing", name, key);
    std::memcpy(&count, bytes.data() + at, sizeof(count));
    at += sizeof(count);
    const std::uint64_t wanted = count * storage->second.element.size;
    if (count != storage->second.elements || wanted > bytes.size() - at) {
      fail<InputError>("{}: storage {}: expected {} elements, got {} in the last {} bytes", name,
                       key, storage->second.elements, count, bytes.size() - at);
    }
    if (!found.emplace(key, bytes.subspan(at, static_cast<std::size_t>(wanted))).second) {
      fail<InputError>("{}: two storages are called {}", name, key);
    }
    at += static_cast<std::size_t>(wanted);
  }
  for (const auto& [key, storage] : content.storages()) {
    if (!found.contains(key)) fail<InputError>("{}: storage {} is missing", name, key);
  }
  return content.tensors([&](const PytorchStorage& storage) { return found.at(storage.key); });
}

// The opcodes of protocol 2 that a state_dict takes.
class Writer {
 public:
  Bytes take() && { return std::move(out_); }

  void op(std::string_view bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }
  void global(std::string_view module, std::string_view name) {
    op("c");
    op(module);
    op("\n");
    op(name);
    op("\n");
  }
  void text(std::string_view value) {
    op("X");
    raw(static_cast<std::uint32_t>(value.size()));
    op(value);
  }
  void integer(std::uint64_t value) {
    if (value <= 0x7fffffff) {
      op("J");
      raw(static_cast<std::int32_t>(value));
    } else {
      op("\x8a\x08");
      raw(value);
    }
  }
  template <class List>
  void tuple(const List& values) {
    op("(");
    for (const auto value : values) integer(static_cast<std::uint64_t>(value));
    op("t");
  }
  void empty_dictionary() {
    global("collections", "OrderedDict");
    op(")R");
  }

 private:
  template <class T>
  void raw(T value) {
    const auto* bytes = reinterpret_cast<const char*>(&value);
    op({bytes, sizeof(T)});
  }
  Bytes out_;
};

}  // namespace

Weights read_pytorch(std::span<const std::uint8_t> bytes, std::string_view name) {
  if (is_zip(bytes)) return read_zip(bytes, name);
  if (bytes.size() > 2 && bytes[0] == 0x80) return read_legacy(bytes, name);
  fail<InputError>("{}: this is no PyTorch file: it is neither a zip archive nor a pickle", name);
}

Weights load_pytorch(const std::filesystem::path& path) {
  return read_pytorch(read_file(path), path.string());
}

Bytes write_pytorch(const Weights& tensors) {
  Writer writer;
  writer.op("\x80\x02");
  writer.empty_dictionary();
  writer.op("(");
  std::map<const std::byte*, std::string> keys;  // tensors of one memory share a storage
  std::vector<ZipMember> members{{"archive/data.pkl", {}}};
  for (const auto& [name, tensor] : tensors) {
    std::string key = std::to_string(members.size() - 1);
    const auto raw = tensor.raw();
    const auto [at, added] = keys.emplace(raw.data(), key);
    if (added || raw.empty()) {
      members.push_back(
          {"archive/data/" + key, {reinterpret_cast<const std::uint8_t*>(raw.data()), raw.size()}});
    } else {
      key = at->second;
    }
    writer.text(name);
    writer.global("torch._utils", "_rebuild_tensor_v2");
    writer.op("((");
    writer.text("storage");
    writer.global("torch", pytorch_storage_name(tensor.dtype()));
    writer.text(key);
    writer.text("cpu");
    writer.integer(static_cast<std::uint64_t>(tensor.elements()));
    writer.op("tQ");
    writer.integer(0);
    writer.tuple(tensor.shape());
    const Strides strides = dense_strides(tensor.shape());
    writer.tuple(std::span(strides).first(static_cast<std::size_t>(tensor.shape().rank())));
    writer.op("\x89");  // requires no gradient
    writer.empty_dictionary();
    writer.op("tR");
  }
  writer.op("u.");
  const Bytes pickle = std::move(writer).take();
  members[0].content = pickle;
  const std::string version = "3\n";
  members.push_back(
      {"archive/version", {reinterpret_cast<const std::uint8_t*>(version.data()), version.size()}});
  return write_zip(members);
}

void save_pytorch(const std::filesystem::path& path, const Weights& tensors) {
  write_file(path, write_pytorch(tensors));
}

}  // namespace striate
