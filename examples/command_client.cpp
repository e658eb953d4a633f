// A client for command_server: shows replies as they come, also from a server that speaks GBK on a terminal that speaks
// UTF-8. `command_client [HOST:PORT [ENCODING]]`
//
// "q" or "exit" ends it, an empty line is not sent. The raw reply has no end mark: what comes within a moment of
// silence is taken for one reply.
#include <farhand/socketserver.h>
#include <iconv.h>

#include <iostream>
#include <system_error>

// `text` in UTF-8. Bytes that are none in `encoding` become question marks.
std::string to_utf8(std::string text, const char* encoding) {
  const iconv_t handle = ::iconv_open("UTF-8", encoding);
  if (handle == reinterpret_cast<iconv_t>(-1)) throw std::runtime_error(std::string("unknown encoding ") + encoding);
  std::string out(text.size() * 4, '\0');  // no character is longer in UTF-8 than that
  char* from = text.data();
  char* to = out.data();
  std::size_t from_left = text.size();
  std::size_t to_left = out.size();
  while (from_left > 0 && ::iconv(handle, &from, &from_left, &to, &to_left) == static_cast<std::size_t>(-1)) {
    *to++ = '?';
    ++from;
    --to_left;
    --from_left;
  }
  ::iconv_close(handle);
  out.resize(out.size() - to_left);
  return out;
}

std::string reply_of(socketserver::StreamRequest& server) {
  std::string reply;
  server.settimeout(std::chrono::seconds(30));
  try {
    for (auto part = server.recv(4096); !part.empty(); part = server.recv(4096)) {
      reply += part;
      server.settimeout(std::chrono::milliseconds(200));
    }
  } catch (const std::system_error& error) {
    if (reply.empty() || error.code() != std::errc::timed_out) throw;
  }
  if (reply.empty()) throw std::runtime_error("the server has gone");
  return reply;
}

int main(int argc, char** argv) try {
  const auto address = socketserver::Address::parse(argc > 1 ? argv[1] : "127.0.0.1:8013");
  const char* encoding = argc > 2 ? argv[2] : "UTF-8";
  const auto server = socketserver::create_connection(address, std::chrono::seconds(30));
  for (std::string line; std::cout << "> " << std::flush && std::getline(std::cin, line);) {
    if (line == "q" || line == "exit") break;
    if (line.empty()) continue;
    server->sendall(line);
    std::cout << to_utf8(reply_of(*server), encoding) << std::endl;
  }
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
