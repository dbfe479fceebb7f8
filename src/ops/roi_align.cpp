#include "ops/operands.h"
#include "ops/regions.h"
#include "ops/views.h"

namespace striate {
namespace {

// He et al., "Mask R-CNN", arXiv:1703.06870, section 3: bilinear samples on a grid in each bin of a
// region, and their mean or their largest. The regions get no gradient.
class RoiAlign final : public Operator {
 public:
  struct Fields {
    std::string mode = "avg";
    std::int64_t output_height = 1;
    std::int64_t output_width = 1;
    std::int64_t sampling_ratio = 0;
    double spatial_scale = 1;
    std::string coordinate_transformation_mode = "half_pixel";
    STRIATE_FIELDS(visit("mode", mode, "avg or max");
                   visit("output_height", output_height, "bins in a column");
                   visit("output_width", output_width, "bins in a row");
                   visit("sampling_ratio", sampling_ratio,
                         "samples along each side of a bin; 0: as many as it has pixels");
                   visit("spatial_scale", spatial_scale, "pixels of the map for one of the boxes");
                   visit("coordinate_transformation_mode", coordinate_transformation_mode,
                         "half_pixel, or output_half_pixel: pixels' centres lie at whole numbers");)
  };
  explicit RoiAlign(Fields fields) : fields_(std::move(fields)) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    if (fields_.mode != "avg" && fields_.mode != "max") {
      fail<ModelError>("mode: expected avg or max, got {}", fields_.mode);
    }
    const std::string& pixels = fields_.coordinate_transformation_mode;
    if (pixels != "half_pixel" && pixels != "output_half_pixel") {
      fail<ModelError>(
          "coordinate_transformation_mode: expected half_pixel or output_half_pixel, got {}",
          pixels);
    }
    const auto within = [](std::int64_t value, std::int64_t least, std::int64_t most,
                           const char* what) {
      if (value < least || value > most) {
        fail<ModelError>("{}: expected {} to {}, got {}", what, least, most, value);
      }
    };
    within(fields_.output_height, 1, kMostBins, "output_height");
    within(fields_.output_width, 1, kMostBins, "output_width");
    within(fields_.sampling_ratio, 0, kMostPoints, "sampling_ratio");
    const ValueInfo& x = region_map(inputs);
    const ValueInfo& rois = required(inputs, 1, "rois");
    if (rois.shape.rank() != 2) fail<ModelError>("rois: expected R,4, got {}", rois.shape.str());
    expect(rois, x.dtype, {rois.shape[0], 4}, "rois");
    expect(required(inputs, 2, "batch_indices"), DType::i64, {rois.shape[0]}, "batch_indices");
    return {
        {.dtype = x.dtype,
         .shape = {rois.shape[0], x.shape[1], fields_.output_height, fields_.output_width}},
    };
  }
  Window window(std::span<const ValueInfo>) const override { return anywhere(); }

  Traits traits(const Device&, std::span<const ValueInfo>,
                std::span<const ValueInfo> outputs) const override {
    Traits traits;
    traits.layout = Traits::Needs::channels_last;
    if (sampling().maximum) traits.saved = {{.dtype = DType::i32, .shape = outputs[0].shape}};
    traits.backward_reads_inputs = true;
    traits.no_gradient = {1, 2};
    return traits;
  }

  void forward(const ForwardArgs& args) const override {
    args.device.region_align_forward(geometry(args.inputs), sampling(), args.inputs[0],
                                     {.boxes = args.inputs[1], .images = args.inputs[2]},
                                     args.outputs[0], at(args.saved, 0));
  }

  void backward(const BackwardArgs& args) const override {
    const InputGradient& dx = args.input_gradients[0];
    if (!dx.view) return;
    args.device.region_align_backward(
        geometry(args.inputs), sampling(), {.boxes = args.inputs[1], .images = args.inputs[2]},
        args.output_gradients[0], at(args.saved, 0), dx.view, dx.accumulate);
  }

 private:
  RegionSampling sampling() const {
    return {.ratio = fields_.sampling_ratio,
            .half_pixel = fields_.coordinate_transformation_mode == "half_pixel",
            .maximum = fields_.mode == "max"};
  }
  RegionGeometry geometry(std::span<const ConstView> inputs) const {
    return region_geometry(inputs[0].shape, inputs[1].shape[0], fields_.output_height,
                           fields_.output_width, fields_.spatial_scale);
  }

  Fields fields_;
};

}  // namespace

void register_op_roi_align(OperatorRegistry& registry) {
  registry.add({.name = "RoiAlign",
                .doc = "Bilinear samples of a grid laid over each region of a map (He et al., "
                       "arXiv:1703.06870).",
                .min_inputs = 3,
                .max_inputs = 3,
                .make = make_operator<RoiAlign>});
}

}  // namespace striate
