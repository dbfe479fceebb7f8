#include "striate/formats/darknet.h"

#include <algorithm>
#include <functional>

#include "formats/darknet_heads.h"
#include "formats/darknet_layers.h"
#include "formats/darknet_sections.h"
#include "striate/base/error.h"
#include "striate/base/suggest.h"
#include "striate/nn/builder.h"

namespace striate {
namespace {

using Ints = std::vector<std::int64_t>;

constexpr std::int64_t kMostChannels = 1 << 20;
constexpr std::int64_t kMostPixels = 1 << 16;
constexpr std::int64_t kMostWindow = 1 << 12;
constexpr std::int64_t kMostHidden = 1 << 16;
constexpr std::int64_t kMostSteps = 1 << 12;
constexpr std::int64_t kMostUnrolled = 1 << 14;
// All parameters together: 16 GiB of float32.
constexpr std::int64_t kMostWeights = std::int64_t{1} << 32;

// Of what a layer computes, and the layer's output, by layer number.
class Reader {
 public:
  Reader(std::string_view text, const std::string& file, const std::optional<Shape>& size)
      : file_(file), sections_(darknet_sections(text, file_)), builder_(file), size_(size) {
    if (sections_.empty()) fail<InputError>("{}: there is no network in it", file_);
  }

  Shape input() { return read_net(sections_[0]); }

  DarknetNetwork read() {
    DarknetNetwork network;
    network.input = read_net(sections_[0]);
    x_ = builder_.input("input", network.input);
    for (std::size_t i = 1; i < sections_.size(); ++i) read_layer(sections_[i], i);
    if (x_.name == "input") fail<InputError>("{}: expected layers after [net]", file_);
    try {
      for (std::size_t i = 1; i < heads_.size(); ++i) builder_.output({heads_[i].output});
      const Value first = heads_.empty() ? as_scores() : Value{heads_[0].output};
      network.graph = builder_.finish(first, "logits");
      if (!heads_.empty()) heads_[0].output = "logits";
      network.heads = std::move(heads_);
    } catch (const ModelError& error) {
      fail<InputError>("{}: {}", file_, error.what());
    }
    return network;
  }

 private:
  using Layer = void (Reader::*)(DarknetSection&);

  static const std::map<std::string, Layer, std::less<>>& layers() {
    static const std::map<std::string, Layer, std::less<>> table = {
        {"convolutional", &Reader::convolutional},
        {"conv", &Reader::convolutional},
        {"connected", &Reader::connected},
        {"conn", &Reader::connected},
        {"maxpool", &Reader::maxpool},
        {"max", &Reader::maxpool},
        {"avgpool", &Reader::avgpool},
        {"avg", &Reader::avgpool},
        {"dropout", &Reader::dropout},
        {"shortcut", &Reader::shortcut},
        {"route", &Reader::route},
        {"upsample", &Reader::upsample},
        {"softmax", &Reader::softmax},
        {"soft", &Reader::softmax},
        {"reorg", &Reader::reorg},
        {"rnn", &Reader::recurrent},
        {"crnn", &Reader::recurrent},
        {"lstm", &Reader::recurrent},
        {"gru", &Reader::recurrent},
        {"detection", &Reader::head},
        {"region", &Reader::head},
        {"yolo", &Reader::head},
        {"cost", &Reader::cost}};
    return table;
  }

