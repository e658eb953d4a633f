// The helpers' bodies.
#include "tests/unit/protocol/job_peer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace farhand::test {

HashValue hash_of(std::string_view bytes) {
  ContentHash hash;
  hash.add(bytes_of(bytes));
  return hash.value();
}

Entry file_entry(const std::string& path, std::string_view content, std::uint32_t mode) {
  Entry entry;
  entry.path = path;
  entry.mode = mode;
  entry.size = content.size();
  entry.modified_seconds = kJobTime.tv_sec;
  entry.modified_nanoseconds = static_cast<std::uint32_t>(kJobTime.tv_nsec);
  return entry;
}

Entry directory_entry(const std::string& path, std::uint32_t mode) {
  Entry entry = file_entry(path, "", mode);
  entry.kind = EntryKind::kDirectory;
  return entry;
}

Entry link_entry(const std::string& path, const std::string& target) {
  Entry entry = file_entry(path, "", 0777);
  entry.kind = EntryKind::kLink;
  entry.target = target;
  return entry;
}

Entry hard_link_entry(const std::string& path, const std::string& target) {
  Entry entry = link_entry(path, target);
  entry.kind = EntryKind::kHardLink;
  return entry;
}

Item file(const std::string& path, const std::string& content, std::uint32_t mode) {
  return {file_entry(path, content, mode), content};
}

Item without_content(Entry entry) {
  return {std::move(entry), ""};
}

void ScriptedSender::take(const Incoming& incoming) {
  switch (incoming.kind()) {
    case FrameKind::kVerdicts: {
      const auto verdicts = decode_verdicts(incoming.bytes);
      ASSERT_TRUE(verdicts);
      judged.insert(judged.end(), verdicts->begin(), verdicts->end());
      break;
    }
    case FrameKind::kSignature:
      signature_pieces.emplace_back(reinterpret_cast<const char*>(incoming.bytes.data()), incoming.bytes.size());
      break;
    case FrameKind::kStored:
      stored.push_back(std::stoull(incoming.header.name));
      break;
    case FrameKind::kTrouble: {
      const auto some = decode_trouble(incoming.bytes);
      ASSERT_TRUE(some);
      troubles.insert(troubles.end(), some->begin(), some->end());
      break;
    }
    case FrameKind::kFinish:
      ended = *decode_finish(incoming.bytes);
      break;
    default:
      FAIL() << "an unexpected frame " << kind_name(incoming.kind());
  }
}

void ScriptedSender::hear_until(const std::function<bool()>& enough) {
  while (!enough()) {
    const auto incoming = channel_.hear(soon());
    if (!incoming) throw std::runtime_error(incoming.error().message);
    take(*incoming);
    channel_.consume(incoming->bytes.size());
  }
}

void ScriptedSender::list(const std::vector<Entry>& entries) {
  channel_.say_structure(FrameKind::kEntries, encode(entries));
}

const std::vector<Verdict>& ScriptedSender::verdicts(std::size_t count) {
  hear_until([&] { return judged.size() >= count; });
  return judged;
}

void ScriptedSender::part(std::uint64_t offset, std::string_view bytes) {
  do {
    const std::string_view some = bytes.substr(0, 64 << 10);
    channel_.say_bytes(FrameKind::kPart, std::to_string(offset), bytes_of(some));
    bytes.remove_prefix(some.size());
    offset += some.size();
    while (!channel_.has_room()) {
      const auto waited = channel_.wait({}, soon());
      if (!waited) throw std::runtime_error(waited.error().message);
      // As every sender must: what comes is taken while there is no room to say more.
      while (hears_) {
        const auto incoming = channel_.peek();
        if (!incoming) throw std::runtime_error(incoming.error().message);
        if (!*incoming) break;
        take(**incoming);
        channel_.consume((*incoming)->bytes.size());
      }
    }
  } while (!bytes.empty());
}

void ScriptedSender::copy(std::uint64_t at, const CopyRange& range) {
  channel_.say_bytes(FrameKind::kCopy, std::to_string(at), bytes_of(encode(range)));
}

void ScriptedSender::seal(const Seal& seal) {
  channel_.say_structure(FrameKind::kClose, encode(seal));
}

