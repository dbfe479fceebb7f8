#include "striate/tasks/classification/heatmap.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "striate/base/error.h"
#include "striate/draw/canvas.h"
#include "striate/graph/rewrite.h"

namespace striate {
namespace {

// The colour of a share, and how strongly it tints: clear, yellow, red.
draw::Color heat(double share) {
  const draw::Color yellow = draw::Color::rgb(0xf0e442);
  const draw::Color red = draw::Color::rgb(0xd62718);
  draw::Color color = draw::blend(yellow, red, std::clamp(2 * share - 1, 0.0, 1.0));
  color.alpha = 0.75 * std::clamp(2 * share, 0.0, 1.0);
  return color;
}

double step(std::int64_t side, std::int64_t window, std::int64_t places) {
  return places < 2 ? 0.0 : static_cast<double>(side - window) / static_cast<double>(places - 1);
}

// Between which two places a pixel lies, and how far towards the second.
struct Between {
  std::int64_t first, second;
  double share;
};
Between between(std::int64_t pixel, std::int64_t window, double step, std::int64_t places) {
  if (places < 2) return {0, 0, 0};
  const double middle = static_cast<double>(window - 1) / 2;
  const double at = std::clamp((static_cast<double>(pixel) - middle) / step, 0.0,
                               static_cast<double>(places - 1));
  const auto first = std::min(static_cast<std::int64_t>(at), places - 2);
  return {first, first + 1, at - static_cast<double>(first)};
}

}  // namespace

Heatmap heatmap(const Classifier& classifier, const std::shared_ptr<const Device>& device,
                const Image& picture, const std::string& name) {
  Preprocessing as_it_is = classifier.card().preprocessing;
  Heatmap map{.window_height = as_it_is.height, .window_width = as_it_is.width};
  if (picture.height < as_it_is.height || picture.width < as_it_is.width) {
    fail<InputError>(
        "{}: a picture of {}x{} pixels; a heat map needs one as large as the network's "
        "{}x{}, or larger",
        name, picture.width, picture.height, as_it_is.width, as_it_is.height);
  }
  as_it_is.height = picture.height;
  as_it_is.width = picture.width;
  as_it_is.resize = 0;
  Tensor input(DType::f32, {1, as_it_is.channels, as_it_is.height, as_it_is.width});
  preprocess(picture, as_it_is, input.data<float>());
  const Graph graph =
      classifier.card().convolutional ? classifier.graph() : convolutional_form(classifier.graph());
  const Weights weights = convolutional_weights(graph, classifier.weights());
  const Tensor scores = Program(graph, device).run({{"input", input.view()}}, weights, "logits");
  const Shape& shape = scores.shape();
  const std::int64_t classes = shape[1];
  const std::int64_t places = shape[2] * shape[3];
  map.step_y = step(picture.height, map.window_height, shape[2]);
  map.step_x = step(picture.width, map.window_width, shape[3]);
  map.probabilities = Tensor(DType::f32, {classes, shape[2], shape[3]});
  std::vector<double> at(static_cast<std::size_t>(classes));
  for (std::int64_t place = 0; place < places; ++place) {
    for (std::int64_t c = 0; c < classes; ++c) {
      at[static_cast<std::size_t>(c)] = double{scores.data<float>()[c * places + place]};
    }
    const double top = *std::max_element(at.begin(), at.end());
    double sum = 0;
    for (double& value : at) sum += value = std::exp(value - top);
    for (std::int64_t c = 0; c < classes; ++c) {
      map.probabilities.data<float>()[c * places + place] =
          static_cast<float>(at[static_cast<std::size_t>(c)] / sum);
    }
  }
  return map;
}

std::int64_t strongest(const Heatmap& map) {
  const auto values = map.probabilities.values<float>();
  const auto best = std::max_element(values.begin(), values.end()) - values.begin();
  return best / (map.probabilities.shape()[1] * map.probabilities.shape()[2]);
}

Image heatmap_picture(const Heatmap& map, const Image& picture, std::int64_t label,
                      const std::string& title) {
  const Shape& shape = map.probabilities.shape();
  const float* of_class = map.probabilities.data<float>() + label * shape[1] * shape[2];
  Image tinted = to_rgb(to_grey(picture));
  for (int y = 0; y < tinted.height; ++y) {
    const Between row = between(y, map.window_height, map.step_y, shape[1]);
    std::uint8_t* to = tinted.row(y);
    for (int x = 0; x < tinted.width; ++x, to += 3) {
      const Between column = between(x, map.window_width, map.step_x, shape[2]);
      const auto along = [&](std::int64_t r) {
        const float* values = of_class + r * shape[2];
        return static_cast<double>(values[column.first]) * (1 - column.share) +
               static_cast<double>(values[column.second]) * column.share;
      };
      const draw::Color color =
          heat(along(row.first) * (1 - row.share) + along(row.second) * row.share);
      const double own = to[0];
      const double parts[] = {color.red, color.green, color.blue};
      for (int c = 0; c < 3; ++c) {
        to[c] = static_cast<std::uint8_t>(
            std::lround(own * (1 - color.alpha) + 255 * parts[c] * color.alpha));
      }
    }
  }
  // The scale, and whose probability it is of.
  constexpr int kStrip = 44;
  constexpr double kMargin = 10;
  constexpr int kLeast = 220;
  const int width = std::min(std::max(tinted.width, kLeast), draw::Canvas::kMaxSide);
  draw::Canvas canvas(width, kStrip);
  constexpr double kBar = 90;
  constexpr int kSteps = 45;
  for (int i = 0; i < kSteps; ++i) {
    const draw::Color color = heat((i + 0.5) / kSteps);
    canvas.fill({kMargin + i * kBar / kSteps, 12, kBar / kSteps, 10}, color);
  }
  const draw::TextStyle small{.size = 10};
  canvas.text("0", {kMargin, 36}, small);
  canvas.text("1", {kMargin + kBar - 6, 36}, small);
  const draw::TextStyle name{.size = 12};
  const double from = 2 * kMargin + kBar;
  canvas.text_middle(canvas.fitted(title, width - from - kMargin, name), {from, 17}, name);
  const Image strip = canvas.image();
  Image result(std::max(tinted.width, strip.width), tinted.height + strip.height, 3);
  std::fill(result.pixels.begin(), result.pixels.end(), std::uint8_t{255});
  for (int y = 0; y < tinted.height; ++y) {
    std::copy_n(tinted.row(y), tinted.row_bytes(), result.row(y));
  }
  for (int y = 0; y < strip.height; ++y) {
    std::copy_n(strip.row(y), strip.row_bytes(), result.row(tinted.height + y));
  }
  return result;
}

}  // namespace striate
