// What a session's process may have written down, and what it is killed for.
#include "server/audit_fields.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "server/audit.h"

namespace farhand {
namespace {

constexpr std::string_view kSource = "192.0.2.1:77";

bool are_fields(std::string_view text) {
  return are_audit_fields(text, kSource);
}

std::string all_bytes() {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  return all;
}

TEST(AuditFields, WhateverAnAuditLineIsMadeOfIsOne) {
  AuditLine line("exec");
  line.text("path", all_bytes() + "\",\"event\":\"login\"}\n")
      .text("xxh3_128", "")
      .text("broken-off", "\xc3\xa4\xe2\x82\xac\\\"")
      .number("status", -128)
      .number("bytes", INT64_MAX)
      .number("ms", INT64_MIN)
      .number("count", 0)
      .texts("argv", {all_bytes(), "", "]", "\\"})
      .texts("ran", {})
      .texts("environment", std::vector<std::string>(1000, std::string(1000, 'x')));
  EXPECT_TRUE(are_fields(line.fields())) << line.fields();
  EXPECT_TRUE(are_fields(AuditLine("end").fields()));
}

TEST(AuditFields, WhatIsNoneIsRefused) {
  for (const std::string_view text : {
           "",
           "end",
           R"("end")",
           R"("event":)",
           R"("event":1)",
           R"("event":"end)",
           R"("event":"end",)",
           R"("event":"end"})",
           R"( "event":"end")",
           R"("event": "end")",
           R"("status":1,"event":"end")",
           R"("event":"end"}{"event":"end")",
           R"("event":"end","a")",
           R"("event":"end","a":)",
           R"("event":"end","a":x)",
           R"("event":"end","a":{})",
           R"("event":"end","a":null)",
           R"("event":"end","a":-)",
           R"("event":"end","a":01)",
           R"("event":"end","a":1.5)",
           R"("event":"end","a":1e5)",
           R"("event":"end","a":123456789012345678901)",
           R"("event":"end","a":[1])",
           R"("event":"end","a":["x")",
           R"("event":"end","a":["x",])",
           R"("event":"end","a":[["x"]])",
           R"("event":"end","":1)",
           R"("event":"end","A":1)",
           R"("event":"end","a b":1)",
           R"("event":"end","a\\":1)",
           R"("event":"end","a":"\n")",
           R"("event":"end","a":"\u0022")",
           R"("event":"end","a":"\)",
       }) {
    EXPECT_FALSE(are_fields(text)) << text;
  }
}

TEST(AuditFields, NobodySaysWhatTheServerSaysOfEveryLine) {
  for (const char* name : {"time", "run", "id", "pid", "uid", "event"}) {
    EXPECT_FALSE(are_fields(R"("event":"end",")" + std::string(name) + R"(":1)")) << name;
    EXPECT_TRUE(are_fields(R"("event":"end",")" + std::string(name) + R"(s":1)")) << name;
  }
}

// What it says of others would be theirs to answer for.
TEST(AuditFields, NobodySpeaksForAnotherConnection) {
  EXPECT_TRUE(are_fields(AuditLine("end").text("source", kSource).text("path", "192.0.2.2:77").fields()));
  EXPECT_FALSE(are_fields(AuditLine("end").text("source", "192.0.2.2:77").fields()));
  EXPECT_FALSE(are_fields(AuditLine("end").text("source", kSource).text("source", "192.0.2.2:77").fields()));
  EXPECT_FALSE(are_fields(AuditLine("end").texts("source", {std::string(kSource)}).fields()));
  EXPECT_FALSE(are_fields(AuditLine("end").number("source", 1).fields()));
}

TEST(AuditFields, ALineIsOneOfPrintableText) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string text = R"("event":"e)" + std::string(1, static_cast<char>(byte)) + R"(")";
    const bool fine = byte >= ' ' && byte <= '~' && byte != '"' && byte != '\\';
    EXPECT_EQ(are_fields(text), fine) << byte;
  }
  EXPECT_FALSE(are_fields("\"event\":\"\xe2\x80\xae\"")) << "text that runs the other way";
}

// Whatever is taken is one JSON object, however it was damaged on its way.
TEST(AuditFields, NoDamagedLineIsTakenThatIsNoJson) {
  const std::string line =
      AuditLine("exec").text("who", "key 'ann'").texts("argv", {"a \"b\"", "c\\"}).number("status", 12).fields();
  for (std::size_t at = 0; at < line.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = line;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      EXPECT_TRUE(!are_fields(damaged) || nlohmann::json::accept("{" + damaged + "}")) << damaged;
    }
    const std::string cut = line.substr(0, at);
    EXPECT_TRUE(!are_fields(cut) || nlohmann::json::accept("{" + cut + "}")) << cut;
  }
}

}  // namespace
}  // namespace farhand
