#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "striate/base/random.h"
#include "striate/device/functions.h"
#include "striate/device/recurrent.h"
#include "striate/device/regions.h"
#include "striate/tensor/tensor.h"

namespace striate {

/// A two-dimensional convolution; one dimension is h = 1. Kernels are O,I,R,S with I = c / groups.
/// Output pixel (y, x) under tap (r, s) sees input pixel (y * stride_h + r * dilation_h - pad_top,
/// x * stride_w + s * dilation_w - pad_left); pixels outside the input count as zero. Padding at
/// the bottom and right is what oh and ow imply.
struct ConvGeometry {
  std::int64_t n = 1, c = 1, h = 1, w = 1;  ///< input
  std::int64_t o = 1, oh = 1, ow = 1;       ///< output
  std::int64_t r = 1, s = 1;                ///< kernel
  std::int64_t stride_h = 1, stride_w = 1;
  std::int64_t dilation_h = 1, dilation_w = 1;
  std::int64_t pad_top = 0, pad_left = 0;
  std::int64_t groups = 1;

  friend bool operator==(const ConvGeometry&, const ConvGeometry&) = default;
};

/// A two-dimensional pooling, with the names of ConvGeometry.
struct PoolGeometry {
  std::int64_t n = 1, c = 1, h = 1, w = 1;
  std::int64_t oh = 1, ow = 1;
  std::int64_t r = 1, s = 1;
  std::int64_t stride_h = 1, stride_w = 1;
  std::int64_t dilation_h = 1, dilation_w = 1;
  std::int64_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  bool count_include_pad = false;  ///< average: divide by the window's padded part too
};

/// A window over neighbouring channels (Krizhevsky et al., 2012, section 3.3):
/// s[c] = bias + share * the sum of x[c + d]^2 for d from -before to after.
struct LocalNorm {
  std::int64_t before = 0, after = 0;
  double share = 1e-4;
  double beta = 0.75;
  double bias = 1;

  std::int64_t window() const { return before + after + 1; }
};

/// An affine map of each channel, then `slope` times what is below zero (1: as it is, 0: ReLU):
/// v becomes scale[c] * v + shift[c]. NaN stays NaN.
struct ChannelMap {
  ConstView scale;  ///< [C]; absent: 1
  ConstView shift;  ///< [C]; absent: 0
  double slope = 1;

