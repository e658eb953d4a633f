// HostEnd: how a command went on one of several hosts; the table of all of them, and the one exit status. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "client/outcome.h"
#include "common/bytes.h"

namespace farhand {

struct HostEnd {
  enum class Kind : unsigned char {
    kOk,           // status 0
    kFailed,       // another status, a signal, not started; or the host refused
    kTimedOut,     // ended for --timeout
    kUnreachable,  // no connection, or it was lost: here nobody knows more
    kNotAsked,     // we were to end before its turn
  };
  Kind kind = Kind::kNotAsked;
  int status = 255;
  bool answered = false;  // the command's own end is known
  std::string sentence;   // what is to be said of it; empty: nothing
  std::string json;       // with the output, for --json; else empty
  std::string record;     // without, for --status-fd; else empty
};

HostEnd host_end(const ExecOutcome& outcome);

// From a process that asked to the one that started it, which are the same program. Nothing: it is not whole.
std::string encode_host_end(const HostEnd& end);
std::optional<HostEnd> decode_host_end(Bytes bytes);

// 0 if all are 0; 255 if one of them has not answered; else the highest.
int status_of(const std::vector<HostEnd>& ends) noexcept;

// A line for each host, and one that counts them.
std::string host_table(const std::vector<std::string>& hosts, const std::vector<HostEnd>& ends);

}  // namespace farhand
