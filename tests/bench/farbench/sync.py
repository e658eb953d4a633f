"""The rows of making a copy like its source again: one large file with small changes, and many files with none."""

import os
import random
import shutil

from farbench.contenders import Counted, Ours, Peer
from farbench.trees import ssh_command
from farbench.workplace import run

CHANGES = 100
CHANGE_BYTES = 1024
FILES = 10_000
TREE = f"tree-{FILES}"


def changed(work):
    return work.tmpfs / "changed"


def make_changed(work):
    """The source of the transfers, of which some bytes are others now."""
    work.add_source(work.tmpfs)
    if changed(work).exists():
        return
    shutil.copy(work.tmpfs / "source", changed(work))
    places = random.Random(CHANGES)
    with open(changed(work), "r+b") as file:
        for _ in range(CHANGES):
            file.seek(places.randrange(work.size - CHANGE_BYTES))
            file.write(os.urandom(CHANGE_BYTES))
    work.own(changed(work))


def file_target(work):
    return work.tmpfs / "root/target"


def put_old_file(work):
    """What there is before the run: the file without the changes, and older."""
    shutil.copy(work.tmpfs / "source", file_target(work))
    os.utime(file_target(work), (1, 1))
    work.own(file_target(work))


def changed_contenders(work):
    return syncs(work, changed(work), "target", ["rsync", "-t"])


def counted_contenders(work):
    """Over a long link, whose ends count what crosses it."""
    return [Counted(each) for each in syncs(work, changed(work), "target", ["rsync", "-t"], work.slow_wan)]


def syncs(work, source, target, rsync, site=None):
    site = site or work.loopback
    slash = "/" if source.is_dir() else ""
    ours = Ours(work, work.tmpfs / "root", ["sync", source, f":{target}"], site=site)
    theirs = [*rsync, "-e", ssh_command(site), f"{source}{slash}", f"cold:{work.tmpfs}/root/{target}{slash}"]
    return [ours, Peer(work, " ".join(rsync), theirs, site)]


def tree_source(work):
    return work.tmpfs / TREE


def make_trees(work):
    work.add_tree(work.tmpfs, TREE, FILES)


def tree_target(work):
    return work.tmpfs / "root" / "target"


def put_same_tree(work):
    """As much the same as it can be: further names of the same files."""
    run("cp", "-al", tree_source(work), tree_target(work))


def unchanged_contenders(work):
    return syncs(work, tree_source(work), "target", ["rsync", "-a"])
