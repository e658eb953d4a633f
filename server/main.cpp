// rserver: the wiring. Command line -> parts -> loop -> exit status.
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <string>

#include "common/log.h"
#include "common/standard_streams.h"
#include "server/config.h"
#include "server/listeners.h"
#include "server/serve_loop.h"

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

int run(const ServerConfig& config) {
  auto root = RootedDirectory::open(config.root);
  if (!root) return fail_with(root.error());
  const UniqueFd signals = take_over_signals();
  Service service{std::move(*root), {}, raise_descriptor_limit(), mode_mask_from_umask()};
  auto listeners = open_listeners(config, service);
  if (!listeners) return fail_with(listeners.error());
  for (const Listener& listener : *listeners) std::printf("listening on %s\n", host_text(listener.host).c_str());
  std::fflush(stdout);
  log::info("serving " + service.root.path());
  serve(*listeners, signals.get(), service.drain);
  return 0;
}

}  // namespace
}  // namespace farhand

int main(int argc, char** argv) try {
  farhand::reserve_standard_streams();
  const auto line = farhand::parse_server_command_line(argc, argv, ::geteuid() == 0);
  if (!line) return farhand::fail_with(line.error());
  if (!line->config) {
    std::fputs(line->text.c_str(), stdout);
    return 0;
  }
  if (line->config->verbose) farhand::log::set_level(farhand::log::Level::kDebug);
  return farhand::run(*line->config);
} catch (const std::exception& error) {
  std::fprintf(stderr, "rserver: %s\n", error.what());
  return farhand::kFailureStatus;
}
