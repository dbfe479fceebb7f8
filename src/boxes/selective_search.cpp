#include "striate/boxes/selective_search.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <queue>
#include <tuple>
#include <utility>

#include "boxes/graph_segmentation.h"
#include "striate/base/random.h"

namespace striate {
namespace {

constexpr int kColourBins = 25;
constexpr int kTextureBins = 10;
constexpr int kDirections = 8;

// The bins that each pixel falls into: of each channel one of colour, and one of texture for each
// direction in which it changes.
struct Bins {
  int channels = 0;
  std::vector<std::uint8_t> colour;   // pixel, channel
  std::vector<std::uint8_t> texture;  // pixel, channel, direction
};

Bins bins_of(const Planes& planes) {
  const auto c = static_cast<std::size_t>(planes.channels);
  const std::size_t pixels = planes.pixels();
  Bins bins{.channels = planes.channels};
  bins.colour.resize(pixels * c);
  for (std::size_t i = 0; i < bins.colour.size(); ++i) {
    bins.colour[i] = static_cast<std::uint8_t>(
        std::clamp(static_cast<int>(planes.values[i] * kColourBins / 256), 0, kColourBins - 1));
  }
  // The change along each axis; those between are sums of both.
  const Planes smooth = smoothed(planes, 1);
  std::vector<float> across(pixels * c);
  std::vector<float> down(pixels * c);
  std::vector<float> most(c);
  for (int y = 0; y < planes.height; ++y) {
    for (int x = 0; x < planes.width; ++x) {
      const auto at = [&](int column, int row) {
        return (static_cast<std::size_t>(std::clamp(row, 0, planes.height - 1)) *
                    static_cast<std::size_t>(planes.width) +
                static_cast<std::size_t>(std::clamp(column, 0, planes.width - 1))) *
               c;
      };
      const std::size_t here = at(x, y);
      for (std::size_t k = 0; k < c; ++k) {
        across[here + k] = smooth.values[at(x + 1, y) + k] - smooth.values[at(x - 1, y) + k];
        down[here + k] = smooth.values[at(x, y + 1) + k] - smooth.values[at(x, y - 1) + k];
        most[k] = std::max({most[k], std::abs(across[here + k]), std::abs(down[here + k])});
      }
    }
  }
  const float slant = std::sqrt(0.5F);
  bins.texture.resize(pixels * c * kDirections);
  for (std::size_t i = 0; i < pixels * c; ++i) {
    const float scale = most[i % c] > 0 ? kTextureBins / most[i % c] : 0;
    const float x = across[i] * scale;
    const float y = down[i] * scale;
    const std::array<float, 4> along{x, (x + y) * slant, y, (y - x) * slant};
    std::uint8_t* out = bins.texture.data() + i * kDirections;
    for (std::size_t d = 0; d < 4; ++d) {
      const auto bin = [](float value) {
        return static_cast<std::uint8_t>(std::clamp(static_cast<int>(value), 0, kTextureBins - 1));
      };
      out[d] = bin(along[d]);
      out[d + 4] = bin(-along[d]);
    }
  }
  return bins;
}

struct Region {
  std::int64_t size = 0;
  int x1 = 1 << 30, y1 = 1 << 30, x2 = 0, y2 = 0;
  std::vector<float> colour, texture;  // each sums up to 1
  std::vector<std::int32_t> neighbours;

  void cover(const Region& other) {
    x1 = std::min(x1, other.x1);
    y1 = std::min(y1, other.y1);
    x2 = std::max(x2, other.x2);
    y2 = std::max(y2, other.y2);
  }
};

void normalize(std::vector<float>& histogram) {
  double sum = 0;
  for (const float count : histogram) sum += double{count};
  if (sum <= 0) return;
  for (float& count : histogram) count = static_cast<float>(double{count} / sum);
}

std::vector<Region> regions_of(const GraphSegmentation::Segments& segments, const Bins& bins,
                               int width, int height) {
  std::vector<Region> regions(static_cast<std::size_t>(segments.count));
  const auto c = static_cast<std::size_t>(bins.channels);
  for (Region& region : regions) {
    region.colour.resize(c * kColourBins);
    region.texture.resize(c * kDirections * kTextureBins);
  }
  std::size_t pixel = 0;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x, ++pixel) {
      const std::int32_t label = segments.labels[pixel];
      Region& region = regions[static_cast<std::size_t>(label)];
      ++region.size;
      region.x1 = std::min(region.x1, x);
      region.y1 = std::min(region.y1, y);
      region.x2 = std::max(region.x2, x + 1);
      region.y2 = std::max(region.y2, y + 1);
      for (std::size_t k = 0; k < c; ++k) {
        region.colour[k * kColourBins + bins.colour[pixel * c + k]] += 1;
        const std::uint8_t* texture = bins.texture.data() + (pixel * c + k) * kDirections;
        float* histogram = region.texture.data() + k * kDirections * kTextureBins;
        for (int d = 0; d < kDirections; ++d) histogram[d * kTextureBins + texture[d]] += 1;
      }
      const auto touch = [&](std::size_t other) {
        const std::int32_t there = segments.labels[other];
        if (there == label) return;
        region.neighbours.push_back(there);
        regions[static_cast<std::size_t>(there)].neighbours.push_back(label);
      };
      if (x + 1 < width) touch(pixel + 1);
      if (y + 1 < height) touch(pixel + static_cast<std::size_t>(width));
    }
  }
  for (Region& region : regions) {
    normalize(region.colour);
    normalize(region.texture);
    std::sort(region.neighbours.begin(), region.neighbours.end());
    region.neighbours.erase(std::unique(region.neighbours.begin(), region.neighbours.end()),
                            region.neighbours.end());
  }
  return regions;
}

