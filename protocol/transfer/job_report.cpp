// JobReport: a list that becomes `trouble` frames.
#include "protocol/transfer/job_report.h"

#include <algorithm>

#include "protocol/limits.h"

namespace farhand {
namespace {

// Each is at most a path and a sentence, 5 KiB: 32 of them are well below a structure's limit.
constexpr std::size_t kTroublesAFrame = 32;
constexpr std::size_t kMostUnsaid = 1024;

}  // namespace

void JobReport::add(Trouble trouble) {
  if (trouble.path.size() > kMaxFrameNameBytes) trouble.path.resize(kMaxFrameNameBytes);
  unsaid_.push_back(std::move(trouble));
}

void JobReport::failed(const std::string& shown, const Error& error) {
  ++totals.failed;
  Trouble trouble{shown, error.code, error.message, false};
  observer_.trouble(trouble, false);
  add(std::move(trouble));
}

void JobReport::notice(const std::string& shown, ErrorCode code, std::string sentence) {
  Trouble trouble{shown, code, std::move(sentence), true};
  observer_.trouble(trouble, false);
  add(std::move(trouble));
}

void JobReport::notices(std::vector<Trouble> notices) {
  for (Trouble& each : notices) notice(each.path, each.code, std::move(each.message));
}

void JobReport::would(const std::string& shown, std::string_view what) {
  observer_.would(shown, what);
  add({shown, ErrorCode::kInternal, std::string(what), true});
}

bool JobReport::full() const noexcept {
  return unsaid_.size() >= kMostUnsaid;
}

void JobReport::say_some(Channel& channel) {
  const auto end = unsaid_.begin() + static_cast<std::ptrdiff_t>(std::min(kTroublesAFrame, unsaid_.size()));
  channel.say_structure(FrameKind::kTrouble, encode(std::vector<Trouble>(unsaid_.begin(), end)));
  unsaid_.erase(unsaid_.begin(), end);
}

void JobReport::say(Channel& channel) {
  while (!unsaid_.empty() && channel.has_room()) say_some(channel);
}

void JobReport::say_all(Channel& channel) {
  while (!unsaid_.empty()) say_some(channel);
}

}  // namespace farhand
