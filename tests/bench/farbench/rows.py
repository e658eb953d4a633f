"""The rows of the table: which contenders do which work, and what ours must reach. The targets are the design's."""

import dataclasses
import pathlib
import sys
from typing import Callable, Optional

from farbench import engines, idle, look, measure, shared, sync
from farbench.contenders import (SPLIT, Floor, Memory, Netcat, OurKeystrokes, Ours, OwnRival, Peer, Redirected, Ssh,
                                 SshKeystrokes)
from farbench.link import ROUND_TRIP_MS
from farbench.trees import FEW, HUGE, Tree, ssh_command
from farbench.wan import LongTransfer, PackedTree

EXEC_BLOCK = 20  # runs of one contender in a row: long enough for caches to settle, short against a machine's moods
WAN_BLOCK = 5  # the link takes nearly all of the time, and it has no moods
ANY_NUMBER = sys.maxsize
STEADY_ROUNDS = 3  # of what takes long, and nearly the same each time
SAME_ROUNDS = 2  # of what is no matter of time at all
PARALLEL_RUNS, PARALLEL_JOBS = 400, 8
KEYS = 10_000
TRUE = ["exec", "--", "true"]


@dataclasses.dataclass(frozen=True)
class Target:
    """What a value must be: at most the limit, or with at_least=True at least it."""

    limit: float
    at_least: bool = False


@dataclasses.dataclass(frozen=True)
class Row:
    """One kind of work. unit is "ms", "s", "/s", or one of bytes; targets maps a rival's name to a Target for ours divided by the
    rival's; own_target is one for ours alone, in the unit; round_trip is the link's, in the unit, where it is long."""

    key: str
    title: str
    unit: str
    contenders: Callable  # (work) -> list of Contender
    targets: dict
    runs: int = 1
    jobs: int = 1
    own_target: Optional[Target] = None
    round_trip: Optional[float] = None
    folder: Optional[Callable] = None  # (work) -> the place whose files are sent
    source: Optional[Callable] = None  # (work) -> the file that is sent
    target: Optional[Callable] = None  # (work) -> the file that must be equal to it afterwards
    statistic: Callable = measure.median  # what of a row's samples is compared
    prepare: Optional[Callable] = None  # (work): makes the source, where it is not the one file
    arrange: Optional[Callable] = None  # (work): puts in place, before each run, what it is to find
    most_rounds: int = ANY_NUMBER  # fewer where each is long and all are alike
    picture: str = ""  # the name of the one that it is drawn in


MASTER = {"ssh, ControlMaster": Target(1.0)}


def exec_row(key, title, peers, targets, listen="tcp", tls=True, model="thread"):
    def contenders(work):
        sockets = pathlib.Path(work.account.environment["HOME"])
        where = {"unix": (f"unix:{sockets}/ours", f"unix:{sockets}/floor")}.get(listen, ("127.0.0.1:0",) * 2)
        return [
            Ours(work, work.tmpfs / "root", TRUE, where[0], tls, model=model),
            *peers(work),
            Floor(work, "floor", "bench_exec_floor", "run", listen=where[1], tls=tls),
        ]

    return Row(key, title, "ms", contenders, targets, runs=EXEC_BLOCK)


def cold_and_warm(work, site=None):
    return [Ssh(work, "ssh", "ssh", ["cold", "true"], site), *warm(work, site)]


def warm(work, site=None):
    return [Ssh(work, "ssh, ControlMaster", "ssh", ["warm", "true"], site)]


def nobody(work):
    return []


def wan_row():
    def contenders(work):
        return [Ours(work, work.tmpfs / "root", TRUE, site=work.wan), *cold_and_warm(work, work.wan)]

    return Row("exec-tls-wan", f"`exec true`, TLS, {ROUND_TRIP_MS} ms round trip", "ms", contenders, {}, WAN_BLOCK,
               own_target=Target(3.1 * ROUND_TRIP_MS), round_trip=ROUND_TRIP_MS)


