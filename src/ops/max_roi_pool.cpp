#include "ops/operands.h"
#include "ops/regions.h"
#include "ops/views.h"

namespace striate {
namespace {

// Girshick, "Fast R-CNN", arXiv:1504.08083, section 2.1: the largest element under each of
// pooled_shape bins of a region. Backward sends the gradient to the pixel that won, which forward
// saves; the regions get none.
class MaxRoiPool final : public Operator {
 public:
  struct Fields {
    std::vector<std::int64_t> pooled_shape;
    double spatial_scale = 1;
    STRIATE_FIELDS(visit("pooled_shape", pooled_shape, "height and width of what comes out");
                   visit("spatial_scale", spatial_scale, "pixels of the map for one of the boxes");)
  };
  explicit MaxRoiPool(Fields fields) : fields_(std::move(fields)) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const std::vector<std::int64_t>& pooled = fields_.pooled_shape;
    if (pooled.size() != 2 || pooled[0] < 1 || pooled[1] < 1 || pooled[0] > kMostBins ||
        pooled[1] > kMostBins) {
      fail<ModelError>("pooled_shape: expected two sizes from 1 to {}", kMostBins);
    }
    const ValueInfo& x = region_map(inputs);
    const ValueInfo& rois = required(inputs, 1, "rois");
    if (rois.shape.rank() != 2) fail<ModelError>("rois: expected R,5, got {}", rois.shape.str());
    expect(rois, x.dtype, {rois.shape[0], 5}, "rois");
    return {
        {.dtype = x.dtype, .shape = {rois.shape[0], x.shape[1], pooled[0], pooled[1]}},
    };
  }
  Window window(std::span<const ValueInfo>) const override { return anywhere(); }

  Traits traits(const Device&, std::span<const ValueInfo>,
                std::span<const ValueInfo> outputs) const override {
    Traits traits;
    traits.layout = Traits::Needs::channels_last;
    traits.saved = {{.dtype = DType::i32, .shape = outputs[0].shape}};
    traits.backward_reads_inputs = true;
    traits.no_gradient = {1};
    return traits;
  }

  void forward(const ForwardArgs& args) const override {
    args.device.region_max_forward(geometry(args.inputs), args.inputs[0],
                                   regions_of(args.inputs[1]), args.outputs[0], at(args.saved, 0));
  }

  void backward(const BackwardArgs& args) const override {
    const InputGradient& dx = args.input_gradients[0];
    if (!dx.view) return;
    args.device.region_max_backward(geometry(args.inputs), regions_of(args.inputs[1]),
                                    args.output_gradients[0], args.saved[0], dx.view,
                                    dx.accumulate);
  }

 private:
  RegionGeometry geometry(std::span<const ConstView> inputs) const {
    return region_geometry(inputs[0].shape, inputs[1].shape[0], fields_.pooled_shape[0],
                           fields_.pooled_shape[1], fields_.spatial_scale);
  }

  Fields fields_;
};

}  // namespace

void register_op_max_roi_pool(OperatorRegistry& registry) {
  registry.add({.name = "MaxRoiPool",
                .doc = "The maxima of a grid laid over each region of a map (Girshick, "
                       "arXiv:1504.08083); rois are rows of image, x1, y1, x2, y2.",
                .min_inputs = 2,
                .max_inputs = 2,
                .make = make_operator<MaxRoiPool>});
}

}  // namespace striate
