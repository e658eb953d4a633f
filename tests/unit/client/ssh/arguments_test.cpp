// ssh's grammar: where options end, what is the host, what is the command. The vectors are what programs really say.
#include "client/ssh/arguments.h"

#include <gtest/gtest.h>

#include <sstream>

namespace farhand {
namespace {

using Words = std::vector<std::string>;

// "-p 22 | HOST | -l joe | ls -l": options with their words, host, options behind it, command.
std::string reading_of(const Words& words) {
  const auto arguments = parse_ssh_arguments(words);
  if (!arguments) return "refused: " + arguments.error().message;
  std::ostringstream text;
  const auto say = [&](std::size_t from, std::size_t end) {
    for (std::size_t at = from; at < end; ++at) {
      const SshOption& option = arguments->options[at];
      text << (at == from ? "" : " ") << '-' << option.letter << (option.word.empty() ? "" : "<" + option.word + ">");
    }
  };
  say(0, arguments->before_host);
  text << " | " << arguments->host.value_or("nobody") << " | ";
  say(arguments->before_host, arguments->options.size());
  text << " |";
  for (const auto& word : arguments->command) text << " <" << word << ">";
  return text.str();
}

TEST(SshArguments, RsyncsOptionsAreItsOwnServers) {
  EXPECT_EQ(reading_of({"-l", "joe", "host", "rsync", "--server", "-vlogDtpre.iLsfxC", ".", "dir"}),
            "-l<joe> | host |  | <rsync> <--server> <-vlogDtpre.iLsfxC> <.> <dir>");
  EXPECT_EQ(reading_of({"-p2222", "-4", "host", "rsync", "--server", "--daemon", "."}),
            "-p<2222> -4 | host |  | <rsync> <--server> <--daemon> <.>");
}

TEST(SshArguments, GitsProbeAndItsFetch) {
  EXPECT_EQ(reading_of({"-G", "-o", "SendEnv=GIT_PROTOCOL", "-4", "-p", "22", "me@host"}),
            "-G -o<SendEnv=GIT_PROTOCOL> -4 -p<22> | me@host |  |");
  EXPECT_EQ(reading_of({"-o", "SendEnv=GIT_PROTOCOL", "host", "git-upload-pack 'a b'"}),
            "-o<SendEnv=GIT_PROTOCOL> | host |  | <git-upload-pack 'a b'>");
}

TEST(SshArguments, ScpAndSftpEndTheirOptionsBeforeTheHost) {
  EXPECT_EQ(reading_of({"-x", "-oPermitLocalCommand=no", "-oClearAllForwardings=yes", "-oRemoteCommand=none",
                        "-oRequestTTY=no", "-oForwardAgent=no", "-p", "22", "-l", "joe", "-s", "--", "host", "sftp"}),
            "-x -o<PermitLocalCommand=no> -o<ClearAllForwardings=yes> -o<RemoteCommand=none> -o<RequestTTY=no> "
            "-o<ForwardAgent=no> -p<22> -l<joe> -s | host |  | <sftp>");
  EXPECT_EQ(reading_of({"-oForwardX11 no", "-oPort 2222", "-obatchmode yes", "-s", "--", "host", "sftp"}),
            "-o<ForwardX11 no> -o<Port 2222> -o<batchmode yes> -s | host |  | <sftp>");
  EXPECT_EQ(reading_of({"-x", "--", "host", "scp -r -t dir"}), "-x | host |  | <scp -r -t dir>");
}

TEST(SshArguments, SshfsSaysItsSubsystemBehindTheHost) {
  EXPECT_EQ(reading_of({"-x", "-a", "-oClearAllForwardings=yes", "-2", "me@host", "-s", "sftp"}),
            "-x -a -o<ClearAllForwardings=yes> -2 | me@host | -s | <sftp>");
}

TEST(SshArguments, AnsibleQuotesWithinItsWords) {
  EXPECT_EQ(reading_of({"-vvv", "-C", "-o", "ControlMaster=auto", "-o", "ControlPersist=60s", "-o", "User=\"x\"", "-tt",
                        "host", "/bin/sh -c 'echo ~'"}),
            "-v -v -v -C -o<ControlMaster=auto> -o<ControlPersist=60s> -o<User=\"x\"> -t -t | host |  | "
            "</bin/sh -c 'echo ~'>");
  EXPECT_EQ(reading_of({"-O", "check", "host"}), "-O<check> | host |  |");
}

TEST(SshArguments, ParallelEndsItsOptionsBehindTheHost) {
  EXPECT_EQ(reading_of({"-p", "22", "-l", "joe", "host", "--", "exec", "perl", "-X", "-e", "x"}),
            "-p<22> -l<joe> | host |  | <exec> <perl> <-X> <-e> <x>");
  EXPECT_EQ(reading_of({"-MT", "host", "--", "perl"}), "-M -T | host |  | <perl>");
}

TEST(SshArguments, OpenMpiSaysThePortBehindTheHost) {
  EXPECT_EQ(reading_of({"-x", "node", "-p", "2222", "PATH=/opt/bin:$PATH", ";", "orted", "-mca", "x"}),
            "-x | node | -p<2222> | <PATH=/opt/bin:$PATH> <;> <orted> <-mca> <x>");
}

TEST(SshArguments, TheCommandsOwnOptionsAreNotTaken) {
  EXPECT_EQ(reading_of({"host", "ls", "-l"}), " | host |  | <ls> <-l>");
  EXPECT_EQ(reading_of({"host", "-n", "ls", "-l", "--", "-x"}), " | host | -n | <ls> <-l> <--> <-x>");
}

TEST(SshArguments, AfterTwoDashesBeforeTheHostNothingBehindItIsAnOption) {
  EXPECT_EQ(reading_of({"--", "host", "-l", "x"}), " | host |  | <-l> <x>");
  EXPECT_EQ(reading_of({"-n", "--", "host", "--", "x"}), "-n | host |  | <--> <x>");
}

TEST(SshArguments, BundlesMayEndInALetterWithItsWord) {
  EXPECT_EQ(reading_of({"-xTlUSER", "-qtt", "-E/a path", "-F/dev/null", "host"}),
            "-x -T -l<USER> -q -t -t -E</a path> -F</dev/null> | host |  |");
  EXPECT_EQ(reading_of({"-xl", "-n", "host"}), "-x -l<-n> | host |  |");
}

TEST(SshArguments, ALoneDashIsAWord) {
  EXPECT_EQ(reading_of({"host", "-"}), " | host |  | <->");
}

TEST(SshArguments, AnEmptyWordIsAWord) {
  EXPECT_EQ(reading_of({"host", "", "x"}), " | host |  | <> <x>");
  EXPECT_EQ(reading_of({"-l", "", "host"}), "-l | host |  |");
}

TEST(SshArguments, VersionAndQueryEndEverything) {
  EXPECT_EQ(reading_of({"-V", "-?"}), "-V | nobody |  |");
  EXPECT_EQ(reading_of({"-Q", "cipher", "-?"}), "-Q<cipher> | nobody |  |");
  EXPECT_EQ(reading_of({"host", "-V"}), " | host | -V |");
}

TEST(SshArguments, WhatSshDoesNotKnowIsRefused) {
  EXPECT_EQ(reading_of({"-z", "host"}), "refused: unknown option -- z");
  EXPECT_EQ(reading_of({"-x\x1b", "host"}), "refused: unknown option -- \\x1b");
  EXPECT_EQ(reading_of({"--port=22", "host"}), "refused: unknown option -- -");
}

TEST(SshArguments, AMissingWordIsRefused) {
  EXPECT_EQ(reading_of({"-p"}), "refused: option requires an argument -- p");
  EXPECT_EQ(reading_of({"host", "-l"}), "refused: option requires an argument -- l");
}

TEST(SshArguments, NobodyIsNamed) {
  EXPECT_EQ(reading_of({}), " | nobody |  |");
  EXPECT_EQ(reading_of({"-n", "--"}), "-n | nobody |  |");
}

}  // namespace
}  // namespace farhand