def start_row():
    def contenders(work):
        return [shared.Start(work), Peer(work, "ssh", ["ssh", "-V"])]

    return Row("start", "start of the client: `ssh -V`", "ms", contenders, {"ssh": Target(1.0)}, EXEC_BLOCK, own_target=Target(5))


def shared_rows():
    """Over a connection that is open already; each of them over one."""
    def row(key, title, runs, by_ssh):
        return Row(key, f"{title}, one after the other over a connection that stays, TLS", "ms",
                   lambda work: [shared.Shared(work, by_ssh=by_ssh), *warm(work)], MASTER, runs, own_target=Target(4),
                   most_rounds=1)

    far = Row("exec-shared-wan", f"`exec true` over a connection that stays, TLS, {ROUND_TRIP_MS} ms round trip", "ms",
              lambda work: [shared.Shared(work, work.wan), *warm(work, work.wan)], MASTER, WAN_BLOCK,
              own_target=Target(1.1 * ROUND_TRIP_MS), round_trip=ROUND_TRIP_MS)
    return [row("exec-shared", f"{shared.MANY} × `exec true`", shared.MANY, by_ssh=False),
            row("ssh-shared", f"{shared.BLOCK} × `ssh HOST true`", shared.BLOCK, by_ssh=True), far]


def parallel_row():
    def contenders(work):
        return [
            Ours(work, work.tmpfs / "root", TRUE),
            *warm(work),
            Floor(work, "floor", "bench_exec_floor", "run"),
        ]

    title = f"{PARALLEL_RUNS} × `exec true`, {PARALLEL_JOBS} at a time, TLS"
    targets = {"floor": Target(0.75, at_least=True)}
    return Row("parallel", title, "/s", contenders, targets, PARALLEL_RUNS, PARALLEL_JOBS,
               own_target=Target(350, at_least=True))


@dataclasses.dataclass(frozen=True)
class Transfer:
    """One transfer row: its direction, transport, place ("disk" or "tmpfs") and whether files are synced."""

    up: bool
    tls: bool
    place: str
    sync: bool

    @property
    def key(self):
        return "-".join(["up" if self.up else "down", "tls" if self.tls else "plain", self.place,
                         *([] if self.sync else ["nosync"])])

    @property
    def title(self):
        way = "up (post)" if self.up else "down (get)"
        transport = "TLS" if self.tls else "plain"
        return f"one file {way}, {transport}, {self.place}{'' if self.sync else ', fsync made free'}"

    def folder(self, work):
        return getattr(work, self.place)

    def source(self, work):
        return self.folder(work) / ("source" if self.up else "root/source")

    def target(self, work):
        return self.folder(work) / ("root/target" if self.up else "target")

    def row(self):
        plain = {"nc": Target(1.0), "nc, then sync": Target(1.0)}
        targets = {"scp": Target(1 / 3), "floor": Target(1.15)} if self.tls else plain
        return Row(self.key, self.title, "s", self.contenders, targets,
                   folder=self.folder, source=self.source, target=self.target)

    def contenders(self, work):
        extra = {} if self.sync else work.nosync
        peers = self.copies(work) if self.tls else self.netcat(work)
        return [self.ours(work, extra), *peers, self.floor(work, extra)]

    def rsync(self, work, files):
        return Peer(work, "rsync", ["rsync", "-e", ssh_command(work.loopback), *files], work.loopback)

    def verb(self, work):
        return (["post", self.source(work), "--to", "target"] if self.up else
                ["get", "source", "--to", self.target(work)])

    def ours(self, work, extra):
        return Ours(work, self.folder(work) / "root", self.verb(work), tls=self.tls, extra=extra)

    def copies(self, work):
        source, target = self.source(work), self.target(work)
        files = [source, f"cold:{target}"] if self.up else [f"cold:{source}", target]
        plain = Ssh(work, "scp", "scp", ["-q", *files])
        if self.place == "disk":  # one is enough to tell what a disk does to those that do not sync
            return [plain]
        return [plain, Ssh(work, "scp, aes128-gcm", "scp", ["-q", "-c", "aes128-gcm@openssh.com", *files]),
                self.rsync(work, files)]

    def netcat(self, work):
        sync = self.sync and self.place == "disk"
        name = "nc, then sync" if sync else "nc"
        return [Netcat(work, name, self.up, self.source(work), self.target(work), sync)]

    def floor(self, work, extra):
        files = [self.source(work), self.target(work)]
        return Floor(work, "floor", "bench_tls_floor", "up" if self.up else "down", files, tls=self.tls, extra=extra)


