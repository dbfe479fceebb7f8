#include "draw/svg.h"

#include <gtest/gtest.h>

namespace striate::draw {
namespace {

TEST(Svg, NumbersStartFromZeroInEveryDrawing) {
  EXPECT_EQ(renumbered("<image id=\"image98\"/><use xlink:href=\"#image98\"/><g id=\"surface7\">"),
            "<image id=\"image0\"/><use xlink:href=\"#image0\"/><g id=\"surface1\">");
  EXPECT_EQ(renumbered("<use href=\"#image5\"/><use href=\"#image50\"/>"),
            "<use href=\"#image0\"/><use href=\"#image1\"/>");
  EXPECT_EQ(renumbered("<g id=\"glyph0-1\" fill=\"url(#imagery)\">"),
            "<g id=\"glyph0-1\" fill=\"url(#imagery)\">");
  EXPECT_EQ(renumbered("\"image7"), "\"image7");
}

TEST(Svg, DescriptionFollowsTheOpeningTag) {
  EXPECT_EQ(
      described("<?xml?>\n<svg a=\"b\">\n</svg>", "a & b", {"x", "<y>"}),
      "<?xml?>\n<svg a=\"b\">\n<title>a &amp; b</title>\n<desc>\nx\n&lt;y&gt;\n</desc>\n</svg>");
}

}  // namespace
}  // namespace striate::draw