  explicit operator bool() const { return scale || shift || slope != 1; }
};

/// What a convolution does on the way, where otherwise whole maps would be written and read again:
/// a folded batch norm and activation before it (`in`; padding stays zero), and its bias or folded
/// batch norm, a residual and an activation after it (`out`; the slope comes last):
/// y = leaky(scale * (in(x) * w) + shift + residual).
struct ConvFusion {
  ChannelMap in;
  ChannelMap out;
  ConstView residual;  ///< a map of y's shape, or absent; not y itself
};

enum class ConvPass : std::uint8_t { forward, backward_data, backward_weights };

/// One step of an optimizer on one parameter; what each rule computes stands in train/optimizer.h.
/// Every rule's arithmetic is that of PyTorch 1.13's optimizer of the same name. State tensors, in
/// order, each of the parameter's shape and zero before the first step:
///
/// | rule        | state                                                                        |
/// |-------------|------------------------------------------------------------------------------|
/// | sgd         | momentum buffer (only where momentum != 0; step 1 sets it to the gradient)   |
/// | adam, adamw | mean of gradients, mean of squares, (amsgrad) largest mean of squares        |
/// | adagrad     | sum of squares                                                               |
/// | rmsprop     | mean of squares, (momentum) momentum buffer, (centered) mean of gradients    |
/// | adadelta    | mean of squared gradients, mean of squared updates                           |
struct OptimizerStep {
  enum class Rule : std::uint8_t { sgd, adam, adamw, adagrad, rmsprop, adadelta };
  Rule rule = Rule::sgd;
  double lr = 0;
  double weight_decay = 0;
  double momentum = 0;
  double dampening = 0;
  bool nesterov = false;
  double beta1 = 0.9, beta2 = 0.999;  ///< adam, adamw
  double alpha = 0.99;                ///< rmsprop
  double rho = 0.9;                   ///< adadelta
  double epsilon = 1e-8;
  double lr_decay = 0;  ///< adagrad
  bool amsgrad = false;
  bool centered = false;
  std::int64_t step = 1;    ///< counts from 1
  double grad_scale = 1.0;  ///< gradients are multiplied by this first (clipping)
};

/// How many state tensors the rule keeps for each parameter.
int optimizer_state_count(const OptimizerStep& rule);

/// The arithmetic an operator may ask for. `reference` is the specification in plain loops, in
/// float32 and float64; `cpu` is the fast one, in float32.
///
/// Rules for every primitive:
/// - Operands are views with any strides unless a line says otherwise; "map" means channels last:
///   stride 1 along C, pixels one behind another (stride(2) == w * stride(3), stride(0) ==
///   h * stride(2)), the pixel stride free.
/// - Floating operands of one call share one dtype (but copy's). One with a size of 0 is allowed.
/// - Output and inputs must not overlap, except where they are the same view and the line says
///   "in place".
/// - `accumulate` adds to what the output holds instead of replacing it.
/// - The result is a function of operands and instruction set alone, not of the thread count.
/// - `scratch` holds at least what the matching `…_scratch` answers; its content is not kept.
/// - These rules are REQUIRES: what breaks one is BugError where it is seen. InputError is thrown
///   for what only the numbers can show (a label, an index), SystemError where memory runs out.
/// - A call returns when all is written; nothing given to it is kept.
///
/// A device is immutable once made: any number of threads may call it at once.
class Device {
 public:
  Device() = default;
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  virtual ~Device() = default;

  virtual std::string_view name() const = 0;
  virtual int threads() const = 0;

  // Convolution. x, y, dx, dy are maps; w, dw are dense O,I,R,S.

  virtual std::size_t conv_scratch(const ConvGeometry& g, ConvPass pass) const = 0;
  /// y = x * w (cross-correlation), with what is fused to it. `fusion.in` is for geometries that
  /// conv_maps_input says yes to. `prepared` is what conv_prepare made of w for the same geometry:
  /// it saves the time and nothing else, and only w's shape is looked at then.
  virtual void conv_forward(const ConvGeometry& g, const ConstView& x, const ConstView& w,
                            const ConvFusion& fusion, const View& y, std::span<std::byte> scratch,
                            std::span<const std::byte> prepared = {}) const = 0;
  /// Bytes of the form in which conv_forward reads w; 0 where that is w as it lies.
  virtual std::size_t conv_prepared(const ConvGeometry& g) const = 0;
  virtual void conv_prepare(const ConvGeometry& g, const ConstView& w,
                            std::span<std::byte> prepared) const = 0;
  /// Whether mapping the input's channels on the way in costs less than a pass of its own.
  virtual bool conv_maps_input(const ConvGeometry& g) const = 0;
  /// dx from dy: the adjoint of conv_forward in x, and transposed convolution's forward.
  virtual void conv_backward_data(const ConvGeometry& g, const ConstView& dy, const ConstView& w,
                                  const View& dx, bool accumulate,
                                  std::span<std::byte> scratch) const = 0;
  /// dw from x and dy: the adjoint of conv_forward in w.
  virtual void conv_backward_weights(const ConvGeometry& g, const ConstView& x, const ConstView& dy,
                                     const View& dw, bool accumulate,
                                     std::span<std::byte> scratch) const = 0;

  // Matrix product.

  virtual std::size_t matmul_scratch(std::int64_t m, std::int64_t n, std::int64_t k) const = 0;
  /// c = alpha * a b (+ bias along each row) for a [m, k], b [k, n], c [m, n], bias [n] or absent.
  /// Transposed operands are views with exchanged strides; one stride of each operand is 1.
  virtual void matmul(const ConstView& a, const ConstView& b, const ConstView& bias, const View& c,
                      double alpha, bool accumulate, std::span<std::byte> scratch) const = 0;

