// The outbox, filled with frames.
#include "protocol/frame_writer.h"

#include <cstring>

#include "common/check.h"
#include "protocol/slip.h"

namespace farhand {

void FrameWriter::admit(FrameKind kind, std::uint64_t size, std::string_view name) {
  const bool may_be_said = conversation_.admit(self_, FrameHeader{kind, size, std::string(name)}).has_value();
  FARHAND_ASSERT(may_be_said);
}

void FrameWriter::say(FrameKind kind, std::string_view name) {
  say_bytes(kind, name, {});
}

void FrameWriter::say_structure(FrameKind kind, std::string_view structure) {
  say_bytes(kind, {}, bytes_of(structure));
}

void FrameWriter::say_bytes(FrameKind kind, std::string_view name, Bytes bytes) {
  admit(kind, bytes.size(), name);
  std::string slip;
  append_slip(slip, kind, bytes.size(), name);
  outbox_.append(bytes_of(slip));
  outbox_.append(bytes);
}

// The slip is written for a full frame in advance; end_bytes() mends it in the rare case that fewer bytes came.
MutableBytes FrameWriter::begin_bytes(FrameKind kind, std::string_view name, std::size_t most) {
  begun_kind_ = kind;
  begun_name_ = name;
  begun_most_ = most;
  begun_slip_.clear();
  append_slip(begun_slip_, kind, most, name);
  begun_ = outbox_.prepare(begun_slip_.size() + most);
  std::memcpy(begun_.data(), begun_slip_.data(), begun_slip_.size());
  return begun_.subspan(begun_slip_.size());
}

void FrameWriter::end_bytes(std::size_t count) {
  FARHAND_ASSERT(count <= begun_most_);
  admit(begun_kind_, count, begun_name_);
  const std::size_t slip_room = begun_slip_.size();
  if (count != begun_most_) {
    begun_slip_.clear();
    append_slip(begun_slip_, begun_kind_, count, begun_name_);  // never longer than it was
    std::memcpy(begun_.data(), begun_slip_.data(), begun_slip_.size());
    if (begun_slip_.size() != slip_room) {
      std::memmove(begun_.data() + begun_slip_.size(), begun_.data() + slip_room, count);
    }
  }
  outbox_.commit(begun_slip_.size() + count);
}

}  // namespace farhand
