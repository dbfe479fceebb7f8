#include "striate/data/annotations.h"

#include "cli/command.h"
#include "cli/common.h"
#include "cli/table.h"
#include "striate/base/error.h"

namespace striate {
namespace {

struct Arguments {
  std::string in, out, to;
  std::string boxes = "clip";
  std::int64_t show = 20;
  AnnotationOptions options;
  std::string sizes;
  bool json = false;
};

// Without a format: what the name of OUT suggests.
AnnotationFormat format_of(const Arguments& arguments) {
  if (!arguments.to.empty()) return annotation_format(arguments.to);
  if (arguments.out.ends_with(".json")) return AnnotationFormat::coco;
  fail<InputError>("{}: say which format is meant: --to voc, coco or yolo", arguments.out);
}

BadBoxes bad_boxes(const std::string& name) {
  if (name == "clip") return BadBoxes::clip;
  if (name == "drop") return BadBoxes::drop;
  fail<InputError>("--boxes {}: expected clip or drop", name);
}

void annotations_command(Arguments arguments) {
  arguments.options.sizes = arguments.sizes;
  const BadBoxes how = bad_boxes(arguments.boxes);
  const bool writes = !arguments.out.empty();
  const AnnotationFormat format = writes ? format_of(arguments) : AnnotationFormat::coco;
  Annotations all = read_annotations(arguments.in, arguments.options);
  const BoxReport report = mend(all, how);
  std::vector<std::int64_t> counts(all.classes.size());
  std::int64_t boxes = 0;
  std::int64_t bare = 0;
  std::int64_t crowds = 0;
  std::int64_t difficult = 0;
  for (const AnnotatedPicture& picture : all.pictures) {
    bare += picture.annotations.empty() ? 1 : 0;
    for (const Annotation& one : picture.annotations) {
      ++counts[static_cast<std::size_t>(one.object.label)];
      crowds += one.object.crowd ? 1 : 0;
      difficult += one.object.difficult ? 1 : 0;
      ++boxes;
    }
  }
  if (writes) write_annotations(all, arguments.out, format);

  std::string lost;
  if (writes && format == AnnotationFormat::yolo && crowds + difficult > 0) {
    lost = fmt::format("YOLO's files cannot say that {} boxes are difficult and {} are crowds\n",
                       difficult, crowds);
  } else if (writes && format == AnnotationFormat::voc && crowds > 0) {
    lost = fmt::format("Pascal VOC's files cannot say that {} boxes are crowds\n", crowds);
  }
  Table table({{"class"}, {"boxes", Table::Align::right}});
  Json classes = Json::array();
  for (std::size_t c = 0; c < counts.size(); ++c) {
    classes.push_back({{"class", all.classes[c]}, {"boxes", counts[c]}});
    if (counts[c] > 0) table.add({all.classes[c], grouped(counts[c])});
  }
  if (arguments.json) {
    Json json{
        {"pictures", all.pictures.size()}, {"without_objects", bare},   {"boxes", boxes},
        {"classes", std::move(classes)},   {"outside", report.outside}, {"empty", report.empty},
        {"inverted", report.inverted},     {"clipped", report.clipped}, {"dropped", report.dropped},
        {"report", report.lines}};
    if (writes) json["written"] = arguments.out;
    print(json);
    return;
  }
  const auto shown = std::min(report.lines.size(), static_cast<std::size_t>(arguments.show));
  for (std::size_t i = 0; i < shown; ++i) print(report.lines[i] + '\n');
  if (shown < report.lines.size()) {
    print(fmt::format("and {} more (--show)\n",
                      grouped(static_cast<std::int64_t>(report.lines.size() - shown))));
  }
  print(table.str());
  print(fmt::format("{} boxes of {} pictures, {} of which show no object\n", grouped(boxes),
                    grouped(static_cast<std::int64_t>(all.pictures.size())), grouped(bare)));
  if (report.bad() > 0) {
    print(fmt::format(
        "{} were outside their pictures, {} empty, {} inverted: {} clipped, {} dropped\n",
        report.outside, report.empty, report.inverted, report.clipped, report.dropped));
  }
  print(lost);
  if (writes) print("wrote " + arguments.out + '\n');
}

void set_up(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  app.add_option("IN", arguments->in,
                 "a folder of Pascal VOC's, ImageNet's or YOLO's files, or a file of COCO, CVAT or "
                 "OpenImages")
      ->required();
  app.add_option(
      "OUT", arguments->out,
      "written: a folder (voc, yolo) or a JSON file (coco); without it IN is only checked");
  app.add_option("--to", arguments->to, "voc, coco or yolo; a name that ends in .json means coco");
  app.add_option("--boxes", arguments->boxes,
                 "boxes that leave their picture: clip them at its edges, or drop them; empty and "
                 "inverted ones are dropped either way")
      ->capture_default_str();
  app.add_option("--sizes", arguments->sizes,
                 "folder of the pictures, or annotations that tell their sizes, for boxes that are "
                 "shares of a picture");
  app.add_flag("--voc-edges", arguments->options.voc_edges,
               "Pascal VOC's numbers are edges between pixels, not pixels counted from 1");
  app.add_option("--show", arguments->show, "lines of the report on bad boxes")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_flag("--json", arguments->json, "print JSON for programs");
  app.callback([arguments] { annotations_command(*arguments); });
}

}  // namespace

void register_command_annotations(CommandRegistry& registry);
void register_command_annotations(CommandRegistry& registry) {
  registry.add({.name = "annotations",
                .doc = "check boxes of Pascal VOC, COCO, YOLO and others, and convert them",
                .example = "striate annotations cells/ cells.json --to coco",
                .set_up = set_up});
}

}  // namespace striate
