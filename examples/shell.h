// The output of a shell command, for the examples that run what their clients say. They listen on loopback alone, since
// whoever reaches them has the user's rights; rserver is the one that asks who is there.
#pragma once

#include <array>
#include <cstdio>
#include <memory>
#include <string>
#include <system_error>

inline std::string output_of(const std::string& command, bool errors_too) {
  const std::string line = "{ " + command + "\n} </dev/null" + (errors_too ? " 2>&1" : "");
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(::popen(line.c_str(), "re"), &::pclose);
  if (!pipe) throw std::system_error(errno, std::generic_category(), "popen");
  std::string output;
  std::array<char, 4096> buffer{};
  for (std::size_t got = 1; got > 0; output.append(buffer.data(), got)) {
    got = std::fread(buffer.data(), 1, buffer.size(), pipe.get());
  }
  return output;
}
