// raw_syscall: the kernel itself, without the C library, which keeps errno for the thread that calls: for a process
// that shares its memory, and so its errno, with a thread that goes on.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <type_traits>

namespace farhand {

namespace raw {

template <typename Argument>
long word(Argument argument) noexcept {
  if constexpr (std::is_pointer_v<Argument>) {
    return reinterpret_cast<long>(argument);
  } else if constexpr (std::is_null_pointer_v<Argument>) {
    return 0;
  } else {
    return static_cast<long>(argument);
  }
}

#if defined(__x86_64__)
inline constexpr bool kKnown = true;
inline long call(long number, const long (&a)[6]) noexcept {
  register long r10 asm("r10") = a[3];
  register long r8 asm("r8") = a[4];
  register long r9 asm("r9") = a[5];
  long result = number;
  asm volatile("syscall"
               : "+a"(result)
               : "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
inline constexpr bool kKnown = true;
inline long call(long number, const long (&a)[6]) noexcept {
  register long x8 asm("x8") = number;
  register long x0 asm("x0") = a[0];
  register long x1 asm("x1") = a[1];
  register long x2 asm("x2") = a[2];
  register long x3 asm("x3") = a[3];
  register long x4 asm("x4") = a[4];
  register long x5 asm("x5") = a[5];
  asm volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return x0;
}
#else
inline constexpr bool kKnown = false;
inline long call(long number, const long (&a)[6]) noexcept {
  const long result = ::syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
  return result == -1 ? -errno : result;
}
#endif

}  // namespace raw

// Whether errno is left alone here.
inline constexpr bool kRawSyscalls = raw::kKnown;

// Up to six arguments. A failure is the negative of what errno would be.
template <typename... Arguments>
long raw_syscall(long number, Arguments... arguments) noexcept {
  static_assert(sizeof...(arguments) <= 6);
  const long words[6] = {raw::word(arguments)...};
  return raw::call(number, words);
}

}  // namespace farhand
