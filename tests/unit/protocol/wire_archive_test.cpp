// The wire archive: fixed bytes, checked counts, nothing that is no wire type.
#include "protocol/wire_archive.h"

#include <gtest/gtest.h>

#include <memory>

#include "tests/unit/protocol/memory_meter.h"
#include "tests/unit/protocol/sabotage.h"

namespace farhand {

// A structure with one field of each type that exists. Its serialize stands where cereal looks: in the namespace.
enum class Colour : std::uint8_t { kRed, kGreen, kBlue };

struct EverythingThere {
  std::uint8_t u8 = 0;
  std::uint16_t u16 = 0;
  std::uint32_t u32 = 0;
  std::uint64_t u64 = 0;
  std::int8_t i8 = 0;
  std::int64_t i64 = 0;
  bool yes = false;
  Colour colour = Colour::kRed;
  std::string text;
  std::vector<std::uint16_t> numbers;
  std::vector<std::string> texts;
  std::array<std::uint8_t, 3> raw{};
  bool operator==(const EverythingThere&) const = default;
};

template <class Archive>
void serialize(Archive& archive, EverythingThere& all) {
  archive(all.u8, all.u16, all.u32, all.u64, all.i8, all.i64, all.yes, wire_enum(all.colour, Colour::kBlue), all.text,
          all.numbers, all.texts, all.raw);
}

namespace {

using test::flip_bit;
using test::from_hex;
using test::MemoryMeter;
using test::truncate_at;

template <class T>
Result<T> decode_one(const std::string& bytes) {
  return decode_structure<T>(bytes_of(bytes), "test");
}

std::string count_text(std::uint64_t count) {
  std::string bytes;
  WireWriter(bytes).put(count);
  return bytes;
}

EverythingThere sample() {
  return {0x01,           0x0203,  0x04050607, 0x08090a0b0c0d0e0fU, -2,       -3, true,
          Colour::kGreen, "a\xff", {1, 2},     {"", "bc"},          {7, 8, 9}};
}

constexpr const char* kSampleHex =
    "01 0302 07060504 0f0e0d0c0b0a0908 fe fdffffffffffffff 01 01"
    "0200000000000000 61ff"
    "0200000000000000 0100 0200"
    "0200000000000000 0000000000000000 0200000000000000 6263"
    "070809";

TEST(WireArchive, EveryTypeHasItsGoldenBytes) {
  EXPECT_EQ(test::to_hex(encode_structure(sample())), test::to_hex(from_hex(kSampleHex)));
}

TEST(WireArchive, EveryTypeIsReadAsItWasWritten) {
  const auto read = decode_one<EverythingThere>(from_hex(kSampleHex));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_TRUE(*read == sample());
}

TEST(WireArchive, ExtremesOfIntegersSurvive) {
  for (const std::int64_t value : {INT64_MIN, INT64_MAX, std::int64_t{-1}, std::int64_t{0}}) {
    EXPECT_EQ(decode_one<std::int64_t>(encode_structure(value)), value);
  }
  for (const std::uint64_t value : {std::uint64_t{0}, UINT64_MAX, std::uint64_t{1} << 63}) {
    EXPECT_EQ(decode_one<std::uint64_t>(encode_structure(value)), value);
  }
  for (const int value : {-128, -1, 0, 127}) {
    const auto narrow = static_cast<std::int8_t>(value);
    EXPECT_EQ(decode_one<std::int8_t>(encode_structure(narrow)), narrow);
  }
}

TEST(WireArchive, EveryTruncationIsRefused) {
  const std::string golden = from_hex(kSampleHex);
  for (std::size_t count = 0; count < golden.size(); ++count) {
    const auto read = decode_one<EverythingThere>(truncate_at(golden, count));
    ASSERT_FALSE(read) << count;
    EXPECT_EQ(read.error().code, ErrorCode::kProtocol);
  }
}

TEST(WireArchive, EverySpellingIsTheOnlyOne) {
  const std::string golden = from_hex(kSampleHex);
  for (std::size_t bit = 0; bit < golden.size() * 8; ++bit) {
    const std::string flipped = flip_bit(golden, bit);
    const auto read = decode_one<EverythingThere>(flipped);
    if (!read) continue;
    EXPECT_EQ(encode_structure(*read), flipped) << "bit " << bit;
  }
}

TEST(WireArchive, SomethingLeftOverIsRefused) {
  EXPECT_FALSE(decode_one<EverythingThere>(from_hex(kSampleHex) + std::string(1, '\0')));
  EXPECT_FALSE(decode_one<std::uint8_t>("ab"));
}

TEST(WireArchive, ABoolIsZeroOrOne) {
  EXPECT_EQ(decode_one<bool>(std::string(1, '\0')), false);
  EXPECT_EQ(decode_one<bool>("\x01"), true);
  for (int value = 2; value < 256; ++value) {
    EXPECT_FALSE(decode_one<bool>(std::string(1, static_cast<char>(value)))) << value;
  }
}

TEST(WireArchive, AnEnumBeyondItsLastValueIsRefused) {
  const std::string golden = from_hex(kSampleHex);
  const std::size_t at = 1 + 2 + 4 + 8 + 1 + 8 + 1;
  for (int value = 0; value < 256; ++value) {
    std::string changed = golden;
    changed[at] = static_cast<char>(value);
    EXPECT_EQ(decode_one<EverythingThere>(changed).has_value(), value <= 2) << value;
  }
}

TEST(WireArchive, CountsBeyondWhatFollowsAreRefusedWithoutMemory) {
  constexpr std::size_t kMostBytes = 1 << 20;
  for (const std::uint64_t count : {std::uint64_t{1} << 61, std::uint64_t{1} << 32, std::uint64_t{1000000000},
                                    std::uint64_t{1} << 63, UINT64_MAX, UINT64_MAX / 8 + 1, std::uint64_t{65}}) {
    const std::string bytes = count_text(count) + std::string(64, '\0');
    const MemoryMeter meter;
    EXPECT_FALSE(decode_one<std::string>(bytes)) << count;
    EXPECT_FALSE(decode_one<std::vector<std::uint8_t>>(bytes)) << count;
    EXPECT_FALSE(decode_one<std::vector<std::uint64_t>>(bytes)) << count;
    EXPECT_FALSE(decode_one<std::vector<std::string>>(bytes)) << count;
    EXPECT_LT(meter.largest_bytes(), kMostBytes) << count;
    EXPECT_LT(meter.peak_bytes(), kMostBytes) << count;
  }
}

TEST(WireArchive, ACountOfJustWhatFollowsIsTakenAndOneMoreIsNot) {
  EXPECT_TRUE(decode_one<std::string>(count_text(64) + std::string(64, 'x')));
  EXPECT_FALSE(decode_one<std::string>(count_text(65) + std::string(64, 'x')));
  EXPECT_TRUE(decode_one<std::vector<std::uint32_t>>(count_text(16) + std::string(64, 'x')));
  EXPECT_FALSE(decode_one<std::vector<std::uint32_t>>(count_text(17) + std::string(64, 'x')));
  EXPECT_TRUE(decode_one<std::vector<std::string>>(count_text(8) + std::string(64, '\0')));
  EXPECT_FALSE(decode_one<std::vector<std::string>>(count_text(9) + std::string(64, '\0')));
}

TEST(WireArchive, ACountWithinACountIsCheckedToo) {
  EXPECT_FALSE(
      decode_one<std::vector<std::string>>(count_text(2) + count_text(std::uint64_t{1} << 40) + count_text(0)));
}

// A string takes 32 bytes in memory and 8 on the wire: the worst there is.
TEST(WireArchive, AListOfEmptyTextsThatFillsAFrameTakesASmallMultipleOfIt) {
  const std::size_t frame = 4 << 20;
  const std::size_t count = frame / 8 - 1;
  const std::string bytes = count_text(count) + std::string(count * 8, '\0');
  const MemoryMeter meter;
  const auto read = decode_one<std::vector<std::string>>(bytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->size(), count);
  EXPECT_LT(meter.peak_bytes(), 8 * bytes.size());
}

// A list grows by doubling, so the least lucky count takes more than the fullest one: 12 times the frame for a moment.
TEST(WireArchive, TheLeastLuckyCountStillTakesASmallMultiple) {
  const std::size_t count = (std::size_t{1} << 18) + 1;
  const std::string bytes = count_text(count) + std::string(count * 8, '\0');
  const MemoryMeter meter;
  ASSERT_TRUE(decode_one<std::vector<std::string>>(bytes));
  EXPECT_LT(meter.peak_bytes(), 16 * bytes.size());
}

// ---------------------------------------------------------------------------------------------------------------------
// What must not compile

template <class T>
concept Writable = requires(WireWriter& archive, const T& value) {
  CEREAL_SAVE_FUNCTION_NAME(archive, value);
};
template <class T>
concept Readable = requires(WireReader& archive, T& value) {
  CEREAL_LOAD_FUNCTION_NAME(archive, value);
};
template <class T>
concept OnTheWire = Writable<T> && Readable<T>;
template <class T>
concept NotOnTheWire = !Writable<T> && !Readable<T>;

template <class T>
inline constexpr bool kSaved = cereal::traits::is_output_serializable<T, WireWriter>::value;
template <class T>
inline constexpr bool kLoaded = cereal::traits::is_input_serializable<T, WireReader>::value;

static_assert(OnTheWire<bool> && OnTheWire<std::uint8_t> && OnTheWire<std::int64_t> && OnTheWire<std::uint64_t>);
static_assert(OnTheWire<std::string> && OnTheWire<std::vector<std::string>> && OnTheWire<std::array<std::uint8_t, 16>>);
static_assert(!WireInteger<bool> && !WireInteger<wchar_t> && !WireInteger<float> && !WireInteger<void*>);
static_assert(NotOnTheWire<std::wstring> && NotOnTheWire<std::unique_ptr<int>> && NotOnTheWire<std::shared_ptr<int>>);
static_assert(NotOnTheWire<Colour>, "an enum goes through wire_enum, which knows its last value");
static_assert(NotOnTheWire<std::array<std::uint32_t, 4>>, "only bytes have a fixed array");
static_assert(!Readable<float> && !Readable<double> && !Readable<wchar_t> && !Readable<int*> && !Readable<const char*>);
static_assert(!kLoaded<double> && !kLoaded<wchar_t> && !kLoaded<std::shared_ptr<int>>);

// The overload for bool once took whatever converts to bool, so that a double, a pointer or a wchar_t went out as the
// one byte 01. (cereal's traits are not asked about pointers: it has an overload for them, whose body does not
// compile.)
TEST(WireArchive, NothingThatMerelyConvertsToBoolCanBeWritten) {
  EXPECT_FALSE(Writable<float>);
  EXPECT_FALSE(Writable<double>);
  EXPECT_FALSE(Writable<wchar_t>);
  EXPECT_FALSE(Writable<int*>);
  EXPECT_FALSE(kSaved<double>);
  EXPECT_FALSE(kSaved<wchar_t>);
}

}  // namespace
}  // namespace farhand
