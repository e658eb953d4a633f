// Host and Match judged.
#include "client/ssh/conditions.h"

#include <algorithm>
#include <optional>

#include "client/ssh/patterns.h"
#include "client/ssh/values.h"
#include "client/verb_words.h"
#include "common/check.h"
#include "common/escape.h"

namespace farhand {
namespace {

class MatchReader {
 public:
  MatchReader(std::string_view rest, const SshSubject& subject) : rest_(rest), subject_(subject) {}

  Result<SshMatch> read() {
    for (;;) {
      const auto word = take();
      if (word && word->starts_with('#')) rest_ = {};
      if (!word || word->empty() || word->starts_with('#')) break;
      const bool negated = word->starts_with('!');
      const std::string name = in_small_letters(std::string_view(*word).substr(negated ? 1 : 0));
      if (name == "all") return all(negated);
      ++criteria_;
      TRY_ASSIGN(const SshHolds holds, judge(name));
      const SshHolds opposite = holds == SshHolds::kYes ? SshHolds::kNo : SshHolds::kYes;
      judge_by(negated && holds != SshHolds::kOpen ? opposite : holds);
    }
    if (rest_.data() != nullptr && rest_.find('"') != std::string_view::npos) return bad("a quote is not closed");
    if (criteria_ == 0) return bad("it has no criterion");
    return match_;
  }

 private:
  std::optional<std::string> take() { return take_ssh_word(rest_); }

  static tl::unexpected<Error> bad(const std::string& why) { return fail(usage("Bad Match condition: " + why)); }

  void judge_by(SshHolds holds) { match_.holds = std::min(match_.holds, holds); }

  Result<SshMatch> all(bool negated) {
    const auto next = take();
    if (criteria_ > 1 || (next && !next->empty() && !next->starts_with('#'))) return bad("'all' stands by itself");
    judge_by(negated ? SshHolds::kNo : SshHolds::kYes);
    return match_;
  }

  Result<SshHolds> judge(const std::string& name) {
    if (name == "canonical") return SshHolds::kOpen;
    if (name == "final") {
      match_.asks_final = true;
      return subject_.final ? SshHolds::kYes : SshHolds::kNo;
    }
    const auto pattern = take();
    if (!pattern || pattern->empty() || pattern->starts_with('#')) return bad("nothing stands behind " + quoted(name));
    if (name == "exec") return SshHolds::kOpen;
    if (name == "host") return holds_if(matches_ssh_list(in_small_letters(subject_.host), *pattern, true));
    if (name == "originalhost") {
      return holds_if(matches_ssh_list(in_small_letters(subject_.original), *pattern, true));
    }
    if (name == "user") return holds_if(matches_ssh_list(subject_.user, *pattern, false));
    if (name == "localuser") return holds_if(matches_ssh_list(subject_.local_user, *pattern, false));
    return bad(quoted(name) + " is no criterion of OpenSSH 9.2");
  }

  static SshHolds holds_if(bool yes) { return yes ? SshHolds::kYes : SshHolds::kNo; }

  std::string_view rest_;
  const SshSubject& subject_;
  SshMatch match_;
  int criteria_ = 0;
};

}  // namespace

Result<SshHolds> judge_ssh_host(const std::vector<std::string>& patterns, const SshSubject& subject) {
  SshHolds holds = SshHolds::kNo;
  for (const std::string& pattern : patterns) {
    if (pattern.empty()) return fail(usage("an empty pattern stands behind Host"));
    const bool back = pattern.starts_with('!');
    if (!matches_ssh_pattern(subject.named, std::string_view(pattern).substr(back ? 1 : 0))) continue;
    if (back) return SshHolds::kNo;
    holds = SshHolds::kYes;
  }
  return holds;
}

Result<SshMatch> judge_ssh_match(std::string_view text, const SshSubject& subject) {
  return MatchReader(text, subject).read();
}

void SshBlocks::file_begins() {
  around_.push_back(now_);
}

void SshBlocks::file_ends() {
  FARHAND_ASSERT(!around_.empty());
  now_ = std::move(around_.back());
  around_.pop_back();
}

void SshBlocks::begin(SshHolds holds, std::string place) {
  const Block& around = around_.back();
  now_ = around.holds < holds ? around : Block{holds, std::move(place)};
}

}  // namespace farhand
