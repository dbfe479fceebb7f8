#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/operands.h"
#include "ops/regions.h"
#include "striate/boxes/coding.h"
#include "striate/boxes/suppression.h"

namespace striate {
namespace {

constexpr std::int64_t kMostRegions = 1 << 20;

struct Candidate {
  Box box;
  double score = 0;
  std::int64_t index = 0;  // among all anchors
};

// By falling score, of equals the first anchor; what is no number comes last.
bool better(const Candidate& a, const Candidate& b) {
  const double first = std::isnan(a.score) ? -std::numeric_limits<double>::infinity() : a.score;
  const double second = std::isnan(b.score) ? -std::numeric_limits<double>::infinity() : b.score;
  return first != second ? first > second : a.index < b.index;
}

// Ren, He, Girshick, Sun, "Faster R-CNN", arXiv:1506.01497, section 3.1 and 3.3: anchors moved by
// their four offsets and cut at the picture's edges; of each map the best `before`, of which those
// that overlap a better one are suppressed; of all maps (Lin et al., arXiv:1612.03144, section 4.1)
// the best `after`. Their number is fixed, so what is missing are boxes without an area.
class RegionProposal final : public Operator {
 public:
  struct Fields {
    AnchorFields anchors;
    std::int64_t height = 0, width = 0;
    std::int64_t before = 6000, after = 300;
    double overlap = 0.7;
    double least = 1e-3;
    std::string order = "score";
    STRIATE_FIELDS(anchors.fields(visit); visit("height", height, "of the picture");
                   visit("width", width, "of the picture");
                   visit("before", before, "best of each map, before suppression");
                   visit("after", after, "regions of a picture");
                   visit("overlap", overlap, "IoU above which the lower score is suppressed");
                   visit("least", least, "width and height of the smallest region");
                   visit("order", order,
                         "of what comes out: by falling score, or by growing area");)
  };
  explicit RegionProposal(Fields fields) : fields_(std::move(fields)) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const std::size_t maps = inputs.size() / 2;
    if (inputs.size() % 2 != 0) fail<ModelError>("expected scores and offsets in pairs");
    fields_.anchors.check(maps);
    if (fields_.before < 1 || fields_.after < 1 || fields_.after > kMostRegions) {
      fail<ModelError>("expected 1 to {} regions, got {} of {}", kMostRegions, fields_.after,
                       fields_.before);
    }
    if (fields_.order != "score" && fields_.order != "area") {
      fail<ModelError>("order: expected score or area, got {}", fields_.order);
    }
    const ValueInfo& first = required_float(inputs, 0, "scores");
    if (first.shape.rank() != 4)
      fail<ModelError>("expected maps N,C,H,W, got {}", first.shape.str());
    const std::int64_t batch = first.shape[0];
    for (std::size_t map = 0; map < maps; ++map) {
      const ValueInfo& scores = required_float(inputs, 2 * map, "scores");
      Shape shape = scores.shape;
      if (shape.rank() != 4 || shape[0] != batch ||
          (shape[1] != anchors() && shape[1] != 2 * anchors())) {
        fail<ModelError>(
            "expected scores of {} pictures and one or two for each of {} anchors, got {}", batch,
            anchors(), shape.str());
      }
      shape[1] = 4 * anchors();
      expect(required(inputs, 2 * map + 1, "offsets"), first.dtype, shape, "offsets");
    }
    return {{.dtype = first.dtype, .shape = {batch * fields_.after, 5}}};
  }
  Window window(std::span<const ValueInfo>) const override { return anywhere(); }

  Traits traits(const Device&, std::span<const ValueInfo>,
                std::span<const ValueInfo>) const override {
    return {};
  }

