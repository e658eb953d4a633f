"""The ways to run a command over a connection that is open already, as ours come by one: by `share` in client.toml."""

from farbench import shells
from farbench.contenders import OURS, Contender

MANY = 10_000  # one after the other, as a program may ask for them that knows no batches
BLOCK = 1_000


class Shared(Contender):
    """`rclient exec -- true`, or with by_ssh `rclient ssh HOST true`: a shell there, which runs `true` itself. The run that
    does not count leaves the connection behind for all others."""

    kind = OURS

    def __init__(self, work, site=None, by_ssh=False):
        super().__init__(work, "ours", site=site)
        self.by_ssh = by_ssh

    def open(self, stack):
        shell = shells.ours(self.work, self.site, stack, shared=True)
        self.extra, (host, *_) = shell.environment, shells.HOSTS
        rclient = self.work.binaries["rclient"]
        self.argv = [rclient, "ssh", host, "true"] if self.by_ssh else [rclient, "-q", "-H", host, "exec", "--", "true"]


class Start(Contender):
    """Nothing but a start: what every command pays before it does anything."""

    kind = OURS

    def __init__(self, work):
        super().__init__(work, "ours")
        self.argv = [work.binaries["rclient"], "ssh", "-V"]