  // Pooling. x, y, dx, dy and indices are maps.

  /// positions (int64, a map) = the element of N,C,H,W (`column_major`: N,C,W,H) that each tap of
  /// max_pool_forward's indices stands for; -1 stays.
  virtual void max_pool_positions(const PoolGeometry& g, const ConstView& indices,
                                  bool column_major, const View& positions) const = 0;

  /// indices (int32, or absent) receives for each output the tap r * S + s that gave the maximum
  /// (the first of equals; NaN wins); a window that lies wholly in the padding gives -infinity
  /// and -1.
  virtual void max_pool_forward(const PoolGeometry& g, const ConstView& x, const View& y,
                                const View& indices) const = 0;
  virtual void max_pool_backward(const PoolGeometry& g, const ConstView& dy,
                                 const ConstView& indices, const View& dx,
                                 bool accumulate) const = 0;
  virtual void average_pool_forward(const PoolGeometry& g, const ConstView& x,
                                    const View& y) const = 0;
  virtual void average_pool_backward(const PoolGeometry& g, const ConstView& dy, const View& dx,
                                     bool accumulate) const = 0;

  // Pooling of regions. x and dx are maps [n, c, h, w], y, dy and indices maps [regions, c, oh, ow].
  // A box that is not a number is a box at 0. Throws InputError for a region of a map that is not
  // there.

  /// Girshick, "Fast R-CNN", arXiv:1504.08083, section 2.1, and ONNX's MaxRoiPool: the box's corners,
  /// scaled and rounded, name the first and the last pixel of a window of at least one; its bins
  /// overlap by the pixels that their edges cut. indices (int32, or absent) receives the pixel
  /// y * w + x of each maximum (the first of equals; NaN wins), or -1 where a bin lies outside the
  /// map and gives 0.
  virtual void region_max_forward(const RegionGeometry& g, const ConstView& x,
                                  const Regions& regions, const View& y,
                                  const View& indices) const = 0;
  virtual void region_max_backward(const RegionGeometry& g, const Regions& regions,
                                   const ConstView& dy, const ConstView& indices, const View& dx,
                                   bool accumulate) const = 0;
  /// indices (int32) are of `sampling.maximum` alone, else absent: 4 times the point's place in its
  /// bin and the pixel's among the point's four, or -1 for a point outside.
  virtual void region_align_forward(const RegionGeometry& g, const RegionSampling& sampling,
                                    const ConstView& x, const Regions& regions, const View& y,
                                    const View& indices) const = 0;
  virtual void region_align_backward(const RegionGeometry& g, const RegionSampling& sampling,
                                     const Regions& regions, const ConstView& dy,
                                     const ConstView& indices, const View& dx,
                                     bool accumulate) const = 0;

  // Batch normalization over axis 1 of x (Ioffe and Szegedy, arXiv:1502.03167, algorithm 1). The
  // other operands are [C].

  /// mean and variance of the batch (variance divided by the count, not by the count less one).
  virtual void batch_norm_statistics(const ConstView& x, const View& mean,
                                     const View& variance) const = 0;
  /// The norm, then `slope` times what is below zero (1: as it is, 0: ReLU). Operands are [C].
  struct BatchNorm {
    ConstView mean, variance, scale, bias;
    double epsilon = 1e-5;
    double slope = 1;
  };
  /// y = leaky((x - mean) / sqrt(variance + epsilon) * scale + bias). In place.
  virtual void batch_norm_apply(const ConstView& x, const BatchNorm& norm, const View& y) const = 0;
  /// Gradients of batch_norm_apply with mean and variance taken from the batch itself; dx, dscale,
  /// dbias may be absent, and so may the norm's bias where the slope is 1. dx may be dy (in place)
  /// when it does not accumulate.
  struct BatchNormGradients {
    View dx, dscale, dbias;
    bool accumulate_dx = false, accumulate_dscale = false, accumulate_dbias = false;
  };
  virtual void batch_norm_backward(const ConstView& x, const ConstView& dy, const BatchNorm& norm,
                                   const BatchNormGradients& out) const = 0;

