#include "striate/data/transforms.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "data/colour.h"
#include "striate/base/error.h"
#include "striate/base/suggest.h"

namespace striate {
namespace {

constexpr std::int64_t kMaxNumber = 1024;

bool has_mask(const Example& example) { return example.mask.width > 0; }

// A change of example.picture that is done: x becomes across * x + right, y down * y + below.
void move_objects(Example& example, double across, double right, double down, double below) {
  constexpr double kLeast = 0.25;
  const Box whole{0, 0, static_cast<double>(example.picture.width),
                  static_cast<double>(example.picture.height)};
  std::erase_if(example.objects, [&](Object& object) {
    const Box& b = object.box;
    const Box moved{across * b.x1 + right, down * b.y1 + below, across * b.x2 + right,
                    down * b.y2 + below};
    object.box = intersection(moved, whole);
    object.area *= across * down;
    return object.box.width() <= 0 || object.box.height() <= 0 ||
           object.box.area() < kLeast * moved.area();
  });
}

// The picture with `pad` black pixels around it, cut back to its size at a random place: a shift by
// up to `pad` pixels each way.
void crop(Example& example, const TransformArgs& args, Random& random) {
  const auto pad = static_cast<int>(args.number);
  const auto draw = [&] {
    return static_cast<int>(random.below(static_cast<std::uint32_t>(2 * pad + 1))) - pad;
  };
  const int dx = draw();
  const int dy = draw();
  if (dx == 0 && dy == 0) return;
  const auto shift = [&](Image& image, std::uint8_t outside) {
    Image moved(image.width, image.height, image.channels);
    std::fill(moved.pixels.begin(), moved.pixels.end(), outside);
    const int columns = std::max(0, image.width - std::abs(dx));
    const int from = std::max(0, dx) * image.channels;
    const int to = std::max(0, -dx) * image.channels;
    for (int y = std::max(0, -dy); columns > 0 && y < image.height - std::max(0, dy); ++y) {
      std::copy_n(image.row(y + dy) + from, columns * image.channels, moved.row(y) + to);
    }
    image = std::move(moved);
  };
  shift(example.picture, 0);
  if (has_mask(example)) shift(example.mask, kVoid);
  move_objects(example, 1, -dx, 1, -dy);
}

void flip(Example& example, const TransformArgs&, Random& random) {
  if (random.below(2) == 0) return;
  mirror(example.picture);
  if (has_mask(example)) mirror(example.mask);
  for (Object& object : example.objects) {
    const double x1 = object.box.x1;
    object.box.x1 = example.picture.width - object.box.x2;
    object.box.x2 = example.picture.width - x1;
  }
}

// A part of `number` to 100 % of the picture's area, its sides at 3:4 to 4:3, drawn until one fits,
// brought to the network's size (Szegedy et al., arXiv:1409.4842, section 6).
void resized_crop(Example& example, const TransformArgs& args, Random& random) {
  Image& picture = example.picture;
  const double area = static_cast<double>(picture.width) * picture.height;
  const double least = static_cast<double>(args.number) / 100;
  constexpr double kRatio = 4.0 / 3;
  constexpr int kTries = 10;
  int width = 0;
  int height = 0;
  bool fits = false;
  for (int trial = 0; trial < kTries && !fits; ++trial) {
    const double part = area * random.uniform(least, 1);
    const double ratio = std::exp(random.uniform(-std::log(kRatio), std::log(kRatio)));
    width = static_cast<int>(std::lround(std::sqrt(part * ratio)));
    height = static_cast<int>(std::lround(std::sqrt(part / ratio)));
    fits = width > 0 && height > 0 && width <= picture.width && height <= picture.height;
  }
  int x = 0;
  int y = 0;
  if (fits) {
    x = static_cast<int>(random.below(static_cast<std::uint32_t>(picture.width - width + 1)));
    y = static_cast<int>(random.below(static_cast<std::uint32_t>(picture.height - height + 1)));
  } else {
    // The middle, as much of it as those proportions allow.
    const auto longest = [&](int side) {
      return std::max(1, static_cast<int>(std::lround(side * kRatio)));
    };
    width = std::min(picture.width, longest(picture.height));
    height = std::min(picture.height, longest(picture.width));
    x = (picture.width - width) / 2;
    y = (picture.height - height) / 2;
  }
  const int to_width = static_cast<int>(args.target.width);
  const int to_height = static_cast<int>(args.target.height);
  picture = resize_bilinear(cut(picture, x, y, width, height), to_width, to_height);
  if (has_mask(example)) {
    example.mask = resize_nearest(cut(example.mask, x, y, width, height), to_width, to_height);
  }
  const double across = static_cast<double>(to_width) / width;
  const double down = static_cast<double>(to_height) / height;
  move_objects(example, across, -x * across, down, -y * down);
}

std::int64_t number_of(const TransformRow& row, std::string_view text) {
  if (row.standard == 0) {
    fail<InputError>("augmentation {}: expected no number, got \"{}\"", row.name, text);
  }
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 1 || number > row.most) {
    fail<InputError>("augmentation {}: expected a number of 1 to {}, got \"{}\"", row.name,
                     row.most, text);
  }
  return number;
}

const TransformRow& find(std::string_view name) {
  std::vector<std::string> names;
  for (const TransformRow& row : transforms()) {
    if (row.name == name) return row;
    names.push_back(row.name);
  }
  fail<InputError>("unknown augmentation \"{}\"{}", name, suggestion(name, names));
}

}  // namespace

