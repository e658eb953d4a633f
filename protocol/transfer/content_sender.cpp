// One file's frames, from what a FileReader gives.
#include "protocol/transfer/content_sender.h"

#include <algorithm>
#include <utility>

namespace farhand {
namespace {

// What a helper hashes rather than this thread: 1 MiB takes well below a millisecond, once it has been read.
constexpr std::uint64_t kHashedHere = 1 << 20;
// What is packed at a time under a limit that permits less: smaller pieces would hardly shrink.
constexpr std::uint64_t kLeastPiece = 16 << 10;

}  // namespace

void ContentSender::begin(const std::string& path, const Verdict& verdict,
                          std::shared_ptr<const delta::Signature> signature) {
  observer_.file_begun(path);
  parts_.begin_file();
  auto reader = open_file(path);
  if (!reader) {
    Seal seal;
    seal.outcome = SealOutcome::kFailed;
    seal.code = reader.error().code;
    seal.reason = std::move(reader).error().message;
    return say_close(path, seal);
  }
  current_.emplace(Current{path, *std::move(reader), verdict.have, std::move(signature)});
  const bool compares = verdict.need == Need::kRest || (verdict.need == Need::kDelta && verdict.have > 0);
  if (compares) return begin_rest(verdict);
  begin_delta();
}

void ContentSender::begin_delta() {
  if (!current_->signature) return;
  delta_.emplace(channel_, observer_, parts_, std::move(current_->signature));
}

Result<FileReader> ContentSender::open_file(const std::string& path) const {
  TRY_ASSIGN(UniqueFd file, walk_.open_file(path));
  return FileReader::begin(std::move(file), walk_.shown(path));
}

// Whether what the receiver has is how the file begins: hashed here if it is little, else on a helper.
void ContentSender::begin_rest(const Verdict& verdict) {
  const auto look = [this, verdict] {
    rest_fits_ = current_->reader.begins_with(verdict.have, verdict.hash, stop_hashing_);
  };
  if (verdict.have > kHashedHere && verdict.have <= current_->reader.listed_bytes()) {
    hashing_.emplace(look);
  } else {
    look();
    settle_rest();
  }
}

void ContentSender::collect() {
  if (!hashing_ || !hashing_->done()) return;
  hashing_->finish();
  hashing_.reset();
  settle_rest();
}

// A part at offset 0 says that the receiver's bytes are none of the file's; it may be empty, for a file that is so.
void ContentSender::settle_rest() {
  if (rest_fits_) {
    observer_.spared(current_->have);
  } else {
    channel_.say(FrameKind::kPart, "0");
    begin_delta();
  }
}

void ContentSender::signature_grew() {
  if (delta_) delta_->go_on();
}

// The next stretch of data, or of a hole, or the end.
void ContentSender::say_more(std::uint64_t most) {
  FileReader& reader = current_->reader;
  switch (reader.advance()) {
    case FileReader::Next::kPassing:
      return;
    case FileReader::Next::kEnd:
      if (!delta_ || delta_->may_finish()) say_all_of_it();
      return;
    case FileReader::Next::kData:
      break;
  }
  if (delta_) return say_delta_piece(most);
  if (parts_.packs()) return say_piece(std::max(most, kLeastPiece));
  say_plain_piece(most);
}

void ContentSender::say_piece(std::uint64_t most) {
  FileReader& reader = current_->reader;
  const std::uint64_t offset = reader.offset();
  const MutableBytes room = parts_.buffer();
  const MutableBytes into = room.first(std::min<std::size_t>({room.size(), reader.piece_bytes(), most}));
  const std::size_t got = reader.read(into);
  if (got == 0) return;  // it has ended early, or failed
  parts_.say(offset, into.first(got));
  sent_bytes_ += got;
  observer_.moved(got);
}

void ContentSender::say_plain_piece(std::uint64_t most) {
  FileReader& reader = current_->reader;
  const std::size_t piece = std::min<std::size_t>(reader.piece_bytes(), most);
  const MutableBytes into = channel_.begin_bytes(FrameKind::kPart, std::to_string(reader.offset()), piece);
  const std::size_t got = reader.read(into.first(piece));
  if (got == 0) return;  // it has ended early, or failed
  channel_.end_bytes(got);
  parts_.went_plain(got);
  sent_bytes_ += got;
  observer_.moved(got);
}

void ContentSender::say_delta_piece(std::uint64_t most) {
  FileReader& reader = current_->reader;
  const std::uint64_t offset = reader.offset();
  if (!delta_->may_pass_to(offset)) return;
  const MutableBytes into =
      delta_->buffer().first(std::min<std::size_t>({delta_->buffer().size(), reader.piece_bytes(), most}));
  if (const std::size_t got = reader.read(into); got > 0) delta_->add(offset, into.first(got));
}

void ContentSender::say_all_of_it() {
  if (delta_) {
    delta_->finish();
    sent_bytes_ += delta_->sent_bytes();
    delta_.reset();
  }
  say_close(current_->path, current_->reader.seal());
  current_.reset();
}

// The receiver hears of a failed file by this; so it is a trouble on this side only.
void ContentSender::say_close(const std::string& path, const Seal& seal) {
  channel_.say_structure(FrameKind::kClose, encode(seal));
  observer_.file_passed();
  if (seal.outcome == SealOutcome::kComplete) return observer_.file_ended(path, seal.size, seal.hash);
  ++failed_files_;
  observer_.trouble(Trouble{walk_.shown(path), seal.code, seal.reason, false}, false);
}

}  // namespace farhand
