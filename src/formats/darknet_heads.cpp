#include "formats/darknet_heads.h"

#include <array>

#include "striate/base/error.h"

namespace striate {
namespace {

constexpr std::int64_t kMostClasses = 100000, kMostBoxes = 1000, kMostSide = 4096;

// Anchors of the boxes named, of `total` in all; half a cell or pixel where there are none, as darknet
// has it.
std::vector<double> anchors_of(DarknetSection& s, std::int64_t total,
                               const std::vector<std::int64_t>& boxes) {
  std::vector<double> all = s.numbers("anchors");
  if (all.empty()) all.assign(static_cast<std::size_t>(2 * total), 0.5);
  if (static_cast<std::int64_t>(all.size()) < 2 * total) {
    s.refuse("anchors",
             fmt::format("expected two numbers for each of num={}, got {}", total, all.size()));
  }
  std::vector<double> chosen;
  for (const std::int64_t box : boxes) {
    if (box < 0 || box >= total) {
      s.refuse("mask", fmt::format("expected boxes from 0 to {}, got {}", total - 1, box));
    }
    for (const std::int64_t side : {2 * box, 2 * box + 1}) {
      chosen.push_back(all[static_cast<std::size_t>(side)]);
    }
  }
  return chosen;
}

void expect_answers(DarknetSection& s, std::int64_t expected, std::int64_t got, const char* what) {
  // A misspelt key may be why they do not fit.
  s.check_keys();
  if (expected == got) return;
  s.refuse(fmt::format("expected {} {} before it, got {}", expected, what, got));
}

}  // namespace

DarknetHead read_darknet_head(DarknetSection& s, const Shape& answers) {
  DarknetHead head;
  const bool dense = s.name() == "detection";
  const bool third = s.name() == "yolo";
  head.kind = dense   ? DarknetHead::Kind::detection
              : third ? DarknetHead::Kind::yolo
                      : DarknetHead::Kind::region;
  head.classes = s.integer("classes", dense ? 1 : 20, 1, kMostClasses);
  const std::int64_t total = s.integer("num", 1, 1, kMostBoxes);
  // Settings of darknet's own training.
  s.pass_over(
      "jitter random max map rescore ignore_thresh truth_thresh thresh bias_match absolute "
      "object_scale noobject_scale class_scale coord_scale mask_scale classfix log forced "
      "iou_normalizer cls_normalizer iou_loss");
  head.boxes = total;
  if (dense) {
    const std::int64_t coords = s.integer("coords", 1, 1, 1000);
    if (coords != 4) s.refuse("coords", fmt::format("only 4 is known here, got {}", coords));
    head.side = s.integer("side", 7, 1, kMostSide);
    head.softmax = s.integer("softmax", 0, 0, 1) == 1;
    head.roots = s.integer("sqrt", 0, 0, 1) == 1;
    if (s.integer("reorg", 0, 0, 1) == 1) s.refuse("reorg", "only 0 is known here");
    expect_answers(s, head.side * head.side * (5 * head.boxes + head.classes),
                   answers.elements() / answers[0], "numbers");
    return head;
  }
  if (answers.rank() != 4) s.refuse("it stands behind a layer that has no pixels any more");
  std::vector<std::int64_t> boxes = third ? s.integers("mask") : std::vector<std::int64_t>();
  if (boxes.empty()) {
    for (std::int64_t i = 0; i < total; ++i) boxes.push_back(i);
  }
  if (static_cast<std::int64_t>(boxes.size()) > kMostBoxes) {
    s.refuse("mask", fmt::format("expected at most {} boxes", kMostBoxes));
  }
  head.boxes = static_cast<std::int64_t>(boxes.size());
  head.anchors = anchors_of(s, total, boxes);
  if (!third) {
    if (s.integer("coords", 4, 1, 1000) != 4) s.refuse("coords", "only 4 is known here");
    head.softmax = s.integer("softmax", 0, 0, 1) == 1;
    head.background = s.integer("background", 0, 0, 1) == 1;
    if (s.has("tree")) s.refuse("tree", "classes in a tree are not known here");
  }
  expect_answers(s, head.boxes * (5 + head.classes), answers[1], "channels");
  return head;
}

Value reorganized(Builder& builder, const Value& x, DarknetSection& s) {
  constexpr std::int64_t kMost = 64;
  const std::int64_t stride = s.integer("stride", 1, 1, kMost);
  for (const char* key : {"reverse", "flatten", "extra"}) {
    if (s.integer(key, 0, 0, kMostSide) != 0) s.refuse(key, "only 0 is known here");
  }
  const Shape& shape = builder.shape(x);
  const std::int64_t c = shape[1];
  const std::int64_t h = shape[2];
  const std::int64_t w = shape[3];
  if (c % (stride * stride) != 0 || h % stride != 0 || w % stride != 0) {
    s.refuse("stride",
             fmt::format("a map of {}x{}x{} cannot be reorganized by {}", c, h, w, stride));
  }
  const auto reshape = [&](const std::string& name, const Value& value,
                           const std::vector<std::int64_t>& sides) {
    const Value target = builder.constant(
        name + ".shape",
        Tensor::of<std::int64_t>({static_cast<std::int64_t>(sides.size())}, sides));
    return builder.node("Reshape", name, {value, target});
  };
  const Value parts = reshape("parts", x, {-1, c / (stride * stride), h, stride, w, stride});
  const Value turned = builder.node("Transpose", "turned", {parts},
                                    {{"perm", std::vector<std::int64_t>{0, 3, 5, 1, 2, 4}}});
  return reshape("reorg", turned, {-1, c * stride * stride, h / stride, w / stride});
}

}  // namespace striate
