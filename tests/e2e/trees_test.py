"""post and get of whole trees: identical by somebody else's comparison, resumed, never outside of the target."""
import fcntl
import json
import os
import stat
import subprocess
import sys
import unittest

from harness import (MEMORY_COUNTS, PATIENCE, SEED, ServerTest, main, needs_root, part_files, random_bytes, read_file, remove_tree, scratch,
                     sha256_of, snapshot, wait_until, write_file, write_random_file)
from rights_support import UID, RootsSite

MIB = 1 << 20
sys.setrecursionlimit(10_000)  # for walks of deep trees
YEAR = 365 * 86400


def set_time(path, seconds, nanoseconds=0):
    os.utime(path, ns=(0, seconds * 10**9 + nanoseconds), follow_symlinks=False)


def make_tree(top):
    """Everything that a tree may hold and that every file system takes."""
    top = os.fsencode(top)
    os.makedirs(top + b"/empty")
    os.makedirs(top + b"/modes")
    os.makedirs(top + b"/names")
    for byte in range(1, 256):
        if byte not in b"/.":
            write_file(top + b"/names/" + bytes([byte]), bytes([byte]))
    write_file(top + b"/names/" + b"n" * 255, b"long\n")
    write_file(top + b"/names/...", b"dots\n")
    os.makedirs(top + b"/names/" + b"d" * 255 + b"/" + b"e" * 255)
    for mode in (0o400, 0o444, 0o600, 0o640, 0o755, 0o711):
        write_file(top + b"/modes/%o" % mode, b"x", mode)
    write_file(top + b"/past", b"1960\n")
    write_file(top + b"/future", b"2100\n")
    os.symlink(b"past", top + b"/link")
    os.symlink(b"/etc/passwd", top + b"/absolute")
    os.symlink(b"nowhere\xff/at all", top + b"/dangling")
    os.symlink(b"empty", top + b"/link-to-directory")
    write_file(top + b"/hard-a", b"one file\n")
    os.link(top + b"/hard-a", top + b"/hard-b")
    os.link(top + b"/hard-a", top + b"/empty/hard-c")
    deep = top
    for _ in range(1000):
        deep += b"/d"
    directory = os.open(top, os.O_RDONLY)
    for _ in range(1000):
        os.mkdir(b"d", dir_fd=directory)
        inner = os.open(b"d", os.O_RDONLY, dir_fd=directory)
        os.close(directory)
        directory = inner
    os.close(directory)
    with open(top + b"/holes", "wb") as file:
        file.truncate(64 * MIB)
        for at in (0, 5 * MIB + 123, 40 * MIB):
            file.seek(at)
            file.write(random_bytes(5000, SEED ^ at))
    write_file(top + b"/large", random_bytes(3 * MIB + 77, SEED))
    write_file(top + b"/nothing", b"")
    set_time(top + b"/past", -10 * YEAR, 123456789)
    set_time(top + b"/future", 130 * YEAR, 987654321)
    set_time(top + b"/modes", 10**9, 5)


class TreesTest(ServerTest):
    def setUp(self):
        super().setUp()
        for entry in os.scandir(self.server.root):
            remove_tree(entry.path) if entry.is_dir(follow_symlinks=False) else os.unlink(entry.path)

    def remote(self, name):
        return os.path.join(os.fsencode(self.server.root), os.fsencode(name))

    def local(self, name):
        return os.path.join(os.fsencode(self.here), os.fsencode(name))

    def same(self, one, other, links=True):
        """By rsync: contents, modes, times, hard links, names. Links' own times are nobody's concern."""
        done = subprocess.run(["rsync", "-rlptgoDnHc" if links else "-rlptgoDnc", "--omit-link-times", "--delete", "--itemize-changes",
                               os.fsencode(one) + b"/", os.fsencode(other) + b"/"], capture_output=True, timeout=PATIENCE)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))

    def job(self, done, status=0):
        self.assertEqual(done.returncode, status, done.stderr)
        return json.loads(done.stdout)["job"]


