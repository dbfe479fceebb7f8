#include "striate/formats/safetensors.h"

#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "striate/base/error.h"
#include "striate/base/random.h"
#include "testing/temporary_folder.h"

namespace striate {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// A file with this header, written as it stands, and this much data.
Bytes file_of(const std::string& header, std::size_t data_bytes) {
  const std::uint64_t length = header.size();
  Bytes bytes(8 + header.size() + data_bytes);
  std::memcpy(bytes.data(), &length, 8);
  std::memcpy(bytes.data() + 8, header.data(), header.size());
  return bytes;
}

std::string error_of(const Bytes& bytes) {
  try {
    read_safetensors(bytes, "f.safetensors");
  } catch (const InputError& error) {
    const std::string what = error.what();
    EXPECT_EQ(what.find('\n'), std::string::npos) << what;
    EXPECT_THAT(what, testing::StartsWith("f.safetensors: "));
    return what;
  }
  return "no error";
}

std::string error_of(const std::string& header, std::size_t data_bytes) {
  return error_of(file_of(header, data_bytes));
}

SafeTensors sample() {
  SafeTensors file;
  file.tensors["conv1.weight"] =
      Tensor::of<float>({1, 2, 3}, std::vector<float>{0, -1, 2.5, 1e-30F, INFINITY, 7});
  file.tensors["a.double"] = Tensor::of<double>({2}, std::vector<double>{1.0 / 3, -0.0});
  file.tensors["steps"] = Tensor::of<std::int64_t>({}, std::vector<std::int64_t>{-(1LL << 40)});
  file.tensors["ints"] = Tensor::of<std::int32_t>({1, 1}, std::vector<std::int32_t>{-5});
  file.tensors["bytes"] = Tensor::of<std::uint8_t>({3}, std::vector<std::uint8_t>{0, 128, 255});
  file.tensors["flags"] = Tensor(DType::boolean, {2});
  file.tensors["flags"].data<bool>()[1] = true;
  file.tensors["none"] = Tensor(DType::f32, {4, 0});
  file.metadata = {{"model", "lenet5"}, {"classes", "[\"Ärmel\",\"\\n\"]"}};
  return file;
}

void expect_equal(const SafeTensors& a, const SafeTensors& b) {
  EXPECT_EQ(a.metadata, b.metadata);
  ASSERT_EQ(a.tensors.size(), b.tensors.size());
  for (const auto& [name, tensor] : a.tensors) {
    ASSERT_TRUE(b.tensors.contains(name)) << name;
    const Tensor& other = b.tensors.at(name);
    EXPECT_EQ(tensor.dtype(), other.dtype()) << name;
    EXPECT_EQ(tensor.shape(), other.shape()) << name;
    EXPECT_EQ(std::memcmp(tensor.raw().data(), other.raw().data(), tensor.bytes()), 0) << name;
  }
}

TEST(Safetensors, ReadsBackWhatItWrote) {
  const SafeTensors file = sample();
  const Bytes bytes = write_safetensors(file);
  expect_equal(read_safetensors(bytes, "memory"), file);
  EXPECT_EQ(write_safetensors(read_safetensors(bytes, "memory")), bytes);
  expect_equal(read_safetensors(write_safetensors({}), "memory"), {});
}

TEST(Safetensors, WritesTheFormByteForByte) {
  SafeTensors file;
  file.tensors["b"] = Tensor::of<std::uint8_t>({2}, std::vector<std::uint8_t>{1, 2});
  file.tensors["w"] = Tensor::of<float>({1}, std::vector<float>{1});
  file.metadata["k"] = "v";
  std::string header = R"({"__metadata__":{"k":"v"},)"
                       R"("w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                       R"("b":{"dtype":"U8","shape":[2],"data_offsets":[4,6]}})";
  header.append((8 - header.size() % 8) % 8, ' ');
  Bytes expected = file_of(header, 6);
  const std::array<std::uint8_t, 6> data = {0, 0, 0x80, 0x3F, 1, 2};
  std::copy(data.begin(), data.end(), expected.end() - 6);
  EXPECT_EQ(write_safetensors(file), expected);
}

TEST(Safetensors, WidensHalfPrecision) {
  const std::string header = R"({"h":{"dtype":"F16","shape":[7],"data_offsets":[0,14]},)"
                             R"("b":{"dtype":"BF16","shape":[2],"data_offsets":[14,18]}})";
  Bytes bytes = file_of(header, 18);
  // 1, -2, largest, smallest subnormal, -0, infinity, NaN; 3.140625 and -1 in bfloat16.
  const std::array<std::uint16_t, 9> values = {0x3C00, 0xC000, 0x7BFF, 0x0001, 0x8000,
                                               0x7C00, 0x7E00, 0x4049, 0xBF80};
  std::memcpy(bytes.data() + bytes.size() - 18, values.data(), 18);
  const SafeTensors file = read_safetensors(bytes, "memory");
  const float* h = file.tensors.at("h").data<float>();
  EXPECT_EQ(h[0], 1.0F);
  EXPECT_EQ(h[1], -2.0F);
  EXPECT_EQ(h[2], 65504.0F);
  EXPECT_EQ(h[3], 0x1p-24F);
  EXPECT_TRUE(h[4] == 0 && std::signbit(h[4]));
  EXPECT_EQ(h[5], std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(h[6]));
  EXPECT_EQ(file.tensors.at("b").data<float>()[0], 3.140625F);
  EXPECT_EQ(file.tensors.at("b").data<float>()[1], -1.0F);
}

TEST(Safetensors, SavesAndLoads) {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder / "sample.safetensors";
  save_safetensors(path, sample());
  expect_equal(load_safetensors(path), sample());
  std::filesystem::remove(path);
  EXPECT_THROW(load_safetensors(path), InputError);
  EXPECT_THROW(save_safetensors("/nowhere/at/all.safetensors", sample()), SystemError);
}

TEST(Safetensors, RefusesNamesItCannotWrite) {
  SafeTensors file;
  file.tensors["__metadata__"] = Tensor(DType::f32, {1});
  EXPECT_THROW(write_safetensors(file), InputError);
  SafeTensors other;
  other.tensors["\xFF"] = Tensor(DType::f32, {1});
  EXPECT_THROW(write_safetensors(other), InputError);
}

std::string entry(const std::string& rest) { return R"({"w":{)" + rest + "}}"; }

TEST(Safetensors, NamesWhatIsWrong) {
  EXPECT_THAT(error_of(Bytes(5)), HasSubstr("expected at least 8 bytes, got 5"));
  EXPECT_THAT(error_of(Bytes(8, 0xFF)), HasSubstr("its header takes 18446744073709551615 bytes"));
  EXPECT_THAT(error_of("", 0), HasSubstr("not JSON"));
  EXPECT_THAT(error_of("[]", 0), HasSubstr("not an object"));
  EXPECT_THAT(error_of("7", 0), HasSubstr("the number 7, not an object"));
  EXPECT_THAT(error_of("{} {}", 0), HasSubstr("not JSON"));
  EXPECT_THAT(error_of("{\"\xC0\xAF\":1}", 0), HasSubstr("UTF-8"));
  EXPECT_THAT(error_of(R"({"__metadata__":{"a":1}})", 0), HasSubstr("expected a text"));
  EXPECT_THAT(error_of(R"({"__metadata__":{"a":"1","a":"2"}})", 0), HasSubstr("\"a\" twice"));
  EXPECT_THAT(error_of(R"({"w":3})", 0), HasSubstr("\"w\": expected an object"));
  EXPECT_THAT(error_of(R"({"a\nb":3})", 0), HasSubstr(R"("a\nb")"));
  EXPECT_THAT(error_of(R"({"w":{"dtype":{}}})", 0), HasSubstr("dtype is an object"));
  EXPECT_THAT(error_of("{}", 1), HasSubstr("expected 0 bytes of tensors, got 1"));
}

TEST(Safetensors, NamesTheTensorThatIsWrong) {
  const auto wrong = [](const std::string& dtype, const std::string& shape,
                        const std::string& offsets, std::size_t data) {
    return error_of(
        entry(fmt::format(R"("dtype":"{}","shape":{},"data_offsets":{})", dtype, shape, offsets)),
        data);
  };
  const auto names = [](const char* what) { return AllOf(HasSubstr("\"w\""), HasSubstr(what)); };
  EXPECT_THAT(wrong("F32", "[1]", "[0,4]", 4), "no error");
  EXPECT_THAT(wrong("F32", "[1]", "[0,4]", 3), names("data_offsets [0, 4]"));
  EXPECT_THAT(wrong("F32", "[1]", "[1,5]", 5), names("do not follow byte 0"));
  EXPECT_THAT(wrong("F32", "[1]", "[4,0]", 4), names("data_offsets [4, 0]"));
  EXPECT_THAT(wrong("F32", "[2]", "[0,4]", 4), names("does not fill its 4 bytes"));
  EXPECT_THAT(wrong("F32", "[1]", "[0,5]", 5), names("does not fill its 5 bytes"));
  EXPECT_THAT(wrong("I16", "[1]", "[0,2]", 2), names("dtype \"I16\" is not read"));
  EXPECT_THAT(wrong("F32", "[-1]", "[0,4]", 4), names("shape holds the number -1"));
  EXPECT_THAT(wrong("F32", "[1.5]", "[0,4]", 4), names("shape holds the number 1.5"));
  EXPECT_THAT(wrong("F32", "[[1]]", "[0,4]", 4), names("shape holds a list"));
  EXPECT_THAT(wrong("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]", 4), names("more than 8 numbers"));
  EXPECT_THAT(wrong("F32", "[1]", "[0,4,8]", 4), names("more than 2 numbers"));
  EXPECT_THAT(wrong("F32", "[1]", "[0]", 4), names("expected two data_offsets"));
  EXPECT_THAT(wrong("F32", "1", "[0,4]", 4), names("shape is the number 1"));
  // 2^32 * 2^32 elements are 0 in 64 bits; 2^62 elements of 4 bytes too.
  EXPECT_THAT(wrong("F32", "[4294967296,4294967296]", "[0,0]", 0), names("does not fill"));
  EXPECT_THAT(wrong("F32", "[4611686018427387904]", "[0,0]", 0), names("does not fill"));
  EXPECT_THAT(wrong("F32", "[9223372036854775808,0]", "[0,0]", 0), names("does not fill"));
  EXPECT_THAT(error_of(entry(R"("dtype":"F32","shape":[1])"), 4), names("has no data_offsets"));
  EXPECT_THAT(error_of(entry(R"("type":"F32")"), 4), names("unknown field \"type\""));
  Bytes flag = file_of(entry(R"("dtype":"BOOL","shape":[1],"data_offsets":[0,1])"), 1);
  flag.back() = 2;
  EXPECT_THAT(error_of(flag), names("neither 0 nor 1"));
}

TEST(Safetensors, RefusesTensorsOverOneAnother) {
  const auto two = [](const char* offsets) {
    return fmt::format(R"({{"a":{{"dtype":"U8","shape":[4],"data_offsets":[0,4]}},)"
                       R"("b":{{"dtype":"U8","shape":[4],"data_offsets":{}}}}})",
                       offsets);
  };
  EXPECT_EQ(error_of(two("[4,8]"), 8), "no error");
  EXPECT_THAT(error_of(two("[2,6]"), 6), HasSubstr("tensor \"b\""));
  EXPECT_THAT(error_of(two("[5,9]"), 9), HasSubstr("do not follow byte 4"));
  EXPECT_THAT(error_of(two("[0,4]"), 4), HasSubstr("do not follow byte 4"));
  EXPECT_THAT(error_of(R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{}})", 0),
              HasSubstr("\"a\" twice"));
}

