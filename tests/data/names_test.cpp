#include <gmock/gmock.h>

#include "data/support.h"
#include "striate/data/registry.h"

namespace striate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing_data::refusal;

Bytes bytes(const std::string& text) { return {text.begin(), text.end()}; }

TEST(Names, ReadsAFileALanguage) {
  const TemporaryFolder folder;
  std::string names;
  for (int i = 0; i < 19; ++i) names += "Aba\n";
  folder.put("Irish.txt", bytes(names));
  folder.put("Czech.txt", bytes("Žák\r\n\n"));
  folder.put("SOURCE.txt", bytes("where they are from\n"));
  const auto train = open_sequences("names:" + folder.path(), {});
  const auto test = open_sequences("names:" + folder.path(), {.split = SequenceSplit::test});
  EXPECT_EQ(train->size(), 18);
  EXPECT_EQ(test->size(), 2);
  EXPECT_EQ(train->form().asked, Asked::label);
  EXPECT_THAT(train->form().classes, ElementsAre("Czech", "Irish"));
  EXPECT_THAT(train->form().symbols, ElementsAre("A", "b", "a", "Ž", "á", "k"));
  int czech = 0;
  for (const auto& part : {train.get(), test.get()}) {
    for (std::int64_t i = 0; i < part->size(); ++i) {
      const SequenceExample example = part->get(i, 1);
      EXPECT_EQ(part->length(i), 3);
      if (example.label == 0) {
        ++czech;
        EXPECT_THAT(example.symbols, ElementsAre(3, 4, 5));
      } else {
        EXPECT_THAT(example.symbols, ElementsAre(0, 1, 2));
      }
    }
  }
  EXPECT_EQ(czech, 1);
}

TEST(Names, SaysWhatIsWrong) {
  const TemporaryFolder folder;
  const auto outcome = [&](const SequenceRequest& request) {
    return refusal([&] { open_sequences("names:" + folder.path(), request); });
  };
  EXPECT_THAT(outcome({}), HasSubstr("expected files LANGUAGE.txt with a name a line, found none"));
  folder.put("Irish.txt", bytes("Ada\nAdo\n"));
  EXPECT_THAT(outcome({.symbols = {"A", "d", "a"}}),
              HasSubstr("Irish.txt: line 1: \"o\" is none of the 3 symbols"));
  EXPECT_THAT(refusal([] { open_sequences("names:/no/such", {}); }), HasSubstr("no such folder"));
}

TEST(Names, EighteenLanguages) {
  const auto path = testing_data::shared_data("names");
  STRIATE_SKIP_WITHOUT(path);
  const auto train = open_sequences("names:" + path.string(), {});
  const auto test = open_sequences("names:" + path.string(), {.split = SequenceSplit::test});
  EXPECT_EQ(train->form().classes.size(), 18U);
  EXPECT_EQ(train->size() + test->size(), 20050);
}

}  // namespace
}  // namespace striate
