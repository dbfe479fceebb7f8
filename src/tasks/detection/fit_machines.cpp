#include <algorithm>
#include <cmath>
#include <filesystem>

#include "striate/base/error.h"
#include "striate/boxes/coding.h"
#include "striate/formats/npy.h"
#include "tasks/detection/linear_svm.h"
#include "tasks/detection/svm_detector.h"

namespace striate {
namespace {

namespace fs = std::filesystem;

constexpr double kNorm = 20;
constexpr double kBackground = 0.3, kNear = 0.6;

// Objects first, then regions; their features are in a file.
struct Picture {
  std::vector<Object> objects;
  std::vector<Box> boxes;
  fs::path file;

  double overlap(std::size_t box, std::int64_t label) const {
    double most = 0;
    for (const Object& object : objects) {
      if (object.label == label) most = std::max(most, iou(boxes[box], object.box));
    }
    return most;
  }
};

bool counts(const Object& object) {
  return object.box.area() > 0 && !object.crowd && !object.difficult;
}

// The rows that one class's machine is fitted to.
class Examples {
 public:
  Examples(std::int64_t columns, double scale) : columns_(columns), scale_(scale) {}

  void add(const float* row, bool positive) {
    for (std::int64_t i = 0; i < columns_; ++i) {
      values_.push_back(static_cast<float>(scale_ * double{row[i]}));
    }
    signs_.push_back(positive ? 1 : 0);
    (positive ? positives_ : added_) += 1;
  }
  std::int64_t positives() const { return positives_; }
  std::int64_t added() const { return added_; }

  // Fits anew and lets go of negatives that are far beyond the margin.
  LinearSvm fit() {
    constexpr double kEasy = -1.2;
    added_ = 0;
    if (positives_ == 0 || positives_ == static_cast<std::int64_t>(signs_.size())) {
      // Of one kind alone: never, or always, this class.
      return {.weights = std::vector<double>(static_cast<std::size_t>(columns_)),
              .bias = positives_ == 0 ? -10.0 : 10.0};
    }
    LinearSvm svm = fit_svm(values_, columns_, signs_);
    const auto n = static_cast<std::size_t>(columns_);
    std::size_t kept = 0;
    for (std::size_t r = 0; r < signs_.size(); ++r) {
      const std::span<const float> row(values_.data() + r * n, n);
      if (signs_[r] == 0 && svm.score(row) < kEasy) continue;
      std::copy(row.begin(), row.end(), values_.begin() + static_cast<std::ptrdiff_t>(kept * n));
      signs_[kept++] = signs_[r];
    }
    // Negatives that are all easy stay: a machine needs some.
    if (kept > static_cast<std::size_t>(positives_)) {
      values_.resize(kept * n);
      signs_.resize(kept);
    }
    return svm;
  }

 private:
  std::int64_t columns_;
  double scale_;
  std::vector<float> values_;
  std::vector<char> signs_;
  std::int64_t positives_ = 0, added_ = 0;
};

// The folder of features, gone in the end.
class Shelf {
 public:
  explicit Shelf(fs::path folder) : folder_(std::move(folder)) { fs::create_directories(folder_); }
  ~Shelf() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  Shelf(const Shelf&) = delete;
  Shelf& operator=(const Shelf&) = delete;
  fs::path file(std::int64_t index) const { return folder_ / fmt::format("{:06}.npy", index); }

 private:
  fs::path folder_;
};

const float* row_of(const Tensor& rows, std::size_t index) {
  return rows.data<float>() + static_cast<std::int64_t>(index) * rows.shape()[1];
}

void add_box(const Picture& picture, std::size_t box, std::int64_t label, const float* row,
             std::int64_t columns, double scale, Ridge& ridge) {
  const Object* nearest = nullptr;
  double most = kNear;
  for (const Object& object : picture.objects) {
    const double overlap = iou(picture.boxes[box], object.box);
    if (object.label != label || overlap < most) continue;
    most = overlap;
    nearest = &object;
  }
  if (nearest == nullptr) return;
  const BoxDelta delta = encode(nearest->box, picture.boxes[box]);
  std::vector<float> scaled(row, row + columns);
  for (float& value : scaled) value = static_cast<float>(scale * double{value});
  ridge.add(scaled, std::vector<double>{delta.dx, delta.dy, delta.dw, delta.dh});
}

void put(Weights& weights, const std::string& path, std::int64_t row,
         const std::vector<double>& values, double bias, double scale) {
  float* to =
      weights.at(path + ".weight").data<float>() + row * static_cast<std::int64_t>(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) to[i] = static_cast<float>(scale * values[i]);
  weights.at(path + ".bias").data<float>()[row] = static_cast<float>(bias);
}

}  // namespace

Weights fit_machines(const ModelCard& card, const Weights& trained, const Dataset& dataset,
                     const RegionCache& regions, const RegionFeatures& features,
                     const FinishContext& context) {
  constexpr std::int64_t kFirst = 20;    // negatives of a picture to begin with
  constexpr std::int64_t kRefit = 2000;  // new ones after which the machine is fitted anew
  constexpr double kLambda = 1000;
  const auto classes = static_cast<std::int64_t>(card.classes.size());
  const auto tell = [&](const char* what, std::int64_t done, std::int64_t total) {
    if (context.stop != nullptr && *context.stop) throw Cancelled("stopped");
    if (context.on_progress) context.on_progress(what, done, total);
  };

  const Shelf shelf(context.folder / "features");
  std::vector<Picture> pictures;
  double norms = 0;
  std::int64_t rows_seen = 0;
  std::int64_t columns = 0;
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    tell("features of regions", i, dataset.size());
    const Example example = dataset.get(i);
    Picture& picture = pictures.emplace_back();
    picture.file = shelf.file(i);
    for (const Object& object : example.objects) {
      if (!counts(object)) continue;
      picture.objects.push_back(object);
      picture.boxes.push_back(object.box);
    }
    const std::vector<Box>& found = regions.regions(i, example.picture);
    picture.boxes.insert(picture.boxes.end(), found.begin(), found.end());
    const Tensor rows = features.of(example.picture, picture.boxes, context.stop);
    columns = rows.shape()[1];
    for (std::size_t b = 0; b < picture.boxes.size(); ++b) {
      double square = 0;
      for (std::int64_t k = 0; k < columns; ++k) {
        square += double{row_of(rows, b)[k]} * double{row_of(rows, b)[k]};
      }
      norms += std::sqrt(square);
    }
    rows_seen += static_cast<std::int64_t>(picture.boxes.size());
    save_npy(picture.file, rows);
  }
  const double scale = norms > 0 ? kNorm * static_cast<double>(rows_seen) / norms : 1;

