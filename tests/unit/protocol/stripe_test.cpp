// Stretches of a file: what is written where, what is kept, and what is refused; and that no job meets a writer.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "protocol/limits.h"
#include "protocol/messages/session.h"
#include "protocol/messages/stripe.h"
#include "protocol/transfer/part_file.h"
#include "protocol/transfer/stripe_part.h"
#include "protocol/transfer/stripe_receiver.h"
#include "protocol/transfer/stripe_sender.h"
#include "tests/unit/protocol/job_pair.h"
#include "tests/unit/protocol/job_peer.h"

namespace farhand {
namespace {

constexpr std::uint64_t kHalf = 256 << 10;
constexpr std::uint64_t kWhole = 2 * kHalf;

std::string bytes_like(char first, std::size_t count) {
  std::string bytes(count, '\0');
  for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<char>(first + static_cast<char>(i % 23));
  return bytes;
}

Stretch stretch_at(std::uint64_t offset, std::uint64_t length = kHalf) {
  return {kWhole, kWhole, test::kJobTime.tv_sec, static_cast<std::uint32_t>(test::kJobTime.tv_nsec), offset, length};
}

Seal seal_of(std::string_view content) {
  Seal seal;
  seal.size = content.size();
  seal.hash = test::hash_of(content);
  return seal;
}

struct Place {
  Place() { directory.make_directory("root"); }
  test::TemporaryDirectory directory;
  RootedDirectory root = *RootedDirectory::open(directory.path());
  JobTarget target{root, "root"};

