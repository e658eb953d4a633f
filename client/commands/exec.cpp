// exec: the request, and what came of it.
#include "client/commands/exec.h"

#include <algorithm>

#include "client/variables.h"
#include "common/escape.h"
#include "protocol/limits.h"

namespace farhand {

ExecRun run_exec(Connection& connection, ExecRequest request, const ExecStreams& streams) {
  ExecRun run;
  std::vector<std::string> locale = own_locale();
  locale.insert(locale.end(), request.locale.begin(), request.locale.end());
  locale.resize(std::min(locale.size(), kMaxVariables));
  request.locale = std::move(locale);
  const std::string encoded = encode(request);
  if (encoded.size() > kMaxExecStructure) {
    run.outcome.error = Error{ErrorCode::kUsage,
                              "the command is longer than 4 MiB, which is more than a host takes; send "
                              "it as a file and run that",
                              false};
    return run;
  }
  connection.channel().say_structure(FrameKind::kExec, encoded);
  run.outcome.asked = true;
  ExecStreams with_size = streams;
  if (request.terminal) with_size.terminal = request.terminal->size;
  auto pump = ExecPump::make(connection, with_size);
  if (!pump) {
    run.outcome.asked = false;  // nothing has been sent yet, and nothing will be
    run.outcome.error = pump.error();
    connection.give_up();
    return run;
  }
  auto exit = pump->run();
  run.wrote_anything = pump->wrote_anything();
  run.outcome.begun = pump->has_begun();
  run.signals = pump->heard_signals();
  pump->give_kept(run.outcome);
  if (exit) {
    run.outcome.exit = std::move(*exit);
    run.outcome.exit->error = sentence_for_display(run.outcome.exit->error);
  } else {
    run.outcome.error = exit.error();
    connection.give_up();  // the command's fate is tied to the connection: dropping it ends the command
  }
  return run;
}

}  // namespace farhand
