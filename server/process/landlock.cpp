// Landlock over its three system calls. Debian 12's headers are older than its kernels: what they lack stands here.
#include "server/process/landlock.h"

#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

#include "common/result.h"
#include "common/unique_fd.h"

namespace farhand {
namespace {

constexpr std::uint64_t bit(unsigned number) {
  return std::uint64_t{1} << number;
}

// Rights to files, with the version that brought them (linux/landlock.h).
constexpr std::uint64_t kWriteFile = bit(1);
constexpr std::uint64_t kReadFile = bit(2);
constexpr std::uint64_t kReadDirectory = bit(3);
constexpr std::uint64_t kRemoveDirectory = bit(4);
constexpr std::uint64_t kRemoveFile = bit(5);
constexpr std::uint64_t kMakeDirectory = bit(7);
constexpr std::uint64_t kMakeRegular = bit(8);
constexpr std::uint64_t kMakeLink = bit(12);
constexpr std::uint64_t kFirstVersion = bit(13) - 1;  // execute, the above, and making devices, sockets, pipes, links
constexpr std::uint64_t kRefer = bit(13);             // 2: rename and link into another directory
constexpr std::uint64_t kTruncate = bit(14);          // 3
constexpr std::uint64_t kDeviceControl = bit(15);     // 5
// Rights to the network and scopes.
constexpr std::uint64_t kBindAndConnectTcp = bit(0) | bit(1);          // 4
constexpr std::uint64_t kAbstractSocketsAndSignals = bit(0) | bit(1);  // 6

constexpr std::uint64_t kReading = kReadFile | kReadDirectory;
constexpr std::uint64_t kWriting =
    kWriteFile | kRemoveDirectory | kRemoveFile | kMakeDirectory | kMakeRegular | kMakeLink | kRefer | kTruncate;

// struct landlock_ruleset_attr as of version 6.
struct Ruleset {
  std::uint64_t files = 0;
  std::uint64_t network = 0;
  std::uint64_t scopes = 0;
};

Ruleset all_of(int version) {
  Ruleset all;
  all.files = kFirstVersion;
  if (version >= 2) all.files |= kRefer;
  if (version >= 3) all.files |= kTruncate;
  if (version >= 5) all.files |= kDeviceControl;
  if (version >= 4) all.network = kBindAndConnectTcp;
  if (version >= 6) all.scopes = kAbstractSocketsAndSignals;
  return all;
}

std::size_t size_known_to(int version) {
  if (version >= 6) return sizeof(Ruleset);
  return version >= 4 ? offsetof(Ruleset, scopes) : offsetof(Ruleset, network);
}

UniqueFd make_ruleset(const Ruleset& ruleset, int version) {
  UniqueFd made(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &ruleset, size_known_to(version), 0)));
  if (!made) throw_errno("landlock_create_ruleset");
  return made;
}

void enforce(const UniqueFd& ruleset) {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) throw_errno("prctl PR_SET_NO_NEW_PRIVS");
  if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) throw_errno("landlock_restrict_self");
}

}  // namespace

int landlock_version() noexcept {
  const long version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return version > 0 ? static_cast<int>(version) : 0;
}

void restrict_to_directory(int directory, bool writes) {
  const int version = landlock_version();
  const Ruleset all = all_of(version);
  const UniqueFd ruleset = make_ruleset(all, version);
  landlock_path_beneath_attr below{};
  below.allowed_access = (kReading | (writes ? kWriting : 0)) & all.files;
  below.parent_fd = directory;
  if (::syscall(SYS_landlock_add_rule, ruleset.get(), LANDLOCK_RULE_PATH_BENEATH, &below, 0) != 0) {
    throw_errno("landlock_add_rule");
  }
  enforce(ruleset);
}

void restrict_to_nothing() {
  const int version = landlock_version();
  enforce(make_ruleset(all_of(version), version));
}

}  // namespace farhand
