"""The row of sessions that stand open and do nothing: what each of them costs the server in memory."""

import contextlib
import pathlib
import re
import subprocess
import time

from farbench import processes
from farbench.contenders import Ours, Ssh

SESSIONS = 25


def resident_kib(pid):
    """What a process holds, with its share of what it holds together with others."""
    try:
        return int(re.search(r"^Pss:\s+(\d+)", pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)[1])
    except (OSError, TypeError):
        return 0  # it has ended meanwhile


def family(pid):
    """A process and all below it that run the same program."""
    listed = subprocess.run(["ps", "-e", "-o", "pid=,ppid=,comm="], capture_output=True, text=True, check=True).stdout
    table = [line.split(None, 2) for line in listed.splitlines()]
    name = next((comm for number, _, comm in table if int(number) == pid), None)
    found = [pid]
    for parent in found:
        found += [int(number) for number, above, comm in table if int(above) == parent and comm == name]
    return found


class Idle:
    """Mixed in before a contender: a run is so many sessions at once, and yields KiB for each. server_pid() tells whose
    memory it is, and said what makes a session, once it stands, print a line."""

    said = b""

    def run(self, count=1, jobs=1):
        with contextlib.ExitStack() as stack:
            self.open_session(stack)  # what is needed once is not counted
            before = self.held()
            for _ in range(SESSIONS):
                self.open_session(stack)
            return [(self.held() - before) / SESSIONS], 0.0

    def held(self):
        return sum(resident_kib(pid) for pid in family(self.server_pid()))

    def open_session(self, stack):
        with open(self.work.account.log, "ab") as log:
            session = processes.start(self.site.client, self.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        stack.callback(session.stdout.close)
        stack.callback(processes.end, session)
        stack.callback(session.stdin.close)
        session.stdin.write(self.said)
        session.stdin.flush()
        processes.read_line_until(session.stdout, time.monotonic() + processes.READY_SECONDS, self.name)


class OurIdle(Idle, Ours):
    """The prompt, which has had its first answer."""

    said = b"echo ready\n"

    def server_pid(self):
        return self.server.pid


class SshIdle(Idle, Ssh):
    """A command that waits; its own memory is not counted, sshd's is."""

    def server_pid(self):
        return int((self.site.ssh[1].parent / "sshd.pid").read_text())


def contenders(work):
    return [OurIdle(work, work.tmpfs / "root", []), SshIdle(work, "sshd", "ssh", ["cold", "echo ready; exec cat"])]
