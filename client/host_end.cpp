// Ends of several hosts, judged, carried over and counted.
#include "client/host_end.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "client/exit_status.h"
#include "client/report.h"
#include "common/escape.h"

namespace farhand {
namespace {

using Kind = HostEnd::Kind;
constexpr std::array<const char*, 5> kWords{"ok", "failed", "timed out", "unreachable", "not asked"};

Kind kind_of(const ExecOutcome& outcome, int status) {
  if (outcome.error) return outcome.error->remote ? Kind::kFailed : Kind::kUnreachable;
  if (outcome.exit && outcome.exit->timed_out) return Kind::kTimedOut;
  return status == 0 ? Kind::kOk : Kind::kFailed;
}

const char* word_of(Kind kind) noexcept {
  return kWords.at(static_cast<std::size_t>(kind));
}

void put(std::string& text, const std::string& part) {
  const std::uint64_t size = part.size();
  text.append(reinterpret_cast<const char*>(&size), sizeof size);
  text += part;
}

// False: it is not all there.
bool take(std::string_view& text, std::string& part) {
  std::uint64_t size = 0;
  if (text.size() < sizeof size) return false;
  std::memcpy(&size, text.data(), sizeof size);
  text.remove_prefix(sizeof size);
  if (text.size() < size) return false;
  part = text.substr(0, size);
  text.remove_prefix(size);
  return true;
}

std::string count_line(const std::vector<HostEnd>& ends) {
  std::string line = "rclient: " + std::to_string(ends.size()) + (ends.size() == 1 ? " host: " : " hosts: ");
  std::string counts;
  for (std::size_t kind = 0; kind < kWords.size(); ++kind) {
    const auto count = std::count_if(ends.begin(), ends.end(),
                                     [&](const HostEnd& end) { return static_cast<std::size_t>(end.kind) == kind; });
    if (count > 0) counts += (counts.empty() ? "" : ", ") + std::to_string(count) + " " + kWords.at(kind);
  }
  return line + counts + "\n";
}

}  // namespace

HostEnd host_end(const ExecOutcome& outcome) {
  HostEnd end;
  end.status = status_of(outcome);
  end.kind = kind_of(outcome, end.status);
  end.answered = outcome.exit.has_value();
  end.sentence = exec_sentence(outcome);
  return end;
}

std::string encode_host_end(const HostEnd& end) {
  std::string text{static_cast<char>(end.kind), static_cast<char>(end.status), static_cast<char>(end.answered)};
  for (const std::string* part : {&end.sentence, &end.json, &end.record}) put(text, *part);
  return text;
}

std::optional<HostEnd> decode_host_end(Bytes bytes) {
  std::string_view text = text_of(bytes);
  if (text.size() < 3 || static_cast<unsigned char>(text[0]) >= kWords.size()) return std::nullopt;
  HostEnd end;
  end.kind = static_cast<Kind>(text[0]);
  end.status = static_cast<unsigned char>(text[1]);
  end.answered = text[2] != 0;
  text.remove_prefix(3);
  for (std::string* part : {&end.sentence, &end.json, &end.record}) {
    if (!take(text, *part)) return std::nullopt;
  }
  return text.empty() ? std::optional(end) : std::nullopt;
}

int status_of(const std::vector<HostEnd>& ends) noexcept {
  int highest = 0;
  for (const HostEnd& end : ends) {
    if (!end.answered) return kExecFailureStatus;
    highest = std::max(highest, end.status);
  }
  return highest;
}

std::string host_table(const std::vector<std::string>& hosts, const std::vector<HostEnd>& ends) {
  std::vector<std::string> names;
  for (const std::string& host : hosts) names.push_back(escape_for_display(host));
  std::size_t width = 0;
  for (const std::string& name : names) width = std::max(width, name.size());
  std::string text;
  for (std::size_t i = 0; i < ends.size(); ++i) {
    const bool tells = ends[i].kind == Kind::kFailed && ends[i].answered;
    names[i].resize(width, ' ');
    text += "  " + names[i] + "  " + word_of(ends[i].kind) + (tells ? " " + std::to_string(ends[i].status) : "") + "\n";
  }
  return text + count_line(ends);
}

}  // namespace farhand
