#include "striate/formats/chain.h"

#include <algorithm>
#include <charconv>

#include "striate/base/error.h"
#include "striate/nn/builder.h"

namespace striate {
namespace {

using Ints = std::vector<std::int64_t>;

constexpr std::size_t kMostBytes = std::size_t{1} << 16;
constexpr std::int64_t kMostNumber = 1 << 20;
constexpr std::int64_t kMostWindow = 1 << 12;
constexpr int kMostLayers = 4096;
constexpr int kDeepest = 16;
// All parameters together: 16 GiB of float32.
constexpr std::int64_t kMostWeights = std::int64_t{1} << 32;

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at)) {
    text.replace(at, from.size(), to);
    at += to.size();
  }
  return text;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// One layer as it is written, cut into a kind, its numbers and what stands behind.
class Layer {
 public:
  explicit Layer(std::string_view text) : text_(trimmed(text)), rest_(text_) {}

  std::string_view text() const { return text_; }

  [[noreturn]] void refuse(std::string_view what) const {
    fail<InputError>("chain: \"{}\": {}", text_.substr(0, 60), what);
  }

  bool at_end() {
    rest_ = trimmed(rest_);
    return rest_.empty();
  }
  bool at_number() const { return !rest_.empty() && is_digit(rest_[0]); }

  bool take(std::string_view word) {
    rest_ = trimmed(rest_);
    if (!rest_.starts_with(word)) return false;
    // "t" is not the begin of "two", but "p1" is "p" and a number.
    const bool letters = rest_.size() > word.size() && word.back() >= 'a' && word.back() <= 'z' &&
                         rest_[word.size()] >= 'a' && rest_[word.size()] <= 'z';
    if (letters) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  std::int64_t number(std::string_view what, std::int64_t least, std::int64_t most) {
    rest_ = trimmed(rest_);
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc() || !at_number() || value < least || value > most) {
      refuse(fmt::format("expected {} from {} to {}, got \"{}\"", what, least, most,
                         rest_.substr(0, 20)));
    }
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return value;
  }

  // 5x5x4, one to `most` numbers.
  Ints numbers(std::string_view what, std::size_t most) {
    Ints values{number(what, 1, kMostNumber)};
    while (values.size() < most && rest_.starts_with('x')) {
      rest_.remove_prefix(1);
      values.push_back(number(what, 1, kMostNumber));
    }
    return values;
  }

  std::string_view rest() const { return rest_; }

 private:
  std::string_view text_, rest_;
};

struct Modifiers {
  std::int64_t stride = 0, padding = 0, dilation = 1, groups = 1;
  bool same = false, transposed = false, bias = true;
};

class Reader {
 public:
  Reader(std::string_view text, const std::optional<Shape>& size)
      : text_(replaced(replaced(std::string(text), "→", "->"), "×", "x")),
        builder_(std::string(trimmed(text))),
        size_(size) {
    if (text.size() > kMostBytes) {
      fail<InputError>("chain: expected at most {} bytes, got {}", kMostBytes, text.size());
    }
  }

  Shape input() const {
    std::string_view rest = text_;
    return read_size(Layer(next(rest)));
  }

  ChainNetwork read() {
    ChainNetwork network{.input = input()};
    std::string_view rest = text_;
    next(rest);
    if (size_) network.input = {1, (*size_)[0], (*size_)[1], (*size_)[2]};
    Value x = builder_.input("input", network.input);
    if (rest.empty()) fail<InputError>("chain: expected layers behind {}", trimmed(text_));
    x = sequence(rest, x, 0);
    if (x.name == "input") fail<InputError>("chain: expected layers behind the size");
    network.graph = builder_.finish(x, "logits");
    return network;
  }

 private:
  // Cuts off what stands before the next arrow outside brackets.
  static std::string_view next(std::string_view& rest) {
    int depth = 0;
    for (std::size_t i = 0; i < rest.size(); ++i) {
      depth += rest[i] == '[' ? 1 : rest[i] == ']' ? -1 : 0;
      if (depth != 0 || rest.substr(i, 2) != "->") continue;
      const std::string_view piece = rest.substr(0, i);
      rest.remove_prefix(i + 2);
      return piece;
    }
    return std::exchange(rest, {});
  }

  static Shape read_size(Layer layer) {
    const Ints sides = layer.numbers("a size", 3);
    if (sides.size() != 3 || !layer.at_end())
      layer.refuse("expected a size, height x width x channels");
    return {1, sides[2], sides[0], sides[1]};
  }

