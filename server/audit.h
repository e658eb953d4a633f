// Audit: one JSON line for everything that somebody may ask about later: connections, logins, refusals, requests,
// files, limits, penalties, reloads, crashes.
//
// Nothing here ever waits for the sink and no failure of it ends anything: a line that cannot be written now (full
// disk, full socket) is dropped and counted; the log says when that begins, and the first line that gets through again
// has the count before it. What a peer said is escaped as for a display, and cut. No secret is ever put in.
//
// Format:  {"time":"2026-11-21T14:25:15.123Z","run":"9f3c01aa","id":17,"pid":812,"event":"exec",...}
//          `id` counts up without gaps over all processes of one `run` of the server, so a gap is a lost line.
// Threads: any; and processes forked from this one.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace farhand {

// The fields of one line. Names are ours: they are not escaped.
class AuditLine {
 public:
  explicit AuditLine(std::string_view event) { text("event", event); }

  AuditLine& text(std::string_view name, std::string_view value);                   // at most 1 KiB of it
  AuditLine& texts(std::string_view name, const std::vector<std::string>& values);  // at most 64
  AuditLine& number(std::string_view name, std::int64_t value);

  [[nodiscard]] const std::string& fields() const noexcept { return fields_; }

 private:
  void begin(std::string_view name);
  std::string fields_;
};

// Where lines go. write() never blocks; false: this line is lost.
class AuditSink {
 public:
  AuditSink() = default;
  AuditSink(const AuditSink&) = delete;
  AuditSink& operator=(const AuditSink&) = delete;
  virtual ~AuditSink() = default;
  virtual bool write(std::string_view line) noexcept = 0;
  [[nodiscard]] virtual int descriptor() const noexcept { return -1; }
  virtual Result<void> reopen() { return {}; }  // after a rotation
};

// "syslog", "journal", or a file's path: regular, ours or root's, closed to others; made with mode 0600.
Result<std::unique_ptr<AuditSink>> open_audit_sink(const std::string& where);

class Audit {
 public:
  Audit() : Audit(nullptr) {}
  explicit Audit(std::unique_ptr<AuditSink> sink);
  ~Audit();
  Audit(const Audit&) = delete;
  Audit& operator=(const Audit&) = delete;

  void write(const AuditLine& line) noexcept;

  // The file may have been renamed to make room for a new one. A failure keeps the old one, and the log says so.
  void reopen();

  // What a process that closes all else has to keep; -1: nothing.
  [[nodiscard]] int descriptor() const noexcept { return sink_ ? sink_->descriptor() : -1; }

  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_.load(); }

 private:
  [[nodiscard]] std::string dressed(const AuditLine& line) const;
  bool tell_dropped();

  std::unique_ptr<AuditSink> sink_;
  const std::string run_;
  std::atomic<std::uint64_t>* next_id_ = nullptr;  // in memory that forked processes share
  std::mutex mutex_;
  std::atomic<std::uint64_t> dropped_{0};
  std::uint64_t untold_ = 0;  // dropped since the last line that got through
};

}  // namespace farhand
