// Damage on the way: whatever bit of a record is flipped, the receiver reports an error and delivers nothing wrong.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <future>

#include "tests/unit/stream/drive.h"
#include "tests/unit/stream/stream_pair.h"

namespace farhand::test {
namespace {

// A TLS connection that passes through the test: what one side sends waits in the test's hands.
class Intercepted {
 public:
  Intercepted() {
    SocketPair left = make_unix_sockets();
    SocketPair right = make_unix_sockets();
    client_line_ = std::move(left.server);
    server_line_ = std::move(right.client);
    auto shaking = std::async(std::launch::async, [&] {
      return make_tls_pair({std::move(left.client), std::move(right.server)});
    });
    while (shaking.wait_for(std::chrono::seconds(0)) != std::future_status::ready) relay();
    pair_ = shaking.get();
  }

  TlsStream& client() { return *pair_.client; }
  TlsStream& server() { return *pair_.server; }

  // What the client has sent and the server has not seen.
  std::string take_from_client() {
    std::string bytes(100'000, '\0');
    const ssize_t count = ::recv(client_line_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return bytes;
  }
  void give_to_server(const std::string& bytes) {
    ASSERT_EQ(::send(server_line_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  void end_to_server() { ::shutdown(server_line_.get(), SHUT_WR); }

 private:
  void relay() {
    std::array<pollfd, 2> entries{pollfd{client_line_.get(), POLLIN, 0}, pollfd{server_line_.get(), POLLIN, 0}};
    ::poll(entries.data(), entries.size(), 1);
    std::array<char, 8192> buffer;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const ssize_t count = ::recv(entries[i].fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (count > 0) ::send(entries[1 - i].fd, buffer.data(), static_cast<std::size_t>(count), MSG_NOSIGNAL);
    }
  }

  UniqueFd client_line_;
  UniqueFd server_line_;
  TlsPair pair_;
};

void flip_bit(std::string& bytes, std::size_t bit) {
  bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
}

void expect_error_and_no_data(Intercepted& line, const std::string& what) {
  line.end_to_server();
  std::array<std::byte, 256> buffer{};
  const auto got = read_outcome(line.server(), buffer);
  ASSERT_FALSE(got) << what;
  EXPECT_FALSE(line.server().try_read(buffer)) << what;
}

TEST(TlsDamage, AnIntactRecordPasses) {
  Intercepted line;
  write_all(line.client(), "hello");
  line.give_to_server(line.take_from_client());
  EXPECT_EQ(read_exactly(line.server(), 5), "hello");
}

TEST(TlsDamage, AnyFlippedBitOfARecordIsAnErrorAndNeverData) {
  constexpr std::size_t kRecordBytes = 5 + 5 + 1 + 16;  // header, "hello", content type, tag
  for (std::size_t bit = 0; bit < kRecordBytes * 8; ++bit) {
    Intercepted line;
    write_all(line.client(), "hello");
    std::string record = line.take_from_client();
    ASSERT_EQ(record.size(), kRecordBytes);
    flip_bit(record, bit);
    line.give_to_server(record);
    expect_error_and_no_data(line, "bit " + std::to_string(bit));
  }
}

TEST(TlsDamage, ARecordThatComesTwiceIsAnError) {
  Intercepted line;
  write_all(line.client(), "hello");
  const std::string record = line.take_from_client();
  line.give_to_server(record);
  EXPECT_EQ(read_exactly(line.server(), 5), "hello");
  line.give_to_server(record);
  expect_error_and_no_data(line, "replayed");
}

TEST(TlsDamage, ARecordThatWasLeftOutIsAnError) {
  Intercepted line;
  write_all(line.client(), "hello");
  line.take_from_client();
  write_all(line.client(), "there");
  line.give_to_server(line.take_from_client());
  expect_error_and_no_data(line, "left out");
}

TEST(TlsDamage, AFlippedBitDeepInABulkTransferDeliversOnlyWhatCameBefore) {
  Intercepted line;
  const std::string data = pattern(60'000);
  write_all(line.client(), data);
  std::string records = line.take_from_client();
  ASSERT_GT(records.size(), data.size());
  flip_bit(records, std::size_t{40'000} * 8);
  line.give_to_server(records);
  line.end_to_server();
  std::string received;
  std::array<std::byte, 8192> buffer{};
  for (;;) {
    const auto got = read_outcome(line.server(), buffer);
    if (!got) break;
    ASSERT_EQ(got->state, Transfer::State::kMoved);
    received += text_of(Bytes(buffer).first(got->bytes));
  }
  EXPECT_EQ(received, data.substr(0, 2 * 16'384));
}

TEST(TlsDamage, AProperEndThatWasForgedIsAnError) {
  Intercepted line;
  line.give_to_server(std::string("\x15\x03\x03\x00\x02\x01\x00", 7));  // close_notify in the clear
  expect_error_and_no_data(line, "forged end");
}

}  // namespace
}  // namespace farhand::test
