// The handles' calls, which do nothing when what they name is gone.
#include "server/events/handles.h"

#include "server/events/connect_attempt.h"
#include "server/events/port.h"
#include "server/events/timers.h"

namespace events {

void DelayedCall::cancel() {
  if (const auto call = call_.lock()) call->owner.cancel(*call);
  call_.reset();
}

bool DelayedCall::active() const {
  const auto call = call_.lock();
  return call && call->queued;
}

socketserver::Address ListeningPort::get_host() const {
  const auto port = port_.lock();
  return port ? port->get_host() : socketserver::Address();
}

void ListeningPort::stop_listening() {
  if (const auto port = port_.lock()) port->stop();
}

void Connector::stop_connecting() {
  if (const auto attempt = attempt_.lock()) attempt->cancel();
}

bool Connector::connecting() const {
  const auto attempt = attempt_.lock();
  return attempt && attempt->under_way();
}

}  // namespace events
