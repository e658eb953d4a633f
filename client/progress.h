// Progress: how far a job is, as one line on standard error that is rewritten in place, and as events for programs.
//
//   post  412 of 1204 files  41.0 of 61.3 MiB  67%  82.1 MiB/s  3 s left  site/img/a.png
//   get  412 of 1204+ files  41.0 of 61.3+ MiB  82.1 MiB/s  .../img/a.png          while not everything is listed
//
// What need not be sent, as it is there already, counts as done, and not in the rate.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/deadline.h"

namespace farhand {

class DryRunOutput;
class ProgressEvents;

struct ProgressFacts {
  std::string name{};  // what is under way
  std::uint64_t files = 0;
  std::uint64_t files_known = 0;  // 0: files are not counted
  std::uint64_t bytes = 0;
  std::uint64_t bytes_known = 0;  // 0: not known
  std::uint64_t moved = 0;        // of `bytes`: what took its time
  bool all_known = true;          // no more will be known of
  std::chrono::duration<double> elapsed{};
};

// Who else hears of it; each may be null.
struct ProgressListeners {
  ProgressEvents* events = nullptr;
  DryRunOutput* dry_run = nullptr;
};

class Progress {
 public:
  // `shown`: whether there is a line to be seen; see wanted().
  Progress(std::string verb, std::uint64_t total_bytes, bool shown, ProgressListeners listeners = {});
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Standard error is a terminal that can rewrite a line, and the user has not asked for silence.
  static bool wanted(bool quiet, bool json);

  void begin_file(const std::string& name);

  // --- one file after the other -----------------------------------------------------------------------------------
  void expect(std::uint64_t more_bytes) noexcept { facts_.bytes_known += more_bytes; }
  void at(std::uint64_t file_bytes);  // so much of the current file
  void end_file() noexcept { current_ = 0; }

  // --- a job of many ----------------------------------------------------------------------------------------------
  void list(std::uint64_t files, std::uint64_t bytes);  // so many more are known of, and more may be
  void all_listed();
  void move(std::uint64_t bytes);
  void spare(std::uint64_t bytes);
  void pass_file();
  // What is known and sent of it ahead of the job that lists it, and finds it there: counted once.
  void expect_early(std::uint64_t bytes);
  void move_early(std::uint64_t bytes);

  void would(const std::string& path, std::string_view what);  // of a dry run

  void clear() noexcept;  // takes the line away, for other output
  [[nodiscard]] ProgressFacts facts() const;
  [[nodiscard]] ProgressEvents* events() const noexcept { return listeners_.events; }

 private:
  void tick();
  void draw();
  std::string verb_;
  ProgressFacts facts_;
  std::uint64_t current_ = 0;      // bytes of the current file that are counted already
  std::uint64_t early_known_ = 0;  // of what was told early: what has not been told again
  std::uint64_t early_moved_ = 0;
  bool shown_;
  ProgressListeners listeners_;
  bool drawn_ = false;
  Deadline::Clock::time_point begun_;
  Deadline::Clock::time_point last_drawn_{};
};

// The line's text, less than `columns` wide; the name gives way first, from its beginning. Pure, for tests.
std::string progress_line(const std::string& verb, const ProgressFacts& facts, std::size_t columns);

// "0.7 s", "3 s", "2 min 5 s"
std::string shown_time(std::chrono::duration<double> time);

// Rows of the terminal that standard error is; 0: it is none.
std::size_t terminal_rows();

}  // namespace farhand
