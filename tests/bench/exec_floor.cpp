// The floor of `exec true`: connect, shake hands, send a line, get a line; the server starts `true` and waits for it.
//
//   bench_exec_floor serve ADDRESS [CERT KEY]    prints "listening on ADDRESS", until a signal ends it
//   bench_exec_floor run ADDRESS [CERT KEY]      one connection, one command
//
// No protocol, no output of the command, no rights, no deadlines: what is left cannot be saved.
#include <spawn.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstring>
#include <string>

#include "tests/bench/link.h"

namespace {

int run_true() {
  char name[] = "true";
  char* arguments[] = {name, nullptr};
  char* environment[] = {nullptr};
  pid_t child = -1;
  if (posix_spawn(&child, "/bin/true", nullptr, nullptr, arguments, environment) != 0) bench::die("posix_spawn");
  int status = -1;
  if (waitpid(child, &status, 0) != child) bench::die("waitpid");
  return status;
}

void serve_one(bench::Link& link) {
  if (link.read_line().empty()) return;
  const std::string answer = std::to_string(run_true()) + "\n";
  link.write_all(answer.data(), answer.size());
}

[[noreturn]] void serve(const std::string& address, SSL_CTX* context) {
  std::string bound;
  const int listener = bench::listen_on(address, bound);
  std::printf("listening on %s\n", bound.c_str());
  std::fflush(stdout);
  bench::accept_for_ever(listener, context, serve_one);
}

int run(const std::string& address, SSL_CTX* context) {
  bench::Link link(bench::connect_to(address), context, bench::Side::kClient);
  link.write_all("true\n", 5);
  return link.read_line() == "0" ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 && argc != 5) {
    std::fputs("usage: bench_exec_floor serve|run ADDRESS [CERT KEY]\n", stderr);
    return 2;
  }
  const bool serving = std::strcmp(argv[1], "serve") == 0;
  bench::SslContext context;
  if (argc == 5) context = bench::make_context(serving ? bench::Side::kServer : bench::Side::kClient, argv[3], argv[4]);
  if (serving) serve(argv[2], context.get());
  return run(argv[2], context.get());
}