  Value sequence(std::string_view rest, Value x, int depth) {
    while (!rest.empty()) {
      const std::string_view piece = trimmed(next(rest));
      if (piece.empty()) fail<InputError>("chain: expected a layer on both sides of an arrow");
      if (++count_ > kMostLayers)
        fail<InputError>("chain: expected at most {} layers", kMostLayers);
      x = piece[0] == '[' ? branches(piece, x, depth) : layer(Layer(piece), x);
    }
    return x;
  }

  Value branches(std::string_view piece, const Value& x, int depth) {
    if (piece.back() != ']') {
      fail<InputError>("chain: \"{}\": expected ] at the end", piece.substr(0, 60));
    }
    if (depth == kDeepest) fail<InputError>("chain: branches lie more than {} deep", kDeepest);
    expect_map(Layer(piece), x);
    const std::string name = "join" + std::to_string(count_);
    std::string_view rest = piece.substr(1, piece.size() - 2);
    std::vector<Value> parts;
    bool more = true;
    while (more) {
      const std::size_t bar = outer_bar(rest);
      more = bar != std::string_view::npos;
      const Builder::Scope scope(builder_, name + "." + branch_letter(parts.size()));
      const std::string_view branch = trimmed(rest.substr(0, bar));
      parts.push_back(branch.empty() ? x : sequence(branch, x, depth + 1));
      if (more) rest.remove_prefix(bar + 1);
    }
    for (const Value& part : parts) {
      const Shape& first = builder_.shape(parts[0]);
      const Shape& shape = builder_.shape(part);
      if (shape.rank() == 4 && shape[2] == first[2] && shape[3] == first[3]) continue;
      fail<InputError>("chain: \"{}\": expected branches of one size, got {} and {}",
                       piece.substr(0, 60), first.str(), shape.str());
    }
    return parts.size() == 1 ? parts[0] : builder_.concat(name + ".concat", parts);
  }

  static std::string branch_letter(std::size_t index) {
    return index < 26 ? std::string(1, static_cast<char>('a' + index)) : std::to_string(index);
  }

