#include "tasks/detection/region_data.h"

#include <utility>

#include "tasks/detection/region_detector.h"

namespace striate {
namespace {

constexpr std::int64_t kRegion = -2;  // stands for a class

class WithRegions final : public Dataset {
 public:
  WithRegions(std::shared_ptr<const Dataset> whole, std::shared_ptr<const RegionCache> regions)
      : whole_(std::move(whole)), regions_(std::move(regions)) {}

  std::int64_t size() const override { return whole_->size(); }
  const std::vector<std::string>& classes() const override { return whole_->classes(); }
  bool boxed() const override { return true; }
  std::string name(std::int64_t index) const override { return whole_->name(index); }
  std::vector<std::string> notes() const override { return whole_->notes(); }

  Example get(std::int64_t index) const override {
    Example example = whole_->get(index);
    for (const Box& box : regions_->regions(index, example.picture)) {
      example.objects.push_back({.box = box, .label = kRegion});
    }
    return example;
  }

 private:
  std::shared_ptr<const Dataset> whole_;
  std::shared_ptr<const RegionCache> regions_;
};

}  // namespace

std::shared_ptr<const Dataset> with_regions(std::shared_ptr<const Dataset> dataset,
                                            std::shared_ptr<const RegionCache> regions) {
  return std::make_shared<WithRegions>(std::move(dataset), std::move(regions));
}

void region_inputs(const Batch& batch, std::int64_t count,
                   std::map<std::string, Tensor, std::less<>>& inputs) {
  Batch objects;
  const auto pictures = static_cast<std::int64_t>(batch.objects.size());
  Tensor proposals(DType::f32, {pictures * count, 5});
  for (std::int64_t n = 0; n < pictures; ++n) {
    std::vector<Object>& own = objects.objects.emplace_back();
    std::vector<Box> boxes;
    for (const Object& object : batch.objects[static_cast<std::size_t>(n)]) {
      if (object.label == kRegion) {
        boxes.push_back(object.box);
      } else {
        own.push_back(object);
      }
    }
    const Tensor rows = region_rows(boxes, count, 1, 1);
    float* to = proposals.data<float>() + n * count * 5;
    std::copy_n(rows.data<float>(), count * 5, to);
    for (std::int64_t r = 0; r < count; ++r) to[5 * r] = static_cast<float>(n);
  }
  inputs["objects"] = objects_tensor(objects);
  inputs["proposals"] = std::move(proposals);
}

}  // namespace striate
