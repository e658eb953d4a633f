// deny_syscall: makes a system call fail for the calling thread from now on, as an old kernel or a sandbox would.
#pragma once

namespace farhand::test {

// The call `number` answers with errno `error_number`, in this thread and in what it starts. It cannot be taken back:
// use a thread of its own. False where filters are not permitted.
bool deny_syscall(long number, int error_number);

}  // namespace farhand::test
