// Where the server listens, written down and read.
#include "server/listening_file.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>

#include "common/log.h"

namespace farhand {
namespace {

constexpr const char* kFile = "listening";

// When a process began, in the kernel's ticks; empty if there is none. The second field may hold anything.
std::string started(const std::string& pid) {
  std::ifstream file("/proc/" + pid + "/stat");
  std::string line;
  if (!std::getline(file, line)) return {};
  const auto after_name = line.rfind(')');
  if (after_name == std::string::npos) return {};
  std::istringstream fields(line.substr(after_name + 1));
  std::string field;
  for (int number = 3; number <= 22; ++number) fields >> field;
  return field;
}

std::string mark_of(const std::string& pid) {
  return pid + " " + started(pid);
}

std::string numeric(const sockaddr* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, address, sizeof v4);
    if ((ntohl(v4.sin_addr.s_addr) >> 16) == 0xa9fe) return {};  // 169.254: link-local
    ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
  } else {
    sockaddr_in6 v6{};
    std::memcpy(&v6, address, sizeof v6);
    if (IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr)) return {};
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
  }
  return text.data();
}

std::string first_global_address(int family) {
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return {};
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(all, ::freeifaddrs);
  for (const ifaddrs* each = all; each != nullptr; each = each->ifa_next) {
    const bool usable = each->ifa_addr != nullptr && each->ifa_addr->sa_family == family &&
                        (each->ifa_flags & IFF_UP) != 0 && (each->ifa_flags & IFF_LOOPBACK) == 0;
    if (!usable) continue;
    if (std::string text = numeric(each->ifa_addr); !text.empty()) return text;
  }
  return {};
}

std::string machine_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "localhost";
}

}  // namespace

Result<void> announce_listening(const PrivateDirectory& directory, const ServerListening& listening) {
  std::string text = mark_of(std::to_string(::getpid())) + "\n" + pin_text(listening.pin) + "\n";
  for (const Host& host : listening.hosts) text += host_text(host) + "\n";
  return directory.write(kFile, text);
}

void withdraw_listening(const PrivateDirectory& directory) {
  const auto text = directory.read(kFile);
  if (!text || !text->starts_with(mark_of(std::to_string(::getpid())) + "\n")) return;
  if (const auto removed = directory.remove(kFile); !removed) log::warning(removed.error().message);
}

Result<ServerListening> server_listening(const PrivateDirectory& directory) {
  TRY_ASSIGN(const std::string text, directory.read(kFile));
  std::istringstream lines(text);
  std::string line;
  std::getline(lines, line);
  const std::string pid = line.substr(0, line.find(' '));
  const bool alive = pid.find_first_not_of("0123456789") == std::string::npos && !started(pid).empty();
  if (!alive || line != mark_of(pid)) return fail(ErrorCode::kNotFound, "no server is running");
  ServerListening listening;
  std::getline(lines, line);
  TRY_ASSIGN(listening.pin, parse_pin(line));
  while (std::getline(lines, line)) {
    TRY_ASSIGN(Host host, parse_host(line));
    listening.hosts.push_back(std::move(host));
  }
  return listening;
}

Host reachable(const Host& host) {
  const bool any_v4 = host.name == "0.0.0.0";
  const bool any_v6 = host.name == "::";
  if (!any_v4 && !any_v6) return host;
  Host shown = host;
  shown.name = first_global_address(any_v4 ? AF_INET : AF_INET6);
  if (shown.name.empty()) shown.name = machine_name();
  return shown;
}

}  // namespace farhand
