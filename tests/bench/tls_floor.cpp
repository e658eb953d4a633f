// The floor of a transfer: one side reads a file and sends it, the other writes what comes, syncs it and says so.
//
//   bench_tls_floor serve ADDRESS [CERT KEY]             prints "listening on ADDRESS", until a signal ends it
//   bench_tls_floor up ADDRESS FILE TARGET [CERT KEY]    FILE goes to the server's TARGET
//   bench_tls_floor down ADDRESS TARGET FILE [CERT KEY]  the server's FILE comes to TARGET
//
// No hash, no part file, no frames, no progress. Without a certificate the bytes travel plain.
//
// Format: the client sends "up SIZE TARGET\n" and SIZE bytes, and gets "ok\n"; or it sends "down FILE\n" and gets
// "SIZE\n" and SIZE bytes.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "tests/bench/link.h"

namespace {

using bench::die;
using bench::Link;

constexpr std::size_t kBufferBytes = 256 * 1024;    // fits a core's second-level cache, with room for OpenSSL
constexpr off_t kWritebackBytes = 8 * 1024 * 1024;  // the disk starts on a piece while the next one arrives

int open_or_die(const std::string& path, int flags) {
  const int fd = open(path.c_str(), flags | O_CLOEXEC, 0644);
  if (fd < 0) die(path);
  return fd;
}

std::size_t size_of(int fd) {
  struct stat status {};
  if (fstat(fd, &status) != 0) die("fstat");
  return static_cast<std::size_t>(status.st_size);
}

void send_file(Link& link, int file, std::size_t size) {
  std::vector<char> buffer(kBufferBytes);
  while (size > 0) {
    const ssize_t count = read(file, buffer.data(), std::min(size, buffer.size()));
    if (count <= 0) die("read");
    link.write_all(buffer.data(), static_cast<std::size_t>(count));
    size -= static_cast<std::size_t>(count);
  }
}

std::size_t fill(Link& link, std::vector<char>& buffer, std::size_t wanted) {
  std::size_t have = 0;
  while (have < wanted) {
    const std::size_t count = link.read_some(buffer.data() + have, wanted - have);
    if (count == 0) die("the peer ended early");
    have += count;
  }
  return have;
}

// Begins to write back what has come since the last time, once that is enough. Whether it worked, fsync tells.
off_t start_writeback(int file, off_t started, off_t done) {
  if (done - started < kWritebackBytes) return started;
  sync_file_range(file, started, done - started, SYNC_FILE_RANGE_WRITE);
  return done;
}

void receive_file(Link& link, int file, std::size_t size) {
  std::vector<char> buffer(kBufferBytes);
  off_t done = 0;
  off_t started = 0;
  while (size > 0) {
    const std::size_t have = fill(link, buffer, std::min(size, buffer.size()));
    if (write(file, buffer.data(), have) != static_cast<ssize_t>(have)) die("write");
    size -= have;
    done += static_cast<off_t>(have);
    started = start_writeback(file, started, done);
  }
  if (fsync(file) != 0) die("fsync");
}

void serve_up(Link& link, const std::string& size_and_target) {
  const std::size_t blank = size_and_target.find(' ');
  const int file = open_or_die(size_and_target.substr(blank + 1), O_WRONLY | O_CREAT | O_TRUNC);
  receive_file(link, file, std::stoull(size_and_target.substr(0, blank)));
  close(file);
  link.write_all("ok\n", 3);
}

void serve_down(Link& link, const std::string& source) {
  const int file = open_or_die(source, O_RDONLY);
  const std::string head = std::to_string(size_of(file)) + "\n";
  link.write_all(head.data(), head.size());
  send_file(link, file, size_of(file));
  close(file);
}

void serve_one(Link& link) {
  const std::string request = link.read_line();
  if (request.rfind("up ", 0) == 0) serve_up(link, request.substr(3));
  if (request.rfind("down ", 0) == 0) serve_down(link, request.substr(5));
}

[[noreturn]] void serve(const std::string& address, SSL_CTX* context) {
  std::string bound;
  const int listener = bench::listen_on(address, bound);
  std::printf("listening on %s\n", bound.c_str());
  std::fflush(stdout);
  bench::accept_for_ever(listener, context, serve_one);
}

int up(Link& link, const std::string& source, const std::string& target) {
  const int file = open_or_die(source, O_RDONLY);
  const std::string request = "up " + std::to_string(size_of(file)) + " " + target + "\n";
  link.write_all(request.data(), request.size());
  send_file(link, file, size_of(file));
  return link.read_line() == "ok" ? 0 : 1;
}

int down(Link& link, const std::string& source, const std::string& target) {
  const std::string request = "down " + source + "\n";
  link.write_all(request.data(), request.size());
  const std::size_t size = std::stoull(link.read_line());
  receive_file(link, open_or_die(target, O_WRONLY | O_CREAT | O_TRUNC), size);
  return 0;
}

int usage() {
  std::fputs("usage: bench_tls_floor serve ADDRESS [CERT KEY] | up|down ADDRESS FROM TO [CERT KEY]\n", stderr);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  const bool serving = argc > 1 && std::strcmp(argv[1], "serve") == 0;
  const int plain_count = serving ? 3 : 5;
  if (argc != plain_count && argc != plain_count + 2) return usage();
  bench::SslContext context;
  if (argc > plain_count) {
    const bench::Side side = serving ? bench::Side::kServer : bench::Side::kClient;
    context = bench::make_context(side, argv[plain_count], argv[plain_count + 1]);
  }
  if (serving) serve(argv[2], context.get());
  Link link(bench::connect_to(argv[2]), context.get(), bench::Side::kClient);
  return std::strcmp(argv[1], "up") == 0 ? up(link, argv[3], argv[4]) : down(link, argv[3], argv[4]);
}
