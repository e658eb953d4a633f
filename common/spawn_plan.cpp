// SpawnPlan: checks a request, opens what its program needs, and tells what went wrong.
#include "common/spawn_plan.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <string_view>
#include <utility>

#include "common/bytes.h"
#include "common/escape.h"
#include "common/file_io.h"

namespace farhand {
namespace {

// A program that writes a lot is stopped less often by a full pipe; 64 KiB is the kernel's default.
constexpr int kPipeBytes = 256 * 1024;

bool has_zero_byte(std::string_view text) {
  return text.find('\0') != std::string_view::npos;
}

// What is wrong with it, in a sentence; null if nothing is.
const char* flaw_of(const SpawnRequest& request) {
  if (request.argv.empty()) return "a command needs at least one word";
  if (std::any_of(request.argv.begin(), request.argv.end(), has_zero_byte)) {
    return "a word of the command contains a zero byte";
  }
  if (std::any_of(request.environment.begin(), request.environment.end(), has_zero_byte)) {
    return "an environment variable of the command contains a zero byte";
  }
  if (has_zero_byte(request.program)) return "the program's name contains a zero byte";
  if (has_zero_byte(request.search_path)) return "the search path of the command contains a zero byte";
  return nullptr;
}

// The paths under which the program may be found. An empty part of the search path is skipped; to some shells it means
// the working directory, and that is a place where peers put files.
std::vector<std::string> candidate_paths(const std::string& program, std::string_view search_path) {
  if (program.empty()) return {};
  if (program.find('/') != std::string::npos) return {program};
  std::vector<std::string> paths;
  while (!search_path.empty()) {
    const std::string_view directory = search_path.substr(0, search_path.find(':'));
    if (!directory.empty()) paths.push_back(std::string(directory) + "/" + program);
    search_path.remove_prefix(std::min(directory.size() + 1, search_path.size()));
  }
  return paths;
}

const std::string& program_of(const SpawnRequest& request) noexcept {
  return request.program.empty() ? request.argv.front() : request.program;
}

// Pointers to the words, as execve takes them: ended by a null pointer. execve does not write to them.
std::vector<char*> pointers_to(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// Linux lets one word have 32 pages, its ending zero among them, and all of them a quarter of the stack.
Error too_long(const SpawnRequest& request, const std::string& program) {
  const std::size_t most = 32 * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) - 1;
  std::size_t longest = 0;
  for (const auto* const words : {&request.argv, &request.environment}) {
    for (const std::string& word : *words) longest = std::max(longest, word.size());
  }
  const std::string which = longest > most
                                ? "one of its words or variables has " + std::to_string(longest) +
                                      " bytes, where the host takes " + std::to_string(most) + " at most"
                                : std::string("its words and variables together are longer than the host takes");
  return Error{ErrorCode::kLimit,
               quoted(program) + " cannot be run, for " + which + ": give what is long as standard input, or in a file",
               false};
}

Error program_failure(int error, const SpawnRequest& request) {
  const std::string& program = program_of(request);
  switch (error) {
    case E2BIG:
      return too_long(request, program);
    case ENOENT:
    case ENOTDIR:
      return Error{ErrorCode::kNotFound, "there is no program " + quoted(program) + " on the host", false};
    case EAGAIN:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
      return no_room_for_processes();
    default:
      break;
  }
  Error failure = errno_error(error, quoted(program) + " cannot be run");
  failure.code = error == ENAMETOOLONG ? ErrorCode::kLimit : ErrorCode::kNotExecutable;
  return failure;
}

Error describe(const ExecFailure& failure, const SpawnRequest& request) {
  const std::string& program = program_of(request);
  switch (failure.stage) {
    case ExecStage::kProgram:
      return program_failure(failure.error, request);
    case ExecStage::kWorkingDirectory:
      return errno_error(failure.error, "the working directory for " + quoted(program) + " cannot be entered");
    case ExecStage::kDescriptorLimit:
      return errno_error(failure.error, "the limit of open files for " + quoted(program) + " cannot be set");
    case ExecStage::kUser:
      return errno_error(failure.error, quoted(program) + " cannot be run as another user");
    case ExecStage::kSession:
    case ExecStage::kStreams:
    case ExecStage::kInheritance:
      break;
  }
  Error error = errno_error(failure.error, quoted(program) + " cannot be started");
  error.code = ErrorCode::kInternal;
  return error;
}

}  // namespace

Error no_room_for_processes() {
  return Error{ErrorCode::kBusy, "the host cannot start another process now", false};
}

Result<UniqueFd> new_descriptor(int fd, const char* call) {
  if (fd >= 0) return UniqueFd(fd);
  if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) return fail(no_room_for_processes());
  throw_errno(call);
}

Result<UniqueFd> above_streams(UniqueFd fd) {
  if (fd.get() > 2) return fd;
  return new_descriptor(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3), "fcntl");
}