class Trees(TreesTest):
    def test_a_tree_of_everything_goes_up_and_comes_down_identical(self):
        make_tree(self.local("tree"))
        self.check(self.client(["post", "tree"]), 0, b"", b"")
        self.same(self.local("tree"), self.remote("tree"))
        self.check(self.client(["get", "tree", "--to", "back"]), 0, b"", b"")
        self.same(self.local("tree"), self.local("back"))
        for place in (self.remote("tree"), self.local("back")):
            self.assertLess(os.stat(place + b"/holes").st_blocks * 512, 2 * MIB, "holes stay holes")
            self.assertEqual(part_files(place), [])

    def test_names_are_relative_to_what_was_named(self):
        os.makedirs(self.local("a/b/c"))
        write_file(self.local("a/b/c/file"), b"inner\n")
        write_file(self.local("lone"), b"lone\n")
        self.check(self.client(["post", "a/b", "lone", "--to", "into/"]))
        self.assertEqual(read_file(self.remote("into/b/c/file")), b"inner\n")
        self.assertEqual(read_file(self.remote("into/lone")), b"lone\n")
        self.check(self.client(["post", "a/b/", "--to", "new"]))
        self.assertEqual(read_file(self.remote("new/c/file")), b"inner\n")
        self.check(self.client(["post", "a/b", "--to", "into"]))
        self.assertEqual(read_file(self.remote("into/b/c/file")), b"inner\n")
        self.check(self.client(["post", "."], cwd=os.fsdecode(self.local("a"))))
        self.assertEqual(read_file(self.remote("b/c/file")), b"inner\n")
        self.check(self.client(["get", "into/b", "lone-is-not-here", "--to", "got"]), 1)
        self.assertEqual(read_file(self.local("got/b/c/file")), b"inner\n")
        self.check(self.client(["get", "into/b", "into/lone"]))
        self.assertEqual(read_file(self.local("b/c/file")), b"inner\n")
        self.assertEqual(read_file(self.local("lone")), b"lone\n")
        self.check(self.client(["get", ".", "--to", "everything"]))
        self.assertEqual(read_file(self.local("everything/into/lone")), b"lone\n")

    def test_the_same_again_sends_nothing(self):
        make_tree(self.local("tree"))
        self.check(self.client(["post", "tree"]))
        before = snapshot(self.remote("tree"))
        again = self.job(self.client(["--json", "post", "tree"]))
        self.assertEqual((again["stored"], again["bytes"], again["failed"]), (0, 0, 0), again)
        self.assertEqual(snapshot(self.remote("tree")), before)
        write_file(self.local("tree/hard-a"), b"changed!\n")
        again = self.job(self.client(["--json", "post", "tree"]))
        self.assertEqual((again["bytes"], again["failed"]), (9, 0), again)  # the names beside it are linked anew
        self.assertEqual(read_file(self.remote("tree/hard-b")), b"changed!\n")

    def test_content_that_changed_under_the_same_size_and_time_is_noticed(self):
        os.makedirs(self.local("tree"))
        write_file(self.local("tree/f"), b"aaaa")
        set_time(self.local("tree/f"), 10**9)
        self.check(self.client(["post", "tree"]))
        write_file(self.local("tree/f"), b"bbbb")
        set_time(self.local("tree/f"), 10**9)
        self.check(self.client(["post", "tree"]))
        self.assertEqual(read_file(self.remote("tree/f")), b"bbbb")

    def test_many_small_files_take_no_round_trip_each(self):
        os.makedirs(self.local("many"))
        for number in range(3000):
            write_file(self.local(f"many/{number % 17:02}-{number}"), b"%d\n" % number)
        report = self.job(self.client(["--json", "post", "many"]))
        self.assertEqual((report["stored"], report["failed"]), (3000, 0))
        self.same(self.local("many"), self.remote("many"))
        self.check(self.client(["get", "many", "--to", "back"]))
        self.same(self.local("many"), self.local("back"))

    def test_what_is_special_is_left_out_with_a_notice(self):
        os.makedirs(self.local("tree"))
        os.mkfifo(self.local("tree/pipe"))
        write_file(self.local("tree/file"), b"x")
        report = self.job(self.client(["--json", "post", "tree"]))
        self.assertEqual((report["stored"], report["failed"]), (1, 0))
        self.assertIn("pipe", report["notices"][0]["path"])
        self.assertEqual(os.listdir(self.remote("tree")), [b"file"])

    def test_set_id_bits_are_dropped(self):
        os.makedirs(self.local("tree"))
        write_file(self.local("tree/suid"), b"x")
        os.chmod(self.local("tree/suid"), 0o6755)
        self.check(self.client(["post", "tree"]))
        self.assertEqual(stat.S_IMODE(os.stat(self.remote("tree/suid")).st_mode), 0o755)

    def test_patterns_leave_out_and_keep(self):
        for name in ("t/a.o", "t/a.c", "t/keep.o", "t/build/x", "t/sub/build/y", "t/[b]"):
            os.makedirs(os.path.dirname(self.local(name)), exist_ok=True)
            write_file(self.local(name), b"x")
        self.check(self.client(["post", "t", "--exclude", "*.o", "--include", "keep.o", "--exclude=build/", "--exclude", r"\[b]"]))
        seen = sorted(path for path, facts in snapshot(self.remote("t")).items() if stat.S_ISREG(facts[0]))
        self.assertEqual(seen, [b"a.c", b"keep.o"])
        self.check(self.client(["get", "t", "--to", "back", "--exclude", "a.c"]))
        self.assertEqual(os.listdir(self.local("back")), [b"keep.o", b"sub"] if os.path.isdir(self.remote("t/sub")) else [b"keep.o"])

    def test_existing_files_are_replaced_kept_updated_or_backed_up(self):
        os.makedirs(self.local("t"))
        os.makedirs(self.remote("t"))
        for name in ("old", "young"):
            write_file(self.local("t/" + name), b"mine " + name.encode())
            write_file(self.remote("t/" + name), b"theirs")
        set_time(self.local("t/old"), 10**9)
        set_time(self.remote("t/old"), 10**9 + 5)
        set_time(self.local("t/young"), 10**9 + 9)
        set_time(self.remote("t/young"), 10**9 + 5)
        self.check(self.client(["post", "t", "--no-overwrite"]))
        self.assertEqual([read_file(self.remote("t/" + name)) for name in ("old", "young")], [b"theirs", b"theirs"])
        self.check(self.client(["post", "t", "--update"]))
        self.assertEqual([read_file(self.remote("t/" + name)) for name in ("old", "young")], [b"theirs", b"mine young"])
        dry = self.client(["post", "t", "-n"])
        self.check(dry)
        self.assertEqual(read_file(self.remote("t/old")), b"theirs")
        self.check(self.client(["post", "t", "--backup", "~"]))
        self.assertEqual([read_file(self.remote("t/" + name)) for name in ("old", "old~")], [b"mine old", b"theirs"])

    def test_further_names_of_a_file_that_stays_come_with_its_content(self):
        for verb, source, target in (("post", self.local, self.remote), ("get", self.remote, self.local)):
            for name in ("t", "t/d"):
                os.makedirs(source(f"{verb}-{name}"))
            write_file(source(f"{verb}-t/a"), b"mine" * 100_000)
            os.symlink("mine", source(f"{verb}-t/l"))
            for name in ("b", "c", "d/e"):
                os.link(source(f"{verb}-t/a"), source(f"{verb}-t/{name}"))
            os.link(source(f"{verb}-t/l"), source(f"{verb}-t/m"), follow_symlinks=False)
            os.makedirs(target(f"{verb}-t"))
            for name in ("a", "b"):
                write_file(target(f"{verb}-t/{name}"), b"theirs")
            report = self.job(self.client(["--json", verb, f"{verb}-t", "--no-overwrite"]))
            self.assertEqual((report["stored"], report["bytes"], report["failed"]), (1, 400_000, 0), report)
            for name in ("a", "b"):
                self.assertEqual(read_file(target(f"{verb}-t/{name}")), b"theirs")
            self.assertEqual(read_file(target(f"{verb}-t/c")), b"mine" * 100_000)
            self.assertTrue(os.path.samefile(target(f"{verb}-t/c"), target(f"{verb}-t/d/e")))
            self.assertEqual(os.lstat(target(f"{verb}-t/l")).st_ino, os.lstat(target(f"{verb}-t/m")).st_ino)

    def test_what_cannot_be_read_is_told_and_the_rest_goes_on(self):
        os.makedirs(self.local("t/locked"))
        write_file(self.local("t/locked/x"), b"x")
        write_file(self.local("t/secret"), b"x", 0o000)
        write_file(self.local("t/fine"), b"x")
        os.chmod(self.local("t/locked"), 0o000)
        done = self.client(["--json", "post", "t"])
        if os.geteuid() == 0 and self.server.uid == 0:
            self.skipTest("root reads everything")
        report = self.job(done, 1)
        self.assertEqual((report["stored"], report["failed"]), (1, 2), report)
        self.assertEqual(read_file(self.remote("t/fine")), b"x")

    def test_a_directory_is_no_file_and_a_file_no_directory(self):
        os.makedirs(self.local("t/x"))
        write_file(self.local("t/x/inner"), b"x")
        write_file(self.local("t/y"), b"y")
        os.makedirs(self.remote("t/y"))
        write_file(self.remote("t/x"), b"a file")
        report = self.job(self.client(["--json", "post", "t"]), 1)
        self.assertGreaterEqual(report["failed"], 2)
        self.assertEqual(read_file(self.remote("t/x")), b"a file")
        self.assertEqual(os.listdir(self.remote("t/y")), [])

    def test_links_in_the_way_are_never_followed(self):
        outside = self.remote("../outside-of-it")
        os.makedirs(outside, exist_ok=True)
        self.addCleanup(remove_tree, outside)
        write_file(outside + b"/f", b"precious")
        os.makedirs(self.remote("t"))
        os.symlink(outside, self.remote("t/d"))
        os.symlink(outside + b"/f", self.remote("t/f"))
        os.makedirs(self.local("t/d"))
        write_file(self.local("t/d/f"), b"evil")
        write_file(self.local("t/f"), b"new")
        self.job(self.client(["--json", "post", "t"]), 1)
        self.assertEqual(read_file(outside + b"/f"), b"precious")
        self.assertEqual(os.listdir(outside), [b"f"])
        self.assertFalse(os.path.islink(self.remote("t/f")))
        self.assertEqual(read_file(self.remote("t/f")), b"new")