  // Local response normalization over axis 1, channels that are not there counting as zero.

  /// y = x * s^-beta.
  virtual void lrn_forward(const LocalNorm& norm, const ConstView& x, const View& y) const = 0;
  /// dx from x and dy.
  virtual void lrn_backward(const LocalNorm& norm, const ConstView& x, const ConstView& dy,
                            const View& dx, bool accumulate) const = 0;

  // Elementwise, reductions, movement.

  /// out[i] = f(in0[i], in1[i], …; parameters), f a row of the table in device/functions.h. Inputs
  /// have out's shape; a stride of 0 broadcasts. In place with any input.
  virtual void elementwise(Function f, std::span<const ConstView> inputs, const View& out,
                           std::span<const double> parameters = {},
                           bool accumulate = false) const = 0;
  /// out = scale * sum of x over the axes where out has size 1 and x has not; same rank.
  virtual void reduce_sum(const ConstView& x, const View& out, double scale,
                          bool accumulate) const = 0;
  /// out = x for the same shape, any strides and any dtype (integers as they are, never between
  /// floating and integer); one pass whatever the strides. x is out: nothing to do.
  virtual void copy(const ConstView& x, const View& out, bool accumulate = false) const = 0;
  virtual void fill(const View& out, double value) const = 0;
  /// out = x converted to out's dtype as C++ converts numbers; to bool: whether it is not 0.
  /// Floating numbers that an integer cannot hold give the nearest it can (NaN gives 0).
  virtual void cast(const ConstView& x, const View& out) const = 0;
  /// out = the largest of x over the axes where out has size 1 and x has not; same rank, at least
  /// one element each; NaN wins.
  virtual void reduce_max(const ConstView& x, const View& out) const = 0;
  /// The k = values.shape[axis] largest (or smallest) elements along an axis, in falling (rising)
  /// order, and their places (int64). Of equals the first comes first (`last`: the last). NaN
  /// counts as larger than everything. Either output may be absent.
  virtual void top_k(const ConstView& x, int axis, bool largest, bool last, const View& values,
                     const View& indices) const = 0;
  /// out[i] = x[i with i[axis] = indices[i]], indices int64 of out's shape (a stride of 0
  /// broadcasts), negative ones counted from the end. Any dtype. Throws InputError for an index
  /// that is not in x.
  virtual void gather(const ConstView& x, const ConstView& indices, int axis,
                      const View& out) const = 0;
  /// out[i with i[axis] = indices[i]] += x[i]: the adjoint of gather.
  virtual void scatter_add(const ConstView& x, const ConstView& indices, int axis,
                           const View& out) const = 0;
  /// Calls body(inputs, outputs) with the operands where the host may read and write them: few
  /// numbers with many decisions between them, as with boxes, which no device does faster.
  virtual void on_host(std::span<const ConstView> inputs, std::span<const View> outputs,
                       const std::function<void(std::span<const ConstView> inputs,
                                                std::span<const View> outputs)>& body) const = 0;
  /// Sum of squares of all elements, accumulated in double.
  virtual double sum_of_squares(const ConstView& x) const = 0;
  /// out[i] = x[i] / (1 - ratio) with probability 1 - ratio, else 0. Element i in N,C,H,W order
  /// draws word i % 4 of random_words(key, i / 4) and is kept where word >= ratio * 2^32: the same
  /// call on a gradient is the backward pass. In place. The mask (bool, or absent) gets the choice.
  virtual void dropout(const ConstView& x, const View& out, const View& mask, double ratio,
                       const RandomKey& key, bool accumulate) const = 0;

