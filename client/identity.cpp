// The client's own identity.
#include "client/identity.h"

#include <unistd.h>

#include <array>
#include <climits>
#include <vector>

#include "common/account.h"
#include "common/paths.h"
#include "common/stream/tls_identity.h"

namespace farhand {
namespace {

constexpr std::size_t kMaxNameBytes = 128;  // protocol/README.md, "pair"

std::string user_name() {
  const auto account = account_of(::geteuid());
  return account ? account->name : "uid-" + std::to_string(::geteuid());
}

std::string machine_name() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "somewhere";
  return name.data();
}

}  // namespace

Result<PrivateDirectory> open_client_directory() {
  return PrivateDirectory::open_or_make(client_config_directory());
}

Result<TlsIdentity> client_identity() {
  TRY_ASSIGN(const PrivateDirectory directory, open_client_directory());
  TRY_ASSIGN(std::string pem, load_or_make_identity(directory, kClientIdentityFile));
  return TlsIdentity{std::move(pem), directory.path_of(kClientIdentityFile)};
}

std::string client_name() {
  return (user_name() + "@" + machine_name()).substr(0, kMaxNameBytes);
}

}  // namespace farhand
