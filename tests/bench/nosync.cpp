// Makes syncing to disk free in a program that names this library in LD_PRELOAD: every call says that it worked.
// For measuring what is left when the disk costs nothing; nothing else about the program changes.
#include <sys/types.h>

// The project hides what it does not export, and what is hidden takes nobody's place.
#pragma GCC visibility push(default)
extern "C" {
int fsync(int) {
  return 0;
}
int fdatasync(int) {
  return 0;
}
int syncfs(int) {
  return 0;
}
int sync_file_range(int, off64_t, off64_t, unsigned) {
  return 0;
}
void sync() {}
}
#pragma GCC visibility pop
