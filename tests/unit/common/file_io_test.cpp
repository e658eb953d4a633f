// file_io: interrupted and short calls are completed, limits hold, errors are told.
#include "common/file_io.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "common/unique_fd.h"
#include "tests/support/process_state.h"
#include "tests/support/temporary_directory.h"

namespace farhand {
namespace {

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw_errno("pipe2");
    read_end.reset(ends[0]);
    write_end.reset(ends[1]);
  }
};

// Interrupts the thread that makes it, again and again, until it goes: what blocks there meets EINTR.
class Interruptions {
 public:
  Interruptions() {
    struct sigaction action {};
    action.sa_handler = [](int) {
      ++count;
    };  // and no SA_RESTART
    ::sigaction(SIGUSR1, &action, &before_);
    thread_ = std::thread([this, target = ::pthread_self()] {
      while (!stop_) {
        ::pthread_kill(target, SIGUSR1);
        std::this_thread::yield();
      }
    });
  }
  ~Interruptions() {
    stop_ = true;
    thread_.join();
    ::sigaction(SIGUSR1, &before_, nullptr);
  }
  static inline std::atomic<int> count = 0;

 private:
  struct sigaction before_ {};
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

void wait_for_interruptions(int more) {
  const int enough = Interruptions::count + more;
  while (Interruptions::count < enough) std::this_thread::yield();
}

TEST(ReadSome, ReturnsWhatIsThereAndZeroAtTheEnd) {
  Pipe pipe;
  ASSERT_TRUE(write_all(pipe.write_end.get(), bytes_of("abc")));
  pipe.write_end.reset();
  std::byte block[16];
  EXPECT_EQ(read_some(pipe.read_end.get(), block), 3);
  EXPECT_EQ(read_some(pipe.read_end.get(), block), 0);
}

TEST(ReadSome, TellsErrno) {
  std::byte block[1];
  EXPECT_EQ(read_some(-1, block), -1);
  EXPECT_EQ(errno, EBADF);
}

TEST(ReadSome, GoesOnAfterAnInterruption) {
  Pipe pipe;
  std::thread writer;
  std::byte block[16];
  ssize_t got = 0;
  {
    const Interruptions interruptions;
    writer = std::thread([&pipe] {
      wait_for_interruptions(100);
      write_all(pipe.write_end.get(), bytes_of("late"));
    });
    got = read_some(pipe.read_end.get(), block);
  }
  writer.join();
  EXPECT_EQ(got, 4);
}

TEST(WriteAll, CompletesShortWritesUnderInterruptions) {
  Pipe pipe;
  const std::string text(1 << 20, 'x');  // 16 times what the pipe holds
  std::string received;
  std::thread reader([&] {
    std::vector<std::byte> block(4096);
    for (ssize_t got; (got = read_some(pipe.read_end.get(), block)) > 0;) {
      received += text_of(Bytes(block).first(static_cast<std::size_t>(got)));
    }
  });
  bool written = false;
  {
    const Interruptions interruptions;
    written = write_all(pipe.write_end.get(), bytes_of(text));
  }
  pipe.write_end.reset();
  reader.join();
  EXPECT_TRUE(written);
  EXPECT_EQ(received, text);
}

TEST(WriteAll, NothingIsWrittenAtOnce) {
  EXPECT_TRUE(write_all(-1, {}));
}

TEST(WriteAll, TellsErrno) {
  const UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  EXPECT_FALSE(write_all(full.get(), bytes_of("x")));
  EXPECT_EQ(errno, ENOSPC);
}

TEST(ReadAt, TakesWhatStandsThereAndLeavesTheOffsetAlone) {
  const test::TemporaryDirectory directory;
  directory.make_file("file", "0123456789");
  const UniqueFd file(::open((directory / "file").c_str(), O_RDONLY | O_CLOEXEC));
  std::byte block[4];
  ASSERT_EQ(read_at(file.get(), block, 3), 4);
  EXPECT_EQ(text_of(block), "3456");
  EXPECT_EQ(read_at(file.get(), block, 8), 2);
  EXPECT_EQ(read_at(file.get(), block, 10), 0);
  EXPECT_EQ(::lseek(file.get(), 0, SEEK_CUR), 0);
  EXPECT_EQ(read_at(-1, block, 0), -1);
  EXPECT_EQ(errno, EBADF);
}

TEST(ReadAllAt, GivesWhatThereIsUpToTheEnd) {
  const test::TemporaryDirectory directory;
  directory.make_file("file", "0123456789");
  const UniqueFd file(::open((directory / "file").c_str(), O_RDONLY | O_CLOEXEC));
  std::byte block[4];
  EXPECT_EQ(read_all_at(file.get(), block, 6), 4);
  EXPECT_EQ(text_of(block), "6789");
  EXPECT_EQ(read_all_at(file.get(), block, 7), 3);
  EXPECT_EQ(read_all_at(file.get(), block, 11), 0);
  EXPECT_EQ(read_all_at(file.get(), {}, 0), 0);
  EXPECT_EQ(read_all_at(-1, block, 0), -1);
  EXPECT_EQ(errno, EBADF);
}

TEST(WriteAllAt, WritesThereAndLeavesTheOffsetAlone) {
  const test::TemporaryDirectory directory;
  directory.make_file("file", "0123456789");
  const UniqueFd file(::open((directory / "file").c_str(), O_RDWR | O_CLOEXEC));
  EXPECT_TRUE(write_all_at(file.get(), bytes_of("abc"), 8));
  EXPECT_TRUE(write_all_at(file.get(), {}, 50));
  EXPECT_EQ(::lseek(file.get(), 0, SEEK_CUR), 0);
  EXPECT_EQ(*read_small_file(directory / "file", 100), "01234567abc");
}

TEST(WriteAllAt, TellsErrno) {
  const UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  EXPECT_FALSE(write_all_at(full.get(), bytes_of("x"), 0));
  EXPECT_EQ(errno, ENOSPC);
}

TEST(ReadSmallFile, SizesAroundTheLimit) {
  const test::TemporaryDirectory directory;
  for (const std::size_t limit : {0u, 1u, 4095u, 4096u, 4097u, 10000u}) {
    const std::string fits(limit, 'f');
    directory.make_file("file", fits);
    const auto whole = read_small_file(directory / "file", limit);
    ASSERT_TRUE(whole) << whole.error().message;
    EXPECT_EQ(*whole, fits);
    directory.make_file("file", fits + "g");
    const auto refused = read_small_file(directory / "file", limit);
    ASSERT_FALSE(refused) << limit;
    EXPECT_EQ(refused.error().code, ErrorCode::kFileTrouble);
  }
}

TEST(ReadSmallFile, KeepsZeroBytes) {
  const test::TemporaryDirectory directory;
  const std::string content("a\0b\n", 4);
  directory.make_file("file", content);
  EXPECT_EQ(*read_small_file(directory / "file", 100), content);
}

TEST(ReadSmallFile, AFileWithoutASizeIsReadToo) {
  EXPECT_FALSE(read_small_file("/proc/self/status", 1 << 20)->empty());
}

TEST(ReadSmallFile, SaysWhatIsWrong) {
  const test::TemporaryDirectory directory;
  EXPECT_EQ(read_small_file(directory / "none", 9).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(read_small_file(directory.path(), 9).error().code, ErrorCode::kNotRegular);
  const Error error = read_small_file(directory / "no\nne", 9).error();
  EXPECT_EQ(error.message, "'" + (directory / "no\\nne") + "' cannot be read: No such file or directory");
}

TEST(ReadSmallFile, LeavesNoDescriptorBehind) {
  const test::TemporaryDirectory directory;
  directory.make_file("file", "content");
  const auto before = test::open_descriptor_count();
  EXPECT_TRUE(read_small_file(directory / "file", 100));
  EXPECT_FALSE(read_small_file(directory / "file", 1));
  EXPECT_FALSE(read_small_file(directory.path(), 1));
  EXPECT_EQ(test::open_descriptor_count(), before);
}

TEST(SetNonblocking, AddsTheFlagAndKeepsTheOthers) {
  const test::TemporaryDirectory directory;
  const UniqueFd file(::open((directory / "log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  set_nonblocking(file.get());
  const int flags = ::fcntl(file.get(), F_GETFL);
  EXPECT_TRUE((flags & O_NONBLOCK) != 0);
  EXPECT_TRUE((flags & O_APPEND) != 0);
}

TEST(SetNonblocking, ThrowsForABadDescriptor) {
  EXPECT_ANY_THROW(set_nonblocking(-1));
}

}  // namespace
}  // namespace farhand
