// StoreQueue and StoreBatch: what gets its name, in which order, and what does not. And JobLedger, which counts it.
#include "protocol/transfer/store_batch.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "protocol/transfer/job_ledger.h"
#include "protocol/transfer/store_queue.h"
#include "tests/unit/protocol/job_peer.h"

namespace farhand {
namespace {

using test::JobPlace;

struct Store {
  JobPlace place;
  RootedDirectory base = *RootedDirectory::open(place.directory / "there");
  SharedDirectory directory =
      std::make_shared<const UniqueFd>(::open((place.directory / "there").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));

  StoreItem item(const std::string& name, const std::string& content) const {
    PartFile part = *PartFile::make(directory, name, name, false);
    EXPECT_TRUE(part.append(bytes_of(content)));
    struct stat status {};
    EXPECT_EQ(::fstat(part.fd(), &status), 0);
    StoreItem one;
    one.path = one.shown = name;
    one.part = part.detach();
    one.device = status.st_dev;
    one.inode = status.st_ino;
    one.bytes = content.size();
    return one;
  }
  StoreItem link(EntryKind kind, const std::string& name, const std::string& target) const {
    StoreItem one;
    one.kind = kind;
    one.path = one.shown = name;
    one.link_target = target;
    return one;
  }
};

TEST(StoreQueue, FewAndManyFilesGetTheirNames) {
  for (const std::size_t count : {std::size_t{1}, kFewFiles, kFewFiles + 1, std::size_t{600}}) {
    Store store;
    StoreQueue queue(store.base, {});
    queue.watch(store.directory);
    for (std::size_t i = 0; i < count; ++i) {
      StoreItem item = store.item(std::to_string(i), "content " + std::to_string(i));
      item.number = i;
      queue.add(std::move(item));
    }
    const auto results = queue.drain();
    ASSERT_EQ(results.size(), count);
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_EQ(results[i].number, i) << "in their order";
      EXPECT_FALSE(results[i].error) << results[i].error->message;
      ASSERT_EQ(store.place.content(std::to_string(i)), "content " + std::to_string(i));
    }
    EXPECT_EQ(store.place.names().size(), count);
  }
}

// Each batch makes the whole file system wait for its journal: many small ones would be slower than the files come.
TEST(StoreQueue, WhileMoreComesALittleWaitsForAsLongAsTheLastBatchTook) {
  Store store;
  StoreQueue queue(store.base, {});
  queue.watch(store.directory);
  for (int i = 0; i < 200; ++i) queue.add(store.item(std::to_string(i), "content"));
  EXPECT_TRUE(queue.turn(true).empty());
  EXPECT_GE(queue.fd(), 0) << "the first waits for nothing";
  queue.add(store.item("next", "content"));
  pollfd done{queue.fd(), POLLIN, 0};
  ASSERT_EQ(::poll(&done, 1, 10000), 1);
  EXPECT_EQ(queue.turn(true).size(), 200u);
  EXPECT_EQ(queue.fd(), -1);
  EXPECT_FALSE(queue.idle());
  EXPECT_LT(queue.next_turn().when(), Deadline::after(std::chrono::seconds(1)).when());
  queue.turn();
  EXPECT_GE(queue.fd(), 0) << "when nothing comes any more it begins at once";
}

TEST(StoreQueue, EnoughIsABatchHoweverShortTheLastIsAgo) {
  Store store;
  StoreQueue queue(store.base, {});
  queue.watch(store.directory);
  queue.add(store.item("first", "content"));
  queue.turn(true);
  for (int i = 0; i < 300; ++i) queue.add(store.item(std::to_string(i), "content"));
  pollfd done{queue.fd(), POLLIN, 0};
  ASSERT_EQ(::poll(&done, 1, 10000), 1);
  EXPECT_EQ(queue.turn(true).size(), 1u);
  EXPECT_GE(queue.fd(), 0);
}

TEST(StoreQueue, WhatIsNotStoredLeavesNoPart) {
  Store store;
  {
    StoreQueue queue(store.base, {});
    queue.add(store.item("a", "x"));
    EXPECT_EQ(store.place.names().size(), 1u);
  }
  EXPECT_TRUE(store.place.names().empty());
}

TEST(StoreBatch, OneThatFailsDoesNotHoldUpTheOthers) {
  Store store;
  store.place.directory.make_directory("there/b");
  std::vector<StoreItem> items;
  items.push_back(store.item("a", "x"));
  items.push_back(store.item("b", "x"));
  items.push_back(store.item("c", "x"));
  ::unlink(store.place.path(items[2].part.name).c_str());
  store.place.directory.make_file("there/" + items[2].part.name, "forged");
  StoreBatch batch(std::move(items), store.base, {}, {});
  batch.run();
  const auto results = batch.take_results();
  EXPECT_FALSE(results[0].error);
  ASSERT_TRUE(results[1].error);
  EXPECT_EQ(results[1].error->code, ErrorCode::kIsDirectory);
  EXPECT_TRUE(results[2].error) << "somebody has put another file there";
  EXPECT_EQ(store.place.content("c"), "(none)");
  EXPECT_EQ(store.place.names().size(), 3u) << "a, b and the file of somebody";
}

TEST(StoreBatch, LinksTakeTheirNamesAsFilesDo) {
  Store store;
  store.place.directory.make_file("there/old", "old");
  store.place.directory.make_file("there/second", "old");
  std::vector<StoreItem> items;
  items.push_back(store.item("first", "x"));
  items.push_back(store.link(EntryKind::kLink, "old", "../anywhere"));
  items.push_back(store.link(EntryKind::kHardLink, "second", "first"));
  items.push_back(store.link(EntryKind::kHardLink, "third", "missing"));
  StoreBatch batch(std::move(items), store.base, {}, {});
  batch.run();
  const auto results = batch.take_results();
  EXPECT_FALSE(results[1].error);
  EXPECT_EQ(std::filesystem::read_symlink(store.place.path("old")), "../anywhere");
  EXPECT_FALSE(results[2].error);
  EXPECT_EQ(store.place.status("first").st_ino, store.place.status("second").st_ino);
  EXPECT_TRUE(results[3].error);
  EXPECT_EQ(store.place.names(), (std::vector<std::string>{"first", "old", "second"}));
}

TEST(StoreBatch, WhatCameMeanwhileIsKeptIfThatWasAsked) {
  Store store;
  std::vector<StoreItem> items;
  items.push_back(store.item("a", "yours"));
  store.place.directory.make_file("there/a", "mine");
  StoreBatch batch(std::move(items), store.base, {Existing::kKeep, ""}, {});
  batch.run();
  EXPECT_TRUE(batch.take_results()[0].stayed);
  EXPECT_EQ(store.place.content("a"), "mine");
  EXPECT_EQ(store.place.names().size(), 1u);
}

TEST(StoreQueue, ADirectoryThatIsRenamedAwayKeepsNoPart) {
  for (const std::size_t count : {std::size_t{1}, std::size_t{20}}) {  // by themselves, and without their descriptors
    Store store;
    store.place.directory.make_directory("there/d");
    store.directory =
        std::make_shared<const UniqueFd>(::open(store.place.path("d").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    StoreQueue queue(store.base, {});
    queue.watch(store.directory);
    for (std::size_t i = 0; i < count; ++i) {
      StoreItem item = store.item(std::to_string(i), "x");
      item.path = item.shown = "d/" + item.path;
      queue.add(std::move(item));
    }
    std::filesystem::rename(store.place.path("d"), store.place.path("away"));
    for (const StoreResult& result : queue.drain()) {
      ASSERT_TRUE(result.error);
      EXPECT_EQ(result.error->code, ErrorCode::kNotFound) << result.error->message;
    }
    EXPECT_TRUE(store.place.names("away").empty());
  }
}

TEST(JobLedger, CountsFromTheFirstOnWithoutAGap) {
  JobLedger ledger;
  for (const auto* path : {"a", "b", "c"}) ledger.add(path);
  ledger.settle(1);
  ledger.advance();
  EXPECT_EQ(ledger.settled(), 0u);
  ledger.settle(0);
  ledger.advance();
  EXPECT_EQ(ledger.settled(), 2u);
}

TEST(JobLedger, DirectoriesAreLeftWhenAllInThemIsSettledTheDeepestFirst) {
  JobLedger ledger;
  const std::vector<std::string> paths{"d", "d/e", "d/e/x", "d/y", "z"};
  for (const auto& path : paths) ledger.add(path);
  ledger.remember_directory(0, test::directory_entry("d"), "d");
  ledger.remember_directory(1, test::directory_entry("d/e"), "d/e");
  const auto left_by = [&](std::uint64_t number) {
    std::vector<std::string> names;
    ledger.settle(number);
    for (const auto& left : ledger.advance()) names.push_back(left.path);
    return names;
  };
  EXPECT_TRUE(left_by(0).empty());
  EXPECT_TRUE(left_by(1).empty());
  EXPECT_TRUE(left_by(3).empty()) << "what comes before is under way";
  EXPECT_EQ(left_by(2), std::vector<std::string>{"d/e"});
  EXPECT_EQ(left_by(4), std::vector<std::string>{"d"});
}

}  // namespace
}  // namespace farhand
