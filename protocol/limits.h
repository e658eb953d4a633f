// Every number that bounds the wire, with its unit and its reason. protocol/README.md states the same numbers.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace farhand {

// --- the slip ---------------------------------------------------------------------------------------------------
inline constexpr std::size_t kMaxKindBytes = 16;   // [a-z][a-z0-9-]{0,15}
inline constexpr std::size_t kMaxSizeDigits = 19;  // 2^63-1 has 19 digits
inline constexpr std::uint64_t kMaxFrameSize = 0x7fff'ffff'ffff'ffff;
inline constexpr std::size_t kMaxFrameNameBytes = 4096;  // PATH_MAX, decoded
// kind + bar + size + bar + name with every byte written as %XX + newline
inline constexpr std::size_t kMaxSlipBytes = kMaxKindBytes + 1 + kMaxSizeDigits + 1 + 3 * kMaxFrameNameBytes + 1;

// --- the parcel -------------------------------------------------------------------------------------------------
inline constexpr std::size_t kMaxByteFrame = 1 << 20;       // 1 MiB: a piece of a file or of a stream
inline constexpr std::size_t kMaxStructure = 256 << 10;     // 256 KiB: any structure without a reason for more
inline constexpr std::size_t kMaxExecStructure = 4 << 20;   // 4 MiB: a long argv; Linux itself takes up to 6 MiB
inline constexpr std::size_t kMaxHelloStructure = 4 << 10;  // 4 KiB: all that a stranger may make us hold, with a slip
inline constexpr std::size_t kMaxErrorText = 1 << 10;       // 1 KiB: one sentence
inline constexpr std::size_t kMaxFeatures = 64;
inline constexpr std::size_t kMaxVariables = 64;           // of a command's environment, in each of exec's two lists
inline constexpr std::size_t kMaxVariableBytes = 4 << 10;  // 4 KiB: NAME=VALUE
inline constexpr std::size_t kMaxTerminalModes = 256;      // there are as many numbers for them
// Longer than any machine runs; 292 years is where a clock of nanoseconds ends.
inline constexpr std::chrono::hours kMaxTimeout{100 * 365 * 24};
inline constexpr std::size_t kMaxEntryName = 255;     // NAME_MAX: one component
inline constexpr std::size_t kMaxJobPaths = 4096;     // named in one request
inline constexpr std::size_t kMaxFilterRules = 1024;  // of at most kMaxFrameNameBytes
inline constexpr std::size_t kMaxBackupSuffix = 64;
// A stretch of a file in one request: what a lost connection may have to send again, and a second of hashing at most.
inline constexpr std::uint64_t kMaxStripe = 1ULL << 30;
inline constexpr std::size_t kMaxAttributeName = 255;        // XATTR_NAME_MAX
inline constexpr std::size_t kMaxAttributeValue = 64 << 10;  // XATTR_SIZE_MAX
// Entries that a sender may have listed and not been told a verdict on: what both sides remember at most.
inline constexpr std::size_t kMostUnjudged = 4096;
// Signatures that a sender holds for files whose content it has not begun: what they take at most, a sum of 12 bytes a
// block (the largest: 12 MiB) and as much as a small one for what else is remembered of each.
inline constexpr std::size_t kMostSignatureBytes = 16 << 20;
inline constexpr std::size_t kSignatureOverhead = 256;
// A packed piece of content: 256 KiB are two blocks of zstd's, whose own bytes are 1 KiB at most, and behind them there
// is room to spare. The window is what the receiver holds of the stream: docs/compression.md has what was measured.
inline constexpr std::size_t kMaxPackedContent = 256 << 10;
inline constexpr std::size_t kMaxPackedFrame = 260 << 10;
inline constexpr int kPackedWindowLog = 21;
// Standard input that may be under way beyond what the command has taken: what the server holds of it at most, so that
// a signal never waits behind it. 4 MiB fill a link of 40 MB/s over 100 ms.
inline constexpr std::size_t kStdinWindow = 4 << 20;

// The rules for what a transfer leaves out. At worst they take some 50 ms for the longest of names.
inline constexpr std::size_t kMaxPathRules = 4096;  // all of git's templates together have fewer
inline constexpr std::size_t kMaxPathRuleBytes = 4 << 10;
inline constexpr std::size_t kMaxPathRulesBytes = 64 << 10;

// --- buffers of a channel (own choice, not visible on the wire) ---------------------------------------------------
// Inbox: what is read ahead of its handler. 256 KiB is 16 TLS records a turn, and stays in the second-level cache.
inline constexpr std::size_t kInboxBytes = 256 << 10;
// Outbox: producers pause while more than this waits to be sent. Small, because the kernel's socket buffer is what
// holds the bytes under way, and because what is left over must be moved when more is put behind it.
inline constexpr std::size_t kOutboxBytes = 64 << 10;
// What a sender puts into one frame where it has the choice.
inline constexpr std::size_t kPieceBytes = 256 << 10;
// First read of a quiet channel, and all that an idle one keeps: ten thousand of them are affordable.
inline constexpr std::size_t kIdleBufferBytes = 4 << 10;

// --- time -------------------------------------------------------------------------------------------------------
inline constexpr std::chrono::seconds kLoginDeadline{10};  // from the connection to the end of hello, TLS included
inline constexpr std::chrono::seconds kKeepAlive{5};       // whoever has said nothing for this long says ping
inline constexpr std::chrono::seconds kDeadPeer{15};       // whoever has heard nothing for this long gives up
inline constexpr std::chrono::hours kPausedPeer{24};       // the same, of a client that has said that it pauses

// --- the end of a connection ------------------------------------------------------------------------------------
// After a refusal the refused side is read on, because closing on unread input resets the connection and destroys the
// refusal on its way. 8 MiB: a frame of 1 MiB that was sent behind the refused one, and two full socket buffers.
inline constexpr std::size_t kLingerBytes = 8 << 20;
inline constexpr std::chrono::milliseconds kLingerTime{1000};

}  // namespace farhand
