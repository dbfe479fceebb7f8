#include "striate/boxes/selective_search.h"

#include <algorithm>
#include <array>

#include <gmock/gmock.h>

#include "boxes/graph_segmentation.h"

namespace striate {
namespace {

void paint(Image& picture, int x1, int y1, int x2, int y2, std::array<int, 3> colour) {
  for (int y = y1; y < y2; ++y) {
    for (int x = x1; x < x2; ++x) {
      for (int c = 0; c < 3; ++c) {
        picture.row(y)[3 * x + c] =
            static_cast<std::uint8_t>(colour[static_cast<std::size_t>(c)] + (x * 7 + y * 13) % 5);
      }
    }
  }
}

// A red and a green part of one thing on grey, and a blue one apart.
Image shapes() {
  Image picture(120, 90, 3);
  paint(picture, 0, 0, 120, 90, {100, 100, 100});
  paint(picture, 10, 20, 40, 50, {200, 40, 40});
  paint(picture, 40, 20, 55, 50, {40, 190, 40});
  paint(picture, 80, 50, 110, 80, {40, 40, 200});
  return picture;
}

double best_iou(const std::vector<Box>& boxes, const Box& truth) {
  double best = 0;
  for (const Box& box : boxes) best = std::max(best, iou(box, truth));
  return best;
}

TEST(SelectiveSearch, FindsWhatIsThere) {
  for (const auto mode : {SelectiveSearch::Mode::fast, SelectiveSearch::Mode::quality}) {
    const auto boxes = selective_search(shapes(), {.mode = mode});
    for (const Box& truth : {Box{10, 20, 40, 50}, Box{40, 20, 55, 50}, Box{80, 50, 110, 80},
                             Box{10, 20, 55, 50}, Box{0, 0, 120, 90}}) {
      EXPECT_GT(best_iou(boxes, truth), 0.8) << truth.x1 << " " << truth.x2;
    }
    for (std::size_t i = 0; i < boxes.size(); ++i) {
      EXPECT_EQ(std::count(boxes.begin(), boxes.end(), boxes[i]), 1);
      EXPECT_GE(boxes[i].width(), 8);
      EXPECT_EQ(intersection(boxes[i], {0, 0, 120, 90}), boxes[i]);
    }
  }
}

TEST(ThreadsSelectiveSearch, IsTheSameOnAnyNumberOfThreads) {
  const Image picture = shapes();
  const Threads three(3);
  const auto alone = selective_search(picture);
  EXPECT_EQ(selective_search(picture, {}, &three), alone);
  EXPECT_EQ(selective_search(picture), alone);
  auto few = selective_search(picture, {.most = 3});
  ASSERT_EQ(few.size(), 3U);
  EXPECT_TRUE(std::equal(few.begin(), few.end(), alone.begin()));
}

TEST(SelectiveSearch, StandsSmallAndPlainPictures) {
  EXPECT_TRUE(selective_search(Image(1, 1, 1)).empty());
  EXPECT_TRUE(selective_search(Image(3, 2, 3)).empty());
  EXPECT_THAT(selective_search(Image(50, 40, 1)), testing::ElementsAre(Box{0, 0, 50, 40}));
  EXPECT_TRUE(selective_search(Image()).empty());
}

// By its definition: edges sorted by weight, segments looked up by walking over all pixels.
TEST(GraphSegmentation, IsWhatItsDefinitionGives) {
  const int width = 13;
  const int height = 9;
  Planes planes{.width = width, .height = height, .channels = 1};
  for (int i = 0; i < width * height; ++i) {
    planes.values.push_back(static_cast<float>((i * 37) % 11 + (i % width > 5 ? 60 : 0)));
  }
  struct Edge {
    float weight;
    int a, b;
  };
  std::vector<Edge> edges;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (const auto& [dx, dy] : {std::pair{1, 0}, {0, 1}, {1, 1}, {1, -1}}) {
        if (x + dx >= width || y + dy < 0 || y + dy >= height) continue;
        const int a = y * width + x;
        const int b = (y + dy) * width + x + dx;
        edges.push_back({std::abs(planes.values[static_cast<std::size_t>(a)] -
                                  planes.values[static_cast<std::size_t>(b)]),
                         a, b});
      }
    }
  }
  std::stable_sort(edges.begin(), edges.end(),
                   [](const Edge& a, const Edge& b) { return a.weight < b.weight; });
  std::vector<int> label(static_cast<std::size_t>(width * height));
  std::vector<double> within(label.size());
  for (std::size_t i = 0; i < label.size(); ++i) label[i] = static_cast<int>(i);
  const double scale = 12;
  const auto size = [&](int one) { return std::count(label.begin(), label.end(), one); };
  const auto join = [&](int a, int b, float weight) {
    std::replace(label.begin(), label.end(), b, a);
    within[static_cast<std::size_t>(a)] = double{weight};
  };
  for (const Edge& edge : edges) {
    const int a = label[static_cast<std::size_t>(edge.a)];
    const int b = label[static_cast<std::size_t>(edge.b)];
    if (a == b) continue;
    const auto limit = [&](int one) {
      return within[static_cast<std::size_t>(one)] + scale / static_cast<double>(size(one));
    };
    if (double{edge.weight} <= std::min(limit(a), limit(b))) join(a, b, edge.weight);
  }
  for (const Edge& edge : edges) {
    const int a = label[static_cast<std::size_t>(edge.a)];
    const int b = label[static_cast<std::size_t>(edge.b)];
    if (a != b && std::min(size(a), size(b)) < 6) join(a, b, edge.weight);
  }
  const auto segments = GraphSegmentation(planes).segment(scale, 6);
  EXPECT_GT(segments.count, 1);
  for (std::size_t i = 0; i < label.size(); ++i) {
    for (std::size_t k = 0; k < label.size(); ++k) {
      EXPECT_EQ(label[i] == label[k], segments.labels[i] == segments.labels[k]) << i << " " << k;
    }
  }
}

}  // namespace
}  // namespace striate
