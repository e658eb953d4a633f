// BodyReader over the connection's buffer.
#include "server/http/body_reader.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "server/http/refusal.h"

namespace http {
namespace {

constexpr std::size_t kPieceBytes = 4096;

[[noreturn]] void fail_cut() {
  throw HttpError(400, "the body ended before its announced length");
}

// Of the error in hand; what is no timeout goes on as it is.
[[noreturn]] void rethrow(const std::system_error& error) {
  if (error.code() == std::errc::timed_out) throw BodyTimeout(error.code(), "the body took too long to arrive");
  throw;
}

}  // namespace

BodyTimeout::~BodyTimeout() = default;

std::size_t BodyReader::take_some(farhand::MutableBytes into) {
  try {
    const std::size_t got = connection_.read_some(into);
    if (got > 0) return got;
  } catch (const std::system_error& error) {
    rethrow(error);
  }
  fail_cut();
}

void BodyReader::fill() {
  try {
    if (connection_.fill(socketserver::BufferedReader::kBufferBytes)) return;
  } catch (const std::system_error& error) {
    rethrow(error);
  }
  fail_cut();
}

void BodyReader::begin(const Framing& framing) {
  kind_ = framing.kind;
  left_ = framing.length;
  if (kind_ == Framing::Kind::kChunked) chunks_ = ChunkedDecoder();
}

bool BodyReader::ended() const noexcept {
  return kind_ == Framing::Kind::kChunked ? chunks_.done() : left_ == 0;
}

std::optional<std::uint64_t> BodyReader::left() const noexcept {
  if (kind_ == Framing::Kind::kChunked && !chunks_.done()) return std::nullopt;
  return kind_ == Framing::Kind::kChunked ? 0 : left_;
}

std::size_t BodyReader::read_some(farhand::MutableBytes into) {
  if (into.empty() || ended()) return 0;
  return kind_ == Framing::Kind::kChunked ? read_chunked(into) : read_counted(into);
}

std::size_t BodyReader::read_counted(farhand::MutableBytes into) {
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), left_));
  const std::size_t got = take_some(into.first(wanted));
  left_ -= got;
  return got;
}

std::size_t BodyReader::read_chunked(farhand::MutableBytes into) {
  while (!chunks_.done()) {
    farhand::Bytes have = connection_.buffered();
    if (have.empty()) {
      fill();
      have = connection_.buffered();
    }
    // No more than fits: what the decoder finds of the body among it fits as well.
    const auto step = chunks_.decode(farhand::text_of(have.first(std::min(have.size(), into.size()))));
    if (step.refusal) throw HttpError(*step.refusal);
    if (!step.data.empty()) std::memcpy(into.data(), step.data.data(), step.data.size());
    connection_.consume(step.consumed);
    if (!step.data.empty()) return step.data.size();
  }
  return 0;
}

std::size_t BodyReader::read(farhand::MutableBytes into) {
  std::size_t have = 0;
  while (have < into.size()) {
    const std::size_t got = read_some(into.subspan(have));
    if (got == 0) break;
    have += got;
  }
  return have;
}

std::string BodyReader::read(std::size_t count) {
  std::string taken;
  std::array<std::byte, kPieceBytes> piece{};
  while (taken.size() < count) {
    const std::size_t got = read_some(farhand::MutableBytes(piece).first(std::min(count - taken.size(), piece.size())));
    if (got == 0) break;
    taken += farhand::text_of(farhand::Bytes(piece).first(got));
  }
  return taken;
}

std::string BodyReader::read_all(std::size_t limit) {
  const HttpError too_large(413, "the body is longer than " + std::to_string(limit) + " bytes");
  if (left().value_or(0) > limit) throw too_large;
  std::string all = read(limit);
  std::array<std::byte, 1> beyond{};
  if (all.size() == limit && read_some(beyond) > 0) throw too_large;
  return all;
}

}  // namespace http
