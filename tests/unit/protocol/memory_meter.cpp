// operator new and delete over malloc, with counters.
#include "tests/unit/protocol/memory_meter.h"

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::size_t> held{0};
std::atomic<std::size_t> peak{0};
std::atomic<std::size_t> largest{0};

void raise_to(std::atomic<std::size_t>& mark, std::size_t value) noexcept {
  std::size_t seen = mark.load();
  while (seen < value && !mark.compare_exchange_weak(seen, value)) {
  }
}

void* counted_allocation(std::size_t size) noexcept {
  void* const memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) return nullptr;
  raise_to(largest, size);
  const std::size_t usable = ::malloc_usable_size(memory);
  raise_to(peak, held.fetch_add(usable) + usable);
  return memory;
}

void counted_release(void* memory) noexcept {
  if (memory == nullptr) return;
  held.fetch_sub(::malloc_usable_size(memory));
  std::free(memory);
}

}  // namespace

void* operator new(std::size_t size) {
  if (void* const memory = counted_allocation(size)) return memory;
  throw std::bad_alloc();
}
void* operator new[](std::size_t size) {
  return operator new(size);
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return counted_allocation(size);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return counted_allocation(size);
}
void operator delete(void* memory) noexcept {
  counted_release(memory);
}
void operator delete[](void* memory) noexcept {
  counted_release(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  counted_release(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  counted_release(memory);
}
void operator delete(void* memory, const std::nothrow_t&) noexcept {
  counted_release(memory);
}
void operator delete[](void* memory, const std::nothrow_t&) noexcept {
  counted_release(memory);
}

namespace farhand::test {

MemoryMeter::MemoryMeter() : held_at_start_(held.load()) {
  peak = held_at_start_;
  largest = 0;
}

std::size_t MemoryMeter::peak_bytes() const noexcept {
  return peak.load() - held_at_start_;
}

std::size_t MemoryMeter::held_bytes() const noexcept {
  const std::size_t now = held.load();
  return now > held_at_start_ ? now - held_at_start_ : 0;
}

std::size_t MemoryMeter::largest_bytes() const noexcept {
  return largest.load();
}

}  // namespace farhand::test
