"""Shows where the time of a row goes: perf on our server and our client while ours alone does the row's work."""

import contextlib
import shutil
import signal
import subprocess
import time

from farbench.contenders import OURS
from farbench.errors import BenchError
from farbench.processes import words

ROWS = {"up": "up-tls-tmpfs", "down": "down-tls-tmpfs", "exec": "exec-tls", "exec-up": "exec-up-tls-tmpfs",
        "exec-down": "exec-down-tls-tmpfs"}
RUNS = {"up": 1, "down": 1, "exec": 300, "exec-up": 1, "exec-down": 1}  # a second or two each
PERF_RECORD = ["perf", "record", "--quiet", "--freq", "2000", "--output"]
TOP = 30


def profile(work, rows, which):
    """Prints the hottest symbols of both sides."""
    if shutil.which("perf") is None:
        raise BenchError("--profile needs perf (Debian: linux-perf)")
    row = next(row for row in rows if row.key == ROWS[which])
    if row.folder:
        work.add_source(row.folder(work))
    ours = next(contender for contender in row.contenders(work) if contender.kind == OURS)
    with contextlib.ExitStack() as stack:
        ours.open(stack)
        with recorded(ours.server.pid, work.home / "server.perf"):
            record_client(work, ours, RUNS[which])
    for side in ("server", "client"):
        print(f"\n== {side} ==\n" + top_symbols(work.home / f"{side}.perf"))


@contextlib.contextmanager
def recorded(pid, output):
    """perf follows a process that runs already, until the block ends."""
    perf = subprocess.Popen([*PERF_RECORD, output, "--pid", str(pid)])
    time.sleep(0.5)  # perf does not tell when it has attached
    try:
        yield
    finally:
        perf.send_signal(signal.SIGINT)
        perf.wait(timeout=30)


def record_client(work, ours, runs):
    """perf stays root, so that it may count the kernel's part; what it watches is the bench's user."""
    account = work.account
    argv = [*PERF_RECORD, work.home / "client.perf", "--", "setpriv", f"--reuid={account.uid}",
            f"--regid={account.gid}", "--clear-groups", work.timerun, runs, 1, *ours.argv]
    done = subprocess.run([str(word) for word in argv], env=account.environment, stdout=subprocess.DEVNULL)
    if done.returncode != 0:
        raise BenchError(f"failed: {words(argv)}")


def top_symbols(path):
    report = subprocess.run(["perf", "report", "--stdio", "--input", path, "--sort", "comm,dso,symbol"],
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    lines = [line for line in report.stdout.splitlines() if line.strip() and not line.startswith("#")]
    return "\n".join(lines[:TOP])
