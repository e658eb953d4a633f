// One question, one answer: "在吗?" is answered "不在!", and both close. `question_server [HOST:PORT]`
#include <farhand/socketserver.h>

#include <iostream>

class AnswerHandler : public socketserver::StreamRequestHandler {
 public:
  AnswerHandler() : StreamRequestHandler({.timeout = std::chrono::seconds(10)}) {}

 private:
  void handle() override {
    const std::string question = "在吗?";  // 7 bytes: three for each character, one for the mark
    if (rfile().read(question.size()) == question) wfile().write("不在!");
  }
};

int main(int argc, char** argv) try {
  const auto address = socketserver::Address::parse(argc > 1 ? argv[1] : "127.0.0.1:8011");
  socketserver::TCPServer server(address, socketserver::handler<AnswerHandler>());
  server.open();
  const socketserver::StopOnSignals stop(server);
  std::cout << server.server_address().to_string() << std::endl;
  server.serve_forever();
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
