// OperatorHandler: a conversation in which a person at the server types each answer.
//
// Threads: several conversations may run at once; the terminal is one, so each waits for its turn with the operator.
#pragma once

#include <farhand/socketserver.h>

#include <iostream>
#include <mutex>
#include <system_error>

class OperatorHandler : public socketserver::BaseRequestHandler {
 public:
  explicit OperatorHandler(std::mutex& terminal) : terminal_(terminal) {}

 private:
  void handle() override try {
    for (auto said = request().recv(1024); said != "exit"; said = request().recv(1024)) {
      if (said.empty()) return report("left without a word");
      const std::string answer = ask(said);
      if (!answer.empty()) request().sendall(answer);
      if (answer == "exit") break;
    }
    report("said goodbye");
  } catch (const std::system_error& error) {
    report(std::string("is gone: ") + error.what());  // the server goes on to the next client
  }

  // What the operator answers; at the end of the operator's input, "exit".
  std::string ask(const std::string& said) {
    const std::lock_guard turn(terminal_);
    std::cout << client_address().to_string() << ": " << printable(said) << "\n> " << std::flush;
    std::string answer;
    return std::getline(std::cin, answer) ? answer : "exit";
  }

  void report(const std::string& what) {
    const std::lock_guard turn(terminal_);
    std::cout << client_address().to_string() << ' ' << what << std::endl;
  }

  // A client must not command the operator's terminal.
  static std::string printable(std::string text) {
    for (char& each : text) {
      if (static_cast<unsigned char>(each) < ' ' || each == '\x7f') each = '?';
    }
    return text;
  }

  std::mutex& terminal_;
};
