// The helpers' bodies.
#include "tests/unit/protocol/upload.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <exception>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

namespace farhand::test {

TransferPlace::TransferPlace() {
  directory.make_directory("target");
}

void TransferPlace::make_source(const std::string& content, mode_t mode) const {
  directory.make_file("source", content, mode);
  const std::array<timespec, 2> times{kSourceTime, kSourceTime};
  if (::utimensat(AT_FDCWD, (directory / "source").c_str(), times.data(), 0) != 0) throw_errno("utimensat");
}

Result<Sender> TransferPlace::open_sender(const std::string& leaf) const {
  UniqueFd file(::open((directory / "source").c_str(), O_RDONLY | O_CLOEXEC));
  return Sender::begin(Sender::Source{std::move(file), "stored", leaf, "source"});
}

Receiver::Target TransferPlace::target(const std::string& leaf) const {
  UniqueFd parent(::open((directory / "target").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  return Receiver::Target{std::move(parent), leaf, leaf, 0777};
}

Receiver TransferPlace::open_receiver(const std::string& leaf) const {
  auto receiver = Receiver::begin(target(leaf));
  if (!receiver) throw std::runtime_error(receiver.error().message);
  return *std::move(receiver);
}

std::string TransferPlace::stored(const std::string& leaf) const {
  std::ifstream file(directory / ("target/" + leaf), std::ios::binary);
  if (!file) return "(none)";
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

struct stat TransferPlace::status_of(const std::string& name) const {
  struct stat status {};
  if (::lstat((directory / name).c_str(), &status) != 0) throw_errno("lstat");
  return status;
}

std::vector<std::string> TransferPlace::names_in_target() const {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory / "target")) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

void run_both(const std::function<void(Channel& client)>& send, const std::function<void(Channel& server)>& receive) {
  ChannelPair pair;
  greet(pair);
  std::exception_ptr failure;
  std::thread sending([&] {
    try {
      send(*pair.client);
      EXPECT_TRUE(pair.client->flush(soon()));
    } catch (...) {
      failure = std::current_exception();
    }
  });
  try {
    receive(*pair.server);
    EXPECT_TRUE(pair.server->flush(soon()));
  } catch (const std::exception& error) {
    ADD_FAILURE() << error.what();
  }
  pair.server.reset();
  sending.join();
  if (failure) std::rethrow_exception(failure);
}

void send_all(Channel& channel, Sender& sender) {
  const Deadline deadline = Deadline::after(std::chrono::seconds(60));
  while (!sender.said() && !deadline.passed()) {
    while (!sender.said() && channel.has_room()) sender.step(channel);
    ASSERT_TRUE(channel.wait({}, now()));
  }
  EXPECT_TRUE(sender.said());
}

void take_offer(Channel& channel) {
  const auto offer = hear_frame(channel);
  ASSERT_TRUE(offer);
  ASSERT_EQ(offer->kind, FrameKind::kOffer);
}

}  // namespace farhand::test
