// rclient: the wiring. Command line -> run -> exit status.
#include <signal.h>

#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "client/command_line.h"
#include "client/commands/pair.h"
#include "client/exit_status.h"
#include "client/report.h"
#include "client/run.h"
#include "client/signals.h"
#include "client/ssh/run.h"
#include "common/standard_streams.h"

// `rclient ssh WORDS`, or WORDS of a program that is called ssh: these are not for our own parser.
static std::optional<std::vector<std::string>> ssh_words_of(int argc, char** argv) {
  std::vector<std::string> words(argv, argv + argc);
  if (words.empty()) return std::nullopt;
  const bool by_name = farhand::is_ssh_name(words.front());
  if (!by_name && (argc < 2 || words[1] != "ssh")) return std::nullopt;
  words.erase(words.begin(), words.begin() + (by_name ? 1 : 2));
  return words;
}

int main(int argc, char** argv) try {
  farhand::reserve_standard_streams();
  ::signal(SIGPIPE, SIG_IGN);  // a peer or reader that goes is an error to be told, not a death,
  ::signal(SIGXFSZ, SIG_IGN);  // and so is a limit on the size of files
  farhand::ignore_blocked_signals();
  if (const auto words = ssh_words_of(argc, argv)) return farhand::run_ssh(*words);
  const auto line = farhand::parse_client_command_line(argc, argv);
  farhand::hide_pairing_codes(argc, argv);
  return line ? farhand::run_client(*line) : farhand::refuse_usage(line.error());
} catch (const std::exception& error) {
  farhand::complain(error.what());
  return farhand::kInternalStatus;
}
