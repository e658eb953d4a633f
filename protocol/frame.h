// Frames: their kinds, the slip that announces one, and the one table of which frame may come in which state, from
// which side, with what in it. No bytes are moved here.
//
// Format: protocol/README.md, "The slip" and "The table".
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace farhand {

enum class Side : std::uint8_t { kClient, kServer };
constexpr Side other_side(Side side) noexcept {
  return side == Side::kClient ? Side::kServer : Side::kClient;
}

enum class FrameKind : std::uint8_t {
  kHello,
  kExec,
  kStdin,
  kTaken,
  kSignal,
  kResize,
  kStdout,
  kStderr,
  kExit,
  kOffer,
  kPost,
  kData,
  kSeal,
  kDone,
  kGet,
  kPush,
  kPull,
  kList,
  kStripe,
  kSlice,
  kEntries,
  kVerdicts,
  kSignature,
  kPart,
  kPacked,
  kCopy,
  kClose,
  kStored,
  kTrouble,
  kFinish,
  kPair,
  kPaired,
  kError,
  kPing,
  kPong,
  kPause,
  kBye,
};
inline constexpr std::size_t kFrameKinds = 37;

// The word on the wire, such as "stdin".
std::string_view kind_name(FrameKind kind) noexcept;
std::optional<FrameKind> kind_from_name(std::string_view name) noexcept;

struct FrameHeader {
  FrameKind kind = FrameKind::kHello;
  std::uint64_t size = 0;  // bytes that follow the slip
  std::string name;        // decoded
};

// Where one side's frames stand. Each side's frames have a state of their own: what the client has said decides what it
// may say next, and which answers are due decides what the server may say next.
enum class State : std::uint8_t {
  kGreeting,  // nothing said yet
  kIdle,      // client: may make a request; server: no answer is due
  kExec,      // client: standard input is open; server: a command's output and exit are due
  kPost,      // server: the answer to an upload is due
  kGet,       // server: a file is due
  kOffered,   // a file has been offered, its first bytes come next
  kFile,      // a file's bytes are under way
  kPush,      // client: sends the files of a job; server: judges and stores them
  kPull,      // server: sends the files of a job; client: judges and stores them
  kList,      // server: a listing is due
  kPairing,   // server: the answer to a pairing is due
  kEnded,     // has said bye, or an error that ends
};
inline constexpr std::size_t kStates = 12;
std::string_view state_name(State state) noexcept;

// What follows the slip.
enum class Parcel : std::uint8_t {
  kNothing,    // size is 0
  kBytes,      // raw bytes, which may be handled as they come
  kStructure,  // one archive (protocol/wire_archive.h), handled when complete
};

// What the slip's name is.
enum class NameRule : std::uint8_t {
  kEmpty,   // must be empty
  kPath,    // a file's name; not empty
  kOffset,  // a decimal number, as a size
  kToken,   // anything up to 64 bytes, may be empty
  kUser,    // a user's name (common/user_name.h), may be empty
};

// One row of the table. `states` is a set of 1 << State.
struct FrameRule {
  Side from;
  FrameKind kind;
  std::uint16_t states;
  State next;  // ignored where `stays`
  bool stays;  // the state does not change
  Parcel parcel;
  NameRule name;
  std::uint64_t limit;  // greatest size
};

std::span<const FrameRule> frame_rules() noexcept;

// The row for a kind from a side; nothing if that side never sends it.
const FrameRule* find_rule(Side from, FrameKind kind) noexcept;

constexpr std::uint16_t state_bit(State state) noexcept {
  return static_cast<std::uint16_t>(1U << static_cast<unsigned>(state));
}

}  // namespace farhand
