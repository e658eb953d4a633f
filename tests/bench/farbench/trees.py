"""The rows of whole directories: many small files up and down, beside what others do that with."""

import dataclasses

from farbench.contenders import Ours, Peer, Ssh
from farbench.link import RATE_MBIT, ROUND_TRIP_MS

MANY, FEW = 10_000, 1_000  # over the long link scp -r would take minutes of the few
HUGE = 100_000


def ssh_command(site):
    return " ".join(["ssh", *(str(word) for word in site.ssh)])


def shell(line, *words):
    return ["sh", "-c", line, "sh", *words]


@dataclasses.dataclass(frozen=True)
class Tree:
    """A directory of small files, up or down, at a place ("disk" or "tmpfs")."""

    up: bool
    place: str
    count: int = MANY
    wan: bool = False
    sync: bool = True

    @property
    def key(self):
        return "-".join(["tree", "up" if self.up else "down", self.place, *(["wan"] if self.wan else []),
                         *([] if self.sync else ["nosync"])])

    @property
    def title(self):
        way = "up (post)" if self.up else "down (get)"
        where = f"{ROUND_TRIP_MS} ms, {RATE_MBIT} Mbit/s" if self.wan else self.place
        return f"{self.count} small files {way}, TLS, {where}{'' if self.sync else ', fsync made free'}"

    def folder(self, work):
        return getattr(work, self.place)

    def source(self, work):
        name = f"tree-{self.count}"
        return self.folder(work) / (name if self.up else f"root/{name}")

    def target(self, work):
        return self.folder(work) / ("root/target" if self.up else "target")

    def prepare(self, work):
        work.add_tree(self.folder(work), f"tree-{self.count}", self.count)

    def contenders(self, work):
        site = work.slow_wan if self.wan else work.loopback
        source, target = self.source(work), self.target(work)
        verb = ["post", source, "--to", "target"] if self.up else ["get", source.name, "--to", target]
        remote = f"cold:{target}" if self.up else f"cold:{source}"
        extra = {} if self.sync else work.nosync
        ours = Ours(work, self.folder(work) / "root", verb, site=site, extra=extra)
        copy = (["rsync", "-a", "-e", ssh_command(site), f"{source}/", f"{remote}/"] if self.up else
                ["rsync", "-a", "-e", ssh_command(site), f"{remote}/", f"{target}/"])
        if not self.sync:  # what syncing costs is told by one peer
            return [ours, Peer(work, "rsync -a", copy, site)]
        pack = ('tar -C "$1" -cf - . | $3 cold "mkdir -p $2 && tar -C $2 -xf -"' if self.up else
                'mkdir -p "$2" && $3 cold "tar -C $1 -cf - ." | tar -C "$2" -xf -')
        return [ours, Peer(work, "rsync -a", copy, site),
                Peer(work, "tar over ssh", shell(pack, source, target, ssh_command(site)), site),
                *([self.scp(work, source, target)] if self.up and self.place == "tmpfs" and not self.wan else [])]

    def scp(self, work, source, target):
        """In one row: it takes longer than all others together, whichever the way and the place."""
        return Ssh(work, "scp -r", "scp", ["-q", "-r", source, f"cold:{target}"])
