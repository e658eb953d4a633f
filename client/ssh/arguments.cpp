// ssh's grammar: getopt over the words before the host, and once more over those behind it.
#include "client/ssh/arguments.h"

#include <span>

#include "client/ssh/letters.h"
#include "common/escape.h"

namespace farhand {
namespace {

class Reader {
 public:
  explicit Reader(std::span<const std::string> words) : words_(words) {}

  Result<SshArguments> read() {
    TRY_ASSIGN(const bool more, options());
    arguments_.before_host = arguments_.options.size();
    if (!more || words_.empty()) return arguments_;
    arguments_.host = take();
    if (!ended_) TRY(options());
    arguments_.command.assign(words_.begin(), words_.end());
    return arguments_;
  }

 private:
  std::string take() {
    std::string word = words_.front();
    words_ = words_.subspan(1);
    return word;
  }

  // Up to the first word that is no option. False: an option that ends everything was there.
  Result<bool> options() {
    while (!words_.empty() && words_.front().size() > 1 && words_.front().front() == '-') {
      const std::string bundle = take();
      ended_ = bundle == "--";
      if (ended_) return true;
      TRY_ASSIGN(const bool more, letters(bundle));
      if (!more) return false;
    }
    return true;
  }

  Result<bool> letters(const std::string& bundle) {
    for (std::size_t at = 1; at < bundle.size(); ++at) {
      const SshLetter* const letter = find_ssh_letter(bundle[at]);
      if (letter == nullptr) {
        return fail(ErrorCode::kUsage, "unknown option -- " + escape_for_display(bundle.substr(at, 1)));
      }
      SshOption option{letter->letter, ""};
      if (letter->takes_word) {
        TRY_ASSIGN(option.word, word_of(bundle, at));
      }
      arguments_.options.push_back(option);
      if (letter->use == SshLetterUse::kVersion || letter->use == SshLetterUse::kQuery) return false;
      if (letter->takes_word) break;
    }
    return true;
  }

  // The rest of the bundle, else the next word, whatever that looks like.
  Result<std::string> word_of(const std::string& bundle, std::size_t at) {
    if (at + 1 < bundle.size()) return bundle.substr(at + 1);
    if (words_.empty()) return fail(ErrorCode::kUsage, std::string("option requires an argument -- ") + bundle[at]);
    return take();
  }

  std::span<const std::string> words_;
  SshArguments arguments_;
  bool ended_ = false;  // by --
};

}  // namespace

Result<SshArguments> parse_ssh_arguments(const std::vector<std::string>& words) {
  return Reader(words).read();
}

}  // namespace farhand
