#include "striate/formats/npy.h"

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "striate/base/error.h"
#include "striate/codec/npy.h"
#include "testing/temporary_folder.h"

namespace striate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Bytes file(const std::string& header, std::size_t zeros, std::uint8_t version = 1) {
  std::string text = "\x93NUMPY";
  text += static_cast<char>(version);
  text += '\0';
  text += static_cast<char>(header.size() % 256);
  text += static_cast<char>(header.size() / 256);
  if (version > 1) text += std::string(2, '\0');
  text += header + std::string(zeros, '\0');
  return {text.begin(), text.end()};
}

std::string error_of(const Bytes& bytes) {
  try {
    read_npy_tensor(bytes, "x.npy");
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Npy, ReadsWhatItWrites) {
  const Tensor tensors[] = {Tensor::of<float>({2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6.5F}),
                            Tensor::of<double>({}, std::vector<double>{0.1}),
                            Tensor::of<std::int64_t>({3}, std::vector<std::int64_t>{-1, 0, 1}),
                            Tensor::of<std::int32_t>({1, 1, 1, 1}, std::vector<std::int32_t>{7}),
                            Tensor::of<std::uint8_t>({2}, std::vector<std::uint8_t>{0, 255}),
                            Tensor(DType::boolean, {4}),
                            Tensor(DType::f32, {0, 5})};
  for (const Tensor& tensor : tensors) {
    const Bytes bytes = write_npy_tensor(tensor);
    EXPECT_EQ((bytes.size() - tensor.bytes()) % 64, 0U);
    const Tensor read = read_npy_tensor(bytes, "x.npy");
    EXPECT_EQ(read.dtype(), tensor.dtype());
    EXPECT_EQ(read.shape(), tensor.shape());
    EXPECT_TRUE(std::equal(tensor.raw().begin(), tensor.raw().end(), read.raw().begin()));
  }
}

TEST(Npy, ReadsOtherOrders) {
  Bytes fortran = file("{'descr': '<i4', 'fortran_order': True, 'shape': (2, 3), }\n", 24);
  for (int i = 0; i < 6; ++i)
    fortran[fortran.size() - 24 + 4 * static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(i);
  EXPECT_THAT(read_npy_tensor(fortran, "x.npy").values<std::int32_t>(),
              ElementsAre(0, 2, 4, 1, 3, 5));
  for (const std::uint8_t version : {1, 2, 3}) {
    Bytes big = file("{\"shape\":(1L,),'fortran_order':False,'descr':'>i2'}", 2, version);
    big.back() = 5;
    EXPECT_THAT(read_npy_tensor(big, "x.npy").values<std::int32_t>(), ElementsAre(5));
  }
}

TEST(Npy, RefusesHostileHeaders) {
  const auto header = [](const std::string& text, std::size_t zeros = 8) {
    return error_of(file(text, zeros));
  };
  const std::string good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
  EXPECT_EQ(header(good), "no error");
  EXPECT_THAT(header(good, 12), HasSubstr("shape (2) of f4 does not fill its 12 bytes"));
  EXPECT_THAT(header(good, 7), HasSubstr("does not fill its 7 bytes"));
  const auto shape = [&](const std::string& text) {
    return header("{'descr': '<f4', 'fortran_order': False, 'shape': " + text + ", }");
  };
  EXPECT_THAT(shape("(1152921504606846976, 16)"), HasSubstr("does not fill"));
  EXPECT_THAT(shape("(4294967296, 4294967296, 2)"), HasSubstr("does not fill"));
  EXPECT_THAT(shape("(-2,)"), HasSubstr("expected a size"));
  EXPECT_THAT(shape("(2"), HasSubstr("expected a size"));
  EXPECT_THAT(shape("__import__('os')"), HasSubstr("expected ("));
  EXPECT_THAT(shape("(1,1,1,1,1,1,1,1,2)"), HasSubstr("expected at most 8 axes, got 9"));
  EXPECT_THAT(header("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"),
              HasSubstr("type |O is not read here"));
  EXPECT_THAT(header("{'descr': '<u4', 'fortran_order': False, 'shape': (2,), }"),
              HasSubstr("numbers of type u4 are not read here"));
  EXPECT_THAT(header("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }"),
              HasSubstr("expected a quoted text"));
  EXPECT_THAT(header("{'descr': '<f4', 'descr': '<f4', }"), HasSubstr("unexpected descr"));
  EXPECT_THAT(header("{'descr': '<f4', }"), HasSubstr("expected descr, fortran_order and shape"));
  EXPECT_THAT(header(good + "x"), HasSubstr("something follows it"));
  EXPECT_THAT(error_of(file(good, 8, 4)), HasSubstr("expected version 1.0, 2.0 or 3.0, got 4.0"));
  EXPECT_THAT(error_of({}), HasSubstr("x.npy: this is no array of NumPy"));
  const Bytes whole = file(good, 8);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_NE(error_of(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length))),
              "no error");
  }
}

TEST(Npy, AgreesWithNumPy) {
  if (std::system("/usr/bin/python3 -c 'import numpy' 2>/dev/null") != 0) {
    GTEST_SKIP() << "NumPy is absent: install python3-numpy";
  }
  const TemporaryFolder folder;
  save_npy(folder / "ours.npy", Tensor::of<float>({2, 2}, std::vector<float>{1, 2, 3, 4.5F}));
  write_file(folder / "there.py", std::string_view(R"(
import sys, numpy as np
folder = sys.argv[1]
assert np.load(folder + '/ours.npy').tolist() == [[1, 2], [3, 4.5]]
np.save(folder + '/f.npy', np.asfortranarray(np.arange(24, dtype='>f8').reshape(2, 3, 4)))
np.save(folder + '/h.npy', np.array([1.5, -2], dtype=np.float16))
)"));
  const std::string line = "/usr/bin/python3 " + (folder / "there.py") + " " + folder.path();
  ASSERT_EQ(std::system(line.c_str()), 0);
  const Tensor f = load_npy(folder / "f.npy");
  ASSERT_EQ(f.shape(), (Shape{2, 3, 4}));
  for (int i = 0; i < 24; ++i) EXPECT_EQ(f.data<double>()[i], i);
  EXPECT_THAT(load_npy(folder / "h.npy").values<float>(), ElementsAre(1.5F, -2.0F));
}

}  // namespace
}  // namespace striate
