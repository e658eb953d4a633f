// FileReader: the content that it gives, the holes that it leaves out, and files that do not hold still.
#include "protocol/transfer/file_reader.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <map>

#include "protocol/limits.h"
#include "tests/support/temporary_directory.h"
#include "tests/unit/protocol/sabotage.h"

namespace farhand {
namespace {

using test::TemporaryDirectory;

HashValue hash_of(const std::string& bytes) {
  ContentHash hash;
  hash.add(bytes_of(bytes));
  return hash.value();
}

Result<FileReader> reader_of(const std::string& path) {
  return FileReader::begin(UniqueFd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)), "a file");
}

// What it gives, by offset.
std::map<std::uint64_t, std::string> read_all(FileReader& reader) {
  std::map<std::uint64_t, std::string> pieces;
  for (auto next = reader.advance(); next != FileReader::Next::kEnd; next = reader.advance()) {
    if (next != FileReader::Next::kData) continue;
    std::string piece(reader.piece_bytes(), '\0');
    const std::uint64_t offset = reader.offset();
    piece.resize(reader.read(std::as_writable_bytes(std::span<char>(piece))));
    if (!piece.empty()) pieces[offset] = piece;
  }
  return pieces;
}

std::string together(const std::map<std::uint64_t, std::string>& pieces) {
  std::string content;
  for (const auto& [offset, piece] : pieces) content.append(offset - content.size(), '\0').append(piece);
  return content;
}

class FileOfSize : public testing::TestWithParam<std::size_t> {};

TEST_P(FileOfSize, IsReadWholeAndHashed) {
  const TemporaryDirectory directory;
  const std::string content = test::pattern(GetParam());
  directory.make_file("f", content, 0751);
  auto reader = reader_of(directory / "f");
  ASSERT_TRUE(reader);
  const auto pieces = read_all(*reader);
  EXPECT_TRUE(together(pieces) == content);
  if (content.size() <= kMaxByteFrame) {
    EXPECT_LE(pieces.size(), 1u) << "a small file is one piece";
  }
  const Seal seal = reader->seal();
  EXPECT_EQ(seal.outcome, SealOutcome::kComplete) << seal.reason;
  EXPECT_EQ(seal.size, content.size());
  EXPECT_EQ(seal.hash, hash_of(content));
  EXPECT_EQ(seal.mode, 0751u);
}

INSTANTIATE_TEST_SUITE_P(Sizes, FileOfSize,
                         testing::Values(0, 1, kPieceBytes, kMaxByteFrame - 1, kMaxByteFrame, kMaxByteFrame + 1,
                                         3 << 20));

// A MiB of data at 2 MiB, in a file of 40 MiB; holes around it.
struct SparseFile {
  TemporaryDirectory directory;
  std::string data = test::pattern(1 << 20);
  std::string content = std::string(2 << 20, '\0') + data + std::string(37 << 20, '\0');

