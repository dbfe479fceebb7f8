#include "striate/draw/matrix.h"

#include <gtest/gtest.h>

#include "draw/helpers.h"
#include "draw/palette.h"
#include "striate/base/error.h"

namespace striate::draw {
namespace {

Matrix diagonal(int classes, std::int64_t count = 50) {
  Matrix matrix{.title = "confusion"};
  for (int i = 0; i < classes; ++i) matrix.rows.push_back("class " + std::to_string(i));
  matrix.columns = matrix.rows;
  for (int i = 0; i < classes * classes; ++i) {
    matrix.counts.push_back(i % (classes + 1) == 0 ? count : 0);
  }
  return matrix;
}

int count_of(const Canvas& canvas, const Color& color) {
  const Image image = canvas.image();
  return count_color(image, {0, 0, static_cast<double>(image.width), image.height - 50.0}, color);
}

// How often `word` was drawn, from the list of texts in the SVG.
int times_drawn(const Canvas& canvas, const std::string& word) {
  const std::string svg = canvas.svg();
  const std::string line = "\n" + word + "\n";
  int times = 0;
  for (std::size_t at = 0; (at = svg.find(line, at)) != std::string::npos; ++at) ++times;
  return times;
}

TEST(Matrix, PngHasTheCanvasSizeForAnyNumberOfClasses) {
  for (const int classes : {1, 2, 10, 30, 100}) {
    const Canvas canvas = draw_matrix(diagonal(classes));
    const Image image = decode_image(canvas.png(), "matrix");
    EXPECT_EQ(image.width, canvas.width());
    EXPECT_EQ(image.height, canvas.height());
    EXPECT_GE(image.width, classes * 18);
    EXPECT_GE(image.height, classes * 18);
  }
}

TEST(Matrix, ColorsFollowTheShareOfTheRow) {
  Matrix matrix = diagonal(2);
  EXPECT_EQ(count_of(draw_matrix(matrix), kWrong), 0);
  const int full = count_of(draw_matrix(matrix), kRight);
  EXPECT_GT(full, 2 * 1500);
  matrix.counts = {50, 0, 50, 0};  // all of the second class taken for the first
  EXPECT_NEAR(count_of(draw_matrix(matrix), kRight), full / 2, full * 0.02);
  EXPECT_GT(count_of(draw_matrix(matrix), kWrong), 1500);
}

TEST(Matrix, CountsAndRatesAreWritten) {
  Matrix matrix = diagonal(3, 80);
  matrix.counts[1] = 20;  // class 0 taken for class 1
  const Canvas canvas = draw_matrix(matrix);
  EXPECT_EQ(times_drawn(canvas, "20"), 1);
  EXPECT_EQ(times_drawn(canvas, "80"), 3);
  EXPECT_EQ(times_drawn(canvas, "0"), 5);
  EXPECT_EQ(times_drawn(canvas, "80.0%"), 2);  // recall of class 0, precision of class 1
  EXPECT_EQ(times_drawn(canvas, "100.0%"), 4);
  EXPECT_EQ(times_drawn(draw_matrix(diagonal(30)), "0"), 0);  // large tables leave zeros out
}

TEST(Matrix, NamesAreEscapedInSvg) {
  Matrix matrix = diagonal(2);
  matrix.rows[0] = matrix.columns[0] = "cats & <dogs>";
  const std::string svg = draw_matrix(matrix).svg();
  expect_well_formed(svg);
  EXPECT_NE(svg.find("cats &amp; &lt;dogs&gt;"), std::string::npos);
}

TEST(Matrix, RowsAndColumnsMayDiffer) {
  const Matrix matrix{
      .title = "", .rows = {"a", "b"}, .columns = {"x", "y", "z"}, .counts = {1, 2, 3, 4, 5, 6}};
  EXPECT_FALSE(matrix.confusion());
  const Canvas canvas = draw_matrix(matrix);
  EXPECT_EQ(canvas.svg().find("recall"), std::string::npos);
  EXPECT_EQ(count_of(canvas, kWrong), 0);
}

TEST(Matrix, EmptyAndAllZero) {
  EXPECT_NE(draw_matrix({}).svg().find("no classes"), std::string::npos);
  const Canvas zero = draw_matrix(diagonal(2, 0));
  EXPECT_EQ(times_drawn(zero, "–"), 4);  // no rate of nothing
  EXPECT_EQ(count_of(zero, kRight), 0);
}

TEST(Matrix, RefusesBadCounts) {
  Matrix matrix = diagonal(2);
  matrix.counts.pop_back();
  EXPECT_THROW(draw_matrix(matrix), InputError);
  matrix = diagonal(2);
  matrix.counts[1] = -1;
  EXPECT_THROW(draw_matrix(matrix), InputError);
  EXPECT_THROW(draw_matrix(diagonal(900)), InputError);
}

}  // namespace
}  // namespace striate::draw
