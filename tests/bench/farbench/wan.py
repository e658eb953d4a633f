"""The rows of one file over a long link with a rate, beside iperf3 and what others copy files with."""

import dataclasses

from farbench.contenders import Iperf, Ours, OwnRival, Peer, Ssh
from farbench.link import LOSS_PERCENT, RATE_MBIT, ROUND_TRIP_MS
from farbench.trees import ssh_command

SIZE = 100 * 2**20
NAME = "source-wan"


@dataclasses.dataclass(frozen=True)
class LongTransfer:
    """One file of 100 MiB, up or down, over a link that loses packets or does not."""

    up: bool
    lossy: bool

    @property
    def key(self):
        return "-".join(["wan", "up" if self.up else "down", *(["loss"] if self.lossy else [])])

    @property
    def title(self):
        way = "up (post)" if self.up else "down (get)"
        loss = f", {LOSS_PERCENT} % lost" if self.lossy else ""
        return f"{SIZE >> 20} MiB {way}, TLS, {ROUND_TRIP_MS} ms, {RATE_MBIT} Mbit/s{loss}"

    def site(self, work):
        return work.lossy_wan if self.lossy else work.slow_wan

    def folder(self, work):
        return work.tmpfs

    def source(self, work):
        return work.tmpfs / (NAME if self.up else f"root/{NAME}")

    def target(self, work):
        return work.tmpfs / ("root/target" if self.up else "target")

    def prepare(self, work):
        work.add_source(work.tmpfs, NAME, SIZE)

    def contenders(self, work):
        site, source, target = self.site(work), self.source(work), self.target(work)
        verb = ["post", source, "--to", "target"] if self.up else ["get", NAME, "--to", target]
        files = [source, f"cold:{target}"] if self.up else [f"cold:{source}", target]
        return [
            Ours(work, work.tmpfs / "root", verb, site=site),
            *([] if self.lossy else [Ssh(work, "scp", "scp", ["-q", *files], site)]),  # as slow as rsync, for the same reason
            Peer(work, "rsync", ["rsync", "-e", ssh_command(site), *files], site),
            Iperf(work, self.up, SIZE, site),
        ]


class PackedTree:
    """Headers of the machine, which shrink, over the link with a rate: with --compress and without, beside rsync -z."""

    key = "wan-compress"
    title = f"headers up (post --compress), TLS, {ROUND_TRIP_MS} ms, {RATE_MBIT} Mbit/s"
    name = "headers"

    def folder(self, work):
        return work.tmpfs

    def source(self, work):
        return work.tmpfs / self.name

    def target(self, work):
        return work.tmpfs / "root/target"

    def prepare(self, work):
        work.add_copy(work.tmpfs, self.name, ["/usr/include/c++", "/usr/include/linux"])

    def contenders(self, work):
        site, source, target = work.slow_wan, self.source(work), self.target(work)
        root, copy = work.tmpfs / "root", [f"{source}/", f"cold:{target}/"]
        return [
            Ours(work, root, ["post", "--compress", source, "--to", "target"], site=site),
            OwnRival("without", work, root, ["post", source, "--to", "target"], site=site),
            Peer(work, "rsync -az", ["rsync", "-az", "-e", ssh_command(site), *copy], site),
        ]
