// The names, the beginnings and the ends.
#include "server/keys/decisive_variables.h"

#include <algorithm>
#include <array>

namespace farhand {
namespace {

constexpr std::array<std::string_view, 64> kNames{"PATH",
                                                  "IFS",
                                                  "ENV",
                                                  "HOME",
                                                  "SHELL",
                                                  "USER",
                                                  "LOGNAME",
                                                  "CDPATH",
                                                  "PS4",
                                                  "SHELLOPTS",
                                                  "BASHOPTS",
                                                  "ZDOTDIR",
                                                  "FPATH",
                                                  "PROMPT_COMMAND",
                                                  "INPUTRC",
                                                  "TMPDIR",
                                                  "KSH_ENV",
                                                  "GCONV_PATH",
                                                  "GETCONF_DIR",
                                                  "LOCPATH",
                                                  "NLSPATH",
                                                  "TZDIR",
                                                  "LOCALDOMAIN",
                                                  "HOSTALIASES",
                                                  "RES_OPTIONS",
                                                  "RESOLV_HOST_CONF",
                                                  "GLIBC_TUNABLES",
                                                  "TERMINFO",
                                                  "TERMINFO_DIRS",
                                                  "TERMCAP",
                                                  "CLASSPATH",
                                                  "_JAVA_OPTIONS",
                                                  "JDK_JAVA_OPTIONS",
                                                  "TCLLIBPATH",
                                                  "PSQLRC",
                                                  "R_PROFILE",
                                                  "R_ENVIRON",
                                                  "KUBECONFIG",
                                                  "CC",
                                                  "CXX",
                                                  "CPP",
                                                  "LD",
                                                  "AR",
                                                  "AS",
                                                  "MFLAGS",
                                                  "GNUMAKEFLAGS",
                                                  "GOFLAGS",
                                                  "GOROOT",
                                                  "GOPATH",
                                                  "GOENV",
                                                  "GOTOOLCHAIN",
                                                  "EXINIT",
                                                  "VIMINIT",
                                                  "MYVIMRC",
                                                  "VIMRUNTIME",
                                                  "FCEDIT",
                                                  "TAR_OPTIONS",
                                                  "GREP_OPTIONS",
                                                  "CURL_HOME",
                                                  "WGETRC",
                                                  "GNUPGHOME",
                                                  "CURL_CA_BUNDLE",
                                                  "REQUESTS_CA_BUNDLE",
                                                  "AWS_CONFIG_FILE"};
constexpr std::array<std::string_view, 39> kPrefixes{
    "LD_",      "BASH_", "FARHAND_", "PYTHON",   "PERL",    "RUBY",    "GEM_",   "BUNDLE_",  "NODE_",    "NPM_",
    "npm_",     "LUA_",  "PHP",      "JAVA_",    "MAVEN_",  "GRADLE_", "ANT_",   "ERL_",     "PIP_",     "CARGO",
    "RUSTC",    "MAKE",  "GIT_",     "HG",       "SVN_",    "CVS_",    "RSYNC_", "SSH_",     "SUDO_",    "LESS",
    "SYSTEMD_", "EMACS", "PSQL_",    "ANSIBLE_", "DOCKER_", "DBUS_",   "XDG_",   "OPENSSL_", "SSL_CERT_"};
// EDITOR itself, and GIT_EDITOR, HGEDITOR and the like of tools that are not known here.
constexpr std::array<std::string_view, 7> kSuffixes{"EDITOR", "VISUAL", "PAGER", "BROWSER", "ASKPASS", "_RSH", "_SSH"};

// What git is told by somebody who may use it: the protocol's version, and who has written what.
constexpr std::array<std::string_view, 7> kHarmless{"GIT_PROTOCOL",      "GIT_AUTHOR_NAME",    "GIT_AUTHOR_EMAIL",
                                                    "GIT_AUTHOR_DATE",   "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL",
                                                    "GIT_COMMITTER_DATE"};

template <std::size_t count>
bool is_one_of(const std::array<std::string_view, count>& names, std::string_view name) noexcept {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

bool decides_what_runs(std::string_view name) noexcept {
  if (is_one_of(kHarmless, name)) return false;
  return is_one_of(kNames, name) ||
         std::any_of(kPrefixes.begin(), kPrefixes.end(),
                     [name](std::string_view each) { return name.starts_with(each); }) ||
         std::any_of(kSuffixes.begin(), kSuffixes.end(),
                     [name](std::string_view each) { return name.ends_with(each); });
}

}  // namespace farhand
