// The monitor's judgement, and its two children.
#include "server/monitor.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include <farhand/socketserver.h>
#include "common/escape.h"
#include "common/log.h"
#include "protocol/limits.h"
#include "server/enrolment.h"
#include "server/gate.h"
#include "server/gate_link.h"
#include "server/process_host.h"
#include "server/relay.h"
#include "server/session_handler.h"

namespace farhand {
namespace {

struct EndPair {
  UniqueFd ours;
  UniqueFd theirs;
};

EndPair make_pair_of(int type) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends.data()) != 0) throw_errno("socketpair");
  return EndPair{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// A child of the monitor's: killed and collected at the latest when this goes.
class Helper {
 public:
  Helper() = default;
  Helper(const Helper&) = delete;
  Helper& operator=(const Helper&) = delete;
  ~Helper() { end(); }

  // Whether this is the child.
  bool fork() {
    pid_ = ::fork();
    if (pid_ < 0) throw_errno("fork");
    return pid_ == 0;
  }

  // Waits for its end. The signal that ended it, or 0.
  int collect() noexcept {
    if (pid_ <= 0) return 0;
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  }

 private:
  void end() noexcept {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);  // not collected, so the number is still its own
    collect();
  }

  pid_t pid_ = -1;
};

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
      : service_(service), entry_(entry), control_(control), client_(client), server_(server) {
    admitted_.who = "nobody";
  }

  void run(UniqueFd connection) {
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    if (::getpeername(connection.get(), reinterpret_cast<sockaddr*>(&peer), &size) == 0) source_ = source_address(peer);
    EndPair link = make_pair_of(SOCK_SEQPACKET);
    EndPair data = make_pair_of(SOCK_STREAM);
    const Deadline login = Deadline::after(kLoginDeadline);
    if (gate_.fork()) {
      run_gate(
          GateEnds{std::move(connection), std::move(link.theirs), std::move(data.theirs), service_.drain.stop.fd()},
          entry_.gate_user, entry_.context, login);
    }
    connection.reset();
    link.theirs.reset();
    data.theirs.reset();
    // The gate's own deadline is the one that counts; a gate that does not keep it is broken.
    const auto report =
        receive_from<GateReport>(link.ours.get(), Deadline::after(kLoginDeadline + std::chrono::seconds(2)));
    if (report && report->kind == GateReport::Kind::kEnter) {
      enter(*report, link.ours, std::move(data.ours));
    } else {
      data.ours.reset();
      answer_stranger(report, link.ours);
    }
    end_as(gate_.collect());
  }

 private:
  void enter(const GateReport& report, const UniqueFd& link, UniqueFd data) {
    if (const auto judged = judge(report); !judged) {
      tell_refusal(judged.error(), link);
      return;
    }
    Helper worker;
    if (worker.fork()) run_worker(std::move(data));
    data.reset();
    GateVerdict verdict;
    verdict.word = GateVerdict::Word::kRelay;
    send_to(link.get(), verdict);
    // The worker's end ends the gate as soon as what is left is sent; the gate's end is the worker's loss of its
    // client.
    end_as(worker.collect());
  }

  Result<void> judge(const GateReport& report) {
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    judge_key(admitted_, {report.pin, report.subject.safe(), source_}, *entry_.keys.table(), entry_.rules, now);
    if (!admitted_.rights) return fail(ErrorCode::kRefused, admitted_.refusal);
    if (!admitted_.enrolled || admitted_.rights->user.empty())
      return fail(ErrorCode::kRefused, "its rights name no user");
    return control_.enter(number_of(*admitted_.rights));
  }

  [[noreturn]] void run_worker(UniqueFd data) noexcept {
    try {
      const pid_t monitor = ::getppid();
      close_all_but({data.get(), control_.fd(), service_.drain.stop.fd(), service_.drain.abort.fd(),
                     service_.audit.descriptor()});
      ProcessHost host(control_, true, monitor);
      const AdmittedByMonitor admission(admitted_);
      socketserver::StreamRequest request(std::move(data));
      SessionHandler(service_, admission, control_, host).run(request, client_, server_);
      ::_exit(0);
    } catch (const std::exception& failure) {
      log::error(std::string("a worker failed: ") + failure.what());
      ::_exit(1);
    }
  }

  void answer_stranger(const std::optional<GateReport>& report, const UniqueFd& link) {
    if (!report || report->kind == GateReport::Kind::kFailed) {
      const unsigned how = report ? report->departure : static_cast<unsigned>(Departure::kNoLogin);
      control_.leaves(how <= static_cast<unsigned>(Departure::kProtocol) ? static_cast<Departure>(how)
                                                                         : Departure::kProtocol);
      write_down("end", "no login");
      return;
    }
    if (report->kind == GateReport::Kind::kPair) return pair(*report, link);
    control_.leaves(Departure::kProtocol);
  }

  void pair(const GateReport& report, const UniqueFd& link) {
    admitted_.pin = report.pin;
    admitted_.who = "key " + pin_text(report.pin);
    Pair wanted;
    wanted.secret = report.secret;
    wanted.name = report.name.safe();
    const auto paired = service_.enrolment != nullptr
                            ? service_.enrolment->enrol(wanted, report.pin)
                            : Result<Paired>(fail(ErrorCode::kRefused, "this server enrols nobody"));
    if (!paired) return tell_refusal(paired.error(), link);
    control_.leaves(Departure::kWell);
    admitted_.who = "key " + quoted(paired->name);
    write_down("paired", pin_text(report.pin));
    GateVerdict verdict;
    verdict.word = GateVerdict::Word::kPaired;
    verdict.text.set(paired->name);
    for (const std::string& name : paired->allow) {
      if (const auto right = right_from_name(name)) verdict.allow |= static_cast<std::uint8_t>(1U << unsigned(*right));
    }
    send_to(link.get(), verdict);
  }

  // Strangers hear the uniform words; whoever has come in as far as the limits hears which it is.
  void tell_refusal(const Error& error, const UniqueFd& link) {
    control_.leaves(error.code == ErrorCode::kRefused ? Departure::kRefused : Departure::kWell);
    write_down("refusal", error.message);
    GateVerdict verdict;
    verdict.word = error.code == ErrorCode::kRefused ? GateVerdict::Word::kRefuse : GateVerdict::Word::kTell;
    verdict.code = static_cast<std::uint8_t>(error.code);
    verdict.text.set(error.message);
    send_to(link.get(), verdict);
  }

  void write_down(std::string_view event, const std::string& reason) {
    const auto number = static_cast<std::int64_t>(service_.connections.load() + 1);
    for (const std::string_view each : {std::string_view("connection"), event}) {
      AuditLine line(each);
      line.number("connection", number).text("source", client_.to_string()).text("who", admitted_.who);
      if (each == event) line.text(event == "paired" ? "pin" : "reason", reason);
      service_.audit.write(line);
    }
    log::info("connection " + std::to_string(number) + " from " + admitted_.who + " at " +
              escape_for_display(client_.to_string()) + ": " + std::string(event) + ": " + escape_for_display(reason));
  }

  static void end_as(int signal) noexcept {
    if (signal == 0) return;
    harden_process();  // no core of ours
    ::signal(signal, SIG_DFL);
    ::raise(signal);
  }

  Service& service_;
  const GuardedEntry& entry_;
  ControlOfParent& control_;
  const socketserver::Address& client_;
  socketserver::BaseServer& server_;
  std::optional<SourceAddress> source_;
  Admitted admitted_;
  Helper gate_;
};

}  // namespace

void run_monitor(Service& service, const GuardedEntry& entry, ControlOfParent& control, UniqueFd connection,
                 const socketserver::Address& client, socketserver::BaseServer& server) {
  Monitor(service, entry, control, client, server).run(std::move(connection));
}

}  // namespace farhand
