// Keeper: the process that keeps connections to one server ready, and lends each to one client at a time.
//
//   clients --Unix socket--> [ waiting ] --> [ relays ] <--TLS--> server
//                                   \          |  ^
//                   [ in the making ] --> [  resting  ]
//
// A client gets the connection that came back last; if none rests, another is made in the background, and the client
// has whichever is ready first. A client that cannot be served finds its socket closed before anything was said, and
// goes its own way: nothing that it asks is ever done twice.
//
// It ends when nobody has used it for as long as it was told, when no connection is left, or when it is told to. From
// then on nobody finds it; whoever has come is served first.
//
// Ownership: borrows what it is made with. Threads: one, and one for each connection in the making.
#pragma once

#include <poll.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "client/connector.h"
#include "client/sharing/kept_connection.h"
#include "client/sharing/place.h"
#include "client/sharing/relay.h"
#include "common/background.h"

namespace farhand {

class Keeper {
 public:
  // `signals`: of signalfd(2); SIGTERM ends it at once, SIGUSR1 as soon as nobody uses it any more.
  Keeper(KeeperSocket& socket, const Connector& connector, std::chrono::seconds stays, int signals);

  void serve(std::unique_ptr<KeptConnection> first);

 private:
  struct Making {
    std::unique_ptr<KeptConnection> made;  // null: it could not be
    std::unique_ptr<BackgroundTask> task;  // last: it writes the above
  };

  void serve_once();
  [[nodiscard]] bool is_done() const noexcept;
  [[nodiscard]] int poll_timeout() const;
  std::vector<pollfd> entries() const;
  void take_signals();
  void accept_clients();
  void collect_made();
  void tend_resting();
  void turn_relays(const std::vector<pollfd>& polled);
  void put_back(std::unique_ptr<KeptConnection> connection);
  void lend();
  void make_one();
  void judge_end();
  void part_resting() noexcept;
  void retire();

  KeeperSocket& socket_;
  const Connector& connector_;
  SinceBoot stays_;
  int signals_;
  SinceBoot last_used_;
  bool retired_ = false;
  std::deque<UniqueFd> waiting_;
  std::vector<std::unique_ptr<KeptConnection>> resting_;  // the one that came back last stands last
  std::vector<std::unique_ptr<Relay>> relays_;
  std::vector<std::unique_ptr<Making>> makings_;
};

}  // namespace farhand
