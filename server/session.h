// Session: what a verb works with: the channel to its client, what this client may do and where, and what the server
// shares.
#pragma once

#include <string>

#include "common/escape.h"
#include "protocol/channel.h"
#include "protocol/messages/session.h"
#include "server/audit.h"
#include "server/keys/rights.h"
#include "server/service.h"

namespace farhand {

struct Session {
  Channel& channel;
  Service& service;
  const RootedDirectory& root;
  const Rights& rights;
  const std::string& client;  // its address
  const EventFd& abort;       // rung: a running request ends now
  AuditLine record;           // of this request; the verb adds what it did
  std::string outcome;        // the verb's own part of the request's log line; escaped already

  // Answers the request that is under way with an error; the connection lives on.
  void refuse(const Error& error) {
    outcome += " refused: " + sentence_for_display(error.message);
    record.text("error", error.message);
    channel.say_structure(FrameKind::kError, encode(ErrorReport{error.code, false, error.message}));
  }
};

}  // namespace farhand
