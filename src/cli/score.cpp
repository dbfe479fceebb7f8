#include "striate/tasks/detection/score.h"

#include <cmath>

#include "cli/command.h"
#include "cli/common.h"
#include "cli/table.h"
#include "striate/base/error.h"
#include "striate/base/files.h"
#include "striate/base/suggest.h"
#include "striate/data/annotations.h"
#include "striate/tasks/detection/curves.h"

namespace striate {
namespace {

constexpr Protocol kProtocols[] = {Protocol::voc07, Protocol::voc, Protocol::coco};

struct Arguments {
  std::string found, truth;
  double overlap = 0.5;
  std::string curves, compare;
  std::string protocol = "voc";
  std::string sizes;
  bool voc_edges = false;
  bool inclusive = false;
  std::int64_t show = 20;
  bool json = false;
};

Protocol protocol_of(std::string_view name) {
  std::vector<std::string> names;
  for (const Protocol one : kProtocols) {
    if (name_of(one) == name) return one;
    names.emplace_back(name_of(one));
  }
  fail<InputError>("unknown protocol \"{}\"{}", name, suggestion(name, names));
}

// NAME, or NAME:OVERLAP.
ScoreOptions options_of(const std::string& text, double overlap) {
  const std::size_t colon = text.find(':');
  ScoreOptions options{.protocol = protocol_of(text.substr(0, colon)), .overlap = overlap};
  if (colon == std::string::npos) return options;
  char* end = nullptr;
  options.overlap = std::strtod(text.c_str() + colon + 1, &end);
  if (*end != '\0' || !(options.overlap > 0 && options.overlap <= 1)) {
    fail<InputError>("{}: expected an overlap above 0, at most 1", text);
  }
  return options;
}

std::string share(double value) { return std::isnan(value) ? "" : percent(value); }
Json number(double value) { return std::isnan(value) ? Json() : Json(value); }

std::string_view word(Judgement verdict) {
  switch (verdict) {
    case Judgement::right:
      return "right";
    case Judgement::wrong:
      return "wrong";
    case Judgement::uncounted:
      return "not counted";
    case Judgement::unseen:
      return "not looked at";
  }
  return "";
}

std::string held_against(const Judged& one) {
  if (one.object < 0) return std::string(word(one.verdict));
  return fmt::format("{}, object {} by {:.3f}", word(one.verdict), one.object + 1, one.overlap);
}

std::string box_text(const Box& box) {
  return fmt::format("{:.1f}, {:.1f} to {:.1f}, {:.1f}", box.x1, box.y1, box.x2, box.y2);
}

// What makes the difference of two ways of scoring, for programs and for people.
struct Compared {
  Json json;
  std::string text;
};
Compared compare(const Arguments& arguments, const AlignedDetections& aligned,
                 const Annotations& truth) {
  const std::size_t comma = arguments.compare.find(',');
  if (comma == std::string::npos) {
    fail<InputError>("--compare {}: expected two of voc07, voc and coco, as in voc,coco:0.75",
                     arguments.compare);
  }
  const std::string first_name = arguments.compare.substr(0, comma);
  const std::string second_name = arguments.compare.substr(comma + 1);
  const Comparison both = compare_scores(
      aligned.found, aligned.truth, static_cast<std::int64_t>(truth.classes.size()),
      options_of(first_name, arguments.overlap), options_of(second_name, arguments.overlap));
  Table table({{"picture"},
               {"class"},
               {"score", Table::Align::right},
               {"box"},
               {first_name},
               {second_name},
               {"makes", Table::Align::right}});
  Json boxes = Json::array();
  for (const Disagreement& one : both.disagreements) {
    const auto picture = static_cast<std::size_t>(one.first.picture);
    const std::string& name = truth.pictures[picture].name;
    const std::string& label = truth.classes[static_cast<std::size_t>(one.label)];
    const Box& box = aligned.found[picture][static_cast<std::size_t>(one.first.detection)].box;
    boxes.push_back({{"picture", name},
                     {"class", label},
                     {"score", one.first.score},
                     {"box", {box.x1, box.y1, box.x2, box.y2}},
                     {first_name, word(one.first.verdict)},
                     {second_name, word(one.second.verdict)},
                     {"difference", one.difference}});
    if (static_cast<std::int64_t>(boxes.size()) > arguments.show) continue;
    table.add({name, label, fmt::format("{:.3f}", one.first.score), box_text(box),
               held_against(one.first), held_against(one.second),
               fmt::format("{:+.3f} %", 100 * one.difference)});
  }
  std::string text = fmt::format(
      "\n{} gives {}, {} gives {}: {:+.2f} % by {} boxes that they judge differently, {:+.2f} % by "
      "how they average\n",
      first_name, share(both.first.mean_average_precision), second_name,
      share(both.second.mean_average_precision), 100 * both.by_verdicts,
      grouped(static_cast<std::int64_t>(both.disagreements.size())), 100 * both.by_averaging);
  if (!both.disagreements.empty()) {
    text += fmt::format(
        "\n{}\"makes\": what {}'s mean would gain by the other verdict on that box "
        "alone\n",
        table.str(), first_name);
  }
  Json json{{"first", first_name},
            {"second", second_name},
            {"first_map", number(both.first.mean_average_precision)},
            {"second_map", number(both.second.mean_average_precision)},
            {"by_verdicts", number(both.by_verdicts)},
            {"by_averaging", number(both.by_averaging)},
            {"boxes", std::move(boxes)}};
  return {std::move(json), std::move(text)};
}

// Right and lower edges that name the last pixel inside lie one pixel further.
Annotations read(const std::string& path, const Arguments& arguments) {
  Annotations all =
      read_annotations(path, {.voc_edges = arguments.voc_edges, .sizes = arguments.sizes});
  if (!arguments.inclusive) return all;
  for (AnnotatedPicture& picture : all.pictures) {
    for (Annotation& one : picture.annotations) {
      one.object.box.x2 += 1;
      one.object.box.y2 += 1;
    }
  }
  return all;
}

void score_command(const Arguments& arguments) {
  const Annotations truth = read(arguments.truth, arguments);
  const AlignedDetections aligned = align_detections(read(arguments.found, arguments), truth);
  const auto classes = static_cast<std::int64_t>(truth.classes.size());
  Compared compared;
  if (!arguments.compare.empty()) compared = compare(arguments, aligned, truth);
  const ScoreOptions drawn = options_of(arguments.protocol, arguments.overlap);
  std::vector<Score> scores;
  for (const Protocol protocol : kProtocols) {
    scores.push_back(score_detections(aligned.found, aligned.truth, classes,
                                      {.protocol = protocol, .overlap = arguments.overlap}));
  }
  const CocoSummary coco = coco_summary(aligned.found, aligned.truth, classes);
  if (!arguments.curves.empty()) {
    const Score score = score_detections(aligned.found, aligned.truth, classes, drawn);
    write_file(arguments.curves, precision_recall_curves(score, truth.classes, drawn).png());
  }

  Table table({{"class"},
               {"objects", Table::Align::right},
               {"found", Table::Align::right},
               {"recall", Table::Align::right},
               {"voc07", Table::Align::right},
               {"voc", Table::Align::right},
               {"coco", Table::Align::right}});
  Json rows = Json::array();
  for (std::size_t c = 0; c < truth.classes.size(); ++c) {
    const ClassScore& voc = scores[1].classes[c];
    if (voc.objects == 0 && voc.judged.empty()) continue;
    Json row{{"class", truth.classes[c]},
             {"objects", voc.objects},
             {"detections", voc.judged.size()},
             {"recall", number(voc.most_recall)}};
    std::vector<std::string> cells{truth.classes[c], grouped(voc.objects),
                                   grouped(static_cast<std::int64_t>(voc.judged.size())),
                                   share(voc.most_recall)};
    for (std::size_t p = 0; p < scores.size(); ++p) {
      row[std::string(name_of(kProtocols[p]))] = number(scores[p].classes[c].average_precision);
      cells.push_back(share(scores[p].classes[c].average_precision));
    }
    rows.push_back(std::move(row));
    table.add(std::move(cells));
  }
  table.rule();
  table.add({"mean", "", "", share(scores[1].mean_recall), share(scores[0].mean_average_precision),
             share(scores[1].mean_average_precision), share(scores[2].mean_average_precision)});
  const std::pair<const char*, double> twelve[] = {
      {"AP", coco.ap},        {"AP50", coco.ap50},     {"AP75", coco.ap75},
      {"APs", coco.ap_small}, {"APm", coco.ap_medium}, {"APl", coco.ap_large},
      {"AR1", coco.ar1},      {"AR10", coco.ar10},     {"AR100", coco.ar100},
      {"ARs", coco.ar_small}, {"ARm", coco.ar_medium}, {"ARl", coco.ar_large}};
  Json summary;
  std::string line;
  for (const auto& [name, value] : twelve) {
    summary[name] = number(value);
    line += fmt::format("{} {}  ", name, std::isnan(value) ? "none" : fmt::format("{:.4f}", value));
  }
  if (!arguments.json) {
    print(
        fmt::format("overlap {}, {} pictures, {} of them without a detection\n\n{}\nCOCO over "
                    "0.50 to 0.95: {}\n",
                    arguments.overlap, grouped(static_cast<std::int64_t>(truth.pictures.size())),
                    grouped(aligned.pictures_without), table.str(), line));
    print(compared.text);
    if (!arguments.curves.empty()) print("wrote " + arguments.curves + '\n');
  }
  if (arguments.json) {
    Json json{{"overlap", arguments.overlap}, {"pictures", truth.pictures.size()}};
    for (std::size_t p = 0; p < scores.size(); ++p) {
      json[std::string(name_of(kProtocols[p]))] = number(scores[p].mean_average_precision);
    }
    json["coco_summary"] = std::move(summary);
    json["classes"] = std::move(rows);
    if (!compared.json.is_null()) json["compare"] = std::move(compared.json);
    print(json);
  }
}

void set_up(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  app.add_option("DETECTIONS", arguments->found,
                 "COCO's results, a table image, class, score, x1, y1, x2, y2, or any annotations "
                 "with scores")
      ->required();
  app.add_option("TRUTH", arguments->truth, "annotations that `striate annotations` reads")
      ->required();
  app.add_option("--overlap", arguments->overlap, "least IoU of a detection and its object")
      ->check(CLI::Range(0.01, 1.0))
      ->capture_default_str();
  app.add_option("--curves", arguments->curves, "PNG of precision over recall, a panel a class");
  app.add_option("--protocol", arguments->protocol, "of the curves: voc07, voc or coco")
      ->capture_default_str();
  app.add_option("--compare", arguments->compare,
                 "two protocols, each with its own overlap if wanted, as in voc,coco or "
                 "voc:0.5,voc:0.75: which boxes make their difference");
  app.add_option("--show", arguments->show, "boxes of that comparison")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--sizes", arguments->sizes,
                 "folder of the pictures, or annotations that tell their sizes, for boxes that are "
                 "shares of a picture");
  app.add_flag("--voc-edges", arguments->voc_edges,
               "Pascal VOC's numbers are edges between pixels, not pixels counted from 1");
  app.add_flag(
      "--inclusive", arguments->inclusive,
      "right and lower edges (left plus width) name the last pixel inside, as Pascal VOC's "
      "programs count: boxes are one pixel wider and higher");
  app.add_flag("--json", arguments->json, "print JSON for programs");
  app.callback([arguments] { score_command(*arguments); });
}

}  // namespace

void register_command_score(CommandRegistry& registry);
void register_command_score(CommandRegistry& registry) {
  registry.add(
      {.name = "score",
       .doc = "score boxes that were found, as Pascal VOC and COCO do, and say why they differ",
       .example = "striate score found.json truth.json --compare voc,coco --curves curves.png",
       .set_up = set_up});
}

}  // namespace striate
