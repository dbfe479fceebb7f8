// Runs that are killed, stopped or cannot write end as those that were left alone.

#include <csignal>
#include <ctime>
#include <sys/mount.h>
#include <sys/resource.h>

#include "cli/harness.h"
#include "striate/base/random.h"
#include "striate/formats/safetensors.h"

namespace striate {
namespace {

using testing::CommandTest;
using ::testing::HasSubstr;
using testing::Outcome;
namespace fs = std::filesystem;

// Twenty steps an epoch, saved within the epoch too.
const std::string kTrain =
    "train lenet5 --data folder:shapes --batch 3 --lr 0.01 --validation 0.25 --augment crop,flip "
    "--schedule constant --save-seconds 0 ";

class NoLoss : public CommandTest {
 protected:
  // Starts the command in the test's folder, its words on their own.
  pid_t start(std::vector<std::string> words) const {
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    words.insert(words.begin(), kCommand);
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    if (::chdir(folder_.c_str()) != 0 || std::freopen("log", "a", stdout) == nullptr ||
        std::freopen("log", "a", stderr) == nullptr) {
      ::_exit(126);
    }
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }

  static std::vector<std::string> words_of(const std::string& line) {
    std::istringstream stream(line);
    return {std::istream_iterator<std::string>(stream), {}};
  }

  // The exit status, or minus the signal that ended it.
  static int end_of(pid_t pid) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
  }

  static void sleep_ms(double ms) {
    const timespec time{.tv_sec = static_cast<time_t>(ms / 1000),
                        .tv_nsec = static_cast<long>(std::fmod(ms, 1000) * 1e6)};
    ::nanosleep(&time, nullptr);
  }

  Bytes bytes(const std::string& file) const { return read_file(folder_ / file); }

  // All but the times.
  std::vector<nlohmann::json> metrics(const std::string& run) const {
    std::istringstream text(text_of(folder_ / run / "metrics.jsonl"));
    std::vector<nlohmann::json> lines;
    for (std::string line; std::getline(text, line);) {
      auto json = nlohmann::json::parse(line);
      for (const char* time : {"seconds", "samples_per_second", "validation_seconds"}) {
        json.erase(time);
      }
      lines.push_back(std::move(json));
    }
    return lines;
  }

