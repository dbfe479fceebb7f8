#include "cli/progress.h"

#include <algorithm>
#include <cstdio>
#include <unistd.h>

#include <fmt/format.h>

#include "cli/table.h"

namespace striate {
namespace {

constexpr double kSilent = 2.0;       // seconds before anything is shown
constexpr double kRedraw = 0.1;       // on a terminal
constexpr double kPlainEvery = 15.0;  // elsewhere
constexpr int kBar = 24;

}  // namespace

Progress::Progress(std::string title, std::int64_t total, std::string unit, bool quiet)
    : title_(std::move(title)),
      unit_(std::move(unit)),
      total_(total),
      quiet_(quiet),
      terminal_(isatty(STDERR_FILENO) == 1),
      begin_(Clock::now()),
      last_(begin_) {}

Progress::~Progress() { clear(); }

void Progress::advance_to(std::int64_t done, const std::string& note) {
  if (quiet_) return;
  const auto now = Clock::now();
  const double elapsed = std::chrono::duration<double>(now - begin_).count();
  const double since = std::chrono::duration<double>(now - last_).count();
  if (elapsed < kSilent || since < (terminal_ ? kRedraw : kPlainEvery)) return;
  last_ = now;
  const double share = total_ > 0 ? static_cast<double>(done) / static_cast<double>(total_) : 1.0;
  const double rate = static_cast<double>(done) / elapsed;
  const std::string left =
      rate > 0 ? duration(static_cast<double>(total_ - done) / rate) : std::string("?");
  const std::string facts =
      fmt::format("{:3.0f} %  {} {}/s  {} left{}{}", 100 * share, with_unit(rate), unit_, left,
                  note.empty() ? "" : "  ", note);
  if (terminal_) {
    const int full = static_cast<int>(std::min(1.0, share) * kBar);
    std::string bar;
    for (int i = 0; i < kBar; ++i) bar += i < full ? "█" : "░";
    std::fputs(fmt::format("\r\x1b[K{} {} {}", title_, bar, facts).c_str(), stderr);
    std::fflush(stderr);
    drawn_ = true;
  } else {
    std::fputs(fmt::format("{} {}\n", title_, facts).c_str(), stderr);
  }
}

void Progress::clear() {
  if (!drawn_) return;
  std::fputs("\r\x1b[K", stderr);
  std::fflush(stderr);
  drawn_ = false;
}

}  // namespace striate
