#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "striate/draw/canvas.h"

namespace striate::draw {

/// Counts in rows and columns, for example a confusion matrix: rows are the truth, columns the
/// prediction.
struct Matrix {
  std::string title;
  std::string row_label = "truth";
  std::string column_label = "prediction";
  std::vector<std::string> rows;
  std::vector<std::string> columns;
  std::vector<std::int64_t> counts;  ///< row after row, none negative

  /// Rows and columns are the same classes, so the diagonal holds what is right: it gets a color
  /// of its own, each row its recall and each column its precision.
  bool confusion() const { return !rows.empty() && rows == columns; }
};

/// A table colored by each cell's share of its row. Throws InputError when the counts are not
/// rows x columns, when one is negative, or when the table is larger than a canvas.
Canvas draw_matrix(const Matrix& matrix);

}  // namespace striate::draw