  void forward(const ForwardArgs& args) const override {
    args.device.on_host(args.inputs, args.outputs, [&](auto inputs, auto outputs) {
      for (std::int64_t n = 0; n < inputs[0].shape[0]; ++n) {
        std::vector<Candidate> found = propose(inputs, n);
        found.resize(static_cast<std::size_t>(fields_.after));
        if (fields_.order == "area") {
          std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
            return a.box.area() < b.box.area();
          });
        }
        for (std::int64_t i = 0; i < fields_.after; ++i) {
          put_region(outputs[0], n * fields_.after + i, n, found[static_cast<std::size_t>(i)].box);
        }
      }
    });
  }

  void backward(const BackwardArgs&) const override {}

 private:
  std::int64_t anchors() const { return fields_.anchors.per_pixel(); }

  // Of one picture, by falling score, at most `after`.
  std::vector<Candidate> propose(std::span<const ConstView> inputs, std::int64_t n) const {
    std::vector<Candidate> all;
    std::int64_t index = 0;
    for (std::size_t map = 0; map < inputs.size() / 2; ++map) {
      const std::vector<Candidate> kept =
          suppressed(best_of(inputs[2 * map], inputs[2 * map + 1], n, map, index));
      all.insert(all.end(), kept.begin(), kept.end());
      index += inputs[2 * map].shape[2] * inputs[2 * map].shape[3] * anchors();
    }
    const auto count = std::min(all.size(), static_cast<std::size_t>(fields_.after));
    std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count), all.end(),
                      better);
    all.resize(count);
    return all;
  }

  // The best anchors of one map, moved; without those that have become too small.
  std::vector<Candidate> best_of(const ConstView& scores, const ConstView& deltas, std::int64_t n,
                                 std::size_t map, std::int64_t first) const {
    const std::int64_t h = scores.shape[2];
    const std::int64_t w = scores.shape[3];
    const std::int64_t count = anchors();
    const bool two = scores.shape[1] == 2 * count;
    std::vector<Candidate> all;
    all.reserve(static_cast<std::size_t>(h * w * count));
    for (std::int64_t y = 0; y < h; ++y)
      for (std::int64_t x = 0; x < w; ++x)
        for (std::int64_t a = 0; a < count; ++a) {
          const double score =
              two ? number_at(scores, n, count + a, y, x) - number_at(scores, n, a, y, x)
                  : number_at(scores, n, a, y, x);
          all.push_back({.score = score, .index = first + static_cast<std::int64_t>(all.size())});
        }
    const auto kept = std::min(all.size(), static_cast<std::size_t>(fields_.before));
    std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(kept), all.end(),
                      better);
    all.resize(kept);
    for (Candidate& candidate : all) {
      const std::int64_t at = candidate.index - first;
      const std::int64_t a = at % count;
      const std::int64_t x = at / count % w;
      const std::int64_t y = at / count / w;
      const auto offset = [&](std::int64_t k) { return number_at(deltas, n, 4 * a + k, y, x); };
      candidate.box = clip(
          decode({offset(0), offset(1), offset(2), offset(3)}, fields_.anchors.box(map, a, y, x)),
          static_cast<double>(fields_.width), static_cast<double>(fields_.height));
    }
    std::erase_if(all, [&](const Candidate& candidate) {
      return !(candidate.box.width() >= fields_.least && candidate.box.height() >= fields_.least) ||
             std::isnan(candidate.score);
    });
    return all;
  }

  std::vector<Candidate> suppressed(const std::vector<Candidate>& candidates) const {
    std::vector<Box> boxes;
    std::vector<double> scores;
    for (const Candidate& candidate : candidates) {
      boxes.push_back(candidate.box);
      scores.push_back(candidate.score);
    }
    std::vector<Candidate> kept;
    for (const std::int64_t i : suppress(boxes, scores, fields_.overlap)) {
      if (kept.size() == static_cast<std::size_t>(fields_.after)) break;
      kept.push_back(candidates[static_cast<std::size_t>(i)]);
    }
    return kept;
  }

  Fields fields_;
};

}  // namespace

void register_op_region_proposal(OperatorRegistry& registry) {
  registry.add({.name = "RegionProposal",
                .doc = "Where objects may be, by scores and offsets of anchors (Ren et al., "
                       "arXiv:1506.01497): rows of image, x1, y1, x2, y2 (domain striate).",
                .min_inputs = 2,
                .max_inputs = 32,
                .differentiable = false,
                .make = make_operator<RegionProposal>});
}

}  // namespace striate
