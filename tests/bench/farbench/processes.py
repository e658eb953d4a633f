"""Starts, times and ends processes of the bench's user. Knows no contender. Ends only what it started, by its id."""

import dataclasses
import os
import pathlib
import select
import signal
import subprocess
import time
from typing import Optional

from farbench.errors import BenchError

READY_SECONDS = 15  # a server that has printed nothing by then is stuck
RUN_SECONDS = 300  # the slowest honest run (ssh, a block of 20; 1 GiB by scp) takes a tenth of it


@dataclasses.dataclass(frozen=True)
class Account:
    """Whom processes run as, their whole environment, the file that servers log to, and the network namespace that
    they run in (None: the one that everything runs in)."""

    uid: int
    gid: int
    environment: dict
    log: pathlib.Path
    network: Optional[pathlib.Path] = None

    def log_tail(self):
        return self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""


def start(account, argv, extra=None, **streams):
    """A process of the account in a group of its own, so that its children can be ended with it."""
    identity = {"user": account.uid, "group": account.gid, "extra_groups": []}
    if account.network:  # which only root may enter
        argv = [*inside(account.network), "--setuid", account.uid, "--setgid", account.gid, "--", *argv]
        identity = {}
    return subprocess.Popen(
        [str(word) for word in argv], **identity, start_new_session=True, cwd="/",
        env={**account.environment, **(extra or {})}, **{"stdin": subprocess.DEVNULL, **streams})


def inside(network):
    """What to put before a command that is to run in a network namespace."""
    return ["nsenter", f"--net={network}"]


def end(process):
    """Asks the process group to end, insists after 10 s, and reaps the process."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            signal_group(process.pid, number)
        try:
            return process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            continue
    raise BenchError(f"process {process.pid} does not end")


def signal_group(group, number):
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        pass


def read_line_until(stream, deadline, what):
    """One line from a pipe, or a BenchError when the deadline or the end comes first."""
    line = b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([stream], [], [], max(0, deadline - time.monotonic()))
        byte = os.read(stream.fileno(), 1) if ready else b""
        if not byte:
            raise BenchError(f"{what} did not say that it listens")
        line += byte
    return line.decode().strip()


def wait_for_line(stream, text):
    """Until a line with this text has come, of what a server says when it is ready."""
    deadline = time.monotonic() + READY_SECONDS
    while text not in read_line_until(stream, deadline, "a server"):
        pass


def start_server(stack, account, argv, extra=None, **streams):
    """Starts a server that prints "listening on ADDRESS"; ends it with the stack. Returns (address, process)."""
    with open(account.log, "ab") as log:
        process = start(account, argv, extra, stdout=subprocess.PIPE, stderr=log, **streams)
    stack.callback(process.stdout.close)
    stack.callback(end, process)
    name = pathlib.Path(argv[0]).name
    line = read_line_until(process.stdout, time.monotonic() + READY_SECONDS, name)
    if not line.startswith("listening on "):
        raise BenchError(f"{name} said {line!r} instead of where it listens")
    return line.removeprefix("listening on "), process


def wait_until_listening(port):
    """Until the kernel lists a listener on the port of 127.0.0.1. A connection to try would use up nc's only one."""
    wanted = f"0100007F:{port:04X} 00000000:0000 0A"
    deadline = time.monotonic() + READY_SECONDS
    while wanted not in pathlib.Path("/proc/net/tcp").read_text():
        if time.monotonic() > deadline:
            raise BenchError(f"nothing listens on port {port}")
        time.sleep(0.001)


def timed(account, timerun, argv, count=1, jobs=1, extra=None):
    """Runs argv COUNT times, JOBS at a time. Returns (seconds of each run, seconds in all)."""
    *each, total = driven(account, [timerun, count, jobs], argv, extra)
    return [int(line) / 1e6 for line in each], int(total.split()[1]) / 1e6


def peak_bytes(account, timerun, argv):
    """Runs argv once. Returns the most memory that it had in use."""
    return int(driven(account, [timerun, "--rss", 1, 1], argv)[0]) * 1024


def peak_of_running(pid):
    """The most memory that a process has had in use so far."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise BenchError(f"the kernel does not tell the memory of process {pid}")


def bytes_of_network(account):
    """What has come and gone so far over the links of an account's network, to others than itself."""
    table = subprocess.run([*inside(account.network), "cat", "/proc/net/dev"], capture_output=True, text=True, check=True)
    devices = [line.split(":") for line in table.stdout.splitlines() if ":" in line]
    return sum(int(figures.split()[0]) + int(figures.split()[8]) for name, figures in devices if name.strip() != "lo")


def driven(account, driver, argv, extra=None):
    """What the driver prints that runs argv, in lines."""
    process = start(account, [*driver, *argv], extra, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        output, errors = process.communicate(timeout=RUN_SECONDS)
    except subprocess.TimeoutExpired:
        raise BenchError(f"took longer than {RUN_SECONDS} s: {words(argv)}") from None
    finally:
        end(process)  # by now it has ended, unless it took too long, or control-C came, which it does not hear itself
    if process.returncode != 0:
        raise BenchError(f"failed: {words(argv)}\n{errors.decode(errors='replace')[-2000:]}")
    return output.decode().splitlines()


def words(argv):
    return " ".join(str(word) for word in argv)