@needs_root
@unittest.skipUnless(MEMORY_COUNTS, "a sanitizer makes calls that a confined process may not make")
class Confined(unittest.TestCase):
    def test_a_worker_that_may_do_little_stores_and_sends_everything(self):
        """As root's server has it: a key without exec has a process that the kernel confines, TLS in front of it."""
        site = RootsSite("--model", "process")
        self.addCleanup(site.close)
        client = site.paired("--allow", "get,post")
        here = scratch(UID)
        self.addCleanup(remove_tree, here)
        make_tree(os.path.join(here, "tree"))
        subprocess.run(["chown", "-Rh", f"{UID}:{UID}", here], check=True, timeout=PATIENCE)
        ran = client.there("post", os.path.join(here, "tree"))
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertRegex(ran.stderr, rb"^rclient: post [^\n]*: the time could not be set: [^\n]*told once[^\n]*\n$")   # of a link
        ran = client.there("get", "tree", "--to", os.path.join(here, "back"))
        self.assertEqual((ran.returncode, ran.stderr), (0, b""))
        compare = ["rsync", "-rlptDnHc", "--omit-link-times", "--delete", "--itemize-changes"]
        done = subprocess.run([*compare, os.path.join(here, "tree/"), os.path.join(here, "back/")], capture_output=True, timeout=PATIENCE)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))


