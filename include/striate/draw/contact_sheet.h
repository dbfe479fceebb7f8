#pragma once

#include <span>
#include <string>

#include "striate/draw/canvas.h"

namespace striate::draw {

/// A picture and what is said about it.
struct Tile {
  Image picture;
  std::string title;     ///< for example the prediction
  std::string subtitle;  ///< for example the truth
  bool good = true;
};

struct SheetOptions {
  int columns = 0;    ///< 0: as many as make the sheet about 3 : 2
  int picture = 128;  ///< side of the square that each picture is fitted into, in pixels
  std::string heading;
  bool marks = true;  ///< tell good from bad; false where there is no truth to compare with
};

/// Where things lie on the sheet of so many tiles: for tests, and for image maps.
struct SheetLayout {
  int columns = 0;
  int rows = 0;
  int width = 0;
  int height = 0;
  double top = 0;  ///< of the first row of tiles
  int picture = 0;

  Box tile(int index) const;         ///< the whole tile
  Box picture_box(int index) const;  ///< the square that holds its picture
};

SheetLayout sheet_layout(int tiles, const SheetOptions& options);

/// Pictures in rows, each with its two lines of text; small pictures are enlarged by whole factors,
/// so that their pixels stay sharp. Bad tiles are told from good ones by color and by a cross.
/// Throws InputError for a picture that cannot be drawn and for more tiles than a canvas holds.
Canvas contact_sheet(std::span<const Tile> tiles, const SheetOptions& options = {});

}  // namespace striate::draw