  // Softmax and the classifier's loss, over axis 1 (N,C or N,C,d1,d2…).

  virtual void softmax_forward(const ConstView& x, const View& y, bool logarithm) const = 0;
  /// dx from y (the softmax, or its logarithm) and dy.
  virtual void softmax_backward(const ConstView& y, const ConstView& dy, const View& dx,
                                bool logarithm, bool accumulate) const = 0;
  /// loss[n, d…] = -weight[label] * log_probability[n, label, d…]; 0 where label == ignore_index.
  /// labels are int64 [N, d…], weight is [C] or absent. Throws InputError naming the first label
  /// that is neither ignore_index nor in [0, C). Returns the sum of the weights of what was
  /// counted.
  virtual double nll_forward(const ConstView& log_probability, const ConstView& labels,
                             const ConstView& weight, std::int64_t ignore_index,
                             const View& loss) const = 0;
  /// dx = gradient of sum(loss * dloss) in log_probability: -weight[label] * dloss at the label.
  virtual void nll_backward(const ConstView& labels, const ConstView& weight,
                            std::int64_t ignore_index, const ConstView& dloss, const View& dx,
                            bool accumulate) const = 0;
  /// dx = gradient of sum(loss * dloss) in the logits x behind log_probability = log_softmax(x):
  /// weight[label] * dloss * (softmax - onehot).
  virtual void softmax_nll_backward(const ConstView& log_probability, const ConstView& labels,
                                    const ConstView& weight, std::int64_t ignore_index,
                                    const ConstView& dloss, const View& dx,
                                    bool accumulate) const = 0;

  // Training.

  /// One step in place on a dense parameter; state holds the rule's tensors in its order.
  virtual void optimizer_step(const OptimizerStep& rule, const View& parameter,
                              const ConstView& gradient, std::span<const View> state) const = 0;

  // Recurrent sequences.

  enum class RecurrentPass : std::uint8_t { forward, backward };
  virtual std::size_t recurrent_scratch(const RecurrentGeometry& g, RecurrentPass pass) const = 0;
  /// Runs the sequence; keeps what recurrent_backward needs where `out.kept` is given. `prepared` is
  /// what recurrent_prepare made of the gates' weights and biases for the same geometry: only their
  /// shapes are looked at then, and the bits are the same. Throws InputError for a length that is
  /// below 0 or above g.steps.
  virtual void recurrent_forward(const RecurrentGeometry& g, const RecurrentInputs& in,
                                 const RecurrentOutputs& out, std::span<std::byte> scratch,
                                 std::span<const std::byte> prepared = {}) const = 0;
  /// Bytes of the form in which recurrent_forward reads the weights; 0 where that is as they lie.
  virtual std::size_t recurrent_prepared(const RecurrentGeometry& g) const = 0;
  virtual void recurrent_prepare(const RecurrentGeometry& g, const RecurrentWeights& weights,
                                 std::span<std::byte> prepared) const = 0;
  /// Back through time, from what forward wrote and kept.
  virtual void recurrent_backward(const RecurrentGeometry& g, const RecurrentInputs& in,
                                  const RecurrentGradients& gradients,
                                  std::span<std::byte> scratch) const = 0;
};

/// Plain loops, float32 and float64, one thread: the specification.
std::unique_ptr<Device> make_reference_device();

struct CpuOptions {
  int threads = 0;  ///< 0: one for each processor
  /// Winograd's algorithm for the 3 by 3 convolutions that it makes faster, which the sizes and the
  /// instruction set decide. It rounds more coarsely than the plain product, and a NaN or infinity
  /// of the input reaches the 4 by 4 outputs around it.
  bool winograd = true;
};

/// The fast device: float32. It holds its threads for as long as it lives. Throws SystemError where
/// they cannot be started.
std::unique_ptr<Device> make_cpu_device(const CpuOptions& options);
std::unique_ptr<Device> make_cpu_device(int threads = 0);

}  // namespace striate
