// Two conversations: a pairing; a command, an upload, a download that is refused, a ping, the end.
#include "tests/unit/protocol/examples.h"

#include <array>

#include "protocol/messages/command.h"
#include "protocol/messages/file.h"
#include "protocol/messages/job.h"
#include "protocol/messages/pairing.h"
#include "protocol/messages/session.h"
#include "protocol/messages/stripe.h"
#include "protocol/transfer/delta/signature_pieces.h"
#include "tests/unit/protocol/sabotage.h"

namespace farhand::test {
namespace {

using enum FrameKind;
using namespace std::chrono_literals;

// Bytes that are text: their meaning is how they are read.
ExamplePiece text(const std::string& bytes, const std::string& meaning = "") {
  std::string shown;
  for (const char c : bytes) shown += c == '\n' ? std::string("\\n") : std::string(1, c);
  return {bytes, meaning.empty() ? "\"" + shown + "\"" : meaning + ": \"" + shown + "\""};
}

ExamplePiece hex(std::string_view digits, const std::string& meaning) {
  return {from_hex(digits), meaning};
}

constexpr HashValue kHelloHash{0x6b, 0xba, 0x86, 0xc7, 0xe0, 0x69, 0xf5, 0x6d,
                               0x5a, 0x10, 0xb4, 0x35, 0xf1, 0xc8, 0xe4, 0x9c};

constexpr PairingSecret kSecret{0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                                0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};

std::vector<Example> pairing() {
  return {
      {Side::kClient,
       kPair,
       "The client holds an invitation, and shows its secret.",
       {text("pair|60|\n"), hex("01 00", "version: 1"), hex("0d 00 00 00 00 00 00 00", "software: 13 bytes"),
        text("rclient 0.1.0"), hex("00 11 22 33 44 55 66 77 88 99 aa bb cc dd ee ff", "secret"),
        hex("0d 00 00 00 00 00 00 00", "name: 13 bytes"), text("ann@workplace")},
       encode(Pair{1, "rclient 0.1.0", kSecret, "ann@workplace"}),
       true,
       true},
      {Side::kServer,
       kPaired,
       "Its key is enrolled. The connection ends.",
       {text("paired|52|\n"), hex("0d 00 00 00 00 00 00 00", "name: 13 bytes"), text("ann-workplace"),
        hex("02 00 00 00 00 00 00 00", "allow: two"), hex("04 00 00 00 00 00 00 00", "4 bytes"), text("exec"),
        hex("03 00 00 00 00 00 00 00", "3 bytes"), text("get")},
       encode(Paired{"ann-workplace", {"exec", "get"}}),
       true},
  };
}

std::vector<Example> greeting() {
  return {
      {Side::kClient,
       kHello,
       "The client greets and says what it is, and that it wants to be the user `www-data` there.",
       {text("hello|31|www-data\n"), hex("01 00", "version: 1"), hex("0d 00 00 00 00 00 00 00", "software: 13 bytes"),
        text("rclient 0.1.0"), hex("00 00 00 00 00 00 00 00", "features: none")},
       encode(Hello{1, "rclient 0.1.0", {}}),
       true,
       true},
      {Side::kServer,
       kHello,
       "The server does the same; it can do something beyond version 1.",
       {text("hello|44|\n"), hex("01 00", "version: 1"), hex("0d 00 00 00 00 00 00 00", "software: 13 bytes"),
        text("rserver 0.1.0"), hex("01 00 00 00 00 00 00 00", "features: one"),
        hex("05 00 00 00 00 00 00 00", "its name: 5 bytes"), text("delta")},
       encode(Hello{1, "rserver 0.1.0", {"delta"}}),
       true},
  };
}

std::vector<Example> command() {
  return {
      {Side::kClient,
       kExec,
       "Run the two words `wc` and `-c`, without a shell.",
       {text("exec|127|\n"),
        hex("00", "mode: argv"),
        hex("02 00 00 00 00 00 00 00", "words: two"),
        hex("02 00 00 00 00 00 00 00", "2 bytes"),
        text("wc"),
        hex("02 00 00 00 00 00 00 00", "2 bytes"),
        text("-c"),
        hex("01 00 00 00 00 00 00 00", "environment: one"),
        hex("0d 00 00 00 00 00 00 00", "13 bytes"),
        text("TZ=Asia/Tokyo"),
        hex("01 00 00 00 00 00 00 00", "locale: one"),
        hex("0b 00 00 00 00 00 00 00", "11 bytes"),
        text("LANG=C.UTF8"),
        hex("00 00 00 00 00 00 00 00", "directory: the root"),
        hex("00 00 00 00 00 00 00 00", "timeout: never"),
        hex("00", "merge: no"),
        hex("00", "terminal: no"),
        hex("00 00 00 00 00 00 00 00", "type: empty"),
        hex("00 00 00 00 00 00 00 00", "its size: 0"),
        hex("00 00 00 00 00 00 00 00", "modes: none")},
       encode(ExecRequest{ExecMode::kArgv, {"wc", "-c"}, {"TZ=Asia/Tokyo"}, {"LANG=C.UTF8"}}),
       true},
      {Side::kClient, kStdin, "Input for the command.", {text("stdin|5|\n"), text("hello")}, {}, false},
      {Side::kClient, kStdin, "The end of its input.", {text("stdin|0|\n")}, {}, false},
      {Side::kServer, kTaken, "The command has had these 5 bytes.", {text("taken|0|5\n")}, {}, false},
      {Side::kClient, kSignal, "A signal for it.", {text("signal|0|USR1\n")}, {}, false},
      {Side::kServer, kStdout, "What it wrote.", {text("stdout|2|\n"), text("5\n")}, {}, false},
      {Side::kServer, kStderr, "What it complained about.", {text("stderr|3|\n"), text("hm\n")}, {}, false},
      {Side::kServer,
       kExit,
       "It has ended with status 0.",
       {text("exit|46|\n"), hex("00", "kind: exited"), hex("00", "value: 0"), hex("00", "core: no"),
        hex("01 00", "code: means nothing here"), hex("00 00 00 00 00 00 00 00", "error: empty"),
        hex("00", "timed_out: no"), hex("dc 05 00 00 00 00 00 00", "elapsed: 1500 microseconds"),
        hex("e8 03 00 00 00 00 00 00", "user: 1000"), hex("64 00 00 00 00 00 00 00", "system: 100"),
        hex("00 00 20 00 00 00 00 00", "memory: 2 MiB")},
       encode(ExitReport{ExitKind::kExited, 0, false, ErrorCode::kInternal, "", false,
                         CommandUsage{1500us, 1000us, 100us, 2 << 20}}),
       true},
  };
}

std::vector<Example> shell() {
  const Terminal terminal{"xterm", {24, 80, 0, 0}, {{53, 1}}};
  return {
      {Side::kClient,
       kExec,
       "A login shell on a terminal of 24 rows.",
       {text("exec|81|\n"), hex("02", "mode: login"), hex("00 00 00 00 00 00 00 00", "words: none"),
        hex("00 00 00 00 00 00 00 00", "environment: none"), hex("00 00 00 00 00 00 00 00", "locale: none"),
        hex("04 00 00 00 00 00 00 00", "directory: 4 bytes"), text("docs"),
        hex("60 ea 00 00 00 00 00 00", "timeout: a minute"), hex("00", "merge: no"), hex("01", "terminal: yes"),
        hex("05 00 00 00 00 00 00 00", "type: 5 bytes"), text("xterm"), hex("18 00", "rows: 24"),
        hex("50 00", "columns: 80"), hex("00 00 00 00", "width and height: not known"),
        hex("01 00 00 00 00 00 00 00", "modes: one"), hex("35", "ECHO"), hex("01 00 00 00", "on")},
       encode(ExecRequest{ExecMode::kLogin, {}, {}, {}, "docs", 60s, false, terminal}),
       true},
      {Side::kClient,
       kResize,
       "It has 25 rows now.",
       {text("resize|8|\n"), hex("19 00", "rows: 25"), hex("50 00", "columns: 80"),
        hex("00 00 00 00", "width and height: not known")},
       encode(TerminalSize{25, 80, 0, 0}),
       true},
      {Side::kClient, kPause, "The client is stopped for a while.", {text("pause|0|\n")}, {}, false},
      {Side::kClient, kStdin, "What was typed.", {text("stdin|5|\n"), text("exit\n")}, {}, false},
      {Side::kClient, kStdin, "Its end.", {text("stdin|0|\n")}, {}, false},
      {Side::kServer,
       kExit,
       "A minute was over before, and HUP ended it.",
       {text("exit|46|\n"), hex("01", "kind: by a signal"), hex("01", "value: 1"), hex("00", "core: no"),
        hex("01 00", "code: means nothing here"), hex("00 00 00 00 00 00 00 00", "error: empty"),
        hex("01", "timed_out: yes"), hex("00 87 93 03 00 00 00 00", "elapsed: a minute"),
        hex("00 00 00 00 00 00 00 00", "user: 0"), hex("00 00 00 00 00 00 00 00", "system: 0"),
        hex("00 00 00 00 00 00 00 00", "memory: 0")},
       encode(ExitReport{ExitKind::kSignalled, 1, false, ErrorCode::kInternal, "", true, CommandUsage{60s, 0s, 0s, 0}}),
       true},
  };
}

std::vector<Example> upload() {
  const Seal seal{SealOutcome::kComplete, 6, kHelloHash, 0644, 1700000000, 5, ErrorCode::kInternal, ""};
  return {
      {Side::kClient,
       kOffer,
       "A file of 6 bytes comes; if its path is a directory, it is to be `notes.txt` in it.",
       {text("offer|26|\n"), hex("09 00 00 00 00 00 00 00", "leaf: 9 bytes"), text("notes.txt"),
        hex("01", "size_known: yes"), hex("06 00 00 00 00 00 00 00", "size: 6")},
       encode(Offer{"notes.txt", true, 6}),
       true},
      {Side::kClient,
       kPost,
       "Its path, with a percent sign in it, and its first bytes.",
       {text("post|4|docs/100%25\n"), text("hell")},
       {},
       false},
      {Side::kClient, kData, "The rest, from offset 4 on.", {text("data|2|4\n"), text("o\n")}, {}, false},
      {Side::kClient,
       kSeal,
       "This was all of it: publish.",
       {text("seal|51|\n"), hex("00", "outcome: complete"), hex("06 00 00 00 00 00 00 00", "size: 6"),
        hex("6b ba 86 c7 e0 69 f5 6d 5a 10 b4 35 f1 c8 e4 9c", "hash: XXH3-128 of \"hello\\n\""),
        hex("a4 01 00 00", "mode: 0644"), hex("00 f1 53 65 00 00 00 00", "modified: 1700000000 s"),
        hex("05 00 00 00", "and 5 ns"), hex("01 00", "code: means nothing here"),
        hex("00 00 00 00 00 00 00 00", "reason: empty")},
       encode(seal),
       true},
      {Side::kServer,
       kDone,
       "It is there, durable, under its name.",
       {text("done|51|\n"), hex("06 00 00 00 00 00 00 00", "size: 6"),
        hex("6b ba 86 c7 e0 69 f5 6d 5a 10 b4 35 f1 c8 e4 9c", "hash"),
        hex("13 00 00 00 00 00 00 00", "path: 19 bytes"), text("docs/100%/notes.txt")},
       encode(Done{6, kHelloHash, "docs/100%/notes.txt"}),
       true},
  };
}

std::string signature_piece() {
  const delta::Signature signature{{512, 7, 512}, {1}, {2}};
  const auto piece = delta::SignatureWriter(signature).next();
  return {reinterpret_cast<const char*>(piece.data()), piece.size()};
}

// A job: one directory with two files in it.
std::vector<Example> push() {
  const Entry directory{.kind = EntryKind::kDirectory, .path = "d", .mode = 0755, .modified_seconds = 1700000000};
  const Entry file{.kind = EntryKind::kFile,
                   .path = "d/f",
                   .mode = 0644,
                   .modified_seconds = 1700000000,
                   .modified_nanoseconds = 5,
                   .size = 6,
                   .occupied = 6};
  Entry base = file;
  base.path = "d/h";
  const Seal seal{SealOutcome::kComplete, 6, kHelloHash, 0644, 1700000000, 5, ErrorCode::kInternal, ""};
  return {
      {Side::kClient,
       kPush,
       "A directory is to come, into the root or in place of what is called `www` there.",
       {text("push|43|\n"), hex("03 00 00 00 00 00 00 00", "to: 3 bytes"), text("www"),
        hex("01", "placement: as or into"), hex("00", "existing: is replaced"), hex("00", "sameness: proven"),
        hex("00", "dry_run: no"), hex("00", "delta: no"), hex("00", "attributes: no"), hex("00", "owner: no"),
        hex("00", "delete_extra: no"), hex("00 00 00 00 00 00 00 00", "most_deleted: no bound"),
        hex("00 00 00 00 00 00 00 00", "backup: empty"), hex("00 00 00 00 00 00 00 00", "filter: none")},
       encode(PushRequest{"www", Placement::kAsOrInto, {}}),
       true},
      {Side::kClient,
       kEntries,
       "The directory, and two files of 6 bytes in it.",
       {text("entries|237|\n"),
        hex("03 00 00 00 00 00 00 00", "three entries"),
        hex("00", "kind: directory"),
        hex("01 00 00 00 00 00 00 00", "path: 1 byte"),
        text("d"),
        hex("ed 01 00 00", "mode: 0755"),
        hex("00 f1 53 65 00 00 00 00", "modified: 1700000000 s"),
        hex("00 00 00 00", "and 0 ns"),
        hex("00 00 00 00 00 00 00 00", "size: 0"),
        hex("00 00 00 00 00 00 00 00", "occupied: 0"),
        hex("00 00 00 00 00 00 00 00", "target: empty"),
        hex("00 00 00 00 00 00 00 00", "user: empty"),
        hex("00 00 00 00 00 00 00 00", "group: empty"),
        hex("00 00 00 00 00 00 00 00", "attributes: none"),
        hex("00", "hashed: no"),
        hex("01", "kind: file"),
        hex("03 00 00 00 00 00 00 00", "path: 3 bytes"),
        text("d/f"),
        hex("a4 01 00 00", "mode: 0644"),
        hex("00 f1 53 65 00 00 00 00", "modified: 1700000000 s"),
        hex("05 00 00 00", "and 5 ns"),
        hex("06 00 00 00 00 00 00 00", "size: 6"),
        hex("06 00 00 00 00 00 00 00", "occupied: 6, so no hole"),
        hex("00 00 00 00 00 00 00 00", "target: empty"),
        hex("00 00 00 00 00 00 00 00", "user: empty"),
        hex("00 00 00 00 00 00 00 00", "group: empty"),
        hex("00 00 00 00 00 00 00 00", "attributes: none"),
        hex("00", "hashed: no"),
        hex("01", "kind: file"),
        hex("03 00 00 00 00 00 00 00", "path: 3 bytes"),
        text("d/h"),
        hex("a4 01 00 00", "mode: 0644"),
        hex("00 f1 53 65 00 00 00 00", "modified: 1700000000 s"),
        hex("05 00 00 00", "and 5 ns"),
        hex("06 00 00 00 00 00 00 00", "size: 6"),
        hex("06 00 00 00 00 00 00 00", "occupied: 6"),
        hex("00 00 00 00 00 00 00 00", "target: empty"),
        hex("00 00 00 00 00 00 00 00", "user: empty"),
        hex("00 00 00 00 00 00 00 00", "group: empty"),
        hex("00 00 00 00 00 00 00 00", "attributes: none"),
        hex("00", "hashed: no")},
       encode(std::vector{directory, file, base}),
       true},
      {Side::kServer,
       kVerdicts,
       "The directory is made; of one file 2 bytes are there from before, of the other there is an older one.",
       {text("verdicts|59|\n"), hex("03 00 00 00 00 00 00 00", "three verdicts"), hex("00", "need: nothing"),
        hex("02", "need: the rest"), hex("02 00 00 00 00 00 00 00", "have: 2"),
        hex("6b ba 86 c7 e0 69 f5 6d 5a 10 b4 35 f1 c8 e4 9c", "hash of these (not a true one)"),
        hex("03", "need: a delta"), hex("00 00 00 00 00 00 00 00", "have: no hash to compare"),
        hex("00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00", "hash: none")},
       encode(std::vector{Verdict{}, Verdict{Need::kRest, 2, kHelloHash}, Verdict{Need::kDelta, 0, {}}}),
       true},
      {Side::kServer,
       kSignature,
       "The older one: 512 bytes, in a single block.",
       {text("signature|32|\n"), hex("00 02 00 00", "block size: 512"),
        hex("00 02 00 00 00 00 00 00", "base: 512 bytes"), hex("07 00 00 00 00 00 00 00", "seed: 7 (not a good one)"),
        hex("01 00 00 00", "weak sum"), hex("02 00 00 00 00 00 00 00", "strong sum (neither a true one)")},
       signature_piece(),
       true},
      {Side::kClient, kPart, "The bytes behind these.", {text("part|4|2\n"), text("llo\n")}, {}, false},
      {Side::kClient,
       kClose,
       "This was all of the file.",
       {text("close|51|\n"), hex("00", "outcome: complete"), hex("06 00 00 00 00 00 00 00", "size: 6"),
        hex("6b ba 86 c7 e0 69 f5 6d 5a 10 b4 35 f1 c8 e4 9c", "hash: XXH3-128 of \"hello\\n\""),
        hex("a4 01 00 00", "mode: 0644"), hex("00 f1 53 65 00 00 00 00", "modified: 1700000000 s"),
        hex("05 00 00 00", "and 5 ns"), hex("01 00", "code: means nothing here"),
        hex("00 00 00 00 00 00 00 00", "reason: empty")},
       encode(seal),
       true},
      {Side::kClient,
       kPacked,
       "The other file: two new bytes. (They did not shrink.)",
       {text("packed|15|0\n"), hex("02 00 00 00", "length: 2"), hex("28 b5 2f fd", "zstd: a frame"),
        hex("00 58", "its window: 2 MiB"), hex("10 00 00", "a block of 2 bytes as they are"), text("he")},
       {},
       false},
      {Side::kClient,
       kCopy,
       "And then 4 of the older one, from its 17th on.",
       {text("copy|16|2\n"), hex("10 00 00 00 00 00 00 00", "offset: 16"), hex("04 00 00 00 00 00 00 00", "length: 4")},
       encode(CopyRange{16, 4}),
       true},
      {Side::kClient,
       kClose,
       "All of it.",
       {text("close|51|\n"), hex("00", "outcome: complete"), hex("06 00 00 00 00 00 00 00", "size: 6"),
        hex("6b ba 86 c7 e0 69 f5 6d 5a 10 b4 35 f1 c8 e4 9c", "hash: XXH3-128 of \"hello\\n\""),
        hex("a4 01 00 00", "mode: 0644"), hex("00 f1 53 65 00 00 00 00", "modified: 1700000000 s"),
        hex("05 00 00 00", "and 5 ns"), hex("01 00", "code: means nothing here"),
        hex("00 00 00 00 00 00 00 00", "reason: empty")},
       encode(seal),
       true},
      {Side::kClient,
       kTrouble,
       "Something else could not be read.",
       {text("trouble|33|\n"), hex("01 00 00 00 00 00 00 00", "one"), hex("03 00 00 00 00 00 00 00", "path: 3 bytes"),
        text("d/g"), hex("05 00", "code: no_permission"), hex("03 00 00 00 00 00 00 00", "message: 3 bytes"),
        text("no."), hex("00", "is_notice: no")},
       encode(std::vector{Trouble{"d/g", ErrorCode::kNoPermission, "no.", false}}),
       true},
      {Side::kClient,
       kFinish,
       "Everything was tried.",
       {text("finish|59|\n"), hex("01", "complete: yes"), hex("01 00", "code: means nothing here"),
        hex("00 00 00 00 00 00 00 00", "message: empty"), hex("02 00 00 00 00 00 00 00", "files: 2"),
        hex("06 00 00 00 00 00 00 00", "bytes: 6"), hex("00 00 00 00 00 00 00 00", "unchanged: 0"),
        hex("01 00 00 00 00 00 00 00", "failed: 1"), hex("00 00 00 00 00 00 00 00", "deleted: 0"),
        hex("00 00 00 00 00 00 00 00", "place: empty")},
       encode(JobEnd{.files = 2, .bytes = 6, .failed = 1}),
       true},
      {Side::kServer, kStored, "All three entries are settled.", {text("stored|0|3\n")}, {}, false},
      {Side::kServer,
       kFinish,
       "Two files were stored.",
       {text("finish|59|\n"), hex("01", "complete: yes"), hex("01 00", "code: means nothing here"),
        hex("00 00 00 00 00 00 00 00", "message: empty"), hex("02 00 00 00 00 00 00 00", "files: 2"),
        hex("06 00 00 00 00 00 00 00", "bytes: 6"), hex("00 00 00 00 00 00 00 00", "unchanged: 0"),
        hex("00 00 00 00 00 00 00 00", "failed: 0"), hex("00 00 00 00 00 00 00 00", "deleted: 0"),
        hex("00 00 00 00 00 00 00 00", "place: empty")},
       encode(JobEnd{.files = 2, .bytes = 6}),
       true},
  };
}

// A listing, and the request of a job that the client gives up at once.
std::vector<Example> list_and_pull() {
  return {
      {Side::kClient,
       kList,
       "What is in the root?",
       {text("list|28|\n"), hex("01 00 00 00 00 00 00 00", "paths: one"), hex("01 00 00 00 00 00 00 00", "1 byte"),
        text("."), hex("01", "contents: yes"), hex("00", "recursive: no"), hex("00", "hash: no"),
        hex("00 00 00 00 00 00 00 00", "filter: none")},
       encode(ListRequest{{"."}, true, false, false, {}}),
       true},
      {Side::kServer,
       kFinish,
       "Nothing.",
       {text("finish|59|\n"), hex("01", "complete: yes"), hex("01 00", "code: means nothing here"),
        hex("00 00 00 00 00 00 00 00", "message: empty"), hex("00 00 00 00 00 00 00 00", "files: 0"),
        hex("00 00 00 00 00 00 00 00", "bytes: 0"), hex("00 00 00 00 00 00 00 00", "unchanged: 0"),
        hex("00 00 00 00 00 00 00 00", "failed: 0"), hex("00 00 00 00 00 00 00 00", "deleted: 0"),
        hex("00 00 00 00 00 00 00 00", "place: empty")},
       encode(JobEnd{}),
       true},
      {Side::kClient,
       kPull,
       "All of `docs` but its drafts.",
       {text("pull|47|\n"), hex("01 00 00 00 00 00 00 00", "paths: one"), hex("04 00 00 00 00 00 00 00", "4 bytes"),
        text("docs"), hex("00", "contents: no"), hex("00", "attributes: no"), hex("00", "owner: no"),
        hex("01", "compress: yes"), hex("01 00 00 00 00 00 00 00", "filter: one"),
        hex("07 00 00 00 00 00 00 00", "7 bytes"), text("*.draft")},
       encode(PullRequest{{"docs"}, false, false, false, true, {"*.draft"}}),
       true},
      {Side::kServer,
       kError,
       "There is none. The client's part of the job is still to be ended.",
       {text("error|23|\n"), hex("04 00", "code: not_found"), hex("00", "closes: no"),
        hex("0c 00 00 00 00 00 00 00", "message: 12 bytes"), text("no such file")},
       encode(ErrorReport{ErrorCode::kNotFound, false, "no such file"}),
       true},
      {Side::kClient,
       kFinish,
       "It is.",
       {text("finish|59|\n"), hex("01", "complete: yes"), hex("01 00", "code: means nothing here"),
        hex("00 00 00 00 00 00 00 00", "message: empty"), hex("00 00 00 00 00 00 00 00", "files: 0"),
        hex("00 00 00 00 00 00 00 00", "bytes: 0"), hex("00 00 00 00 00 00 00 00", "unchanged: 0"),
        hex("00 00 00 00 00 00 00 00", "failed: 0"), hex("00 00 00 00 00 00 00 00", "deleted: 0"),
        hex("00 00 00 00 00 00 00 00", "place: empty")},
       encode(JobEnd{}),
       true},
  };
}

// Both are refused, which ends them as it ends a job.
std::vector<Example> stretches() {
  const Stretch stretch{128 << 20, 128 << 20, 1'700'000'000, 500'000'000, 64 << 20, 64 << 20};
  const std::vector<ExamplePiece> stretch_bytes{
      hex("00 00 00 08 00 00 00 00", "size: 134217728"),        hex("00 00 00 08 00 00 00 00", "occupied: all of it"),
      hex("00 f1 53 65 00 00 00 00", "modified: 1700000000 s"), hex("00 65 cd 1d", "and 500000000 ns"),
      hex("00 00 00 04 00 00 00 00", "offset: 67108864"),       hex("00 00 00 04 00 00 00 00", "length: 67108864")};
  const auto with_stretch = [&](std::vector<ExamplePiece> pieces) {
    pieces.insert(pieces.end(), stretch_bytes.begin(), stretch_bytes.end());
    return pieces;
  };
  const Example refused{Side::kServer,
                        kError,
                        "Somebody else is sending it. The client's part is still to be ended.",
                        {text("error|15|\n"), hex("14 00", "code: busy"), hex("00", "closes: no"),
                         hex("04 00 00 00 00 00 00 00", "message: 4 bytes"), text("busy")},
                        encode(ErrorReport{ErrorCode::kBusy, false, "busy"}),
                        true};
  const Example finish = list_and_pull().back();
  return {
      {Side::kClient, kStripe, "The second half of `disk.img` comes on this connection.",
       with_stretch({text("stripe|69|\n"), hex("00 00 00 00 00 00 00 00", "to: the root"), hex("00", "placement: into"),
                     hex("08 00 00 00 00 00 00 00", "path: 8 bytes"), text("disk.img")}),
       encode(StripeRequest{"", Placement::kInto, "disk.img", stretch}), true},
      refused,
      finish,
      {Side::kClient, kSlice, "The second half of `disk.img` is asked for on this connection.",
       with_stretch({text("slice|60|\n"), hex("08 00 00 00 00 00 00 00", "path: 8 bytes"), text("disk.img")}),
       encode(SliceRequest{"disk.img", stretch}), true},
      refused,
      finish};
}

std::vector<Example> refusal_and_end() {
  return {
      {Side::kClient,
       kGet,
       "A file is asked for; its name ends with a newline.",
       {text("get|0|missing%0A\n")},
       {},
       false},
      {Side::kServer,
       kError,
       "There is none. The connection lives on.",
       {text("error|23|\n"), hex("04 00", "code: not_found"), hex("00", "closes: no"),
        hex("0c 00 00 00 00 00 00 00", "message: 12 bytes"), text("no such file")},
       encode(ErrorReport{ErrorCode::kNotFound, false, "no such file"}),
       true},
      {Side::kServer, kPing, "Are you there?", {text("ping|0|7\n")}, {}, false},
      {Side::kClient, kPong, "Yes.", {text("pong|0|7\n")}, {}, false},
      {Side::kClient, kBye, "Nothing more will come from here.", {text("bye|0|\n")}, {}, false},
  };
}

// At most sixteen bytes a line, the meaning beside the first of them.
std::string dump(const ExamplePiece& piece) {
  constexpr std::size_t kBytesALine = 16;
  constexpr std::size_t kColumn = kBytesALine * 3 + 1;
  std::string lines;
  for (std::size_t at = 0; at < piece.bytes.size(); at += kBytesALine) {
    std::string line = to_hex(std::string_view(piece.bytes).substr(at, kBytesALine));
    if (at == 0) line += std::string(kColumn - line.size(), ' ') + piece.meaning;
    lines += line + "\n";
  }
  return lines;
}

}  // namespace

std::string Example::bytes() const {
  std::string all;
  for (const ExamplePiece& piece : pieces) all += piece.bytes;
  return all;
}

std::vector<Example> examples() {
  std::vector<Example> all;
  for (const auto& part :
       {pairing(), greeting(), command(), shell(), upload(), push(), list_and_pull(), stretches(), refusal_and_end()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

std::string examples_page() {
  std::string page =
      "# Worked examples\n\n"
      "Two conversations, frame by frame: a pairing; then, on a new connection, a command, a shell, an upload, a "
      "job, "
      "a\n"
      "listing, a job, two stretches and a download that are refused, a ping, the end. Every kind of frame is in them, "
      "and their "
      "order is a legal one.\n\n"
      "The test `Examples` compares this page with bytes that are written down by hand, and those with what the code\n"
      "encodes. To write it anew: `FARHAND_WRITE_EXAMPLES=1 protocol_test --gtest_filter=Examples.*`.\n";
  for (const Example& example : examples()) {
    page += "\n## `" + std::string(kind_name(example.kind)) + "` from the " +
            (example.from == Side::kClient ? "client" : "server") + "\n\n" + example.story + "\n\n```\n";
    for (const ExamplePiece& piece : example.pieces) page += dump(piece);
    page += "```\n";
  }
  return page;
}

}  // namespace farhand::test
