#include "striate/data/transforms.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "striate/base/error.h"
#include "striate/base/suggest.h"

namespace striate {
namespace {

constexpr std::int64_t kMaxNumber = 1024;

// The picture with `pad` black pixels around it, cut back to its size at a random place: a shift by
// up to `pad` pixels each way.
void crop(Image& picture, std::int64_t pad, Random& random) {
  const auto draw = [&] {
    return static_cast<int>(random.below(static_cast<std::uint32_t>(2 * pad + 1))) -
           static_cast<int>(pad);
  };
  const int dx = draw();
  const int dy = draw();
  if (dx == 0 && dy == 0) return;
  Image moved(picture.width, picture.height, picture.channels);
  const int columns = std::max(0, picture.width - std::abs(dx));
  const int from = std::max(0, dx) * picture.channels;
  const int to = std::max(0, -dx) * picture.channels;
  for (int y = std::max(0, -dy); columns > 0 && y < picture.height - std::max(0, dy); ++y) {
    std::copy_n(picture.row(y + dy) + from, columns * picture.channels, moved.row(y) + to);
  }
  picture = std::move(moved);
}

void flip(Image& picture, std::int64_t /*number*/, Random& random) {
  if (random.below(2) == 0) return;
  for (int y = 0; y < picture.height; ++y) {
    std::uint8_t* row = picture.row(y);
    std::reverse(row, row + picture.row_bytes());
    // Reversed byte by byte, an RGB pixel is now blue, green, red.
    if (picture.channels == 3) {
      for (int x = 0; x < picture.width; ++x) std::swap(row[3 * x], row[3 * x + 2]);
    }
  }
}

std::int64_t number_of(const TransformRow& row, std::string_view text) {
  if (row.standard == 0) {
    fail<InputError>("augmentation {}: expected no number, got \"{}\"", row.name, text);
  }
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 1 ||
      number > kMaxNumber) {
    fail<InputError>("augmentation {}: expected a number of 1 to {}, got \"{}\"", row.name,
                     kMaxNumber, text);
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
      {"crop", "shift by up to 4 pixels each way, black moving in; crop:N for up to N", 4, crop},
      {"flip", "mirror left and right, one time in two", 0, flip},
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

void Augmentation::apply(Image& picture, const SampleKey& key) const {
  for (const Step& step : steps_) {
    Random random({.seed = key.seed, .purpose = purpose_of(step.row->name), .step = key.epoch},
                  key.index);
    step.row->apply(picture, step.number, random);
  }
}

Preprocessing measure_preprocessing(const Dataset& dataset, std::int64_t channels,
                                    std::int64_t height, std::int64_t width,
                                    const Threads& threads) {
  const auto count = static_cast<std::size_t>(channels);
  Preprocessing result{channels, height, width, std::vector<double>(count, 0),
                       std::vector<double>(count, 1)};
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
