// What ssh's options ask for: the first value wins, what would change the meaning is refused.
#include "client/ssh/settings.h"

#include <gtest/gtest.h>

#include "client/ssh/keywords.h"
#include "client/ssh/letters.h"
#include "protocol/limits.h"

namespace farhand {
namespace {

using Words = std::vector<std::string>;

Result<SshSettings> settle(const Words& words) {
  const auto arguments = parse_ssh_arguments(words);
  if (!arguments) return fail(arguments.error());
  return settle_ssh(*arguments);
}

SshSettings settings_of(const Words& words) {
  const auto settings = settle(words);
  EXPECT_TRUE(settings) << (settings ? "" : settings.error().message);
  return settings ? *settings : SshSettings{};
}

std::string complaint_about(const Words& words) {
  const auto settings = settle(words);
  EXPECT_FALSE(settings) << "it was understood";
  if (settings) return {};
  EXPECT_EQ(settings.error().code, ErrorCode::kUsage);
  return settings.error().message;
}

// ---------------------------------------------------------------------------------------------------------------------
// Where to

TEST(SshSettings, AUserStandsBeforeTheLastAt) {
  const auto settings = settings_of({"joe@corp@host"});
  EXPECT_EQ(settings.user, "joe@corp");
  EXPECT_EQ(settings.host, "host");
}

TEST(SshSettings, AnAddressHasUserHostAndPort) {
  const auto settings = settings_of({"ssh://joe@host:2222"});
  EXPECT_EQ(settings.user, "joe");
  EXPECT_EQ(settings.host, "host");
  EXPECT_EQ(settings.port, 2222);
  EXPECT_EQ(settings_of({"ssh://[::1]:22/"}).host, "::1");
  EXPECT_EQ(settings_of({"ssh://[::1]"}).host, "::1");
  EXPECT_EQ(settings_of({"ssh://host"}).port, std::nullopt);
}

TEST(SshSettings, AnIpv6AddressByItselfIsAHost) {
  EXPECT_EQ(settings_of({"fe80::1"}).host, "fe80::1");
}

TEST(SshSettings, WhatIsNoHostIsRefused) {
  for (const char* word : {"", "@host", "joe@", "ssh://", "ssh://host/dir", "ssh://host:"}) {
    EXPECT_FALSE(complaint_about({word}).empty()) << word;
  }
  EXPECT_FALSE(complaint_about({"--", "-oProxyCommand=x"}).empty());
  EXPECT_FALSE(complaint_about({"joe@-oProxyCommand=x"}).empty());
  EXPECT_NE(complaint_about({"-n"}).find("no host was named"), std::string::npos);
}

TEST(SshSettings, TheFirstValueWins) {
  EXPECT_EQ(settings_of({"-l", "first", "second@host"}).user, "first");
  EXPECT_EQ(settings_of({"first@host", "-l", "second"}).user, "first");
  EXPECT_EQ(settings_of({"-oPort=1", "-p", "2", "ssh://host:3"}).port, 1);
  EXPECT_EQ(settings_of({"-o", "ConnectTimeout=5", "-o", "ConnectTimeout=9", "host"}).connect_timeout.count(), 5);
  EXPECT_TRUE(settings_of({"-oBatchMode=yes", "-oBatchMode=no", "host"}).batch);
  EXPECT_FALSE(settings_of({"-oBatchMode=no", "-oBatchMode=yes", "host"}).batch);
  EXPECT_FALSE(complaint_about({"-oBatchMode=ask", "host"}).empty());
  EXPECT_EQ(settings_of({"-oHostName=a", "-oHostName=b", "host"}).host_name, "a");
}

TEST(SshSettings, ALetterCountsWhateverWasSaidBefore) {
  EXPECT_EQ(settings_of({"-4", "-6", "host"}).family, AddressFamily::kV6);  // rsync -6 -e 'ssh -4'
  EXPECT_EQ(settings_of({"-oAddressFamily=inet", "-6", "-oAddressFamily=any", "host"}).family, AddressFamily::kV6);
  EXPECT_EQ(settings_of({"-v", "-oLogLevel=ERROR", "-q", "-oLogLevel=INFO", "host"}).level, SshLogLevel::kQuiet);
  EXPECT_TRUE(settings_of({"-oStdinNull=no", "-n", "host"}).no_input);
  EXPECT_EQ(settings_of({"-e%", "-enone", "host"}).escape, std::nullopt);
  EXPECT_EQ(settings_of({"-oControlPath=x", "-S", "none", "host"}).sharing.use, Sharing::Use::kNever);
  EXPECT_EQ(settings_of({"-oControlMaster=no", "-M", "-oControlPersist=60", "host"}).sharing.use, Sharing::Use::kStays);
}

TEST(SshSettings, AHostNameMayHoldTheHostAndPercentSigns) {
  EXPECT_EQ(settings_of({"-oHostName=%h.lan%%%h", "web"}).host_name, "web.lan%web");
  EXPECT_NE(complaint_about({"-oHostName=%p.lan", "web"}).find("'%p' does not work here"), std::string::npos);
  EXPECT_FALSE(complaint_about({"-oHostName=fe80::1%", "web"}).empty());
}

TEST(SshSettings, AValueOfOneWordMayHaveBlanksWithAndWithoutQuotes) {
  EXPECT_EQ(settings_of({"-oUser=a b", "host"}).user, "a b");
  EXPECT_EQ(settings_of({"-oUser=\"a b\"", "host"}).user, "a b");
  EXPECT_EQ(settings_of({"-oUser='a b'", "host"}).user, "a b");
}

TEST(SshSettings, SeparatorsAndQuotesAreSshs) {
  for (const char* text : {"Port=22", "port 22", " PORT = 22", "Port\t22", "Port=\"22\"", "Port 22 "}) {
    EXPECT_EQ(settings_of({"-o", text, "host"}).port, 22) << text;
  }
  EXPECT_EQ(settings_of({"-o", "User=\"a b\"", "host"}).user, "a b");
}

TEST(SshSettings, TimesAreSshs) {
  EXPECT_EQ(settings_of({"-oConnectTimeout=1m30s", "host"}).connect_timeout.count(), 90);
  EXPECT_EQ(settings_of({"-oConnectTimeout=none", "host"}).connect_timeout.count(), 0);
  for (const char* text :
       {"ConnectTimeout=-1", "ConnectTimeout=5x", "ConnectTimeout=m", "ConnectTimeout=99999999999"}) {
    EXPECT_FALSE(complaint_about({"-o", text, "host"}).empty()) << text;
  }
}

TEST(SshSettings, ABadPortIsRefused) {
  for (const char* port : {"0", "65536", "-1", "22x", " 22", "+22"}) {
    EXPECT_FALSE(complaint_about({"-p", port, "host"}).empty()) << port;
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// What to do there

TEST(SshSettings, WordsAreJoinedByOneBlankAndNothingIsQuoted) {
  EXPECT_EQ(settings_of({"host", "echo", "a  b", "", "$HOME;", "'x"}).command, "echo a  b  $HOME; 'x");
  EXPECT_EQ(settings_of({"host"}).command, "");
  EXPECT_EQ(settings_of({"host", "", ""}).command, " ");  // "$UNSET" "$UNSET" is no login
  EXPECT_EQ(settings_of({"host", "", "ls"}).command, " ls");
}

TEST(SshSettings, ASubsystemMayBeNamedBeforeAndBehindTheHost) {
  for (const Words& words : {Words{"-s", "--", "host", "sftp"}, Words{"host", "-s", "sftp"},
                             Words{"-oSessionType=subsystem", "host", "sftp"}}) {
    const auto settings = settings_of(words);
    EXPECT_TRUE(settings.subsystem);
    EXPECT_EQ(settings.command, "sftp");
  }
  EXPECT_FALSE(complaint_about({"-s", "host"}).empty());
  for (const char* other : {"default", "none"}) {
    EXPECT_FALSE(complaint_about({std::string("-oSessionType=") + other, "-s", "host", "sftp"}).empty());
    EXPECT_TRUE(settings_of({"-s", std::string("-oSessionType=") + other, "host", "sftp"}).subsystem);  // the first
  }
}

TEST(SshSettings, ATerminalIsAskedForInSteps) {
  EXPECT_EQ(settings_of({"host"}).terminal, SshTerminal::kIfAtOne);
  EXPECT_EQ(settings_of({"-T", "host"}).terminal, SshTerminal::kNever);
  EXPECT_EQ(settings_of({"-t", "host"}).terminal, SshTerminal::kWanted);
  EXPECT_EQ(settings_of({"-t", "host", "-t"}).terminal, SshTerminal::kForced);
  EXPECT_EQ(settings_of({"-tt", "-T", "host"}).terminal, SshTerminal::kNever);
  EXPECT_EQ(settings_of({"-oRequestTTY=force", "host"}).terminal, SshTerminal::kForced);
  EXPECT_EQ(settings_of({"-oRequestTTY=no", "-oRequestTTY=force", "host"}).terminal, SshTerminal::kNever);
}

TEST(SshSettings, VariablesAreNamedOrGiven) {
  const auto settings = settings_of(
      {"-o", "SendEnv=GIT_PROTOCOL LC_*", "-oSendEnv=-LC_ALL", "-o", "SetEnv=A=\"x y\" B=z", "-oSetEnv=C=no", "host"});
  EXPECT_EQ(settings.send_env, (Words{"GIT_PROTOCOL", "LC_*", "-LC_ALL"}));
  EXPECT_EQ(settings.set_env, (Words{"A=x y", "B=z"}));
  EXPECT_FALSE(complaint_about({"-oSetEnv=A", "host"}).empty());
  // What a host would take for a breach of the protocol, and one byte less.
  const std::string longest = "A=" + std::string(kMaxVariableBytes - 2, 'x');
  EXPECT_EQ(settings_of({"-oSetEnv=" + longest, "host"}).set_env, Words{longest});
  EXPECT_NE(complaint_about({"-oSetEnv=" + longest + "x", "host"}).find("4096 bytes"), std::string::npos);
}

TEST(SshSettings, TheFirstValueOfAVariableWinsWithinOneOptionToo) {
  EXPECT_EQ(settings_of({"-oSetEnv=A=1 A=11 AB=2", "host"}).set_env, (Words{"A=1", "AB=2"}));
  EXPECT_FALSE(complaint_about({"-oSetEnv=A=1 A", "host"}).empty());
}

TEST(SshSettings, ARemoteCommandIsACommand) {
  EXPECT_EQ(settings_of({"-oRemoteCommand=uname -a", "host"}).command, "uname -a");
  EXPECT_EQ(settings_of({"-oRemoteCommand=none", "host", "ls"}).command, "ls");
  EXPECT_EQ(settings_of({"-oRemoteCommand=None", "host", "ls"}).command, "ls");
  EXPECT_FALSE(complaint_about({"-oRemoteCommand=ls", "host", "ls"}).empty());
}

TEST(SshSettings, ARemoteCommandMayHoldTheHostAndPercentSigns) {
  const auto arguments =
      parse_ssh_arguments({"-oHostName=10.0.0.1", "-oRemoteCommand=echo %h %n %u; date +%%s", "web"});
  const auto settings = settle_ssh(*arguments, {}, "me");
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->command, "echo 10.0.0.1 web me; date +%s");
  EXPECT_EQ(settings_of({"-oRemoteCommand=echo %h", "web"}).command, "echo web");
  EXPECT_NE(complaint_about({"-oRemoteCommand=echo %p", "web"}).find("RemoteCommand: '%p' does not work here"),
            std::string::npos);
  EXPECT_EQ(settings_of({"web", "date", "+%s"}).command, "date +%s") << "a command is no RemoteCommand";
}

TEST(SshSettings, TheEscapeCharacterMayBeAnyOrNone) {
  EXPECT_EQ(settings_of({"host"}).escape, '~');
  EXPECT_EQ(settings_of({"-e", "none", "host"}).escape, std::nullopt);
  EXPECT_EQ(settings_of({"-e^]", "host"}).escape, '\x1d');
  EXPECT_EQ(settings_of({"-oEscapeChar=%", "-oEscapeChar=none", "host"}).escape, '%');
}

TEST(SshSettings, HowMuchIsSaidIsALevel) {
  EXPECT_EQ(settings_of({"-q", "host"}).level, SshLogLevel::kQuiet);
  EXPECT_EQ(settings_of({"-vvv", "host"}).level, SshLogLevel::kVerbose);
  EXPECT_EQ(settings_of({"-oLogLevel=ERROR", "-oLogLevel=DEBUG", "host"}).level, SshLogLevel::kErrors);
  EXPECT_FALSE(complaint_about({"-oLogLevel=loud", "host"}).empty());
}

TEST(SshSettings, OtherActionsNeedNoCommand) {
  EXPECT_EQ(settings_of({"-V"}).action, SshAction::kVersion);
  EXPECT_EQ(settings_of({"-Q", "cipher"}).action, SshAction::kQuery);
  EXPECT_EQ(settings_of({"-G", "host"}).action, SshAction::kShow);
  EXPECT_EQ(settings_of({"-O", "check", "host"}).control, "check");
}

TEST(SshSettings, WhatIsMeantCanBeShown) {
  const auto text = show_ssh_settings(settings_of({"-G", "-oHostName=10.0.0.1", "alias"}), "me", 9922);
  EXPECT_NE(text.find("user me\nhostname 10.0.0.1\nport 9922\n"), std::string::npos) << text;
}

// ---------------------------------------------------------------------------------------------------------------------
// What is refused, and what is taken

TEST(SshSettings, WhatWouldChangeTheMeaningIsRefused) {
  for (const Words& words :
       {Words{"-L", "1:a:2", "host"}, Words{"-R", "1:a:2", "host"}, Words{"-D", "1", "host"},
        Words{"-W", "a:1", "host"}, Words{"-J", "jump", "host"}, Words{"-w", "0", "host"}, Words{"-N", "host"},
        Words{"-f", "host"}, Words{"-P", "host"}, Words{"-1", "host"}, Words{"-oProxyCommand=nc %h %p", "host"},
        Words{"-oProxyJump=x", "host"}, Words{"-oPermitLocalCommand=yes", "host"}, Words{"-oTunnel=yes", "host"},
        Words{"-oInclude=x", "host"}, Words{"-O", "forward", "host"}, Words{"-O", "proxy", "host"}}) {
    EXPECT_NE(complaint_about(words).find("does not work here"), std::string::npos) << words[0];
  }
}

TEST(SshSettings, TheTwinThatAsksForNothingIsTaken) {
  for (const Words& words :
       {Words{"-oProxyCommand=none", "host"}, Words{"-Jnone", "host"}, Words{"-F", "none", "host"},
        Words{"-F/dev/null", "host"}, Words{"-oPermitLocalCommand=no", "host"}, Words{"-oTunnel=no", "host"},
        Words{"-oForkAfterAuthentication=no", "host"}, Words{"-L1:a:2", "-oClearAllForwardings=yes", "host"}}) {
    EXPECT_EQ(settings_of(words).host, "host") << words[0];
  }
}

TEST(SshSettings, WhatTheCommandWillNotFindIsKept) {
  EXPECT_EQ(settings_of({"-A", "host"}).asks_for_agent, "-A");
  EXPECT_EQ(settings_of({"-oForwardAgent=$SSH_AUTH_SOCK", "host"}).asks_for_agent, "-o forwardagent");
  EXPECT_EQ(settings_of({"-X", "host"}).asks_for_display, "-X");
  EXPECT_EQ(settings_of({"-xY", "host"}).asks_for_display, "-Y");
  for (const Words& words : {Words{"host"}, Words{"-ax", "host"}, Words{"-Aa", "-Xx", "host"},
                             Words{"-oForwardAgent=no", "-oForwardAgent=yes", "-oForwardX11 false", "host"}}) {
    const auto settings = settings_of(words);
    EXPECT_EQ(settings.asks_for_agent + settings.asks_for_display, "") << words[0];
  }
}

TEST(SshSettings, AnUnknownKeywordIsRefusedInTheWordsThatProgramsLookFor) {
  EXPECT_EQ(complaint_about({"-oControlPresist=60s", "host"}),
            "command-line: line 0: Bad configuration option: controlpresist");
  EXPECT_EQ(settings_of({"-oIgnoreUnknown=Nope*,other", "-oNopeAtAll=1", "host"}).host, "host");
}

TEST(SshSettings, AKeywordWithoutAValueIsRefused) {
  for (const char* text : {"", "=", "Port", "Port=", "=22", "HostName=\"\"", "HostName \"\""}) {
    EXPECT_FALSE(complaint_about({"-o", text, "host"}).empty()) << text;
  }
}

// Of all letters that ssh takes ("1246ab:c:e:fgi:..." in ssh.c) none is without a rule, and no other has one.
TEST(SshSettings, EveryLetterOfSshHasItsRule) {
  const std::string known = "1246ab:c:e:fgi:kl:m:no:p:qstvxAB:CD:E:F:GI:J:KL:MNO:PQ:R:S:TVw:W:XYy";
  for (std::size_t at = 0; at < known.size(); ++at) {
    if (known[at] == ':') continue;
    const SshLetter* const letter = find_ssh_letter(known[at]);
    ASSERT_NE(letter, nullptr) << known[at];
    EXPECT_EQ(letter->takes_word, at + 1 < known.size() && known[at + 1] == ':') << known[at];
    if (letter->use == SshLetterUse::kSets) {
      EXPECT_NE(find_ssh_keyword(letter->keyword), nullptr) << known[at];
    }
  }
  for (int each = 0; each < 256; ++each) {
    const bool is_known = each != ':' && each != 0 && known.find(static_cast<char>(each)) != std::string::npos;
    EXPECT_EQ(find_ssh_letter(static_cast<char>(each)) != nullptr, is_known) << each;
  }
}

TEST(SshSettings, EveryKeywordThatIsHonouredIsActedOn) {
  for (const char* text :
       {"AddressFamily=any", "BatchMode=no", "ClearAllForwardings=no", "ConnectionAttempts=3", "ConnectTimeout=3",
        "EscapeChar=none", "HostName=x", "IgnoreUnknown=x", "LogLevel=INFO", "Port=1", "RemoteCommand=x",
        "RequestTTY=auto", "SendEnv=X", "SessionType=default", "SetEnv=A=b", "StdinNull=no", "User=x"}) {
    EXPECT_EQ(settings_of({"-o", text, "host"}).host, "host") << text;
  }
}

}  // namespace
}  // namespace farhand
