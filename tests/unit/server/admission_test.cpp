// Whose key it is, and whether it may come in from there, now.
#include "server/admission.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <pwd.h>
#include <unistd.h>

namespace farhand {
namespace {

using std::chrono::seconds;
constexpr std::chrono::sys_seconds kNow{seconds(1'700'000'000)};

KeyPin pin_of(char digit) {
  return *parse_pin(std::string(64, digit));
}

SourceAddress source_of(const char* text) {
  sockaddr_storage storage{};
  storage.ss_family = AF_INET;
  ::inet_pton(AF_INET, text, &reinterpret_cast<sockaddr_in&>(storage).sin_addr);
  return *source_address(storage);
}

Rights key(char digit) {
  Rights rights;
  rights.name = std::string(1, digit);
  rights.pin = pin_of(digit);
  rights.allow.add(Right::kGet);
  return rights;
}

Admitted judged(const Rights& rights, ProvenKey proven, const KeyRules& rules = {}) {
  Admitted admitted;
  judge_key(admitted, proven, KeyTable({std::make_shared<const Rights>(rights)}), rules, kNow);
  EXPECT_EQ(admitted.rights == nullptr, !admitted.refusal.empty());
  return admitted;
}

ProvenKey from(char digit, const char* source = "192.0.2.1", const std::string& subject = "") {
  return ProvenKey{pin_of(digit), subject, source_of(source)};
}

TEST(JudgeKey, AnEnrolledPinHasItsRights) {
  const Admitted admitted = judged(key('1'), from('1'));
  ASSERT_TRUE(admitted.rights);
  EXPECT_EQ(*admitted.rights, key('1'));
  EXPECT_TRUE(admitted.enrolled);
}

TEST(JudgeKey, AStrangerHasNoneButAPinToPairWith) {
  const Admitted admitted = judged(key('1'), from('2'));
  EXPECT_FALSE(admitted.rights);
  EXPECT_EQ(admitted.pin, pin_of('2'));
}

TEST(JudgeKey, ASubjectCountsOnlyIfACaVouchesForIt) {
  Rights named = key('1');
  named.pin.reset();
  named.subject = "CN=ann";
  EXPECT_TRUE(judged(named, from('2', "192.0.2.1", "CN=ann")).rights);
  EXPECT_FALSE(judged(named, from('2', "192.0.2.1", "CN=anna")).rights);
  EXPECT_FALSE(judged(named, from('2')).rights);
}

TEST(JudgeKey, AStaticPinMayDoAll) {
  const Admitted admitted = judged(key('1'), from('2'), KeyRules{{pin_of('2')}, false});
  ASSERT_TRUE(admitted.rights);
  EXPECT_EQ(admitted.rights->allow, RightSet::all());
  EXPECT_FALSE(admitted.enrolled) << "no reload can end it";
}

TEST(JudgeKey, FromElsewhereAnEnrolledKeyIsAStranger) {
  Rights local = key('1');
  local.source = {*parse_network("10.0.0.0/8"), *parse_network("192.0.2.0/24")};
  EXPECT_TRUE(judged(local, from('1', "10.9.9.9")).rights);
  EXPECT_TRUE(judged(local, from('1', "192.0.2.255")).rights);
  EXPECT_FALSE(judged(local, from('1', "192.0.3.1")).rights);
  EXPECT_FALSE(judged(local, ProvenKey{pin_of('1'), "", std::nullopt}).rights) << "a source that is not known";
}

TEST(JudgeKey, AnExpiredKeyIsAStranger) {
  Rights mortal = key('1');
  mortal.expires = kNow + seconds(1);
  EXPECT_TRUE(judged(mortal, from('1')).rights);
  mortal.expires = kNow;
  EXPECT_FALSE(judged(mortal, from('1')).rights);
}

TEST(JudgeKey, AKeyOfAnotherUserTakesAServerThatCanBecomeHim) {
  Rights other = key('1');
  other.user = ::geteuid() == 0 ? "nobody" : "root";
  const Admitted admitted = judged(other, from('1'));
  EXPECT_FALSE(admitted.rights);
  EXPECT_NE(admitted.refusal.find(other.user), std::string::npos);
  EXPECT_TRUE(judged(other, from('1'), KeyRules{{}, true}).rights);
  other.user = ::getpwuid(::geteuid())->pw_name;
  EXPECT_TRUE(judged(other, from('1')).rights) << "the server's own user";
}

}  // namespace
}  // namespace farhand
