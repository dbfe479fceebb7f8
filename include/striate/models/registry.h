#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "striate/graph/graph.h"
#include "striate/models/detector.h"

namespace striate {

/// What a model is built for: pictures of this size and so many classes.
struct ModelSize {
  std::int64_t channels = 3, height = 224, width = 224;
  std::int64_t classes = 1000;
};

/// A variant of a model: a row of data in its paper's file.
struct ModelRow {
  std::string name;
  std::string doc;    ///< one line, with the paper
  ModelSize natural;  ///< the size it was published for
  /// The training form, input `input` [1, channels, height, width], output `logits` [1, classes].
  /// Throws ModelError that names the layer when the pictures are too small.
  std::function<Graph(const ModelSize&)> build;
  /// What it is trained for: a folder of src/tasks.
  std::string task = "classification";
  /// Of a detector: the same for one that is told more than the size; `build` gives its own form.
  std::function<Graph(const ModelSize&, const DetectorNetwork&)> build_detector = {};
};

class ModelRegistry {
 public:
  /// References into the rows are good until the next `add`.
  void add(ModelRow row);
  /// Throws InputError with the nearest name.
  const ModelRow& find(std::string_view name) const;
  const std::vector<ModelRow>& rows() const { return rows_; }

 private:
  std::vector<ModelRow> rows_;
};

/// Every model the library was built with.
const ModelRegistry& models();

}  // namespace striate
