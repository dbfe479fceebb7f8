// Detectors in darknet's format: YOLO (Redmon et al., arXiv:1506.02640), YOLOv2 (Redmon and Farhadi,
// arXiv:1612.08242) and YOLOv3 (arXiv:1804.02767), as darknet's `detector test` runs them: the picture
// lies in the middle of a grey one, resized by darknet's own rule (a dense detector's is squeezed);
// what has no confidence above the threshold is gone, and so is a class whose probability times that
// is not above it. Departure: boxes are cut at the picture's edges in the end.

#include "striate/formats/darknet.h"

#include <algorithm>
#include <cmath>

#include "striate/base/error.h"
#include "tasks/detection/one_network.h"

namespace striate {
namespace {

using Kind = DarknetHead::Kind;

// A picture as darknet holds it: planes of numbers from 0 to 1.
struct Planes {
  std::int64_t channels, height, width;
  std::vector<float> values;

  Planes(std::int64_t c, std::int64_t h, std::int64_t w)
      : channels(c), height(h), width(w), values(static_cast<std::size_t>(c * h * w)) {}
  float* row(std::int64_t c, std::int64_t y) { return values.data() + (c * height + y) * width; }
  const float* row(std::int64_t c, std::int64_t y) const {
    return values.data() + (c * height + y) * width;
  }
};

Planes planes_of(const Image& picture, std::int64_t channels) {
  const Image seen = channels == 3 ? to_rgb(picture) : picture;
  if (seen.channels != channels) {
    fail<InputError>("expected a picture of {} channels, got {}", channels, seen.channels);
  }
  Planes planes(channels, seen.height, seen.width);
  for (std::int64_t c = 0; c < channels; ++c) {
    for (std::int64_t y = 0; y < seen.height; ++y) {
      const std::uint8_t* from = seen.row(static_cast<int>(y)) + c;
      float* to = planes.row(c, y);
      for (std::int64_t x = 0; x < seen.width; ++x) {
        to[x] = static_cast<float>(from[x * channels] / 255.);
      }
    }
  }
  return planes;
}

// Darknet's resize_image: bilinear, the first and last pixels of both pictures on one another; along the
// rows first.
Planes resized(const Planes& from, std::int64_t height, std::int64_t width) {
  Planes part(from.channels, from.height, width);
  Planes to(from.channels, height, width);
  const auto step = [](std::int64_t before, std::int64_t after) {
    return after > 1 ? static_cast<float>(before - 1) / static_cast<float>(after - 1) : 0.0F;
  };
  const float across = step(from.width, width);
  const float down = step(from.height, height);
  for (std::int64_t c = 0; c < from.channels; ++c) {
    for (std::int64_t y = 0; y < from.height; ++y) {
      const float* row = from.row(c, y);
      for (std::int64_t x = 0; x < width; ++x) {
        if (x == width - 1 || from.width == 1) {
          part.row(c, y)[x] = row[from.width - 1];
          continue;
        }
        const float at = static_cast<float>(x) * across;
        const auto left = static_cast<std::int64_t>(at);
        const float share = at - static_cast<float>(left);
        part.row(c, y)[x] = (1 - share) * row[left] + share * row[left + 1];
      }
    }
    for (std::int64_t y = 0; y < height; ++y) {
      const float at = static_cast<float>(y) * down;
      const auto top = static_cast<std::int64_t>(at);
      const float share = at - static_cast<float>(top);
      const bool last = y == height - 1 || from.height == 1;
      const float* upper = part.row(c, top);
      const float* lower = part.row(c, last ? top : top + 1);
      float* row = to.row(c, y);
      for (std::int64_t x = 0; x < width; ++x) {
        row[x] = (1 - share) * upper[x] + (last ? 0.0F : share * lower[x]);
      }
    }
  }
  return to;
}

// Where the picture lies in the network's input.
struct Place {
  std::int64_t left, top, width, height;
};

Place place_of(const Image& picture, const Preprocessing& p, bool squeezed) {
  if (squeezed) return {0, 0, p.width, p.height};
  // As darknet rounds: float32 and whole numbers.
  const bool wide = static_cast<float>(p.width) / static_cast<float>(picture.width) <
                    static_cast<float>(p.height) / static_cast<float>(picture.height);
  const std::int64_t width = wide ? p.width : picture.width * p.height / picture.height;
  const std::int64_t height = wide ? picture.height * p.width / picture.width : p.height;
  const Place place{0, 0, std::max<std::int64_t>(width, 1), std::max<std::int64_t>(height, 1)};
  return {(p.width - place.width) / 2, (p.height - place.height) / 2, place.width, place.height};
}

double logistic(float x) { return 1 / (1 + std::exp(-static_cast<double>(x))); }

class DarknetDetector final : public OneNetworkDetector {
 public:
  DarknetDetector(ModelCard given, Weights weights, std::shared_ptr<const Device> device)
      : OneNetworkDetector(std::move(given), std::move(weights), std::move(device)) {
    const Preprocessing& p = card().preprocessing;
    heads_ =
        read_darknet(card().definition, card().model, Shape{p.channels, p.height, p.width}).heads;
    squeezed_ = heads_.back().kind == Kind::detection;
  }

