#include <cmath>

#include "ops/operands.h"
#include "ops/regions.h"
#include "ops/views.h"

namespace striate {
namespace {

// RoIAlign on a pyramid of maps: a region is taken from the map that fits its size (Lin et al.,
// "Feature pyramid networks", arXiv:1612.03144, equation 1, as torchvision's MultiScaleRoIAlign).
// Neighbouring regions of one map are one call of the device: they are best sorted by area.
class MultiScaleRoiAlign final : public Operator {
 public:
  struct Fields {
    std::int64_t output_height = 7, output_width = 7;
    std::int64_t sampling_ratio = 2;
    std::vector<double> spatial_scales;
    double canonical_size = 224;
    double canonical_level = 4;
    STRIATE_FIELDS(
        visit("output_height", output_height, "bins in a column");
        visit("output_width", output_width, "bins in a row");
        visit("sampling_ratio", sampling_ratio, "samples along each side of a bin; 0: adaptive");
        visit("spatial_scales", spatial_scales, "pixels of each map for one of the boxes");
        visit("canonical_size", canonical_size, "side of a region of the canonical level");
        visit("canonical_level", canonical_level,
              "the map of scale 2^-level that it is taken from");)
  };
  explicit MultiScaleRoiAlign(Fields fields) : fields_(std::move(fields)) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const ValueInfo& rois = required_float(inputs, 0, "rois");
    if (rois.shape.rank() != 2) fail<ModelError>("rois: expected R,5, got {}", rois.shape.str());
    expect(rois, rois.dtype, {rois.shape[0], 5}, "rois");
    const ValueInfo& first = region_map(inputs.subspan(1));
    for (std::size_t i = 1; i < inputs.size(); ++i) {
      const ValueInfo& map = region_map(inputs.subspan(i));
      expect(map, rois.dtype, {first.shape[0], first.shape[1], map.shape[2], map.shape[3]}, "map");
    }
    if (fields_.spatial_scales.size() != inputs.size() - 1) {
      fail<ModelError>("spatial_scales: expected one for each of {} maps, got {}",
                       inputs.size() - 1, fields_.spatial_scales.size());
    }
    for (const double scale : fields_.spatial_scales) {
      if (!(scale > 0)) fail<ModelError>("spatial_scales: expected more than 0, got {}", scale);
    }
    for (const std::int64_t bins : {fields_.output_height, fields_.output_width}) {
      if (bins < 1 || bins > kMostBins) {
        fail<ModelError>("expected 1 to {} bins, got {}", kMostBins, bins);
      }
    }
    if (fields_.sampling_ratio < 0 || fields_.sampling_ratio > kMostPoints) {
      fail<ModelError>("sampling_ratio: expected 0 to {}, got {}", kMostPoints,
                       fields_.sampling_ratio);
    }
    return {
        {.dtype = rois.dtype,
         .shape = {rois.shape[0], first.shape[1], fields_.output_height, fields_.output_width}}};
  }
  Window window(std::span<const ValueInfo>) const override { return anywhere(); }

  Traits traits(const Device&, std::span<const ValueInfo>,
                std::span<const ValueInfo>) const override {
    Traits traits;
    traits.layout = Traits::Needs::channels_last;
    traits.backward_reads_inputs = true;
    traits.no_gradient = {0};
    return traits;
  }

  void forward(const ForwardArgs& args) const override {
    const View& y = args.outputs[0];
    for_each_run(
        args.device, args.inputs[0], [&](std::size_t map, std::int64_t first, std::int64_t count) {
          const ConstView& x = args.inputs[map + 1];
          args.device.region_align_forward(geometry(x.shape, map, count), sampling(), x,
                                           regions_of(sliced(args.inputs[0], 0, first, count)),
                                           sliced(y, 0, first, count), {});
        });
  }

  void backward(const BackwardArgs& args) const override {
    for (std::size_t i = 1; i < args.input_gradients.size(); ++i) {
      const InputGradient& dx = args.input_gradients[i];
      if (dx.view && !dx.accumulate) args.device.fill(dx.view, 0.0);
    }
    for_each_run(
        args.device, args.inputs[0], [&](std::size_t map, std::int64_t first, std::int64_t count) {
          const View& dx = args.input_gradients[map + 1].view;
          if (!dx) return;
          args.device.region_align_backward(geometry(dx.shape, map, count), sampling(),
                                            regions_of(sliced(args.inputs[0], 0, first, count)),
                                            sliced(args.output_gradients[0], 0, first, count), {},
                                            dx, true);
        });
  }

 private:
  RegionSampling sampling() const { return {.ratio = fields_.sampling_ratio}; }
  RegionGeometry geometry(const Shape& map, std::size_t which, std::int64_t regions) const {
    return region_geometry(map, regions, fields_.output_height, fields_.output_width,
                           fields_.spatial_scales[which]);
  }

  std::size_t map_of(const Box& box) const {
    const double lowest = std::round(-std::log2(fields_.spatial_scales.front()));
    constexpr double kRounding = 1e-6;
    const double level =
        std::floor(fields_.canonical_level +
                   std::log2(std::sqrt(box.area()) / fields_.canonical_size) + kRounding) -
        lowest;
    const auto last = static_cast<double>(fields_.spatial_scales.size() - 1);
    return level >= 0 ? static_cast<std::size_t>(std::min(level, last)) : 0;
  }

  // Calls body(map, first, count) for neighbouring regions of one map.
  template <class Body>
  void for_each_run(const Device& device, const ConstView& rois, const Body& body) const {
    std::vector<std::size_t> maps;
    device.on_host({&rois, 1}, {}, [&](auto inputs, auto) {
      for (std::int64_t r = 0; r < rois.shape[0]; ++r) maps.push_back(map_of(box_of(inputs[0], r)));
    });
    for (std::size_t first = 0; first < maps.size();) {
      std::size_t end = first;
      while (end < maps.size() && maps[end] == maps[first]) ++end;
      body(maps[first], static_cast<std::int64_t>(first), static_cast<std::int64_t>(end - first));
      first = end;
    }
  }

  Fields fields_;
};

}  // namespace

void register_op_multi_scale_roi_align(OperatorRegistry& registry) {
  registry.add({.name = "MultiScaleRoiAlign",
                .doc = "RoiAlign, each region from the map of a pyramid that fits its size (Lin et "
                       "al., arXiv:1612.03144; domain striate).",
                .min_inputs = 2,
                .max_inputs = 17,
                .make = make_operator<MultiScaleRoiAlign>});
}

}  // namespace striate
