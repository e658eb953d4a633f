// LineRunner: runs one line of the prompt, whatever it means.
//
// Ownership: borrows all that it is made of. Threads: one.
// Errors:    told on standard error; the LineEnd has their status.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "client/command_line.h"
#include "client/prompt/line.h"
#include "client/prompt/session.h"
#include "client/prompt/text.h"
#include "client/signals.h"

namespace farhand {

struct PromptManner {
  std::string encoding;  // of what commands write, where a line says nothing else
  bool quiet = false;
  bool terminal = false;  // a person is there
  mode_t mode_mask = 0;   // of downloaded files
};

class LineRunner {
 public:
  LineRunner(PromptSession& session, CommandSignals& signals, PromptManner manner)
      : session_(session), signals_(signals), manner_(std::move(manner)) {}

  struct Outcome {
    std::optional<LineEnd> end;  // nothing: nothing was run
    bool leave = false;
    bool interrupted = false;   // by Ctrl-C: lines that are waiting are not meant any more
    bool asked_to_end = false;  // by a signal that came for the command
  };
  Outcome run(const std::string& line);

 private:
  Outcome run_line(const NothingLine&) { return {}; }
  Outcome run_line(const HelpLine&);
  Outcome run_line(const LeaveLine&);
  Outcome run_line(const CommandLine& line);
  Outcome run_line(const VerbLine& line);
  Outcome run_line(const DirectoryLine& line);
  Outcome run_line(const VariablesLine& line);
  Outcome run_line(const UnsetLine& line);
  Outcome run_line(const LocalDirectoryLine& line);
  Outcome run_line(const LocalCommandLine& line);

  Outcome run_verb(const ExecCommand& command, const ClientOptions& options);
  Outcome run_verb(const PostCommand& command, const ClientOptions& options);
  Outcome run_verb(const GetCommand& command, const ClientOptions& options);
  Outcome run_verb(const ShowText& show, const ClientOptions& options);
  Outcome run_verb(const auto& other, const ClientOptions& options);  // that the prompt does not have

  Outcome run_files(const std::string& verb, const TransferOptions& transfer, const ClientOptions& options, auto carry);
  static Result<void> add_listed(const TransferOptions& options, std::vector<std::string>& names);
  Outcome told(const Result<void>& done);

  PromptSession& session_;
  CommandSignals& signals_;
  PromptManner manner_;
  std::string previous_here_;
};

}  // namespace farhand
