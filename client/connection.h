// Connection: a channel to a server with the greeting in it. The hello goes out together with the first request, and
// the server's hello is taken when it comes, so greeting costs no round trip of its own.
//
// Ownership: owns the channel. Threads: one.
// Errors:    what the server reports comes as Error with `remote`, its text escaped and headed by the host's name.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "client/connector.h"
#include "client/sharing/kept_connection.h"
#include "common/result.h"
#include "common/stream/socket_io.h"
#include "protocol/channel.h"

namespace farhand {

class Connection {
 public:
  // Through the keeper of such a connection, where there is one; else a new one, which stays if the connector says so.
  static Result<std::unique_ptr<Connection>> open(const Connector& connector);
  static Result<std::unique_ptr<Connection>> open_directly(const Connector& connector);

  // For a stream that exists already (tests). `user`: whom to be there; empty: nobody in particular.
  Connection(std::unique_ptr<Stream> stream, std::string host, const std::string& user = {});

  [[nodiscard]] Channel& channel() noexcept { return channel_; }

  // What the link looked like when it was made; nothing if it is no TCP connection.
  [[nodiscard]] const std::optional<LinkFacts>& link() const noexcept { return link_; }
  // How to get another one to the same server; without this there is none.
  using Another = std::function<Result<std::unique_ptr<Connection>>()>;
  void set_another(Another another) { another_ = std::move(another); }
  [[nodiscard]] bool may_have_others() const noexcept { return another_ != nullptr; }
  Result<std::unique_ptr<Connection>> another() const { return another_(); }

  // As the channel's. A frame `error` from the server is an Error with `remote`;
  // after one that closes, lost() is true.
  Result<std::optional<Incoming>> peek();
  Result<Incoming> hear(Deadline deadline);
  // The channel's wait. After an Error the connection is lost.
  Result<void> wait(std::span<pollfd> watched, Deadline deadline);

  // The connection is of no more use.
  [[nodiscard]] bool lost() const noexcept { return lost_; }
  void give_up() noexcept { lost_ = true; }
  // An error that the server has reported, headed by the host's name.
  [[nodiscard]] Error said_there(Error error) const;
  // Gives up because of an error of the channel's, and says where it happened.
  Error lose(Error error);

  // Until the server has greeted too.
  Result<void> await_greeting(Deadline deadline);
  // What goes on without this Connection, which is of no more use; nothing may be under way.
  std::unique_ptr<KeptConnection> give_up_to_keep();

  // Says bye and leaves, at most a second; or leaves the connection behind, for those that come after.
  void leave() noexcept;

 private:
  Error remote_error(const Incoming& incoming);
  Result<void> take_greeting(Bytes bytes);
  bool stay() noexcept;

  std::string host_;
  Channel channel_;
  std::string greeting_;                 // the server's hello
  std::optional<Connector> to_be_kept_;  // how to make more of its kind
  bool lost_ = false;
  std::optional<LinkFacts> link_;
  Another another_;
};

}  // namespace farhand