  Shape read_net(DarknetSection& net) {
    if (net.name() != "net" && net.name() != "network") {
      net.refuse("expected [net] first");
    }
    // The rows of a batch are the steps of a sequence where a layer keeps a state.
    const bool sequence = std::any_of(sections_.begin(), sections_.end(), is_recurrent);
    const std::int64_t steps = net.integer("time_steps", 1, 1, kMostSteps);
    Shape input{sequence ? steps : 1, net.integer("channels", 3, 1, kMostChannels),
                net.integer("height", 0, 0, kMostPixels), net.integer("width", 0, 0, kMostPixels)};
    const std::int64_t inputs = net.integer("inputs", 0, 0, kMostChannels);
    if (inputs > 0 && input[2] == 0 && input[3] == 0) input = {input[0], inputs, 1, 1};
    // Settings of darknet's training, which are given on the command line here.
    net.pass_over(
        "batch subdivisions notruth random learning_rate momentum decay adam B1 B2 eps "
        "policy burn_in power steps scales step scale gamma max_batches max_crop min_crop "
        "max_ratio "
        "min_ratio center angle aspect saturation exposure hue mosaic cutmix flip "
        "letter_box "
        "label_smooth_eps optimized_memory");
    net.check_keys();
    if (size_) {
      input = {input[0], (*size_)[0], (*size_)[1], (*size_)[2]};
    } else if (input[2] == 0 || input[3] == 0) {
      net.refuse("expected height and width");
    }
    return input;
  }

  void read_layer(DarknetSection& section, std::size_t number) {
    const auto found = layers().find(section.name());
    if (found == layers().end()) {
      std::vector<std::string> known;
      for (const auto& [name, layer] : layers()) known.push_back(name);
      section.refuse(
          fmt::format("this layer is not known here{}", suggestion(section.name(), known)));
    }
    const Builder::Scope scope(builder_, "layer" + std::to_string(number - 1));
    // Darknet's hints to its own training.
    section.pass_over(
        "stopbackward dontload dontloadscales learning_rate onlyforward "
        "dontsave");
    try {
      (this->*found->second)(section);
    } catch (const OutOfPixels& error) {
      throw OutOfPixels(section.told(error.what()));
    } catch (const ModelError& error) {
      section.refuse(error.what());
    }
    section.check_keys();
    outputs_.push_back(x_);
  }

  void expect_map(const DarknetSection& section) const {
    if (builder_.shape(x_).rank() != 4) {
      section.refuse("it stands behind a layer that has no pixels any more");
    }
  }

  void count_weights(const DarknetSection& section, std::int64_t more) {
    // Each factor was checked: no product of three overflows.
    weights_ += more;
    if (weights_ > kMostWeights) {
      section.refuse(fmt::format("the network has more than {} weights", kMostWeights));
    }
  }

  void activate(DarknetSection& section, const std::string& otherwise) {
    x_ = darknet_activation(builder_, x_, section, otherwise);
  }

  void convolutional(DarknetSection& s) {
    expect_map(s);
    ConvOptions options;
    options.out = s.integer("filters", 1, 1, kMostChannels);
    options.kernel = s.integer("size", 1, 1, kMostWindow);
    options.stride = s.integer("stride", 1, 1, kMostWindow);
    options.dilation = s.integer("dilation", 1, 1, kMostWindow);
    options.padding = s.integer("padding", 0, 0, kMostWindow);
    if (s.integer("pad", 0, 0, 1) == 1) options.padding = options.kernel / 2 * options.dilation;
    options.groups = s.integer("groups", 1, 1, kMostChannels);
    const bool norm = s.integer("batch_normalize", 0, 0, 1) == 1;
    options.bias = !norm;
    s.pass_over("flipped binary xnor");
    const std::int64_t in = builder_.shape(x_)[1];
    if (in % options.groups != 0 || options.out % options.groups != 0) {
      s.refuse("groups", fmt::format("{} groups do not divide {} channels into {}", options.groups,
                                     in, options.out));
    }
    const std::int64_t columns = in / options.groups * options.kernel;
    if (columns > kMostWeights / options.kernel ||
        columns * options.kernel > kMostWeights / options.out) {
      count_weights(s, kMostWeights);
    }
    count_weights(s, columns * options.kernel * options.out);
    x_ = builder_.conv("conv", x_, options);
    if (norm) x_ = builder_.batch_norm("bn", x_, kNorm);
    activate(s, "logistic");
  }

