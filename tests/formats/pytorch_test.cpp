#include "striate/formats/pytorch.h"

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "striate/base/error.h"
#include "striate/codec/zip.h"
#include "testing/paths.h"
#include "testing/temporary_folder.h"

namespace striate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

Weights stored(const std::string& name) {
  return load_pytorch(std::string(kSourceFolder) + "/fuzz/corpus/pytorch/" + name);
}

// Written by PyTorch 1.13: {'module.a.weight': arange(6).reshape(2, 3), 'module.a.tied': the same,
// 'module.b': tensor(7)}.
TEST(Pytorch, ReadsTheZipLayout) {
  const Weights tensors = stored("zip.pth");
  ASSERT_EQ(tensors.size(), 3U);
  EXPECT_EQ(tensors.at("a.weight").shape(), (Shape{2, 3}));
  EXPECT_THAT(tensors.at("a.weight").values<float>(), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_EQ(tensors.at("a.tied").raw().data(), tensors.at("a.weight").raw().data());
  EXPECT_EQ(tensors.at("b").shape(), Shape());
  EXPECT_THAT(tensors.at("b").values<std::int64_t>(), ElementsAre(7));
}

// A checkpoint of the older layout: {'state_dict': {'x': arange(6).half()[1:4], 'y': a transposed
// matrix, 'z': truth values}, 'optimizer': other tensors, …}.
TEST(Pytorch, ReadsTheOlderLayout) {
  const Weights tensors = stored("legacy.pth");
  ASSERT_EQ(tensors.size(), 3U);
  EXPECT_THAT(tensors.at("x").values<float>(), ElementsAre(1, 2, 3));
  EXPECT_EQ(tensors.at("y").shape(), (Shape{2, 2}));
  EXPECT_THAT(tensors.at("y").values<float>(), ElementsAre(1, 3, 2, 4));
  EXPECT_THAT(tensors.at("z").values<bool>(), ElementsAre(true, false));
}

Weights some_tensors() {
  Weights tensors;
  tensors["w"] = Tensor::of<float>({2, 1, 3}, std::vector<float>{1, -2, 3.5F, 0, 1e-30F, 6});
  tensors["same"] = tensors["w"];
  tensors["count"] = Tensor::of<std::int64_t>({}, std::vector<std::int64_t>{-7});
  tensors["double"] = Tensor::of<double>({2}, std::vector<double>{0.1, 1e300});
  tensors["bytes"] = Tensor::of<std::uint8_t>({2}, std::vector<std::uint8_t>{0, 255});
  tensors["nothing"] = Tensor(DType::f32, {0, 4});
  return tensors;
}

TEST(Pytorch, ReadsWhatItWrites) {
  const Weights tensors = some_tensors();
  const Bytes bytes = write_pytorch(tensors);
  EXPECT_EQ(bytes, write_pytorch(tensors));
  const Weights read = read_pytorch(bytes, "m.pth");
  ASSERT_EQ(read.size(), tensors.size());
  for (const auto& [name, tensor] : tensors) {
    const Tensor& other = read.at(name);
    EXPECT_EQ(other.dtype(), tensor.dtype()) << name;
    EXPECT_EQ(other.shape(), tensor.shape()) << name;
    EXPECT_TRUE(std::equal(tensor.raw().begin(), tensor.raw().end(), other.raw().begin())) << name;
  }
}

// PyTorch itself, by its reader that executes nothing, and back in both layouts.
TEST(Pytorch, AgreesWithPyTorch) {
  if (std::system("/usr/bin/python3 -c 'import torch' 2>/dev/null") != 0) {
    GTEST_SKIP() << "PyTorch is absent: install python3-torch";
  }
  const TemporaryFolder folder;
  save_pytorch(folder / "ours.pth", some_tensors());
  write_file(folder / "there.py", std::string_view(R"(
import collections, sys, torch
read = torch.load(sys.argv[1] + '/ours.pth', weights_only=True)
assert read['w'].tolist() == [[[1, -2, 3.5]], [[0, torch.tensor(1e-30).item(), 6]]], read['w']
assert read['same'].data_ptr() == read['w'].data_ptr()
assert read['count'].item() == -7 and read['count'].shape == ()
assert read['double'].tolist() == [0.1, 1e300] and read['double'].dtype == torch.float64
assert read['bytes'].tolist() == [0, 255] and read['nothing'].shape == (0, 4)
torch.manual_seed(3)
made = collections.OrderedDict()
base = torch.randn(7, 5)
made['rows'] = base[2:5]
made['column'] = base[5:, 3]
made['bf16'] = torch.randn(4).bfloat16()
made['short'] = torch.tensor([-5, 300], dtype=torch.int16)
made['parameter'] = torch.nn.Parameter(torch.ones(2))
torch.save({'model': made, 'step': 5, 'names': ['x']}, sys.argv[1] + '/zip.pth')
torch.save(made, sys.argv[1] + '/old.pth', _use_new_zipfile_serialization=False)
torch.save({k: (v.float() if v.is_floating_point() else v.int()) for k, v in made.items()}, sys.argv[1] + '/plain.pth')
)"));
  const std::string line = "/usr/bin/python3 " + (folder / "there.py") + " " + folder.path();
  ASSERT_EQ(std::system(line.c_str()), 0);
  const Weights plain = load_pytorch(folder / "plain.pth");
  for (const char* file : {"zip.pth", "old.pth"}) {
    const Weights read = load_pytorch(folder / file);
    ASSERT_EQ(read.size(), 5U);
    for (const auto& [name, tensor] : plain) {
      const Tensor& other = read.at(name);
      EXPECT_EQ(other.dtype(), tensor.dtype()) << name;
      ASSERT_EQ(other.shape(), tensor.shape()) << name;
      EXPECT_TRUE(std::equal(tensor.raw().begin(), tensor.raw().end(), other.raw().begin()))
          << file << " " << name;
    }
  }
}

// A file whose storage 0 has six numbers and whose state_dict is written by hand.
std::string error_of(const std::string& entries, const std::string& more = "") {
  const std::string pickle = "\x80\x02}(" + entries + "u" + more + ".";
  const std::string numbers(24, '\0');
  const std::vector<ZipMember> members{{"a/data.pkl", bytes_of(pickle)},
                                       {"a/data/0", bytes_of(numbers)}};
  try {
    read_pytorch(write_zip(members), "h.pth");
  } catch (const InputError& error) {
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    return error.what();
  }
  return "no error";
}

std::string text(const std::string& value) {
  return "X" + std::string(1, static_cast<char>(value.size())) + std::string(3, '\0') + value;
}
std::string integers(const std::vector<std::int64_t>& values) {
  std::string tuple = "(";
  for (const std::int64_t value : values) tuple += "I" + std::to_string(value) + "\n";
  return tuple + "t";
}
// A name and its tensor.
std::string entry(const std::string& name, std::int64_t offset,
                  const std::vector<std::int64_t>& sizes, const std::vector<std::int64_t>& strides,
                  const std::string& count = "6", const std::string& key = "0",
                  const std::string& type = "Float") {
  return text(name) + "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + "ctorch\n" +
         type + "Storage\n" + text(key) + text("cpu") + "I" + count + "\ntQI" +
         std::to_string(offset) + "\n" + integers(sizes) + integers(strides) + "\x89NtR";
}

TEST(Pytorch, RefusesHostileFiles) {
  EXPECT_EQ(error_of(entry("w", 0, {2, 3}, {3, 1})), "no error");
  // Beyond the storage, by its offset, its strides and its sizes.
  EXPECT_EQ(error_of(entry("w", 1, {2, 3}, {3, 1})),
            "h.pth: tensor w: it goes to element 6 of a storage of 6");
  EXPECT_EQ(error_of(entry("w", 0, {2, 3}, {4, 1})),
            "h.pth: tensor w: it goes to element 6 of a storage of 6");
  EXPECT_THAT(error_of(entry("w", 0, {1, 1 << 20, 1 << 20, 1 << 20}, {0, 0, 0, 0})),
              HasSubstr("is more than the 6 elements of its storage"));
  EXPECT_THAT(error_of(entry("w", 0, {std::int64_t{1} << 60}, {1})), HasSubstr("expected 0 to"));
  EXPECT_THAT(error_of(entry("w", -1, {2}, {1})), HasSubstr("tensor w: expected 0 to"));
  EXPECT_THAT(error_of(entry("w", 0, {2}, {-1})), HasSubstr("tensor w: expected 0 to"));
  EXPECT_THAT(error_of(entry("w", 0, {2}, {1, 1})), HasSubstr("sizes and strides are not as many"));
  EXPECT_THAT(error_of(entry("w", 0, {7}, {0})), HasSubstr("[7] is more than the 6 elements"));
  // Over one another: each alone would be good.
  EXPECT_EQ(error_of(entry("a", 0, {4}, {1}) + entry("b", 2, {4}, {1})),
            "h.pth: tensor b: tensors lie over one another in storage 0");
  // A storage that is not as large as it says, missing, or two things at once.
  EXPECT_THAT(error_of(entry("w", 0, {2}, {1}, "1152921504606846976")),
              HasSubstr("a storage's size"));
  EXPECT_EQ(error_of(entry("w", 0, {2}, {1}, "7")), "h.pth: storage 0: expected 28 bytes, got 24");
  EXPECT_EQ(error_of(entry("w", 0, {2}, {1}, "6", "1")), "h.pth: storage 1 is missing");
  EXPECT_THAT(error_of(entry("a", 0, {2}, {1}) + entry("b", 2, {1}, {1}, "3", "0", "Double")),
              HasSubstr("0 is described in two ways"));
  // Names.
  EXPECT_EQ(error_of(entry("w", 0, {2}, {1}) + entry("w", 2, {2}, {1})),
            "h.pth: two tensors are called w");
  EXPECT_THAT(error_of(text("w") + "cos\nsystem\n(" + text("id") + "tR"),
              HasSubstr("it names os.system: only tensors are read, and nothing is ever called"));
  // A dictionary in itself, one of nothing, one of several.
  EXPECT_EQ(error_of("", "q\x01" + text("self") + "h\x01s"), "h.pth: no tensors are in it by name");
  EXPECT_EQ(error_of(text("a") + "K\x01"), "h.pth: no tensors are in it by name");
  EXPECT_EQ(error_of(text("p") + "}(" + entry("w", 0, {2}, {1}) + "u" + text("q") + "}(" +
                     entry("w", 2, {2}, {1}) + "u"),
            "h.pth: several dictionaries of tensors are in it: p, q");
  // A parameter of itself, and a tensor of what is no storage.
  EXPECT_THAT(error_of(text("w") + "ctorch._utils\n_rebuild_parameter\n)R"),
              HasSubstr("it is a parameter of nothing"));
  EXPECT_THAT(error_of(text("w") + "ctorch._utils\n_rebuild_tensor_v2\n(NNNNtR"),
              HasSubstr("tensor w: expected 0 to"));
}

TEST(Pytorch, RefusesOtherFiles) {
  const auto outcome = [](std::string_view content) -> std::string {
    try {
      read_pytorch(bytes_of(content), "f.pth");
    } catch (const InputError& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(outcome(""), HasSubstr("f.pth: this is no PyTorch file"));
  EXPECT_THAT(outcome("hello"), HasSubstr("f.pth: this is no PyTorch file"));
  EXPECT_THAT(outcome("\x80\x02K\x01."), HasSubstr("f.pth: this is no PyTorch file"));
  EXPECT_THAT(outcome("PK\x03\x04"), HasSubstr("its list of files is missing"));
  const std::vector<ZipMember> members{{"a/other", {}}};
  const Bytes other = write_zip(members);
  EXPECT_THAT(outcome({reinterpret_cast<const char*>(other.data()), other.size()}),
              HasSubstr("expected data.pkl in it"));
}

}  // namespace
}  // namespace striate
