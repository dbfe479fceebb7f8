#include <algorithm>
#include <numeric>

#include "ops/operands.h"
#include "ops/regions.h"
#include "striate/boxes/coding.h"

namespace striate {
namespace {

// Ren, He, Girshick, Sun, "Faster R-CNN", arXiv:1506.01497, section 3.1.2 and 3.1.3: an anchor is
// taken for an object that it overlaps by `positive`, or where no other overlaps that object more; for
// none where it overlaps every object by less than `negative`. So many are drawn, at most a share of
// them of the first kind; nothing is asked of the others. Offsets count for the first kind, with
// weights so that their sum is a mean over all that were drawn. Departure: anchors across the
// picture's edge count like others, as many cells and faces lie there.
class AnchorSample final : public Operator {
 public:
  struct Fields {
    AnchorFields anchors;
    std::int64_t count = 256;
    double share = 0.5;
    double positive = 0.7;
    double negative = 0.3;
    STRIATE_FIELDS(anchors.fields(visit); visit("count", count, "anchors drawn of a picture");
                   visit("share", share, "of them that may be an object's");
                   visit("positive", positive, "least IoU of an anchor that is an object's");
                   visit("negative", negative, "IoU below which it is none's");)
  };
  explicit AnchorSample(Fields fields) : fields_(std::move(fields)) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    fields_.anchors.check(1);
    if (fields_.count < 1) fail<ModelError>("count: expected 1 or more, got {}", fields_.count);
    const ValueInfo& objects = required_float(inputs, 0, "objects");
    const ValueInfo& map = required(inputs, 1, "offsets");
    if (map.shape.rank() != 4 || map.shape[1] != 4 * per_pixel()) {
      fail<ModelError>("expected offsets N,{},H,W, got {}", 4 * per_pixel(), map.shape.str());
    }
    if (objects.shape.rank() != 3) {
      fail<ModelError>("expected objects N,G,5, got {}", objects.shape.str());
    }
    expect(objects, map.dtype, {map.shape[0], objects.shape[1], 5}, "objects");
    const std::int64_t all = per_pixel() * map.shape[2] * map.shape[3];
    return {{.dtype = DType::i64, .shape = {map.shape[0], all}},
            {.dtype = map.dtype, .shape = map.shape},
            {.dtype = map.dtype, .shape = map.shape}};
  }

  Traits traits(const Device&, std::span<const ValueInfo>,
                std::span<const ValueInfo>) const override {
    Traits traits;
    traits.layout = Traits::Needs::row_major;
    return traits;
  }

  void forward(const ForwardArgs& args) const override {
    args.device.on_host(args.inputs, args.outputs, [&](auto inputs, auto outputs) {
      const std::int64_t batch = inputs[0].shape[0];
      std::vector<std::vector<Anchor>> drawn;
      std::size_t all = 0;
      for (std::int64_t n = 0; n < batch; ++n) {
        Random random(args.key, static_cast<std::uint64_t>(n));
        drawn.push_back(draw(inputs[0], inputs[1].shape, n, random));
        all += drawn.back().size();
      }
      const double weight = 1.0 / static_cast<double>(std::max<std::size_t>(all, 1));
      for (std::int64_t n = 0; n < batch; ++n) {
        write(outputs, n, drawn[static_cast<std::size_t>(n)], weight);
      }
    });
  }

  void backward(const BackwardArgs&) const override {}

 private:
  struct Anchor {
    std::int64_t index = 0;  // a, y, x, the last fastest
    Box box;
    Box object;  // without an area: none
  };

  std::int64_t per_pixel() const { return fields_.anchors.per_pixel(); }

  std::vector<Anchor> anchors(const Shape& map) const {
    std::vector<Anchor> all;
    for (std::int64_t a = 0; a < per_pixel(); ++a)
      for (std::int64_t y = 0; y < map[2]; ++y)
        for (std::int64_t x = 0; x < map[3]; ++x) {
          all.push_back({.index = static_cast<std::int64_t>(all.size()),
                         .box = fields_.anchors.box(0, a, y, x)});
        }
    return all;
  }

  std::vector<Anchor> draw(const ConstView& truth, const Shape& map, std::int64_t n,
                           Random& random) const {
    const std::vector<LabelledBox> objects = objects_of(truth, n);
    std::vector<Anchor> all = anchors(map);
    std::vector<double> most(objects.size(), 0);  // of each object, with any anchor
    for (const Anchor& anchor : all) {
      for (std::size_t i = 0; i < objects.size(); ++i) {
        most[i] = std::max(most[i], iou(anchor.box, objects[i].box));
      }
    }
    std::vector<Anchor> near;
    std::vector<Anchor> far;
    for (Anchor& anchor : all) {
      double best = 0;
      bool closest = false;
      for (std::size_t i = 0; i < objects.size(); ++i) {
        const double overlap = iou(anchor.box, objects[i].box);
        if (overlap <= 0) continue;
        closest = closest || overlap >= most[i];
        if (overlap <= best) continue;
        best = overlap;
        anchor.object = objects[i].box;
      }
      if (closest || (best > 0 && best >= fields_.positive)) {
        near.push_back(anchor);
      } else if (best < fields_.negative) {
        anchor.object = {};
        far.push_back(anchor);
      }
    }
    const auto count = static_cast<std::size_t>(fields_.count);
    choose(near, static_cast<std::size_t>(fields_.share * static_cast<double>(count)), random);
    choose(far, count - near.size(), random);
    near.insert(near.end(), far.begin(), far.end());
    return near;
  }

  void write(std::span<const View> outputs, std::int64_t n, const std::vector<Anchor>& drawn,
             double weight) const {
    const View& labels = outputs[0];
    const Shape& map = outputs[1].shape;
    std::int64_t* label = labels.as<std::int64_t>() + n * labels.stride(0);
    std::fill_n(label, labels.shape[1], kNotAsked);
    for (std::int64_t c = 0; c < map[1]; ++c)
      for (std::int64_t y = 0; y < map[2]; ++y)
        for (std::int64_t x = 0; x < map[3]; ++x) {
          put_number(outputs[1], 0, n, c, y, x);
          put_number(outputs[2], 0, n, c, y, x);
        }
    for (const Anchor& anchor : drawn) {
      const bool some = anchor.object.area() > 0;
      label[anchor.index] = some ? 1 : 0;
      if (!some) continue;
      const std::int64_t x = anchor.index % map[3];
      const std::int64_t y = anchor.index / map[3] % map[2];
      const std::int64_t a = anchor.index / map[3] / map[2];
      const auto offsets = numbers_of(encode(anchor.object, anchor.box));
      for (std::int64_t k = 0; k < 4; ++k) {
        put_number(outputs[1], offsets[static_cast<std::size_t>(k)], n, 4 * a + k, y, x);
        put_number(outputs[2], weight, n, 4 * a + k, y, x);
      }
    }
  }

  Fields fields_;
};

}  // namespace

void register_op_anchor_sample(OperatorRegistry& registry) {
  registry.add({.name = "AnchorSample",
                .doc = "Anchors drawn to train on: whether there is an object, offsets to it, and "
                       "the offsets' weights (Ren et al., arXiv:1506.01497, section 3.1; domain "
                       "striate); -1 where nothing is asked.",
                .min_inputs = 2,
                .max_inputs = 2,
                .min_outputs = 3,
                .max_outputs = 3,
                .differentiable = false,
                .make = make_operator<AnchorSample>});
}

}  // namespace striate
