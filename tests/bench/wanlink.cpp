// Makes a long, slow or lossy link between two network namespaces for as long as a command runs. It measures nothing.
//
//   bench_wanlink [--rtt MS] [--mbit N] [--loss PERCENT] [--queue KIB] [--mtu N] [--name X] [--seed N] -- CMD [ARG...]
//
//   --rtt MS       round-trip time, half of it each way                              (100)
//   --mbit N       rate of each direction in Mbit/s; 0: no limit                     (0)
//   --loss PERCENT chance that a packet is dropped, in each direction                (0)
//   --queue KIB    what may wait for the rate before packets are dropped             (rate x rtt, at least 256)
//   --mtu N        of both ends                                                      (1500)
//   --name X       the namespaces are X-a (10.77.0.1) and X-b (10.77.0.2); they must not exist yet  (wan)
//   --seed N       of the loss                                                       (1)
//
//   CMD (no namespace) --- ip netns exec X-a CLIENT 10.77.0.2        ip netns exec X-b SERVER
//                                       |                                    |
//                                 TUN in X-a  --- a thread a direction --- TUN in X-b
//
// Real TCP runs on both ends, so handshakes, slow start, windows and retransmissions are those of a real long link.
// As root. CMD runs when the link is up. When CMD ends, the namespaces go, and its status is ours; 125 is a link that
// failed. SIGINT, SIGTERM and SIGHUP are passed on to CMD. What crossed and what was lost is told on standard error.
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <random>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;
using std::string;

constexpr int kLinkFailed = 125;
constexpr size_t kLargestPacketBytes = 65536;
constexpr int kBurst = 64;  // packets read before due ones are looked for again

struct Options {
  double rtt_ms = 100, mbit = 0, loss_percent = 0, queue_kib = 0;
  unsigned mtu = 1500, seed = 1;
  string name = "wan";
  char** command = nullptr;
};

int checked(int result, const string& what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

void run(const string& command) {
  if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(fd_); }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

// A named network namespace, there from the constructor to the destructor.
class Namespace {
 public:
  explicit Namespace(string name) : name_(std::move(name)) { run("ip netns add " + name_); }
  Namespace(const Namespace&) = delete;
  Namespace& operator=(const Namespace&) = delete;
  ~Namespace() {
    if (std::system(("ip netns del " + name_).c_str()) != 0) std::fputs("bench_wanlink: a namespace is left\n", stderr);
  }

  // A TUN device inside; its descriptor serves from anywhere. Called before there are threads.
  [[nodiscard]] int open_tun() const {
    const Descriptor home(checked(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), "own namespace"));
    const Descriptor there(checked(open(("/run/netns/" + name_).c_str(), O_RDONLY | O_CLOEXEC), name_));
    checked(setns(there.get(), CLONE_NEWNET), "entering " + name_);
    const int tun = checked(open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK), "/dev/net/tun");
    ifreq request{};
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    string("wan0").copy(request.ifr_name, IFNAMSIZ - 1);
    checked(ioctl(tun, TUNSETIFF, &request), "TUNSETIFF");
    checked(setns(home.get(), CLONE_NEWNET), "leaving " + name_);
    return tun;
  }

  void set_up(const string& address, unsigned mtu) const {
    const string ip = "ip -n " + name_;
    run(ip + " link set lo up");
    run(ip + " addr add " + address + " dev wan0");
    run(ip + " link set wan0 mtu " + std::to_string(mtu) + " txqueuelen 10000 up");
    // The windows of a host that is set up for long links; the defaults stop at 6 MB.
    run("ip netns exec " + name_ +
        " sysctl -qw net.ipv4.tcp_rmem='4096 131072 67108864' net.ipv4.tcp_wmem='4096 65536 67108864'");
  }

 private:
  string name_;
};

// One direction of the link. run() belongs to one thread; the counters are read when it has ended.
class Direction {
 public:
  Direction(int in, int out, int stop, const Options& options, unsigned seed)
      : in_(in),
        out_(out),
        stop_(stop),
        loss_percent_(options.loss_percent),
        one_way_(options.rtt_ms / 2000),
        bytes_per_second_(options.mbit * 1e6 / 8),
        queue_bytes_(options.queue_kib > 0 ? options.queue_kib * 1024
                                           : std::max(256.0 * 1024, bytes_per_second_ * options.rtt_ms / 1000)),
        random_(seed) {}

  // Hands each packet of `in` to `out` when it is due, until `stop` is readable.
  void run() {
    pollfd events[] = {{in_, POLLIN, 0}, {stop_, POLLIN, 0}};
    while (events[1].revents == 0) {
      wait(events);
      for (int i = 0; i < kBurst && take(); ++i) {
      }
      deliver();
    }
  }

  void tell(const char* way) const {
    std::fprintf(stderr, "bench_wanlink: %s %lu packets %lu bytes, %lu lost, %lu over the queue\n", way, packets_,
                 bytes_, lost_, overflowed_);
  }

 private:
  struct Packet {
    Clock::time_point due;
    std::vector<char> bytes;
  };

  void wait(pollfd (&events)[2]) const {
    if (line_.empty()) {
      ppoll(events, 2, nullptr, nullptr);
      return;
    }
    const auto left = std::max(std::chrono::nanoseconds(0), std::chrono::nanoseconds(line_.front().due - Clock::now()));
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    const timespec limit{seconds.count(), (left - seconds).count()};
    ppoll(events, 2, &limit, nullptr);
  }