def is_free(path):
    """Whether nobody holds a part's lock."""
    with open(path, "rb") as part:
        try:
            fcntl.flock(part, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


class Resume(TreesTest):
    def interrupted(self, args, arrived, size):
        """Runs a client and kills it once `arrived` is that large."""
        client = self.server.start_client(args, cwd=self.here, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: any(os.stat(path).st_size >= size for path in part_files(arrived)) or client.poll() is not None, "bytes of it")
            self.assertIsNone(client.poll(), "it was too quick")
        finally:
            client.kill()
            client.wait()
        wait_until(lambda: all(is_free(path) for path in part_files(arrived)), "the receiver has let go of it")

    def test_an_interrupted_upload_goes_on_where_it_was(self):
        size = 200 * MIB
        os.mkdir(self.local("t"))
        digest = write_random_file(self.local("t/big"), size)
        self.interrupted(["post", "t"], self.server.root, 8 * MIB)
        self.assertFalse(os.path.exists(self.remote("t/big")))
        report = self.job(self.client(["--json", "post", "t"]))
        self.assertLessEqual(report["bytes"], size - 8 * MIB)
        self.assertEqual(sha256_of(self.remote("t/big")), digest)
        self.assertEqual(part_files(self.server.root), [])

    def test_an_interrupted_download_goes_on_where_it_was(self):
        size = 200 * MIB
        os.mkdir(self.remote("t"))
        digest = write_random_file(self.remote("t/big"), size)
        self.interrupted(["get", "t"], self.here, 8 * MIB)
        self.assertFalse(os.path.exists(self.local("t/big")))
        report = self.job(self.client(["--json", "get", "t"]))
        self.assertLessEqual(report["bytes"], size - 8 * MIB)
        self.assertEqual(sha256_of(self.local("t/big")), digest)
        self.assertEqual(part_files(self.here), [])

    def test_an_interrupted_copy_under_another_name_is_continued_under_it(self):
        size = 100 * MIB
        for verb, source, target in (("post", self.local, self.remote), ("get", self.remote, self.local)):
            tree, new = f"{verb}-this", f"{verb}-new"
            os.mkdir(source(tree))
            digest = write_random_file(source(f"{tree}/big"), size)
            self.interrupted([verb, tree, "--to", new], os.path.dirname(target("x")), 8 * MIB)
            report = self.job(self.client(["--json", verb, tree, "--to", new]))
            self.assertLessEqual(report["bytes"], size - 8 * MIB)
            self.assertEqual(os.listdir(os.fsencode(target(new))), [b"big"])
            self.assertEqual(sha256_of(target(f"{new}/big")), digest)
            self.client([verb, tree, "--to", new])
            self.assertEqual(sorted(os.listdir(os.fsencode(target(new)))), [b"big", os.fsencode(tree)])

    def test_a_target_that_is_a_file_is_refused_and_a_refused_get_leaves_nothing(self):
        os.mkdir(self.local("t"))
        write_file(self.local("t/x"), b"x")
        write_file(self.remote("file"), b"precious")
        done = self.client(["post", "t", "--to", "file"])
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)
        self.assertEqual(read_file(self.remote("file")), b"precious")
        done = self.client(["get", "missing", "missing-too", "--to", "new"])
        self.assertNotEqual(done.returncode, 0)
        self.assertFalse(os.path.exists(self.local("new")))

    def test_a_source_that_changed_in_between_is_never_spliced(self):
        size = 200 * MIB
        os.mkdir(self.local("t"))
        write_random_file(self.local("t/big"), size)
        self.interrupted(["post", "t"], self.server.root, 8 * MIB)
        digest = write_random_file(self.local("t/big"), size // 4, seed=1)
        self.job(self.client(["--json", "post", "t"]))
        self.assertEqual(sha256_of(self.remote("t/big")), digest)
        self.assertEqual(part_files(self.server.root), [])


if __name__ == "__main__":
    main()
