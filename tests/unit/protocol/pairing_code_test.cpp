// The pairing code: there and back, every slip of the hand, and that no sentence repeats it.
#include "protocol/pairing_code.h"

#include <gtest/gtest.h>

namespace farhand {
namespace {

PairingCode counting_code() {
  PairingCode code;
  for (std::size_t i = 0; i < code.server.size(); ++i) code.server[i] = static_cast<std::uint8_t>(i * 7 + 1);
  for (std::size_t i = 0; i < code.secret.size(); ++i) code.secret[i] = static_cast<std::uint8_t>(255 - i);
  return code;
}

bool same(const PairingCode& a, const PairingCode& b) {
  return a.server == b.server && a.secret == b.secret;
}

void expect_refused(const std::string& text, const std::string& says) {
  const auto code = parse_pairing_code(text);
  ASSERT_FALSE(code) << says;
  EXPECT_EQ(code.error().code, ErrorCode::kUsage);
  EXPECT_NE(code.error().message.find(says), std::string::npos) << code.error().message;
  for (std::size_t at = 0; at + 8 <= text.size(); ++at) {
    EXPECT_EQ(code.error().message.find(text.substr(at, 8)), std::string::npos) << "the code is in the sentence";
  }
}

TEST(PairingCode, HasItsGoldenText) {
  // Computed apart from this code, in Python: base32 with Crockford's letters, binascii.crc_hqx(bytes, 0xffff).
  EXPECT_EQ(pairing_code_text(PairingCode{}), std::string(76, '0') + "1QWX");
  EXPECT_EQ(pairing_code_text(counting_code()),
            "0440Y5GX4GNK4EA08X75AQ33D9RQGZW6HPA9Q8N9"
            "P2VVXHECTFDFZZQXZKXZNYFRYZVFBX7KYBRZ0MAN");
}

TEST(PairingCode, IsReadAsItWasWritten) {
  const std::string text = pairing_code_text(counting_code());
  EXPECT_EQ(text.size(), 80u);
  const auto code = parse_pairing_code(text);
  ASSERT_TRUE(code) << code.error().message;
  EXPECT_TRUE(same(*code, counting_code()));
}

TEST(PairingCode, CaseHyphensBlanksAndLookAlikesDoNotMatter) {
  const std::string text = pairing_code_text(counting_code());
  std::string written = "  ";
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i % 8 == 0) written += i % 16 == 0 ? "-" : " \t";
    char c = i % 2 == 0 ? static_cast<char>(std::tolower(text[i])) : text[i];
    if (c == '0') c = i % 2 == 0 ? 'o' : 'O';
    if (c == '1') c = i % 3 == 0 ? 'i' : (i % 3 == 1 ? 'L' : 'l');
    written += c;
  }
  const auto code = parse_pairing_code(written + "\r\n");
  ASSERT_TRUE(code) << code.error().message;
  EXPECT_TRUE(same(*code, counting_code()));
}

TEST(PairingCode, EveryWrongCharacterIsTold) {
  const std::string text = pairing_code_text(counting_code());
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (const char c : std::string("0123456789ABCDEFGHJKMNPQRSTVWXYZ")) {
      if (c == text[at]) continue;
      std::string wrong = text;
      wrong[at] = c;
      ASSERT_FALSE(parse_pairing_code(wrong)) << at << ' ' << c;
    }
  }
}

TEST(PairingCode, EveryTranspositionOfNeighboursIsTold) {
  const std::string text = pairing_code_text(counting_code());
  for (std::size_t at = 0; at + 1 < text.size(); ++at) {
    if (text[at] == text[at + 1]) continue;
    std::string wrong = text;
    std::swap(wrong[at], wrong[at + 1]);
    EXPECT_FALSE(parse_pairing_code(wrong)) << at;
  }
}

TEST(PairingCode, EveryOtherLengthAndAlphabetIsRefusedWithoutRepeatingTheCode) {
  const std::string text = pairing_code_text(counting_code());
  for (std::size_t count = 0; count < text.size(); ++count) expect_refused(text.substr(0, count), "characters");
  expect_refused(text + "0", "81 characters");
  expect_refused(text + text, "160 characters");
  expect_refused(text + std::string(2000, '-'), "too long");
  expect_refused("U" + text.substr(1), "does not belong");
  expect_refused(text.substr(1) + "\x1b", "does not belong");
  expect_refused(text.substr(1) + std::string(1, '\0'), "does not belong");
  expect_refused(std::string(80, '\xff'), "does not belong");
  std::string wrong = text;
  wrong[40] = wrong[40] == 'A' ? 'B' : 'A';
  expect_refused(wrong, "a character is wrong");
}

}  // namespace
}  // namespace farhand
