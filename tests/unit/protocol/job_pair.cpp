// The pair's bodies.
#include "tests/unit/protocol/job_pair.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>

namespace farhand::test {

JobPair::JobPair() {
  place.placement = Placement::kAs;
  place.options.delta = true;
  place.options.sameness = Sameness::kByTimes;
}

void JobPair::make(const std::string& name, const std::string& content) const {
  std::filesystem::create_directories(std::filesystem::path(source / name).parent_path());
  source.make_file(name, content, 0644);
  static long seconds = 1'700'000'000;
  const std::array<timespec, 2> times{timespec{++seconds, 7}, timespec{seconds, 7}};
  if (::utimensat(AT_FDCWD, (source / name).c_str(), times.data(), 0) != 0) throw_errno("utimensat");
}

JobPair::Ends JobPair::run() {
  ChannelPair pair(SocketKind::kUnix, {}, place.tiny);
  greet(pair);
  pair.client->say_structure(FrameKind::kPush, encode(PushRequest{place.to, place.placement, place.options}));
  Ends ends;
  std::thread sending([&] {
    const auto resolver = RootedDirectory::open(source.path());
    std::vector<TreeWalk::Top> tops;
    tops.push_back({*resolver->open_plain(".", O_RDONLY | O_DIRECTORY), ".", "source"});
    auto walk = TreeWalk::begin(*resolver, std::move(tops), {});
    const auto outcome = send_job(*pair.client, *walk, sent, nullptr, packs);
    EXPECT_TRUE(outcome) << outcome.error().message;
    if (outcome) ends = {outcome->here, outcome->there};
    pair.client.reset();
  });
  EXPECT_EQ(hear_frame(*pair.server)->kind, FrameKind::kPush);
  const auto root = RootedDirectory::open(place.directory.path());
  const auto outcome =
      receive_job(*pair.server, JobTarget{*root, place.to, place.placement, place.mode_mask, {}, false, place.excludes},
                  place.options, place.observer);
  EXPECT_TRUE(outcome && *outcome) << (outcome ? "" : outcome.error().message);
  EXPECT_TRUE(pair.server->flush(soon()));
  pair.server.reset();
  sending.join();
  return ends;
}

namespace {

std::map<std::string, std::string> contents_of(const std::string& directory) {
  std::map<std::string, std::string> contents;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    std::ostringstream content;
    if (entry.is_regular_file() && !entry.is_symlink())
      content << std::ifstream(entry.path(), std::ios::binary).rdbuf();
    contents[std::filesystem::relative(entry.path(), directory)] = content.str();
  }
  return contents;
}

}  // namespace

bool JobPair::alike() const {
  return contents_of(source.path()) == contents_of(place.path("."));
}

}  // namespace farhand::test
