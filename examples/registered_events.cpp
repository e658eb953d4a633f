// Events by hand: handlers are registered in a list, and a run executes them in order. `registered_events [broken]`
#include <farhand/events.h>

#include <iostream>

class Say : public events::Event {
 public:
  explicit Say(std::string text) : text_(std::move(text)) {}
  void execute() override { std::cout << text_ << std::endl; }

 private:
  std::string text_;
};

class Forgotten : public events::Event {};  // no execute(): running it is an error

int main(int argc, char**) try {
  events::EventList list;
  list.add<Say>("first");
  list.add<Say>("second");
  if (argc > 1) list.add<Forgotten>();
  list.run();
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
