"""The ways to do the work of a row: ours, the peers, the floors. Each knows its command line and starts its server."""

import contextlib
import os
import subprocess

from farbench import processes
from farbench.workplace import free_port

OURS, PEER, FLOOR = "ours", "peer", "floor"
IPERF_PORT = 5201  # in a namespace of our own
SPLIT = "split"  # not a model to name: what root's server does on TCP


class Contender:
    """One way to do a row's work, at a site (loopback if none is named). kind is OURS, PEER or FLOOR. argv is set by
    open()."""

    kind = PEER
    leaves_target = True  # else it does the work without leaving its result, and nothing is compared

    def __init__(self, work, name, extra=None, site=None):
        self.work, self.name, self.extra, self.site = work, name, extra or {}, site or work.loopback
        self.argv = []

    def open(self, stack):
        """May be overridden: starts what the command needs, to be ended with the stack."""

    def before_run(self):
        """May be overridden: what each run needs and is not to be timed."""

    def after_run(self):
        """May be overridden: the end of what before_run began."""

    def run(self, count=1, jobs=1):
        self.before_run()
        try:
            return self.timed(self.argv, count, jobs)
        finally:
            self.after_run()

    def timed(self, argv, count=1, jobs=1):
        return processes.timed(self.site.client, self.driver, argv, count, jobs, self.extra)

    @property
    def driver(self):
        """May be overridden: the program that runs the command and takes the times."""
        return self.work.timerun


class Ssh(Contender):
    """ssh or scp to an alias of the peer's configuration: `cold` connects each time, `warm` has a master connection."""

    def __init__(self, work, name, program, arguments, site=None):
        super().__init__(work, name, site=site)
        self.argv = [program, *self.site.ssh, *arguments]

    def open(self, stack):
        if "warm" in self.argv:
            self.timed(self.argv)  # opens the master
            stack.callback(self.close_master)

    def close_master(self):
        self.timed(["ssh", *self.site.ssh, "-O", "exit", "warm"])


class Peer(Contender):
    """Any command; its words are ready."""

    def __init__(self, work, name, argv, site=None):
        super().__init__(work, name, site=site)
        self.argv = argv


class Floor(Contender):
    """A floor program: its `serve` on an address, and its client with what `verb` and `arguments` say."""

    kind = FLOOR

    def __init__(self, work, name, program, verb, arguments=(), listen="127.0.0.1:0", tls=True, extra=None):
        super().__init__(work, name, extra)
        self.program, self.verb, self.arguments, self.listen = work.binaries[program], verb, arguments, listen
        self.keys = [work.certificate, work.key] if tls else []

    def open(self, stack):
        serve = [self.program, "serve", self.listen, *self.keys]
        address, self.server = processes.start_server(stack, self.site.server, serve, self.extra)
        self.argv = [self.program, self.verb, address, *self.arguments, *self.keys]


