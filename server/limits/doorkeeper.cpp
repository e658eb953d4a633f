// The door: who comes in, and what is remembered of those who left.
#include "server/limits/doorkeeper.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <random>
#include <utility>
#include <vector>

#include "common/unique_fd.h"

namespace farhand {
namespace {

constexpr std::chrono::seconds kReportPause{1};

StartLimits::Draw fair_draw() {
  return [generator = std::minstd_rand(std::random_device()())]() mutable {
    return std::uniform_int_distribution<unsigned>(0, 99)(generator);
  };
}

std::string_view reason_of(StartRefusal refusal) noexcept {
  switch (refusal) {
    case StartRefusal::kTotal:
      return "too many sessions";
    case StartRefusal::kLocal:
      return "too many connections from this machine that have not logged in";
    case StartRefusal::kSource:
      return "too many connections from one source that have not logged in";
    case StartRefusal::kDraw:
      break;
  }
  return "too many connections that have not logged in";
}

std::string_view reason_of(Offence offence) noexcept {
  switch (offence) {
    case Offence::kNoLogin:
      return "connections without a login";
    case Offence::kRefused:
      return "refused keys or codes";
    case Offence::kDeadline:
      return "logins that took too long";
    case Offence::kProtocol:
      return "bytes that are not the protocol";
    case Offence::kCrash:
      break;
  }
  return "a session's crash";
}

std::optional<Offence> offence_of(Departure how) noexcept {
  switch (how) {
    case Departure::kWell:
      return std::nullopt;
    case Departure::kNoLogin:
      return Offence::kNoLogin;
    case Departure::kRefused:
      return Offence::kRefused;
    case Departure::kDeadline:
      return Offence::kDeadline;
    case Departure::kProtocol:
      return Offence::kProtocol;
    case Departure::kCrash:
      break;
  }
  return Offence::kCrash;
}

// Ends a connection whoever else holds it, in whatever process: the duplicate is ours, so its number cannot have become
// somebody else's. shared_ptr: std::function wants to be able to copy.
StartLimits::End ender_of(UniqueFd duplicate) {
  return [held = std::make_shared<UniqueFd>(std::move(duplicate))] {
    ::shutdown(held->get(), SHUT_RDWR);
  };
}

}  // namespace

std::string sentence_of(const DoorReport& report) {
  const bool refused = report.event == DoorReport::Event::kRefused;
  std::string text = report.source + " is refused";
  if (!refused) text += " for " + std::to_string(report.seconds) + " s";
  text += ": ";
  text += report.reason;
  if (report.count > 1) {
    text += " (" + std::to_string(report.count) + " connections were refused for that since the last such line)";
  }
  return text;
}

class Doorkeeper::DoorVisit final : public Visit {
 public:
  DoorVisit(Doorkeeper& door, std::optional<Source> source, StartLimits::Ticket ticket)
      : door_(door), source_(source), ticket_(std::move(ticket)) {}
  ~DoorVisit() override {
    const bool excused = (logged_in_ && how_ != Departure::kCrash) || !source_ || ticket_.evicted();
    if (excused) return;
    try {
      door_.punish(*source_, how_);
    } catch (const std::exception&) {
      // No memory to write it down: it is forgiven.
    }
  }

  void logged_in() override {
    logged_in_ = true;
    how_ = Departure::kWell;
    ticket_.logged_in(door_.clock_());
  }
  void leaves(Departure how) override {
    if (!logged_in_ || how == Departure::kCrash) how_ = how;
  }

 private:
  Doorkeeper& door_;
  const std::optional<Source> source_;
  StartLimits::Ticket ticket_;
  bool logged_in_ = false;
  Departure how_ = Departure::kNoLogin;
};

Doorkeeper::Doorkeeper(const DoorRules& rules, Report report, Clock clock)
    : report_(std::move(report)),
      clock_(std::move(clock)),
      starts_(rules.starts, fair_draw()),
      penalties_(rules.penalties) {}
Doorkeeper::~Doorkeeper() = default;

std::unique_ptr<Visit> Doorkeeper::arrive(const socketserver::Address& client, int connection) {
  const auto source = Source::of(client);
  const auto now = clock_();
  if (source && penalties_.refused_until(*source, now) && !starts_.knows(*source, now)) {
    refuse(source, "it is under a penalty");
    return nullptr;
  }
  StartLimits::End end;  // nobody of this machine is evicted
  if (source) {
    UniqueFd duplicate(::fcntl(connection, F_DUPFD_CLOEXEC, 0));
    // Whoever is known is not evicted either, and may have what is left.
    if (!duplicate && !starts_.knows(*source, now)) {
      refuse(source, "no descriptor is left");
      return nullptr;
    }
    if (duplicate) end = ender_of(std::move(duplicate));
  }
  auto outcome = starts_.admit(source, std::move(end), now);
  if (!outcome.ticket) {
    refuse(source, reason_of(outcome.refusal));
    return nullptr;
  }
  return std::make_unique<DoorVisit>(*this, source, *std::move(outcome.ticket));
}

void Doorkeeper::refuse(const std::optional<Source>& source, std::string_view reason) {
  {
    const std::lock_guard lock(mutex_);
    Digest& digest = digests_[reason];
    ++digest.count;
    digest.source = source ? source->text() : "this machine";
  }
  tell_counted();
}

Deadline Doorkeeper::next_telling() const {
  const std::lock_guard lock(mutex_);
  Deadline next = Deadline::never();
  for (const auto& [reason, digest] : digests_) {
    if (digest.count > 0) next = Deadline::earlier(next, Deadline::at(digest.pause_until));
  }
  return next;
}

void Doorkeeper::tell_counted(bool all) {
  std::vector<DoorReport> due;
  {
    const std::lock_guard lock(mutex_);
    const auto now = clock_();
    for (auto& [reason, digest] : digests_) {
      if (digest.count == 0 || (!all && now < digest.pause_until)) continue;
      digest.pause_until = now + kReportPause;
      due.push_back({DoorReport::Event::kRefused, digest.source, reason, std::exchange(digest.count, 0)});
    }
  }
  for (const DoorReport& report : due) report_(report);
}

void Doorkeeper::punish(const Source& source, Departure how) {
  const auto offence = offence_of(how);
  if (!offence) return;
  const auto now = clock_();
  if (*offence == Offence::kCrash) starts_.forget(source);
  if (!penalties_.add(source, *offence, now)) return;
  const auto until = penalties_.refused_until(source, now).value_or(now);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(until - now).count();
  report_(DoorReport{DoorReport::Event::kPenalty, source.text(), reason_of(*offence), 1,
                     static_cast<std::uint64_t>(seconds)});
}

}  // namespace farhand
