"""The sshs that other programs are given: OpenSSH's, new each time or over a ControlMaster, and ours. To each the one
server, on several ports, is many hosts: h1, h2 and so on, with connections of their own."""

import contextlib
import dataclasses
import itertools
import pathlib
import time

from farbench import processes
from farbench.errors import BenchError

TARGETS = 32
SHARED = "10m"  # as the peer's ControlPersist, longer than a row takes
HOSTS = [f"h{number}" for number in range(1, TARGETS + 1)]


@dataclasses.dataclass(frozen=True)
class Shell:
    """program takes ssh's words, and before them options; some take a path and no options, and get them some other way.
    stays: for how long connections do, in the words of `-o`. place: a directory of its own."""

    place: pathlib.Path
    program: pathlib.Path
    options: list
    stays: list
    environment: dict

    @property
    def line(self):
        return processes.words([self.program, *self.options])


COLD = ["-o", "ControlMaster=no"]
WARM = ["-o", "ControlMaster=auto", "-o", "ControlPersist=60s"]


def openssh(work, site, stack, warm):
    """OpenSSH, with a master for each host that is one's own."""
    name = "warm" if warm else "cold"
    place = work.place(f"engines-{name}-{site.address}")
    configuration = place / "ssh.conf"
    known = pathlib.Path(site.ssh[1]).read_text().split("Host warm")[0].replace("Host cold", "Host h*", 1)
    ports = [f"Host {host}\n  Port {port}\n" for host, port in zip(HOSTS, itertools.cycle(site.ssh_ports))]
    control = f"  ControlMaster auto\n  ControlPath {place}/%n\n  ControlPersist yes\n" if warm else ""
    configuration.write_text("".join(ports) + known + control)
    work.own(configuration)
    program = pathlib.Path("/usr/bin/ssh")
    if warm:
        stack.callback(end_masters, work, site, place, [program, "-F", configuration])
    return Shell(place, program, ["-F", configuration], WARM if warm else COLD, {})


def end_masters(work, site, place, ssh):
    """Those that are there, by the sockets that they have: programs make some with names of their own."""
    home = pathlib.Path(work.account.environment["HOME"])
    for socket in [*place.glob("h*"), *(home / ".ansible/cp").glob("*")]:
        if socket.is_socket():
            with contextlib.suppress(BenchError):
                processes.timed(site.client, work.timerun, [*ssh, "-o", f"ControlPath={socket}", "-O", "exit", HOSTS[0]])


def ours(work, site, stack, shared):
    """rclient-ssh, whose server has paired with it. Without `shared` each has a connection of its own."""
    name = "shared" if shared else "alone"
    place = work.place(f"engines-{name}-{site.address}", 0o700)
    environment = {"FARHAND_CONFIG_DIR": str(place)}
    addresses = start_server(work, site, stack)
    identity = work.certificate.read_text() + work.key.read_text()
    hosts = "".join(f'[{host}]\nhost = "{address}"\npin = "{work.pin}"\n' for host, address in zip(HOSTS, addresses))
    for file, text in (("rclient.pem", identity), ("hosts.toml", hosts), ("client.toml", f'share = "{SHARED if shared else "no"}"\n')):
        (place / file).touch(0o600)
        (place / file).write_text(text)
        work.own(place / file)
    program = place / "rclient-ssh"
    program.unlink(missing_ok=True)
    program.symlink_to(work.binaries["rclient"])
    if shared:
        stack.callback(end_keepers, work, site, program, environment)
    return Shell(place, program, [], WARM if shared else COLD, environment)


def start_server(work, site, stack):
    """rserver on as many ports; its addresses."""
    own = ["--tls-cert", work.certificate, "--tls-key", work.key, "--tls-client-pin", work.pin]
    listen = [word for _ in HOSTS for word in ("--listen", f"{site.address}:0")]
    first, process = processes.start_server(stack, site.server, [work.binaries["rserver"], *listen, "--root", work.tmpfs / "root", *own])
    deadline = time.monotonic() + processes.READY_SECONDS
    rest = [processes.read_line_until(process.stdout, deadline, "rserver") for _ in HOSTS[1:]]
    return [first, *(line.removeprefix("listening on ") for line in rest)]


def end_keepers(work, site, program, environment):
    """-O exit fails where there is none."""
    for host in HOSTS:
        with contextlib.suppress(BenchError):
            processes.timed(site.client, work.timerun, [program, "-q", "-O", "exit", host], extra=environment)
