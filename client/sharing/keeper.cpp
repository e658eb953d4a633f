// The keeper's loop.
#include "client/sharing/keeper.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "client/connection.h"
#include "common/deadline.h"

namespace farhand {
namespace {

constexpr std::size_t kMostClients = 64;
// A connection that was needed when many came at once, and not since, is given back to the server.
constexpr std::chrono::seconds kSpare{30};

// Of the entries of a poll.
constexpr std::size_t kSignalEntry = 0;
constexpr std::size_t kListenerEntry = 1;
constexpr std::size_t kFixedEntries = 2;

std::unique_ptr<KeptConnection> connect(const Connector& connector) {
  auto connection = Connection::open_directly(connector);
  if (!connection || !(*connection)->await_greeting(Deadline::after(connector.patience()))) return nullptr;
  return (*connection)->give_up_to_keep();
}

// Who has only asked whether we are there needs no connection.
bool has_gone(int client) {
  pollfd entry{client, 0, 0};
  return ::poll(&entry, 1, 0) > 0;
}

}  // namespace

Keeper::Keeper(KeeperSocket& socket, const Connector& connector, std::chrono::seconds stays, int signals)
    : socket_(socket), connector_(connector), stays_(stays), signals_(signals), last_used_(since_boot()) {}

void Keeper::serve(std::unique_ptr<KeptConnection> first) {
  put_back(std::move(first));
  while (!is_done()) serve_once();
}

bool Keeper::is_done() const noexcept {
  return retired_ && waiting_.empty() && relays_.empty();
}

// Everything once: what has happened, then what follows from it.
void Keeper::serve_once() {
  std::vector<pollfd> polled = entries();
  if (::poll(polled.data(), polled.size(), poll_timeout()) < 0) {
    if (errno != EINTR) throw_errno("poll");
    return;
  }
  turn_relays(polled);  // first: they are those that were polled, and what comes back is there for the next client
  tend_resting();
  collect_made();
  if (polled[kListenerEntry].revents != 0) accept_clients();
  if (polled[kSignalEntry].revents != 0) take_signals();
  lend();
  judge_end();
}

std::vector<pollfd> Keeper::entries() const {
  std::vector<pollfd> set{{signals_, POLLIN, 0}, {retired_ ? -1 : socket_.fd(), POLLIN, 0}};
  for (const auto& relay : relays_) {
    for (const pollfd& entry : relay->entries()) set.push_back(entry);
  }
  for (const auto& connection : resting_) set.push_back({connection->stream->descriptor(), POLLIN, 0});
  for (const auto& making : makings_) set.push_back({making->task->fd(), POLLIN, 0});
  return set;
}

int Keeper::poll_timeout() const {
  if (std::any_of(relays_.begin(), relays_.end(), [](const auto& relay) { return relay->has_buffered(); })) return 0;
  SinceBoot next = SinceBoot::max();
  for (const auto& connection : resting_) {
    next = std::min(next, connection->next_tending());
    if (resting_.size() > 1) next = std::min<SinceBoot>(next, connection->resting_since() + kSpare);
  }
  if (relays_.empty() && !retired_) next = std::min(next, last_used_ + stays_);
  if (next == SinceBoot::max()) return -1;
  const auto left = std::clamp<SinceBoot>(next - since_boot(), SinceBoot(0), std::chrono::hours(1));
  return static_cast<int>(left.count()) + 1;  // never just before it is time
}

void Keeper::take_signals() {
  signalfd_siginfo taken{};
  while (::read(signals_, &taken, sizeof taken) > 0) {
    retire();
    if (taken.ssi_signo == SIGUSR1) continue;
    part_resting();
    ::_exit(0);  // also from under those that are still being made
  }
}

void Keeper::turn_relays(const std::vector<pollfd>& polled) {
  for (std::size_t i = 0; i < relays_.size(); ++i) {
    const std::size_t at = kFixedEntries + 2 * i;
    const bool called = polled[at].revents != 0 || polled[at + 1].revents != 0 || relays_[i]->has_buffered();
    if (called) relays_[i]->turn(polled[at].revents, polled[at + 1].revents);
  }
  for (auto at = relays_.begin(); at != relays_.end();) {
    if ((*at)->state() == Relay::State::kGoing) {
      ++at;
      continue;
    }
    const bool quiet = (*at)->state() == Relay::State::kQuiet;
    auto connection = (*at)->take();
    at = relays_.erase(at);
    last_used_ = since_boot();
    if (quiet) {
      put_back(std::move(connection));
    } else {
      connection.reset();  // this ends on the server what the client had asked for
      if (resting_.empty() && makings_.empty() && !retired_) make_one();
    }
  }
}

void Keeper::put_back(std::unique_ptr<KeptConnection> connection) {
  connection->rest();
  resting_.push_back(std::move(connection));
}

void Keeper::tend_resting() {
  std::erase_if(resting_, [](const auto& connection) { return !connection->tend(); });
  while (resting_.size() > 1 && since_boot() - resting_.front()->resting_since() >= kSpare) {
    resting_.front()->part();
    resting_.erase(resting_.begin());
  }
}

void Keeper::accept_clients() {
  for (;;) {
    UniqueFd client = socket_.accept();
    if (!client) return;
    last_used_ = since_boot();
    if (waiting_.size() + relays_.size() < kMostClients) waiting_.push_back(std::move(client));
  }
}

// Where one cannot be made, others will hardly be: those that wait find out themselves why.
void Keeper::collect_made() {
  for (auto at = makings_.begin(); at != makings_.end();) {
    if (!(*at)->task->done()) {
      ++at;
      continue;
    }
    (*at)->task->finish();
    auto made = std::move((*at)->made);
    at = makings_.erase(at);
    made ? put_back(std::move(made)) : waiting_.clear();
  }
}

void Keeper::lend() {
  std::erase_if(waiting_, [](const UniqueFd& client) { return has_gone(client.get()); });
  while (!waiting_.empty() && !resting_.empty()) {
    auto connection = std::move(resting_.back());
    resting_.pop_back();
    auto relay = std::make_unique<Relay>(std::move(connection), std::move(waiting_.front()), connector_.user());
    waiting_.pop_front();
    relays_.push_back(std::move(relay));
  }
  while (makings_.size() < waiting_.size()) make_one();
}

void Keeper::make_one() {
  auto making = std::make_unique<Making>();
  making->task = std::make_unique<BackgroundTask>([this, into = making.get()] {
    try {
      into->made = connect(connector_);
    } catch (const std::exception&) {  // out of descriptors or memory: it could not be made
    }
  });
  makings_.push_back(std::move(making));
}

void Keeper::part_resting() noexcept {
  for (const auto& connection : resting_) connection->part();
  resting_.clear();
}

void Keeper::judge_end() {
  if (retired_ && waiting_.empty()) part_resting();  // nobody comes any more
  if (retired_) return;
  const bool unused = relays_.empty() && waiting_.empty();
  const bool empty = unused && resting_.empty() && makings_.empty();
  if (!empty && !(unused && since_boot() - last_used_ >= stays_)) return;
  retire();
  if (waiting_.empty()) part_resting();
}

void Keeper::retire() {
  if (retired_) return;
  socket_.unlink();
  accept_clients();
  retired_ = true;
  lend();
}

}  // namespace farhand
