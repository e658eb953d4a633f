"""The rows of looking at files without sending them: comparing by content, and listing."""

from farbench.contenders import Ours, Peer, Ssh
from farbench.trees import MANY as FILES
from farbench.trees import ssh_command

TREE = f"tree-{FILES}"
RSYNC_FILE, RSYNC_TREE = "rsync -nc", "rsync -anc"


def place(work):
    return work.tmpfs


def make_tree(work):
    work.add_tree(work.tmpfs, TREE, FILES)


def ours(work, words):
    return Ours(work, work.tmpfs / "root", words)


def rsync(work, name, source, target):
    return Peer(work, name, [*name.split(), "-e", ssh_command(work.loopback), source, f"cold:{target}"])


def file_contenders(work):
    source = work.tmpfs / "source"
    return [ours(work, ["verify", source, ":source"]), rsync(work, RSYNC_FILE, source, work.tmpfs / "root/source")]


def tree_contenders(work):
    tree = work.tmpfs / TREE
    return [ours(work, ["verify", tree, f":{TREE}"]), rsync(work, RSYNC_TREE, f"{tree}/", f"{work.tmpfs}/root/{TREE}/")]


def list_contenders(work):
    return [ours(work, ["ls", "-l", "-R", TREE]), Ssh(work, "ssh ls -lR", "ssh", ["cold", "ls", "-lR", work.tmpfs / TREE])]
