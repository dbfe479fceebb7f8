#include <cmath>

#include "ops/operands.h"
#include "striate/boxes/box.h"

namespace striate {
namespace {

struct Counts {
  std::int64_t pictures, boxes, classes, rows, columns;
};

// Box `b` of a cell in shares of the picture; `at(i)` is its number i of x, y, root of w, root of h.
template <class At>
Box box_of(const Counts& n, std::int64_t row, std::int64_t column, At at) {
  const double x = (static_cast<double>(column) + at(0)) / static_cast<double>(n.columns);
  const double y = (static_cast<double>(row) + at(1)) / static_cast<double>(n.rows);
  const double w = at(2) * at(2);
  const double h = at(3) * at(3);
  return {x - w / 2, y - h / 2, x + w / 2, y + h / 2};
}

// Squares of what the two boxes' centres and sizes differ by.
double distance(const Box& a, const Box& b) {
  const double dx = (a.x1 + a.x2 - b.x1 - b.x2) / 2;
  const double dy = (a.y1 + a.y2 - b.y1 - b.y2) / 2;
  const double dw = a.width() - b.width();
  const double dh = a.height() - b.height();
  return dx * dx + dy * dy + dw * dw + dh * dh;
}

// Dense operands, N,C,H,W.
template <class T>
void find_targets(const Counts& n, double coord, double noobj, const T* answers, const T* truth,
                  T* wanted, T* weight) {
  const std::int64_t cells = n.rows * n.columns;
  const std::int64_t channels = 5 * n.boxes + n.classes;
  for (std::int64_t i = 0; i < n.pictures * cells; ++i) {
    const std::int64_t cell = i % cells;
    const std::int64_t base = i / cells * channels * cells + cell;
    const T* object = truth + i / cells * 5 * cells + cell;
    const auto put = [&](std::int64_t channel, double value, double share) {
      wanted[base + channel * cells] = static_cast<T>(value);
      weight[base + channel * cells] = static_cast<T>(share);
    };
    for (std::int64_t channel = 0; channel < channels; ++channel) put(channel, 0, 0);
    for (std::int64_t b = 0; b < n.boxes; ++b) put(5 * b + 4, 0, noobj);
    const double label = static_cast<double>(object[0]);
    if (!(label >= 0)) continue;
    const auto given = [&](std::int64_t k) { return static_cast<double>(object[(k + 1) * cells]); };
    const std::int64_t row = cell / n.columns;
    const std::int64_t column = cell % n.columns;
    const Box there = box_of(n, row, column, given);
    std::int64_t best = 0;
    double most = 0;
    double least = -1;
    for (std::int64_t b = 0; b < n.boxes; ++b) {
      const Box found = box_of(n, row, column, [&](std::int64_t k) {
        return static_cast<double>(answers[base + (5 * b + k) * cells]);
      });
      const double overlap = iou(found, there);
      const double apart = distance(found, there);
      if (overlap > most || (most == 0 && (least < 0 || apart < least))) {
        best = b;
        most = overlap;
        least = apart;
      }
    }
    for (std::int64_t k = 0; k < 4; ++k) put(5 * best + k, given(k), coord);
    put(5 * best + 4, most, 1);
    for (std::int64_t c = 0; c < n.classes; ++c) {
      put(5 * n.boxes + c, static_cast<double>(c) == label ? 1 : 0, 1);
    }
  }
}

// What the answers of YOLO's cells are to be, and what each counts: equation 3 of Redmon et al.,
// arXiv:1506.02640, is the sum of weight (answer - wanted)^2.
class YoloTargets final : public Operator {
 public:
  struct Fields {
    std::int64_t boxes = 2;
    double coord = 5;
    double noobj = 0.5;
    STRIATE_FIELDS(visit("boxes", boxes, "boxes of a cell");
                   visit("coord", coord, "what a place counts");
                   visit("noobj", noobj, "what the confidence of a box without an object counts");)
  };
  explicit YoloTargets(const Fields& fields) : fields_(fields) {}

  std::vector<ValueInfo> infer(std::span<const ValueInfo> inputs) const override {
    const ValueInfo& answers = required_float(inputs, 0, "answers");
    if (answers.shape.rank() != 4 || fields_.boxes < 1 || answers.shape[1] <= 5 * fields_.boxes) {
      fail<ModelError>("expected answers N,{} and one for each class,S,S, got {}",
                       5 * fields_.boxes, answers.shape.str());
    }
    const Shape& shape = answers.shape;
    expect(required(inputs, 1, "truth"), answers.dtype, {shape[0], 5, shape[2], shape[3]}, "truth");
    const ValueInfo like{.dtype = answers.dtype, .shape = shape};
    return {like, like};
  }

  Traits traits(const Device&, std::span<const ValueInfo>,
                std::span<const ValueInfo>) const override {
    Traits traits;
    traits.layout = Traits::Needs::row_major;
    traits.no_gradient = {0, 1};  // what is asked counts as given
    return traits;
  }

  void forward(const ForwardArgs& args) const override {
    args.device.on_host(args.inputs, args.outputs,
                        [this](std::span<const ConstView> inputs, std::span<const View> outputs) {
                          const Shape& shape = inputs[0].shape;
                          const Counts counts{shape[0], fields_.boxes, shape[1] - 5 * fields_.boxes,
                                              shape[2], shape[3]};
                          const auto find = [&]<class T>(T) {
                            find_targets(counts, fields_.coord, fields_.noobj,
                                         static_cast<const T*>(inputs[0].data),
                                         static_cast<const T*>(inputs[1].data),
                                         static_cast<T*>(outputs[0].data),
                                         static_cast<T*>(outputs[1].data));
                          };
                          if (inputs[0].dtype == DType::f64) {
                            find(double{});
                          } else {
                            find(float{});
                          }
                        });
  }

  void backward(const BackwardArgs&) const override {}

 private:
  Fields fields_;
};

}  // namespace

void register_op_yolo_targets(OperatorRegistry& registry) {
  registry.add(
      {.name = "YoloTargets",
       .doc = "What YOLO's answers [N, 5 boxes + classes, S, S] are to be and what each counts "
              "(Redmon et al., arXiv:1506.02640, equation 3), for truth [N, 5, S, S]: label or -1, "
              "x and y in the cell, roots of width and height as shares of the picture. A cell's "
              "object belongs to the box that overlaps it most.",
       .min_inputs = 2,
       .max_inputs = 2,
       .min_outputs = 2,
       .max_outputs = 2,
       .make = make_operator<YoloTargets>});
}

}  // namespace striate
