#pragma once

// A small language model, trained by the command itself.

#include "cli/harness.h"

namespace striate::testing {

class TrainedTextTest : public CommandTest {
 protected:
  void train() const {
    std::string text;
    for (int i = 0; i < 60; ++i) text += "so it goes on and on\n";
    write_file(folder_ / "a.txt", text);
    const auto outcome =
        run("train char_lm --data text:a.txt --hidden 12 --embedding 8 --epochs 2 --batch 8 "
            "--steps 10 --lr 0.02 --out run");
    ASSERT_EQ(outcome.status, 0) << outcome.err;
  }
};

}  // namespace striate::testing
