// SessionHandler: one connection, from the first byte to the last. The same handler serves every kind of listener.
//
//   setup():  admission (credentials or TLS), within the login deadline
//   handle(): hello, then request after request, until the client says bye, goes away, or the server drains
//   finish(): one line for the log
#pragma once

#include <optional>
#include <string>

#include "common/deadline.h"
#include "protocol/channel.h"
#include "server/admission.h"
#include "server/service.h"
#include "server/socketserver/request_handler.h"

namespace farhand {

struct Verb;

class SessionHandler : public socketserver::BaseRequestHandler {
 public:
  SessionHandler(Service& service, const Admission& admission) : service_(service), admission_(admission) {}

 protected:
  void setup() override;
  void handle() override;
  void finish() override;

 private:
  Result<void> converse();
  Result<void> greet();
  Result<bool> serve_next();  // false: the conversation is over
  Result<void> run_verb(const Verb& verb, const Incoming& request);
  void end_with(const Error& error);
  [[nodiscard]] std::string label() const;

  Service& service_;
  const Admission& admission_;
  std::uint64_t number_ = 0;
  Deadline login_deadline_ = Deadline::never();
  Deadline::Clock::time_point begun_{};
  std::string who_ = "nobody";
  std::string end_ = "bye";
  bool greeted_ = false;  // the client has said a well-formed hello
  std::uint64_t requests_ = 0;
  std::optional<Channel> channel_;
};

}  // namespace farhand