  std::vector<Examples> examples(static_cast<std::size_t>(classes), Examples(columns, scale));
  std::vector<Ridge> ridges;
  for (std::int64_t c = 0; c < classes; ++c) ridges.emplace_back(columns, 4);
  const auto total = static_cast<std::int64_t>(pictures.size());
  const auto each = [&](const char* what, const auto& body) {
    for (std::int64_t p = 0; p < total; ++p) {
      tell(what, p, total);
      const Picture& picture = pictures[static_cast<std::size_t>(p)];
      const Tensor rows = load_npy(picture.file);
      for (std::int64_t c = 0; c < classes; ++c) body(p, picture, rows, c);
    }
  };
  each("boxes", [&](std::int64_t p, const Picture& picture, const Tensor& rows, std::int64_t c) {
    Examples& own = examples[static_cast<std::size_t>(c)];
    std::vector<std::size_t> background;
    for (std::size_t b = 0; b < picture.boxes.size(); ++b) {
      if (b < picture.objects.size() && picture.objects[b].label == c) {
        own.add(row_of(rows, b), true);
        continue;
      }
      add_box(picture, b, c, row_of(rows, b), columns, scale, ridges[static_cast<std::size_t>(c)]);
      if (picture.overlap(b, c) < kBackground) background.push_back(b);
    }
    Random random(
        {.seed = 1, .purpose = purpose_of("negatives"), .step = static_cast<std::uint64_t>(c)},
        static_cast<std::uint64_t>(p));
    for (std::int64_t k = 0; k < kFirst && !background.empty(); ++k) {
      const std::size_t drawn = random.below(static_cast<std::uint32_t>(background.size()));
      own.add(row_of(rows, background[drawn]), false);
      background.erase(background.begin() + static_cast<std::ptrdiff_t>(drawn));
    }
  });
  std::vector<LinearSvm> svms;
  for (Examples& own : examples) svms.push_back(own.fit());
  each("hard negatives",
       [&](std::int64_t, const Picture& picture, const Tensor& rows, std::int64_t c) {
         Examples& own = examples[static_cast<std::size_t>(c)];
         LinearSvm& svm = svms[static_cast<std::size_t>(c)];
         std::vector<float> scaled(static_cast<std::size_t>(columns));
         for (std::size_t b = 0; b < picture.boxes.size(); ++b) {
           if (b < picture.objects.size() && picture.objects[b].label == c) continue;
           const float* row = row_of(rows, b);
           for (std::size_t k = 0; k < scaled.size(); ++k) {
             scaled[k] = static_cast<float>(scale * double{row[k]});
           }
           if (svm.score(scaled) > -1 && picture.overlap(b, c) < kBackground) own.add(row, false);
         }
         if (own.added() > kRefit) svm = own.fit();
       });

  Weights fitted = trained;
  for (const char* name :
       {"head.svm.weight", "head.svm.bias", "head.box.weight", "head.box.bias"}) {
    fitted.at(name) = fitted.at(name).clone();
  }
  for (std::int64_t c = 0; c < classes; ++c) {
    tell("machines", c, classes);
    const LinearSvm svm = examples[static_cast<std::size_t>(c)].fit();
    put(fitted, "head.svm", c, svm.weights, svm.bias, scale);
    const auto boxes = ridges[static_cast<std::size_t>(c)].solve(kLambda);
    for (std::size_t t = 0; t < boxes.size(); ++t) {
      std::vector<double> values = boxes[t];
      const double bias = values.back();
      values.pop_back();
      put(fitted, "head.box", 4 * c + static_cast<std::int64_t>(t), values, bias, scale);
    }
  }
  return fitted;
}

}  // namespace striate
