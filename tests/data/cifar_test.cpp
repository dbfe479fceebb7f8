#include <set>

#include <gmock/gmock.h>

#include "data/support.h"
#include "striate/data/registry.h"

namespace striate {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing_data::refusal;
using testing_data::shared_data;

// Records whose red, green and blue are 3i, 3i+1, 3i+2 for record i.
Bytes records(const std::vector<Bytes>& labels) {
  Bytes file;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    file.insert(file.end(), labels[i].begin(), labels[i].end());
    for (std::size_t c = 0; c < 3; ++c) {
      file.insert(file.end(), 1024, static_cast<std::uint8_t>(3 * i + c));
    }
  }
  return file;
}

TEST(Cifar, ReadsPlanesAsPixels) {
  const TemporaryFolder folder;
  Bytes file = records({{3}, {9}});
  file[1 + 33] = 200;               // red of the second row's second pixel
  file[3073 + 1 + 2 * 1024] = 100;  // blue of the second picture's first pixel
  const std::string path = folder.put("some.bin", file);
  const auto data = open_dataset("cifar10:" + path, Split::train);
  ASSERT_EQ(data->size(), 2);
  const Example first = data->get(0);
  EXPECT_EQ(first.label, 3);
  EXPECT_EQ(first.picture.row(1)[3], 200);
  EXPECT_EQ(first.picture.row(1)[4], 1);
  EXPECT_EQ(first.picture.row(1)[5], 2);
  const Example second = data->get(1);
  EXPECT_EQ(second.label, 9);
  EXPECT_EQ(second.picture.row(0)[0], 3);
  EXPECT_EQ(second.picture.row(0)[1], 4);
  EXPECT_EQ(second.picture.row(0)[2], 100);
}

TEST(Cifar, JoinsTheFiveTrainingFiles) {
  const TemporaryFolder folder;
  for (std::uint8_t i = 1; i <= 5; ++i) {
    folder.put(fmt::format("cifar-10-batches-bin/data_batch_{}.bin", i),
               records(std::vector<Bytes>(i, Bytes{i})));
  }
  folder.put("cifar-10-batches-bin/test_batch.bin", records({{0}}));
  for (const std::string& path : {folder.path(), folder / "cifar-10-batches-bin"}) {
    const auto train = open_dataset("cifar10:" + path, Split::train);
    ASSERT_EQ(train->size(), 15);
    std::vector<std::int64_t> labels;
    for (std::int64_t i = 0; i < 15; ++i) labels.push_back(train->get(i).label);
    EXPECT_THAT(labels, testing::ElementsAre(1, 2, 2, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 5));
    EXPECT_EQ(train->get(14).picture.pixels[0], 12);
    EXPECT_EQ(open_dataset("cifar10:" + path, Split::test)->size(), 1);
  }
  std::filesystem::remove(folder / "cifar-10-batches-bin/data_batch_4.bin");
  EXPECT_THAT(refusal([&] { open_dataset("cifar10:" + folder.path(), Split::train); }),
              HasSubstr("data_batch_4.bin: cannot be read"));
}

TEST(Cifar, OfHundredClassesTakesTheFineLabel) {
  const TemporaryFolder folder;
  folder.put("test.bin", records({{19, 99}, {0, 4}}));
  const auto data = open_dataset("cifar100:" + folder.path(), Split::test);
  EXPECT_EQ(data->get(0).label, 99);
  EXPECT_EQ(data->get(0).picture.pixels[1], 1);
  EXPECT_EQ(data->classes()[4], "beaver");
  EXPECT_EQ(data->classes()[99], "worm");
  EXPECT_EQ(std::set<std::string>(data->classes().begin(), data->classes().end()).size(), 100U);
}

TEST(Cifar, SaysWhatIsWrong) {
  const TemporaryFolder folder;
  const auto outcome = [&](const std::string& name, const Bytes& file) {
    const std::string path = folder.put("a.bin", file);
    return refusal([&] { open_dataset(name + ":" + path, Split::test); });
  };
  EXPECT_THAT(outcome("cifar10", records({{1}, {10}})),
              AllOf(HasSubstr("a.bin: label of picture 1"), HasSubstr("expected 0 to 9, got 10")));
  EXPECT_THAT(outcome("cifar100", records({{1, 100}})), HasSubstr("expected 0 to 99, got 100"));
  EXPECT_THAT(outcome("cifar10", {}), HasSubstr("got 0 bytes"));
  Bytes cut = records({{1}, {2}});
  cut.pop_back();
  EXPECT_THAT(outcome("cifar10", cut),
              AllOf(HasSubstr("records of 3073 bytes"), HasSubstr("got 6145 bytes (3072 over)")));
  EXPECT_THAT(outcome("cifar100", records({{1}})), HasSubstr("records of 3074 bytes"));
}

TEST(Cifar, ReadsTheRealPictures) {
  const auto path = shared_data("cifar10-lossless/data_batch_1_first4000.bin");
  STRIATE_SKIP_WITHOUT(path);
  const auto data = open_dataset("cifar10:" + path.string(), Split::train);
  ASSERT_EQ(data->size(), 4000);
  // data_batch_1 begins with a frog, two trucks, a deer and a car.
  std::vector<std::string> names;
  for (std::int64_t i = 0; i < 5; ++i) {
    names.push_back(data->classes()[static_cast<std::size_t>(data->get(i).label)]);
  }
  EXPECT_THAT(names, testing::ElementsAre("frog", "truck", "truck", "deer", "automobile"));
  // The frog's first pixel.
  const Example frog = data->get(0);
  EXPECT_EQ(frog.picture.row(0)[0], 59);
  EXPECT_EQ(frog.picture.row(0)[1], 62);
  EXPECT_EQ(frog.picture.row(0)[2], 63);
}

}  // namespace
}  // namespace striate
