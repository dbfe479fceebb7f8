#include <cmath>
#include <cstdio>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <jpeglib.h>

#include "codec/pictures.h"
#include "striate/base/error.h"
#include "striate/codec/image.h"

namespace striate {
namespace {

using testing::HasSubstr;
using testing_pictures::abuse;
using testing_pictures::noise;
using testing_pictures::slopes;

struct Style {
  bool progressive = false;
  bool arithmetic = false;
  bool adobe = true;
};

// Quality 100 without subsampling, from 1, 3 or (inks) 4 channels.
Bytes make_jpeg(const Image& image, const Style& style = {}) {
  jpeg_compress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* memory = nullptr;
  unsigned long bytes = 0;
  jpeg_mem_dest(&jpeg, &memory, &bytes);
  jpeg.image_width = static_cast<JDIMENSION>(image.width);
  jpeg.image_height = static_cast<JDIMENSION>(image.height);
  jpeg.input_components = image.channels;
  jpeg.in_color_space = image.channels == 1   ? JCS_GRAYSCALE
                        : image.channels == 3 ? JCS_RGB
                                              : JCS_CMYK;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, 100, TRUE);
  for (int c = 0; c < jpeg.num_components; ++c) {
    jpeg.comp_info[c].h_samp_factor = jpeg.comp_info[c].v_samp_factor = 1;
  }
  if (style.progressive) jpeg_simple_progression(&jpeg);
  jpeg.arith_code = style.arithmetic ? TRUE : FALSE;
  if (!style.adobe) jpeg.write_Adobe_marker = FALSE;
  jpeg_start_compress(&jpeg, TRUE);
  while (jpeg.next_scanline < jpeg.image_height) {
    auto* row = const_cast<JSAMPROW>(image.row(static_cast<int>(jpeg.next_scanline)));
    jpeg_write_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  Bytes content(memory, memory + bytes);
  std::free(memory);
  return content;
}

int largest_difference(const Image& a, const Image& b) {
  EXPECT_EQ(a.width, b.width);
  EXPECT_EQ(a.height, b.height);
  EXPECT_EQ(a.channels, b.channels);
  int largest = 0;
  for (std::size_t i = 0; i < std::min(a.pixels.size(), b.pixels.size()); ++i) {
    largest = std::max(largest, std::abs(a.pixels[i] - b.pixels[i]));
  }
  return largest;
}

std::string message_of(const Bytes& bytes) {
  try {
    decode_image(bytes, "pic.jpg");
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Jpeg, GivesNearlyWhatWasEncoded) {
  for (const int channels : {1, 3}) {
    for (const bool progressive : {false, true}) {
      for (const bool arithmetic : {false, true}) {
        const Image image = slopes(37, 21, channels);
        const Bytes jpeg = make_jpeg(image, {.progressive = progressive, .arithmetic = arithmetic});
        EXPECT_LE(largest_difference(decode_image(jpeg, "pic.jpg"), image), 3)
            << channels << progressive << arithmetic;
      }
    }
  }
}

TEST(Jpeg, TurnsInksIntoColours) {
  // Adobe's way: the inks are stored inverted, so 255 is no ink.
  Image inks(8, 8, 4);
  for (std::size_t i = 0; i < inks.pixels.size(); i += 4) {
    inks.pixels[i] = 255;
    inks.pixels[i + 1] = 128;
    inks.pixels[i + 2] = 0;
    inks.pixels[i + 3] = 204;
  }
  Image expected(8, 8, 3);
  for (std::size_t i = 0; i < expected.pixels.size(); i += 3) {
    expected.pixels[i] = 204;
    expected.pixels[i + 1] = 102;
    expected.pixels[i + 2] = 0;
  }
  EXPECT_LE(largest_difference(decode_image(make_jpeg(inks), "a"), expected), 2);
  for (auto& value : inks.pixels) value = static_cast<std::uint8_t>(255 - value);
  EXPECT_LE(largest_difference(decode_image(make_jpeg(inks, {.adobe = false}), "a"), expected), 2);
}

TEST(Jpeg, SaysWhatIsWrong) {
  const Bytes good = make_jpeg(noise(24, 24, 3));
  EXPECT_THAT(message_of(Bytes(good.begin(), good.begin() + 20)), HasSubstr("pic.jpg: bad JPEG: "));
  EXPECT_THAT(message_of(Bytes(good.begin(), good.end() - 2)), HasSubstr("Premature end"));
}

TEST(Jpeg, RefusesTooManyPixels) {
  Bytes good = make_jpeg(slopes(16, 16, 1));
  // The frame header: ff c0, two bytes of length, one of depth, then height and width.
  for (std::size_t i = 0; i + 9 < good.size(); ++i) {
    if (good[i] == 0xff && good[i + 1] == 0xc0) {
      good[i + 5] = good[i + 7] = 0xf0;
      break;
    }
  }
  EXPECT_THAT(message_of(good), HasSubstr("expected 1 to 67108864 pixels"));
}

TEST(Jpeg, SurvivesAnyBytes) {
  const auto decode = [](const Bytes& bytes) { decode_image(bytes, "pic.jpg"); };
  for (const bool progressive : {false, true}) {
    for (const bool arithmetic : {false, true}) {
      const Bytes good =
          make_jpeg(slopes(9, 10, 3), {.progressive = progressive, .arithmetic = arithmetic});
      EXPECT_EQ(abuse(good, 3, 7, decode), 0) << progressive << arithmetic;
    }
  }
}

}  // namespace
}  // namespace striate