  void connected(DarknetSection& s) {
    if (builder_.shape(x_).rank() == 4) x_ = builder_.flatten("flatten", x_);
    const std::int64_t out = s.integer("output", 1, 1, kMostChannels);
    const std::int64_t in = builder_.shape(x_)[1];
    if (in > kMostWeights / out) count_weights(s, kMostWeights);
    count_weights(s, in * out);
    const bool norm = s.integer("batch_normalize", 0, 0, 1) == 1;
    x_ = builder_.linear("fc", x_, {.out = out, .bias = !norm});
    if (norm) x_ = builder_.batch_norm("bn", x_, kNorm);
    activate(s, "logistic");
  }

  // Darknet pads size - 1 pixels in all unless told otherwise, the smaller half in front.
  void maxpool(DarknetSection& s) {
    expect_map(s);
    const std::int64_t stride = s.integer("stride", 1, 1, kMostWindow);
    const std::int64_t size = s.integer("size", stride, 1, kMostWindow);
    const std::int64_t padding = s.integer("padding", size - 1, 0, 2 * kMostWindow);
    const std::int64_t before = padding / 2;
    const std::int64_t behind = padding - before;
    x_ = builder_.node("MaxPool", "maxpool", {x_},
                       {{"kernel_shape", Ints{size, size}},
                        {"strides", Ints{stride, stride}},
                        {"pads", Ints{before, before, behind, behind}}});
  }

  void avgpool(DarknetSection& s) {
    expect_map(s);
    x_ = builder_.global_average_pool("avgpool", x_);
  }

  void dropout(DarknetSection& s) {
    x_ = builder_.dropout("dropout", x_, s.number("probability", 0.5, 0, 0.999));
  }

  // A layer before this one: counted from the beginning, or, negative, back from here.
  const Value& layer(const DarknetSection& s, const std::string& key, std::int64_t number) const {
    const auto count = static_cast<std::int64_t>(outputs_.size());
    const std::int64_t index = number < 0 ? count + number : number;
    if (count == 0) s.refuse(key, "there is no layer before this one");
    if (index < 0 || index >= count) {
      s.refuse(key, fmt::format("expected a layer before this one, 0 to {} or -1 to -{}, got {}",
                                count - 1, count, number));
    }
    return outputs_[static_cast<std::size_t>(index)];
  }

  void shortcut(DarknetSection& s) {
    const Ints from = s.integers("from");
    if (from.size() != 1) s.refuse("from", "expected one layer");
    const Value& other = layer(s, "from", from[0]);
    if (builder_.shape(other) != builder_.shape(x_)) {
      s.refuse("from", fmt::format("expected a layer of shape {}, got {}", builder_.shape(x_).str(),
                                   builder_.shape(other).str()));
    }
    x_ = builder_.add("add", x_, other);
    activate(s, "linear");
  }

  void route(DarknetSection& s) {
    const Ints numbers = s.integers("layers");
    if (numbers.empty()) s.refuse("expected layers=…");
    const std::int64_t groups = s.integer("groups", 1, 1, kMostChannels);
    const std::int64_t group = s.integer("group_id", 0, 0, groups - 1);
    std::vector<Value> parts;
    for (const std::int64_t number : numbers) {
      Value part = layer(s, "layers", number);
      if (groups > 1) part = slice(s, part, groups, group, parts.size());
      parts.push_back(part);
    }
    x_ = parts.size() == 1 ? parts[0] : builder_.concat("concat", parts);
  }

  Value slice(const DarknetSection& s, const Value& x, std::int64_t groups, std::int64_t group,
              std::size_t index) {
    const std::int64_t channels = builder_.shape(x)[1];
    if (channels % groups != 0) {
      s.refuse("groups", fmt::format("{} groups do not divide {} channels", groups, channels));
    }
    const std::int64_t each = channels / groups;
    const std::string name = "part" + std::to_string(index);
    const auto ints = [&](const std::string& what, std::int64_t value) {
      return builder_.constant(name + what, Tensor::of<std::int64_t>({1}, Ints{value}));
    };
    return builder_.node(
        "Slice", name,
        {x, ints(".starts", group * each), ints(".ends", (group + 1) * each), ints(".axes", 1)});
  }

