// Audit: one JSON line for everything that somebody may ask about later: connections, logins, refusals, requests,
// files, limits, penalties, reloads, crashes.
//
// Nothing here ever waits for the sink and no failure of it ends anything: a line that cannot be written now (full
// disk, full socket) is dropped and counted; the log says when that begins, and the first line that gets through again
// has the count before it. What a peer said is escaped as for a display, and cut. No secret is ever put in.
//
// A forked process writes nothing itself: it hands its lines to its parent, which says the time, the number, and by the
// kernel's word whose they are.
//
// Format:  {"time":"2026-11-21T14:25:15.123Z","run":"9f3c01aa","id":17,"pid":812,"uid":0,"event":"exec",...}
//          `id` counts up without gaps over all processes of one `run` of the server, so a gap is a lost line.
// Threads: any.
#pragma once

#include <sys/types.h>

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

  // However long a line's values are, it never comes to more.
  static constexpr std::size_t kMostBytes = 32 << 10;

  AuditLine& text(std::string_view name, std::string_view value);  // at most 1 KiB of it
  // At most 64, which share 8 KiB as they are written: of one there is much, of many little each.
  AuditLine& texts(std::string_view name, const std::vector<std::string>& values);
  AuditLine& number(std::string_view name, std::int64_t value);

  // The same fields under another event.
  [[nodiscard]] AuditLine renamed(std::string_view event) const;

  [[nodiscard]] const std::string& fields() const noexcept { return fields_; }

 private:
  void put(std::string_view name, const std::string& written);
  std::string fields_;
};

// Where lines go. false: this line is lost.
class AuditSink {
 public:
  AuditSink() = default;
  AuditSink(const AuditSink&) = delete;
  AuditSink& operator=(const AuditSink&) = delete;
  virtual ~AuditSink() = default;
  virtual bool write(std::string_view line) noexcept = 0;
  virtual Result<void> reopen() { return {}; }  // after a rotation
};

// "syslog", "journal", or a file's path: regular, ours or root's, closed to others; made with mode 0600.
Result<std::unique_ptr<AuditSink>> open_audit_sink(const std::string& where);

class Audit {
 public:
  Audit() : Audit(nullptr) {}
  explicit Audit(std::unique_ptr<AuditSink> sink);
  Audit(const Audit&) = delete;
  Audit& operator=(const Audit&) = delete;

  void write(const AuditLine& line) noexcept;
  // The fields that another process of this server has made; the caller has judged them (audit_fields.h).
  void write_for(pid_t process, uid_t user, std::string_view fields) noexcept;

  // In a forked child: from now on only the fields of each line go out, and there, if there is an audit at all.
  // Nothing: nowhere any more.
  void leave_to_parent(std::unique_ptr<AuditSink> parent);

  // The file may have been renamed to make room for a new one. A failure keeps the old one, and the log says so.
  void reopen();

  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_.load(); }

 private:
  struct Writer {
    pid_t process;
    uid_t user;
  };
  void write_as(const Writer& writer, std::string_view fields) noexcept;
  bool put(const Writer& writer, std::string_view fields);
  [[nodiscard]] std::string dressed(const Writer& writer, std::string_view fields);
  bool tell_dropped();

  std::unique_ptr<AuditSink> sink_;
  const std::string run_;
  bool by_parent_ = false;  // who dresses the lines
  std::mutex mutex_;
  std::uint64_t next_id_ = 1;
  std::atomic<std::uint64_t> dropped_{0};
  std::uint64_t untold_ = 0;  // dropped since the last line that got through
};

}  // namespace farhand
