// SessionHandler: one connection, from the first byte to the last. The same handler serves every kind of listener.
//
//   setup():  admission (credentials or TLS), within the login deadline
//   handle(): hello or pair; after a hello request after request, until the client says bye, goes away, loses its
//             rights, or the server drains
//   finish(): one line for the log
//
//   admitted with rights --hello--> log_in() --> requests, each under the rights
//   stranger with a key  --pair---> pair()   --> paired, and the end
//   anybody else, anything else ---------------> the one refusal
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "common/deadline.h"
#include "protocol/channel.h"
#include "server/admission.h"
#include "server/arrival.h"
#include "server/limits/visit.h"
#include "server/service.h"
#include "server/session_host.h"
#include "server/socketserver/request_handler.h"

namespace farhand {

struct Verb;

class SessionHandler : public socketserver::BaseRequestHandler {
 public:
  // `visit` hears of the login, and how the session ends; it and `host` outlive the handler.
  // `arrival`: the connection has been written down already, and its time runs; else setup() begins it.
  SessionHandler(Service& service, const Admission& admission, Visit& visit, SessionHost& host,
                 std::optional<Arrival> arrival = std::nullopt)
      : service_(service), admission_(admission), visit_(visit), host_(host), arrival_(std::move(arrival)) {}

 protected:
  void setup() override;
  void handle() override;
  void finish() override;

 private:
  Result<void> converse();
  Result<bool> greet();  // false: the conversation is over
  Result<void> pair(const Incoming& incoming);
  Result<void> log_in();
  Result<void> settle();
  Result<void> take_place();
  Result<void> open_root();
  Result<bool> serve_next();  // false: the conversation is over
  Result<void> run_verb(const Verb& verb, const Incoming& request);
  [[nodiscard]] Result<void> may(const Verb& verb);
  void end_with(const Error& error);
  void break_off(const std::string& reason);  // after something unforeseen was thrown
  void refuse_stranger();
  [[nodiscard]] const EventFd& abort() const;  // rings when running requests must end
  [[nodiscard]] std::string label() const { return arrival_->label(); }
  [[nodiscard]] AuditLine audited(std::string_view event) const { return farhand::audited(*arrival_, event, who_); }

  Service& service_;
  const Admission& admission_;
  Visit& visit_;
  SessionHost& host_;
  std::optional<Arrival> arrival_;
  std::string who_ = "nobody";
  std::string end_ = "bye";
  std::string refusal_;  // why it is a stranger; for the log and the audit
  std::optional<KeyPin> pin_;
  SharedRights rights_;  // none: a stranger
  bool enrolled_ = false;
  bool greeted_ = false;  // the client has said a well-formed hello
  std::uint64_t requests_ = 0;
  std::unique_ptr<SessionPlace> place_;      // of enrolled keys
  std::optional<uid_t> user_;                // whom the session becomes, where its key does not say
  std::string asked_;                        // whom it asks to be; empty: nobody in particular
  std::optional<RootedDirectory> own_root_;  // of keys that have one
  std::optional<Channel> channel_;           // last: its wait watches descriptors of the others
};

}  // namespace farhand