  [[nodiscard]] Result<std::optional<StripePart>> open(const std::string& path, const Stretch& stretch) const {
    return StripePart::open(target, path, stretch);
  }
  [[nodiscard]] StripePart part(std::uint64_t offset, const std::string& path = "leaf") const {
    auto opened = open(path, stretch_at(offset));
    if (!opened || !*opened) throw std::runtime_error(opened ? "not needed" : opened.error().message);
    return std::move(**opened);
  }
  void write(std::uint64_t offset, std::string_view content) const {
    StripePart one = part(offset);
    EXPECT_TRUE(one.look(false));
    EXPECT_TRUE(one.write(offset, bytes_of(content)));
    EXPECT_TRUE(one.close(seal_of(content)));
  }
  [[nodiscard]] SharedDirectory shared() const {
    return std::make_shared<const UniqueFd>(::open((directory / "root").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  [[nodiscard]] std::string named(const std::string& leaf = "leaf") const {
    return directory / ("root/" + resumable_part_name(leaf));
  }
  [[nodiscard]] std::string written() const {
    std::ostringstream content;
    content << std::ifstream(named(), std::ios::binary).rdbuf();
    return content.str();
  }
};

const std::string kFirst = bytes_like('a', kHalf);
const std::string kSecond = bytes_like('A', kHalf);

TEST(Stripe, StretchesInAnyOrderAreThePartThatTheJobGoesOnWith) {
  const Place place;
  place.write(kHalf, kSecond);
  place.write(0, kFirst);
  auto found = PartFile::find(place.shared(), "leaf", "leaf");
  ASSERT_TRUE(found);
  ASSERT_TRUE(found->hash_kept(false));
  EXPECT_EQ(found->end(), kWhole);
  EXPECT_EQ(found->hash(), test::hash_of(kFirst + kSecond));
}

// Where data ends is told in whole blocks, and what stands behind this stretch is another's.
TEST(Stripe, WhatIsKeptIsWhatWasWrittenToTheByte) {
  for (const std::size_t written : {1UL, 5'000UL, 40'961UL}) {
    const Place place;
    place.write(kHalf, kSecond);
    ASSERT_TRUE(place.part(0).write(0, bytes_of(kFirst.substr(0, written))));
    StripePart again = place.part(0);
    ASSERT_TRUE(again.look(false));
    EXPECT_EQ(again.verdict().have, written);
    EXPECT_EQ(again.verdict().hash, test::hash_of(kFirst.substr(0, written)));
    ASSERT_TRUE(again.write(written, bytes_of(kFirst.substr(written))));
    EXPECT_TRUE(again.close(seal_of(kFirst)));
    EXPECT_EQ(place.written(), kFirst + kSecond);
  }
}

TEST(Stripe, ZerosAtTheEndOfWhatCameComeAgain) {
  const Place place;
  place.write(kHalf, kSecond);
  ASSERT_TRUE(place.part(0).write(0, bytes_of(kFirst.substr(0, 100) + std::string(60'000, '\0'))));
  StripePart again = place.part(0);
  ASSERT_TRUE(again.look(false));
  EXPECT_EQ(again.verdict().have, 100U);
  EXPECT_EQ(again.verdict().hash, test::hash_of(kFirst.substr(0, 100)));
}

// Two have it at a time; the job, which wants it alone, begins another one, and is not spoilt by what comes late.
TEST(Stripe, NoJobTakesOverWhatSomebodyStillWrites) {
  const Place place;
  std::optional<StripePart> one = place.part(0);
  const StripePart other = place.part(kHalf);
  EXPECT_FALSE(PartFile::find(place.shared(), "leaf", "leaf"));
  {
    auto job = PartFile::make(place.shared(), "leaf", "leaf", true);
    ASSERT_TRUE(job);
    EXPECT_FALSE(job->resumable());
    ASSERT_TRUE(job->append(bytes_of("the job's")));
    ASSERT_TRUE(one->write(0, bytes_of(kFirst)));
    EXPECT_EQ(job->hash(), test::hash_of("the job's"));
  }
  one.reset();
  EXPECT_FALSE(PartFile::find(place.shared(), "leaf", "leaf"));  // the other still has it
}

TEST(Stripe, WhatAJobHasIsNotEntered) {
  const Place place;
  {
    auto job = PartFile::make(place.shared(), "leaf", "leaf", true);
    ASSERT_TRUE(job && job->resumable());
    const auto refused = place.open("leaf", stretch_at(0));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kBusy);
  }
  EXPECT_TRUE(place.open("leaf", stretch_at(0)));
}

TEST(Stripe, WhatIsThereOfAStretchIsKeptUpToTheFirstHole) {
  const Place place;
  {
    StripePart part = place.part(kHalf);
    ASSERT_TRUE(part.write(kHalf, bytes_of(kSecond.substr(0, 1 << 16))));
  }
  StripePart part = place.part(kHalf);
  ASSERT_TRUE(part.look(false));
  EXPECT_EQ(part.verdict().need, Need::kRest);
  EXPECT_EQ(part.verdict().have, std::uint64_t{1} << 16);
  EXPECT_EQ(part.verdict().hash, test::hash_of(kSecond.substr(0, 1 << 16)));
  ASSERT_TRUE(part.write(kHalf + (1 << 16), bytes_of(kSecond.substr(1 << 16))));
  EXPECT_TRUE(part.close(seal_of(kSecond)));
  StripePart before = place.part(0);  // which nobody has written
  ASSERT_TRUE(before.look(false));
  EXPECT_EQ(before.verdict().need, Need::kWhole);
}

TEST(Stripe, BytesThatAreNotTheSendersGoAndHolesAreZerosWhateverWasThere) {
  const Place place;
  place.write(0, kFirst);
  StripePart part = place.part(0);
  ASSERT_TRUE(part.look(false));
  const std::string content =
      std::string(1 << 16, '\0') + kSecond.substr(0, 1 << 16) + std::string(kHalf - (1 << 17), '\0');
  ASSERT_TRUE(part.write(0, {}));
  ASSERT_TRUE(part.write(1 << 16, bytes_of(kSecond.substr(0, 1 << 16))));
  EXPECT_TRUE(part.close(seal_of(content)));
  EXPECT_EQ(part.kept(), 0u);
  EXPECT_EQ(place.written(), content);
}

TEST(Stripe, AHoleAtTheFilesEndIsPartOfItsLength) {
  const Place place;
  StripePart part = place.part(kHalf);
  ASSERT_TRUE(part.close(seal_of(std::string(kHalf, '\0'))));
  EXPECT_EQ(std::filesystem::file_size(place.named()), kWhole);
}

TEST(Stripe, APartThatNobodyHasWrittenIntoGoesWithTheLastWhoHadIt) {
  const Place place;
  {
    std::optional<StripePart> one = place.part(0);
    const StripePart other = place.part(kHalf);
    one.reset();
    EXPECT_TRUE(std::filesystem::exists(place.named()));
  }
  EXPECT_FALSE(std::filesystem::exists(place.named()));
}

TEST(Stripe, NothingOutsideOfItIsWritten) {
  const Place place;
  place.write(0, kFirst);
  place.write(kHalf, kSecond);
  for (const std::uint64_t offset : {std::uint64_t{0}, kHalf - 1, kWhole - 1, kWhole, kMaxFrameSize - 1}) {
    StripePart part = place.part(kHalf);
    const auto written = part.write(offset, bytes_of("xx"));
    ASSERT_FALSE(written) << offset;
    EXPECT_EQ(written.error().code, ErrorCode::kProtocol);
  }
  StripePart part = place.part(kHalf);
  ASSERT_TRUE(part.write(kHalf + 10, bytes_of(kSecond.substr(10, 10))));
  EXPECT_EQ(part.write(kHalf + 19, bytes_of("x")).error().code, ErrorCode::kProtocol);
  EXPECT_EQ(place.written().substr(0, kHalf), kFirst);
  EXPECT_EQ(std::filesystem::file_size(place.named()), kWhole);
}

TEST(Stripe, AWrongHashOrSizeIsTold) {
  const Place place;
  for (Seal seal : {seal_of(kFirst), seal_of(kSecond.substr(1))}) {
    StripePart part = place.part(kHalf);
    ASSERT_TRUE(part.write(kHalf, bytes_of(kSecond)));
    EXPECT_EQ(part.close(seal).error().code, ErrorCode::kIntegrity);
  }
  EXPECT_FALSE(std::filesystem::exists(place.directory / "root/leaf"));
}

TEST(Stripe, OfAFileWithItsSizeAndTimeNothingIsNeeded) {
  const Place place;
  place.directory.make_file("root/leaf", std::string(kWhole, 'x'));
  EXPECT_TRUE(*place.open("leaf", stretch_at(0)));  // of another time
  const std::array<timespec, 2> times{test::kJobTime, test::kJobTime};
  ASSERT_EQ(::utimensat(AT_FDCWD, (place.directory / "root/leaf").c_str(), times.data(), 0), 0);
  const auto opened = place.open("leaf", stretch_at(0));
  ASSERT_TRUE(opened);
  EXPECT_FALSE(*opened);
}

TEST(Stripe, NamesThatLeadElsewhereAreRefusedAndNothingIsMadeThere) {
  const Place place;
  place.directory.make_directory("outside");
  place.directory.make_link("root/link", "../outside");
  place.directory.make_directory("root/directory");
  place.directory.make_file("root/file", "x");
  place.directory.make_pipe("root/pipe");
  for (const std::string path : {"link/leaf", "link/deep/leaf", "directory", "pipe", "file/leaf"}) {
    EXPECT_FALSE(place.open(path, stretch_at(0))) << path;
  }
  EXPECT_FALSE(place.open(resumable_part_name("leaf"), stretch_at(0)));
  EXPECT_FALSE(place.open(std::string(kPartPrefix) + "x/leaf", stretch_at(0)));
  EXPECT_TRUE(std::filesystem::is_empty(place.directory / "outside"));
  EXPECT_TRUE(place.open("new/deep/leaf", stretch_at(0)));  // the honest twin
  EXPECT_TRUE(std::filesystem::is_directory(place.directory / "root/new/deep"));
}

// The entry's name is as any other's then, and the target's is what it would get.
TEST(Stripe, ATargetThatIsCalledAsAPartIsRefusedToo) {
  const Place place;
  const std::string named = std::string(kPartPrefix) + "x";
  const auto becoming = [&](const std::string& to) {
    return StripePart::open(JobTarget{place.root, "root/" + to, Placement::kAsOrInto}, "leaf", stretch_at(0));
  };
  EXPECT_FALSE(becoming(named));
  EXPECT_FALSE(std::filesystem::exists(place.directory / ("root/" + resumable_part_name(named))));
  EXPECT_TRUE(becoming("other"));  // the honest twin
}

TEST(Stripe, APartThatIsALinkOrNotOursAloneIsNotWritten) {
  const Place place;
  place.directory.make_file("victim", "precious");
  std::filesystem::create_symlink("../victim", place.named());
  EXPECT_FALSE(place.open("leaf", stretch_at(0)));
  std::filesystem::remove(place.named());
  std::filesystem::create_hard_link(place.directory / "victim", place.named());
  EXPECT_FALSE(place.open("leaf", stretch_at(0)));
  EXPECT_EQ(std::filesystem::file_size(place.directory / "victim"), 8u);
}

// ---------------------------------------------------------------------------------------------------------------------
// Requests

TEST(StripeRequests, WhatIsNoStretchOfAFileIsRefused) {
  const auto judged = [](const Stretch& stretch) {
    return decode_slice(bytes_of(encode(SliceRequest{"x", stretch}))).has_value() &&
           decode_stripe(bytes_of(encode(StripeRequest{"", Placement::kInto, "x", stretch}))).has_value();
  };
  EXPECT_TRUE(judged(stretch_at(0)));
  EXPECT_TRUE(judged(stretch_at(kHalf)));
  EXPECT_TRUE(judged({kMaxFrameSize, 0, 0, 0, kMaxFrameSize - kMaxStripe, kMaxStripe}));
  const auto refused = [](const Stretch& stretch) {
    return !decode_slice(bytes_of(encode(SliceRequest{"x", stretch}))) &&
           !decode_stripe(bytes_of(encode(StripeRequest{"", Placement::kInto, "x", stretch})));
  };
  EXPECT_TRUE(refused(stretch_at(0, 0)));
  EXPECT_TRUE(refused(stretch_at(kHalf + 1)));
  EXPECT_TRUE(refused(stretch_at(kWhole + 1, 1)));
  EXPECT_TRUE(refused({UINT64_MAX, 0, 0, 0, 0, 1}));
  EXPECT_TRUE(refused({kWhole, kWhole, 0, 0, UINT64_MAX, 2}));
  EXPECT_TRUE(refused({kWhole, kWhole, 0, 0, 2, UINT64_MAX}));
  EXPECT_TRUE(refused({kMaxFrameSize, 0, 0, 0, 0, kMaxStripe + 1}));
  EXPECT_TRUE(refused({kWhole, kWhole + 1, 0, 0, 0, kHalf}));
  EXPECT_TRUE(refused({kWhole, kWhole, 0, 1'000'000'000, 0, kHalf}));
}

TEST(StripeRequests, NamesThatAreNoFilesAreRefused) {
  for (const std::string path : {"", ".", "..", "/x", "a/../x", "a//x", "x/"}) {
    EXPECT_FALSE(decode_stripe(bytes_of(encode(StripeRequest{"", Placement::kInto, path, stretch_at(0)})))) << path;
  }
  EXPECT_FALSE(decode_slice(bytes_of(encode(SliceRequest{"", stretch_at(0)}))));
  EXPECT_FALSE(decode_slice(bytes_of(encode(SliceRequest{std::string("a\0b", 3), stretch_at(0)}))));
}

// ---------------------------------------------------------------------------------------------------------------------
// Both sides

// A client that sends `content`'s second half from a file, and a server that receives it as a server does.
struct Sent {
  Result<Result<StretchEnd>> client = fail(ErrorCode::kInternal, "");
  Result<Result<StretchEnd>> server = fail(ErrorCode::kInternal, "");
};
Sent send_half(const Place& place, const std::string& content, const Stretch& stretch) {
  place.directory.make_file("source", content);
  const std::array<timespec, 2> times{test::kJobTime, test::kJobTime};
  ::utimensat(AT_FDCWD, (place.directory / "source").c_str(), times.data(), 0);
  test::ChannelPair pair;
  test::greet(pair);
  Sent sent;
  pair.client->say_structure(FrameKind::kStripe, encode(StripeRequest{"root", Placement::kInto, "leaf", stretch}));
  std::thread server([&] {
    Channel& channel = *pair.server;
    const auto request = channel.hear(test::soon());
    if (!request) return;
    channel.consume(request->bytes.size());
    StripePart part = place.part(stretch.offset);
    std::ignore = look_at(channel, part);
    sent.server = receive_stretch(channel, part, [](std::uint64_t) {});
    if (sent.server && *sent.server) say_stretch_end(channel, **sent.server);
    if (sent.server && !*sent.server) {
      channel.say_structure(FrameKind::kError, encode(ErrorReport{(*sent.server).error().code, false, "no"}));
      std::ignore = discard_job(channel);
    }
    std::ignore = channel.flush(test::soon());
  });
  UniqueFd file(::open((place.directory / "source").c_str(), O_RDONLY | O_CLOEXEC));
  sent.client = send_stretch(*pair.client, {std::move(file), "source", stretch}, [](std::uint64_t) {});
  server.join();
  return sent;
}

TEST(StripeEngines, AStretchGoesOverAndOnlyWhatIsMissingOfItASecondTime) {
  const Place place;
  const Sent first = send_half(place, kFirst + kSecond, stretch_at(kHalf));
  ASSERT_TRUE(first.client && *first.client && first.server && *first.server);
  EXPECT_EQ((*first.client)->bytes, kHalf);
  EXPECT_EQ(place.written().substr(kHalf), kSecond);
  std::filesystem::resize_file(place.named(), kHalf + 100'000);
  const Sent again = send_half(place, kFirst + kSecond, stretch_at(kHalf));
  ASSERT_TRUE(again.client && *again.client);
  EXPECT_EQ((*again.client)->bytes, kHalf - 100'000);
  EXPECT_EQ((*again.client)->spared, 100'000u);
  EXPECT_EQ(place.written().substr(kHalf), kSecond);
}

// More of them than are held open at a time.
TEST(StripeEngines, TheJobFindsEveryPartHoweverManyThereAre) {
  test::JobPair pair;
  const SharedDirectory there =
      std::make_shared<const UniqueFd>(::open(pair.place.path(".").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int i = 10; i < 50; ++i) {
    const std::string leaf = "large-" + std::to_string(i);
    pair.make(leaf, leaf + kFirst + kSecond);
    auto part = PartFile::make(there, leaf, leaf, true);
    ASSERT_TRUE(part && part->append(bytes_of(leaf + kFirst)));
    part->set_kept(true);
  }
  EXPECT_EQ(pair.run().sender.bytes, 40 * kHalf);
  EXPECT_TRUE(pair.alike());
}

TEST(StripeEngines, WhatIsNotTheSendersIsSentAnew) {
  const Place place;
  place.write(kHalf, kFirst);
  const Sent sent = send_half(place, kFirst + kSecond, stretch_at(kHalf));
  ASSERT_TRUE(sent.client && *sent.client);
  EXPECT_EQ((*sent.client)->bytes, kHalf);
  EXPECT_EQ(place.written().substr(kHalf), kSecond);
}

TEST(StripeEngines, ASourceThatIsAnotherOneByNowIsToldByBothAndTheConnectionLives) {
  const Place place;
  const Sent sent = send_half(place, kFirst + kSecond + "grown", stretch_at(kHalf));
  ASSERT_TRUE(sent.client && sent.server);
  EXPECT_FALSE(*sent.client);
  ASSERT_FALSE(*sent.server);
  EXPECT_EQ((*sent.server).error().code, ErrorCode::kSourceChanged);
}

}  // namespace
}  // namespace farhand