const std::vector<TransformRow>& transforms() {
  static const std::vector<TransformRow> rows{
      {"crop", "shift by up to 4 pixels each way, black moving in; crop:N for up to N", 4,
       kMaxNumber, crop},
      {"flip", "mirror left and right, one time in two", 0, 0, flip},
      {"resized_crop",
       "a part of 8 to 100 % of the area, 3:4 to 4:3, brought to size; resized_crop:N from N %", 8,
       100, resized_crop, true},
      {"jitter",
       "brightness, contrast and saturation times 0.6 to 1.4, in any order; jitter:N for N % each "
       "way",
       40, 100, jitter},
      {"lighting",
       "colours shifted along ImageNet's principal components by a normal draw of deviation 0.1; "
       "lighting:N for N %",
       10, 100, lighting},
  };
  return rows;
}

Augmentation Augmentation::parse(std::string_view text) {
  Augmentation result;
  if (text.empty()) return result;
  while (true) {
    const std::size_t comma = text.find(',');
    const std::string_view item = text.substr(0, comma);
    const std::size_t colon = item.find(':');
    const TransformRow& row = find(item.substr(0, colon));
    for (const Step& step : result.steps_) {
      // The draws are keyed by the name: twice the same would draw the same.
      if (step.row == &row) fail<InputError>("augmentation {}: expected once, got twice", row.name);
    }
    const std::int64_t number =
        colon == std::string_view::npos ? row.standard : number_of(row, item.substr(colon + 1));
    result.steps_.push_back({&row, number});
    if (comma == std::string_view::npos) return result;
    text.remove_prefix(comma + 1);
  }
}

std::string Augmentation::str() const {
  std::string text;
  for (const Step& step : steps_) {
    if (!text.empty()) text += ',';
    text += step.row->name;
    if (step.row->standard != 0) text += fmt::format(":{}", step.number);
  }
  return text;
}

void fit_example(Example& example, const Preprocessing& target) {
  invariant(example.objects.empty() || target.resize == 0, "boxes are not cut to a centre");
  const double across = static_cast<double>(target.width) / std::max(example.picture.width, 1);
  const double down = static_cast<double>(target.height) / std::max(example.picture.height, 1);
  example.picture = fit(std::move(example.picture), target);
  if (has_mask(example)) example.mask = fit_mask(std::move(example.mask), target);
  move_objects(example, across, 0, down, 0);
}

void Augmentation::apply(Image& picture, const Preprocessing& target, const SampleKey& key) const {
  Example example{.picture = std::move(picture)};
  apply(example, target, key);
  picture = std::move(example.picture);
}

void Augmentation::apply(Example& example, const Preprocessing& target,
                         const SampleKey& key) const {
  Image& picture = example.picture;
  picture = target.channels == 3 ? to_rgb(std::move(picture)) : to_grey(std::move(picture));
  bool fitted = false;
  for (const Step& step : steps_) {
    // Brought to size first, so that a shift by four pixels is the same for every picture.
    if (!fitted && !step.row->brings_to_size) {
      fit_example(example, target);
    }
    fitted = true;
    Random random({.seed = key.seed, .purpose = purpose_of(step.row->name), .step = key.epoch},
                  key.index);
    step.row->apply(example, {.number = step.number, .target = target}, random);
  }
}

Preprocessing measure_preprocessing(const Dataset& dataset, std::int64_t channels,
                                    std::int64_t height, std::int64_t width, const Threads& threads,
                                    std::int64_t resize) {
  const auto count = static_cast<std::size_t>(channels);
  Preprocessing result{
      channels, height, width, std::vector<double>(count, 0), std::vector<double>(count, 1),
      resize};
  check(result);
  using Histogram = std::array<std::int64_t, 3 * 256>;
  // Counts add up to the same in any order, so a thread may keep its own.
  std::vector<Histogram> of_thread(static_cast<std::size_t>(threads.count()), Histogram{});
  constexpr std::int64_t kBlock = 256;
  threads.run_with_thread((dataset.size() + kBlock - 1) / kBlock,
                          [&](std::int64_t block, int thread) {
                            Histogram& histogram = of_thread[static_cast<std::size_t>(thread)];
                            const std::int64_t end = std::min(dataset.size(), (block + 1) * kBlock);
                            for (std::int64_t i = block * kBlock; i < end; ++i) {
                              const Image picture = fit(dataset.get(i).picture, result);
                              for (std::size_t p = 0; p < picture.pixels.size(); p += count) {
                                for (std::size_t c = 0; c < count; ++c)
                                  ++histogram[c * 256 + picture.pixels[p + c]];
                              }
                            }
                          });
  for (std::size_t c = 0; c < count; ++c) {
    std::array<std::int64_t, 256> times{};
    std::int64_t values = 0;
    std::int64_t sum = 0;
    for (const Histogram& histogram : of_thread) {
      for (std::size_t byte = 0; byte < times.size(); ++byte) {
        times[byte] += histogram[c * 256 + byte];
        values += histogram[c * 256 + byte];
        sum += histogram[c * 256 + byte] * static_cast<std::int64_t>(byte);
      }
    }
    if (values == 0) continue;
    const double mean = static_cast<double>(sum) / static_cast<double>(values);
    double squares = 0;
    for (std::size_t byte = 0; byte < times.size(); ++byte) {
      const double away = static_cast<double>(byte) - mean;
      squares += static_cast<double>(times[byte]) * away * away;
    }
    result.mean[c] = mean / 255.0;
    if (squares > 0) result.deviation[c] = std::sqrt(squares / static_cast<double>(values)) / 255.0;
  }
  return result;
}

}  // namespace striate