TEST(Safetensors, DepthCostsNothing) {
  EXPECT_THAT(error_of(std::string(1 << 20, '['), 0), HasSubstr("not an object"));
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "{\"a\":";
  EXPECT_THAT(error_of(deep, 0), HasSubstr("unknown field"));
  EXPECT_THAT(error_of(R"({"w":{"shape":)" + std::string(1 << 20, '['), 0), HasSubstr("a list"));
}

TEST(Safetensors, SurvivesTruncationAtEveryLength) {
  const Bytes bytes = write_safetensors(sample());
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const Bytes cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length));
    EXPECT_NE(error_of(cut), "no error") << length;
  }
  Bytes longer = bytes;
  longer.push_back(0);
  EXPECT_NE(error_of(longer), "no error");
}

// Whatever is flipped, the file is read or refused with one line; nothing else may come out.
TEST(Safetensors, SurvivesFlippedBitsAndRandomBytes) {
  const Bytes bytes = write_safetensors(sample());
  int refused = 0;
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    Bytes flipped = bytes;
    flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ (1U << (bit % 8)));
    if (error_of(flipped) != "no error") ++refused;
  }
  EXPECT_GT(refused, 500);
  for (std::uint64_t round = 0; round < 3000; ++round) {
    Random random({.seed = 1, .purpose = purpose_of("flips")}, round);
    Bytes changed = bytes;
    const std::uint32_t changes = 1 + random.below(8);
    for (std::uint32_t i = 0; i < changes; ++i) {
      // Mostly inside the header, where there is something to misunderstand.
      const auto at = random.below(static_cast<std::uint32_t>(changed.size()));
      changed[at] = static_cast<std::uint8_t>("{}[]\",:0129-.eE\\u \xFF"[random.below(19)]);
    }
    error_of(changed);
  }
}

}  // namespace
}  // namespace striate
