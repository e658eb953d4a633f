"""Owner, mode, time, extended attributes and access lists of what is there already, by somebody else's comparison."""
import json
import os
import struct
import subprocess
import unittest

from harness import (MEMORY_COUNTS, PATIENCE, ServerTest, main, needs_root, read_file, remove_tree, scratch, snapshot,
                     write_file)
from rights_support import UID, RootsSite, Site

ACCESS, DEFAULT = "system.posix_acl_access", "system.posix_acl_default"


def access_list(user, permissions):
    """user::rw- user:USER:PERMISSIONS group::r-- mask::rw- other::r--"""
    nobody = 0xffffffff
    entries = ((1, 6, nobody), (2, permissions, user), (4, 4, nobody), (16, 6, nobody), (32, 4, nobody))
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *each) for each in entries)


def can_have(path):
    try:
        os.setxattr(path, "user.probe", b"1")
        os.setxattr(path, ACCESS, access_list(1, 4))
    except OSError:
        return False
    os.removexattr(path, "user.probe")
    os.removexattr(path, ACCESS)
    os.chmod(path, 0o755)  # the list's mask has given it more
    return True


@needs_root
class MetadataTest(ServerTest):
    def setUp(self):
        super().setUp()
        for entry in os.scandir(self.server.root):
            remove_tree(entry.path) if entry.is_dir(follow_symlinks=False) else os.unlink(entry.path)
        self.here_tree, self.there_tree = os.path.join(self.here, "tree"), os.path.join(self.server.root, "tree")
        remove_tree(self.here_tree) if os.path.exists(self.here_tree) else None

    def make(self, top):
        os.makedirs(top + "/sub/inner")
        if not can_have(top):
            self.skipTest("no attributes here")
        for number, name in enumerate(("file", "empty", "sub/large", "sub/inner/x", "locked")):
            write_file(f"{top}/{name}", b"" if name == "empty" else b"content " * (30_000 if name == "sub/large" else number + 1))
            os.chown(f"{top}/{name}", 1000 + number, 2000 + number)
        os.chmod(top + "/locked", 0o400)
        os.symlink("file", top + "/link")
        os.chown(top + "/link", 77, 88, follow_symlinks=False)
        os.chown(top + "/sub", 66, 55)
        os.link(top + "/file", top + "/other-name")
        for name in ("file", "sub", "locked", "sub/inner/x"):
            os.setxattr(f"{top}/{name}", "user.mine", name.encode())
        os.setxattr(top + "/sub/large", ACCESS, access_list(4711, 6))
        os.setxattr(top + "/sub", ACCESS, access_list(4711, 4))
        os.setxattr(top + "/sub/inner", DEFAULT, access_list(4711, 4))

    def spoil(self, top):
        """Everything but contents."""
        for name in ("file", "sub/large", "sub", "link", "empty", "."):
            os.chown(f"{top}/{name}", 5, 6, follow_symlinks=False)
        os.chmod(top + "/empty", 0o600)
        os.chmod(top + "/sub/inner", 0o700)
        os.utime(top + "/link", ns=(0, 5), follow_symlinks=False)
        os.utime(top + "/sub/inner", ns=(0, 7))
        os.removexattr(top + "/sub/large", ACCESS)
        os.setxattr(top + "/sub", ACCESS, access_list(4712, 6))
        os.utime(top + "/sub", ns=(0, 9))
        os.removexattr(top + "/sub/inner", DEFAULT)
        os.setxattr(top + "/sub", DEFAULT, access_list(1, 1))
        os.setxattr(top + "/empty", ACCESS, access_list(1, 1))
        os.removexattr(top + "/locked", "user.mine")
        os.setxattr(top + "/sub/inner/x", "user.mine", b"not mine")
        os.setxattr(top + "/file", "user.other", b"goes")
        os.setxattr(top, "user.other", b"goes")

    def assert_alike(self, one, other):
        done = subprocess.run(["rsync", "-anHAXc", "--delete", "--itemize-changes", one + "/", other + "/"], capture_output=True,
                              timeout=PATIENCE)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))

    def run_job(self, *words):
        done = self.client([*words, "--owner", "--xattrs", "--json"])
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def check_words(self, source, target, *words):
        self.make(source)
        self.run_job(*words)
        self.assert_alike(source, target)
        self.assertEqual(self.run_job(*words, "-n")["would"], [])
        self.spoil(target)
        before = snapshot(target)
        would = self.run_job(*words, "-n")["would"]
        # Told as the one names them who tells of them: some begin with the tree's own name.
        told = {(os.path.relpath(each["path"], "tree" if each["path"].startswith("tree") else "."), each["would"]) for each in would}
        self.assertEqual(told, {(name, "metadata") for name in (".", "file", "empty", "locked", "link", "sub", "sub/inner",
                                                                "sub/inner/x", "sub/large")})
        self.assertEqual(snapshot(target), before)
        job = self.run_job(*words)["job"]
        self.assertEqual((job["bytes"], job["failed"]), (0, 0))
        self.assert_alike(source, target)
        before = snapshot(target)
        self.run_job(*words)
        self.assertEqual(snapshot(target), before)

    def test_after_post(self):
        self.check_words(self.here_tree, self.there_tree, "post", "tree")

    def test_after_get(self):
        self.check_words(self.there_tree, self.here_tree, "get", "tree")

    def test_after_sync_up(self):
        self.check_words(self.here_tree, self.there_tree, "sync", "tree", ":tree", "--delete")

    def test_after_sync_down(self):
        self.check_words(self.there_tree, self.here_tree, "sync", ":tree", "tree", "--delete", "--checksum")


