#include "striate/train/checkpoint.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "striate/base/files.h"
#include "striate/formats/safetensors.h"
#include "testing/temporary_folder.h"
#include "train/toy.h"

namespace striate {
namespace {

using testing::HasSubstr;

class TrainCheckpoint : public testing::Test {
 protected:
  std::string error() const {
    try {
      load_checkpoint(path_);
    } catch (const InputError& error) {
      EXPECT_THAT(error.what(), HasSubstr(path_.string()));
      return error.what();
    }
    return "no error";
  }

  TemporaryFolder temporary_;
  std::filesystem::path path_ = temporary_ / "checkpoint.safetensors";
};

// Every optimizer, stopped by way of a file at an epoch's end and in an epoch's middle.
TEST_F(TrainCheckpoint, GoesOnWithTheSameBits) {
  for (const std::string& name : optimizer_names()) {
    TrainOptions options = toy::options();
    options.optimizer = {.name = name, .lr = 0.01, .clip_norm = 1};
    if (name == "rmsprop") options.optimizer.centered = true;
    const auto program = toy::program();
    TrainState whole = toy::state(*program);
    toy::Clouds source;
    train(*program, whole, source, options);

    for (const std::int64_t stop_at : {7, 10}) {
      std::atomic<bool> stop = false;
      TrainState state = toy::state(*program);
      train(*program, state, source, options,
            {.on_step = [&](const StepReport& report, const Workspace&,
                            const TrainBatch&) { stop = report.global_step == stop_at; },
             .stop = &stop});
      ASSERT_EQ(state.global_step, stop_at);
      save_checkpoint(path_, state, {{"model", "toy"}});
      Checkpoint checkpoint = load_checkpoint(path_);
      EXPECT_EQ(checkpoint.metadata, (std::map<std::string, std::string>{{"model", "toy"}}));
      EXPECT_EQ(toy::bits(checkpoint.state), toy::bits(state));
      const auto other = toy::program();
      train(*other, checkpoint.state, source, checkpoint.state.options);
      EXPECT_EQ(toy::bits(checkpoint.state), toy::bits(whole)) << name << ' ' << stop_at;
    }
  }
}

TEST_F(TrainCheckpoint, KeepsEveryCounterAndOption) {
  TrainState state;
  state.epoch = 3;
  state.step = 2;
  state.global_step = 23;
  state.loss_sum = 1.0 / 3;
  state.samples = 16;
  state.best_epoch = 2;
  state.best_score = -std::numeric_limits<double>::infinity();
  state.options = toy::options();
  state.options.optimizer.lr = 0.1 + 0.2;
  state.options.best_by = "\"mIoU\"";
  state.weights["w"] = Tensor(DType::f64, {2});
  save_checkpoint(path_, state);
  const TrainState read = load_checkpoint(path_).state;
  EXPECT_EQ(read.epoch, 3);
  EXPECT_EQ(read.step, 2);
  EXPECT_EQ(read.global_step, 23);
  EXPECT_EQ(read.loss_sum, 1.0 / 3);
  EXPECT_EQ(read.samples, 16);
  EXPECT_EQ(read.best_epoch, 2);
  EXPECT_EQ(read.best_score, -std::numeric_limits<double>::infinity());
  EXPECT_EQ(read.options.optimizer.lr, 0.1 + 0.2);
  EXPECT_EQ(read.options.schedule, "cosine");
  EXPECT_EQ(read.options.best_by, "\"mIoU\"");
  EXPECT_EQ(read.weights.at("w").dtype(), DType::f64);
  const Bytes once = read_file(path_);
  save_checkpoint(path_, read);
  EXPECT_EQ(read_file(path_), once);
}

TEST_F(TrainCheckpoint, RefusesWhatIsNotOne) {
  EXPECT_NE(error(), "no error");
  save_safetensors(path_, {});
  EXPECT_THAT(error(), HasSubstr("not a training checkpoint"));
  TrainState state{.options = toy::options()};
  state.weights["w"] = Tensor(DType::f32, {2});
  save_checkpoint(path_, state);
  EXPECT_EQ(error(), "no error");
  const SafeTensors good = load_safetensors(path_);

  const auto with = [&](const char* key, std::string from, const std::string& to) {
    SafeTensors file = good;
    std::string& text = file.metadata.at(key);
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << text;
    text.replace(at, from.size(), to);
    save_safetensors(path_, file);
    return error();
  };
  const char* counters = "striate.train_state";
  const char* options = "striate.train_options";
  EXPECT_THAT(with(counters, "\"epoch\":0", "\"epoch\":-1"), HasSubstr("epoch: -1 cannot be"));
  EXPECT_THAT(with(counters, "\"epoch\":0", "\"epoch\":0.5"), HasSubstr("epoch is a number"));
  EXPECT_THAT(with(counters, "\"epoch\":0,", ""), HasSubstr("epoch is missing"));
  EXPECT_THAT(with(counters, "{", "{\"x\":1,"), HasSubstr("not known"));
  EXPECT_THAT(with(counters, "}", ""), HasSubstr("not JSON"));
  EXPECT_THAT(with(counters, "\"epoch\":0", "\"epoch\":1e99999"), HasSubstr("not JSON"));
  EXPECT_THAT(with(counters, "{", std::string(60000, '[')), HasSubstr("not JSON"));
  EXPECT_THAT(with(counters, "{", std::string(70000, ' ') + "{"), HasSubstr("too long"));
  EXPECT_THAT(with(options, "\"sgd\"", "\"sdg\""), HasSubstr("did you mean \"sgd\""));
  EXPECT_THAT(with(options, "\"sgd\"", "7"), HasSubstr("optimizer is a number"));
  SafeTensors file = good;
  file.tensors["stray"] = Tensor(DType::f32, {1});
  save_safetensors(path_, file);
  EXPECT_THAT(error(), HasSubstr("\"stray\" is neither"));
}

TEST_F(TrainCheckpoint, SurvivesTruncationAtEveryLength) {
  TrainState state{.options = toy::options()};
  state.weights["w"] = Tensor(DType::f32, {2});
  save_checkpoint(path_, state);
  const Bytes bytes = read_file(path_);
  for (std::size_t length = 0; length < bytes.size(); length += 7) {
    write_file(path_, std::span(bytes).first(length));
    EXPECT_NE(error(), "no error") << length;
  }
}

// But in the name of the checksum, without which the rest is still whole.
TEST_F(TrainCheckpoint, RefusesEveryFlippedBit) {
  TrainState state{.options = toy::options()};
  state.weights["w"] = Tensor(DType::f32, {5});
  save_checkpoint(path_, state, {{"model", "small"}});
  Bytes bytes = read_file(path_);
  const std::string_view name = "striate.checksum";
  const auto at = static_cast<std::size_t>(
      std::search(bytes.begin(), bytes.end(), name.begin(), name.end()) - bytes.begin());
  ASSERT_LT(at, bytes.size());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i >= at && i < at + name.size()) continue;
    if (bytes[i] == ' ') continue;  // between the header and the tensors
    const auto mask = static_cast<std::uint8_t>(1U << i % 8);
    bytes[i] ^= mask;
    std::ofstream(path_, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    bytes[i] ^= mask;
    EXPECT_NE(error(), "no error") << "byte " << i;
  }
}

TEST_F(TrainCheckpoint, StateOfAnotherGraphIsRefused) {
  const auto program = toy::program();
  TrainState state = toy::state(*program);
  toy::Clouds source;
  TrainOptions options = toy::options();
  options.epochs = 1;
  train(*program, state, source, options);
  state.optimizer["momentum_buffer/fc1.weight"] = Tensor(DType::f32, {3, 4});
  save_checkpoint(path_, state);
  Checkpoint checkpoint = load_checkpoint(path_);
  EXPECT_THROW(train(*program, checkpoint.state, source, options), InputError);
}

}  // namespace
}  // namespace striate
