#include <gmock/gmock.h>

#include "data/support.h"
#include "striate/data/registry.h"

namespace striate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing_data::refusal;

Bytes bytes(const std::string& text) { return {text.begin(), text.end()}; }

using Ids = std::vector<std::int64_t>;

TEST(Text, CharactersAndItsLastTenth) {
  const TemporaryFolder folder;
  // Twenty characters: b 11, a 7, é 2.
  const std::string what = "text:" + folder.put("a.txt", bytes("abababababababbbéébb"));
  const auto train = open_sequences(what, {});
  EXPECT_EQ(train->size(), 1);
  EXPECT_THAT(train->form().symbols, ElementsAre("b", "a", "é"));
  EXPECT_EQ(train->get(0, 1).symbols, (Ids{1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 0, 0, 2, 2}));
  const auto test =
      open_sequences(what, {.split = SequenceSplit::test, .symbols = train->form().symbols});
  EXPECT_EQ(test->get(0, 0).symbols, (Ids{0, 0}));
  EXPECT_EQ(open_sequences(what, {.split = SequenceSplit::validation}), nullptr);
}

TEST(Text, WordsOfTwoFiles) {
  const TemporaryFolder folder;
  const std::string what = "text:" + folder.put("a.txt", bytes("the cat  sat\nthe\tend\n")) + "," +
                           folder.put("b.txt", bytes("the dog sat\r\n"));
  const auto train = open_sequences(what, {.unit = "words"});
  EXPECT_THAT(train->form().symbols, ElementsAre("the", "<eos>", "cat", "sat", "end", "<unk>"));
  EXPECT_EQ(train->get(0, 1).symbols, (Ids{0, 2, 3, 1, 0, 4, 1}));
  const SequenceRequest request{
      .split = SequenceSplit::test, .unit = "words", .symbols = train->form().symbols};
  EXPECT_EQ(open_sequences(what, request)->get(0, 0).symbols, (Ids{0, 5, 3, 1}));
  const auto rare = open_sequences(what, {.unit = "words", .min_count = 2});
  EXPECT_THAT(rare->form().symbols, ElementsAre("the", "<eos>", "<unk>"));
  EXPECT_EQ(rare->get(0, 1).symbols, (Ids{0, 2, 2, 1, 0, 2, 1}));
}

TEST(Text, PennTreebanksThreeFiles) {
  const TemporaryFolder folder;
  folder.put("ptb.train.txt", bytes(" no it was n't <unk> \n it was N \n"));
  folder.put("ptb.valid.txt", bytes(" it was \n"));
  EXPECT_THAT(refusal([&] {
                open_sequences("ptb:" + folder.path(),
                               {.split = SequenceSplit::test, .unit = "words"});
              }),
              HasSubstr("ptb.test.txt: no such file; ptb takes a folder with"));
  folder.put("ptb.test.txt", bytes(" no N \n"));
  const auto open = [&](SequenceSplit split) {
    return open_sequences("ptb:" + folder.path(), {.split = split, .unit = "words"});
  };
  const auto train = open(SequenceSplit::train);
  EXPECT_THAT(train->form().symbols, ElementsAre("it", "was", "<eos>", "no", "n't", "<unk>", "N"));
  EXPECT_EQ(open(SequenceSplit::validation)->get(0, 0).symbols, (Ids{0, 1, 2}));
  EXPECT_EQ(open(SequenceSplit::test)->get(0, 0).symbols, (Ids{3, 6, 2}));
}

TEST(Text, SaysWhatIsWrong) {
  const TemporaryFolder folder;
  const auto outcome = [&](const std::string& text, const SequenceRequest& request) {
    const std::string path = folder.put("a.txt", bytes(text));
    return refusal([&] { open_sequences("text:" + path, request); });
  };
  EXPECT_THAT(outcome("", {}), HasSubstr("a.txt: expected a text, got 0 characters"));
  EXPECT_THAT(outcome("abc", {.split = SequenceSplit::test}),
              HasSubstr("is too little to test on"));
  EXPECT_THAT(outcome("caf\xe9 is closed", {}), HasSubstr("a.txt: line 1: byte 0xe9"));
  EXPECT_THAT(outcome("ab\nac", {.symbols = {"a", "b", "\n"}}),
              HasSubstr("a.txt: line 2: \"c\" is none of the 3 symbols that are known"));
  EXPECT_THAT(outcome("ab ac", {.unit = "word"}), HasSubstr("did you mean \"words\"?"));
  EXPECT_THAT(outcome("ab ac", {.unit = "words", .min_count = 0}), HasSubstr("min-count"));
  EXPECT_THAT(refusal([] { open_sequences("text", {}); }),
              HasSubstr("text: something is needed after a colon"));
  EXPECT_THAT(refusal([] { open_sequences("text:/no/such", {}); }), HasSubstr("no such file"));
  EXPECT_THAT(refusal([] { open_sequences("mnist", {}); }),
              HasSubstr("mnist: it holds pictures, expected sequences"));
  EXPECT_THAT(refusal([] { open_dataset("text:x", Split::train); }),
              HasSubstr("text: it holds sequences, expected pictures"));
}

TEST(Text, TinyShakespeare) {
  const auto path = testing_data::shared_data("tinyshakespeare") / "input.txt";
  STRIATE_SKIP_WITHOUT(path);
  const auto train = open_sequences("text:" + path.string(), {});
  EXPECT_EQ(train->form().symbols.size(), 65U);
  EXPECT_EQ(train->length(0), 1115394 - 111539);
}

}  // namespace
}  // namespace striate
