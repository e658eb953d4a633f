// Transcoder: output that arrives in another encoding, as UTF-8. Bytes that are not of that encoding become U+FFFD.
//
// Threads: one.
#pragma once

#include <iconv.h>

#include <string>

#include "common/bytes.h"
#include "common/result.h"

namespace farhand {

class Transcoder {
 public:
  // kUsage for an encoding that iconv does not know.
  static Result<Transcoder> from(const std::string& encoding);
  Transcoder(Transcoder&& other) noexcept;
  Transcoder& operator=(Transcoder&&) = delete;
  ~Transcoder();

  // The next bytes, which may end in the middle of a character: that waits for the rest.
  std::string convert(Bytes bytes);
  // The end: what is left is no character.
  std::string finish();

 private:
  explicit Transcoder(iconv_t handle) : handle_(handle) {}
  iconv_t handle_;
  std::string rest_;
};

}  // namespace farhand
