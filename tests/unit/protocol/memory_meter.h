// MemoryMeter: how much memory operator new has handed out since it was made. The test program's own operator new
// counts; see memory_meter.cpp.
//
// Threads: counts those of all threads; make one at a time.
#pragma once

#include <cstddef>

namespace farhand::test {

class MemoryMeter {
 public:
  MemoryMeter();  // counts from here

  [[nodiscard]] std::size_t peak_bytes()
      const noexcept;  // most that was held at once, beyond what was held at the start
  [[nodiscard]] std::size_t held_bytes() const noexcept;     // held now, beyond the start
  [[nodiscard]] std::size_t largest_bytes() const noexcept;  // the largest single request

 private:
  std::size_t held_at_start_;
};

}  // namespace farhand::test