@needs_root
@unittest.skipUnless(MEMORY_COUNTS, "a sanitizer makes calls that a confined process may not make")
class Confined(unittest.TestCase):
    def test_who_may_not_see_attributes_takes_none_away(self):
        """As root's server has it: a key without exec has a process that may neither read attributes nor set them."""
        site = RootsSite("--model", "process")
        self.addCleanup(site.close)
        client = site.paired("--allow", "get,post")
        here = scratch(UID)
        self.addCleanup(remove_tree, here)
        source, back = os.path.join(here, "source"), os.path.join(here, "back")
        os.makedirs(source)
        for name in ("one", "other"):
            write_file(f"{source}/{name}", name.encode())
        if not can_have(source):
            self.skipTest("no attributes here")
        os.setxattr(source + "/one", "user.mine", b"1")
        subprocess.run(["chown", "-Rh", f"{UID}:{UID}", here], check=True, timeout=PATIENCE)

        def sync(*words):
            ran = client.there("sync", *words, "--delete", "--owner", "--xattrs")
            self.assertEqual(ran.returncode, 0, ran.stderr)
            for line in ran.stderr.splitlines():
                self.assertRegex(line, rb": extended attributes cannot be (read|set) here: |: an extended attribute could not be set: ")
            return ran.stdout
        sync(source, ":copy")
        self.assertEqual(sync(source, ":copy", "-n"), b"")
        sync(":copy", back)
        for path in (back, back + "/one"):
            os.setxattr(path, "user.here", b"stays")
        sync(":copy", back)
        for path in (back, back + "/one"):
            self.assertEqual(os.listxattr(path), ["user.here"])

    def test_owners_go_by_their_numbers_where_nobody_may_look_them_up(self):
        """As a user's own server has it: Landlock leaves neither users nor groups to be read."""
        site = Site("--model", "process")
        self.addCleanup(site.close)
        client = site.paired("--allow", "get,post")
        here = scratch(UID)
        self.addCleanup(remove_tree, here)
        source = os.path.join(here, "source")
        os.mkdir(source)
        write_file(f"{source}/one", b"one")
        subprocess.run(["chown", "-Rh", f"{UID}:{UID}", here], check=True, timeout=PATIENCE)
        for words in (["post", source, "--to", "copy"], ["get", "copy", "--to", os.path.join(here, "back")]):
            ran = client.there(*words, "--owner")
            self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertEqual(read_file(os.path.join(here, "back", "one")), b"one")


if __name__ == "__main__":
    main()
