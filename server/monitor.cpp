// The monitor's judgement, and its two children.
#include "server/monitor.h"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include <farhand/socketserver.h>
#include "common/escape.h"
#include "common/log.h"
#include "protocol/limits.h"
#include "server/arrival.h"
#include "server/asked_user.h"
#include "server/enrolment.h"
#include "server/gate.h"
#include "server/gate_link.h"
#include "server/helper_process.h"
#include "server/process_host.h"
#include "server/refusals.h"
#include "server/relay.h"
#include "server/session_handler.h"

namespace farhand {
namespace {

// A gate keeps the time by itself; one that does not is overdue.
constexpr std::chrono::seconds kGateIsLate{2};
// To tell a refusal, which takes a second; and to send what a worker has said last.
constexpr std::chrono::seconds kToTell{5};
constexpr std::chrono::seconds kToSendTheRest = kLastBytesTime + kToTell;
// A worker whose client is gone ends its command, which takes up to 10, and what it is writing.
constexpr std::chrono::seconds kToLeave{30};
constexpr int kWorkerFailed = 70;  // EX_SOFTWARE

struct EndPair {
  UniqueFd ours;
  UniqueFd theirs;
};

EndPair make_pair_of(int type) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends.data()) != 0) throw_errno("socketpair");
  EndPair pair{UniqueFd(ends[0]), UniqueFd(ends[1])};
  refuse_descriptors(pair.ours.get());
  refuse_descriptors(pair.theirs.get());
  return pair;
}

std::optional<SourceAddress> source_of(const UniqueFd& connection) {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  if (::getpeername(connection.get(), reinterpret_cast<sockaddr*>(&peer), &size) != 0) return std::nullopt;
  return source_address(peer);
}

// Whom the monitor has judged already.
class AdmittedByMonitor final : public Admission {
 public:
  explicit AdmittedByMonitor(const Admitted& judged) : judged_(judged) {}
  Result<Admitted> admit(UniqueFd socket, Deadline, int) const override {
    Admitted admitted;
    admitted.who = judged_.who;
    admitted.rights = judged_.rights;
    admitted.enrolled = judged_.enrolled;
    admitted.stream = make_relayed_stream(std::move(socket));
    return admitted;
  }

 private:
  const Admitted& judged_;
};

class Monitor {
 public:
  Monitor(Service& service, const GuardedEntry& entry, ControlOfParent& control, const socketserver::Address& client,
          socketserver::BaseServer& server)
      : service_(service),
        entry_(entry),
        control_(control),
        client_(client),
        server_(server),
        arrival_(arrive(service, client)) {
    admitted_.who = "nobody";
  }

  void run(UniqueFd connection) {
    ::signal(SIGCHLD, SIG_DFL);  // where it was ignored, nobody would learn how the two ended
    try {
      link_ = make_pair_of(SOCK_SEQPACKET);
      source_ = source_of(connection);
      meet(std::move(connection), make_pair_of(SOCK_STREAM));
    } catch (const std::exception& failure) {  // out of processes, descriptors or memory
      control_.leaves(Departure::kWell);
      tell(Error{ErrorCode::kBusy, "the server could not do this now; try again later", false});
      gate_.collect(Deadline::after(kToTell));
      end(std::string("failed: ") + failure.what());
      throw;
    }
    if (signal_ != 0) end_as(signal_);
  }

 private:
  void meet(UniqueFd connection, EndPair data) {
    const Deadline login = arrival_.login_deadline();
    if (gate_.fork()) {
      run_gate(
          GateEnds{std::move(connection), std::move(link_.theirs), std::move(data.theirs), service_.drain.stop.fd()},
          entry_.gate_user, *service_.host_key.context, login);
    }
    connection.reset();
    link_.theirs.reset();
    data.theirs.reset();
    const Deadline late = Deadline::at(login.when() + kGateIsLate);
    const auto report = receive_from<GateReport>(link_.ours.get(), late);
    if (!report) return end_without_report(late);
    report_ = *report;
    heed(std::move(data.ours));
    crashed(gate_.collect(Deadline::after(kToTell)));
  }

