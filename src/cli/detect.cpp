#include "cli/command.h"
#include "cli/common.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "striate/base/files.h"
#include "striate/codec/csv.h"
#include "striate/draw/boxes.h"

namespace striate {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  ClassifierSource source;
  std::vector<std::string> images;
  std::string out;
  DetectOptions options{.score = 0.25};
  bool no_pictures = false;
  DeviceOptions run;
};

Json objects_json(const std::vector<Detection>& found, const std::vector<std::string>& classes) {
  Json objects = Json::array();
  for (const Detection& one : found) {
    objects.push_back({{"class", classes[static_cast<std::size_t>(one.label)]},
                       {"score", one.score},
                       {"box", {one.box.x1, one.box.y1, one.box.x2, one.box.y2}}});
  }
  return objects;
}

void write_picture(const fs::path& path, const Image& picture, const std::vector<Detection>& found,
                   const std::vector<std::string>& classes) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (error) {
    fail<SystemError>("{}: cannot be made: {}", path.parent_path().string(), error.message());
  }
  write_file(path, encode_png(draw::boxes(picture, found, classes)));
}

void detect_command(const Arguments& arguments) {
  const std::vector<PictureJob> jobs = picture_jobs(arguments.images);
  const auto detector = arguments.source.open_detector(make_device(arguments.run));
  const std::vector<std::string>& classes = detector->card().classes;
  DetectOptions options = arguments.options;
  options.cancel = &stop_when_interrupted();
  Progress progress("detect", static_cast<std::int64_t>(jobs.size()), "images", arguments.run.json);
  Json all = Json::array();
  std::string csv = "image,class,score,x1,y1,x2,y2\n";
  Table table({{"image"},
               {"class"},
               {"score", Table::Align::right},
               {"x1", Table::Align::right},
               {"y1", Table::Align::right},
               {"x2", Table::Align::right},
               {"y2", Table::Align::right}});
  constexpr std::int64_t kShown = 40;
  std::int64_t count = 0;
  double seconds = 0;
  const fs::path out = arguments.out;
  for (const PictureJob& job : jobs) {
    const Image picture = read_image(job.picture);
    const Found found = detector->detect(picture, options);
    for (const Detection& one : found.detections) {
      const std::string& name = classes[static_cast<std::size_t>(one.label)];
      const Box& box = one.box;
      csv += fmt::format("{},{},{:.6f},{:.2f},{:.2f},{:.2f},{:.2f}\n", csv_cell(job.name.string()),
                         csv_cell(name), one.score, box.x1, box.y1, box.x2, box.y2);
      if (count++ >= kShown) continue;
      const auto pixels = [](double value) { return fmt::format("{:.0f}", value); };
      table.add({job.name.string(), name, percent(one.score), pixels(box.x1), pixels(box.y1),
                 pixels(box.x2), pixels(box.y2)});
    }
    seconds += found.seconds.regions + found.seconds.features + found.seconds.classification +
               found.seconds.suppression;
    Json entry{{"image", job.picture}, {"width", picture.width}, {"height", picture.height}};
    if (!arguments.out.empty() && !arguments.no_pictures) {
      const fs::path path = (out / job.name).replace_extension(".png");
      write_picture(path, picture, found.detections, classes);
      entry["picture"] = path.string();
    }
    entry["objects"] = objects_json(found.detections, classes);
    all.push_back(std::move(entry));
    progress.advance_to(static_cast<std::int64_t>(all.size()));
  }
  progress.clear();
  Json json{{"model", detector->card().model}, {"classes", classes}, {"images", std::move(all)}};
  if (!arguments.out.empty()) {
    std::error_code error;
    fs::create_directories(out, error);
    write_file(out / "detections.json",
               json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n');
    write_file(out / "detections.csv", csv);
  }
  if (arguments.run.json) {
    print(json);
    return;
  }
  if (count > 0) print(table.str());
  if (count > kShown) print(fmt::format("and {} more\n", grouped(count - kShown)));
  print(fmt::format("{}{} objects in {} pictures, {:.1f} ms a picture\n", count > 0 ? "\n" : "",
                    grouped(count), grouped(static_cast<std::int64_t>(jobs.size())),
                    1e3 * seconds / static_cast<double>(jobs.size())));
  if (arguments.out.empty()) return;
  print(fmt::format("wrote {}, {}{}\n", (out / "detections.json").string(),
                    (out / "detections.csv").string(),
                    arguments.no_pictures ? "" : " and a picture of each"));
}

void set_up(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  arguments->source.add_to(app);
  arguments->source.add_cfg_to(app);
  app.add_option("IMAGE", arguments->images, "PNG or JPEG files of any size, or folders of them");
  app.add_option("--out", arguments->out,
                 "folder for the pictures with boxes, detections.json and detections.csv");
  app.add_option("--score", arguments->options.score, "least score of what is shown")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--overlap", arguments->options.overlap,
                 "of two of one class that overlap by more, the lower score goes")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--most", arguments->options.most, "detections of a picture")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_flag("--no-pictures", arguments->no_pictures, "only detections.json and detections.csv");
  add_options(app, arguments->run);
  app.callback([arguments] {
    arguments->source.settle(&arguments->images);  // with --cfg the first free word is a picture
    if (arguments->images.empty()) fail<InputError>("detect: name pictures, or a folder of them");
    detect_command(*arguments);
  });
}

}  // namespace

void register_command_detect(CommandRegistry& registry);
void register_command_detect(CommandRegistry& registry) {
  registry.add({.name = "detect",
                .doc = "find objects in pictures and frame them",
                .example = "striate detect runs/cells/best.safetensors blood.jpg --out found",
                .set_up = set_up});
}

}  // namespace striate
