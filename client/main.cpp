// rclient: the wiring. Command line -> run -> exit status.
#include <signal.h>

#include <exception>

#include "client/command_line.h"
#include "client/commands/pair.h"
#include "client/exit_status.h"
#include "client/report.h"
#include "client/run.h"
#include "common/standard_streams.h"

int main(int argc, char** argv) try {
  farhand::reserve_standard_streams();
  ::signal(SIGPIPE, SIG_IGN);  // a peer or reader that goes is an error to be told, not a death,
  ::signal(SIGXFSZ, SIG_IGN);  // and so is a limit on the size of files
  const auto line = farhand::parse_client_command_line(argc, argv);
  farhand::hide_pairing_codes(argc, argv);
  return line ? farhand::run_client(*line) : farhand::refuse_usage(line.error());
} catch (const std::exception& error) {
  farhand::complain(error.what());
  return farhand::kInternalStatus;
}