def transfer_rows():
    places = [("disk", True), ("disk", False), ("tmpfs", True)]  # syncing is free on tmpfs anyway
    return [Transfer(up, tls, place, sync).row()
            for tls in (True, False) for place, sync in places for up in (True, False)]


def tree_row(tree):
    targets = {} if tree.wan else {"rsync -a": Target(0.5)}
    own = Target(1.4) if tree.wan else None
    return Row(tree.key, tree.title, "s", tree.contenders, targets, folder=tree.folder, source=tree.source,
               target=tree.target, prepare=tree.prepare, own_target=own,
               most_rounds=ANY_NUMBER if tree.sync else STEADY_ROUNDS)


def tree_rows():
    places = [("disk", True), ("disk", False), ("tmpfs", True)]  # as for one file
    return [tree_row(Tree(up, place, sync=sync)) for place, sync in places for up in (True, False)] + [
        tree_row(Tree(up, "tmpfs", FEW, wan=True)) for up in (True, False)]


def look_rows():
    """Trees that are looked at, and not sent."""
    return [
        Row("verify-file", "verify of one file that is equal, TLS, tmpfs", "s", look.file_contenders,
            {look.RSYNC_FILE: Target(1.0)}, folder=look.place, most_rounds=STEADY_ROUNDS),
        Row("verify-tree", f"verify of {look.FILES} files that are equal, TLS, tmpfs", "s", look.tree_contenders,
            {look.RSYNC_TREE: Target(1.0)}, prepare=look.make_tree),
        Row("ls-tree", f"`ls -l -R` of {look.FILES} files, TLS, tmpfs", "s", look.list_contenders, {},
            prepare=look.make_tree),
    ]


def long_row(transfer):
    return Row(transfer.key, transfer.title, "s", transfer.contenders, {"iperf3": Target(1.15)}, folder=transfer.folder,
               source=transfer.source, target=transfer.target, prepare=transfer.prepare, most_rounds=STEADY_ROUNDS)


def packed_row():
    tree = PackedTree()
    return Row(tree.key, tree.title, "s", tree.contenders, {"rsync -az": Target(1.0)}, folder=tree.folder, source=tree.source,
               target=tree.target, prepare=tree.prepare, most_rounds=STEADY_ROUNDS)


def long_rows():
    return [long_row(LongTransfer(up, lossy)) for lossy in (False, True) for up in (True, False)]


def sync_rows():
    return [
        Row("sync-changed", f"sync of one file with {sync.CHANGES} changed KiB, TLS, tmpfs", "s", sync.changed_contenders,
            {"rsync -t": Target(0.5)}, source=sync.changed, target=sync.file_target, prepare=sync.make_changed,
            arrange=sync.put_old_file),
        Row("sync-changed-bytes", f"bytes on the link, sync of one file with {sync.CHANGES} changed KiB, TLS", "MB",
            sync.counted_contenders, {"rsync -t": Target(1.0)}, source=sync.changed, target=sync.file_target,
            prepare=sync.make_changed, arrange=sync.put_old_file, most_rounds=SAME_ROUNDS),
        Row("sync-unchanged", f"sync of {sync.FILES} unchanged files, TLS, tmpfs", "s", sync.unchanged_contenders, {},
            source=sync.tree_source, target=sync.tree_target, prepare=sync.make_trees, arrange=sync.put_same_tree,
            own_target=Target(0.1)),
    ]


