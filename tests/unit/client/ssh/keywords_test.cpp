// The keywords of ssh_config(5), each with what becomes of it.
#include "client/ssh/keywords.h"

#include <gtest/gtest.h>

#include <sstream>

namespace farhand {
namespace {

// All that OpenSSH 9.2 documents, Debian's GSSAPI keywords among them.
constexpr const char* kDocumented =
    "AddKeysToAgent AddressFamily BatchMode BindAddress BindInterface CASignatureAlgorithms "
    "CanonicalDomains CanonicalizeFallbackLocal CanonicalizeHostname CanonicalizeMaxDots "
    "CanonicalizePermittedCNAMEs CertificateFile CheckHostIP Ciphers ClearAllForwardings Compression "
    "ConnectTimeout ConnectionAttempts ControlMaster ControlPath ControlPersist DynamicForward "
    "EnableEscapeCommandline EnableSSHKeysign EscapeChar ExitOnForwardFailure FingerprintHash "
    "ForkAfterAuthentication ForwardAgent ForwardX11 ForwardX11Timeout ForwardX11Trusted "
    "GSSAPIAuthentication GSSAPIClientIdentity GSSAPIDelegateCredentials GSSAPIKexAlgorithms "
    "GSSAPIKeyExchange GSSAPIRenewalForcesRekey GSSAPIServerIdentity GSSAPITrustDns GatewayPorts "
    "GlobalKnownHostsFile HashKnownHosts Host HostKeyAlgorithms HostKeyAlias HostbasedAcceptedAlgorithms "
    "HostbasedAuthentication Hostname IPQoS IdentitiesOnly IdentityAgent IdentityFile IgnoreUnknown "
    "Include KbdInteractiveAuthentication KbdInteractiveDevices KexAlgorithms KnownHostsCommand "
    "LocalCommand LocalForward LogLevel LogVerbose MACs Match NoHostAuthenticationForLocalhost "
    "NumberOfPasswordPrompts PKCS11Provider PasswordAuthentication PermitLocalCommand PermitRemoteOpen "
    "Port PreferredAuthentications ProxyCommand ProxyJump ProxyUseFdpass PubkeyAcceptedAlgorithms "
    "PubkeyAuthentication RekeyLimit RemoteCommand RemoteForward RequestTTY RequiredRSASize "
    "RevokedHostKeys SecurityKeyProvider SendEnv ServerAliveCountMax ServerAliveInterval SessionType "
    "SetEnv StdinNull StreamLocalBindMask StreamLocalBindUnlink StrictHostKeyChecking SyslogFacility "
    "TCPKeepAlive Tunnel TunnelDevice UpdateHostKeys User UserKnownHostsFile VerifyHostKeyDNS "
    "VisualHostKey XAuthLocation ";

TEST(SshKeywords, EveryOneThatIsDocumentedIsKnown) {
  std::istringstream words(kDocumented);
  std::size_t count = 0;
  for (std::string word; words >> word; ++count) EXPECT_NE(find_ssh_keyword(word), nullptr) << word;
  EXPECT_EQ(count, 104u);
}

TEST(SshKeywords, WhatWouldChangeTheMeaningIsRefusedAndNothingOfItIsForgotten) {
  for (const char* word : {"DynamicForward", "LocalForward", "RemoteForward", "ProxyCommand", "ProxyJump", "Tunnel",
                           "ForkAfterAuthentication", "PermitLocalCommand", "Include", "Host", "Match"}) {
    ASSERT_NE(find_ssh_keyword(word), nullptr) << word;
    EXPECT_EQ(find_ssh_keyword(word)->use, SshKeywordUse::kRefused) << word;
  }
}

TEST(SshKeywords, ARefusedOneIsTakenWithTheValueThatAsksForNothing) {
  const auto takes = [](std::string_view word, std::string_view value) {
    return asks_for_nothing(*find_ssh_keyword(word), value);
  };
  for (const char* word : {"Tunnel", "ForkAfterAuthentication", "PermitLocalCommand"}) {
    EXPECT_TRUE(takes(word, "no") && takes(word, "False")) << word;
    EXPECT_FALSE(takes(word, "yes") || takes(word, "none") || takes(word, "")) << word;
  }
  for (const char* word : {"ProxyCommand", "ProxyJump"}) {
    EXPECT_TRUE(takes(word, "none")) << word;
    EXPECT_FALSE(takes(word, "no") || takes(word, "false")) << word;
  }
  for (const char* word : {"Include", "LocalForward"}) EXPECT_FALSE(takes(word, "none") || takes(word, "")) << word;
}

TEST(SshKeywords, WhatSshDoesNotKnowIsNotKnownEither) {
  for (const char* word : {"", "Hos", "Hostt", "PermitRemoteOpe", "UsePAM", "Banner", "-Port"}) {
    EXPECT_EQ(find_ssh_keyword(word), nullptr) << word;
  }
}

}  // namespace
}  // namespace farhand