 protected:
  void take(const Image& picture, float* chw) const override {
    const Preprocessing& p = card().preprocessing;
    const Place place = place_of(picture, p, squeezed_);
    const Planes seen = resized(planes_of(picture, p.channels), place.height, place.width);
    constexpr float kGrey = 0.5F;
    for (std::int64_t c = 0; c < p.channels; ++c) {
      const auto mean = static_cast<float>(p.mean[static_cast<std::size_t>(c)]);
      const auto deviation = static_cast<float>(p.deviation[static_cast<std::size_t>(c)]);
      float* to = chw + c * p.height * p.width;
      std::fill(to, to + p.height * p.width, (kGrey - mean) / deviation);
      for (std::int64_t y = 0; y < place.height; ++y) {
        const float* from = seen.row(p.order == "bgr" ? p.channels - 1 - c : c, y);
        float* row = to + (place.top + y) * p.width + place.left;
        for (std::int64_t x = 0; x < place.width; ++x) row[x] = (from[x] - mean) / deviation;
      }
    }
  }

  std::vector<Detection> decode(const std::vector<Tensor>& outputs, const Image& picture,
                                double least) const override {
    const Preprocessing& p = card().preprocessing;
    std::vector<Detection> found;
    for (std::size_t i = 0; i < heads_.size(); ++i) {
      if (heads_[i].kind == Kind::detection) {
        decode_dense(heads_[i], outputs[i].data<float>(), least, found);
      } else {
        decode_map(heads_[i], outputs[i], least, found);
      }
    }
    const Place place = place_of(picture, p, squeezed_);
    const auto width = static_cast<double>(p.width);
    const auto height = static_cast<double>(p.height);
    const auto across = static_cast<double>(place.width);
    const auto down = static_cast<double>(place.height);
    for (Detection& one : found) {
      // Darknet takes half of the margin exactly, though the picture lies at whole pixels.
      const double left = (width - across) / 2;
      const double top = (height - down) / 2;
      Box& box = one.box;
      box = {(box.x1 * width - left) / across, (box.y1 * height - top) / down,
             (box.x2 * width - left) / across, (box.y2 * height - top) / down};
    }
    return found;
  }

 private:
  static void add(std::vector<Detection>& found, double x, double y, double w, double h,
                  std::int64_t label, double score) {
    found.push_back(
        {.box = {x - w / 2, y - h / 2, x + w / 2, y + h / 2}, .label = label, .score = score});
  }