void ScriptedSender::close(std::string_view content, std::uint32_t mode) {
  seal({SealOutcome::kComplete, content.size(), hash_of(content), mode, kJobTime.tv_sec,
        static_cast<std::uint32_t>(kJobTime.tv_nsec), ErrorCode::kInternal, ""});
}

void ScriptedSender::content(std::string_view bytes, std::uint32_t mode) {
  if (!bytes.empty()) part(0, bytes);
  close(bytes, mode);
}

void ScriptedSender::finish(bool complete) {
  JobEnd end;
  end.complete = complete;
  channel_.say_structure(FrameKind::kFinish, encode(end));
}

JobEnd ScriptedSender::end() {
  hear_until([&] { return ended.has_value(); });
  return *ended;
}

JobPlace::JobPlace() {
  directory.make_directory("there");
}

Result<Result<JobOutcome>> JobPlace::run(const std::function<void(ScriptedSender&)>& script) {
  ChannelPair pair(SocketKind::kUnix, {}, tiny);
  greet(pair);
  pair.client->say_structure(FrameKind::kPush, encode(PushRequest{to, placement, options}));
  std::thread sending([&] {
    ScriptedSender sender(*pair.client);
    try {
      script(sender);
      if (const auto sent = pair.client->flush(soon()); !sent) throw std::runtime_error(sent.error().message);
    } catch (const std::exception& error) {
      sender.troubles.push_back({"(script)", ErrorCode::kInternal, error.what(), false});
    }
    last_verdicts = sender.judged;
    last_stored = sender.stored;
    last_troubles = sender.troubles;
    if (sender.ended) heard = *sender.ended;
    pair.client.reset();
  });
  EXPECT_EQ(hear_frame(*pair.server)->kind, FrameKind::kPush);
  const auto root = RootedDirectory::open(directory.path());
  auto outcome =
      receive_job(*pair.server, JobTarget{*root, to, placement, mode_mask, {}, false, excludes}, options, observer);
  if (outcome && *outcome) {
    EXPECT_TRUE(pair.server->flush(soon()));
  }
  pair.server.reset();
  sending.join();
  return outcome;
}

namespace {

// What a sender does with one verdict.
void send_one(ScriptedSender& sender, const Verdict& verdict, const Entry& entry, const std::string& content) {
  if (verdict.need == Need::kNothing) return;
  if (verdict.need == Need::kRest && content.size() >= verdict.have &&
      hash_of(content.substr(0, verdict.have)) == verdict.hash) {
    if (content.size() > verdict.have) sender.part(verdict.have, content.substr(verdict.have));
  } else if (verdict.need == Need::kRest || !content.empty()) {
    sender.part(0, content);
  }
  sender.close(content, entry.mode);
}

}  // namespace

Result<Result<JobOutcome>> JobPlace::send(const std::vector<Item>& items) {
  return run([&](ScriptedSender& sender) {
    constexpr std::size_t kAtOnce = 500;
    for (std::size_t from = 0; from < items.size(); from += kAtOnce) {
      const std::size_t until = std::min(items.size(), from + kAtOnce);
      std::vector<Entry> entries;
      for (std::size_t i = from; i < until; ++i) entries.push_back(items[i].first);
      sender.list(entries);
      sender.verdicts(until);
      for (std::size_t i = from; i < until; ++i) send_one(sender, sender.judged[i], items[i].first, items[i].second);
    }
    sender.finish();
    sender.end();
  });
}

std::string JobPlace::content(const std::string& name) const {
  std::ifstream file(path(name), std::ios::binary);
  if (!file) return "(none)";
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

struct stat JobPlace::status(const std::string& name) const {
  struct stat status {};
  if (::lstat(path(name).c_str(), &status) != 0) throw_errno("lstat");
  return status;
}

std::vector<std::string> JobPlace::names(const std::string& in) const {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path(in))) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

void JobPlace::make_old(const std::string& name, const std::string& content, mode_t mode) const {
  directory.make_file("there/" + name, content, mode);
  const std::array<timespec, 2> times{kJobTime, kJobTime};
  if (::utimensat(AT_FDCWD, path(name).c_str(), times.data(), 0) != 0) throw_errno("utimensat");
}

}  // namespace farhand::test
