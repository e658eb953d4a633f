// The messages: golden bytes, and every damage that one bit or one missing byte can do.
#include <gtest/gtest.h>

#include <functional>

#include "protocol/limits.h"
#include "protocol/messages/command.h"
#include "protocol/messages/file.h"
#include "protocol/messages/pairing.h"
#include "protocol/messages/session.h"
#include "tests/unit/protocol/memory_meter.h"
#include "tests/unit/protocol/sabotage.h"

namespace farhand {
namespace {

using namespace std::chrono_literals;

using test::flip_bit;
using test::from_hex;
using test::to_hex;
using test::truncate_at;

HashValue counting_hash() {
  HashValue hash{};
  for (std::size_t i = 0; i < hash.size(); ++i) hash[i] = static_cast<std::uint8_t>(0x10 + i);
  return hash;
}

// One message with its bytes by hand, and how the bytes are read and written again.
struct Golden {
  const char* name;
  std::string encoded;
  const char* hex;
  std::function<Result<std::string>(const std::string&)> again;  // decode, then encode
  std::size_t code_at;                                           // where an error code stands; npos without one
};

template <class Message>
std::function<Result<std::string>(const std::string&)> again(Result<Message> (*decode)(Bytes)) {
  return [decode](const std::string& bytes) -> Result<std::string> {
    TRY_ASSIGN(const Message message, decode(bytes_of(bytes)));
    return encode(message);
  };
}

constexpr std::size_t kNoCode = std::string::npos;

std::vector<Golden> goldens() {
  const Seal complete{SealOutcome::kComplete, 5, counting_hash(), 0644, 1700000000, 123456789,
                      ErrorCode::kInternal,   ""};
  const Seal failed{SealOutcome::kFailed, 0, {}, 0, -1, 0, ErrorCode::kSourceChanged, "moved"};
  return {
      {"hello", encode(Hello{1, "rclient 0.1.0", {}}),
       "0100 0d00000000000000 72636c69656e7420302e312e30 0000000000000000", again(decode_hello), kNoCode},
      {"hello with features", encode(Hello{0x0201, "", {"a", "bc"}}),
       "0102 0000000000000000 0200000000000000 0100000000000000 61 0200000000000000 6263", again(decode_hello),
       kNoCode},
      {"error", encode(ErrorReport{ErrorCode::kRefused, true, "no"}), "0300 01 0200000000000000 6e6f",
       again(decode_error), 0},
      {"error that stays", encode(ErrorReport{ErrorCode::kCancelled, false, ""}), "1600 00 0000000000000000",
       again(decode_error), 0},
      {"exec of words", encode(ExecRequest{ExecMode::kArgv, {"ls", ""}}),
       "00 0200000000000000 0200000000000000 6c73 0000000000000000 0000000000000000 0000000000000000"
       "0000000000000000 0000000000000000 00 00 0000000000000000 0000000000000000 0000000000000000",
       again(decode_exec), kNoCode},
      {"exec with variables", encode(ExecRequest{ExecMode::kArgv, {"a"}, {"A=1", "B="}, {"TZ=U"}}),
       "00 0100000000000000 0100000000000000 61 0200000000000000 0300000000000000 413d31 0200000000000000 423d"
       "0100000000000000 0400000000000000 545a3d55"
       "0000000000000000 0000000000000000 00 00 0000000000000000 0000000000000000 0000000000000000",
       again(decode_exec), kNoCode},
      {"exec of a line", encode(ExecRequest{ExecMode::kShell, {"ls | wc"}}),
       "01 0100000000000000 0700000000000000 6c73207c207763 0000000000000000 0000000000000000"
       "0000000000000000 0000000000000000 00 00 0000000000000000 0000000000000000 0000000000000000",
       again(decode_exec), kNoCode},
      {"exec of a shell on a terminal",
       encode(ExecRequest{ExecMode::kLogin, {}, {}, {}, "/a", 2s, true, Terminal{"vt", {1, 2, 3, 4}, {{5, 6}}}}),
       "02 0000000000000000 0000000000000000 0000000000000000 0200000000000000 2f61 d007000000000000 01 01"
       "0200000000000000 7674 0100 0200 0300 0400 0100000000000000 05 06000000",
       again(decode_exec), kNoCode},
      {"resize", encode(TerminalSize{24, 80, 0x0102, 0}), "1800 5000 0201 0000", again(decode_resize), kNoCode},
      {"exit", encode(ExitReport{ExitKind::kExited, 7, false, ErrorCode::kInternal, ""}),
       "00 07 00 0100 0000000000000000 00 0000000000000000 0000000000000000 0000000000000000 0000000000000000",
       again(decode_exit), 3},
      {"exit after a timeout",
       encode(
           ExitReport{ExitKind::kSignalled, 9, false, ErrorCode::kInternal, "", true, CommandUsage{4us, 3us, 2us, 1}}),
       "01 09 00 0100 0000000000000000 01 0400000000000000 0300000000000000 0200000000000000 0100000000000000",
       again(decode_exit), 3},
      {"exit by signal", encode(ExitReport{ExitKind::kSignalled, 11, true, ErrorCode::kInternal, ""}),
       "01 0b 01 0100 0000000000000000 00 0000000000000000 0000000000000000 0000000000000000 0000000000000000",
       again(decode_exit), 3},
      {"exit before the start", encode(ExitReport{ExitKind::kNotStarted, 127, false, ErrorCode::kNotFound, "no"}),
       "02 7f 00 0400 0200000000000000 6e6f 00 0000000000000000 0000000000000000 0000000000000000 0000000000000000",
       again(decode_exit), 3},
      {"offer", encode(Offer{"a.txt", true, 0x0102030405U}), "0500000000000000 612e747874 01 0504030201000000",
       again(decode_offer), kNoCode},
      {"offer of an unknown size", encode(Offer{"", false, 0}), "0000000000000000 00 0000000000000000",
       again(decode_offer), kNoCode},
      {"seal", encode(complete),
       "00 0500000000000000 101112131415161718191a1b1c1d1e1f a4010000 00f1536500000000 15cd5b07 0100 0000000000000000",
       again(decode_seal), 41},
      {"seal of a failure", encode(failed),
       "01 0000000000000000 00000000000000000000000000000000 00000000 ffffffffffffffff 00000000 0b00"
       "0500000000000000 6d6f766564",
       again(decode_seal), 41},
      {"done", encode(Done{5, counting_hash(), "a/b"}),
       "0500000000000000 101112131415161718191a1b1c1d1e1f 0300000000000000 612f62", again(decode_done), kNoCode},
      {"pair", encode(Pair{1, "c 1", counting_hash(), "a@b"}),
       "0100 0300000000000000 632031 101112131415161718191a1b1c1d1e1f 0300000000000000 614062", again(decode_pair),
       kNoCode},
      {"paired", encode(Paired{"a", {"exec", "get"}}),
       "0100000000000000 61 0200000000000000 0400000000000000 65786563 0300000000000000 676574", again(decode_paired),
       kNoCode},
  };
}

TEST(Messages, HaveTheirGoldenBytes) {
  for (const Golden& golden : goldens()) {
    EXPECT_EQ(to_hex(golden.encoded), to_hex(from_hex(golden.hex))) << golden.name;
  }
}

TEST(Messages, AreReadAsTheyWereWritten) {
  for (const Golden& golden : goldens()) {
    const auto again = golden.again(from_hex(golden.hex));
    ASSERT_TRUE(again) << golden.name << ": " << again.error().message;
    EXPECT_EQ(to_hex(*again), to_hex(from_hex(golden.hex))) << golden.name;
  }
}

TEST(Messages, EveryTruncationIsRefused) {
  for (const Golden& golden : goldens()) {
    for (std::size_t count = 0; count < golden.encoded.size(); ++count) {
      const auto again = golden.again(truncate_at(golden.encoded, count));
      ASSERT_FALSE(again) << golden.name << " cut at " << count;
      EXPECT_EQ(again.error().code, ErrorCode::kProtocol);
    }
  }
}

TEST(Messages, ATrailingByteIsRefused) {
  for (const Golden& golden : goldens()) {
    for (const char extra : {'\0', 'x'}) EXPECT_FALSE(golden.again(golden.encoded + extra)) << golden.name;
  }
}

// An error code of a newer version is the one field that is read as something else: as the most general code.
bool is_unknown_code(const Golden& golden, const std::string& bytes) {
  if (golden.code_at == kNoCode) return false;
  const auto low = static_cast<unsigned char>(bytes[golden.code_at]);
  const auto high = static_cast<unsigned char>(bytes[golden.code_at + 1]);
  return !is_error_code(static_cast<std::uint16_t>(low | high << 8));
}

TEST(Messages, EveryFlippedBitIsRefusedOrIsAnotherMessageWithThatVerySpelling) {
  for (const Golden& golden : goldens()) {
    for (std::size_t bit = 0; bit < golden.encoded.size() * 8; ++bit) {
      const std::string flipped = flip_bit(golden.encoded, bit);
      const auto again = golden.again(flipped);
      if (!again || is_unknown_code(golden, flipped)) continue;
      EXPECT_EQ(to_hex(*again), to_hex(flipped)) << golden.name << ", bit " << bit;
    }
  }
}

TEST(Messages, HugeCountsAreRefusedWithoutMemory) {
  for (const Golden& golden : goldens()) {
    for (std::size_t at = 0; at + 8 <= golden.encoded.size(); ++at) {
      for (const std::uint64_t count :
           {std::uint64_t{1} << 61, std::uint64_t{1} << 32, std::uint64_t{1000000000}, std::uint64_t{1} << 63}) {
        std::string bytes = golden.encoded;
        for (std::size_t i = 0; i < 8; ++i)
          bytes[at + i] = static_cast<char>(static_cast<unsigned char>(count >> (8 * i)));
        const test::MemoryMeter meter;
        (void)golden.again(bytes).has_value();
        ASSERT_LT(meter.peak_bytes(), std::size_t{1} << 20) << golden.name << " at " << at;
      }
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// What a well-formed structure may not say

template <class Message>
bool survives(Result<Message> (*decode)(Bytes), const Message& message) {
  return decode(bytes_of(encode(message))).has_value();
}

TEST(Messages, AnExecWithoutWordsIsRefused) {
  EXPECT_FALSE(survives(decode_exec, ExecRequest{ExecMode::kArgv, {}}));
  EXPECT_FALSE(survives(decode_exec, ExecRequest{ExecMode::kShell, {}}));
}

TEST(Messages, AWordWithAZeroByteIsRefused) {
  const std::string word("a\0b", 3);
  EXPECT_FALSE(survives(decode_exec, ExecRequest{ExecMode::kArgv, {"ls", word}}));
  EXPECT_FALSE(survives(decode_exec, ExecRequest{ExecMode::kShell, {word}}));
}

TEST(Messages, AShellLineIsExactlyOneWord) {
  EXPECT_TRUE(survives(decode_exec, ExecRequest{ExecMode::kShell, {""}}));
  for (const ExecMode one_word : {ExecMode::kHomeLine, ExecMode::kSubsystem}) {
    EXPECT_TRUE(survives(decode_exec, ExecRequest{one_word, {"sftp"}}));
    EXPECT_FALSE(survives(decode_exec, ExecRequest{one_word, {}}));
    EXPECT_FALSE(survives(decode_exec, ExecRequest{one_word, {"a", "b"}}));
  }
  EXPECT_TRUE(survives(decode_exec, ExecRequest{ExecMode::kHomeLogin, {}}));
  EXPECT_FALSE(survives(decode_exec, ExecRequest{ExecMode::kHomeLogin, {"a"}}));
  EXPECT_FALSE(survives(decode_exec, ExecRequest{ExecMode::kShell, {"ls", "-l"}}));
  EXPECT_TRUE(survives(decode_exec, ExecRequest{ExecMode::kArgv, {"ls", "-l"}}));
}

// What is wrong with a variable in either list; and the twin of each.
void expect_variables(const std::vector<std::string>& variables, bool good) {
  EXPECT_EQ(survives(decode_exec, ExecRequest{ExecMode::kArgv, {"a"}, variables, {}}), good) << variables.size();
  EXPECT_EQ(survives(decode_exec, ExecRequest{ExecMode::kArgv, {"a"}, {}, variables}), good) << variables.size();
}

TEST(Messages, AVariableHasANameAndNoZeroByte) {
  for (const char* good : {"A=", "A=1", "A=b=c", "BASH_FUNC_x%%=1", "A=1\n2"}) expect_variables({good}, true);
  for (const std::string& bad : {std::string(), std::string("A"), std::string("=1"), std::string("A=\0", 3)}) {
    expect_variables({bad}, false);
    expect_variables({"A=1", bad}, false);
  }
}

TEST(Messages, VariablesAreBoundedInNumberAndInLength) {
  expect_variables(std::vector<std::string>(kMaxVariables, "A=1"), true);
  expect_variables(std::vector<std::string>(kMaxVariables + 1, "A=1"), false);
  expect_variables({"A=" + std::string(kMaxVariableBytes - 2, 'x')}, true);
  expect_variables({"A=" + std::string(kMaxVariableBytes - 1, 'x')}, false);
}

TEST(Messages, AnExecMayFillItsFrame) {
  EXPECT_TRUE(survives(decode_exec, ExecRequest{ExecMode::kArgv, {"cat", std::string(kMaxExecStructure - 128, 'x')}}));
}

TEST(Messages, ASignalIsOneTo127) {
  for (const int signal : {0, 128, 200, 255}) {
    const auto value = static_cast<std::uint8_t>(signal);
    EXPECT_FALSE(survives(decode_exit, ExitReport{ExitKind::kSignalled, value, false, ErrorCode::kInternal, ""}))
        << signal;
  }
  for (const int signal : {1, 9, 64, 127}) {
    const auto value = static_cast<std::uint8_t>(signal);
    EXPECT_TRUE(survives(decode_exit, ExitReport{ExitKind::kSignalled, value, false, ErrorCode::kInternal, ""}))
        << signal;
  }
}

TEST(Messages, OnlyACommandThatDidNotStartHasASentence) {
  for (const ExitKind kind : {ExitKind::kExited, ExitKind::kSignalled}) {
    EXPECT_FALSE(survives(decode_exit, ExitReport{kind, 1, false, ErrorCode::kInternal, "why"}));
  }
  EXPECT_TRUE(survives(decode_exit, ExitReport{ExitKind::kNotStarted, 126, false, ErrorCode::kNotExecutable, "why"}));
}

TEST(Messages, AnOfferedLeafIsOneComponent) {
  for (const std::string& leaf : {std::string("a/b"), std::string("/"), std::string("."), std::string(".."),
                                  std::string("../x"), std::string("a\0b", 3), std::string(256, 'x')}) {
    EXPECT_FALSE(survives(decode_offer, Offer{leaf, false, 0})) << leaf;
  }
  for (const std::string& leaf : {std::string(), std::string("..."), std::string(".hidden"), std::string("-x"),
                                  std::string("a\nb"), std::string("\xff\xfe"), std::string(255, 'x')}) {
    EXPECT_TRUE(survives(decode_offer, Offer{leaf, false, 0})) << leaf;
  }
}

TEST(Messages, AnOfferedSizeFitsIntoAFile) {
  EXPECT_TRUE(survives(decode_offer, Offer{"", true, kMaxFrameSize}));
  EXPECT_FALSE(survives(decode_offer, Offer{"", true, kMaxFrameSize + 1}));
  EXPECT_FALSE(survives(decode_offer, Offer{"", false, UINT64_MAX}));
}

TEST(Messages, ASealStaysInItsRanges) {
  const auto with = [](void (*change)(Seal&)) {
    Seal seal;
    change(seal);
    return survives(decode_seal, seal);
  };
  EXPECT_TRUE(with([](Seal& seal) { seal.mode = 07777; }));
  EXPECT_FALSE(with([](Seal& seal) { seal.mode = 010000; }));
  EXPECT_FALSE(with([](Seal& seal) { seal.mode = 0100644; }));
  EXPECT_TRUE(with([](Seal& seal) { seal.modified_nanoseconds = 999999999; }));
  EXPECT_FALSE(with([](Seal& seal) { seal.modified_nanoseconds = 1000000000; }));
  // UTIME_NOW and UTIME_OMIT are nanoseconds with a meaning of their own in futimens(2).
  EXPECT_FALSE(with([](Seal& seal) { seal.modified_nanoseconds = (1U << 30) - 1; }));
  EXPECT_FALSE(with([](Seal& seal) { seal.modified_nanoseconds = (1U << 30) - 2; }));
  EXPECT_TRUE(with([](Seal& seal) { seal.modified_seconds = INT64_MIN; }));
  EXPECT_TRUE(with([](Seal& seal) { seal.size = kMaxFrameSize; }));
  EXPECT_FALSE(with([](Seal& seal) { seal.size = kMaxFrameSize + 1; }));
}

TEST(Messages, TextsThatAreTooLongAreRefused) {
  EXPECT_TRUE(survives(decode_hello, Hello{1, std::string(64, 's'), {std::string(64, 'f')}}));
  EXPECT_FALSE(survives(decode_hello, Hello{1, std::string(65, 's'), {}}));
  EXPECT_FALSE(survives(decode_hello, Hello{1, "", {std::string(65, 'f')}}));
  EXPECT_TRUE(survives(decode_hello, Hello{1, "", std::vector<std::string>(kMaxFeatures, "f")}));
  EXPECT_FALSE(survives(decode_hello, Hello{1, "", std::vector<std::string>(kMaxFeatures + 1, "f")}));
  EXPECT_TRUE(survives(decode_done, Done{0, {}, std::string(kMaxFrameNameBytes, 'p')}));
  EXPECT_FALSE(survives(decode_done, Done{0, {}, std::string(kMaxFrameNameBytes + 1, 'p')}));
}

TEST(Messages, NamesAndRightsOfAPairingAreBounded) {
  const auto pair = [](std::string software, std::string name) {
    return survives(decode_pair, Pair{1, std::move(software), {}, std::move(name)});
  };
  EXPECT_TRUE(pair(std::string(64, 's'), std::string(128, 'n')));
  EXPECT_TRUE(pair("", ""));
  EXPECT_TRUE(pair("s", "\x1b[2J\n\xff"));  // escaped where it is shown
  EXPECT_FALSE(survives(decode_pair, Pair{2, "", {}, ""}));
  EXPECT_FALSE(pair(std::string(65, 's'), ""));
  EXPECT_FALSE(pair("", std::string(129, 'n')));
  EXPECT_FALSE(pair("", std::string("a\0b", 3)));
  EXPECT_TRUE(
      survives(decode_paired, Paired{std::string(128, 'n'), std::vector<std::string>(64, std::string(64, 'r'))}));
  EXPECT_FALSE(survives(decode_paired, Paired{std::string(129, 'n'), {}}));
  EXPECT_FALSE(survives(decode_paired, Paired{std::string("a\0", 2), {}}));
  EXPECT_FALSE(survives(decode_paired, Paired{"", {std::string(65, 'r')}}));
  EXPECT_FALSE(survives(decode_paired, Paired{"", std::vector<std::string>(65, "r")}));
}

// 1025 bytes of text behind a count of 1025, which our own encoder never writes.
TEST(Messages, SentencesOverTheirLimitAreRefused) {
  const std::string text = from_hex("0104000000000000") + std::string(kMaxErrorText + 1, 'x');
  EXPECT_FALSE(decode_error(bytes_of(from_hex("0300 01") + text)));
  EXPECT_FALSE(decode_exit(bytes_of(from_hex("02 00 00 0100") + text)));
  const std::string seal = from_hex("01") + std::string(8 + 16 + 4 + 8 + 4, '\0') + from_hex("0100");
  EXPECT_FALSE(decode_seal(bytes_of(seal + text)));
  EXPECT_TRUE(decode_seal(bytes_of(seal + from_hex("0004000000000000") + std::string(kMaxErrorText, 'x'))));
}

TEST(Messages, SentencesAreCutToTheirLimitWhenWritten) {
  const std::string text(5 * kMaxErrorText, 'x');
  const auto error = decode_error(bytes_of(encode(ErrorReport{ErrorCode::kRefused, true, text})));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->message.size(), kMaxErrorText);
  EXPECT_LE(encode(ErrorReport{ErrorCode::kRefused, true, text}).size(), kMaxHelloStructure);
  EXPECT_TRUE(survives(decode_exit, ExitReport{ExitKind::kNotStarted, 0, false, ErrorCode::kInternal, text}));
  Seal seal;
  seal.reason = text;
  EXPECT_TRUE(survives(decode_seal, seal));
}

TEST(Messages, AnErrorCodeOfANewerVersionIsReadAsTheMostGeneralOne) {
  for (const char* code : {"0000", "1800", "ffff"}) {
    const auto error = decode_error(bytes_of(from_hex(code) + from_hex("01 0100000000000000 78")));
    ASSERT_TRUE(error) << code;
    EXPECT_EQ(error->code, ErrorCode::kInternal) << code;
    EXPECT_TRUE(error->closes);
  }
}

}  // namespace
}  // namespace farhand
