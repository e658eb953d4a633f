// Port over accept4(2).
#include "server/events/port.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <filesystem>
#include <system_error>
#include <utility>

#include "server/events/report.h"
#include "server/events/sockets.h"

namespace events {
namespace {

// Clients accepted in one turn: a flood of them takes turns with those already there.
constexpr int kAcceptsPerTurn = 16;

// What accept reports of a connection that died in the queue, or of the network under it (accept(2), "Error handling"):
// the next client is not concerned. Anything else, a shortage of descriptors above all, would come again at once.
bool concerns_one_client(int error) noexcept {
  switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case ETIMEDOUT:
    case EPERM:  // a firewall's rule
      return true;
    default:
      return false;
  }
}

}  // namespace

Port::Port(ReactorCore& core, const socketserver::Address& address, std::shared_ptr<ServerFactory> factory,
           const ListenOptions& options)
    : core_(core), factory_(std::move(factory)), socket_(core.context()) {
  farhand::UniqueFd made = make_listening(address, options);
  if (address.family() == AF_UNIX) note_file(address.path());
  socket_.assign(made.get());
  static_cast<void>(made.release());
}

Port::~Port() {
  remove_file();
}

void Port::note_file(const std::string& path) {
  struct stat found {};
  // By its full name: the program may change its directory.
  const std::string full = std::filesystem::absolute(path).string();
  if (::stat(full.c_str(), &found) == 0) file_ = {full, found.st_dev, found.st_ino};
}

void Port::remove_file() noexcept {
  if (file_.path.empty()) return;
  struct stat now {};
  const bool ours = ::stat(file_.path.c_str(), &now) == 0 && now.st_dev == file_.device && now.st_ino == file_.inode;
  if (ours) ::unlink(file_.path.c_str());
  file_.path.clear();
}

void Port::start() {
  core_.add(shared_from_this());
  arm();
}

void Port::stop() {
  const auto self = shared_from_this();
  pause_.cancel();
  // Before the socket closes: while it is open its inode number cannot be given to another file.
  remove_file();
  std::error_code ignored;
  socket_.close(ignored);
  core_.forget(self);
}

void Port::resume() noexcept {
  if (!pause_.active()) return;
  pause_.cancel();
  try {
    arm();
  } catch (...) {
    report(*factory_, std::current_exception(), {});
  }
}

socketserver::Address Port::get_host() const {
  return socket_.is_open() ? local_address(const_cast<Descriptor&>(socket_).native_handle()) : socketserver::Address();
}

void Port::arm() {
  socket_.async_wait(Descriptor::wait_read, [self = shared_from_this()](const std::error_code& error) {
    if (!error) self->accept_some();
  });
}

void Port::accept_some() {
  for (int left = kAcceptsPerTurn; left > 0 && socket_.is_open(); --left) {
    if (!accept_one()) break;
  }
  if (socket_.is_open() && !pause_.active()) arm();
}

// Whether there may be more.
bool Port::accept_one() {
  sockaddr_storage peer{};
  socklen_t size_bytes = sizeof peer;
  farhand::UniqueFd accepted(::accept4(socket_.native_handle(), reinterpret_cast<sockaddr*>(&peer), &size_bytes,
                                       SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (accepted) {
    in_shortage_ = false;
    core_.start_connection(std::move(accepted), socketserver::Address::from_native(peer, size_bytes), factory_);
    return true;
  }
  const int error = errno;
  if (concerns_one_client(error)) return true;
  if (error != EAGAIN) pause(error);
  return false;
}

void Port::pause(int error) {
  if (!std::exchange(in_shortage_, true)) {
    report(*factory_, std::make_exception_ptr(std::system_error(error, std::generic_category(), "accept")), {});
  }
  // The client stays in the kernel's queue, so trying again at once would only spin.
  pause_ = DelayedCall(core_.timers().add(core_.options().shortage_pause, [self = weak_from_this()] {
    if (const auto port = self.lock()) port->arm();
  }));
}

}  // namespace events