  SparseFile() {
    const UniqueFd file(::open((directory / "f").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    if (::ftruncate(file.get(), static_cast<off_t>(content.size())) != 0 ||
        ::pwrite(file.get(), data.data(), data.size(), 2 << 20) != static_cast<ssize_t>(data.size())) {
      throw_errno("pwrite");
    }
  }
};

TEST(FileReader, HolesAreLeftOutAndHashedAsZeros) {
  const SparseFile sparse;
  auto reader = reader_of(sparse.directory / "f");
  ASSERT_TRUE(reader);
  const auto pieces = read_all(*reader);
  ASSERT_FALSE(pieces.empty());
  EXPECT_EQ(pieces.begin()->first, 2u << 20);
  EXPECT_EQ(together(pieces).size(), 3u << 20);
  const Seal seal = reader->seal();
  EXPECT_EQ(seal.outcome, SealOutcome::kComplete) << seal.reason;
  EXPECT_EQ(seal.size, sparse.content.size());
  EXPECT_EQ(seal.hash, hash_of(sparse.content));
}

TEST(FileReader, ABeginningThatFitsIsNotReadAgainWhereverItEnds) {
  const SparseFile sparse;
  const std::atomic<bool> stop = false;
  for (const std::size_t have : {0UL, 1UL, 2UL << 20, (2UL << 20) + 5, 3UL << 20, 9UL << 20, 40UL << 20}) {
    auto reader = reader_of(sparse.directory / "f");
    ASSERT_TRUE(reader);
    ASSERT_TRUE(reader->begins_with(have, hash_of(sparse.content.substr(0, have)), stop)) << have;
    EXPECT_EQ(reader->offset(), have);
    const auto pieces = read_all(*reader);
    if (!pieces.empty()) {
      EXPECT_GE(pieces.begin()->first, have);
    }
    EXPECT_EQ(reader->seal().hash, hash_of(sparse.content)) << have;
    EXPECT_EQ(reader->seal().outcome, SealOutcome::kComplete) << have;
  }
}

TEST(FileReader, ABeginningThatDoesNotFitIsForgotten) {
  const TemporaryDirectory directory;
  const std::string content = test::pattern(100'000);
  directory.make_file("f", content);
  const std::atomic<bool> stop = false;
  for (const std::uint64_t have : {std::uint64_t{0}, std::uint64_t{5}, std::uint64_t{100'001}, kMaxFrameSize}) {
    auto reader = reader_of(directory / "f");
    ASSERT_TRUE(reader);
    EXPECT_FALSE(reader->begins_with(have, HashValue{}, stop)) << have;
    EXPECT_EQ(together(read_all(*reader)), content);
    EXPECT_EQ(reader->seal().hash, hash_of(content));
    EXPECT_EQ(reader->seal().outcome, SealOutcome::kComplete);
  }
}

TEST(FileReader, ABeginningCanBeGivenUp) {
  const SparseFile sparse;
  auto reader = reader_of(sparse.directory / "f");
  ASSERT_TRUE(reader);
  EXPECT_FALSE(reader->begins_with(40 << 20, hash_of(sparse.content), true));
}

// What is done to a file after its first piece has been read. `grows` and `vanishes` need not be failures in general:
// what counts is that no mixture is called complete.
void expect_changed(const std::function<void(const TemporaryDirectory&)>& change) {
  const TemporaryDirectory directory;
  directory.make_file("f", test::pattern(2 << 20));
  auto reader = reader_of(directory / "f");
  ASSERT_TRUE(reader);
  ASSERT_EQ(reader->advance(), FileReader::Next::kData);
  std::vector<std::byte> buffer(reader->piece_bytes());
  reader->read(buffer);
  change(directory);
  read_all(*reader);
  EXPECT_EQ(reader->seal().outcome, SealOutcome::kFailed);
  EXPECT_EQ(reader->seal().code, ErrorCode::kSourceChanged);
}

TEST(FileReader, AFileThatGrowsFails) {
  expect_changed([](const TemporaryDirectory& directory) { std::filesystem::resize_file(directory / "f", 3 << 20); });
}

TEST(FileReader, AFileThatShrinksFails) {
  expect_changed([](const TemporaryDirectory& directory) { std::filesystem::resize_file(directory / "f", 1 << 20); });
}

TEST(FileReader, AFileThatIsWrittenToFails) {
  expect_changed([](const TemporaryDirectory& directory) {
    const UniqueFd file(::open((directory / "f").c_str(), O_WRONLY | O_CLOEXEC));
    ASSERT_EQ(::pwrite(file.get(), "x", 1, 0), 1);
    const std::array<timespec, 2> times{timespec{1, 1}, timespec{1, 1}};  // clocks of file systems are coarse
    ASSERT_EQ(::futimens(file.get(), times.data()), 0);
  });
}

TEST(FileReader, AFileThatIsReplacedStaysTheOneThatWasOpened) {
  const TemporaryDirectory directory;
  const std::string content = test::pattern(2 << 20);
  directory.make_file("f", content);
  directory.make_file("other", "other");
  auto reader = reader_of(directory / "f");
  ASSERT_TRUE(reader);
  std::filesystem::rename(directory / "other", directory / "f");
  EXPECT_TRUE(together(read_all(*reader)) == content);
  EXPECT_EQ(reader->seal().outcome, SealOutcome::kComplete);
}

TEST(FileReader, AFileWithoutASizeIsReadUntilItEnds) {
  auto reader = reader_of("/proc/self/status");
  ASSERT_TRUE(reader);
  const auto content = together(read_all(*reader));
  EXPECT_TRUE(content.starts_with("Name:"));
  EXPECT_EQ(reader->seal().outcome, SealOutcome::kComplete) << reader->seal().reason;
  EXPECT_EQ(reader->seal().size, content.size());
}

TEST(FileReader, OnlyRegularFilesAreRead) {
  const TemporaryDirectory directory;
  directory.make_pipe("pipe");
  EXPECT_EQ(reader_of(directory / "pipe").error().code, ErrorCode::kNotRegular);
  EXPECT_EQ(reader_of("/dev/zero").error().code, ErrorCode::kNotRegular);
  EXPECT_EQ(reader_of(directory.path()).error().code, ErrorCode::kIsDirectory);
}

TEST(FileReader, AFailedReadingIsToldInTheSeal) {
  const TemporaryDirectory directory;
  directory.make_file("f", "content");
  auto reader = FileReader::begin(UniqueFd(::open((directory / "f").c_str(), O_WRONLY | O_CLOEXEC)), "a file");
  ASSERT_TRUE(reader);
  EXPECT_TRUE(read_all(*reader).empty());
  EXPECT_EQ(reader->seal().outcome, SealOutcome::kFailed);
  EXPECT_EQ(reader->seal().code, ErrorCode::kFileTrouble);
}

}  // namespace
}  // namespace farhand
