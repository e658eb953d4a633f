// Port: one listening socket: accepts, and pauses when out of descriptors instead of spinning.
//
// Ownership: owns the socket, and the file of a Unix one. The reactor owns the port until stop().
// Threads:   the reactor's.
// Errors:    what accepting meets is handed to the factory, a shortage once.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "common/unique_fd.h"
#include "server/events/reactor_core.h"

namespace events {

class Port : public std::enable_shared_from_this<Port> {
 public:
  Port(ReactorCore& core, const socketserver::Address& address, std::shared_ptr<ServerFactory> factory,
       const ListenOptions& options);
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;
  ~Port();

  void start();            // accepts from now on
  void stop();             // the end; repeatable
  void resume() noexcept;  // ends a pause; costs nothing when there is none
  [[nodiscard]] socketserver::Address get_host() const;

 private:
  // The file of a Unix socket, to be removed only while it is still ours.
  struct File {
    std::string path;
    dev_t device = 0;
    ino_t inode = 0;
  };

  void note_file(const std::string& path);
  void remove_file() noexcept;
  void arm();
  void accept_some();
  bool accept_one();
  void pause(int error);

  ReactorCore& core_;
  const std::shared_ptr<ServerFactory> factory_;
  Descriptor socket_;
  File file_;
  DelayedCall pause_;
  bool in_shortage_ = false;  // so that a shortage is reported once, not twenty times a second
};

}  // namespace events