  void expect_same_run(const std::string& run, const std::string& whole) const {
    for (const std::string file : {"/checkpoint.safetensors", "/best.safetensors"}) {
      EXPECT_TRUE(bytes(run + file) == bytes(whole + file)) << file;
    }
    EXPECT_EQ(metrics(run), metrics(whole));
    for (const auto& entry : fs::directory_iterator(folder_ / run)) {
      EXPECT_THAT(entry.path().filename().string(), ::testing::Not(HasSubstr(".part")));
    }
  }
};

TEST_F(NoLoss, KilledAtTwentyMomentsAndResumed) {
  make_pictures(40);
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_EQ(run(kTrain + "--epochs 4 --out whole").status, 0);
  double ms =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
  Random random({.seed = 20, .purpose = purpose_of("kill"), .step = 0}, 0);
  int killed = 0, half_way = 0;
  for (int moment = 0; moment < 20; ++moment) {
    const std::string out = fmt::format("killed{}", moment);
    SCOPED_TRACE(out);
    const pid_t pid = start(words_of(kTrain + "--epochs 4 --out " + out));
    sleep_ms(ms * random.uniform());
    ::kill(pid, SIGKILL);
    const int end = end_of(pid);
    ASSERT_TRUE(end == -SIGKILL || end == 0) << text_of(folder_ / "log");
    killed += end == -SIGKILL ? 1 : 0;
    if (end == 0) ms *= 0.8;  // the machine has become faster
    const fs::path checkpoint = folder_ / out / "checkpoint.safetensors";
    if (fs::exists(checkpoint)) {
      EXPECT_NO_THROW(load_safetensors(checkpoint));  // never half of one
      ++half_way;
    }
    const bool begun = fs::exists(folder_ / out / "config.toml");
    const Outcome rest = run(begun ? "train --resume " + out : kTrain + "--epochs 4 --out " + out);
    ASSERT_EQ(rest.status, 0) << rest.err;
    expect_same_run(out, "whole");
  }
  EXPECT_GE(killed, 10);
  EXPECT_GE(half_way, 5);
}

TEST_F(NoLoss, StoppedTheStepIsFinishedAndSaved) {
  make_pictures(40);
  ASSERT_EQ(run(kTrain + "--epochs 4 --out whole").status, 0);
  for (const int signal : {SIGINT, SIGTERM}) {
    const std::string out = fmt::format("stopped{}", signal);
    const pid_t pid = start(words_of(kTrain + "--epochs 4 --out " + out));
    for (int wait = 0; wait < 200 && !fs::exists(folder_ / out / "config.toml"); ++wait) {
      sleep_ms(5);
    }
    sleep_ms(20);
    ::kill(pid, signal);
    EXPECT_EQ(end_of(pid), 130) << text_of(folder_ / "log");
    EXPECT_THAT(text_of(folder_ / "log"), HasSubstr("striate train --resume " + out + " goes on"));
    ASSERT_EQ(run("train --resume " + out).status, 0);
    expect_same_run(out, "whole");
  }
}

TEST_F(NoLoss, AFileSizeLimitIsSaidAndTheLastCheckpointKept) {
  make_pictures(20);
  ASSERT_EQ(run(kTrain + "--epochs 4 --out whole").status, 0);
  ASSERT_EQ(run(kTrain + "--epochs 2 --out parts").status, 0);
  const Bytes before = bytes("parts/checkpoint.safetensors");
  // In blocks of 512 or 1024 bytes, as the shell has it: smaller than a checkpoint either way.
  const Outcome limited = run(std::string("models >/dev/null; ulimit -f 100; '") + kCommand +
                              "' train --resume parts --epochs 4");
  EXPECT_EQ(limited.status, 1) << limited.err;
  EXPECT_THAT(limited.err, HasSubstr(".safetensors: cannot be written: File too large"));
  EXPECT_THAT(limited.err, HasSubstr("striate train --resume parts goes on"));
  EXPECT_TRUE(bytes("parts/checkpoint.safetensors") == before);
  ASSERT_EQ(run("train --resume parts --epochs 4").status, 0);
  expect_same_run("parts", "whole");
}

TEST_F(NoLoss, AFullDiskIsSaidAndTheLastCheckpointKept) {
  make_pictures(20);
  const fs::path disk = folder_ / "disk";
  fs::create_directory(disk);
  // A checkpoint of lenet5 under Adam takes some 750 kB: one fits, and not the next beside it.
  if (::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=1800k") != 0) {
    GTEST_SKIP() << "a small disk cannot be mounted here: " << strerror(errno);
  }
  struct Unmount {
    std::string path;
    ~Unmount() { ::umount2(path.c_str(), MNT_DETACH); }
  } unmount{disk.string()};
  ASSERT_EQ(run(kTrain + "--epochs 4 --out whole").status, 0);
  ASSERT_EQ(run(kTrain + "--epochs 2 --out disk/run").status, 0);
  const Bytes before = bytes("disk/run/checkpoint.safetensors");
  const std::uint64_t room = fs::space(disk).available;
  write_file(disk / "filling", std::string(room - 200'000, '.'));
  const Outcome full = run("train --resume disk/run --epochs 4");
  EXPECT_EQ(full.status, 1) << full.err;
  EXPECT_THAT(full.err, HasSubstr("cannot be written: No space left on device"));
  EXPECT_THAT(full.err, HasSubstr("striate train --resume disk/run goes on"));
  EXPECT_TRUE(bytes("disk/run/checkpoint.safetensors") == before);
  fs::remove(disk / "filling");
  ASSERT_EQ(run("train --resume disk/run --epochs 4").status, 0);
  expect_same_run("disk/run", "whole");
}

TEST_F(NoLoss, ARunHasItsFolderForItself) {
  make_pictures(40);
  const pid_t pid = start(words_of(kTrain + "--epochs 1000 --out run"));
  for (int wait = 0; wait < 400 && !fs::exists(folder_ / "run" / "checkpoint.safetensors");
       ++wait) {
    sleep_ms(5);
  }
  const Outcome second = run("train --resume run");
  EXPECT_EQ(second.status, 1);
  EXPECT_THAT(second.err, HasSubstr("another process is writing there"));
  ::kill(pid, SIGKILL);
  end_of(pid);
}

}  // namespace
}  // namespace striate