  void decode_map(const DarknetHead& head, const Tensor& answers, double least,
                  std::vector<Detection>& found) const {
    const Preprocessing& p = card().preprocessing;
    const bool third = head.kind == Kind::yolo;
    const std::int64_t rows = answers.shape()[2];
    const std::int64_t columns = answers.shape()[3];
    const std::int64_t cells = rows * columns;
    const double width = static_cast<double>(third ? p.width : columns);
    const double height = static_cast<double>(third ? p.height : rows);
    std::vector<double> classes(static_cast<std::size_t>(head.classes));
    for (std::int64_t b = 0; b < head.boxes; ++b) {
      const float* map = answers.data<float>() + b * (5 + head.classes) * cells;
      const double wide = head.anchors[static_cast<std::size_t>(2 * b)];
      const double high = head.anchors[static_cast<std::size_t>(2 * b + 1)];
      for (std::int64_t cell = 0; cell < cells; ++cell) {
        const auto at = [&](std::int64_t k) { return map[k * cells + cell]; };
        const double confidence = head.background ? static_cast<double>(at(4)) : logistic(at(4));
        if (!(confidence > least)) continue;
        double sum = 0;
        double top = static_cast<double>(at(5));
        for (std::int64_t c = 0; c < head.classes; ++c) {
          top = std::max(top, static_cast<double>(at(5 + c)));
        }
        const bool softmax = head.softmax && !third;
        for (std::int64_t c = 0; c < head.classes; ++c) {
          double& value = classes[static_cast<std::size_t>(c)];
          value = softmax ? std::exp(static_cast<double>(at(5 + c)) - top) : logistic(at(5 + c));
          sum += value;
        }
        const double x =
            (static_cast<double>(cell % columns) + logistic(at(0))) / static_cast<double>(columns);
        const double y =
            (static_cast<double>(cell / columns) + logistic(at(1))) / static_cast<double>(rows);
        const double w = std::exp(static_cast<double>(at(2))) * wide / width;
        const double h = std::exp(static_cast<double>(at(3))) * high / height;
        for (std::int64_t c = 0; c < head.classes; ++c) {
          double score = confidence * classes[static_cast<std::size_t>(c)];
          if (softmax) score /= sum;
          if (score > least) add(found, x, y, w, h, c, score);
        }
      }
    }
  }

  static void decode_dense(const DarknetHead& head, const float* answers, double least,
                           std::vector<Detection>& found) {
    const std::int64_t cells = head.side * head.side;
    const auto side = static_cast<double>(head.side);
    const double power = head.roots ? 2 : 1;
    const float* confidences = answers + cells * head.classes;
    const float* boxes = confidences + cells * head.boxes;
    std::vector<double> classes(static_cast<std::size_t>(head.classes));
    for (std::int64_t cell = 0; cell < cells; ++cell) {
      const float* given = answers + cell * head.classes;
      const double top = static_cast<double>(*std::max_element(given, given + head.classes));
      double sum = 0;
      for (std::size_t c = 0; c < classes.size(); ++c) {
        classes[c] = head.softmax ? std::exp(static_cast<double>(given[c]) - top)
                                  : static_cast<double>(given[c]);
        sum += classes[c];
      }
      for (std::int64_t b = 0; b < head.boxes; ++b) {
        const auto confidence = static_cast<double>(confidences[cell * head.boxes + b]);
        const float* box = boxes + (cell * head.boxes + b) * 4;
        const double x =
            (static_cast<double>(cell % head.side) + static_cast<double>(box[0])) / side;
        const double y =
            (static_cast<double>(cell / head.side) + static_cast<double>(box[1])) / side;
        const double w = std::pow(static_cast<double>(box[2]), power);
        const double h = std::pow(static_cast<double>(box[3]), power);
        for (std::size_t c = 0; c < classes.size(); ++c) {
          const double score = confidence * classes[c] / (head.softmax ? sum : 1);
          if (score > least) add(found, x, y, w, h, static_cast<std::int64_t>(c), score);
        }
      }
    }
  }

  std::vector<DarknetHead> heads_;
  bool squeezed_ = false;
};

std::unique_ptr<Detector> make(ModelCard card, Weights weights,
                               std::shared_ptr<const Device> device) {
  return std::make_unique<DarknetDetector>(std::move(card), std::move(weights), std::move(device));
}

}  // namespace

void register_detector_darknet(DetectorRegistry& registry);
void register_detector_darknet(DetectorRegistry& registry) {
  registry.add({.name = "darknet", .open = nullptr, .make = make});
}

}  // namespace striate
