#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "striate/boxes/box.h"

namespace striate {

/// How what was found is compared with what is there. In all of them detections are judged by falling
/// score, each against the objects of its class and picture.
///
///   voc07  Everingham et al., "The Pascal visual object classes (VOC) challenge", 2010: a detection
///          belongs to the object that it overlaps most, taken or not; what belongs to a difficult
///          object is not counted; the mean of the best precision at the recalls 0, 0.1 … 1
///   voc    the same with the area under the precision that never rises (VOC 2010 and later)
///   coco   Lin et al., "Microsoft COCO", 2014, as its official program computes it: to the free object
///          that it overlaps most, an ordinary one first; crowds (by the share of the detection that
///          they cover) and objects of another size are not counted, difficult ones are; at most 100 of a
///          picture and class; the mean of the precision at 101 recalls
enum class Protocol : std::uint8_t { voc07, voc, coco };

std::string_view name_of(Protocol protocol);

struct ScoreOptions {
  Protocol protocol = Protocol::voc;
  double overlap = 0.5;  ///< least IoU of a detection and its object
  /// coco: objects whose area is less or more are not counted, nor what is found of such an area
  /// without an object.
  double least_area = 0;
  double most_area = std::numeric_limits<double>::infinity();
  std::int64_t most = 100;  ///< coco: detections of a picture and class that are looked at
};

enum class Judgement : std::uint8_t {
  right,
  wrong,
  uncounted,  ///< of a difficult object, a crowd, or another size
  unseen      ///< beyond the most of a picture
};

/// One detection as judged.
struct Judged {
  std::int64_t picture = 0;
  std::int64_t detection = 0;  ///< of that picture
  std::int64_t object = -1;    ///< of that picture, which it was held against; -1: none
  double score = 0;
  double overlap = 0;  ///< with it
  Judgement verdict = Judgement::wrong;
};

struct ClassScore {
  std::int64_t objects = 0;    ///< that are counted
  std::vector<Judged> judged;  ///< by falling score, of equal ones in the order of the pictures
  std::vector<double> recall;  ///< after each detection that is right or wrong
  std::vector<double> precision;
  /// Not a number where there are no objects.
  double average_precision = std::numeric_limits<double>::quiet_NaN();
  double most_recall = std::numeric_limits<double>::quiet_NaN();
};

struct Score {
  std::vector<ClassScore> classes;
  /// Over the classes that have objects; not a number where there are none.
  double mean_average_precision = std::numeric_limits<double>::quiet_NaN();
  double mean_recall = std::numeric_limits<double>::quiet_NaN();
};

/// `found` and `truth` of each picture. Detections whose score is no number come last. REQUIRES: as
/// many of both, and labels in [0, classes).
Score score_detections(std::span<const std::vector<Detection>> found,
                       std::span<const std::vector<Object>> truth, std::int64_t classes,
                       const ScoreOptions& options = {});

/// Its mean alone; 0 where there are no objects.
double mean_average_precision(std::span<const std::vector<Detection>> found,
                              std::span<const std::vector<Object>> truth, std::int64_t classes,
                              Protocol protocol = Protocol::voc, double overlap = 0.5);

/// Curve and average precision of verdicts that are given. REQUIRES: `judged` falls by score.
ClassScore score_verdicts(std::vector<Judged> judged, std::int64_t objects, Protocol protocol);

/// The ten overlaps 0.5, 0.55 … 0.95.
const std::array<double, 10>& coco_overlaps();

/// The twelve numbers that COCO's program prints, under its names. Not a number where nothing of that
/// size is there.
struct CocoSummary {
  double ap = 0, ap50 = 0, ap75 = 0;                 ///< mean over the overlaps; at 0.5; at 0.75
  double ap_small = 0, ap_medium = 0, ap_large = 0;  ///< areas up to 32^2, to 96^2, and above
  double ar1 = 0, ar10 = 0, ar100 = 0;  ///< recall with so many detections of a picture
  double ar_small = 0, ar_medium = 0, ar_large = 0;
};
CocoSummary coco_summary(std::span<const std::vector<Detection>> found,
                         std::span<const std::vector<Object>> truth, std::int64_t classes);

/// A detection that two ways of scoring judge differently.
struct Disagreement {
  std::int64_t label = 0;
  Judged first, second;
  /// How much the first way's mean would rise if it judged this one as the second does.
  double difference = 0;
};

/// Where the difference of two ways of scoring the same comes from.
struct Comparison {
  Score first, second;
  std::vector<Disagreement> disagreements;  ///< those that matter most first
  /// Of second's mean less first's: what the verdicts (and the objects that are counted) make under
  /// the first's way of averaging, and the rest, which is the way of averaging.
  double by_verdicts = 0, by_averaging = 0;
};
Comparison compare_scores(std::span<const std::vector<Detection>> found,
                          std::span<const std::vector<Object>> truth, std::int64_t classes,
                          const ScoreOptions& first, const ScoreOptions& second);

}  // namespace striate
