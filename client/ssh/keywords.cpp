// The keywords of ssh_config(5).
#include "client/ssh/keywords.h"

#include <algorithm>
#include <array>

#include "client/ssh/values.h"

namespace farhand {
namespace {

using enum SshKeywordUse;

constexpr std::string_view kForwarding = "farhand forwards no ports";
constexpr std::string_view kJump = "reach the host directly, or through a tunnel of your own";

constexpr auto kKeywords = std::to_array<SshKeyword>({
    // Where to, and as whom.
    {"addressfamily", kHonoured},
    {"connectionattempts", kHonoured},
    {"connecttimeout", kHonoured},
    {"hostname", kHonoured},
    {"port", kHonoured},
    {"user", kHonoured},
    {"batchmode", kHonoured},
    // What is run there, and with what.
    {"remotecommand", kHonoured},
    {"requesttty", kHonoured},
    {"sendenv", kHonoured},
    {"sessiontype", kHonoured},
    {"setenv", kHonoured},
    {"stdinnull", kHonoured},
    {"escapechar", kHonoured},
    {"loglevel", kHonoured},
    {"ignoreunknown", kHonoured},
    {"controlmaster", kHonoured},
    {"controlpath", kHonoured},
    {"controlpersist", kHonoured},
    {"clearallforwardings", kHonoured},
    // Other ways to the host, and other things to do there.
    {"dynamicforward", kRefused, "", kForwarding},
    {"localforward", kRefused, "", kForwarding},
    {"remoteforward", kRefused, "", kForwarding},
    {"proxycommand", kRefused, "none", kJump},
    {"proxyjump", kRefused, "none", kJump},
    {"tunnel", kRefused, "no", kForwarding},
    {"forkafterauthentication", kRefused, "no", "let your shell put it into the background"},
    {"permitlocalcommand", kRefused, "no", ""},
    {"include", kRefused, "", ""},
    {"host", kRefused, "", ""},
    {"match", kRefused, "", ""},
    // Of ssh's own keys, ciphers and known hosts. Trust is by the keys of pairing here, and nothing loosens it.
    {"addkeystoagent"},
    {"bindaddress"},
    {"bindinterface"},
    {"canonicaldomains"},
    {"canonicalizefallbacklocal"},
    {"canonicalizehostname"},
    {"canonicalizemaxdots"},
    {"canonicalizepermittedcnames"},
    {"casignaturealgorithms"},
    {"certificatefile"},
    {"challengeresponseauthentication"},
    {"checkhostip"},
    {"ciphers"},
    {"compression"},
    {"compressionlevel"},
    {"enableescapecommandline"},
    {"enablesshkeysign"},
    {"exitonforwardfailure"},
    {"fingerprinthash"},
    {"forwardagent"},
    {"forwardx11"},
    {"forwardx11timeout"},
    {"forwardx11trusted"},
    {"gatewayports"},
    {"globalknownhostsfile"},
    {"gssapiauthentication"},
    {"gssapiclientidentity"},
    {"gssapidelegatecredentials"},
    {"gssapikexalgorithms"},
    {"gssapikeyexchange"},
    {"gssapirenewalforcesrekey"},
    {"gssapiserveridentity"},
    {"gssapitrustdns"},
    {"hashknownhosts"},
    {"hostbasedacceptedalgorithms"},
    {"hostbasedauthentication"},
    {"hostbasedkeytypes"},
    {"hostkeyalgorithms"},
    {"hostkeyalias"},
    {"identitiesonly"},
    {"identityagent"},
    {"identityfile"},
    {"identityfile2"},
    {"ipqos"},
    {"kbdinteractiveauthentication"},
    {"kbdinteractivedevices"},
    {"kexalgorithms"},
    {"knownhostscommand"},
    {"localcommand"},
    {"logverbose"},
    {"macs"},
    {"nohostauthenticationforlocalhost"},
    {"numberofpasswordprompts"},
    {"passwordauthentication"},
    {"permitremoteopen"},
    {"pkcs11provider"},
    {"preferredauthentications"},
    {"proxyusefdpass"},
    {"pubkeyacceptedalgorithms"},
    {"pubkeyacceptedkeytypes"},
    {"pubkeyauthentication"},
    {"rekeylimit"},
    {"requiredrsasize"},
    {"revokedhostkeys"},
    {"securitykeyprovider"},
    {"serveralivecountmax"},
    {"serveraliveinterval"},
    {"smartcarddevice"},
    {"streamlocalbindmask"},
    {"streamlocalbindunlink"},
    {"stricthostkeychecking"},
    {"syslogfacility"},
    {"tcpkeepalive"},
    {"tunneldevice"},
    {"updatehostkeys"},
    {"userknownhostsfile"},
    {"verifyhostkeydns"},
    {"visualhostkey"},
    {"xauthlocation"},
    // Names of former times, which ssh takes too.
    {"afstokenpassing"},
    {"cipher"},
    {"dsaauthentication"},
    {"fallbacktorsh"},
    {"globalknownhostsfile2"},
    {"keepalive"},
    {"kerberosauthentication"},
    {"kerberostgtpassing"},
    {"protocol"},
    {"protocolkeepalives"},
    {"rhostsauthentication"},
    {"rhostsrsaauthentication"},
    {"rsaauthentication"},
    {"setuptimeout"},
    {"skeyauthentication"},
    {"tisauthentication"},
    {"useblacklistedkeys"},
    {"useprivilegedport"},
    {"userknownhostsfile2"},
    {"useroaming"},
    {"usersh"},
});

}  // namespace

const SshKeyword* find_ssh_keyword(std::string_view name) noexcept {
  const auto same = [name](const SshKeyword& keyword) {
    return keyword.name.size() == name.size() &&
           std::equal(name.begin(), name.end(), keyword.name.begin(), [](char given, char known) {
             return (given >= 'A' && given <= 'Z' ? given - 'A' + 'a' : given) == known;
           });
  };
  const auto* const found = std::find_if(kKeywords.begin(), kKeywords.end(), same);
  return found == kKeywords.end() ? nullptr : found;
}

bool asks_for_nothing(const SshKeyword& keyword, std::string_view value) noexcept {
  if (keyword.harmless.empty()) return false;
  return same_ssh_word(value, keyword.harmless) || (keyword.harmless == "no" && same_ssh_word(value, "false"));
}

}  // namespace farhand
