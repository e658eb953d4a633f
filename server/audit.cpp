// Lines made, numbered, and handed to the sink.
#include "server/audit.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

#include "common/escape.h"
#include "common/log.h"
#include "common/quoted_text.h"
#include "common/random.h"
#include "server/keys/key_file.h"

namespace farhand {
namespace {

constexpr std::size_t kMostTexts = 64;
constexpr std::size_t kListBytes = 8 << 10;
// A number and its name, for whatever comes behind the last text that fits.
constexpr std::size_t kSpareBytes = 1 << 10;

std::string now_text() {
  using namespace std::chrono;
  const auto now = floor<milliseconds>(system_clock::now());
  const auto seconds = floor<std::chrono::seconds>(now);
  std::string text = expiry_text(seconds);
  std::array<char, 8> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%03d", static_cast<int>((now - seconds).count()));
  return text.insert(text.size() - 1, fraction.data());
}

// As much of the value as can be written in so many bytes.
std::string shown_within(std::string_view value, std::size_t bytes) {
  for (std::size_t most = bytes;; most /= 2) {
    std::string shown = escape_for_display(value, most);
    if (quoted_text(shown).size() <= bytes || most == 0) return shown;
  }
}

}  // namespace

void AuditLine::put(std::string_view name, const std::string& written) {
  if (!fields_.empty()) fields_ += ',';
  fields_ += '"';
  fields_ += name;
  fields_ += "\":";
  fields_ += written;
}

AuditLine& AuditLine::text(std::string_view name, std::string_view value) {
  const std::string written = quoted_text(escape_for_display(value));
  const bool fits = fields_.size() + name.size() + written.size() + kSpareBytes <= kMostBytes;
  put(name, fits ? written : "\"...\"");
  return *this;
}

AuditLine& AuditLine::texts(std::string_view name, const std::vector<std::string>& values) {
  std::vector<std::string> shown;
  const std::size_t count = std::min(values.size(), kMostTexts);
  for (std::size_t i = 0; i < count; ++i) shown.push_back(shown_within(values[i], kListBytes / count));
  if (values.size() > count) shown.push_back("... (" + std::to_string(values.size()) + " in all)");
  const std::string written = quoted_list(shown);
  const bool fits = fields_.size() + name.size() + written.size() + kSpareBytes <= kMostBytes;
  put(name, fits ? written : "[\"...\"]");
  return *this;
}

AuditLine& AuditLine::number(std::string_view name, std::int64_t value) {
  put(name, std::to_string(value));
  return *this;
}

AuditLine AuditLine::renamed(std::string_view event) const {
  AuditLine line(event);
  const std::size_t behind = fields_.find(',');  // names of events have no comma
  if (behind != std::string::npos) line.fields_ += fields_.substr(behind);
  return line;
}

// ---------------------------------------------------------------------------------------------------------------------

Audit::Audit(std::unique_ptr<AuditSink> sink) : sink_(std::move(sink)), run_(random_hex(4)) {}

std::string Audit::dressed(const Writer& writer, std::string_view fields) {
  return "{\"time\":\"" + now_text() + "\",\"run\":\"" + run_ + "\",\"id\":" + std::to_string(next_id_++) +
         ",\"pid\":" + std::to_string(writer.process) + ",\"uid\":" + std::to_string(writer.user) + "," +
         std::string(fields) + "}\n";
}

bool Audit::put(const Writer& writer, std::string_view fields) {
  return by_parent_ ? sink_->write(fields) : sink_->write(dressed(writer, fields));
}

// Whether there is nothing left to tell.
bool Audit::tell_dropped() {
  if (untold_ == 0) return true;
  const AuditLine line = std::move(AuditLine("dropped").number("lines", static_cast<std::int64_t>(untold_)));
  if (!put({::getpid(), ::geteuid()}, line.fields())) return false;
  log::warning("the audit is written again; " + std::to_string(untold_) + " lines of it are lost");
  untold_ = 0;
  return true;
}

void Audit::write(const AuditLine& line) noexcept {
  write_as({::getpid(), ::geteuid()}, line.fields());
}

void Audit::write_for(pid_t process, uid_t user, std::string_view fields) noexcept {
  write_as({process, user}, fields);
}

void Audit::write_as(const Writer& writer, std::string_view fields) noexcept {
  try {
    const std::lock_guard guard(mutex_);
    if (!sink_) return;
    if (tell_dropped() && put(writer, fields)) return;
    ++dropped_;
    if (untold_++ == 0)
      log::error("the audit cannot be written (is the disk full?); its lines are dropped and counted");
  } catch (const std::exception&) {  // out of memory: a lost line as well
    ++dropped_;
  }
}

void Audit::leave_to_parent(std::unique_ptr<AuditSink> parent) {
  const std::lock_guard guard(mutex_);
  by_parent_ = true;
  untold_ = 0;  // the parent tells of its own
  sink_ = sink_ ? std::move(parent) : nullptr;
}

void Audit::reopen() {
  const std::lock_guard guard(mutex_);
  if (!sink_) return;
  if (const auto reopened = sink_->reopen(); !reopened) {
    log::error(reopened.error().message + "; the audit goes on in the old file");
  }
}

}  // namespace farhand
