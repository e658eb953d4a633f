// Every limit of the HTTP library, with its unit and its reason. Nothing that a peer sends may grow beyond these.
//
// Most bytes that a head makes us hold: 8 KiB (request line) + 64 KiB (header fields) + two empty lines = 72 KiB + 4.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace http {

// ---- A message's head ----
inline constexpr std::size_t kMaxStartLineBytes = 8 * 1024;  // RFC 9112 section 3 asks for 8000 at least; else 414
inline constexpr std::size_t kMaxFieldLineBytes = 8 * 1024;  // the usual servers' limit; a cookie's is 4 KiB; else 431
inline constexpr std::size_t kMaxFieldsBytes = 64 * 1024;    // eight fields of the largest size; else 431
inline constexpr std::size_t kMaxFields = 100;               // the usual servers' limit, and Python's; else 431
inline constexpr std::size_t kMaxIgnoredEmptyLines = 1;      // RFC 9112 section 2.2: at least one before a request line
inline constexpr std::size_t kMaxInterimResponses = 8;       // 1xx before an answer: 100 and 103 are all that is in use

// ---- Bodies ----
inline constexpr std::uint64_t kMaxLength = (std::uint64_t{1} << 63) - 1;  // what off_t holds
inline constexpr std::size_t kMaxChunkLineBytes = 256;       // a size is at most 16 digits; extensions are not used
inline constexpr std::size_t kMaxExtensionBytes = 4 * 1024;  // of a whole body: else one byte a chunk costs 256
inline constexpr std::size_t kMaxTrailerBytes = 8 * 1024;    // trailers are dropped, so they need no room
inline constexpr std::size_t kMaxTrailers = 32;
inline constexpr std::uint64_t kMaxDrainedBytes = 256 * 1024;  // of a body that nobody read, to save the connection

// ---- Answers ----
inline constexpr std::size_t kHeldBodyBytes =
    16 * 1024;  // held back to learn a body's length; also the size of a chunk
inline constexpr std::size_t kSmallFileBytes = 16 * 1024;  // a copy of this costs less than another system call
inline constexpr std::size_t kMaxListedEntries = 10'000;   // a page of 2 MB; who lists more wants another tool

// ---- Ends ----
// Closing on unread input resets the connection and destroys the answer, so what still comes is read: at most this.
inline constexpr std::uint64_t kLingerBytes = 1024 * 1024;
inline constexpr std::chrono::seconds kLingerTime{1};

// ---- Scripts ----
inline constexpr std::size_t kMaxScriptErrorBytes = 64 * 1024;  // of its stderr in the log; the rest is dropped

// Of a script's output while the client still sends its body: the largest answer to a client that sends all before it
// reads anything.
inline constexpr std::size_t kMaxHeldOutputBytes = 4 * 1024 * 1024;
inline constexpr std::chrono::seconds kScriptDeadline{60};

// ---- fetch_page ----
inline constexpr std::size_t kMaxPageBytes = 16 * 1024 * 1024;
inline constexpr std::chrono::seconds kPageDeadline{30};

}  // namespace http
