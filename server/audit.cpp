// Lines made, numbered, and handed to the sink.
#include "server/audit.h"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <new>

#include "common/escape.h"
#include "common/log.h"
#include "common/quoted_text.h"
#include "common/random.h"
#include "server/keys/key_file.h"

namespace farhand {
namespace {

constexpr std::size_t kMostTexts = 64;
constexpr std::size_t kTextBytes = 256;  // of one of several: 64 of them stay within one datagram

std::string now_text() {
  using namespace std::chrono;
  const auto now = floor<milliseconds>(system_clock::now());
  const auto seconds = floor<std::chrono::seconds>(now);
  std::string text = expiry_text(seconds);
  std::array<char, 8> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%03d", static_cast<int>((now - seconds).count()));
  return text.insert(text.size() - 1, fraction.data());
}

}  // namespace

void AuditLine::begin(std::string_view name) {
  if (!fields_.empty()) fields_ += ',';
  fields_ += '"';
  fields_ += name;
  fields_ += "\":";
}

AuditLine& AuditLine::text(std::string_view name, std::string_view value) {
  begin(name);
  fields_ += quoted_text(escape_for_display(value));
  return *this;
}

AuditLine& AuditLine::texts(std::string_view name, const std::vector<std::string>& values) {
  std::vector<std::string> shown;
  for (const std::string& value : values) {
    if (shown.size() == kMostTexts) {
      shown.push_back("... (" + std::to_string(values.size()) + " in all)");
      break;
    }
    shown.push_back(escape_for_display(value, kTextBytes));
  }
  begin(name);
  fields_ += quoted_list(shown);
  return *this;
}

AuditLine& AuditLine::number(std::string_view name, std::int64_t value) {
  begin(name);
  fields_ += std::to_string(value);
  return *this;
}

// ---------------------------------------------------------------------------------------------------------------------

Audit::Audit(std::unique_ptr<AuditSink> sink) : sink_(std::move(sink)), run_(random_hex(4)) {
  void* const memory = ::mmap(nullptr, sizeof *next_id_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw_errno("mmap");
  next_id_ = new (memory) std::atomic<std::uint64_t>(1);
}

Audit::~Audit() {
  ::munmap(next_id_, sizeof *next_id_);
}

std::string Audit::dressed(const AuditLine& line) const {
  return "{\"time\":\"" + now_text() + "\",\"run\":\"" + run_ + "\",\"id\":" + std::to_string(next_id_->fetch_add(1)) +
         ",\"pid\":" + std::to_string(::getpid()) + "," + line.fields() + "}\n";
}

// Whether there is nothing left to tell.
bool Audit::tell_dropped() {
  if (untold_ == 0) return true;
  if (!sink_->write(dressed(AuditLine("dropped").number("lines", static_cast<std::int64_t>(untold_))))) return false;
  log::warning("the audit is written again; " + std::to_string(untold_) + " lines of it are lost");
  untold_ = 0;
  return true;
}

void Audit::write(const AuditLine& line) noexcept {
  if (!sink_) return;
  try {
    const std::lock_guard guard(mutex_);
    if (tell_dropped() && sink_->write(dressed(line))) return;
    ++dropped_;
    if (untold_++ == 0)
      log::error("the audit cannot be written (is the disk full?); its lines are dropped and counted");
  } catch (const std::exception&) {  // out of memory: a lost line as well
    ++dropped_;
  }
}

void Audit::reopen() {
  if (!sink_) return;
  const std::lock_guard guard(mutex_);
  if (const auto reopened = sink_->reopen(); !reopened) {
    log::error(reopened.error().message + "; the audit goes on in the old file");
  }
}

}  // namespace farhand
