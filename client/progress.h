// Progress: one line on standard error for the whole job, rewritten in place, on a terminal only.
//
//   post  412.0 MiB of 3.0 GiB  13%  821.4 MiB/s  3 s left  big.iso
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "common/deadline.h"

namespace farhand {

class Progress {
 public:
  // `shown`: whether there is anything to see; see wanted().
  Progress(std::string verb, std::uint64_t total_bytes, bool shown);
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Standard error is a terminal that can rewrite a line, and the user has not asked for silence.
  static bool wanted(bool quiet, bool json);

  void begin_file(const std::string& name);
  void expect(std::uint64_t more_bytes) noexcept { total_ += more_bytes; }
  void at(std::uint64_t file_bytes);  // so much of the current file
  void end_file() noexcept;           // what it had counts as done
  void clear() noexcept;              // takes the line away, for other output

 private:
  void draw();
  std::string verb_;
  std::uint64_t total_;
  std::uint64_t done_ = 0;
  std::uint64_t current_ = 0;
  std::string name_;
  bool shown_;
  bool drawn_ = false;
  Deadline::Clock::time_point begun_;
  Deadline::Clock::time_point last_drawn_{};
};

// The line's text, at most `columns` wide. Pure, for tests.
std::string progress_line(const std::string& verb, std::uint64_t done, std::uint64_t total,
                          std::chrono::duration<double> elapsed, const std::string& name, std::size_t columns);

}  // namespace farhand
