// Redmon, Divvala, Girshick, Farhadi, "You only look once: unified, real-time object detection",
// arXiv:1506.02640. The loss is its equation 3, the confidence that is asked of the responsible box its
// IoU with the object (section 2), which no gradient goes through; a class's score in a box is its
// probability times the box's confidence (equation 1). Departures: of several objects whose centres
// lie in a cell the first counts, as in the authors' program (the paper does not say); non-maximum
// suppression is each class for itself.

#include <algorithm>
#include <array>
#include <cmath>

#include "striate/base/error.h"
#include "striate/models/registry.h"
#include "striate/tasks/classification/classifier.h"
#include "tasks/detection/detector_training.h"
#include "tasks/detection/one_network.h"

namespace striate {
namespace {

class Yolo final : public OneNetworkDetector {
 public:
  Yolo(ModelCard given, Weights weights, std::shared_ptr<const Device> device)
      : OneNetworkDetector(std::move(given), std::move(weights), std::move(device)) {}

 protected:
  std::vector<Detection> decode(const std::vector<Tensor>& outputs, const Image&,
                                double least) const override {
    const Tensor& answers = outputs[0];
    const auto classes = static_cast<std::int64_t>(card().classes.size());
    const std::int64_t boxes = (answers.shape()[1] - classes) / 5;
    const std::int64_t rows = answers.shape()[2];
    const std::int64_t columns = answers.shape()[3];
    const std::int64_t cells = rows * columns;
    std::vector<Detection> found;
    for (std::int64_t cell = 0; cell < cells; ++cell) {
      const auto at = [&](std::int64_t channel) {
        return static_cast<double>(answers.data<float>()[channel * cells + cell]);
      };
      for (std::int64_t b = 0; b < boxes; ++b) {
        const double x =
            (static_cast<double>(cell % columns) + at(5 * b)) / static_cast<double>(columns);
        const double y =
            (static_cast<double>(cell / columns) + at(5 * b + 1)) / static_cast<double>(rows);
        const double w = at(5 * b + 2) * at(5 * b + 2);
        const double h = at(5 * b + 3) * at(5 * b + 3);
        for (std::int64_t c = 0; c < classes; ++c) {
          const double score = at(5 * b + 4) * at(5 * boxes + c);
          if (!(score >= least)) continue;
          found.push_back(
              {.box = {x - w / 2, y - h / 2, x + w / 2, y + h / 2}, .label = c, .score = score});
        }
      }
    }
    return found;
  }
};

// The objects of a batch by the cells that their centres lie in: what YoloTargets reads.
Tensor truth_of(const Batch& batch, std::int64_t rows, std::int64_t columns) {
  const Shape& pictures = batch.pictures.shape();
  const auto n = static_cast<std::int64_t>(batch.objects.size());
  const std::int64_t cells = rows * columns;
  Tensor truth(DType::f32, {n, 5, rows, columns});
  for (std::int64_t i = 0; i < n; ++i) {
    float* to = truth.data<float>() + i * 5 * cells;
    std::fill(to, to + cells, -1.0F);
    std::fill(to + cells, to + 5 * cells, 0.0F);
    for (const Object& object : batch.objects[static_cast<std::size_t>(i)]) {
      const Box& box = object.box;
      if (box.area() == 0 || object.crowd) continue;
      const double width = static_cast<double>(pictures[3]);
      const double height = static_cast<double>(pictures[2]);
      const double x = (box.x1 + box.x2) / 2 / width * static_cast<double>(columns);
      const double y = (box.y1 + box.y2) / 2 / height * static_cast<double>(rows);
      const std::int64_t column = std::clamp<std::int64_t>(std::int64_t(x), 0, columns - 1);
      const std::int64_t row = std::clamp<std::int64_t>(std::int64_t(y), 0, rows - 1);
      const std::int64_t cell = row * columns + column;
      if (to[cell] >= 0) continue;
      const std::array<double, 5> numbers{
          static_cast<double>(object.label), x - static_cast<double>(column),
          y - static_cast<double>(row), std::sqrt(box.width() / width),
          std::sqrt(box.height() / height)};
      for (std::size_t k = 0; k < numbers.size(); ++k) {
        to[static_cast<std::int64_t>(k) * cells + cell] = static_cast<float>(numbers[k]);
      }
    }
  }
  return truth;
}

Training open(const TrainingSettings& settings, const Threads& threads,
              const std::filesystem::path& checkpoint) {
  const ModelRow& model = models().find(settings.model);
  DetectorStart start = start_detector(settings, threads, checkpoint,
                                       {.batch = 16,
                                        .height = model.natural.height,
                                        .width = model.natural.width,
                                        .complete = [](DetectorNetwork& network, const Dataset&) {
                                          if (network.boxes == 0) network.boxes = 2;
                                          if (network.grid == 0) network.grid = 7;
                                        }});
  const Graph graph = with_yolo_loss(
      network_of(start.training.card).row.build(size_of(start.training.card)), start.network.boxes);
  const Shape cells = infer_shapes(graph).at("logits").shape;
  return finish_detector(std::move(start), graph, [cells](const Batch& batch, auto& inputs) {
    inputs["truth"] = truth_of(batch, cells[2], cells[3]);
  });
}

std::unique_ptr<Detector> make(ModelCard card, Weights weights,
                               std::shared_ptr<const Device> device) {
  return std::make_unique<Yolo>(std::move(card), std::move(weights), std::move(device));
}

}  // namespace

void register_detector_yolo(DetectorRegistry& registry);
void register_detector_yolo(DetectorRegistry& registry) {
  for (const char* name : {"yolo", "yolo_paper", "yolo_fast"}) {
    registry.add({.name = name, .open = open, .make = make});
  }
}

}  // namespace striate
