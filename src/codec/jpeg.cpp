#include <algorithm>
#include <csetjmp>
#include <cstdio>

#include <jpeglib.h>

#include "codec/picture_codecs.h"
#include "striate/base/error.h"

namespace striate {
namespace {

// libjpeg's state and its handlers. Its errors come back by longjmp, so the functions that call
// setjmp here hold no object with a destructor.
struct Reader {
  jpeg_decompress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg_progress_mgr progress{};
  std::jmp_buf jump{};
  char message[JMSG_LENGTH_MAX] = "";

  Reader() = default;
  ~Reader() { jpeg_destroy_decompress(&jpeg); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
};

[[noreturn]] void on_error(j_common_ptr common) {
  auto* reader = static_cast<Reader*>(common->client_data);
  common->err->format_message(common, reader->message);
  std::longjmp(reader->jump, 1);
}

// Level -1 marks damage that libjpeg would paint over; the rest is chatter.
void on_message(j_common_ptr common, int level) {
  if (level < 0) on_error(common);
}

// A small progressive file may ask for thousands of passes over a large picture.
void on_progress(j_common_ptr common) {
  constexpr int kMaxScans = 500;
  auto* reader = static_cast<Reader*>(common->client_data);
  if (reader->jpeg.input_scan_number > kMaxScans) {
    std::snprintf(reader->message, sizeof reader->message, "more than %d scans", kMaxScans);
    std::longjmp(reader->jump, 1);
  }
}

bool read_header(Reader& reader, const std::uint8_t* content, std::size_t bytes) {
  reader.jpeg.err = jpeg_std_error(&reader.errors);
  reader.errors.error_exit = on_error;
  reader.errors.emit_message = on_message;
  reader.errors.output_message = [](j_common_ptr) {};
  reader.jpeg.client_data = &reader;
  if (setjmp(reader.jump) != 0) return false;
  jpeg_create_decompress(&reader.jpeg);
  reader.progress.progress_monitor = on_progress;
  reader.jpeg.progress = &reader.progress;
  jpeg_mem_src(&reader.jpeg, content, bytes);
  jpeg_read_header(&reader.jpeg, TRUE);
  switch (reader.jpeg.jpeg_color_space) {
    case JCS_GRAYSCALE:
      reader.jpeg.out_color_space = JCS_GRAYSCALE;
      break;
    case JCS_CMYK:
    case JCS_YCCK:
      reader.jpeg.out_color_space = JCS_CMYK;
      break;
    default:
      reader.jpeg.out_color_space = JCS_RGB;
  }
  jpeg_calc_output_dimensions(&reader.jpeg);
  return true;
}

bool read_rows(Reader& reader, std::uint8_t* pixels, std::size_t row_bytes) {
  if (setjmp(reader.jump) != 0) return false;
  jpeg_start_decompress(&reader.jpeg);
  while (reader.jpeg.output_scanline < reader.jpeg.output_height) {
    JSAMPROW row = pixels + reader.jpeg.output_scanline * row_bytes;
    jpeg_read_scanlines(&reader.jpeg, &row, 1);
  }
  jpeg_finish_decompress(&reader.jpeg);
  return true;
}

// Adobe's programs, which write nearly all of them, store the inks inverted and say so by a marker.
Image cmyk_to_rgb(const Image& image, bool inverted) {
  Image rgb(image.width, image.height, 3);
  const std::uint8_t* from = image.pixels.data();
  std::uint8_t* to = rgb.pixels.data();
  const std::uint8_t* const end = from + image.pixels.size();
  const unsigned flip = inverted ? 0 : 255;
  for (; from != end; from += 4) {
    for (int c = 0; c < 3; ++c) {
      *to++ = static_cast<std::uint8_t>(((from[c] ^ flip) * (from[3] ^ flip) + 127U) / 255U);
    }
  }
  return rgb;
}

}  // namespace

Image decode_jpeg(std::span<const std::uint8_t> content, std::string_view name) {
  Reader reader;
  const auto damaged = [&] { fail<InputError>("{}: bad JPEG: {}", name, reader.message); };
  if (!read_header(reader, content.data(), content.size())) damaged();
  check_picture_size(reader.jpeg.output_width, reader.jpeg.output_height, name);
  Image image(static_cast<int>(reader.jpeg.output_width),
              static_cast<int>(reader.jpeg.output_height), reader.jpeg.out_color_components);
  if (!read_rows(reader, image.pixels.data(), image.row_bytes())) damaged();
  if (image.channels == 4) return cmyk_to_rgb(image, reader.jpeg.saw_Adobe_marker != 0);
  return image;
}

}  // namespace striate
