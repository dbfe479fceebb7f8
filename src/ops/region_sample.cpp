#include <algorithm>

#include "ops/operands.h"
#include "ops/regions.h"
#include "striate/boxes/coding.h"

namespace striate {
namespace {

// Girshick, "Fast R-CNN", arXiv:1504.08083, section 2.3: of each picture's regions and its objects'
// own boxes, so many are drawn, at most a share of them from those that overlap an object, the rest
// from those that overlap none; each with its class, 0 for none, and the offsets to its object, which
// count for that class alone. Weights are 1 in so many regions as are drawn, so that a sum over them
// is the mean.
class RegionSample final : public Operator {
 public:
  struct Fields {
    std::int64_t classes = 0;
    std::int64_t regions = 128;
    double share = 0.25;
    double foreground = 0.5;
    double background = 0.0;
    std::vector<double> scales{10, 10, 5, 5};
    STRIATE_FIELDS(visit("classes", classes, "of objects");
                   visit("regions", regions, "drawn of a picture");
                   visit("share", share, "of them that may overlap an object");
                   visit("foreground", foreground,
                         "least IoU with an object that a region is taken for");
                   visit("background", background, "least IoU of a region that is taken for none");
                   visit("scales", scales, "of the four offsets");)
  };
  explicit RegionSample(Fields fields) : fields_(std::move(fields)) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    constexpr std::int64_t kMost = 1 << 20;
    if (fields_.classes < 1 || fields_.classes > kMost || fields_.regions < 1 ||
        fields_.regions > kMost) {
      fail<ModelError>("expected 1 to {} classes and regions, got {} and {}", kMost,
                       fields_.classes, fields_.regions);
    }
    if (fields_.scales.size() != 4) {
      fail<ModelError>("scales: expected 4, got {}", fields_.scales.size());
    }
    const ValueInfo& rois = required_float(inputs, 0, "rois");
    const ValueInfo& truth = required(inputs, 1, "objects");
    if (truth.shape.rank() != 3) {
      fail<ModelError>("expected objects N,G,5, got {}", truth.shape.str());
    }
    const std::int64_t batch = truth.shape[0];
    expect(truth, rois.dtype, {batch, truth.shape[1], 5}, "objects");
    if (rois.shape.rank() != 2 || rois.shape[1] != 5 || batch == 0 || rois.shape[0] % batch != 0) {
      fail<ModelError>("expected rois R,5, as many for each of {} pictures, got {}", batch,
                       rois.shape.str());
    }
    const std::int64_t count = batch * fields_.regions;
    const Shape offsets{count, 4 * (fields_.classes + 1)};
    return {{.dtype = rois.dtype, .shape = {count, 5}},
            {.dtype = DType::i64, .shape = {count}},
            {.dtype = rois.dtype, .shape = offsets},
            {.dtype = rois.dtype, .shape = offsets}};
  }

  Traits traits(const Device&, std::span<const ValueInfo>,
                std::span<const ValueInfo>) const override {
    Traits traits;
    traits.layout = Traits::Needs::row_major;
    return traits;
  }

  void forward(const ForwardArgs& args) const override {
    args.device.on_host(args.inputs, args.outputs, [&](auto inputs, auto outputs) {
      for (std::int64_t n = 0; n < inputs[1].shape[0]; ++n) {
        Random random(args.key, static_cast<std::uint64_t>(n));
        draw(inputs[0], inputs[1], n, random, outputs);
      }
    });
  }

  void backward(const BackwardArgs&) const override {}

 private:
  struct Region {
    Box box;
    std::int64_t object = -1;
  };

  static bool has_area(const Box& box) { return box.width() > 0 && box.height() > 0; }

  void draw(const ConstView& rois, const ConstView& truth, std::int64_t n, Random& random,
            std::span<const View> outputs) const {
    const std::vector<LabelledBox> objects = objects_of(truth, n);
    std::vector<Region> near;
    std::vector<Region> far;
    const auto sort_in = [&](const Box& box) {
      if (!has_area(box)) return;
      double best = 0;
      Region region{.box = box};
      for (std::size_t i = 0; i < objects.size(); ++i) {
        const double overlap = iou(box, objects[i].box);
        if (overlap <= best) continue;
        best = overlap;
        region.object = static_cast<std::int64_t>(i);
      }
      if (region.object >= 0 && best >= fields_.foreground) {
        near.push_back(region);
      } else if (best >= fields_.background) {
        far.push_back({.box = box});
      }
    };
    const std::int64_t each = rois.shape[0] / truth.shape[0];
    for (std::int64_t r = n * each; r < (n + 1) * each; ++r) sort_in(box_of(rois, r));
    for (std::size_t i = 0; i < objects.size(); ++i) {
      near.push_back({objects[i].box, static_cast<std::int64_t>(i)});
    }

    const auto all = static_cast<std::size_t>(fields_.regions);
    choose(near, static_cast<std::size_t>(fields_.share * static_cast<double>(fields_.regions)),
           random);
    choose(far, all - near.size(), random);
    // Too few: boxes of no area that nothing is asked of; a picture of nothing but these shows none.
    const bool none = near.empty() && far.empty();
    near.insert(near.end(), far.begin(), far.end());
    for (std::size_t i = 0; i < all; ++i) {
      const std::int64_t row = n * fields_.regions + static_cast<std::int64_t>(i);
      const bool there = i < near.size();
      const Region region = there ? near[i] : Region{};
      put_region(outputs[0], row, n, region.box);
      std::int64_t label = there || (none && i == 0) ? 0 : kNotAsked;
      if (region.object >= 0) {
        const LabelledBox& object = objects[static_cast<std::size_t>(region.object)];
        label = 1 + std::min(object.label, fields_.classes - 1);
        put_offsets(outputs, row, label, encode(object.box, region.box, scales()));
      } else {
        put_offsets(outputs, row, -1, {});
      }
      outputs[1].as<std::int64_t>()[row * outputs[1].stride(0)] = label;
    }
  }

  void put_offsets(std::span<const View> outputs, std::int64_t row, std::int64_t label,
                   const BoxDelta& delta) const {
    const auto offsets = numbers_of(delta);
    const double weight = 1.0 / static_cast<double>(outputs[0].shape[0]);
    for (std::int64_t column = 0; column < outputs[2].shape[1]; ++column) {
      const bool own = column / 4 == label;
      put_number(outputs[2], own ? offsets[static_cast<std::size_t>(column % 4)] : 0.0, row,
                 column);
      put_number(outputs[3], own ? weight : 0.0, row, column);
    }
  }

  BoxWeights scales() const {
    return {fields_.scales[0], fields_.scales[1], fields_.scales[2], fields_.scales[3]};
  }

  Fields fields_;
};

}  // namespace

void register_op_region_sample(OperatorRegistry& registry) {
  registry.add({.name = "RegionSample",
                .doc =
                    "Regions drawn to train on, their classes, offsets and the offsets' weights "
                    "(Girshick, arXiv:1504.08083, section 2.3; domain striate); objects are rows "
                    "of x1, y1, x2, y2, class, or -1 where there is none.",
                .min_inputs = 2,
                .max_inputs = 2,
                .min_outputs = 4,
                .max_outputs = 4,
                .differentiable = false,
                .make = make_operator<RegionSample>});
}

}  // namespace striate
