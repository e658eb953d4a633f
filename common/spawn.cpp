// spawn: checks a request, prepares everything that the child needs, starts it, and tells what went wrong.
#include "common/spawn.h"

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
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
#include "common/spawn_child.h"

namespace farhand {
namespace {

// A program that writes a lot is stopped less often by a full pipe; 64 KiB is the kernel's default.
constexpr int kPipeBytes = 256 * 1024;

bool has_zero_byte(std::string_view text) {
  return text.find('\0') != std::string_view::npos;
}

Result<void> check_request(const SpawnRequest& request) {
  if (request.argv.empty()) return fail(ErrorCode::kUsage, "a command needs at least one word");
  if (std::any_of(request.argv.begin(), request.argv.end(), has_zero_byte)) {
    return fail(ErrorCode::kUsage, "a word of the command contains a zero byte");
  }
  if (std::any_of(request.environment.begin(), request.environment.end(), has_zero_byte)) {
    return fail(ErrorCode::kUsage, "an environment variable of the command contains a zero byte");
  }
  if (has_zero_byte(request.program)) return fail(ErrorCode::kUsage, "the program's name contains a zero byte");
  if (has_zero_byte(request.search_path)) {
    return fail(ErrorCode::kUsage, "the search path of the command contains a zero byte");
  }
  return {};
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

Error no_room() {
  return Error{ErrorCode::kBusy, "the host cannot start another process now", false};
}

// The outcome of a call that made a descriptor: running out of them is to be expected on a busy host.
Result<UniqueFd> new_descriptor(int fd, const char* call) {
  if (fd >= 0) return UniqueFd(fd);
  if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) return fail(no_room());
  throw_errno(call);
}

// `fd` or a copy of it that is none of 0, 1, 2: those places are the child's streams. They can be free in a process
// that closed its own.
Result<UniqueFd> above_streams(UniqueFd fd) {
  if (fd.get() > 2) return fd;
  return new_descriptor(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3), "fcntl");
}

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};

Result<Pipe> make_pipe() {
  int ends[2] = {-1, -1};
  TRY_ASSIGN(UniqueFd read_end, new_descriptor(::pipe2(ends, O_CLOEXEC) == 0 ? ends[0] : -1, "pipe2"));
  UniqueFd write_end(ends[1]);
  Pipe pipe;
  TRY_ASSIGN(pipe.read_end, above_streams(std::move(read_end)));
  TRY_ASSIGN(pipe.write_end, above_streams(std::move(write_end)));
  return pipe;
}

// Everything that is open for one spawn; the child's ends are closed when it goes.
struct Pipes {
  Pipe input, output, errors, report;
  UniqueFd terminal;   // a copy, above where the streams will stand; then there are no pipes for them
  UniqueFd directory;  // a copy of the working directory, if that stands where a stream will
};

Result<Pipes> make_pipes(const SpawnRequest& request) {
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
void give_streams(const Pipes& pipes, const SpawnUser& user) noexcept {
  for (const UniqueFd* its :
       {&pipes.input.read_end, &pipes.output.write_end, &pipes.errors.write_end, &pipes.terminal}) {
    if (*its) static_cast<void>(::fchown(its->get(), user.uid, user.gid) == 0);
  }
}

class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

pid_t start(const SpawnRequest& request, const Pipes& pipes) {
  const auto argv = pointers_to(request.argv);
  const auto environment = pointers_to(request.environment);
  const auto paths = candidate_paths(program_of(request), request.search_path);
  const auto candidates = pointers_to(paths);
  ExecPlan plan;
  plan.argv = argv.data();
  plan.environment = environment.data();
  plan.candidates = candidates.data();
  plan.streams[0] = pipes.input.read_end.get();
  plan.streams[1] = pipes.output.write_end.get();
  plan.streams[2] = (request.merge_errors ? pipes.output : pipes.errors).write_end.get();
  plan.terminal = static_cast<bool>(pipes.terminal);
  if (plan.terminal) std::fill(std::begin(plan.streams), std::end(plan.streams), pipes.terminal.get());
  plan.working_directory = pipes.directory ? pipes.directory.get() : request.working_directory;
  plan.descriptor_limit = request.descriptor_limit ? &*request.descriptor_limit : nullptr;
  plan.user = request.user ? &*request.user : nullptr;
  plan.report = pipes.report.write_end.get();
  const SignalsBlocked blocked;
  return start_process(plan);
}

// The pidfd of the process just started. Without one there is no safe way to go on: the process is ended again.
Result<UniqueFd> open_pidfd(pid_t pid) {
  const auto fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (fd >= 0) return UniqueFd(fd);
  const int error = errno;
  ::kill(pid, SIGKILL);
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  errno = error;
  return new_descriptor(-1, "pidfd_open");
}

Error program_failure(int error, const std::string& program) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return Error{ErrorCode::kNotFound, "there is no program " + quoted(program) + " on the host", false};
    case EAGAIN:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
      return no_room();
    default:
      break;
  }
  Error failure = errno_error(error, quoted(program) + " cannot be run");
  const bool too_long = error == E2BIG || error == ENAMETOOLONG;
  failure.code = too_long ? ErrorCode::kLimit : ErrorCode::kNotExecutable;
  return failure;
}

Error describe(const ExecFailure& failure, const std::string& program) {
  switch (failure.stage) {
    case ExecStage::kProgram:
      return program_failure(failure.error, program);
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

// What the child reported; nothing if exec closed the pipe, which means that the program runs.
std::optional<ExecFailure> read_report(const UniqueFd& report) {
  std::array<std::byte, sizeof(ExecFailure)> raw;
  const ssize_t got = read_some(report.get(), raw);
  if (got < 0) throw_errno("read");
  if (got != static_cast<ssize_t>(raw.size())) return std::nullopt;
  return std::bit_cast<ExecFailure>(raw);
}

// Bytes that this process has had at most.
std::uint64_t own_memory() noexcept {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace

std::optional<SpawnUser> find_user(const std::string& name) {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 16 * 1024> room{};  // the longest entry of any sense
  if (::getpwnam_r(name.c_str(), &entry, room.data(), room.size(), &found) != 0 || found == nullptr) {
    return std::nullopt;
  }
  return SpawnUser{entry.pw_uid, entry.pw_gid};
}

Result<Child> spawn(const SpawnRequest& request) {
  TRY(check_request(request));
  TRY_ASSIGN(Pipes pipes, make_pipes(request));
  if (request.user) give_streams(pipes, *request.user);
  const auto started = Deadline::Clock::now();
  const pid_t pid = start(request, pipes);
  if (pid < 0 && (errno == EAGAIN || errno == ENOMEM)) return fail(no_room());
  if (pid < 0) throw_errno("vfork");
  Child child;
  TRY_ASSIGN(child.pidfd_, open_pidfd(pid));
  child.pid_ = pid;
  child.started_ = started;
  child.own_memory_ = own_memory();
  child.input = std::move(pipes.input.write_end);
  child.output = std::move(pipes.output.read_end);
  child.errors = std::move(pipes.errors.read_end);
  pipes.report.write_end.reset();  // ours; the end of the child's is the end of the report
  if (const auto failure = read_report(pipes.report.read_end)) {
    return fail(describe(*failure, program_of(request)));
  }
  return child;
}

}  // namespace farhand
