#include "cli/harness.h"

namespace striate {
namespace {

using testing::CommandTest;
using ::testing::HasSubstr;
using testing::Outcome;

class Filter : public CommandTest {
 protected:
  // A slope to the right with a bright right half, each channel of its own.
  Image picture(int channels) const {
    Image image(9, 6, channels);
    for (int y = 0; y < 6; ++y) {
      for (int x = 0; x < 9; ++x) {
        for (int c = 0; c < channels; ++c) {
          image.row(y)[x * channels + c] =
              static_cast<std::uint8_t>(10 * x + 7 * c + y + (x >= 5 ? 60 : 0));
        }
      }
    }
    write_file(folder_ / "in.png", encode_png(image));
    return image;
  }

  Image filtered(const std::string& arguments) const {
    const Outcome outcome = run("filter in.png --out out.png " + arguments);
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    return read_image(folder_ / "out.png");
  }
};

// The kernel laid on each pixel as written, worked out in plain loops; zeros around the picture.
Image expected(const Image& image, const std::vector<double>& kernel, int rows, int columns,
               double shift) {
  Image result(image.width, image.height, image.channels);
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      for (int c = 0; c < image.channels; ++c) {
        double sum = shift;
        for (int i = 0; i < rows; ++i) {
          for (int j = 0; j < columns; ++j) {
            const int at_y = y + i - rows / 2;
            const int at_x = x + j - columns / 2;
            if (at_y < 0 || at_y >= image.height || at_x < 0 || at_x >= image.width) continue;
            sum += kernel[static_cast<std::size_t>(i * columns + j)] *
                   image.row(at_y)[at_x * image.channels + c];
          }
        }
        result.row(y)[x * image.channels + c] =
            static_cast<std::uint8_t>(std::clamp(std::round(sum), 0.0, 255.0));
      }
    }
  }
  return result;
}

TEST_F(Filter, LaysTheKernelAsWrittenAndTurnsItOver) {
  for (const int channels : {1, 3}) {
    const Image image = picture(channels);
    EXPECT_EQ(filtered("--kernel identity"), image);
    const std::vector<double> sobel{-1, 0, 1, -2, 0, 2, -1, 0, 1};
    const std::vector<double> turned(sobel.rbegin(), sobel.rend());
    EXPECT_EQ(filtered("--kernel sobel"), expected(image, sobel, 3, 3, 128));
    EXPECT_EQ(filtered("--kernel sobel --flip"), expected(image, turned, 3, 3, 128));
    // Reads the neighbour to the right; turned over, the one to the left.
    EXPECT_EQ(filtered("--kernel '0 0 1'"), expected(image, {0, 0, 1}, 1, 3, 0));
    EXPECT_EQ(filtered("--kernel '0 0 1' --flip"), expected(image, {1, 0, 0}, 1, 3, 0));
    EXPECT_EQ(filtered("--kernel '1,2;-3 .5' --shift 40"),
              expected(image, {1, 2, -3, 0.5}, 2, 2, 40));
  }
}

TEST_F(Filter, EveryKernelOnOneSheet) {
  picture(3);
  const Outcome outcome = run("filter in.png --out sheet.png");
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("cross-correlation, which is what the networks'"));
  EXPECT_THAT(outcome.out, HasSubstr("--flip turns the kernel over"));
  const Image sheet = read_image(folder_ / "sheet.png");
  EXPECT_GT(sheet.width * sheet.height, 7 * 256 * 256);
  const auto json =
      run("filter in.png --kernel blur --kernel emboss --grey --flip --out two.png --json").json();
  EXPECT_EQ(json.at("flipped"), true);
  ASSERT_EQ(json.at("kernels").size(), 2U);
  // Emboss turned over.
  EXPECT_EQ(json.at("kernels")[1].at("values"),
            (std::vector<double>{2, 1, 0, 1, 1, -1, 0, -1, -2}));
}

TEST_F(Filter, SaysWhatIsWrong) {
  picture(1);
  expect_refused("filter in.png --kernel blurr", "did you mean \"blur\"?");
  expect_refused("filter in.png --kernel '1 2; 3'", "row 2 has 1 numbers, the first has 2");
  expect_refused("filter in.png --kernel '1 x2'", "expected numbers, got \"x2\"");
  expect_refused("filter in.png --kernel '1 inf'", "expected numbers, got \"inf\"");
  expect_refused("filter in.png --kernel '1;;2'", "row 2 has 0 numbers");
  expect_refused("filter none.png", "none.png");
  write_file(folder_ / "text.png", "no picture");
  expect_refused("filter text.png", "expected a PNG or JPEG picture");
}

}  // namespace
}  // namespace striate
