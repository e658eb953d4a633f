// The three sinks: a file, syslog, the journal.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>

#include "common/escape.h"
#include "common/file_io.h"
#include "common/unique_fd.h"
#include "server/audit.h"

namespace farhand {
namespace {

// ---------------------------------------------------------------------------------------------------------------------
// File

Result<UniqueFd> open_audit_file(const std::string& path) {
  UniqueFd file(
      ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600));
  if (!file) return fail(errno_error(errno, "the audit file " + quoted(path) + " cannot be opened"));
  struct stat status {};
  if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return fail(ErrorCode::kNotRegular, "the audit file " + quoted(path) + " is not a regular file");
  }
  if (status.st_uid != ::geteuid() && status.st_uid != 0) {
    return fail(ErrorCode::kNoPermission, "the audit file " + quoted(path) + " belongs to uid " +
                                              std::to_string(status.st_uid) + "; chown it, or name another");
  }
  if ((status.st_mode & 077) != 0) {
    return fail(ErrorCode::kNoPermission,
                "the audit file " + quoted(path) + " is open to others; run chmod 600 " + quoted(path));
  }
  return file;
}

class FileSink final : public AuditSink {
 public:
  FileSink(std::string path, UniqueFd file) : path_(std::move(path)), file_(std::move(file)) {}

  // One write a line, so that lines of several servers never mix. What a full disk has torn is ended first.
  bool write(std::string_view line) noexcept override {
    if (torn_ && write_some(file_.get(), bytes_of("\n")) != 1) return false;
    torn_ = false;
    const ssize_t written = write_some(file_.get(), bytes_of(line));
    torn_ = written > 0 && static_cast<std::size_t>(written) < line.size();
    return written == static_cast<ssize_t>(line.size());
  }

  Result<void> reopen() override {
    TRY_ASSIGN(file_, open_audit_file(path_));
    torn_ = false;
    return {};
  }

 private:
  std::string path_;
  UniqueFd file_;
  bool torn_ = false;
};

// ---------------------------------------------------------------------------------------------------------------------
// Datagrams: each addressed anew, so that a daemon that was restarted is found again

class DatagramSink : public AuditSink {
 public:
  DatagramSink(UniqueFd socket, std::string_view path) : socket_(std::move(socket)) {
    address_.sun_family = AF_UNIX;
    path.copy(address_.sun_path, sizeof address_.sun_path - 1);
  }

 protected:
  bool send(const std::string& datagram) noexcept {
    return ::sendto(socket_.get(), datagram.data(), datagram.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                    reinterpret_cast<const sockaddr*>(&address_),
                    sizeof address_) == static_cast<ssize_t>(datagram.size());
  }

 private:
  UniqueFd socket_;
  sockaddr_un address_{};
};

std::string_view without_newline(std::string_view line) {
  return line.substr(0, line.size() - (line.ends_with('\n') ? 1 : 0));
}

class SyslogSink final : public DatagramSink {
 public:
  using DatagramSink::DatagramSink;
  bool write(std::string_view line) noexcept override {
    constexpr int kAuthPrivateInfo = 10 * 8 + 6;
    return send("<" + std::to_string(kAuthPrivateInfo) + ">" + stamp() + " rserver[" + std::to_string(::getpid()) +
                "]: " + std::string(without_newline(line)));
  }

 private:
  // As syslog(3) writes it, but in UTC: daemons put their own time in its place.
  static std::string stamp() {
    using namespace std::chrono;
    static constexpr std::array kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto now = floor<seconds>(system_clock::now());
    const auto today = floor<days>(now);
    const year_month_day date{today};
    const hh_mm_ss time{now - today};
    std::array<char, 24> text{};
    std::snprintf(text.data(), text.size(), "%s %2u %02d:%02d:%02d", kMonths[unsigned{date.month()} - 1],
                  unsigned{date.day()}, static_cast<int>(time.hours().count()),
                  static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()));
    return text.data();
  }
};

// The journal's native protocol: NAME=value lines. A line of ours holds no newline but its last.
class JournalSink final : public DatagramSink {
 public:
  using DatagramSink::DatagramSink;
  bool write(std::string_view line) noexcept override {
    return send("SYSLOG_IDENTIFIER=rserver\nPRIORITY=6\nMESSAGE=" + std::string(without_newline(line)) + "\n");
  }
};

template <class Sink>
Result<std::unique_ptr<AuditSink>> open_datagrams(const char* path) {
  if (::access(path, F_OK) != 0) {
    return fail(errno_error(errno, "the audit cannot go to " + quoted(path)));
  }
  UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) throw_errno("socket");
  return std::make_unique<Sink>(std::move(socket), path);
}

}  // namespace

Result<std::unique_ptr<AuditSink>> open_audit_sink(const std::string& where) {
  if (where == "syslog") return open_datagrams<SyslogSink>("/dev/log");
  if (where == "journal") return open_datagrams<JournalSink>("/run/systemd/journal/socket");
  TRY_ASSIGN(UniqueFd file, open_audit_file(where));
  return std::make_unique<FileSink>(where, std::move(file));
}

}  // namespace farhand
