// exec: from the request to the child, and from the child's end to the answer. The streams are command_pump's.
#include "server/verbs/exec.h"

#include <optional>
#include <string>

#include "common/escape.h"
#include "common/spawn.h"
#include "protocol/messages/command.h"
#include "server/verbs/command_choice.h"
#include "server/verbs/command_directory.h"
#include "server/verbs/command_end.h"
#include "server/verbs/command_environment.h"
#include "server/verbs/command_pump.h"
#include "server/verbs/command_report.h"
#include "server/verbs/command_terminal.h"
#include "server/verbs/ssh_variables.h"

namespace farhand {
namespace {

// As login(1) does: a minus in front of the name tells a shell that it is one's first. It starts whatever the user
// database says, be it /bin/false.
void choose_login_shell(SpawnRequest& spawn) {
  spawn.program = account_shell();
  spawn.argv = {"-" + spawn.program.substr(spawn.program.rfind('/') + 1)};
}

// Where a command starts, and what its streams are.
struct Place {
  UniqueFd directory;  // none: the root
  std::optional<CommandTerminal> terminal;
};

SpawnRequest spawn_request(CommandChoice choice, const ExecRequest& wanted, const Session& session,
                           const Place& place) {
  SpawnRequest spawn;
  spawn.argv = std::move(choice.argv);
  if (spawn.argv.empty()) choose_login_shell(spawn);
  std::vector<std::string> brought;
  if (wanted.terminal) brought.push_back("TERM=" + wanted.terminal->type);
  if (is_at_home(wanted.mode)) {
    for (std::string& variable : ssh_variables(session.client, place.terminal ? place.terminal->name() : "")) {
      brought.push_back(std::move(variable));
    }
  }
  brought.insert(brought.end(), choice.environment.begin(), choice.environment.end());  // --env TERM goes before
  spawn.environment = command_environment(brought);
  spawn.search_path = kCommandPath;
  spawn.working_directory = place.directory ? place.directory.get() : session.root.fd();
  if (place.terminal) spawn.terminal = place.terminal->slave();
  spawn.descriptor_limit = session.service.command_descriptors;
  spawn.merge_errors = wanted.merge;
  return spawn;
}

void answer(Session& session, const ExitReport& report) {
  session.outcome += shown_end(report);
  record_end(session.record, report);
  session.channel.say_structure(FrameKind::kExit, encode(report));
}

struct Started {
  GuardedChild child;
  std::optional<CommandTerminal> terminal;
};

// The client is gone: what became of its command is for the audit alone.
void give_up(Session& session, Started& started, const CommandPump& pump, const Error& error) {
  session.outcome += " given up: " + sentence_for_display(error.message);
  const bool rights_ended = session.abort.rung() && !session.service.drain.abort.rung();
  if (started.terminal && rights_ended) started.terminal->hang_up();
  const auto status = started.terminal && !rights_ended
                          ? hang_up_command(started.child, *started.terminal, session.abort)
                          : end_command(started.child, session.abort);
  if (!status) return;
  ExitReport report = report_of(*status, pump.elapsed());
  report.timed_out = pump.timed_out();
  record_end(session.record, report);
}

Result<void> run(Session& session, Started& started, std::chrono::milliseconds timeout) {
  GuardedChild& child = started.child;
  CommandPump pump(session.channel, child, timeout, started.terminal ? &*started.terminal : nullptr);
  const auto pumped = pump.run();
  if (!pump.signals().empty()) session.record.texts("signals", pump.signals());
  if (!pumped) {
    give_up(session, started, pump, pumped.error());
    return pumped;
  }
  session.outcome += pump.shown_traffic();
  if (pump.stuck() && !child.force()) {
    leave_alone(child);
    session.refuse(
        Error{ErrorCode::kTimedOut,
              "the command's time is over, but it runs as somebody else or hangs in the kernel, could not be "
              "killed, and is left alone",
              false});
    return {};
  }
  if (pump.timed_out()) end_rest(child, pump.grace(), session.abort);
  ExitReport report = report_of(child.reap(), pump.elapsed());
  report.timed_out = pump.timed_out();
  answer(session, report);
  return {};
}

Result<Place> find_place(const Session& session, const ExecRequest& wanted) {
  Place place;
  if (!wanted.directory.empty()) {
    TRY_ASSIGN(place.directory, open_command_directory(wanted.directory, session.root, session.rights));
  } else if (is_at_home(wanted.mode)) {
    place.directory = open_home(session.rights);
  }
  if (wanted.terminal) {
    TRY_ASSIGN(place.terminal, CommandTerminal::open(*wanted.terminal));
  }
  return place;
}

// What was asked for, started; nothing if it could not be, which has been answered then.
std::optional<Started> start(Session& session, const ExecRequest& wanted, CommandChoice choice) {
  auto place = find_place(session, wanted);
  if (!place) {
    answer(session, report_of_no_start(place.error()));
    return std::nullopt;
  }
  auto child = spawn_guarded(spawn_request(std::move(choice), wanted, session, *place));
  if (!child) {
    answer(session, report_of_no_program(child.error()));
    return std::nullopt;
  }
  if (place->terminal) place->terminal->lend(*child);
  return Started{*std::move(child), std::move(place->terminal)};
}

}  // namespace

Result<void> run_exec(Session& session, const Incoming& request) {
  TRY_ASSIGN(const ExecRequest wanted, decode_exec(request.bytes));
  session.channel.consume(request.bytes.size());
  session.outcome = shown_request(wanted);
  record_request(session.record, wanted);

  auto choice = choose_command(wanted, session.rights);
  if (!choice) {
    session.refuse(choice.error());
    return {};
  }
  if (!session.rights.command.empty()) session.record.texts("ran", choice->argv);
  session.service.audit.write(session.record.renamed("exec-begins"));  // it may end us before it ends itself
  auto started = start(session, wanted, *std::move(choice));
  if (!started) return {};
  return run(session, *started, wanted.timeout);
}

}  // namespace farhand
