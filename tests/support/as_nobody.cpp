// as_nobody: in_child, after the privileges are dropped.
#include "tests/support/as_nobody.h"

#include <grp.h>
#include <unistd.h>

#include "tests/support/in_child.h"

namespace farhand::test {
namespace {

constexpr unsigned kNobody = 65534;

bool drop_privileges() {
  if (::geteuid() != 0) return true;
  return ::setgroups(0, nullptr) == 0 && ::setresgid(kNobody, kNobody, kNobody) == 0 &&
         ::setresuid(kNobody, kNobody, kNobody) == 0;
}

}  // namespace

std::string as_nobody(const std::function<std::string()>& body) {
  return in_child([&] { return drop_privileges() ? body() : "cannot drop privileges"; }).said;
}

}  // namespace farhand::test
