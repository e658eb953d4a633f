// ChunkedDecoder: one function a state.
#include "server/http/chunked_decoder.h"

#include <algorithm>

#include "server/http/field_lines.h"
#include "server/http/limits.h"
#include "server/http/syntax.h"

namespace http {

ChunkedDecoder::Step ChunkedDecoder::decode(std::string_view input) {
  switch (state_) {
    case State::kSizeLine:
      return take_size_line(input);
    case State::kData:
      return take_data(input);
    case State::kDataEnd:
      return take_data_end(input);
    case State::kTrailers:
      return take_trailers(input);
    case State::kDone:
    case State::kRefused:
      return Step{};
  }
  return Step{};
}

ChunkedDecoder::Step ChunkedDecoder::refused(Refusal why) {
  state_ = State::kRefused;
  return Step{0, {}, why};
}

ChunkedDecoder::Step ChunkedDecoder::take_size_line(std::string_view input) {
  const std::size_t newline = input.find('\n');
  const std::size_t taken = newline == std::string_view::npos ? input.size() : newline + 1;
  if (line_.size() + taken > kMaxChunkLineBytes) return refused({400, "a chunk's size line is longer than 256 bytes"});
  line_.append(input.substr(0, taken));
  if (newline == std::string_view::npos) return Step{taken, {}, std::nullopt};
  if (const auto why = parse_size_line()) return refused(*why);
  line_.clear();
  state_ = left_ > 0 ? State::kData : State::kTrailers;
  return Step{taken, {}, std::nullopt};
}

std::optional<Refusal> ChunkedDecoder::parse_size_line() {
  std::string_view line = line_;
  if (!line.ends_with("\r\n")) return Refusal{400, "a chunk's size line does not end with CR LF"};
  line.remove_suffix(2);
  left_ = 0;
  std::size_t digits = 0;
  for (; digits < line.size() && hex_digit(line[digits]) >= 0; ++digits) {
    if (left_ > (kMaxLength >> 4U)) return Refusal{400, "a chunk's size is over 2^63-1"};
    left_ = left_ * 16 + static_cast<std::uint64_t>(hex_digit(line[digits]));
  }
  if (digits == 0 || digits > 16) return Refusal{400, "a chunk's size is not 1 to 16 hexadecimal digits"};
  line.remove_prefix(digits);
  if (!line.empty() && line[0] != ';') return Refusal{400, "something else than an extension follows a chunk's size"};
  if (!is_field_value(line)) return Refusal{400, "a chunk's extension holds a control byte"};
  extension_bytes_ += line.size();
  if (extension_bytes_ > kMaxExtensionBytes) return Refusal{400, "the chunks' extensions are longer than 4 KiB"};
  return std::nullopt;
}

ChunkedDecoder::Step ChunkedDecoder::take_data(std::string_view input) {
  const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(input.size(), left_));
  left_ -= taken;
  if (left_ == 0) state_ = State::kDataEnd;
  return Step{taken, input.substr(0, taken), std::nullopt};
}

ChunkedDecoder::Step ChunkedDecoder::take_data_end(std::string_view input) {
  constexpr std::string_view kEnd = "\r\n";
  std::size_t taken = 0;
  while (taken < input.size() && line_.size() < kEnd.size()) {
    if (input[taken] != kEnd[line_.size()]) return refused({400, "a chunk is longer than its size"});
    line_ += input[taken++];
  }
  if (line_ == kEnd) {
    line_.clear();
    state_ = State::kSizeLine;
  }
  return Step{taken, {}, std::nullopt};
}

// Line by line, so that nothing behind the last one is taken: the next request may stand there.
ChunkedDecoder::Step ChunkedDecoder::take_trailers(std::string_view input) {
  const std::size_t newline = input.find('\n');
  const std::size_t taken = newline == std::string_view::npos ? input.size() : newline + 1;
  if (line_.size() + taken > kMaxTrailerBytes) return refused({431, "the trailers are longer than 8 KiB"});
  line_.append(input.substr(0, taken));
  const auto end = trailers_.scan(line_);
  if (!end) return Step{taken, {}, std::nullopt};
  if (const auto* why = refusal_in(*end)) return refused(*why);
  const auto fields = parse_field_lines(line_);
  if (const auto* why = refusal_in(fields)) return refused(*why);
  if (std::get<Headers>(fields).size() > kMaxTrailers) return refused({431, "there are more than 32 trailers"});
  line_.clear();
  state_ = State::kDone;
  return Step{taken, {}, std::nullopt};
}

}  // namespace http
