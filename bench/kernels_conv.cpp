// Convolutions and matrix products against the multiply-add peak.

#include <algorithm>

#include <fmt/format.h>

#include "device/cpu/conv.h"
#include "device/cpu/matmul.h"
#include "measure.h"
#include "striate/base/memory.h"

namespace striate::bench {
namespace {

struct Layer {
  std::string name;
  ConvGeometry g;
};

Layer conv(const char* what, std::int64_t n, std::int64_t c, std::int64_t size, std::int64_t o,
           std::int64_t kernel, std::int64_t stride = 1, std::int64_t dilation = 1) {
  const std::int64_t pad = kernel / 2 * dilation;
  const std::int64_t out = (size + 2 * pad - (kernel - 1) * dilation - 1) / stride + 1;
  return {fmt::format("{} {}x{}/{}{} {}->{} {}^2 n{}", what, kernel, kernel, stride,
                      dilation > 1 ? fmt::format("d{}", dilation) : "", c, o, size, n),
          {.n = n,
           .c = c,
           .h = size,
           .w = size,
           .o = o,
           .oh = out,
           .ow = out,
           .r = kernel,
           .s = kernel,
           .stride_h = stride,
           .stride_w = stride,
           .dilation_h = dilation,
           .dilation_w = dilation,
           .pad_top = pad,
           .pad_left = pad}};
}

std::vector<Layer> layers() {
  return {
      conv("cnn", 256, 1, 28, 32, 3),          conv("cnn", 256, 32, 14, 64, 3),
      conv("resnet20", 128, 3, 32, 16, 3),     conv("resnet20", 128, 16, 32, 16, 3),
      conv("resnet20", 128, 16, 32, 32, 3, 2), conv("resnet20", 128, 32, 16, 32, 3),
      conv("resnet20", 128, 32, 16, 64, 3, 2), conv("resnet20", 128, 64, 8, 64, 3),
      conv("first", 1, 3, 224, 64, 7, 2),      conv("first", 8, 3, 224, 64, 7, 2),
      conv("large", 1, 64, 112, 64, 3),        conv("large", 8, 64, 112, 64, 3),
      conv("large", 1, 64, 56, 64, 3),         conv("large", 8, 64, 56, 64, 3),
      conv("large", 1, 128, 56, 128, 3),       conv("large", 1, 256, 56, 256, 3),
      conv("large", 1, 128, 28, 128, 3),       conv("large", 8, 128, 28, 128, 3),
      conv("large", 1, 256, 28, 256, 3),       conv("large", 1, 512, 28, 512, 3, 1, 2),
      conv("large", 1, 256, 14, 256, 3),       conv("large", 8, 256, 14, 256, 3),
      conv("large", 1, 512, 14, 512, 3),       conv("large", 1, 512, 7, 512, 3),
      conv("large", 8, 512, 7, 512, 3),        conv("point", 8, 64, 56, 256, 1),
      conv("point", 8, 256, 56, 64, 1),        conv("point", 8, 512, 28, 128, 1),
      conv("point", 1, 1024, 14, 256, 1),      conv("point", 8, 512, 14, 512, 1),
      conv("point", 1, 512, 7, 512, 1),
  };
}

// The share of peak that a forward pass aims at.
double target_of(const ConvGeometry& g, ConvMethod method) {
  if (g.c < 64 || g.stride_h > 1) return 0;
  if (method == ConvMethod::winograd) return g.h >= 56 ? 1.5 : g.h >= 28 ? 1.2 : 0;
  return g.h <= 7 ? 0.45 : 0.65;
}

void add_layer(Bench& bench, const Layer& layer, ConvMethod asked, const std::string& suffix) {
  const ConvGeometry& g = layer.g;
  const auto name = [&](const char* pass) { return layer.name + " " + pass + suffix; };
  if (!bench.wants(name("forward")) && !bench.wants(name("backward-data")) &&
      !bench.wants(name("backward-weights"))) {
    return;
  }
  Tensor x = random_tensor({g.n, g.c, g.h, g.w});
  Tensor w = random_tensor({g.o, g.c / g.groups, g.r, g.s});
  Tensor y = random_tensor({g.n, g.o, g.oh, g.ow});
  const auto add = [&](const char* title, ConvPass pass, const auto& work) {
    const ConvMethod method = cpu_conv_method(g, pass, asked);
    const bool forward = pass == ConvPass::forward;
    bench.add(
        {.name = name(title),
         .algorithm = method == ConvMethod::winograd ? "winograd" : "product",
         .work = 2.0 * static_cast<double>(g.n * g.oh * g.ow * g.o * (g.c / g.groups) * g.r * g.s),
         .target = forward ? target_of(g, method) : 0.75,
         .relative_to = forward ? "" : name("forward"),
         .run = [&, pass](const Threads& threads) {
           const std::size_t bytes = cpu_conv_scratch(threads, g, pass, asked);
           static std::shared_ptr<std::byte[]> block;
           static std::size_t size = 0;
           if (size < bytes) block = allocate(size = bytes);
           work(threads, std::span(block.get(), bytes));
         }});
  };
  add("forward", ConvPass::forward, [&](const Threads& threads, std::span<std::byte> scratch) {
    cpu_conv_forward(threads, g, map_of(x), w.view(), {}, map_of(y), scratch, asked);
  });
  // Nobody asks for the gradient of the pictures themselves.
  if (g.c > 3) {
    add("backward-data", ConvPass::backward_data,
        [&](const Threads& threads, std::span<std::byte> scratch) {
          cpu_conv_backward_data(threads, g, map_of(y), w.view(), map_of(x), false, scratch, asked);
        });
  }
  add("backward-weights", ConvPass::backward_weights,
      [&](const Threads& threads, std::span<std::byte> scratch) {
        cpu_conv_backward_weights(threads, g, map_of(x), map_of(y), w.view(), false, scratch,
                                  asked);
      });
}

void add_dense(Bench& bench, std::int64_t m, std::int64_t k, std::int64_t n) {
  const std::string name = fmt::format("dense {}x{}x{}", m, k, n);
  if (!bench.wants(name)) return;
  Tensor x = random_tensor({m, k});
  Tensor w = random_tensor({n, k});
  Tensor y = random_tensor({m, n});
  const auto turned = [](Tensor& tensor) {
    View view = tensor.view();
    std::swap(view.shape[0], view.shape[1]);
    std::swap(view.strides[0], view.strides[1]);
    return view;
  };
  const auto add = [&](const std::string& title, const View& a, const View& b, const View& c) {
    bench.add({.name = name + " " + title,
               .algorithm = "product",
               .work = 2.0 * static_cast<double>(m * n * k),
               .target = title == "forward" ? 0 : 0.75,
               .relative_to = title == "forward" ? "" : name + " forward",
               .run = [=](const Threads& threads) {
                 const std::size_t bytes =
                     cpu_matmul_scratch(threads, c.shape[0], c.shape[1], a.shape[1]);
                 static std::shared_ptr<std::byte[]> block;
                 static std::size_t size = 0;
                 if (size < bytes) block = allocate(size = bytes);
                 cpu_matmul(threads, a, b, {}, c, 1, false, std::span(block.get(), bytes));
               }});
  };
  add("forward", x.view(), turned(w), y.view());
  add("backward-data", y.view(), w.view(), x.view());
  add("backward-weights", turned(y), x.view(), w.view());
}

}  // namespace

void add_convolutions(Bench& bench, bool winograd) {
  for (const Layer& layer : layers()) {
    add_layer(bench, layer, winograd ? ConvMethod::fastest : ConvMethod::plain, "");
    // What the choice was between.
    const bool both =
        winograd && layer.g.c >= 64 && layer.g.h >= 14 &&
        cpu_conv_method(layer.g, ConvPass::forward, ConvMethod::fastest) == ConvMethod::winograd;
    if (both) add_layer(bench, layer, ConvMethod::plain, " (plain)");
  }
}

void add_products(Bench& bench) {
  add_dense(bench, 256, 3136, 1024);
  add_dense(bench, 256, 1024, 128);
  add_dense(bench, 8, 4096, 4096);
  add_dense(bench, 1, 4096, 4096);
}

}  // namespace striate::bench
