// A reader of the few forms that AuditLine writes.
#include "server/audit_fields.h"

#include <algorithm>
#include <array>

#include "common/escape.h"
#include "common/quoted_text.h"

namespace farhand {
namespace {

constexpr std::array<std::string_view, 6> kNotTheirs{"time", "run", "id", "pid", "uid", "event"};

class Reader {
 public:
  Reader(std::string_view text, std::string_view source)
      : rest_(text), source_(quoted_text(escape_for_display(source))) {}

  bool fields() {
    if (!take("\"event\":") || !string()) return false;
    while (take(",")) {
      const std::string_view named = rest_;
      if (!name() || !take(":")) return false;
      const std::string_view valued = rest_;
      if (!value()) return false;
      const std::string_view said = valued.substr(0, valued.size() - rest_.size());
      if (named.starts_with("\"source\":") && said != source_) return false;
    }
    return rest_.empty();
  }

 private:
  bool take(std::string_view what) noexcept {
    if (!rest_.starts_with(what)) return false;
    rest_.remove_prefix(what.size());
    return true;
  }

  // Up to the quotation mark that ends it; what a backslash escapes is not looked at, but that JSON knows it.
  bool string() noexcept {
    if (!take("\"")) return false;
    while (!rest_.empty() && rest_.front() != '"') {
      const bool escape = rest_.front() == '\\';
      if (escape && (rest_.size() < 2 || (rest_[1] != '"' && rest_[1] != '\\'))) return false;
      rest_.remove_prefix(escape ? 2 : 1);
    }
    return take("\"");
  }

  bool name() noexcept {
    const std::string_view before = rest_;
    if (!string()) return false;
    const std::string_view name = before.substr(1, before.size() - rest_.size() - 2);
    const bool plain = !name.empty() && std::all_of(name.begin(), name.end(), [](char letter) {
      return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') || letter == '-' || letter == '_';
    });
    return plain && std::find(kNotTheirs.begin(), kNotTheirs.end(), name) == kNotTheirs.end();
  }

  bool number() noexcept {
    take("-");
    const std::size_t digits = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
    const bool fine = digits > 0 && digits <= 20 && (digits == 1 || rest_.front() != '0');
    rest_.remove_prefix(digits);
    return fine;
  }

  bool list() noexcept {
    if (take("]")) return true;
    do {
      take(" ");
      if (!string()) return false;
    } while (take(","));
    return take("]");
  }

  bool value() noexcept {
    if (rest_.starts_with('"')) return string();
    return take("[") ? list() : number();
  }

  std::string_view rest_;
  const std::string source_;  // as it has to be written
};

}  // namespace

bool are_audit_fields(std::string_view text, std::string_view source) {
  return sentence_for_display(text, text.size()) == text && Reader(text, source).fields();
}

}  // namespace farhand
