#include "striate/base/files.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "striate/base/error.h"

namespace striate {
namespace {

// Stands between a file's name and the number of the process that is writing it.
constexpr std::string_view kUnfinished = ".part";

bool is_unfinished(const std::string& name) {
  const std::size_t end = name.find_last_not_of("0123456789");
  return end != std::string::npos && end + 1 < name.size() &&
         std::string_view(name).substr(0, end + 1).ends_with(kUnfinished);
}

// A file descriptor that is closed with its owner.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { close_now(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return fd_; }
  bool close_now() {
    const bool closed = fd_ < 0 || ::close(fd_) == 0;
    fd_ = -1;
    return closed;
  }

 private:
  int fd_;
};

}  // namespace

Bytes read_file(const std::filesystem::path& path, std::uint64_t limit) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) fail<InputError>("{}: cannot be read: {}", path.string(), strerror(errno));
  struct stat status {};
  if (fstat(file.get(), &status) != 0 || S_ISDIR(status.st_mode)) {
    fail<InputError>("{}: expected a file, got a folder", path.string());
  }
  Bytes content;
  // Grown as it is read: a pipe has no size, and a size is not believed before its bytes come. What
  // comes after the size, nothing most of the time, is read apart, not to make room for it.
  constexpr std::size_t kStep = std::size_t{64} << 20;
  const auto expected = static_cast<std::size_t>(std::max<off_t>(status.st_size, 0));
  std::array<std::uint8_t, 4096> rest;
  while (true) {
    const std::size_t have = content.size();
    std::span<std::uint8_t> to = rest;
    if (have < expected) {
      content.resize(have + std::min(expected - have, kStep));
      to = std::span(content).subspan(have);
    }
    const ssize_t got = ::read(file.get(), to.data(), to.size());
    if (got < 0) fail<InputError>("{}: cannot be read: {}", path.string(), strerror(errno));
    const auto read = static_cast<std::size_t>(got);
    if (have < expected) {
      content.resize(have + read);
    } else {
      content.insert(content.end(), rest.begin(), rest.begin() + read);
    }
    if (read == 0) return content;
    if (content.size() > limit) {
      fail<InputError>("{}: larger than the {} bytes that are read at most", path.string(), limit);
    }
  }
}

void write_file(const std::filesystem::path& path, std::span<const std::uint8_t> content) {
  const std::filesystem::path temporary =
      path.string() + fmt::format("{}{}", kUnfinished, ::getpid());
  const auto give_up = [&](const char* what) {
    const int error = errno;
    ::unlink(temporary.c_str());
    fail<SystemError>("{}: {}: {}", path.string(), what, strerror(error));
  };
  Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (file.get() < 0) give_up("cannot be written");
  while (!content.empty()) {
    const ssize_t put = ::write(file.get(), content.data(), content.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) give_up("cannot be written");
    content = content.subspan(static_cast<std::size_t>(put));
  }
  if (fsync(file.get()) != 0) give_up("cannot be synced");
  if (!file.close_now()) give_up("cannot be written");
  if (::rename(temporary.c_str(), path.c_str()) != 0) give_up("cannot be renamed into place");
  // The rename itself must survive a power cut too.
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  const Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() >= 0) fsync(directory.get());
}

void write_file(const std::filesystem::path& path, std::string_view content) {
  write_file(path,
             std::span(reinterpret_cast<const std::uint8_t*>(content.data()), content.size()));
}

FolderLock::FolderLock(const std::filesystem::path& folder)
    : fd_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (fd_ < 0) fail<SystemError>("{}: cannot be opened: {}", folder.string(), strerror(errno));
  // Some file systems know no locks; there nothing is held.
  if (::flock(fd_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    ::close(fd_);
    fail<SystemError>("{}: another process is writing there", folder.string());
  }
  std::error_code ignored;
  std::vector<std::filesystem::path> left;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    if (is_unfinished(entry.path().filename().string())) left.push_back(entry.path());
  }
  for (const auto& path : left) std::filesystem::remove(path, ignored);
}

FolderLock::~FolderLock() { ::close(fd_); }

}  // namespace striate
