#include "striate/data/registry.h"

#include <cstdlib>
#include <optional>

#include <gmock/gmock.h>

#include "data/support.h"

namespace striate {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing_data::refusal;

// Sets $STRIATE_DATA until the end of its scope.
class DataVariable {
 public:
  explicit DataVariable(const std::string& value) {
    if (const char* old = std::getenv("STRIATE_DATA")) old_ = old;
    setenv("STRIATE_DATA", value.c_str(), 1);
  }
  ~DataVariable() {
    if (old_) {
      setenv("STRIATE_DATA", old_->c_str(), 1);
    } else {
      unsetenv("STRIATE_DATA");
    }
  }
  DataVariable(const DataVariable&) = delete;
  DataVariable& operator=(const DataVariable&) = delete;

 private:
  std::optional<std::string> old_;
};

TEST(DatasetRegistry, EveryRowExplainsItself) {
  std::vector<std::string> names;
  for (const DatasetRow& row : datasets().rows()) {
    names.push_back(row.name);
    EXPECT_FALSE(row.what.empty()) << row.name;
    EXPECT_FALSE(row.needs.empty()) << row.name;
    EXPECT_NE(!row.open, !row.open_sequences) << row.name;
    EXPECT_EQ(&datasets().find(row.name), &row);
  }
  EXPECT_THAT(names,
              testing::IsSupersetOf({"mnist", "fashion-mnist", "cifar10", "cifar100", "folder"}));
}

TEST(DatasetRegistry, SuggestsTheNearestName) {
  EXPECT_THAT(refusal([] { open_dataset("fashion_mnist", Split::train); }),
              AllOf(HasSubstr("unknown dataset \"fashion_mnist\""),
                    HasSubstr("did you mean \"fashion-mnist\"?")));
  EXPECT_THAT(refusal([] { open_dataset("", Split::train); }), HasSubstr("unknown dataset \"\""));
}

TEST(DatasetRegistry, SaysWhereItLookedAndHowToGetIt) {
  const TemporaryFolder folder;
  const DataVariable variable(folder.path());
  EXPECT_THAT(refusal([] { open_dataset("cifar100", Split::train); }),
              AllOf(HasSubstr("$STRIATE_DATA/cifar100"), HasSubstr("data/cifar100"),
                    HasSubstr("cifar-100-binary.tar.gz")));
  EXPECT_THAT(refusal([] { open_dataset("fashion-mnist:/nonexistent", Split::train); }),
              AllOf(HasSubstr("/nonexistent: no such file or folder"),
                    HasSubstr("apt install dataset-fashion-mnist")));
  EXPECT_THAT(refusal([] { open_dataset("mnist:", Split::train); }),
              HasSubstr("expected a path after the colon"));
  EXPECT_THAT(refusal([] { open_dataset("folder", Split::train); }), HasSubstr("a path is needed"));
}

TEST(DatasetRegistry, LooksBelowTheVariable) {
  const TemporaryFolder folder;
  const DataVariable variable(folder.path());
  folder.put("cifar100/test.bin", Bytes(3074));
  EXPECT_EQ(open_dataset("cifar100", Split::test)->size(), 1);
}

}  // namespace
}  // namespace striate
