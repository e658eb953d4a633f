// Lines and objects of a listing.
#include "client/listing_text.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>

#include "client/listing_json.h"

namespace farhand {
namespace {

Entry some_file() {
  Entry entry;
  entry.path = "f";
  entry.mode = 0640;
  entry.size = 1234;
  entry.modified_seconds = 1'600'000'000;
  entry.modified_nanoseconds = 5;
  return entry;
}

TEST(ListingText, ModesAreWrittenAsLsWritesThem) {
  EXPECT_EQ(mode_text(EntryKind::kFile, 0644), "-rw-r--r--");
  EXPECT_EQ(mode_text(EntryKind::kDirectory, 01777), "drwxrwxrwt");
  EXPECT_EQ(mode_text(EntryKind::kDirectory, 01776), "drwxrwxrwT");
  EXPECT_EQ(mode_text(EntryKind::kFile, 06755), "-rwsr-sr-x");
  EXPECT_EQ(mode_text(EntryKind::kFile, 06644), "-rwSr-Sr--");
  EXPECT_EQ(mode_text(EntryKind::kLink, 0777), "lrwxrwxrwx");
  EXPECT_EQ(mode_text(EntryKind::kSpecial, 0), "?---------");
}

TEST(ListingText, TimesAreUtcAndThoseBeyondEveryCalendarAreNumbers) {
  EXPECT_EQ(time_text(1'600'000'000, 5, false), "2020-09-13T12:26:40Z");
  EXPECT_EQ(time_text(1'600'000'000, 5, true), "2020-09-13T12:26:40.000000005Z");
  EXPECT_EQ(time_text(-1, 0, false), "1969-12-31T23:59:59Z");
  EXPECT_EQ(time_text(std::numeric_limits<std::int64_t>::max(), 0, true), "@9223372036854775807");
  EXPECT_EQ(time_text(std::numeric_limits<std::int64_t>::min(), 0, true), "@-9223372036854775808");
}

TEST(ListingText, NamesAreTheirBytesUnlessTheyAreForATerminal) {
  const std::string name = "a\x1b[2J\n";
  EXPECT_EQ(listing_line(some_file(), name, {}), name + "\n");
  EXPECT_EQ(listing_line(some_file(), name, {.escaped = true}), "a\\x1b[2J\\n\n");
  EXPECT_EQ(listing_line(some_file(), name, {.end = '\0'}), name + std::string(1, '\0'));
  const std::string longest(4096, 'n');
  EXPECT_EQ(listing_line(some_file(), longest, {.escaped = true}), longest + "\n");
}

TEST(ListingText, ALongLineHasEverything) {
  EXPECT_EQ(listing_line(some_file(), "f", {.long_form = true}), "-rw-r-----         1234 2020-09-13T12:26:40Z f\n");
  Entry link = some_file();
  link.kind = EntryKind::kLink;
  link.target = "\x1b";
  EXPECT_EQ(listing_line(link, "l", {.long_form = true, .escaped = true}),
            "lrw-r-----         1234 2020-09-13T12:26:40Z l -> \\x1b\n");
  EXPECT_EQ(listing_line(link, "l", {}), "l\n");
}

TEST(ListingText, HashesStandInOneColumn) {
  Entry entry = some_file();
  EXPECT_EQ(listing_line(entry, "f", {.hash = true}), std::string(32, '-') + " f\n");
  entry.hashed = true;
  entry.hash.fill(0xab);
  std::string digits;
  for (int i = 0; i < 16; ++i) digits += "ab";
  EXPECT_EQ(listing_line(entry, "f", {.hash = true}), digits + " f\n");
}

TEST(ListingJson, AnEntryHasItsFactsAndANameThatIsNoTextInBase64) {
  Entry entry = some_file();
  entry.hashed = true;
  auto told = nlohmann::json::parse(entry_json(entry, "f", "d"));
  EXPECT_EQ(told["path"], "f");
  EXPECT_EQ(told["asked"], "d");
  EXPECT_EQ(told["kind"], "file");
  EXPECT_EQ(told["size"], 1234);
  EXPECT_EQ(told["mode"], 0640);
  EXPECT_EQ(told["modified"], "2020-09-13T12:26:40.000000005Z");
  EXPECT_EQ(told["xxh3_128"], std::string(32, '0'));
  EXPECT_FALSE(told.contains("target"));
  told = nlohmann::json::parse(entry_json(entry, "\xff", "d"));
  EXPECT_EQ(told["path_base64"], "/w==");
  EXPECT_FALSE(told.contains("path"));
}

TEST(ListingJson, ADifferenceHasBothSidesAndNullForNone) {
  const auto told = nlohmann::json::parse(difference_json({Difference::What::kOnlyHere, "f", some_file(), {}}));
  EXPECT_EQ(told["difference"], "only_here");
  EXPECT_EQ(told["here"]["size"], 1234);
  EXPECT_TRUE(told["there"].is_null());
}

}  // namespace
}  // namespace farhand
