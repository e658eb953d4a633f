// From an address as text to sshd's variables.
#include "server/verbs/ssh_variables.h"

namespace farhand {
namespace {

struct Peer {
  std::string address = "UNKNOWN";
  std::string port = "65535";
};

Peer peer_of(const std::string& client) {
  const std::size_t colon = client.rfind(':');
  if (colon == std::string::npos || colon == 0) return {};
  const std::string port = client.substr(colon + 1);
  if (port.empty() || port.find_first_not_of("0123456789") != std::string::npos) return {};
  std::string address = client.substr(0, colon);
  if (address.front() == '[' && address.back() == ']') address = address.substr(1, address.size() - 2);
  if (address.find_first_not_of("0123456789abcdefABCDEF.:") != std::string::npos) return {};
  return Peer{address, port};
}

}  // namespace

std::vector<std::string> ssh_variables(const std::string& client, const std::string& terminal) {
  const Peer peer = peer_of(client);
  const Peer unknown;
  const std::string who = peer.address + " " + peer.port;
  std::vector<std::string> variables{"SSH_CLIENT=" + who + " " + unknown.port,
                                     "SSH_CONNECTION=" + who + " " + unknown.address + " " + unknown.port};
  if (!terminal.empty()) variables.push_back("SSH_TTY=" + terminal);
  return variables;
}

}  // namespace farhand
