#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "codec/pictures.h"
#include "striate/base/error.h"
#include "striate/codec/image.h"

namespace striate {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;
using testing_pictures::abuse;
using testing_pictures::noise;
using Pixels = std::vector<std::uint8_t>;

void put32(Bytes& to, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8)
    to.push_back(static_cast<std::uint8_t>(value >> shift));
}

void put_chunk(Bytes& to, const std::string& type, const Bytes& data) {
  put32(to, static_cast<std::uint32_t>(data.size()));
  Bytes body(type.begin(), type.end());
  body.insert(body.end(), data.begin(), data.end());
  to.insert(to.end(), body.begin(), body.end());
  put32(to, static_cast<std::uint32_t>(crc32(0, body.data(), static_cast<uInt>(body.size()))));
}

struct Chunk {
  std::string type;
  Bytes data;
};

// A PNG from its parts. `rows` are the filtered rows, each beginning with its filter's number.
Bytes make_png(std::uint32_t width, std::uint32_t height, std::uint8_t depth, std::uint8_t colour,
               const Bytes& rows, const std::vector<Chunk>& chunks = {},
               std::uint8_t interlace = 0) {
  Bytes png{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  Bytes header;
  put32(header, width);
  put32(header, height);
  header.insert(header.end(), {depth, colour, 0, 0, interlace});
  put_chunk(png, "IHDR", header);
  for (const Chunk& chunk : chunks) put_chunk(png, chunk.type, chunk.data);
  uLongf packed = compressBound(rows.size());
  Bytes data(packed);
  compress(data.data(), &packed, rows.data(), rows.size());
  data.resize(packed);
  put_chunk(png, "IDAT", data);
  put_chunk(png, "IEND", {});
  return png;
}

std::string message_of(const Bytes& bytes) {
  try {
    decode_image(bytes, "pic.png");
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Png, GivesBackWhatWasEncoded) {
  for (const int channels : {1, 3}) {
    for (const auto& [width, height] : {std::pair{1, 1}, {7, 3}, {64, 65}}) {
      const Image image = noise(width, height, channels);
      EXPECT_EQ(decode_image(encode_png(image), "pic.png"), image);
    }
  }
}

TEST(Png, ScalesSixteenBitsToEight) {
  const Image image =
      decode_image(make_png(3, 1, 16, 0, {0, 0xff, 0xff, 0x80, 0x80, 0x00, 0x81}), "pic.png");
  EXPECT_EQ(image.channels, 1);
  EXPECT_EQ(image.pixels, (Pixels{255, 128, 1}));
}

TEST(Png, ExpandsFewBitsAndPalettes) {
  const Image bits = decode_image(make_png(4, 2, 1, 0, {0, 0b10100000, 0, 0b01010000}), "pic.png");
  EXPECT_EQ(bits.pixels, (Pixels{255, 0, 255, 0, 0, 255, 0, 255}));
  const Image palette =
      decode_image(make_png(2, 1, 8, 3, {0, 1, 0}, {{"PLTE", {1, 2, 3, 40, 50, 60}}}), "pic.png");
  EXPECT_EQ(palette.channels, 3);
  EXPECT_EQ(palette.pixels, (Pixels{40, 50, 60, 1, 2, 3}));
}

TEST(Png, LaysTransparencyOnWhite) {
  const Image rgba = decode_image(
      make_png(3, 1, 8, 6, {0, 10, 20, 30, 255, 10, 20, 30, 0, 0, 100, 200, 128}), "a");
  EXPECT_EQ(rgba.pixels, (Pixels{10, 20, 30, 255, 255, 255, 127, 177, 227}));
  const Image grey = decode_image(make_png(2, 1, 8, 4, {0, 10, 255, 10, 0}), "a");
  EXPECT_EQ(grey.channels, 1);
  EXPECT_EQ(grey.pixels, (Pixels{10, 255}));
  // The second entry of the palette is see-through.
  const Image palette = decode_image(
      make_png(2, 1, 8, 3, {0, 0, 1}, {{"PLTE", {1, 2, 3, 40, 50, 60}}, {"tRNS", {255, 0}}}), "a");
  EXPECT_EQ(palette.pixels, (Pixels{1, 2, 3, 255, 255, 255}));
}

TEST(Png, ReadsInterlaced) {
  // 2x2: pass 1 holds (0,0), pass 6 (1,0), pass 7 the second row.
  const Image image =
      decode_image(make_png(2, 2, 8, 0, {0, 11, 0, 12, 0, 21, 22}, {}, 1), "pic.png");
  EXPECT_EQ(image.pixels, (Pixels{11, 12, 21, 22}));
}

TEST(Png, PassesOverWhatDoesNotChangePixels) {
  const Bytes nonsense{1, 2, 3};
  const Image image = decode_image(
      make_png(1, 1, 8, 0, {0, 7},
               {{"gAMA", nonsense}, {"iCCP", nonsense}, {"zTXt", nonsense}, {"abCd", nonsense}}),
      "pic.png");
  EXPECT_EQ(image.pixels, Pixels{7});
}

TEST(Png, SaysWhatIsWrong) {
  EXPECT_THAT(message_of({}), AllOf(HasSubstr("pic.png"), HasSubstr("got no bytes")));
  EXPECT_THAT(message_of({'G', 'I', 'F', '8', '9'}), HasSubstr("begins with 47 49 46 38"));
  EXPECT_THAT(message_of({0x89}), HasSubstr("begins with 89"));
  const Bytes good = encode_png(noise(8, 8, 3));
  EXPECT_THAT(message_of(Bytes(good.begin(), good.end() - 20)), HasSubstr("truncated"));
  Bytes flipped = good;
  flipped[flipped.size() - 30] ^= 1;  // in the compressed pixels
  EXPECT_THAT(message_of(flipped), HasSubstr("pic.png: bad PNG: "));
  // Too few rows for the height.
  EXPECT_THAT(message_of(make_png(1, 5, 8, 0, {0, 1, 0, 2})), HasSubstr("bad PNG"));
}

TEST(Png, TakesNoMemoryForAClaim) {
  EXPECT_THAT(message_of(make_png(8192, 8192, 8, 6, {0, 1})), HasSubstr("cannot hold 8192x8192"));
  EXPECT_THAT(message_of(make_png(900000, 900000, 8, 0, {0, 1})), HasSubstr("expected 1 to"));
  EXPECT_THAT(message_of(make_png(0x7fffffff, 1, 8, 0, {0, 1})), HasSubstr("bad PNG"));
}

TEST(Png, SurvivesAnyBytes) {
  const auto decode = [](const Bytes& bytes) { decode_image(bytes, "pic.png"); };
  EXPECT_EQ(abuse(encode_png(noise(6, 5, 3)), 8, 1, decode), 0);
  const Bytes palette = make_png(3, 2, 2, 3, {0, 0b00011000, 0, 0b01101100},
                                 {{"PLTE", {1, 2, 3, 40, 50, 60, 7, 8, 9}}, {"tRNS", {255, 0}}}, 1);
  abuse(palette, 8, 1, decode);
}

TEST(Png, ReadsFilesAndNamesThem) {
  EXPECT_THAT([] { read_image("/nonexistent/cat.png"); },
              ThrowsMessage<InputError>(HasSubstr("/nonexistent/cat.png")));
}

// Masks: what is stored, not what it looks like.
TEST(Png, NumbersAreThoseStored) {
  // Two pixels a row of 4 bits: 1 and 11, 15 and 0.
  const Image grey = decode_numbers(make_png(2, 2, 4, 0, {0, 0x1b, 0, 0xf0}), "grey");
  EXPECT_EQ(grey.pixels, (Pixels{1, 11, 15, 0}));
  const Chunk palette{"PLTE", {10, 20, 30, 40, 50, 60, 70, 80, 90}};
  const Image indices = decode_numbers(make_png(2, 1, 8, 3, {0, 2, 1}, {palette}), "palette");
  EXPECT_EQ(indices.pixels, (Pixels{2, 1}));
  EXPECT_THAT(
      [&] { decode_numbers(encode_png(noise(3, 3, 3)), "rgb.png"); },
      ThrowsMessage<InputError>("rgb.png: bad PNG: expected grey of up to 8 bits or a palette"));
  EXPECT_THAT([&] { decode_numbers(Bytes{'x'}, "x.png"); },
              ThrowsMessage<InputError>("x.png: expected a PNG file"));
}

TEST(Png, PalettesComeBack) {
  const std::vector<std::array<std::uint8_t, 3>> palette{{1, 2, 3}, {250, 0, 9}, {7, 7, 7}};
  Image image(5, 2, 1);
  image.pixels = {0, 1, 2, 1, 0, 2, 2, 2, 1, 1};
  const Bytes png = encode_png(image, palette);
  EXPECT_EQ(decode_numbers(png, "mask"), image);
  const Image colours = decode_image(png, "mask");
  ASSERT_EQ(colours.channels, 3);
  EXPECT_EQ(colours.pixels[3], 250);
}

}  // namespace
}  // namespace striate
