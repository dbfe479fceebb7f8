#include "cli/harness.h"

namespace striate {
namespace {

using testing::CommandTest;
using ::testing::HasSubstr;

class SymbolsCommand : public CommandTest {
 protected:
  void put_text() const {
    std::string text;
    for (int i = 0; i < 120; ++i) text += i % 3 == 0 ? "the cat sat\n" : "a dog ran\n";
    write_file(folder_ / "a.txt", text);
  }
};

TEST_F(SymbolsCommand, ComparesWhatCounts) {
  put_text();
  const auto outcome = run("symbols text:a.txt --compare --generate 30");
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  for (const char* name : {"naive", "ngram", "markov"}) EXPECT_THAT(outcome.out, HasSubstr(name));
  const auto json = run("symbols text:a.txt --unit words --model ngram --order 2 --generate 6 "
                        "--prompt \"the cat\" --json")
                        .json();
  EXPECT_EQ(json.at("models")[0].at("order"), 2);
  EXPECT_EQ(json.at("symbols"), 8);  // six words, <eos> and <unk>
  EXPECT_LT(json.at("models")[0].at("perplexity"), 3);
  EXPECT_THAT(json.at("text").get<std::string>(), ::testing::StartsWith("the cat sat\n"));
  const auto markov = run("symbols text:a.txt --model markov --json").json();
  EXPECT_EQ(markov.at("models")[0].at("stationary")[0].at("symbol").get<std::string>().size(), 1U);
}

TEST_F(SymbolsCommand, Refuses) {
  put_text();
  expect_refused("symbols text:a.txt --model ngramm", "did you mean \"ngram\"?");
  expect_refused("symbols text:a.txt --order none", "--order: expected auto or a number");
  expect_refused("symbols text:a.txt --discount 2", "discount: expected a share");
  expect_refused("symbols text:a.txt --prompt xyz --generate 1", "is none of the");
  expect_refused("symbols adding:10", "adding:10: expected a text");
  expect_refused("symbols text:absent.txt", "no such file");
}

}  // namespace
}  // namespace striate
