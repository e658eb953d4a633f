// The command lines of programs that start an ssh, word by word, and what becomes of each. How a line is taken apart is
// in arguments_test.cpp; this is what it means in the end.
#include <gtest/gtest.h>

#include <sstream>

#include "client/ssh/settings.h"

namespace farhand {
namespace {

using Words = std::vector<std::string>;

std::string target_of(const SshSettings& settings) {
  return (settings.user.empty() ? "" : settings.user + "@") + settings.host +
         (settings.port ? ":" + std::to_string(*settings.port) : "");
}

// "joe@host:22 v4 tty no-input batch 10s stays=60 send=X sftp? <command>"; what is as it is without options is left
// out.
std::string meaning_of(const Words& words) {
  const auto arguments = parse_ssh_arguments(words);
  if (!arguments) return "refused: " + arguments.error().message;
  const auto settings = settle_ssh(*arguments, {}, "me");
  if (!settings) return "refused: " + settings.error().message;
  std::ostringstream text;
  text << target_of(*settings);
  if (settings->action == SshAction::kShow) text << " shown";
  if (settings->action == SshAction::kControl) text << " -O " << settings->control;
  if (settings->family != AddressFamily::kAny) text << (settings->family == AddressFamily::kV4 ? " v4" : " v6");
  if (settings->terminal == SshTerminal::kForced) text << " tty";
  if (settings->terminal == SshTerminal::kNever) text << " no-tty";
  if (settings->no_input) text << " no-input";
  if (settings->batch) text << " batch";
  if (settings->connect_timeout.count() > 0) text << " " << settings->connect_timeout.count() << "s";
  if (settings->sharing.use == Sharing::Use::kStays) text << " stays=" << settings->sharing.stays.count();
  if (settings->sharing.use == Sharing::Use::kNever) text << " unshared";
  for (const auto& pattern : settings->send_env) text << " send=" << pattern;
  if (settings->subsystem) text << " subsystem";
  if (!settings->command.empty()) text << " <" << settings->command << ">";
  return text.str();
}

TEST(SshEngines, Rsync) {
  EXPECT_EQ(meaning_of({"-l", "joe", "-6", "host", "rsync", "--server", "-vlogDtpre.iLsfxC", ".", "a\\ b"}),
            "joe@host v6 <rsync --server -vlogDtpre.iLsfxC . a\\ b>");
  EXPECT_EQ(meaning_of({"-4", "host", "rsync", "--server", "--daemon", "."}), "host v4 <rsync --server --daemon .>");
}

TEST(SshEngines, Git) {
  EXPECT_EQ(meaning_of({"-G", "-o", "SendEnv=GIT_PROTOCOL", "-4", "-p", "123", "me@host"}),
            "me@host:123 shown v4 send=GIT_PROTOCOL");
  EXPECT_EQ(meaning_of({"-G", "host"}), "host shown");
  EXPECT_EQ(meaning_of({"-o", "SendEnv=GIT_PROTOCOL", "-6", "-p", "123", "me@host", "git-upload-pack 'a '\\''b'"}),
            "me@host:123 v6 send=GIT_PROTOCOL <git-upload-pack 'a '\\''b'>");
  EXPECT_EQ(meaning_of({"host", "git-receive-pack '/~/repo'"}), "host <git-receive-pack '/~/repo'>");
}

// As scp of OpenSSH 9.2 begins all of its lines.
Words of_scp(const Words& more) {
  Words words{"-x",
              "-oPermitLocalCommand=no",
              "-oClearAllForwardings=yes",
              "-oRemoteCommand=none",
              "-oRequestTTY=no",
              "-oControlMaster=no"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

TEST(SshEngines, Scp) {
  EXPECT_EQ(meaning_of(of_scp({"-4",
                               "-C",
                               "-q",
                               "-v",
                               "-c",
                               "aes128-ctr",
                               "-i",
                               "key",
                               "-F",
                               "none",
                               "-o",
                               "LogLevel=INFO",
                               "-oBatchmode=yes",
                               "-oForwardAgent=no",
                               "-p",
                               "22",
                               "-l",
                               "joe",
                               "-s",
                               "--",
                               "host",
                               "sftp"})),
            "joe@host:22 v4 no-tty batch subsystem <sftp>");
  EXPECT_EQ(meaning_of(of_scp({"-A", "-6", "-oForwardAgent=no", "--", "host", "scp -r -p -t dir"})),
            "host v6 no-tty <scp -r -p -t dir>");
  EXPECT_EQ(meaning_of(of_scp({"-oBatchMode=yes", "--", "joe@host", "scp  'a' 'other:b'"})),
            "joe@host no-tty batch <scp  'a' 'other:b'>");
  EXPECT_EQ(meaning_of(of_scp({"-J", "jump", "--", "host", "sftp"})),
            "refused: -J does not work here: reach the host directly, or through a tunnel of your own");
}

TEST(SshEngines, Sftp) {
  EXPECT_EQ(meaning_of({"-oForwardX11 no", "-oPermitLocalCommand no", "-oClearAllForwardings yes", "-oForwardAgent no",
                        "-obatchmode yes", "-oPort 2222", "-l", "joe", "-s", "--", "host", "sftp"}),
            "joe@host:2222 batch subsystem <sftp>");
}

TEST(SshEngines, Sshfs) {
  EXPECT_EQ(meaning_of({"-x", "-a", "-oClearAllForwardings=yes", "-oPort=22", "-Fnone", "-oCompression=yes",
                        "-oServerAliveInterval=15", "-2", "me@host", "-s", "sftp"}),
            "me@host:22 subsystem <sftp>");
  EXPECT_EQ(meaning_of({"-x", "-a", "-oClearAllForwardings=yes", "-2", "-s", "--", "me@host", "sftp"}),
            "me@host subsystem <sftp>");
  EXPECT_EQ(meaning_of({"-x", "-a", "-oClearAllForwardings=yes", "-2", "host", "/usr/lib/sftp-server"}),
            "host </usr/lib/sftp-server>");
}

TEST(SshEngines, Ansible) {
  const Words options{"-vvv", "-C",
                      "-o",   "ControlMaster=auto",
                      "-o",   "ControlPersist=60s",
                      "-o",   "StrictHostKeyChecking=no",
                      "-o",   "Port=22",
                      "-o",   "IdentityFile=\"/home/me/a key\"",
                      "-o",   "KbdInteractiveAuthentication=no",
                      "-o",   "PreferredAuthentications=gssapi-with-mic,gssapi-keyex,hostbased,publickey",
                      "-o",   "PasswordAuthentication=no",
                      "-o",   "User=\"x\"",
                      "-o",   "ConnectTimeout=10",
                      "-o",   "ControlPath=\"/home/me/.ansible/ssh cp with spaces\""};
  const auto with = [&](const Words& more) {
    Words words = options;
    words.insert(words.end(), more.begin(), more.end());
    return meaning_of(words);
  };
  EXPECT_EQ(with({"-tt", "host", "/bin/sh -c 'echo ~x && sleep 0'"}),
            "x@host:22 tty 10s stays=60 </bin/sh -c 'echo ~x && sleep 0'>");
  EXPECT_EQ(with({"-O", "check", "host"}), "x@host:22 -O check 10s");
  EXPECT_EQ(with({"-O", "stop", "host"}), "x@host:22 -O stop 10s");
}

TEST(SshEngines, ClusterShell) {
  EXPECT_EQ(meaning_of({"-oForwardAgent=no", "-oForwardX11=no", "-l", "joe", "-oConnectTimeout=15", "-oBatchMode=yes",
                        "node1", "uname -r"}),
            "joe@node1 batch 15s <uname -r>");
  EXPECT_EQ(meaning_of({"-T", "-oForwardAgent=no", "-oForwardX11=no", "-oBatchMode=yes", "node1", "exec python3 -c x"}),
            "node1 no-tty batch <exec python3 -c x>");
  EXPECT_EQ(meaning_of({"-oConnectTimeout=3", "-oForwardX11=no", "-oConnectTimeout=15", "node1", "x"}), "node1 3s <x>")
      << "what the user has put in front counts";
  EXPECT_EQ(meaning_of({"-l", "joe", "node1", "uname -r", "; echo XXRETCODE: $?"}),
            "joe@node1 <uname -r ; echo XXRETCODE: $?>");
}

TEST(SshEngines, Pdsh) {
  EXPECT_EQ(meaning_of({"-oConnectTimeout=10", "-2", "-a", "-x", "-ljoe", "node1", "hostname -s"}),
            "joe@node1 10s <hostname -s>");
  EXPECT_EQ(meaning_of({"-p", "922", "-l", "joe", "node1", "hostname"}), "joe@node1:922 <hostname>");
}

TEST(SshEngines, GnuParallel) {
  EXPECT_EQ(meaning_of({"-p", "22", "-l", "joe", "-S", "/tmp/ctl", "host", "--", "exec", "perl", "-X", "-e", "eval+x"}),
            "joe@host:22 <exec perl -X -e eval+x>");
  EXPECT_EQ(meaning_of({"-MT", "host", "--", "perl", "-e", "x"}), "host no-tty <perl -e x>");
  EXPECT_EQ(meaning_of({"-p", "22", "-l", "joe", "host", "rsync", "--server", "-slHogDtpRe.", ".", "dir"}),
            "joe@host:22 <rsync --server -slHogDtpRe. . dir>");
}

TEST(SshEngines, OpenMpi) {
  EXPECT_EQ(meaning_of({"node", "echo $SHELL"}), "node <echo $SHELL>");
  EXPECT_EQ(meaning_of({"-x", "node", "-p", "2222", "PATH=/opt/bin:$PATH", ";", "export PATH", ";", "/opt/bin/orted",
                        "-mca", "ess", "env"}),
            "node:2222 <PATH=/opt/bin:$PATH ; export PATH ; /opt/bin/orted -mca ess env>");
}

TEST(SshEngines, OthersAddBlanksAndCommandsOfManyWords) {
  EXPECT_EQ(meaning_of({"-o ConnectTimeout=30", "-T", "-l", "joe", "--", "host", "docker", "system", "dial-stdio"}),
            "joe@host no-tty 30s <docker system dial-stdio>");
  EXPECT_EQ(meaning_of({"-S", "none", "-n", "host", "true"}), "host no-input unshared <true>");
}

}  // namespace
}  // namespace farhand
