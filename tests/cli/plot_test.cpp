#include "cli/harness.h"

namespace striate {
namespace {

using testing::CommandTest;
using ::testing::HasSubstr;
using testing::Outcome;

class Plot : public CommandTest {};

TEST_F(Plot, DrawsSeveralRuns) {
  make_pictures();
  for (const std::string lr : {"0.01", "0.001"}) {
    ASSERT_EQ(run("train lenet5 --data folder:shapes --batch 16 --epochs 2 --lr " + lr +
                  " --out runs/lr" + lr)
                  .status,
              0);
  }
  const Outcome text = run("plot runs/lr0.01 runs/lr0.001/ --out two.png");
  ASSERT_EQ(text.status, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("lr0.001"));
  EXPECT_THAT(text.out, HasSubstr("wrote two.png"));
  EXPECT_GT(read_image(folder_ / "two.png").width, 600);
  const auto json = run("plot runs/lr0.01 --json").json();
  ASSERT_EQ(json.at("runs").size(), 1U);
  const auto& row = json.at("runs")[0];
  EXPECT_EQ(row.at("run"), "lr0.01");
  EXPECT_EQ(row.at("epochs"), 2);
  EXPECT_GT(row.at("training_top1").get<double>(), 0.5);
  EXPECT_GT(row.at("validation_top1").get<double>(), 0.5);
}

TEST_F(Plot, SaysWhatIsNoRun) {
  expect_refused("plot nowhere", "nowhere: no run: it holds no metrics.jsonl");
  write_file(folder_ / "metrics.jsonl", "nonsense\n");
  expect_refused("plot .", "no epoch was finished there yet");
}

}  // namespace
}  // namespace striate
