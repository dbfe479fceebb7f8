#include "striate/codec/image_size.h"

#include <gmock/gmock.h>

#include "striate/base/error.h"
#include "striate/codec/image.h"
#include "testing/paths.h"

namespace striate {
namespace {

TEST(ImageSize, IsThatOfThePicture) {
  const ImageSize size = image_size(encode_png(Image(37, 11, 3)), "a.png");
  EXPECT_EQ(size.width, 37);
  EXPECT_EQ(size.height, 11);
  const auto folder = std::filesystem::path(kSourceFolder) / ".." / "shared" / "data" / "bccd" /
                      "BCCD" / "JPEGImages";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is not here";
  int count = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    if (++count > 20) break;
    const Image picture = read_image(file.path());
    EXPECT_EQ(image_size(file.path()).width, picture.width) << file.path();
    EXPECT_EQ(image_size(file.path()).height, picture.height) << file.path();
  }
}

TEST(ImageSize, RefusesWhatHasNone) {
  Bytes png = encode_png(Image(3, 3, 1));
  png.resize(20);
  const Bytes endless{0xFF, 0xD8, 0xFF, 0xE0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
  for (const Bytes& bytes : {Bytes{}, Bytes{0xFF, 0xD8}, png, endless}) {
    EXPECT_THROW(image_size(bytes, "a"), InputError);
  }
}

}  // namespace
}  // namespace striate
