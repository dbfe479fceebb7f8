#include "cli/command.h"
#include "cli/common.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "striate/base/files.h"
#include "striate/draw/overlay.h"
#include "striate/formats/npy.h"

namespace striate {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  ClassifierSource source;
  std::vector<std::string> images;
  std::string out;
  bool probabilities = false;
  std::int64_t tile = SegmentOptions{}.tile;
  DeviceOptions run;
};

void segment_command(const Arguments& arguments) {
  const Segmenter segmenter = arguments.source.open_segmenter(make_device(arguments.run));
  const std::vector<std::string>& classes = segmenter.card().classes;
  const auto palette = draw::class_palette(static_cast<std::int64_t>(classes.size()));
  const std::vector<PictureJob> jobs = picture_jobs(arguments.images);
  constexpr std::int64_t kParts = 1000;  // of a picture, for the bar
  Progress progress("segment", static_cast<std::int64_t>(jobs.size()) * kParts, "thousandths",
                    arguments.run.json);
  std::vector<std::string> written;
  Json all = Json::array();
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const PictureJob& job = jobs[i];
    const fs::path stem = (fs::path(arguments.out) / job.name).replace_extension();
    const Image picture = read_image(job.picture);
    const auto before = static_cast<std::int64_t>(i) * kParts;
    const Segmentation found =
        segmenter.segment(picture, {.tile = arguments.tile,
                                    .probabilities = arguments.probabilities,
                                    .cancel = &stop_when_interrupted(),
                                    .on_tile = [&](std::int64_t done, std::int64_t tiles) {
                                      progress.advance_to(before + done * kParts / tiles);
                                    }});
    std::error_code error;
    fs::create_directories(stem.parent_path(), error);
    if (error) {
      fail<SystemError>("{}: cannot be made: {}", stem.parent_path().string(), error.message());
    }
    Json files;
    const auto write = [&](const char* what, const std::string& ending, const Bytes& content) {
      const std::string path = stem.string() + ending;
      write_file(path, content);
      written.push_back(path);
      files[what] = path;
    };
    write("mask", "-mask.png", encode_png(found.mask, palette));
    write("overlay", "-overlay.png", encode_png(draw::overlay(picture, found.mask, classes)));
    if (arguments.probabilities) {
      write("probabilities", "-probabilities.npy", write_npy_tensor(found.probabilities));
    }
    std::vector<std::int64_t> pixels(classes.size());
    for (const std::uint8_t label : found.mask.pixels) ++pixels[label];
    Json shares;
    for (std::size_t c = 0; c < classes.size(); ++c) {
      shares[classes[c]] =
          static_cast<double>(pixels[c]) / static_cast<double>(found.mask.pixels.size());
    }
    all.push_back(
        {{"image", job.picture}, {"files", std::move(files)}, {"shares", std::move(shares)}});
  }
  progress.clear();
  if (arguments.run.json) {
    print(
        Json{{"model", segmenter.card().model}, {"classes", classes}, {"images", std::move(all)}});
    return;
  }
  constexpr std::size_t kShown = 12;
  for (std::size_t i = 0; i < std::min(written.size(), kShown); ++i) {
    print("wrote " + written[i] + '\n');
  }
  if (written.size() > kShown) {
    print(fmt::format("and {} more files\n",
                      grouped(static_cast<std::int64_t>(written.size() - kShown))));
  }
}

void set_up(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  arguments->source.add_to(app);
  app.add_option("IMAGE", arguments->images, "PNG or JPEG files of any size, or folders of them")
      ->required();
  app.add_option("--out", arguments->out,
                 "folder for NAME-mask.png (a palette's indices are the classes) and "
                 "NAME-overlay.png (tinted, with a legend)")
      ->required();
  app.add_flag("--probabilities", arguments->probabilities,
               "NAME-probabilities.npy too: float32, classes x rows x columns");
  app.add_option(
         "--tile", arguments->tile,
         "longest side that the network is given at once, a multiple of 32; less takes less "
         "memory")
      ->capture_default_str();
  add_options(app, arguments->run);
  app.callback([arguments] { segment_command(*arguments); });
}

}  // namespace

void register_command_segment(CommandRegistry& registry);
void register_command_segment(CommandRegistry& registry) {
  registry.add({.name = "segment",
                .doc = "name the class of every pixel of pictures",
                .example = "striate segment runs/streets/best.safetensors street.jpg --out masks",
                .set_up = set_up});
}

}  // namespace striate
