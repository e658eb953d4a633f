// Transcoder over iconv(3).
#include "client/transcode.h"

#include <array>
#include <cerrno>
#include <utility>

#include "common/escape.h"

namespace farhand {
namespace {
const iconv_t kNone = reinterpret_cast<iconv_t>(-1);
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD
}  // namespace

Result<Transcoder> Transcoder::from(const std::string& encoding) {
  const iconv_t handle = encoding.empty() ? kNone : ::iconv_open("UTF-8", encoding.c_str());
  if (handle == kNone) {
    return fail(ErrorCode::kUsage,
                "the encoding " + farhand::quoted(encoding) + " is not known here; iconv -l lists those that are");
  }
  return Transcoder(handle);
}

Transcoder::Transcoder(Transcoder&& other) noexcept
    : handle_(std::exchange(other.handle_, kNone)), rest_(std::move(other.rest_)) {}

Transcoder::~Transcoder() {
  if (handle_ != kNone) ::iconv_close(handle_);
}

std::string Transcoder::convert(Bytes bytes) {
  rest_ += text_of(bytes);
  std::string converted;
  char* in = rest_.data();
  std::size_t in_left = rest_.size();
  while (in_left > 0) {
    std::array<char, 4096> buffer;
    char* out = buffer.data();
    std::size_t out_left = buffer.size();
    const std::size_t outcome = ::iconv(handle_, &in, &in_left, &out, &out_left);
    const int error = errno;
    converted.append(buffer.data(), buffer.size() - out_left);
    if (outcome != static_cast<std::size_t>(-1) || error == E2BIG) continue;
    if (error == EINVAL) break;  // the beginning of a character: the rest comes later
    converted += kReplacement;
    ++in;
    --in_left;
  }
  rest_.erase(0, rest_.size() - in_left);
  return converted;
}

std::string Transcoder::finish() {
  std::string converted;
  for (; !rest_.empty(); rest_.erase(0, 1)) converted += kReplacement;
  return converted;
}

}  // namespace farhand
