// Pairing, from the code to hosts.toml.
#include "client/commands/pair.h"

#include <cstring>

#include "client/code_prompt.h"
#include "client/connector.h"
#include "client/identity.h"
#include "common/escape.h"
#include "protocol/channel.h"
#include "protocol/limits.h"
#include "protocol/messages/session.h"
#include "protocol/pairing_code.h"

namespace farhand {
namespace {

constexpr std::string_view kSoftware = "rclient " FARHAND_VERSION;

Result<Host> host_to_pair_with(const PairCommand& command) {
  TRY_ASSIGN(Host host, parse_host(command.host));
  if (host.kind == Host::Kind::kTls) return host;
  return fail(ErrorCode::kUsage,
              farhand::quoted(command.host) +
                  " is reached without TLS, where there are no keys to exchange; just use it with -H");
}

Result<PairingCode> code_of(const PairCommand& command) {
  if (!command.code.empty()) return parse_pairing_code(command.code);
  TRY_ASSIGN(const std::string text, read_pairing_code());
  return parse_pairing_code(text);
}

Result<KnownHost> wanted_host(const PairCommand& command, const Host& host, const KeyPin& pin) {
  KnownHost wanted{command.alias.empty() ? host.name : command.alias, host, pin, {}, {}};
  TRY(check_alias(wanted.alias));
  return wanted;
}

Error reported(const ErrorReport& report, const std::string& host) {
  const std::string advice = report.code == ErrorCode::kRefused
                                 ? "; an invitation works once and not for long: ask for another (rserver invite)"
                                 : "";
  return Error{report.code, host + " says: " + sentence_for_display(report.message) + advice, true};
}

}  // namespace

Result<Paired> ask_to_pair(std::unique_ptr<Stream> stream, const std::string& host, const Pair& message) {
  Channel channel(std::move(stream), Side::kClient);
  channel.say_structure(FrameKind::kPair, encode(message));
  auto incoming = channel.hear(Deadline::after(kDeadPeer));
  if (!incoming) {
    Error error = std::move(incoming).error();
    error.message = host + ": " + error.message + "; whether it took the invitation is not known";
    return fail(std::move(error));
  }
  if (incoming->kind() == FrameKind::kError) {
    TRY_ASSIGN(const ErrorReport report, decode_error(incoming->bytes));
    return fail(reported(report, host));
  }
  if (incoming->kind() == FrameKind::kPaired) {
    TRY_ASSIGN(Paired paired, decode_paired(incoming->bytes));
    channel.leave(Deadline::after(kLingerTime));
    return paired;
  }
  return fail(ErrorCode::kConnectionLost, host + ": the server has ended the connection");
}

Result<PairOutcome> run_pair(const PairCommand& command, const ClientOptions& options) {
  TRY_ASSIGN(const Host host, host_to_pair_with(command));
  TRY_ASSIGN(const PairingCode code, code_of(command));
  TRY_ASSIGN(const KnownHost wanted, wanted_host(command, host, code.server));
  TRY_ASSIGN(const PrivateDirectory directory, open_client_directory());
  TRY_ASSIGN(const KnownHosts known, KnownHosts::load(directory));
  if (!command.replace) TRY(check_new_host(known, wanted));
  TRY_ASSIGN(const Connector connector, Connector::to(host, options.tls, code.server));
  TRY_ASSIGN(auto stream, connector.connect());
  const Pair message{kProtocolVersion, std::string(kSoftware), code.secret, client_name()};
  TRY_ASSIGN(Paired paired, ask_to_pair(std::move(stream), connector.host(), message));
  if (auto kept = remember_host(directory, wanted, command.replace); !kept) {
    Error error = std::move(kept).error();
    error.message = "the server has enrolled this key, but it is not kept here: " + error.message +
                    "; until it is, give --tls-server-pin " + pin_text(code.server);
    return fail(std::move(error));
  }
  return PairOutcome{wanted, std::move(paired)};
}

void hide_pairing_codes(int argc, char** argv) noexcept try {
  for (int i = 1; i < argc; ++i) {
    if (parse_pairing_code(argv[i])) std::memset(argv[i], '*', std::strlen(argv[i]));
  }
} catch (const std::bad_alloc&) {  // then they stay visible, as any argument is
}

}  // namespace farhand
