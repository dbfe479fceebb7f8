#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <string>

#include <png.h>

#include "codec/picture_codecs.h"
#include "striate/base/error.h"

namespace striate {
namespace {

// What libpng reads from, and where it leaves its message. Its errors come back by longjmp, so the
// functions that call setjmp here hold no object with a destructor.
struct Reader {
  std::span<const std::uint8_t> rest;
  png_structp png = nullptr;
  png_infop info = nullptr;
  char message[160] = "";

  Reader() = default;
  ~Reader() { png_destroy_read_struct(&png, &info, nullptr); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
};

struct Header {
  std::uint32_t width;
  std::uint32_t height;
  std::size_t stored_row_bytes;
  int channels;
};

[[noreturn]] void on_error(png_structp png, png_const_charp text) {
  auto* reader = static_cast<Reader*>(png_get_error_ptr(png));
  std::snprintf(reader->message, sizeof reader->message, "%s", text);
  png_longjmp(png, 1);
}

void read_bytes(png_structp png, png_bytep into, std::size_t count) {
  auto* reader = static_cast<Reader*>(png_get_io_ptr(png));
  if (reader->rest.size() < count) png_error(png, "truncated: the file ends within its data");
  std::memcpy(into, reader->rest.data(), count);
  reader->rest = reader->rest.subspan(count);
}

bool read_header(Reader& reader, Header& header, PngPixels pixels) {
  if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
  png_set_read_fn(reader.png, &reader, read_bytes);
  // Chunks that do not change the pixels are skipped unread: a profile that libpng frowns at is no
  // fault of the picture, and a text chunk may unpack to anything.
  png_set_keep_unknown_chunks(reader.png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
  png_read_info(reader.png, reader.info);
  header.width = png_get_image_width(reader.png, reader.info);
  header.height = png_get_image_height(reader.png, reader.info);
  header.stored_row_bytes = png_get_rowbytes(reader.png, reader.info);
  const int type = png_get_color_type(reader.png, reader.info);
  if (pixels == PngPixels::numbers) {
    const bool numbers = type == PNG_COLOR_TYPE_GRAY || type == PNG_COLOR_TYPE_PALETTE;
    if (!numbers || png_get_bit_depth(reader.png, reader.info) > 8) {
      png_error(reader.png, "expected grey of up to 8 bits or a palette");
    }
    png_set_packing(reader.png);  // a byte a pixel, its value as it is
  } else {
    png_set_expand(reader.png);
    png_set_scale_16(reader.png);
  }
  png_set_interlace_handling(reader.png);
  png_read_update_info(reader.png, reader.info);
  header.channels = png_get_channels(reader.png, reader.info);
  return true;
}

bool read_rows(Reader& reader, png_bytepp rows) {
  if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
  png_read_image(reader.png, rows);
  png_read_end(reader.png, nullptr);
  return true;
}

// Lays grey-alpha or RGBA pixels on white, dropping the alpha.
Image on_white(const Image& image) {
  const int colours = image.channels - 1;
  Image result(image.width, image.height, colours);
  const std::uint8_t* from = image.pixels.data();
  std::uint8_t* to = result.pixels.data();
  const std::uint8_t* const end = from + image.pixels.size();
  for (; from != end; from += image.channels) {
    const unsigned alpha = from[colours];
    for (int c = 0; c < colours; ++c) {
      *to++ = static_cast<std::uint8_t>((from[c] * alpha + 255U * (255U - alpha) + 127U) / 255U);
    }
  }
  return result;
}

}  // namespace

Image decode_png(std::span<const std::uint8_t> content, std::string_view name, PngPixels pixels) {
  Reader reader;
  reader.rest = content;
  reader.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader, on_error, on_error);
  if (reader.png != nullptr) reader.info = png_create_info_struct(reader.png);
  if (reader.info == nullptr) fail<SystemError>("{}: out of memory for decoding", name);

  const auto damaged = [&] { fail<InputError>("{}: bad PNG: {}", name, reader.message); };
  Header header{};
  if (!read_header(reader, header, pixels)) damaged();
  check_picture_size(header.width, header.height, name);
  // Deflate packs at most 1032 bytes into one: a file too small for its pixels is seen before
  // memory is taken for them.
  if (header.stored_row_bytes * header.height / 1032 > content.size()) {
    fail<InputError>("{}: bad PNG: truncated: {} bytes cannot hold {}x{} pixels", name,
                     content.size(), header.width, header.height);
  }
  Image image(static_cast<int>(header.width), static_cast<int>(header.height), header.channels);
  std::vector<png_bytep> rows(header.height);
  for (int y = 0; y < image.height; ++y) rows[static_cast<std::size_t>(y)] = image.row(y);
  if (!read_rows(reader, rows.data())) damaged();
  return image.channels % 2 == 0 ? on_white(image) : image;
}

Bytes encode_png(const Image& image) {
  invariant(image.channels == 1 || image.channels == 3, "encode_png: a picture is grey or RGB");
  invariant(image.width > 0 && image.height > 0 &&
                image.pixels.size() == image.row_bytes() * static_cast<std::size_t>(image.height),
            "encode_png: sizes and pixels disagree");
  png_image header{};
  header.version = PNG_IMAGE_VERSION;
  header.width = static_cast<png_uint_32>(image.width);
  header.height = static_cast<png_uint_32>(image.height);
  header.format = image.channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  png_alloc_size_t bytes = PNG_IMAGE_PNG_SIZE_MAX(header);
  Bytes content(bytes);
  if (png_image_write_to_memory(&header, content.data(), &bytes, 0, image.pixels.data(), 0,
                                nullptr) == 0) {
    fail<SystemError>("a PNG of {}x{} could not be written: {}", image.width, image.height,
                      header.message);
  }
  content.resize(bytes);
  return content;
}

Bytes encode_png(const Image& indices, std::span<const std::array<std::uint8_t, 3>> palette) {
  invariant(
      indices.channels == 1 && indices.width > 0 && indices.height > 0 &&
          indices.pixels.size() == indices.row_bytes() * static_cast<std::size_t>(indices.height),
      "encode_png: sizes and pixels disagree");
  invariant(palette.size() <= 256 &&
                *std::max_element(indices.pixels.begin(), indices.pixels.end()) < palette.size(),
            "encode_png: an index without a colour");
  png_image header{};
  header.version = PNG_IMAGE_VERSION;
  header.width = static_cast<png_uint_32>(indices.width);
  header.height = static_cast<png_uint_32>(indices.height);
  header.format = PNG_FORMAT_RGB_COLORMAP;
  header.colormap_entries = static_cast<png_uint_32>(palette.size());
  png_alloc_size_t bytes = PNG_IMAGE_PNG_SIZE_MAX(header);
  Bytes content(bytes);
  if (png_image_write_to_memory(&header, content.data(), &bytes, 0, indices.pixels.data(), 0,
                                palette.data()) == 0) {
    fail<SystemError>("a PNG of {}x{} could not be written: {}", indices.width, indices.height,
                      header.message);
  }
  content.resize(bytes);
  return content;
}

}  // namespace striate
