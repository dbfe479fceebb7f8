#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace striate {

/// A progress bar with rate and time left on stderr: one line redrawn on a terminal, a plain line
/// every few seconds elsewhere, nothing for what takes under two seconds.
class Progress {
 public:
  /// `total` things called `unit` ("images") are to be done.
  Progress(std::string title, std::int64_t total, std::string unit, bool quiet = false);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void advance_to(std::int64_t done, const std::string& note = "");
  /// Clears the bar, so that a line can be printed.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;

  std::string title_, unit_;
  std::int64_t total_;
  bool quiet_;
  bool terminal_;
  bool drawn_ = false;
  Clock::time_point begin_, last_;
};

}  // namespace striate
