// The wire archive: how structures become bytes and bytes structures. The only bridge to cereal.
//
// Format (protocol/README.md, "Structures"): integers of fixed width, little-endian; bool as one byte 0 or 1; an enum
// as its integer, range-checked; a string or a list as a 64-bit count and its elements. Nothing else exists: no
// pointers, no floating point, no polymorphism, and trying to use one does not compile.
//
// Every count is checked against the bytes that are left before anything is allocated, so a structure never takes more
// than a small multiple of its own frame. Nothing may be left over.
#pragma once

#include <array>
#include <cereal/cereal.hpp>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "common/bytes.h"
#include "common/result.h"

namespace farhand {

// What went wrong while reading; never leaves decode().
struct WireError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <class T>
concept WireInteger = std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, wchar_t>;

class WireWriter : public cereal::OutputArchive<WireWriter, cereal::AllowEmptyClassElision> {
 public:
  explicit WireWriter(std::string& into) : OutputArchive(this), into_(into) {}

  template <WireInteger T>
  void put(T value) {
    auto bits = static_cast<std::make_unsigned_t<T>>(value);
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      into_ += static_cast<char>(static_cast<unsigned char>(bits & 0xff));
      if constexpr (sizeof(T) > 1) bits = static_cast<std::make_unsigned_t<T>>(bits >> 8);
    }
  }
  void put_text(const std::string& text) {
    put(static_cast<std::uint64_t>(text.size()));
    into_ += text;
  }

 private:
  std::string& into_;
};

class WireReader : public cereal::InputArchive<WireReader, cereal::AllowEmptyClassElision> {
 public:
  explicit WireReader(Bytes bytes) : InputArchive(this), rest_(bytes) {}

  template <WireInteger T>
  T take() {
    if (rest_.size() < sizeof(T)) throw WireError("it ends early");
    std::make_unsigned_t<T> bits = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      bits = static_cast<std::make_unsigned_t<T>>(
          bits | (static_cast<std::make_unsigned_t<T>>(std::to_integer<unsigned>(rest_[i])) << (8 * i)));
    }
    rest_ = rest_.subspan(sizeof(T));
    return static_cast<T>(bits);
  }

  // A count of elements that take at least `element_bytes` each on the wire.
  std::size_t take_count(std::size_t element_bytes) {
    const auto count = take<std::uint64_t>();
    if (count > rest_.size() / element_bytes) throw WireError("a count is larger than what follows it");
    return static_cast<std::size_t>(count);
  }

  std::string take_text() {
    const std::size_t count = take_count(1);
    std::string text(text_of(rest_.first(count)));
    rest_ = rest_.subspan(count);
    return text;
  }

  [[nodiscard]] std::size_t left() const noexcept { return rest_.size(); }

 private:
  Bytes rest_;
};

// Least bytes that a value takes on the wire: what a count is checked against.
template <class T>
inline constexpr std::size_t kLeastWireBytes = sizeof(T);
template <>
inline constexpr std::size_t kLeastWireBytes<std::string> = sizeof(std::uint64_t);

template <WireInteger T>
void CEREAL_SAVE_FUNCTION_NAME(WireWriter& archive, const T& value) {
  archive.put(value);
}
template <WireInteger T>
void CEREAL_LOAD_FUNCTION_NAME(WireReader& archive, T& value) {
  value = archive.take<T>();
}

template <std::same_as<bool> T>  // a template, since a plain function would take whatever converts to bool
void CEREAL_SAVE_FUNCTION_NAME(WireWriter& archive, const T& value) {
  archive.put(static_cast<std::uint8_t>(value ? 1 : 0));
}
inline void CEREAL_LOAD_FUNCTION_NAME(WireReader& archive, bool& value) {
  const auto byte = archive.take<std::uint8_t>();
  if (byte > 1) throw WireError("a yes-or-no is neither");
  value = byte == 1;
}

inline void CEREAL_SAVE_FUNCTION_NAME(WireWriter& archive, const std::string& text) {
  archive.put_text(text);
}
inline void CEREAL_LOAD_FUNCTION_NAME(WireReader& archive, std::string& text) {
  text = archive.take_text();
}

template <class T>
void CEREAL_SAVE_FUNCTION_NAME(WireWriter& archive, const std::vector<T>& list) {
  archive.put(static_cast<std::uint64_t>(list.size()));
  for (const T& element : list) archive(element);
}
template <class T>
void CEREAL_LOAD_FUNCTION_NAME(WireReader& archive, std::vector<T>& list) {
  const std::size_t count = archive.take_count(kLeastWireBytes<T>);
  list.clear();
  for (std::size_t i = 0; i < count; ++i) {
    T element;
    archive(element);
    list.push_back(std::move(element));
  }
}

template <std::size_t N>
void CEREAL_SAVE_FUNCTION_NAME(WireWriter& archive, const std::array<std::uint8_t, N>& bytes) {
  for (const std::uint8_t byte : bytes) archive.put(byte);
}
template <std::size_t N>
void CEREAL_LOAD_FUNCTION_NAME(WireReader& archive, std::array<std::uint8_t, N>& bytes) {
  for (std::uint8_t& byte : bytes) byte = archive.take<std::uint8_t>();
}

// An enum whose values are 0 .. last without a gap: archive(wire_enum(value, Last)).
template <class E>
struct WireEnum {
  E& value;
  E last;
};
template <class E>
WireEnum<E> wire_enum(E& value, E last) {
  return {value, last};
}
template <class E>
void CEREAL_SAVE_FUNCTION_NAME(WireWriter& archive, const WireEnum<E>& field) {
  archive.put(static_cast<std::underlying_type_t<E>>(field.value));
}
template <class E>
void CEREAL_LOAD_FUNCTION_NAME(WireReader& archive, WireEnum<E>& field) {
  const auto number = archive.take<std::underlying_type_t<E>>();
  if (number > static_cast<std::underlying_type_t<E>>(field.last)) throw WireError("a choice is out of range");
  field.value = static_cast<E>(number);
}

// One message as the bytes of a frame.
template <class Message>
std::string encode_structure(const Message& message) {
  std::string bytes;
  WireWriter archive(bytes);
  archive(message);
  return bytes;
}

// The bytes of a whole frame as a message. `what` names it in the sentence: kProtocol on any flaw.
template <class Message>
Result<Message> decode_structure(Bytes bytes, std::string_view what) {
  try {
    Message message;
    WireReader archive(bytes);
    archive(message);
    if (archive.left() == 0) return message;
    return fail(ErrorCode::kProtocol, "a malformed '" + std::string(what) + "': something is left over");
  } catch (const WireError& flaw) {
    return fail(ErrorCode::kProtocol, "a malformed '" + std::string(what) + "': " + flaw.what());
  }
}

}  // namespace farhand

CEREAL_SETUP_ARCHIVE_TRAITS(farhand::WireReader, farhand::WireWriter)