  static std::size_t outer_bar(std::string_view text) {
    int depth = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      depth += text[i] == '[' ? 1 : text[i] == ']' ? -1 : 0;
      if (depth == 0 && text[i] == '|') return i;
    }
    return std::string_view::npos;
  }

  Value layer(Layer layer, const Value& x) {
    try {
      return read_layer(layer, x);
    } catch (const OutOfPixels& error) {
      fail<OutOfPixels>("chain: \"{}\": {}", layer.text().substr(0, 60), error.what());
    } catch (const ModelError& error) {
      layer.refuse(error.what());
    }
  }

  Value read_layer(Layer& layer, const Value& x) {
    const auto named = [&](const char* kind) { return kind + std::to_string(count_); };
    if (layer.at_number()) return convolution(layer, named("conv"), x);
    if (layer.take("max")) return pooling(layer, "MaxPool", named("max"), x);
    if (layer.take("avg")) return pooling(layer, "AveragePool", named("avg"), x);
    if (layer.take("gap")) {
      expect_map(layer, x);
      end(layer);
      return builder_.global_average_pool(named("gap"), x);
    }
    if (layer.take("dense")) return dense(layer, named("dense"), x);
    if (layer.take("relu")) {
      end(layer);
      return builder_.relu(named("relu"), x);
    }
    if (layer.take("bn")) {
      end(layer);
      return builder_.batch_norm(named("bn"), x);
    }
    layer.refuse("expected 3x3x8, max2, avg2, gap, dense 10, bn, relu or [… | …]");
  }

  static void end(Layer& layer) {
    if (!layer.at_end()) layer.refuse(fmt::format("unexpected \"{}\"", layer.rest().substr(0, 20)));
  }

  void expect_map(const Layer& layer, const Value& x) const {
    if (builder_.shape(x).rank() != 4) layer.refuse("it stands behind a layer that has no pixels");
  }

  static Modifiers modifiers(Layer& layer) {
    Modifiers m;
    while (!layer.at_end()) {
      if (layer.take("/")) {
        m.stride = layer.number("a stride", 1, kMostWindow);
      } else if (layer.take("p")) {
        m.padding = layer.number("a padding", 0, kMostWindow);
      } else if (layer.take("d")) {
        m.dilation = layer.number("a dilation", 1, kMostWindow);
      } else if (layer.take("g")) {
        m.groups = layer.number("groups", 1, kMostNumber);
      } else if (layer.take("same")) {
        m.same = true;
      } else if (layer.take("nobias")) {
        m.bias = false;
      } else if (layer.take("t")) {
        m.transposed = true;
      } else {
        layer.refuse(fmt::format("expected /2, p1, same, d2, g2, t or nobias, got \"{}\"",
                                 layer.rest().substr(0, 20)));
      }
    }
    return m;
  }

  void count_weights(const Layer& layer, std::initializer_list<std::int64_t> factors) {
    std::int64_t weights = 1;
    bool fits = true;
    for (const std::int64_t factor : factors) {
      fits = fits && factor <= kMostWeights / weights;
      if (fits) weights *= factor;
    }
    weights_ += weights;
    if (!fits || weights_ > kMostWeights) {
      layer.refuse(fmt::format("the network has more than {} weights", kMostWeights));
    }
  }

  // Begins of both axes, then ends.
  static Ints pads(const Layer& layer, const Modifiers& m, const Ints& kernel) {
    if (!m.same) return Ints(4, m.padding);
    if (m.padding != 0 || m.transposed) layer.refuse("expected either same or a padding");
    Ints pads(4);
    for (std::size_t axis = 0; axis < 2; ++axis) {
      const std::int64_t whole = (kernel[axis] - 1) * m.dilation;
      pads[axis] = whole / 2;
      pads[axis + 2] = whole - whole / 2;
    }
    return pads;
  }

  Value convolution(Layer& layer, const std::string& name, const Value& x) {
    expect_map(layer, x);
    const Ints sizes = layer.numbers("a kernel", 3);
    if (sizes.size() != 3 || sizes[0] > kMostWindow || sizes[1] > kMostWindow) {
      layer.refuse(
          "expected a kernel's height x width x the channels that come out, such as 3x3x8");
    }
    const Modifiers m = modifiers(layer);
    const std::int64_t in = builder_.shape(x)[1];
    const std::int64_t out = sizes[2];
    if (in % m.groups != 0 || out % m.groups != 0) {
      layer.refuse(fmt::format("{} groups do not divide {} channels into {}", m.groups, in, out));
    }
    count_weights(layer, {sizes[0], sizes[1], in / m.groups, out});
    const Shape weight = m.transposed ? Shape{in, out / m.groups, sizes[0], sizes[1]}
                                      : Shape{out, in / m.groups, sizes[0], sizes[1]};
    std::vector<Value> inputs{x, builder_.parameter(name + ".weight", weight, he_normal(weight))};
    if (m.bias) inputs.push_back(builder_.parameter(name + ".bias", {out}, constant_initial(0)));
    const std::int64_t stride = std::max<std::int64_t>(m.stride, 1);
    const Ints kernel{sizes[0], sizes[1]};
    return builder_.node(m.transposed ? "ConvTranspose" : "Conv", name, inputs,
                         {{"kernel_shape", kernel},
                          {"strides", Ints{stride, stride}},
                          {"pads", pads(layer, m, kernel)},
                          {"dilations", Ints{m.dilation, m.dilation}},
                          {"group", m.groups}});
  }

  Value pooling(Layer& layer, const char* op, const std::string& name, const Value& x) {
    expect_map(layer, x);
    Ints kernel = layer.numbers("a window", 2);
    if (kernel.size() == 1) kernel.push_back(kernel[0]);
    if (kernel[0] > kMostWindow || kernel[1] > kMostWindow) {
      layer.refuse(fmt::format("expected a window of at most {} pixels", kMostWindow));
    }
    const Modifiers m = modifiers(layer);
    if (m.groups != 1 || m.transposed || !m.bias) {
      layer.refuse("a pooling has no groups, is not transposed and has no bias");
    }
    const Ints strides = m.stride == 0 ? kernel : Ints{m.stride, m.stride};
    return builder_.node(op, name, {x},
                         {{"kernel_shape", kernel},
                          {"strides", strides},
                          {"pads", pads(layer, m, kernel)},
                          {"dilations", Ints{m.dilation, m.dilation}}});
  }

  Value dense(Layer& layer, const std::string& name, Value x) {
    const std::int64_t out = layer.number("outputs", 1, kMostNumber);
    const bool bias = !layer.take("nobias");
    end(layer);
    if (builder_.shape(x).rank() == 4) {
      x = builder_.flatten("flatten" + std::to_string(count_), x);
    }
    count_weights(layer, {builder_.shape(x)[1], out});
    return builder_.linear(name, x, {.out = out, .bias = bias});
  }

  std::string text_;
  Builder builder_;
  std::optional<Shape> size_;
  int count_ = 0;
  std::int64_t weights_ = 0;
};

}  // namespace

bool is_chain(std::string_view text) {
  return text.find("->") != std::string_view::npos || text.find("→") != std::string_view::npos;
}

ChainNetwork read_chain(std::string_view text, const std::optional<Shape>& size) {
  return Reader(text, size).read();
}

Shape read_chain_size(std::string_view text) { return Reader(text, std::nullopt).input(); }

}  // namespace striate
