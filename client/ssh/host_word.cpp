// HOST, USER@HOST, ssh://USER@HOST:PORT.
#include "client/ssh/host_word.h"

#include "common/escape.h"

namespace farhand {
namespace {

constexpr std::string_view kAddress = "ssh://";

// HOST:PORT, [V6]:PORT, V6 in brackets alone; a slash at the end is nothing.
void split_port(std::string_view text, SshHostWord& word) {
  if (text.ends_with('/')) text.remove_suffix(1);
  const std::size_t colon = text.rfind(':');
  if (colon != std::string_view::npos && text.find(']', colon) == std::string_view::npos) {
    word.port = text.substr(colon + 1);
    text = text.substr(0, colon);
  }
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  word.host = text;
}

}  // namespace

Result<SshHostWord> parse_ssh_host(std::string_view text) {
  SshHostWord word;
  const bool address = text.starts_with(kAddress);
  std::string_view rest = text.substr(address ? kAddress.size() : 0);
  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) {
    word.user = rest.substr(0, at);
    rest.remove_prefix(at + 1);
  }
  if (address) {
    split_port(rest, word);
  } else {
    word.host = rest;
  }
  const bool path_follows = address && word.host.find('/') != std::string::npos;
  if (word.host.empty() || word.host.front() == '-' || path_follows || (word.user && word.user->empty())) {
    return fail(ErrorCode::kUsage, quoted(text) + " is no host: write HOST, USER@HOST or ssh://USER@HOST:PORT");
  }
  return word;
}

}  // namespace farhand
