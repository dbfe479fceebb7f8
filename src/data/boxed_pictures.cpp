#include "data/boxed_pictures.h"

#include <array>
#include <utility>

#include "data/paths.h"
#include "striate/base/error.h"
#include "striate/base/random.h"

namespace striate {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 6> kEndings{".jpg", ".png", ".jpeg", ".JPG", ".PNG", ".JPEG"};

}  // namespace

BoxedPictures::BoxedPictures(Annotations annotations, std::vector<fs::path> files)
    : annotations_(std::move(annotations)), files_(std::move(files)) {
  invariant(annotations_.pictures.size() == files_.size(), "boxed pictures: a file each");
  const BoxReport report = mend(annotations_, BadBoxes::clip);
  if (report.bad() > 0) {
    notes_.push_back(fmt::format(
        "{} boxes are outside their pictures, {} empty, {} inverted: {} are clipped and "
        "{} left out, the first: {}",
        report.outside, report.empty, report.inverted, report.clipped, report.dropped,
        report.lines[0]));
  }
  std::int64_t bare = 0;
  for (const AnnotatedPicture& picture : annotations_.pictures) {
    bare += picture.annotations.empty() ? 1 : 0;
  }
  if (bare > 0) notes_.push_back(fmt::format("{} pictures show no objects", bare));
}

Example BoxedPictures::get(std::int64_t index) const {
  const auto at = static_cast<std::size_t>(index);
  const AnnotatedPicture& said = annotations_.pictures.at(at);
  Example example{.picture = read_image(files_[at])};
  const Image& picture = example.picture;
  if (said.width > 0 && said.height > 0 &&
      (said.width != picture.width || said.height != picture.height)) {
    fail<InputError>("{}: it says {}x{} pixels, but {} has {}x{}", said.source.string(), said.width,
                     said.height, files_[at].string(), picture.width, picture.height);
  }
  for (const Annotation& one : said.annotations) example.objects.push_back(one.object);
  return example;
}

fs::path find_picture(const std::string& name, const std::vector<fs::path>& folders,
                      const fs::path& source) {
  const fs::path relative = fs::path(name).relative_path();
  for (const fs::path& part : relative) {
    if (part == "..") {
      fail<InputError>("{}: picture {}: expected a name without \"..\"", source.string(), name);
    }
  }
  for (const fs::path& folder : folders) {
    // A path of the author's machine: the file's name is what it has in common with this one.
    for (const fs::path& tail : {relative, relative.filename()}) {
      if (tail.empty()) continue;
      const fs::path exact = folder / tail;
      if (present(exact) && !is_folder(exact)) return exact;
      for (const char* ending : kEndings) {
        const fs::path added = exact.string() + ending;
        if (present(added)) return added;
        fs::path exchanged = exact;
        exchanged.replace_extension(ending);
        if (present(exchanged)) return exchanged;
      }
    }
  }
  fail<InputError>("{}: picture {}: there is none in {}", source.string(), name,
                   folders.empty() ? "" : folders.front().string());
}

bool is_for_testing(const fs::path& picture) {
  const RandomKey key{.seed = 0, .purpose = purpose_of(picture.filename().string())};
  return Random(key, 0).below(10) == 0;
}

}  // namespace striate