SignalsBlocked::SignalsBlocked() {
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before_);
}

SignalsBlocked::~SignalsBlocked() {
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

// ---------------------------------------------------------------------------------------------------------------------
// The plan

Result<SpawnPlan> SpawnPlan::make(const SpawnRequest& request) {
  if (const char* flaw = flaw_of(request)) return fail(ErrorCode::kUsage, flaw);
  SpawnPlan plan(request);
  TRY_ASSIGN(plan.pipes_, make_pipes(request));
  if (request.user) plan.give_streams(*request.user);
  return plan;
}

SpawnPlan::SpawnPlan(const SpawnRequest& request)
    : request_(&request),
      argv_(pointers_to(request.argv)),
      environment_(pointers_to(request.environment)),
      paths_(candidate_paths(program_of(request), request.search_path)),
      candidates_(pointers_to(paths_)) {}

Result<SpawnPlan::Pipe> SpawnPlan::make_pipe() {
  int ends[2] = {-1, -1};
  TRY_ASSIGN(UniqueFd read_end, new_descriptor(::pipe2(ends, O_CLOEXEC) == 0 ? ends[0] : -1, "pipe2"));
  UniqueFd write_end(ends[1]);
  Pipe pipe;
  TRY_ASSIGN(pipe.read_end, above_streams(std::move(read_end)));
  TRY_ASSIGN(pipe.write_end, above_streams(std::move(write_end)));
  return pipe;
}

Result<SpawnPlan::Pipes> SpawnPlan::make_pipes(const SpawnRequest& request) {
  Pipes pipes;
  for (Pipe* pipe : {&pipes.input, &pipes.output, &pipes.errors, &pipes.report}) {
    if (pipe == &pipes.errors && request.merge_errors) continue;
    if (pipe != &pipes.report && request.terminal >= 0) continue;
    TRY_ASSIGN(*pipe, make_pipe());
  }
  if (request.terminal >= 0) {
    TRY_ASSIGN(pipes.terminal, new_descriptor(::fcntl(request.terminal, F_DUPFD_CLOEXEC, 3), "fcntl"));
  }
  if (request.working_directory >= 0 && request.working_directory < 3) {
    TRY_ASSIGN(pipes.directory, new_descriptor(::fcntl(request.working_directory, F_DUPFD_CLOEXEC, 3), "fcntl"));
  }
  for (const UniqueFd* ours : {&pipes.input.write_end, &pipes.output.read_end, &pipes.errors.read_end}) {
    if (*ours) set_nonblocking(ours->get());
  }
  // Over the user's share of pipe memory this is refused, and the default size does.
  for (const UniqueFd* ours : {&pipes.output.read_end, &pipes.errors.read_end}) {
    if (*ours) ::fcntl(ours->get(), F_SETPIPE_SZ, kPipeBytes);
  }
  return pipes;
}

// Programs open /dev/stdout and /dev/stderr, which only a pipe's owner may. Where that is refused the change of user
// will be too, and that is reported.
void SpawnPlan::give_streams(const SpawnUser& user) const noexcept {
  for (const UniqueFd* its :
       {&pipes_.input.read_end, &pipes_.output.write_end, &pipes_.errors.write_end, &pipes_.terminal}) {
    if (*its) static_cast<void>(::fchown(its->get(), user.uid, user.gid) == 0);
  }
}

ExecPlan SpawnPlan::exec_plan() const {
  ExecPlan plan;
  plan.argv = argv_.data();
  plan.environment = environment_.data();
  plan.candidates = candidates_.data();
  plan.streams[0] = pipes_.input.read_end.get();
  plan.streams[1] = pipes_.output.write_end.get();
  plan.streams[2] = (request_->merge_errors ? pipes_.output : pipes_.errors).write_end.get();
  plan.terminal = static_cast<bool>(pipes_.terminal);
  if (plan.terminal) std::fill(std::begin(plan.streams), std::end(plan.streams), pipes_.terminal.get());
  plan.working_directory = pipes_.directory ? pipes_.directory.get() : request_->working_directory;
  plan.descriptor_limit = request_->descriptor_limit ? &*request_->descriptor_limit : nullptr;
  plan.user = request_->user ? &*request_->user : nullptr;
  plan.report = pipes_.report.write_end.get();
  return plan;
}

std::optional<Error> SpawnPlan::failure() {
  pipes_.report.write_end.reset();  // ours; the end of the child's is the end of the report
  std::array<std::byte, sizeof(ExecFailure)> raw;
  const ssize_t got = read_some(pipes_.report.read_end.get(), raw);
  if (got < 0) throw_errno("read");
  if (got != static_cast<ssize_t>(raw.size())) return std::nullopt;
  return describe(std::bit_cast<ExecFailure>(raw), *request_);
}

}  // namespace farhand
