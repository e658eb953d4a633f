// Drives non-blocking Streams in tests: every loop waits with poll and has a deadline, and throws what went wrong.
#pragma once

#include <string>

#include "common/deadline.h"
#include "common/stream/stream.h"

namespace farhand::test {

inline Deadline test_deadline() {
  return Deadline::after(std::chrono::seconds(60));
}

// Bytes that differ from place to place, so that a piece out of order shows.
std::string pattern(std::size_t size, unsigned seed = 1);

// What a failed expectation throws: the stream's error.
struct StreamFailure {
  Error error;
};

void write_all(Stream& stream, std::string_view bytes);  // and flushes
std::string read_exactly(Stream& stream, std::size_t count);
std::string read_to_end(Stream& stream);
void close_write(Stream& stream);

// Calls try_read until it does anything but would-block, and returns that.
Result<Transfer> read_outcome(Stream& stream, MutableBytes into);

// Sends `from_a` and `from_b` at once in pieces of `chunk`, each side ending after its own, on one thread that never
// waits to write without also reading. What arrived is in `at_b` and `at_a`.
struct Crossing {
  std::string at_a;
  std::string at_b;
};
Crossing cross(Stream& a, std::string_view from_a, Stream& b, std::string_view from_b, std::size_t chunk);

}  // namespace farhand::test
