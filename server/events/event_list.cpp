// EventList: the order of execution, and the complaint about an event without execute().
#include "server/events/event_list.h"

#include <cxxabi.h>

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <typeinfo>

namespace events {
namespace {

std::string readable_name(const std::type_info& type) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(abi::__cxa_demangle(type.name(), nullptr, nullptr, &status),
                                                         &std::free);
  return status == 0 ? name.get() : type.name();
}

}  // namespace

Event::~Event() = default;

void Event::execute() {
  throw std::logic_error(readable_name(typeid(*this)) + " has no execute()");
}

void EventList::add(std::unique_ptr<Event> event) {
  if (!event) throw std::invalid_argument("EventList::add: no event");
  events_.push_back(std::move(event));
}

void EventList::run() {
  // By index: an event may add others, which moves the list.
  for (std::size_t next = 0; next < events_.size(); ++next) events_[next]->execute();
}

}  // namespace events
