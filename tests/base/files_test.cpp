#include "striate/base/files.h"

#include <csignal>
#include <fstream>
#include <sys/resource.h>
#include <sys/stat.h>
#include <thread>

#include <gtest/gtest.h>

#include "striate/base/error.h"
#include "testing/temporary_folder.h"

namespace striate {
namespace {

namespace fs = std::filesystem;

class Files : public testing::Test {
 protected:
  std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), {}));
  }

  TemporaryFolder temporary_;
  fs::path folder_ = temporary_.path();
};

TEST_F(Files, WritesWholeAndReadsBack) {
  const fs::path path = folder_ / "a";
  write_file(path, "first");
  write_file(path, "second");
  const Bytes content = read_file(path);
  EXPECT_EQ(std::string(content.begin(), content.end()), "second");
  EXPECT_EQ(entries(), 1U) << "a temporary file was left behind";
}

TEST_F(Files, KeepsTheOldFileWhenTheNewOneDoesNotFit) {
  const fs::path path = folder_ / "a";
  write_file(path, "good");
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{.rlim_cur = 4096, .rlim_max = before.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  EXPECT_THROW(write_file(path, std::string(1 << 20, 'x')), SystemError);
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(read_file(path).size(), 4U);
  EXPECT_EQ(entries(), 1U);
}

TEST_F(Files, SaysWhatCannotBeRead) {
  try {
    read_file(folder_ / "absent");
    FAIL();
  } catch (const InputError& error) {
    EXPECT_EQ(error.what(),
              (folder_ / "absent").string() + ": cannot be read: No such file or directory");
  }
  EXPECT_THROW(read_file(folder_), InputError);
  write_file(folder_ / "long", std::string(100, 'x'));
  EXPECT_THROW(read_file(folder_ / "long", 99), InputError);
}

TEST_F(Files, ReadsWhatHasNoSizeBeforehand) {
  const std::string path = temporary_ / "pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  for (const std::size_t size : {0U, 1U, 4096U, 100000U}) {
    Bytes content(size);
    for (std::size_t i = 0; i < size; ++i) content[i] = static_cast<std::uint8_t>(i * 7);
    std::thread writer([&] {
      std::ofstream(path, std::ios::binary)
          .write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(size));
    });
    EXPECT_EQ(read_file(path), content) << size;
    writer.join();
  }
  EXPECT_THROW(read_file("/dev/zero", 100000), InputError);
}

}  // namespace
}  // namespace striate