  void heed(UniqueFd data) {
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    if (report_.kind == GateReport::Kind::kFailed) return end_as_reported();
    judge_key(admitted_, {report_.pin, report_.subject.safe(), source_}, *entry_.keys.table(), entry_.rules, now);
    switch (report_.kind) {
      case GateReport::Kind::kEnter:
        return enter(std::move(data));
      case GateReport::Kind::kPair:
        return pair();
      case GateReport::Kind::kGarbled:
        return refuse(Error{ErrorCode::kRefused, report_.why.safe(), false});
      case GateReport::Kind::kFailed:
        break;
    }
    control_.leaves(Departure::kProtocol);
    end("its gate made no sense");
  }

  // It was killed, could not confine itself, or has not kept the time.
  void end_without_report(Deadline late) {
    const auto gate = gate_.collect(late);
    control_.leaves(gate.overdue ? Departure::kDeadline : Departure::kWell);
    crashed(gate);
    end(gate.overdue ? "it took too long before login" : "failed: its gate ended without a word");
  }

  void end_as_reported() {
    const bool known = report_.departure <= static_cast<unsigned>(Departure::kProtocol);
    control_.leaves(known ? static_cast<Departure>(report_.departure) : Departure::kProtocol);
    end(report_.why.safe());
  }

  void enter(UniqueFd data) {
    const auto judged = judge();
    if (!judged) return refuse(judged.error());
    HelperProcess worker;
    if (worker.fork()) run_worker(*judged, std::move(data));
    data.reset();
    GateVerdict verdict;
    verdict.word = GateVerdict::Word::kRelay;
    send_to(link_.ours.get(), verdict);
    // The worker's end ends the gate as soon as what is left is sent; the gate's end is the worker's loss of its
    // client.
    const bool gate_first = first_ends_first(gate_, worker);
    const auto worked = worker.collect(gate_first ? Deadline::after(kToLeave) : Deadline::never());
    crashed(gate_.collect(Deadline::after(kToSendTheRest)));
    crashed(worked);
    if (worked.status != 0 || worked.overdue)
      end(worked.overdue ? "its session did not end and was killed" : "failed: its session could not begin");
  }

  Result<UserIdentity> judge() {
    if (!admitted_.rights) return fail(ErrorCode::kRefused, admitted_.refusal);
    if (!admitted_.enrolled || admitted_.rights->user.empty())
      return fail(ErrorCode::kRefused, "its rights name no user");
    TRY(control_.enter(number_of(*admitted_.rights)));
    auto user = user_of_key(*admitted_.rights, report_.user.safe());
    if (user || user.error().code == ErrorCode::kUserRefused) return user;
    log::error("the user of " + admitted_.who + ": " + user.error().message);
    return fail(no_such_user());
  }

  // The session's user before anything of what the client says is looked at: a gate that was taken over may have said
  // whose key it is, and says what the client says.
  [[noreturn]] void run_worker(const UserIdentity& user, UniqueFd data) noexcept {
    try {
      const pid_t monitor = ::getppid();
      close_all_but({data.get(), control_.fd(), service_.drain.stop.fd(), service_.drain.abort.fd()});
      service_.host_key.forget();
      leave_terminal(true);
      become_user(user);
      die_with(monitor);
    } catch (const std::exception& failure) {
      log::error(std::string("a session could not begin: ") + failure.what());
      ::_exit(kWorkerFailed);
    }
    service_.enrolment = nullptr;
    serve(std::move(data));
    control_.tell_departure();
    ::_exit(0);
  }

