// rserver: the wiring. Command line -> parts -> loop -> exit status.
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <optional>
#include <string>

#include "common/log.h"
#include "common/standard_streams.h"
#include "server/commands/invite.h"
#include "server/commands/keys.h"
#include "server/commands/revoke.h"
#include "server/config.h"
#include "server/host_key.h"
#include "server/keyring.h"
#include "server/limits/doorkeeper.h"
#include "server/listeners.h"
#include "server/listening_file.h"
#include "server/process/sandbox.h"
#include "server/serve_loop.h"
#include "server/session_processes.h"

namespace farhand {
namespace {

constexpr int kUsageStatus = 2;
constexpr int kFailureStatus = 1;

int fail_with(const Error& error) {
  std::fprintf(stderr, "rserver: %s\n", error.message.c_str());
  return error.code == ErrorCode::kUsage ? kUsageStatus : kFailureStatus;
}

// A session takes a thread and up to ten descriptors; commands get the limit that we were given.
rlimit raise_descriptor_limit() {
  rlimit found{};
  if (::getrlimit(RLIMIT_NOFILE, &found) != 0) throw_errno("getrlimit");
  rlimit raised = found;
  raised.rlim_cur = found.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &raised);  // a refusal leaves a smaller server
  return found;
}

mode_t mode_mask_from_umask() {
  const mode_t mask = ::umask(077);
  ::umask(mask);
  return 0777 & ~(mask | 022);
}

DoorRules door_rules() {
  rlimit descriptors{};
  ::getrlimit(RLIMIT_NOFILE, &descriptors);
  DoorRules rules;
  rules.starts = rules.starts.within(descriptors.rlim_cur);
  return rules;
}

void tell_of_door(Audit& audit, const DoorReport& report) {
  log::warning(sentence_of(report));
  AuditLine line(report.event == DoorReport::Event::kPenalty ? "penalty" : "limit");
  line.text("source", report.source).text("reason", report.reason);
  if (report.event == DoorReport::Event::kPenalty) {
    line.number("seconds", static_cast<std::int64_t>(report.seconds));
  } else {
    line.number("count", static_cast<std::int64_t>(report.count));
  }
  audit.write(line);
}

void tell_of_sandbox(const SandboxSupport& support) {
  support.complete() ? log::info(sentence_of(support)) : log::warning(sentence_of(support));
}

// Where `rserver invite` finds us. That it cannot be written down ends nothing: --host says it as well.
void announce(const Keyring& keyring, const std::vector<Listener>& listeners) {
  ServerListening listening{keyring.pin, {}};
  for (const Listener& listener : listeners) {
    if (listener.host.kind == Host::Kind::kTls) listening.hosts.push_back(listener.host);
  }
  const auto announced = announce_listening(*keyring.store.directory(), listening);
  if (!announced) log::warning(announced.error().message);
}

// The last word of a start: whoever waits for it finds everything open that stays open.
void tell_ready(const std::vector<Listener>& listeners) {
  for (const Listener& listener : listeners) std::printf("listening on %s\n", host_text(listener.host).c_str());
  std::fflush(stdout);
}

int run(const ServerConfig& config) {
  auto root = RootedDirectory::open(config.root);
  if (!root) return fail_with(root.error());
  const Signals signals = take_over_signals();
  auto sink = config.audit.empty() ? Result<std::unique_ptr<AuditSink>>(nullptr) : open_audit_sink(config.audit);
  if (!sink) return fail_with(sink.error());
  Audit audit(*std::move(sink));
  const rlimit descriptors = raise_descriptor_limit();
  Doorkeeper door(door_rules(), [&audit](const DoorReport& report) { tell_of_door(audit, report); });
  Service service{std::move(*root), audit, door, {}, descriptors, mode_mask_from_umask()};
  std::optional<FreedIsOverwritten> overwritten(std::in_place);  // the key is read
  auto keyring = open_keyring(config, service);
  if (!keyring) return fail_with(keyring.error());
  KeyStore* const keys = *keyring ? &(*keyring)->store : nullptr;
  SessionProcesses processes(service, keys);
  SessionProcesses* const forks = config.model == Model::kProcess ? &processes : nullptr;
  auto listeners = open_listeners(config, service, keyring->get(), forks);
  if (!listeners) return fail_with(listeners.error());
  if (*keyring) overwrite((*keyring)->identity.pem);
  overwritten.reset();
  if (*keyring) announce(**keyring, *listeners);
  log::info("serving " + service.root.path());
  if (forks != nullptr) tell_of_sandbox(sandbox_support());
  serve(*listeners, signals, service, keys, forks, [&] { tell_ready(*listeners); });
  door.tell_counted(true);
  if (*keyring) withdraw_listening(*(*keyring)->store.directory());
  return 0;
}

int serve_command_line(int argc, char** argv) {
  const auto line = parse_server_command_line(argc, argv, ::geteuid() == 0);
  if (!line) return fail_with(line.error());
  if (!line->config) {
    std::fputs(line->text.c_str(), stdout);
    return 0;
  }
  if (line->config->verbose) log::set_level(log::Level::kDebug);
  return run(*line->config);
}

Result<CommandOutcome> run_command(const ServerCommand& command) {
  if (const auto* invite = std::get_if<InviteOptions>(&command)) return run_invite(*invite);
  if (const auto* keys = std::get_if<KeysOptions>(&command)) return run_keys(*keys);
  if (const auto* revoke = std::get_if<RevokeOptions>(&command)) return run_revoke(*revoke);
  return run_check_config();
}

int command_line(int argc, char** argv) {
  const auto parsed = parse_server_command(argc, argv);
  if (!parsed) return fail_with(parsed.error());
  const auto outcome =
      parsed->command ? run_command(*parsed->command) : Result<CommandOutcome>(CommandOutcome{parsed->text, {}});
  if (!outcome) return fail_with(outcome.error());
  std::fputs(outcome->notes.c_str(), stderr);
  std::fputs(outcome->out.c_str(), stdout);
  return std::fflush(stdout) == 0 ? outcome->status : kFailureStatus;
}

}  // namespace
}  // namespace farhand

int main(int argc, char** argv) try {
  farhand::reserve_standard_streams();
  const bool command = argc > 1 && farhand::is_server_command(argv[1]);
  return command ? farhand::command_line(argc, argv) : farhand::serve_command_line(argc, argv);
} catch (const std::exception& error) {
  std::fprintf(stderr, "rserver: %s\n", error.what());
  return farhand::kFailureStatus;
}