class Iperf(Contender):
    """iperf3: as many bytes through one bare TCP connection, from nowhere to nowhere."""

    kind = FLOOR
    leaves_target = False

    def __init__(self, work, up, size, site):
        super().__init__(work, "iperf3", site=site)
        self.argv = ["iperf3", "-c", site.address, "-p", IPERF_PORT, "-n", size, *([] if up else ["-R"])]

    def open(self, stack):
        serve = ["iperf3", "-s", "-p", str(IPERF_PORT), "--forceflush"]
        process = processes.start(self.site.server, serve, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        stack.callback(process.stdout.close)
        stack.callback(processes.end, process)
        processes.wait_for_line(process.stdout, "Server listening")


class Ours(Contender):
    """rserver on an address (a free port of the site's if none is named) and rclient with a verb. tls=False is
    --insecure, or a Unix socket. Root's server divides each connection in monitor, gate and worker; any other takes
    a model."""

    kind = OURS

    def __init__(self, work, root, arguments, listen=None, tls=True, extra=None, site=None, model="thread"):
        super().__init__(work, "ours", extra, site)
        self.root, self.arguments, self.tls, self.model = root, arguments, tls, model
        self.listen = listen or f"{self.site.address}:0"

    def server_options(self):
        if not self.tls:
            return [] if self.listen.startswith("unix:") else ["--insecure"]
        own = ["--tls-cert", self.work.certificate, "--tls-key", self.work.key]
        return own if self.model == SPLIT else [*own, "--model", self.model, "--tls-client-pin", self.work.pin]

    def client_options(self):
        keys = ["--tls-cert", self.work.certificate, "--tls-key", self.work.key, "--tls-server-pin", self.work.pin]
        return keys if self.tls else []

    def open(self, stack):
        serve = [self.work.binaries["rserver"], "--listen", self.listen, "--root", self.root, *self.server_options()]
        account = self.work.root if self.model == SPLIT else self.site.server
        address, self.server = processes.start_server(stack, account, serve, self.extra)
        self.argv = [self.work.binaries["rclient"], "-q", "-H", address, *self.client_options(), *self.arguments]


class Memory(Ours):
    """Ours, measured by the most memory that the client or the server had in use, in MiB. Each run has a server of its
    own, so that nothing is left of the run before."""

    def run(self, count=1, jobs=1):
        with contextlib.ExitStack() as stack:
            super().open(stack)
            client = processes.peak_bytes(self.site.client, self.work.timerun, self.argv)
            server = processes.peak_of_running(self.server.pid)
        return [max(client, server) / 2**20], 0.0

    def open(self, stack):
        pass


class Counted(Contender):
    """Another contender, measured by the bytes that cross the link of its site while it works, in MB. TCP's and IP's are
    among them, in both directions."""

    def __init__(self, other):
        super().__init__(other.work, other.name, site=other.site)
        self.other, self.kind = other, other.kind

    def open(self, stack):
        self.other.open(stack)

    def run(self, count=1, jobs=1):
        before = processes.bytes_of_network(self.site.client)
        self.other.run()
        return [(processes.bytes_of_network(self.site.client) - before) / 1e6], 0.0


class OwnRival(Ours):
    """Another verb of ours, to compare with."""

    kind = PEER

    def __init__(self, name, *args, **options):
        super().__init__(*args, **options)
        self.name = name


class Redirected(Ours):
    """Ours with a file as its standard input (`<`) or output (`>`)."""

    def __init__(self, work, root, arguments, direction, file):
        super().__init__(work, root, arguments)
        self.direction, self.file = direction, file

    def open(self, stack):
        super().open(stack)
        self.argv = ["sh", "-c", f'exec "$@" {self.direction}"$0"', self.file, *self.argv]


class Keystrokes:
    """Mixed in before a contender that gives a shell: a run is a key, from its stroke to its echo."""

    @property
    def driver(self):
        return self.work.binaries["bench_keystrokes"]


class OurKeystrokes(Keystrokes, Ours):
    pass


class SshKeystrokes(Keystrokes, Ssh):
    pass


class Netcat(Contender):
    """nc with nothing around it. One nc listens before the time runs; the other is timed, until the receiver is done.
    sync: the receiver syncs its file too, which nc itself does not do."""

    def __init__(self, work, name, up, source, target, sync):
        super().__init__(work, name)
        self.up, self.source, self.target = up, source, target
        self.then = f'&& sync "{target}"' if sync else ""

    def before_run(self):
        port = free_port()
        self.argv = ["sh", "-c", self.sender(f"nc.openbsd -N 127.0.0.1 {port}") if self.up else
                     self.receiver(f"nc.openbsd -d 127.0.0.1 {port}")]
        listening = (self.receiver(f"nc.openbsd -l -d 127.0.0.1 {port}") if self.up else
                     f'exec nc.openbsd -l -N 127.0.0.1 {port} <"{self.source}"')
        if self.up:
            self.make_done_pipe()
            listening += f' && echo done >"{self.done}"'
        self.listener = processes.start(self.work.account, ["sh", "-c", listening], stdout=subprocess.DEVNULL)
        processes.wait_until_listening(port)

    @property
    def done(self):
        """A pipe by which the receiver tells the sender that all is written."""
        return self.target.with_name("nc-done")

    def make_done_pipe(self):
        self.done.unlink(missing_ok=True)
        os.mkfifo(self.done)
        self.work.own(self.done)

    def sender(self, nc):
        return f'{nc} <"{self.source}" && cat "{self.done}"'

    def receiver(self, nc):
        return f'{nc} >"{self.target}" {self.then}'

    def after_run(self):
        processes.end(self.listener)
        self.done.unlink(missing_ok=True)