// What two regions are compared by; size is left out where only fill or only size counts.
struct Measure {
  bool colour, texture, size, fill;
};

double shared(const std::vector<float>& a, const std::vector<float>& b) {
  float sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::min(a[i], b[i]);
  return double{sum};
}

// Section 3.2, equations 1 to 6.
double alike(const Region& a, const Region& b, const Measure& measure, double pixels) {
  double sum = 0;
  const auto size = static_cast<double>(a.size + b.size);
  if (measure.colour) sum += shared(a.colour, b.colour);
  if (measure.texture) sum += shared(a.texture, b.texture);
  if (measure.size) sum += 1 - size / pixels;
  if (measure.fill) {
    const double width = std::max(a.x2, b.x2) - std::min(a.x1, b.x1);
    const double height = std::max(a.y2, b.y2) - std::min(a.y1, b.y1);
    sum += 1 - (width * height - size) / pixels;
  }
  return sum;
}

Region united(const Region& a, const Region& b) {
  Region sum{.size = a.size + b.size};
  sum.cover(a);
  sum.cover(b);
  const auto share =
      static_cast<float>(static_cast<double>(a.size) / static_cast<double>(sum.size));
  const auto mix = [&](const std::vector<float>& one, const std::vector<float>& other) {
    std::vector<float> mixed(one.size());
    for (std::size_t i = 0; i < one.size(); ++i) mixed[i] = share * one[i] + (1 - share) * other[i];
    return mixed;
  };
  sum.colour = mix(a.colour, b.colour);
  sum.texture = mix(a.texture, b.texture);
  std::merge(a.neighbours.begin(), a.neighbours.end(), b.neighbours.begin(), b.neighbours.end(),
             std::back_inserter(sum.neighbours));
  sum.neighbours.erase(std::unique(sum.neighbours.begin(), sum.neighbours.end()),
                       sum.neighbours.end());
  return sum;
}

// Algorithm 1: the boxes of all regions, from the first segments to the whole picture.
std::vector<Box> grouped_boxes(std::vector<Region> regions, const Measure& measure, double pixels) {
  struct Pair {
    double alike;
    std::int32_t a, b;
    bool operator<(const Pair& other) const {
      return std::tie(alike, other.a, other.b) < std::tie(other.alike, a, b);
    }
  };
  std::priority_queue<Pair> pairs;
  const auto push = [&](std::int32_t a, std::int32_t b) {
    pairs.push({alike(regions[static_cast<std::size_t>(a)], regions[static_cast<std::size_t>(b)],
                      measure, pixels),
                a, b});
  };
  for (std::int32_t a = 0; a < static_cast<std::int32_t>(regions.size()); ++a) {
    for (const std::int32_t b : regions[static_cast<std::size_t>(a)].neighbours) {
      if (a < b) push(a, b);
    }
  }
  std::vector<char> gone(regions.size());
  while (!pairs.empty()) {
    const auto [likeness, a, b] = pairs.top();
    pairs.pop();
    if (gone[static_cast<std::size_t>(a)] != 0 || gone[static_cast<std::size_t>(b)] != 0) continue;
    gone[static_cast<std::size_t>(a)] = gone[static_cast<std::size_t>(b)] = 1;
    const auto self = static_cast<std::int32_t>(regions.size());
    Region sum = united(regions[static_cast<std::size_t>(a)], regions[static_cast<std::size_t>(b)]);
    std::erase_if(sum.neighbours,
                  [&](std::int32_t other) { return gone[static_cast<std::size_t>(other)] != 0; });
    for (const std::int32_t other : sum.neighbours) {
      regions[static_cast<std::size_t>(other)].neighbours.push_back(self);  // the largest: sorted
    }
    // What has been united is not looked at again.
    for (const std::int32_t part : {a, b}) {
      Region& old = regions[static_cast<std::size_t>(part)];
      old.colour = {};
      old.texture = {};
      old.neighbours = {};
    }
    regions.push_back(std::move(sum));
    gone.push_back(0);
    for (const std::int32_t other : regions.back().neighbours) push(other, self);
  }
  std::vector<Box> boxes;
  for (const Region& region : regions) {
    boxes.push_back({static_cast<double>(region.x1), static_cast<double>(region.y1),
                     static_cast<double>(region.x2), static_cast<double>(region.y2)});
  }
  return boxes;
}

