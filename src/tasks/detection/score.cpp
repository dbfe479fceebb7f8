#include "striate/tasks/detection/score.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>
#include <utility>

#include "striate/base/error.h"

namespace striate {
namespace {

// What COCO's program adds before it divides, so that nothing found is precision 0.
constexpr double kEpsilon = 2.220446049250313e-16;

double rank(double score) { return std::isnan(score) ? -HUGE_VAL : score; }

double area_of(const Object& object) { return object.area >= 0 ? object.area : object.box.area(); }

// Areas come out of differences of edges here, and of sides elsewhere: 32^2 is no more than 32^2.
bool within(double area, const ScoreOptions& options) {
  constexpr double kSlack = 1e-9;
  return area >= options.least_area * (1 - kSlack) && area <= options.most_area * (1 + kSlack);
}

// The objects and detections of one class in one picture, as indices into the picture's.
struct Scene {
  std::span<const Object> all_objects;
  std::span<const Detection> all_found;
  std::vector<std::int64_t> objects;
  std::vector<std::int64_t> found;  // by falling score
  std::int64_t picture = 0;

  const Object& object(std::int64_t i) const { return all_objects[static_cast<std::size_t>(i)]; }
  const Detection& detection(std::int64_t i) const {
    return all_found[static_cast<std::size_t>(i)];
  }
};

Judged judged_of(const Scene& scene, std::int64_t detection) {
  return {.picture = scene.picture,
          .detection = detection,
          .score = rank(scene.detection(detection).score)};
}

void judge_voc(const Scene& scene, const ScoreOptions& options, std::vector<Judged>& judged) {
  std::vector<char> taken(scene.all_objects.size());
  for (const std::int64_t d : scene.found) {
    Judged one = judged_of(scene, d);
    double best = -1;
    for (const std::int64_t o : scene.objects) {
      const double overlap = iou(scene.detection(d).box, scene.object(o).box);
      if (overlap > best) {
        best = overlap;
        one.object = o;
      }
    }
    one.overlap = std::max(best, 0.0);
    if (one.object >= 0 && best >= options.overlap) {
      char& is_taken = taken[static_cast<std::size_t>(one.object)];
      if (scene.object(one.object).difficult) {
        one.verdict = Judgement::uncounted;
      } else if (is_taken == 0) {
        one.verdict = Judgement::right;
        is_taken = 1;
      }
    }
    judged.push_back(one);
  }
}

void judge_coco(const Scene& scene, const ScoreOptions& options, std::vector<Judged>& judged) {
  const auto ignored = [&](std::int64_t o) {
    const Object& object = scene.object(o);
    return object.crowd || !within(area_of(object), options);
  };
  // Those that count come first.
  std::vector<std::int64_t> objects = scene.objects;
  std::stable_partition(objects.begin(), objects.end(),
                        [&](std::int64_t o) { return !ignored(o); });
  std::vector<char> taken(scene.all_objects.size());
  std::int64_t seen = 0;
  for (const std::int64_t d : scene.found) {
    Judged one = judged_of(scene, d);
    const Box& box = scene.detection(d).box;
    if (seen++ >= options.most) {
      one.verdict = Judgement::unseen;
      judged.push_back(one);
      continue;
    }
    double best = std::min(options.overlap, 1 - 1e-10);
    std::int64_t match = -1;
    for (const std::int64_t o : objects) {
      const Object& object = scene.object(o);
      if (taken[static_cast<std::size_t>(o)] != 0 && !object.crowd) continue;
      if (match >= 0 && !ignored(match) && ignored(o)) break;
      const double overlap =
          object.crowd ? (box.area() > 0 ? intersection(box, object.box).area() / box.area() : 0)
                       : iou(box, object.box);
      one.overlap = std::max(one.overlap, overlap);
      if (overlap < best) continue;
      best = overlap;
      match = o;
    }
    if (match >= 0) {
      one.object = match;
      one.overlap = best;
      one.verdict = ignored(match) ? Judgement::uncounted : Judgement::right;
      taken[static_cast<std::size_t>(match)] = 1;
    } else if (!within(box.area(), options)) {
      one.verdict = Judgement::uncounted;
    }
    judged.push_back(one);
  }
}

bool counts(const Object& object, const ScoreOptions& options) {
  if (options.protocol != Protocol::coco) return !object.difficult;
  return !object.crowd && within(area_of(object), options);
}

// The marks as the programs in use compute them: 6 * 0.1 is a hair above 0.6, and a recall of 9 of 15
// does not reach it.
double eleven_points(const ClassScore& score) {
  double sum = 0;
  for (int step = 0; step <= 10; ++step) {
    double best = 0;
    for (std::size_t i = 0; i < score.recall.size(); ++i) {
      if (score.recall[i] >= step * 0.1) best = std::max(best, score.precision[i]);
    }
    sum += best;
  }
  return sum / 11;
}

// The best precision at this recall or a higher one.
std::vector<double> falling(std::vector<double> precision) {
  for (std::size_t i = precision.size(); i-- > 1;) {
    precision[i - 1] = std::max(precision[i - 1], precision[i]);
  }
  return precision;
}

double area_below(const ClassScore& score) {
  const std::vector<double> best = falling(score.precision);
  double area = 0;
  double before = 0;
  for (std::size_t i = 0; i < best.size(); ++i) {
    area += (score.recall[i] - before) * best[i];
    before = score.recall[i];
  }
  return area;
}

double hundred_points(const ClassScore& score) {
  const std::vector<double> best = falling(score.precision);
  double sum = 0;
  for (int step = 0; step <= 100; ++step) {
    const double mark = step == 100 ? 1.0 : step * 0.01;
    const auto at = std::lower_bound(score.recall.begin(), score.recall.end(), mark);
    if (at != score.recall.end()) sum += best[static_cast<std::size_t>(at - score.recall.begin())];
  }
  return sum / 101;
}

double mean_of(const std::vector<ClassScore>& classes, double ClassScore::*value) {
  double sum = 0;
  std::int64_t count = 0;
  for (const ClassScore& one : classes) {
    if (std::isnan(one.*value)) continue;
    sum += one.*value;
    ++count;
  }
  return count > 0 ? sum / static_cast<double>(count) : std::numeric_limits<double>::quiet_NaN();
}

// The pictures in which something of each class is, or was found.
std::vector<std::vector<Scene>> scenes_of(std::span<const std::vector<Detection>> found,
                                          std::span<const std::vector<Object>> truth,
                                          std::int64_t classes) {
  invariant(found.size() == truth.size(), "score: found and truth differ in number");
  std::vector<std::vector<Scene>> scenes(static_cast<std::size_t>(classes));
  for (std::size_t p = 0; p < truth.size(); ++p) {
    const auto scene = [&](std::int64_t label) -> Scene& {
      invariant(label >= 0 && label < classes, "score: a label beyond the classes");
      auto& of_class = scenes[static_cast<std::size_t>(label)];
      if (of_class.empty() || of_class.back().picture != static_cast<std::int64_t>(p)) {
        of_class.push_back({.all_objects = truth[p],
                            .all_found = found[p],
                            .picture = static_cast<std::int64_t>(p)});
      }
      return of_class.back();
    };
    for (std::size_t o = 0; o < truth[p].size(); ++o) {
      scene(truth[p][o].label).objects.push_back(static_cast<std::int64_t>(o));
    }
    for (std::size_t d = 0; d < found[p].size(); ++d) {
      scene(found[p][d].label).found.push_back(static_cast<std::int64_t>(d));
    }
  }
  for (auto& of_class : scenes) {
    for (Scene& one : of_class) {
      std::stable_sort(one.found.begin(), one.found.end(), [&](std::int64_t a, std::int64_t b) {
        return rank(one.detection(a).score) > rank(one.detection(b).score);
      });
    }
  }
  return scenes;
}

}  // namespace

std::string_view name_of(Protocol protocol) {
  switch (protocol) {
    case Protocol::voc07:
      return "voc07";
    case Protocol::voc:
      return "voc";
    case Protocol::coco:
      return "coco";
  }
  return "";
}

ClassScore score_verdicts(std::vector<Judged> judged, std::int64_t objects, Protocol protocol) {
  ClassScore score{.objects = objects, .judged = std::move(judged)};
  std::int64_t right = 0;
  std::int64_t wrong = 0;
  for (const Judged& one : score.judged) {
    if (one.verdict == Judgement::right) ++right;
    if (one.verdict == Judgement::wrong) ++wrong;
    if (one.verdict != Judgement::right && one.verdict != Judgement::wrong) continue;
    const double seen = static_cast<double>(right + wrong);
    score.recall.push_back(static_cast<double>(right) / static_cast<double>(objects));
    score.precision.push_back(static_cast<double>(right) /
                              (protocol == Protocol::coco ? seen + kEpsilon : seen));
  }
  if (objects == 0) return score;
  score.most_recall = score.recall.empty() ? 0 : score.recall.back();
  switch (protocol) {
    case Protocol::voc07:
      score.average_precision = eleven_points(score);
      break;
    case Protocol::voc:
      score.average_precision = area_below(score);
      break;
    case Protocol::coco:
      score.average_precision = hundred_points(score);
      break;
  }
  return score;
}

Score score_detections(std::span<const std::vector<Detection>> found,
                       std::span<const std::vector<Object>> truth, std::int64_t classes,
                       const ScoreOptions& options) {
  Score score;
  for (const std::vector<Scene>& of_class : scenes_of(found, truth, classes)) {
    std::vector<Judged> judged;
    std::int64_t objects = 0;
    for (const Scene& scene : of_class) {
      for (const std::int64_t o : scene.objects)
        objects += counts(scene.object(o), options) ? 1 : 0;
      if (options.protocol == Protocol::coco) {
        judge_coco(scene, options, judged);
      } else {
        judge_voc(scene, options, judged);
      }
    }
    std::stable_sort(judged.begin(), judged.end(),
                     [](const Judged& a, const Judged& b) { return a.score > b.score; });
    score.classes.push_back(score_verdicts(std::move(judged), objects, options.protocol));
  }
  score.mean_average_precision = mean_of(score.classes, &ClassScore::average_precision);
  score.mean_recall = mean_of(score.classes, &ClassScore::most_recall);
  return score;
}

double mean_average_precision(std::span<const std::vector<Detection>> found,
                              std::span<const std::vector<Object>> truth, std::int64_t classes,
                              Protocol protocol, double overlap) {
  const Score score =
      score_detections(found, truth, classes, {.protocol = protocol, .overlap = overlap});
  return std::isnan(score.mean_average_precision) ? 0 : score.mean_average_precision;
}

const std::array<double, 10>& coco_overlaps() {
  static const std::array<double, 10> overlaps = [] {
    std::array<double, 10> made{};
    for (std::size_t i = 0; i < made.size(); ++i) {
      made[i] = 0.5 + static_cast<double>(i) * ((0.95 - 0.5) / 9);
    }
    made.back() = 0.95;
    return made;
  }();
  return overlaps;
}

CocoSummary coco_summary(std::span<const std::vector<Detection>> found,
                         std::span<const std::vector<Object>> truth, std::int64_t classes) {
  constexpr double kSmall = 32.0 * 32;
  constexpr double kMedium = 96.0 * 96;
  constexpr double kAny = std::numeric_limits<double>::infinity();
  struct Sums {
    double ap = 0, ar = 0;
  };
  CocoSummary summary;
  const auto over_overlaps = [&](double least, double most_area, std::int64_t most) {
    Sums sums;
    for (std::size_t i = 0; i < coco_overlaps().size(); ++i) {
      const Score score = score_detections(found, truth, classes,
                                           {.protocol = Protocol::coco,
                                            .overlap = coco_overlaps()[i],
                                            .least_area = least,
                                            .most_area = most_area,
                                            .most = most});
      sums.ap += score.mean_average_precision / 10;
      sums.ar += score.mean_recall / 10;
      if (least > 0 || most_area < kAny || most != 100) continue;
      if (i == 0) summary.ap50 = score.mean_average_precision;
      if (i == 5) summary.ap75 = score.mean_average_precision;
    }
    return sums;
  };
  const Sums all = over_overlaps(0, kAny, 100);
  summary.ap = all.ap;
  summary.ar100 = all.ar;
  summary.ar1 = over_overlaps(0, kAny, 1).ar;
  summary.ar10 = over_overlaps(0, kAny, 10).ar;
  const Sums small = over_overlaps(0, kSmall, 100);
  const Sums medium = over_overlaps(kSmall, kMedium, 100);
  const Sums large = over_overlaps(kMedium, kAny, 100);
  summary.ap_small = small.ap;
  summary.ar_small = small.ar;
  summary.ap_medium = medium.ap;
  summary.ar_medium = medium.ar;
  summary.ap_large = large.ap;
  summary.ar_large = large.ar;
  return summary;
}

Comparison compare_scores(std::span<const std::vector<Detection>> found,
                          std::span<const std::vector<Object>> truth, std::int64_t classes,
                          const ScoreOptions& first, const ScoreOptions& second) {
  Comparison comparison{.first = score_detections(found, truth, classes, first),
                        .second = score_detections(found, truth, classes, second)};
  std::int64_t with_objects = 0;
  for (const ClassScore& one : comparison.first.classes) with_objects += one.objects > 0 ? 1 : 0;
  std::vector<ClassScore> exchanged;  // second's verdicts, averaged as first
  for (std::int64_t label = 0; label < classes; ++label) {
    const ClassScore& a = comparison.first.classes[static_cast<std::size_t>(label)];
    const ClassScore& b = comparison.second.classes[static_cast<std::size_t>(label)];
    exchanged.push_back(score_verdicts(b.judged, b.objects, first.protocol));
    std::map<std::pair<std::int64_t, std::int64_t>, const Judged*> second_of;
    for (const Judged& one : b.judged) second_of[{one.picture, one.detection}] = &one;
    for (std::size_t i = 0; i < a.judged.size(); ++i) {
      const Judged& one = a.judged[i];
      const Judged& other = *second_of.at({one.picture, one.detection});
      if (one.verdict == other.verdict) continue;
      Disagreement found_one{.label = label, .first = one, .second = other};
      if (a.objects > 0) {
        std::vector<Judged> changed = a.judged;
        changed[i].verdict = other.verdict;
        found_one.difference =
            (score_verdicts(std::move(changed), a.objects, first.protocol).average_precision -
             a.average_precision) /
            static_cast<double>(with_objects);
      }
      comparison.disagreements.push_back(found_one);
    }
  }
  std::stable_sort(comparison.disagreements.begin(), comparison.disagreements.end(),
                   [](const Disagreement& a, const Disagreement& b) {
                     return std::abs(a.difference) > std::abs(b.difference);
                   });
  const double middle = mean_of(exchanged, &ClassScore::average_precision);
  comparison.by_verdicts = middle - comparison.first.mean_average_precision;
  comparison.by_averaging = comparison.second.mean_average_precision - middle;
  return comparison;
}

}  // namespace striate
