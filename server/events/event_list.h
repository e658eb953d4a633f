// EventList: events by hand: handlers are registered, and run() executes them in order.
//
// The smallest event-driven program there is: no sockets and no loop. Reactor is the real one.
//
// Ownership: owns the events.
// Threads:   one at a time.
// Errors:    what an event throws leaves run() at that event: those before it have run, those after it have not. The
//            list is as it was, and the next run() begins at its start.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "common/export.h"

namespace events {

class FARHAND_API Event {
 public:
  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  virtual ~Event();

  // To be overridden: the base's throws std::logic_error, which names the class that lacks it.
  virtual void execute();
};

class FARHAND_API EventList {
 public:
  EventList() = default;
  EventList(const EventList&) = delete;
  EventList& operator=(const EventList&) = delete;

  // Registers an event behind the others. Nothing is std::invalid_argument.
  void add(std::unique_ptr<Event> event);
  template <class Made, class... Arguments>
  void add(Arguments&&... arguments) {
    add(std::unique_ptr<Event>(std::make_unique<Made>(std::forward<Arguments>(arguments)...)));
  }

  // Executes every event once, in order of registration. One that is registered meanwhile runs in the same run, as the
  // last.
  void run();

  [[nodiscard]] std::size_t size() const noexcept { return events_.size(); }

 private:
  std::vector<std::unique_ptr<Event>> events_;
};

}  // namespace events
