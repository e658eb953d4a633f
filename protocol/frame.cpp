// The table of frames, and the names of its parts.
#include "protocol/frame.h"

#include <array>

#include "protocol/limits.h"

namespace farhand {
namespace {

constexpr std::array<std::string_view, kFrameKinds> kKindNames{
    "hello",   "exec",     "stdin",     "taken", "signal", "resize", "stdout", "stderr", "exit",    "offer",
    "post",    "data",     "seal",      "done",  "get",    "push",   "pull",   "list",   "stripe",  "slice",
    "entries", "verdicts", "signature", "part",  "packed", "copy",   "close",  "stored", "trouble", "finish",
    "pair",    "paired",   "error",     "ping",  "pong",   "pause",  "bye"};

constexpr std::array<std::string_view, kStates> kStateNames{"greeting", "idle", "exec", "post", "get",     "offered",
                                                            "file",     "push", "pull", "list", "pairing", "ended"};

constexpr std::uint16_t in(State state) {
  return state_bit(state);
}
template <class... More>
constexpr std::uint16_t in(State first, More... more) {
  return static_cast<std::uint16_t>(state_bit(first) | in(more...));
}

using enum State;
constexpr std::uint16_t kAfterGreeting = in(kIdle, kExec, kPost, kGet, kOffered, kFile, kPush, kPull, kList);
constexpr std::uint16_t kUntilEnded = static_cast<std::uint16_t>(kAfterGreeting | in(kGreeting, kPairing));
constexpr bool kStays = true;
constexpr bool kMoves = false;

// Three transitions depend on more than the kind, and stand in conversation.cpp: an empty `stdin` leads back to kIdle,
// a server's `error` ends the connection unless an answer was due, and a client's `pair` leads the server to kPairing.
// One row a line, for a table is read by its columns.
// clang-format off
constexpr std::array kRules{
    FrameRule{Side::kClient, FrameKind::kHello, in(kGreeting), kIdle, kMoves, Parcel::kStructure, NameRule::kUser, kMaxHelloStructure},
    FrameRule{Side::kClient, FrameKind::kExec, in(kIdle), kExec, kMoves, Parcel::kStructure, NameRule::kEmpty, kMaxExecStructure},
    FrameRule{Side::kClient, FrameKind::kStdin, in(kExec), kExec, kStays, Parcel::kBytes, NameRule::kEmpty, kMaxByteFrame},
    FrameRule{Side::kClient, FrameKind::kSignal, in(kIdle, kExec), kIdle, kStays, Parcel::kNothing, NameRule::kToken, 0},
    FrameRule{Side::kClient, FrameKind::kResize, in(kIdle, kExec), kIdle, kStays, Parcel::kStructure, NameRule::kEmpty, kMaxHelloStructure},
    FrameRule{Side::kClient, FrameKind::kOffer, in(kIdle), kOffered, kMoves, Parcel::kStructure, NameRule::kEmpty, kMaxStructure},
    FrameRule{Side::kClient, FrameKind::kPost, in(kIdle, kOffered), kFile, kMoves, Parcel::kBytes, NameRule::kPath, kMaxByteFrame},
    FrameRule{Side::kClient, FrameKind::kData, in(kFile), kFile, kStays, Parcel::kBytes, NameRule::kOffset, kMaxByteFrame},
    FrameRule{Side::kClient, FrameKind::kSeal, in(kFile), kIdle, kMoves, Parcel::kStructure, NameRule::kEmpty, kMaxStructure},
    FrameRule{Side::kClient, FrameKind::kGet, in(kIdle), kIdle, kStays, Parcel::kNothing, NameRule::kPath, 0},
    FrameRule{Side::kClient, FrameKind::kPush, in(kIdle), kPush, kMoves, Parcel::kStructure, NameRule::kEmpty, kMaxExecStructure},
    FrameRule{Side::kClient, FrameKind::kPull, in(kIdle), kPull, kMoves, Parcel::kStructure, NameRule::kEmpty, kMaxExecStructure},
    FrameRule{Side::kClient, FrameKind::kList, in(kIdle), kIdle, kStays, Parcel::kStructure, NameRule::kEmpty, kMaxExecStructure},
    FrameRule{Side::kClient, FrameKind::kStripe, in(kIdle), kPush, kMoves, Parcel::kStructure, NameRule::kEmpty, kMaxStructure},
    FrameRule{Side::kClient, FrameKind::kSlice, in(kIdle), kPull, kMoves, Parcel::kStructure, NameRule::kEmpty, kMaxStructure},
    FrameRule{Side::kClient, FrameKind::kEntries, in(kPush), kIdle, kStays, Parcel::kStructure, NameRule::kEmpty, kMaxStructure},
    FrameRule{Side::kClient, FrameKind::kPart, in(kPush), kIdle, kStays, Parcel::kBytes, NameRule::kOffset, kMaxByteFrame},
    FrameRule{Side::kClient, FrameKind::kPacked, in(kPush), kIdle, kStays, Parcel::kStructure, NameRule::kOffset, kMaxPackedFrame},
    FrameRule{Side::kClient, FrameKind::kCopy, in(kPush), kIdle, kStays, Parcel::kStructure, NameRule::kOffset, kMaxHelloStructure},
    FrameRule{Side::kClient, FrameKind::kClose, in(kPush), kIdle, kStays, Parcel::kStructure, NameRule::kEmpty, kMaxStructure},
    FrameRule{Side::kClient, FrameKind::kVerdicts, in(kPull), kIdle, kStays, Parcel::kStructure, NameRule::kEmpty, kMaxStructure},
    FrameRule{Side::kClient, FrameKind::kSignature, in(kPull), kIdle, kStays, Parcel::kStructure, NameRule::kEmpty, kMaxStructure},
    FrameRule{Side::kClient, FrameKind::kStored, in(kPull), kIdle, kStays, Parcel::kNothing, NameRule::kOffset, 0},
    FrameRule{Side::kClient, FrameKind::kTrouble, in(kPush, kPull), kIdle, kStays, Parcel::kStructure, NameRule::kEmpty, kMaxStructure},
    FrameRule{Side::kClient, FrameKind::kFinish, in(kPush, kPull), kIdle, kMoves, Parcel::kStructure, NameRule::kEmpty, kMaxStructure},
    FrameRule{Side::kClient, FrameKind::kPair, in(kGreeting), kEnded, kMoves, Parcel::kStructure, NameRule::kEmpty, kMaxHelloStructure},
    FrameRule{Side::kClient, FrameKind::kError, kUntilEnded, kEnded, kMoves, Parcel::kStructure, NameRule::kEmpty, kMaxHelloStructure},
    FrameRule{Side::kClient, FrameKind::kPing, kAfterGreeting, kIdle, kStays, Parcel::kNothing, NameRule::kToken, 0},
    FrameRule{Side::kClient, FrameKind::kPong, kAfterGreeting, kIdle, kStays, Parcel::kNothing, NameRule::kToken, 0},
    FrameRule{Side::kClient, FrameKind::kPause, kAfterGreeting, kIdle, kStays, Parcel::kNothing, NameRule::kEmpty, 0},
    FrameRule{Side::kClient, FrameKind::kBye, kUntilEnded, kEnded, kMoves, Parcel::kNothing, NameRule::kEmpty, 0},

    FrameRule{Side::kServer, FrameKind::kHello, in(kGreeting), kIdle, kMoves, Parcel::kStructure, NameRule::kEmpty, kMaxHelloStructure},
    FrameRule{Side::kServer, FrameKind::kTaken, in(kExec), kExec, kStays, Parcel::kNothing, NameRule::kOffset, 0},
    FrameRule{Side::kServer, FrameKind::kStdout, in(kExec), kExec, kStays, Parcel::kBytes, NameRule::kEmpty, kMaxByteFrame},
    FrameRule{Side::kServer, FrameKind::kStderr, in(kExec), kExec, kStays, Parcel::kBytes, NameRule::kEmpty, kMaxByteFrame},
    FrameRule{Side::kServer, FrameKind::kExit, in(kExec), kIdle, kMoves, Parcel::kStructure, NameRule::kEmpty, kMaxStructure},
    FrameRule{Side::kServer, FrameKind::kDone, in(kPost), kIdle, kMoves, Parcel::kStructure, NameRule::kEmpty, kMaxStructure},
    FrameRule{Side::kServer, FrameKind::kOffer, in(kGet), kOffered, kMoves, Parcel::kStructure, NameRule::kEmpty, kMaxStructure},
    FrameRule{Side::kServer, FrameKind::kPost, in(kGet, kOffered), kFile, kMoves, Parcel::kBytes, NameRule::kPath, kMaxByteFrame},
    FrameRule{Side::kServer, FrameKind::kData, in(kFile), kFile, kStays, Parcel::kBytes, NameRule::kOffset, kMaxByteFrame},
    FrameRule{Side::kServer, FrameKind::kSeal, in(kFile), kIdle, kMoves, Parcel::kStructure, NameRule::kEmpty, kMaxStructure},
    FrameRule{Side::kServer, FrameKind::kEntries, in(kPull, kList), kIdle, kStays, Parcel::kStructure, NameRule::kEmpty, kMaxStructure},
    FrameRule{Side::kServer, FrameKind::kPart, in(kPull), kIdle, kStays, Parcel::kBytes, NameRule::kOffset, kMaxByteFrame},
    FrameRule{Side::kServer, FrameKind::kPacked, in(kPull), kIdle, kStays, Parcel::kStructure, NameRule::kOffset, kMaxPackedFrame},
    FrameRule{Side::kServer, FrameKind::kCopy, in(kPull), kIdle, kStays, Parcel::kStructure, NameRule::kOffset, kMaxHelloStructure},
    FrameRule{Side::kServer, FrameKind::kClose, in(kPull), kIdle, kStays, Parcel::kStructure, NameRule::kEmpty, kMaxStructure},
    FrameRule{Side::kServer, FrameKind::kVerdicts, in(kPush), kIdle, kStays, Parcel::kStructure, NameRule::kEmpty, kMaxStructure},
    FrameRule{Side::kServer, FrameKind::kSignature, in(kPush), kIdle, kStays, Parcel::kStructure, NameRule::kEmpty, kMaxStructure},
    FrameRule{Side::kServer, FrameKind::kStored, in(kPush), kIdle, kStays, Parcel::kNothing, NameRule::kOffset, 0},
    FrameRule{Side::kServer, FrameKind::kTrouble, in(kPush, kPull, kList), kIdle, kStays, Parcel::kStructure, NameRule::kEmpty, kMaxStructure},
    FrameRule{Side::kServer, FrameKind::kFinish, in(kPush, kPull, kList), kIdle, kMoves, Parcel::kStructure, NameRule::kEmpty, kMaxStructure},
    FrameRule{Side::kServer, FrameKind::kPaired, in(kPairing), kEnded, kMoves, Parcel::kStructure, NameRule::kEmpty, kMaxHelloStructure},
    FrameRule{Side::kServer, FrameKind::kError, kUntilEnded, kEnded, kMoves, Parcel::kStructure, NameRule::kEmpty, kMaxHelloStructure},
    FrameRule{Side::kServer, FrameKind::kPing, kAfterGreeting, kIdle, kStays, Parcel::kNothing, NameRule::kToken, 0},
    FrameRule{Side::kServer, FrameKind::kPong, kAfterGreeting, kIdle, kStays, Parcel::kNothing, NameRule::kToken, 0},
    FrameRule{Side::kServer, FrameKind::kBye, kUntilEnded, kEnded, kMoves, Parcel::kNothing, NameRule::kEmpty, 0},
};
// clang-format on

}  // namespace

std::string_view kind_name(FrameKind kind) noexcept {
  return kKindNames[static_cast<std::size_t>(kind)];
}

std::optional<FrameKind> kind_from_name(std::string_view name) noexcept {
  for (std::size_t i = 0; i < kKindNames.size(); ++i) {
    if (kKindNames[i] == name) return static_cast<FrameKind>(i);
  }
  return std::nullopt;
}

std::string_view state_name(State state) noexcept {
  return kStateNames[static_cast<std::size_t>(state)];
}

std::span<const FrameRule> frame_rules() noexcept {
  return kRules;
}

const FrameRule* find_rule(Side from, FrameKind kind) noexcept {
  for (const FrameRule& rule : kRules) {
    if (rule.from == from && rule.kind == kind) return &rule;
  }
  return nullptr;
}

}  // namespace farhand