def memory_row(same, key):
    """The most memory that either end has in use while it does the work of another row."""
    def contenders(work):
        ours = same.contenders(work)[0]
        return [Memory(work, ours.root, ours.arguments)]

    return dataclasses.replace(same, key=f"memory-{key}", title=f"memory of either end: {same.title}", unit="MiB",
                               contenders=contenders, targets={}, own_target=Target(64), most_rounds=SAME_ROUNDS)


def memory_rows():
    return [
        *(memory_row(Transfer(up, tls=True, place="tmpfs", sync=True).row(), f"file-{'up' if up else 'down'}")
          for up in (True, False)),
        *(memory_row(tree_row(Tree(up, "tmpfs", HUGE)), f"tree-{'up' if up else 'down'}") for up in (True, False)),
        Row("memory-idle", "memory of the server for each idle session, TLS", "KiB", idle.contenders, {},
            own_target=Target(64), most_rounds=SAME_ROUNDS),
    ]


def stream_row(up):
    """One file through a command's standard input or output, against the verb that is made for files."""
    same = Transfer(up, tls=True, place="tmpfs", sync=True)

    def contenders(work):
        root = same.folder(work) / "root"
        ours = (Redirected(work, root, ["exec", "cat >target"], "<", same.source(work)) if up else
                Redirected(work, root, ["exec", "cat source"], ">", same.target(work)))
        return [ours, OwnRival("post" if up else "get", work, root, same.verb(work))]

    title = "`exec 'cat >FILE'`" if up else "`exec 'cat FILE'`"
    return Row(f"exec-{'up' if up else 'down'}-tls-tmpfs", f"one file {'up' if up else 'down'} by {title}, TLS, tmpfs", "s",
               contenders, {"post" if up else "get": Target(1 / 0.9)}, folder=same.folder, source=same.source,
               target=same.target)


def keystroke_row(key, title, statistic):
    def contenders(work):
        return [OurKeystrokes(work, work.tmpfs / "root", ["shell"]), SshKeystrokes(work, "ssh", "ssh", ["cold"])]

    return Row(key, f"a key's echo through a login shell, TLS, {title}", "ms", contenders, {"ssh": Target(1.2)}, KEYS,
               statistic=statistic)


def engine_row(engine):
    """Those that start many sshs are to be twice as fast as over new connections; the others start one."""
    many = {engines.SSH: Target(0.5), engines.MASTER: Target(1.0)}
    return Row(engine.key, engine.title, "s", engine.contenders, many if engine.program.many else {}, prepare=engine.program.prepare,
               most_rounds=engine.program.far_rounds if engine.wan else ANY_NUMBER)


def drawn(picture, chosen):
    return [dataclasses.replace(row, picture=picture) for row in chosen]


def command_rows():
    return [
        exec_row("exec-tls", "`exec true`, TLS, thread model", cold_and_warm, {**MASTER, "floor": Target(1.5)}),
        exec_row("exec-tls-process", "`exec true`, TLS, process model", nobody, {}, model="process"),
        exec_row("exec-tls-split", "`exec true`, TLS, root's server (monitor, gate, worker)", nobody, {}, model=SPLIT),
        wan_row(),
        exec_row("exec-unix", "`exec true`, Unix socket", warm, MASTER, listen="unix", tls=False),
        exec_row("exec-plain", "`exec true`, plain loopback", warm, MASTER, tls=False),
        parallel_row(),
        start_row(),
        *shared_rows(),
        keystroke_row("keys", "median", measure.median),
        keystroke_row("keys-p99", "99th percentile", measure.percentile_99),
    ]


def all_rows():
    return [
        *drawn("commands", command_rows()),
        *drawn("files", [stream_row(up=True), stream_row(up=False), *transfer_rows()]),
        *drawn("trees", tree_rows()),
        *drawn("links", [*long_rows(), packed_row()]),
        *drawn("syncs", sync_rows() + look_rows()),
        *drawn("memory", memory_rows()),
        *drawn("engines", [engine_row(engine) for engine in engines.every()]),
    ]
