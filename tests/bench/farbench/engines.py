"""The rows of programs that take an ssh: Ansible, git, rsync, ClusterShell, over ours and over OpenSSH's."""

import dataclasses
import shutil

from farbench import processes, shells
from farbench.contenders import FLOOR, OURS, Contender
from farbench.link import HALF_ROUND_TRIP_MS
from farbench.workplace import run

COMMITS = 2_000  # of five objects each: itself, two directories, two files
FILES = 10_000
TREE = f"tree-{FILES}"
FAR_ROUNDS = 3
SSH, MASTER, ALONE, LOCALLY = "ssh", "ssh, ControlMaster", "not shared", "without any"

PLAYBOOK = """\
- hosts: all
  gather_facts: false
  tasks:
""" + "".join(f"""\
    - command: echo {number}
    - file: {{path: "{{{{ there }}}}/d{number}", state: directory}}
    - copy: {{content: "line {number}\\n", dest: "{{{{ there }}}}/d{number}/file"}}
    - stat: {{path: "{{{{ there }}}}/d{number}/file"}}
""" for number in range(5))


@dataclasses.dataclass(frozen=True)
class Ansible:
    """A playbook of 20 small tasks, with Ansible's own defaults for everything but where its ssh is; or with the two lines
    of configuration that make fewer sshs of it."""

    few_sshs: bool
    many = True  # sshs, one after the other or at once
    far_rounds = 1  # each takes minutes

    @property
    def key(self):
        return "engine-ansible" + ("-few" if self.few_sshs else "")

    @property
    def title(self):
        return "Ansible, a playbook of 20 small tasks" + (", pipelining and piped transfer" if self.few_sshs else "")

    def prepare(self, work):
        work.place("engine-ansible")
        (work.home / "engine-ansible/play.yml").write_text(PLAYBOOK)

    def argv(self, work, shell, target):
        local = ["-c", "local"] if shell is None else []
        play = work.home / "engine-ansible/play.yml"
        return ["ansible-playbook", *local, "-i", f"{shells.HOSTS[0]},", "-e", f"there={target}", play]

    def environment(self, shell):
        if shell is None:
            return {}
        few = {"ANSIBLE_PIPELINING": "True", "ANSIBLE_SSH_TRANSFER_METHOD": "piped"} if self.few_sshs else {}
        return {**few, "ANSIBLE_SSH_EXECUTABLE": str(shell.program), "ANSIBLE_SFTP_EXTRA_ARGS": f"-S {shell.program}",
                "ANSIBLE_SSH_ARGS": processes.words([*shell.options, "-C", *shell.stays])}


class Git:
    """A clone of a repository of 10 000 objects."""

    key, title = "engine-git", f"`git clone` of {5 * COMMITS} objects"
    many = False
    far_rounds = FAR_ROUNDS

    def prepare(self, work):
        self.repository = work.home / "engine-git"
        if self.repository.exists():
            return
        work.place("engine-git")
        run("git", "init", "-q", "--bare", self.repository)
        run("git", "-c", "safe.directory=*", "-C", self.repository, "fast-import", "--quiet", input=b"".join(map(self.commit, range(COMMITS))))
        run("chown", "-R", f"{work.account.uid}:{work.account.gid}", self.repository)

    @staticmethod
    def commit(number):
        who = b"committer Somebody <somebody@example.org> %d +0000" % (10**9 + number)
        files = b"".join(b"M 100644 inline d%d/%s\ndata <<end\n%send\n" % (number % 40, name, b"%d %s\n" % (number, name) * 40)
                         for name in (b"a%d" % number, b"b"))
        return b"commit refs/heads/master\n%s\ndata 2\nc\n%s\n" % (who, files)

    def argv(self, work, shell, target):
        source = self.repository if shell is None else f"{shells.HOSTS[0]}:{self.repository}"
        return ["git", "clone", "-q", *(["--no-local"] if shell is None else []), "-b", "master", source, target]

    def environment(self, shell):
        return {} if shell is None else {"GIT_SSH_COMMAND": shell.line}


class Rsync:
    """A directory of 10 000 files to where there is nothing."""

    key, title = "engine-rsync", f"`rsync -a` of {FILES} files"
    many = False
    far_rounds = FAR_ROUNDS

    def prepare(self, work):
        work.add_tree(work.tmpfs, TREE, FILES)

    def argv(self, work, shell, target):
        to = target if shell is None else f"{shells.HOSTS[0]}:{target}"
        return ["rsync", "-a", *([] if shell is None else ["-e", shell.line]), f"{work.tmpfs / TREE}/", f"{to}/"]

    def environment(self, _):
        return {}


class Clush:
    """A command on 32 hosts at once."""

    key, title = "engine-clush", f"`clush` of `true` on {len(shells.HOSTS)} hosts"
    many = True
    far_rounds = FAR_ROUNDS

    def prepare(self, work):
        pass

    def argv(self, work, shell, target):
        local = ["-R", "exec"] if shell is None else []
        return ["clush", *local, "-w", f"h[1-{len(shells.HOSTS)}]", "true"]

    def environment(self, shell):
        if shell is None:
            return {}
        (shell.place / "clush.conf").write_text(f"[Main]\nssh_path: {shell.line}\n")
        return {"CLUSTERSHELL_CFGDIR": str(shell.place)}


class Engine(Contender):
    """A program with one of the sshs: `make_shell` (work, site, stack) -> Shell, or None, for without any."""

    leaves_target = False

    def __init__(self, work, site, name, kind, program, make_shell):
        super().__init__(work, name, site=site)
        self.kind, self.program, self.make_shell = kind, program, make_shell

    def open(self, stack):
        self.shell = self.make_shell(self.work, self.site, stack) if self.make_shell else None
        self.argv = self.program.argv(self.work, self.shell, self.target)
        self.extra = {**(self.shell.environment if self.shell else {}), **self.program.environment(self.shell)}
        stack.callback(shutil.rmtree, self.target, ignore_errors=True)

    @property
    def target(self):
        return self.work.tmpfs / "engine-target"

    def before_run(self):
        shutil.rmtree(self.target, ignore_errors=True)
        self.target.mkdir()
        self.work.own(self.target)


@dataclasses.dataclass(frozen=True)
class EngineRow:
    """One of the programs, on loopback or over a long link."""

    program: object
    wan: bool

    @property
    def key(self):
        return self.program.key + ("-wan" if self.wan else "")

    @property
    def title(self):
        return self.program.title + (f", {HALF_ROUND_TRIP_MS} ms" if self.wan else "")

    def contenders(self, work):
        site = work.half_wan if self.wan else work.loopback
        ways = [
            ("ours", OURS, lambda *where: shells.ours(*where, shared=True)),
            (SSH, Contender.kind, lambda *where: shells.openssh(*where, warm=False)),
            (MASTER, Contender.kind, lambda *where: shells.openssh(*where, warm=True)),
            (ALONE, Contender.kind, lambda *where: shells.ours(*where, shared=False)),
            (LOCALLY, FLOOR, None),
        ]
        return [Engine(work, site, name, kind, self.program, make) for name, kind, make in ways]


def every():
    return [EngineRow(program, wan) for wan in (False, True) for program in (Ansible(False), Ansible(True), Git(), Rsync(), Clush())]