  void serve(UniqueFd data) noexcept {
    try {
      ProcessHost host(control_, report_.user.safe());
      const AdmittedByMonitor admission(admitted_);
      socketserver::StreamRequest request(std::move(data));
      SessionHandler(service_, admission, control_, host, arrival_).run(request, client_, server_);
    } catch (const std::exception& failure) {
      control_.leaves(Departure::kWell);  // the machine failed it, not the peer
      log::error("a session of " + escape_for_display(client_.to_string()) +
                 " failed: " + escape_for_display(failure.what()));
    } catch (...) {
      control_.leaves(Departure::kWell);
      log::error("a session of " + escape_for_display(client_.to_string()) + " failed: an unknown exception");
    }
  }

  void pair() {
    Pair wanted;
    wanted.secret = report_.secret;
    wanted.name = report_.name.safe();
    const auto paired = service_.enrolment != nullptr
                            ? service_.enrolment->enrol(wanted, report_.pin)
                            : Result<Paired>(fail(ErrorCode::kRefused, "this server enrols nobody"));
    if (!paired) return refuse_pairing(paired.error());
    control_.leaves(Departure::kWell);
    admitted_.who = "key " + quoted(paired->name);
    log::info(arrival_.label() + " paired: " + admitted_.who + " is " + pin_text(report_.pin));
    service_.audit.write(
        audited(arrival_, "paired", admitted_.who).text("pin", pin_text(report_.pin)).texts("allow", paired->allow));
    end("paired");
    GateVerdict verdict;
    verdict.word = GateVerdict::Word::kPaired;
    verdict.text.set(paired->name);
    for (const std::string& name : paired->allow) {
      if (const auto right = right_from_name(name)) verdict.allow |= static_cast<std::uint8_t>(1U << unsigned(*right));
    }
    send_to(link_.ours.get(), verdict);
  }

  // Who was invited, and could not be enrolled, may know.
  void refuse_pairing(const Error& error) {
    refuse(error.code == ErrorCode::kInternal ? error : Error{ErrorCode::kRefused, error.message, false});
  }

  // Strangers hear the uniform words; whoever has come in as far as the limits hears which it is.
  void refuse(const Error& error) {
    control_.leaves(departure_of(error));
    const bool wrong_user = error.code == ErrorCode::kUserRefused;
    const bool refused = error.code == ErrorCode::kRefused || wrong_user;
    if (refused || error.code == ErrorCode::kBusy) {
      AuditLine line = audited(arrival_, refused ? "refusal" : "limit", admitted_.who);
      if (wrong_user) line.text("as", report_.user.safe());
      service_.audit.write(line.text("reason", error.message));
    }
    end((refused ? "refused: " : "") + sentence_for_display(error.message));
    tell(error);
  }

  void tell(const Error& error) noexcept {
    GateVerdict verdict;
    verdict.word = error.code == ErrorCode::kRefused ? GateVerdict::Word::kRefuse : GateVerdict::Word::kTell;
    verdict.code = static_cast<std::uint8_t>(error.code);
    verdict.text.set(error.message);
    send_to(link_.ours.get(), verdict);
  }

  void end(const std::string& reason) { tell_end(service_, arrival_, admitted_.who, 0, reason); }

  void crashed(const HelperProcess::End& ended) noexcept {
    if (signal_ == 0) signal_ = ended.signal;
  }

  static void end_as(int signal) {
    harden_process();  // no core of ours
    ::signal(signal, SIG_DFL);
    ::raise(signal);
  }

  Service& service_;
  const GuardedEntry& entry_;
  ControlOfParent& control_;
  const socketserver::Address& client_;
  socketserver::BaseServer& server_;
  const Arrival arrival_;
  std::optional<SourceAddress> source_;
  EndPair link_;  // to the gate
  HelperProcess gate_;
  GateReport report_;
  Admitted admitted_;
  int signal_ = 0;  // that ended one of the two
};

}  // namespace

void run_monitor(Service& service, const GuardedEntry& entry, ControlOfParent& control, UniqueFd connection,
                 const socketserver::Address& client, socketserver::BaseServer& server) {
  Monitor(service, entry, control, client, server).run(std::move(connection));
}

}  // namespace farhand
