// An upload server: "post|<bytes>|<file name>", then the file's bytes, appended to DIR/<name>. `upload_server DIR
// [HOST:PORT]`
//
// Nothing marks where the name ends and the file begins. What is certain is that the file is the last <bytes> bytes: so
// an upload is over when the client ends its side, or is silent for a second with enough there, and only then is it
// taken apart. That is right however the pieces were cut and glued, and costs the file's size in memory; Farhand's own
// wire ends the name with a newline and needs neither.
#include <farhand/socketserver.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <system_error>

struct Upload {
  std::string name;
  std::string content;
};

class UploadHandler : public socketserver::BaseRequestHandler {
 public:
  explicit UploadHandler(std::filesystem::path directory) : directory_(std::move(directory)) {}

 private:
  static constexpr std::size_t kMostBytes = 64 << 20;
  static constexpr std::size_t kLongestHeader = 1024;

  void handle() override {
    for (Upload upload; receive(upload);) {
      // A name is a name: no path leads out of the directory.
      if (upload.name.find('/') != upload.name.npos || upload.name.starts_with('.'))
        throw std::runtime_error("bad name");
      std::ofstream file(directory_ / upload.name, std::ios::app | std::ios::binary);
      if (!(file << upload.content << std::flush)) throw std::runtime_error("cannot write the file");
      std::clog << upload.name + ": " + std::to_string(upload.content.size()) + " bytes\n";
    }
  }

  // False: the client ended where an upload would begin.
  bool receive(Upload& upload) {
    std::string got;
    while (std::count(got.begin(), got.end(), '|') < 2 && got.size() < kLongestHeader) {
      if (!receive_more(got)) return false;
    }
    const auto first = got.find('|');
    const auto second = got.find('|', first + 1);
    const std::size_t bytes = length_of(got.substr(0, second), first);
    got.erase(0, second + 1);
    for (bool more = true; more && got.size() <= bytes + kLongestHeader;) {
      request().settimeout(got.size() > bytes ? std::optional(std::chrono::milliseconds(1000)) : std::nullopt);
      more = receive_more(got);
    }
    request().settimeout(std::nullopt);
    if (got.size() <= bytes || got.size() > bytes + kLongestHeader)
      throw std::runtime_error("an upload of another size");
    upload = {got.substr(0, got.size() - bytes), got.substr(got.size() - bytes)};
    return true;
  }

  static std::size_t length_of(const std::string& header, std::size_t first_bar) {
    std::size_t bytes = 0;
    const char* const end = header.data() + header.size();
    const bool ours = header.starts_with("post|") && header.size() > first_bar + 1;
    if (!ours || !(std::from_chars(header.data() + 5, end, bytes) == std::from_chars_result{end, std::errc()}) ||
        bytes > kMostBytes) {
      throw std::runtime_error("no upload, or one over 64 MiB");
    }
    return bytes;
  }

  // False: the end, or a silence over the timeout.
  bool receive_more(std::string& got) try {
    const auto part = request().recv(64 << 10);
    got += part;
    return !part.empty();
  } catch (const std::system_error& error) {
    if (error.code() != std::errc::timed_out) throw;
    return false;
  }

  const std::filesystem::path directory_;
};

int main(int argc, char** argv) try {
  if (argc < 2) throw std::invalid_argument("upload_server DIR [HOST:PORT]");
  const auto address = socketserver::Address::parse(argc > 2 ? argv[2] : "127.0.0.1:8015");
  socketserver::ThreadingTCPServer server(address,
                                          socketserver::handler<UploadHandler>(std::filesystem::path(argv[1])));
  server.open();
  const socketserver::StopOnSignals stop(server);
  std::cout << server.server_address().to_string() << std::endl;
  server.serve_forever();
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