struct Plan {
  std::vector<ColourSpace> spaces;
  std::vector<Measure> measures;
  std::vector<double> scales;
};

// Section 5.4's single best, and all of table 1's but plain RGB.
Plan plan_of(SelectiveSearch::Mode mode) {
  constexpr Measure kAll{true, true, true, true};
  constexpr Measure kNoColour{false, true, true, true};
  if (mode == SelectiveSearch::Mode::fast) {
    return {.spaces = {ColourSpace::hsv, ColourSpace::lab},
            .measures = {kAll, kNoColour},
            .scales = {50, 100}};
  }
  return {.spaces = {ColourSpace::hsv, ColourSpace::lab, ColourSpace::rgi, ColourSpace::hue,
                     ColourSpace::intensity},
          .measures = {kAll, kNoColour, {false, false, false, true}, {false, false, true, false}},
          .scales = {50, 100, 150, 300}};
}

}  // namespace

std::vector<Box> selective_search(const Image& picture, const SelectiveSearch& options,
                                  const Threads* threads) {
  if (picture.width <= 0 || picture.height <= 0) return {};
  const Image rgb = to_rgb(picture);
  const Plan plan = plan_of(options.mode);
  const double pixels = static_cast<double>(rgb.width) * rgb.height;
  const auto each = [&](std::size_t items, const std::function<void(std::size_t)>& body) {
    if (threads == nullptr) {
      for (std::size_t i = 0; i < items; ++i) body(i);
      return;
    }
    threads->run(static_cast<std::int64_t>(items),
                 [&](std::int64_t i) { body(static_cast<std::size_t>(i)); });
  };

  struct Space {
    std::unique_ptr<GraphSegmentation> edges;
    Bins bins;
  };
  std::vector<Space> spaces(plan.spaces.size());
  each(spaces.size(), [&](std::size_t i) {
    const Planes planes = in_colour_space(rgb, plan.spaces[i]);
    spaces[i].edges = std::make_unique<GraphSegmentation>(smoothed(planes, 0.8));
    spaces[i].bins = bins_of(planes);
  });
  const std::size_t scales = plan.scales.size();
  const std::size_t measures = plan.measures.size();
  std::vector<std::vector<Box>> found(spaces.size() * scales * measures);
  each(spaces.size() * scales, [&](std::size_t i) {
    const Space& space = spaces[i / scales];
    const double scale = plan.scales[i % scales];
    const std::vector<Region> regions =
        regions_of(space.edges->segment(scale, static_cast<std::int64_t>(scale)), space.bins,
                   rgb.width, rgb.height);
    for (std::size_t m = 0; m < measures; ++m) {
      found[i * measures + m] = grouped_boxes(regions, plan.measures[m], pixels);
    }
  });

  // Section 4.1's order: the whole picture has place 1, each union the next, times a draw.
  struct Placed {
    double place;
    Box box;
  };
  std::vector<Placed> placed;
  for (std::size_t f = 0; f < found.size(); ++f) {
    Random random({.seed = options.seed, .purpose = purpose_of("selective search")}, f);
    const std::vector<Box>& boxes = found[f];
    for (std::size_t i = 0; i < boxes.size(); ++i) {
      const double draw = random.uniform();
      if (boxes[i].width() < options.least_side || boxes[i].height() < options.least_side) continue;
      placed.push_back({static_cast<double>(boxes.size() - i) * draw, boxes[i]});
    }
  }
  std::stable_sort(placed.begin(), placed.end(),
                   [](const Placed& a, const Placed& b) { return a.place < b.place; });
  const auto key = [](const Box& box) { return std::tuple(box.x1, box.y1, box.x2, box.y2); };
  std::map<decltype(key(Box{})), bool> seen;
  std::vector<Box> boxes;
  for (const Placed& one : placed) {
    if (options.most > 0 && static_cast<std::int64_t>(boxes.size()) >= options.most) break;
    if (seen.emplace(key(one.box), true).second) boxes.push_back(one.box);
  }
  return boxes;
}

}  // namespace striate
