#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "striate/data/dataset.h"
#include "striate/data/sequences.h"

namespace striate {

/// What is known of one kind of dataset; help and documents are printed from these rows.
struct DatasetRow {
  std::string name;
  std::string what;   ///< one line
  std::string needs;  ///< how to get it
  /// Folders tried in order where no path is given; a leading $STRIATE_DATA stands for that
  /// variable of the environment. Empty where a path must be given.
  std::vector<std::string> looks;
  /// The pictures' shape; zeros where it is the files' affair.
  std::int64_t channels = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;
  /// Pictures with masks, for segmentation; others have a class each.
  bool masked = false;
  /// Pictures with objects in boxes, for detection.
  bool boxed = false;
  /// Reads what lies at a path that exists. One file alone is the dataset whatever the split.
  std::function<std::unique_ptr<Dataset>(const std::filesystem::path& path, Split split)> open;
  /// For sequences instead: of what stands behind the colon, a path or a number.
  std::function<std::unique_ptr<SequenceDataset>(const std::string& what,
                                                 const SequenceRequest& request)>
      open_sequences;
};

class DatasetRegistry {
 public:
  /// REQUIRES: no row has this name. References into the rows are good until the next `add`.
  void add(DatasetRow row);
  const std::vector<DatasetRow>& rows() const { return rows_; }
  /// Throws InputError with the nearest name where there is none of this name.
  const DatasetRow& find(std::string_view name) const;

 private:
  std::vector<DatasetRow> rows_;
};

/// Every dataset that the build lists.
const DatasetRegistry& datasets();

/// Opens "name" where it usually lies, or "name:path". Throws InputError saying where it was looked
/// for and how to get it.
std::unique_ptr<Dataset> open_dataset(std::string_view name_and_path, Split split);

}  // namespace striate