  void upsample(DarknetSection& s) {
    expect_map(s);
    const auto stride = static_cast<float>(s.integer("stride", 2, 1, 64));
    if (s.number("scale", 1, 0, 1e6) != 1) s.refuse("scale", "only 1 is known here");
    const std::vector<float> scales{1, 1, stride, stride};
    // Resize's second input, a region, is left out.
    x_ = builder_.node(
        "Resize", "upsample",
        {x_, Value{}, builder_.constant("upsample.scales", Tensor::of<float>({4}, scales))},
        {{"mode", std::string("nearest")},
         {"coordinate_transformation_mode", std::string("asymmetric")},
         {"nearest_mode", std::string("floor")}});
  }

  void recurrent(DarknetSection& s) {
    const bool map = s.name() == "crnn";
    const std::int64_t out = s.integer(map ? "output_filters" : "output", 1, 1, kMostHidden);
    const std::int64_t hidden = map ? s.integer("hidden_filters", 1, 1, kMostHidden) : out;
    const Shape& shape = builder_.shape(x_);
    const std::int64_t in = map ? shape[1] : shape.elements() / shape[0];
    const std::int64_t gates = s.name() == "lstm" ? 4 : s.name() == "gru" ? 3 : 1;
    const std::int64_t each = gates * (map ? 9 : 1);
    if (in > kMostWeights / hidden) count_weights(s, kMostWeights);
    count_weights(s, each * (in * hidden + hidden * hidden + (gates == 1 ? hidden * out : 0)));
    if (gates == 1 && (unrolled_ += shape[0]) > kMostUnrolled) {
      s.refuse(fmt::format("more than {} steps of all layers would be unrolled", kMostUnrolled));
    }
    x_ = darknet_recurrent(builder_, x_, s);
  }

  void reorg(DarknetSection& s) {
    expect_map(s);
    x_ = reorganized(builder_, x_, s);
  }

  // The answers are what comes in: a layer behind may read them, too.
  void head(DarknetSection& s) {
    for (const DarknetHead& other : heads_) {
      if (other.output == x_.name) s.refuse("the layer before it has such a section already");
    }
    if (x_.name == "input") s.refuse("there is no layer before this one");
    heads_.push_back(read_darknet_head(s, builder_.shape(x_)));
    heads_.back().output = x_.name;
  }

  void softmax(DarknetSection& s) {
    if (s.integer("groups", 1, 1, kMostChannels) != 1) s.refuse("groups", "only 1 is known here");
    if (s.number("temperature", 1, 0, 1e6) != 1) s.refuse("temperature", "only 1 is known here");
    const bool last = &s == &sections_.back() || sections_.back().name() == "cost";
    if (last) return;  // the loss, and whoever reads the scores, takes it
    if (builder_.shape(x_).rank() == 4) x_ = builder_.flatten("flatten", x_);
    x_ = builder_.node("Softmax", "softmax", {x_}, {{"axis", std::int64_t{1}}});
  }

  void cost(DarknetSection& s) {
    s.pass_over("type scale ratio noobj thresh");
    if (&s != &sections_.back()) s.refuse("expected it last");
  }

  // Scores are N, classes.
  Value as_scores() {
    const Shape& shape = builder_.shape(x_);
    return shape.rank() == 4 ? builder_.flatten("scores", x_) : x_;
  }

  // Darknet adds this to the deviation, not to the variance; the two differ by less than rounding.
  static constexpr BatchNormOptions kNorm{.epsilon = 1e-6, .momentum = 0.01};

  std::string file_;
  std::vector<DarknetSection> sections_;
  Builder builder_;
  std::optional<Shape> size_;
  Value x_;
  std::vector<Value> outputs_;
  std::vector<DarknetHead> heads_;
  std::int64_t weights_ = 0;
  std::int64_t unrolled_ = 0;  // steps of layers that are
};

}  // namespace

Shape darknet_input(std::string_view text, const std::string& file) {
  return Reader(text, file, std::nullopt).input();
}

DarknetNetwork read_darknet(std::string_view text, const std::string& file,
                            const std::optional<Shape>& size) {
  return Reader(text, file, size).read();
}

}  // namespace striate
