"""Two network namespaces with a long link between them, for as long as a stack is open. It knows no server."""

import os
import pathlib
import subprocess

from farbench import processes
from farbench.errors import BenchError

ROUND_TRIP_MS = 100
HALF_ROUND_TRIP_MS = 50  # of what takes many of them
FAR_ADDRESS = "10.77.0.2"  # bench_wanlink's choice; the near end is 10.77.0.1
RATE_MBIT = 400  # of the links that have a rate
LOSS_PERCENT = 0.05  # of the one that loses
TUN = pathlib.Path("/dev/net/tun")


def open_link(stack, root, wanlink, name, options=(), round_trip_ms=ROUND_TRIP_MS):
    """The namespaces (near, far), as files. The link ends when its command's input does: with the stack, or, should
    this process be killed, by itself."""
    if not TUN.exists():
        raise BenchError(f"a long link takes {TUN}, which is not here (leave its rows out with --only)")
    name = f"farhand-{name}-{os.getpid()}"
    argv = [wanlink, "--rtt", round_trip_ms, *options, "--name", name, "--", "sh", "-c",
            f"echo listening on {FAR_ADDRESS}; exec cat"]
    _, process = processes.start_server(stack, root, argv, stdin=subprocess.PIPE)
    stack.callback(process.stdin.close)
    return tuple(pathlib.Path("/run/netns") / f"{name}-{end}" for end in "ab")
