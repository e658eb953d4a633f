// Landlock: a process's own view of the file system, cut down to one directory, by the kernel and without privileges.
//
// What Landlock does not know stays possible to a process by name: to see that a file exists, its size and owner. What
// it does not know and would change something (modes, owners, times by name) the system call filter forbids.
//
// Threads: restrict_to_directory() concerns the calling thread and what it starts from then on: call it while there is
//          only one.
// Errors:  std::system_error. A kernel without Landlock is no error: landlock_version() says so beforehand.
#pragma once

namespace farhand {

// The version of the interface (ABI) that the kernel has; 0: none, or switched off.
int landlock_version() noexcept;

// From now on nothing but what is below `directory` (a descriptor) can be opened, and nothing be executed anywhere;
// what is open stays open. `writes`: files may be made, written and removed below it. As far as the version knows it,
// TCP connections, abstract Unix sockets and signals to processes outside are refused as well.
void restrict_to_directory(int directory, bool writes);

// The same without any directory.
void restrict_to_nothing();

}  // namespace farhand
