// Files outside of the root.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>

#include "tests/unit/server/process/ways_out.h"

namespace farhand::test {
namespace {

bool opens(const std::string& path, int flags = O_RDONLY) {
  return static_cast<bool>(UniqueFd(::open(path.c_str(), flags | O_CLOEXEC, 0600)));
}

bool opens_from_root(const Scene& scene, const char* name) {
  return static_cast<bool>(UniqueFd(::openat(scene.root_fd.get(), name, O_RDONLY | O_CLOEXEC)));
}

bool opens_handle(const Scene& scene) {
  struct {
    file_handle header;
    std::array<unsigned char, 128> rest;
  } handle{};
  handle.header.handle_bytes = handle.rest.size();
  int mount = 0;
  return ::name_to_handle_at(AT_FDCWD, scene.outside.c_str(), &handle.header, &mount, 0) == 0;
}

bool creates_above(const Scene& scene) {
  return opens(scene.outside + "/new", O_WRONLY | O_CREAT);
}

bool renames_out(const Scene& scene) {
  return ::renameat(scene.root_fd.get(), "file", AT_FDCWD, (scene.outside + "/file").c_str()) == 0;
}
bool renames_in(const Scene& scene) {
  return ::renameat(AT_FDCWD, (scene.outside + "/secret").c_str(), scene.root_fd.get(), "taken") == 0;
}
bool links_in(const Scene& scene) {
  return ::linkat(AT_FDCWD, (scene.outside + "/secret").c_str(), scene.root_fd.get(), "taken", 0) == 0;
}

bool touches(const Scene& scene) {
  const timespec times[2] = {{1, 0}, {1, 0}};
  return ::utimensat(AT_FDCWD, (scene.outside + "/secret").c_str(), times, 0) == 0;
}

bool leaves_by_fchdir(const Scene& scene) {
  return ::fchdir(scene.root_fd.get()) == 0;
}

}  // namespace

std::vector<Way> ways_through_files() {
  return {
      {"reading outside",
       [](const Scene& scene) {
         return opens(scene.outside + "/secret");
       }},
      {"writing outside",
       [](const Scene& scene) {
         return opens(scene.outside + "/secret", O_WRONLY);
       }},
      {"creating outside", creates_above},
      {"a temporary file outside",
       [](const Scene& scene) {
         return opens(scene.outside, O_WRONLY | O_TMPFILE);
       }},
      {"listing outside",
       [](const Scene& scene) {
         return opens(scene.outside, O_RDONLY | O_DIRECTORY);
       }},
      {"/etc/passwd",
       [](const Scene&) {
         return opens("/etc/passwd");
       }},
      {"a program's text",
       [](const Scene&) {
         return opens("/bin/sh");
       }},
      {"above the root",
       [](const Scene& scene) {
         return opens_from_root(scene, "../outside/secret");
       }},
      {"a link that leads out",
       [](const Scene& scene) {
         return opens_from_root(scene, "link/secret");
       }},
      {"our memory as a file",
       [](const Scene&) {
         return opens("/proc/self/mem", O_RDWR);
       }},
      {"our program as a file",
       [](const Scene&) {
         return opens("/proc/self/exe");
       }},
      {"the root directory of our process",
       [](const Scene&) {
         return opens("/proc/self/root/etc/passwd");
       }},
      {"our environment",
       [](const Scene&) {
         return opens("/proc/self/environ");
       }},
      {"our parent's environment",
       [](const Scene&) {
         return opens("/proc/" + std::to_string(::getppid()) + "/environ");
       }},
      {"a device",
       [](const Scene&) {
         return opens("/dev/null", O_RDWR);
       }},
      {"a terminal",
       [](const Scene&) {
         return opens("/dev/ptmx", O_RDWR | O_NOCTTY);
       }},
      {"a file's handle", opens_handle},
      {"a rename out of the root", renames_out},
      {"a rename into the root", renames_in},
      {"a hard link into the root", links_in},
      {"a symbolic link beside the root",
       [](const Scene& scene) {
         return ::symlinkat("/etc", scene.root_fd.get(), "../made") == 0;
       }},
      {"a pipe",
       [](const Scene& scene) {
         return ::mknodat(scene.root_fd.get(), "made", S_IFIFO | 0600, 0) == 0;
       }},
      {"a device of one's own",
       [](const Scene& scene) {
         return ::mknodat(scene.root_fd.get(), "made", S_IFCHR | 0600, 0x103) == 0;
       }},
      {"removing outside",
       [](const Scene& scene) {
         return ::unlink((scene.outside + "/secret").c_str()) == 0;
       }},
      {"a directory outside",
       [](const Scene& scene) {
         return ::mkdir((scene.outside + "/made").c_str(), 0700) == 0;
       }},
      {"a mode outside",
       [](const Scene& scene) {
         return ::chmod((scene.outside + "/secret").c_str(), 0600) == 0;
       }},
      {"an owner outside",
       [](const Scene& scene) {
         return ::chown((scene.outside + "/secret").c_str(), ::getuid(), ::getgid()) == 0;
       }},
      {"a time outside", touches},
      {"a length outside",
       [](const Scene& scene) {
         return ::truncate((scene.outside + "/secret").c_str(), 0) == 0;
       }},
      {"an attribute outside",
       [](const Scene& scene) {
         return ::setxattr((scene.outside + "/secret").c_str(), "user.x", "y", 1, 0) == 0;
       }},
      {"another working directory", leaves_by_fchdir},
  };
}

}  // namespace farhand::test