  // Reads one packet and says when it is due, or drops it. False when there is none.
  bool take() {
    const ssize_t length = read(in_, buffer_.data(), buffer_.size());
    if (length <= 0) return false;
    Clock::time_point leaves = Clock::now();
    if (loss_percent_ > 0 && chance_(random_) < loss_percent_) {
      ++lost_;
      return true;
    }
    if (bytes_per_second_ > 0) {
      if (Seconds(wire_free_ - leaves).count() * bytes_per_second_ > queue_bytes_) {
        ++overflowed_;
        return true;
      }
      const Seconds on_the_wire(static_cast<double>(length) / bytes_per_second_);
      leaves = wire_free_ = std::max(wire_free_, leaves) + std::chrono::duration_cast<Clock::duration>(on_the_wire);
    }
    const auto due = leaves + std::chrono::duration_cast<Clock::duration>(one_way_);
    line_.push_back({due, {buffer_.begin(), buffer_.begin() + length}});
    return true;
  }

  void deliver() {
    while (!line_.empty() && line_.front().due <= Clock::now()) {
      const std::vector<char>& packet = line_.front().bytes;
      if (write(out_, packet.data(), packet.size()) >= 0) {
        ++packets_;
        bytes_ += packet.size();
      }
      line_.pop_front();
    }
  }

  int in_, out_, stop_;
  double loss_percent_;
  Seconds one_way_;
  double bytes_per_second_, queue_bytes_;
  std::mt19937 random_;
  std::uniform_real_distribution<double> chance_{0, 100};
  std::vector<char> buffer_ = std::vector<char>(kLargestPacketBytes);
  std::deque<Packet> line_;
  Clock::time_point wire_free_;
  unsigned long packets_ = 0, bytes_ = 0, lost_ = 0, overflowed_ = 0;
};

sigset_t expected_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGCHLD, SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, number);
  return set;
}

pid_t start(char** command) {
  const pid_t child = checked(fork(), "fork");
  if (child != 0) return child;
  const sigset_t set = expected_signals();
  sigprocmask(SIG_UNBLOCK, &set, nullptr);
  execvp(command[0], command);
  std::perror(command[0]);
  _exit(kLinkFailed);
}

// The command's exit status, or 128 and the number of the signal that ended it. Its signals must be blocked.
int wait_for(pid_t child) {
  const sigset_t set = expected_signals();
  for (;;) {
    int number = 0, status = 0;
    sigwait(&set, &number);
    if (number != SIGCHLD) {
      kill(child, number);
    } else if (waitpid(child, &status, WNOHANG) == child) {
      return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
  }
}

int run_with_link(const Options& options) {
  const sigset_t set = expected_signals();
  sigprocmask(SIG_BLOCK, &set, nullptr);  // one that comes while the link is made waits until it can be undone
  const Namespace a(options.name + "-a"), b(options.name + "-b");
  const Descriptor tun_a(a.open_tun()), tun_b(b.open_tun());
  a.set_up("10.77.0.1/24", options.mtu);
  b.set_up("10.77.0.2/24", options.mtu);
  const Descriptor stop(checked(eventfd(0, EFD_CLOEXEC), "eventfd"));
  Direction there(tun_a.get(), tun_b.get(), stop.get(), options, options.seed);
  Direction back(tun_b.get(), tun_a.get(), stop.get(), options, options.seed + 1);
  const pid_t child = start(options.command);
  std::thread first([&there] { there.run(); }), second([&back] { back.run(); });
  const int status = wait_for(child);
  eventfd_write(stop.get(), 1);
  first.join();
  second.join();
  there.tell("a to b:");
  back.tell("b to a:");
  return status;
}

// The name goes into commands of a shell.
string checked_name(const string& name) {
  const string letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
  if (name.empty() || name.find_first_not_of(letters) != string::npos) throw std::invalid_argument("--name " + name);
  return name;
}

double checked_number(const string& key, const string& value) {
  char* end = nullptr;
  const double number = std::strtod(value.c_str(), &end);
  if (value.empty() || *end != '\0' || !(number >= 0 && number <= 1e9)) throw std::invalid_argument(key + " " + value);
  return number;
}

void set_option(Options& options, const string& key, const string& value) {
  if (key == "--name") {
    options.name = checked_name(value);
    return;
  }
  const double number = checked_number(key, value);
  if (key == "--rtt") {
    options.rtt_ms = number;
  } else if (key == "--mbit") {
    options.mbit = number;
  } else if (key == "--loss") {
    options.loss_percent = number;
  } else if (key == "--queue") {
    options.queue_kib = number;
  } else if (key == "--mtu") {
    options.mtu = static_cast<unsigned>(number);
  } else if (key == "--seed") {
    options.seed = static_cast<unsigned>(number);
  } else {
    throw std::invalid_argument("unknown option " + key);
  }
}

Options parse(int argc, char** argv) {
  Options options;
  int at = 1;
  for (; at + 1 < argc && string(argv[at]) != "--"; at += 2) set_option(options, argv[at], argv[at + 1]);
  if (at + 1 >= argc || string(argv[at]) != "--") throw std::invalid_argument("a command is missing, after --");
  options.command = argv + at + 1;
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run_with_link(parse(argc, argv));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_wanlink: %s\n", error.what());
    return kLinkFailed;
  }
}
