"""post and get: every byte or nothing, and never outside the root."""
import contextlib
import json
import os
import re
import resource
import shutil
import signal
import socket
import stat
import subprocess
import unittest

from harness import (NOBODY, PATIENCE, SCALE, SEED, Server, ServerTest, assert_sane, check_sentence, in_parallel, main, needs_root, part_files, random_bytes, rclient, read_file,
                     remove_tree, scratch, sha256_of, snapshot, tmpfs, wait_until, write_file, write_random_file)
from hostile import entries, entry, greeted, part, push

MIB = 1 << 20
SIZES = [0, 1, 65535, 65536, 65537, MIB - 1, MIB, MIB + 1, 5 * MIB]

NAMES = [b"plain", b"with blank", b" leading and trailing ", b"a|b||c", b"100%", b"%41%0A%", b"new\nline", b"carriage\rreturn",
         b"-leading-dash", b"--to", b"--", "中文文件名.txt".encode(), b"not utf-8 \xff\xfe\x80", b"\x01\x1b[31m\x7f",
         b"n" * 255, b"'quotes\"`$HOME`", b"back\\slash", b"*?[a]{b,c}~", b".hidden", b"...", b"post|1|x", b"+[x,y]"]


class FilesTest(ServerTest):
    def local(self, name="file", content=b"content\n", mode=None):
        path = os.path.join(os.fsencode(self.here), os.fsencode(name))
        return write_file(path, content, mode)

    def remote(self, name):
        return os.path.join(os.fsencode(self.server.root), os.fsencode(name))

    def place(self, name, content=b"old\n", mode=None):
        """A file on the host."""
        os.makedirs(os.path.dirname(self.remote(name)), exist_ok=True)
        return write_file(self.remote(name), content, mode)

    def large(self, path, count=256 * MIB):
        """A large file without holes, which would take no time."""
        with open(path, "wb") as file:
            for _ in range(0, count, MIB):
                file.write(b"0123456789abcdef" * (MIB // 16))
        return path

    def setUp(self):
        super().setUp()
        for entry in os.scandir(self.server.root):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            else:
                os.unlink(entry.path)


class Contents(FilesTest):
    def test_files_of_every_size_come_back_byte_for_byte(self):
        for size in SIZES:
            content = random_bytes(size, SEED ^ size)
            self.local(f"f{size}", content)
            self.check(self.client(["post", f"f{size}"]), 0, b"", b"")
            self.assertTrue(read_file(self.remote(f"f{size}")) == content, size)
            self.check(self.client(["get", f"f{size}", "--to", "back"]), 0, b"", b"")
            self.assertTrue(read_file(os.path.join(self.here, "back")) == content, size)

    @unittest.skipUnless(SCALE > 1, "3 GiB, with FARHAND_TEST_SCALE > 1 only")
    def test_a_file_of_3_gib_comes_back_byte_for_byte(self):
        digest = write_random_file(os.path.join(self.here, "big"), 3 << 30)
        self.check(self.client(["post", "big"], timeout=600))
        self.assertEqual(sha256_of(self.remote("big")), digest)
        os.unlink(os.path.join(self.here, "big"))
        self.check(self.client(["get", "big"], timeout=600))
        self.assertEqual(sha256_of(os.path.join(self.here, "big")), digest)

    def test_a_file_without_a_size_comes_whole(self):
        self.check(self.client(["post", "/proc/self/status", "--to", "status"]))
        self.assertTrue(read_file(self.remote("status")).startswith(b"Name:\trclient\n"))

    def test_a_file_replaces_the_one_before(self):
        self.place("file", b"older and longer\n")
        self.local("file", b"new\n")
        self.check(self.client(["post", "file"]))
        self.assertEqual(read_file(self.remote("file")), b"new\n")
        self.local("file", b"local, and to be replaced")
        self.check(self.client(["get", "file"]))
        self.assertEqual(read_file(self.local_path("file")), b"new\n")

    def local_path(self, name):
        return os.path.join(self.here, name)

    def test_an_open_reader_keeps_the_old_file(self):
        self.place("file", b"old\n")
        with open(self.remote("file"), "rb") as reader:
            self.check(self.client(["post", self.local("file", b"new\n")]))
            self.assertEqual(reader.read(), b"old\n")


class Names(FilesTest):
    def test_every_name_arrives_as_it_is(self):
        for number, name in enumerate(NAMES):
            content = b"%d\n" % number
            self.local(name, content)
            self.check(self.client(["post", "--", name]), 0, b"", b"")
            self.assertEqual(read_file(self.remote(name)), content, name)
            self.check(self.client(["get", "--to", "back", "--", name]), 0, b"", b"")
            self.assertEqual(read_file(os.path.join(self.here, "back")), content, name)
        self.assertEqual(sorted(os.listdir(os.fsencode(self.server.root))), sorted(NAMES))

    def test_names_without_a_dash_need_no_dashes(self):
        for name in NAMES:
            if name.startswith(b"-"):
                continue
            self.local(name, name)
            self.check(self.client(["post", name]), 0)
            self.assertEqual(read_file(self.remote(name)), name)

    def test_a_name_with_a_leading_dash_before_the_dashes_is_a_usage_error_that_helps(self):
        self.check_sentence(self.client(["post", "-x"]), 2, "-x", "--")

    def test_a_name_of_256_bytes_is_refused_with_a_sentence(self):
        self.local("file")
        self.check_sentence(self.client(["post", "file", "--to", "n" * 256]), 3)
        self.check_sentence(self.client(["get", "n" * 256, "--to", "here"]), 3)

    def test_to_a_directory_a_new_name_and_a_new_name_in_a_directory(self):
        self.local("file", b"x\n")
        os.makedirs(self.remote("dir/sub"))
        for to, expected in (("dir", "dir/file"), ("dir/sub/", "dir/sub/file"), ("new", "new"), ("dir/new", "dir/new"),
                             (".", "file"), ("./dir/./x", "dir/x"), ("dir/../y", "y"),
                             (os.path.realpath(self.server.root) + "/z", "z")):
            self.check(self.client(["post", "file", "--to", to]), 0, b"", b"")
            self.assertEqual(read_file(self.remote(expected)), b"x\n", to)

    def test_a_get_goes_to_a_directory_a_new_name_and_a_new_name_in_a_directory(self):
        self.place("d/file", b"x\n")
        os.makedirs(os.path.join(self.here, "dir/sub"))
        for to, expected in (("dir", "dir/file"), ("dir/sub/", "dir/sub/file"), ("new", "new"), ("dir/new", "dir/new"),
                             (".", "file"), (os.path.join(self.here, "absolute"), "absolute")):
            self.check(self.client(["get", "d/file", "--to", to]), 0, b"", b"")
            self.assertEqual(read_file(os.path.join(self.here, expected)), b"x\n", to)
        self.check(self.client(["get", os.path.realpath(self.server.root) + "/d/file", "--to", "abs"]))

    def test_a_missing_directory_is_refused_on_both_sides(self):
        self.local("file")
        self.place("there")
        before = snapshot(self.server.root)
        self.check_sentence(self.client(["post", "file", "--to", "missing/"]), 3, "missing")
        self.check_sentence(self.client(["post", "file", "--to", "missing/file"]), 3, "missing")
        self.check_sentence(self.client(["get", "there", "--to", "missing/"]), 4, "missing")
        self.check_sentence(self.client(["get", "there", "--to", "missing/file"]), 4, "missing")
        self.local("other")
        self.check_sentence(self.client(["post", "file", "other", "--to", "missing/"]), 1, "missing")
        self.assertEqual(snapshot(self.server.root), before)

    def test_several_files_go_at_once_and_one_failure_leaves_the_others(self):
        os.mkdir(self.remote("dir"))
        for name in ("a", "b", "c"):
            self.local(name, name.encode())
        self.check(self.client(["post", "a", "b", "c", "--to", "dir"]), 0, b"", b"")
        self.check_sentence(self.client(["post", "a", "missing", "c"]), 1, "missing")
        self.assertEqual(sorted(os.listdir(self.server.root)), ["a", "c", "dir"])
        self.check(self.client(["get", "dir/b", "dir/c", "a", "--to", "."]), 0, b"", b"")
        self.check_sentence(self.client(["get", "dir/a", "missing", "dir/b"]), 1, "missing")


class Attributes(FilesTest):
    TIME = 1_234_567_890_123_456_789

    def test_mode_and_time_go_along_and_dangerous_bits_do_not(self):
        for mode, expected in ((0o600, 0o600), (0o644, 0o644), (0o755, 0o755), (0o444, 0o444), (0o666, 0o644),
                               (0o777, 0o755), (0o4755, 0o755), (0o2755, 0o755), (0o1644, 0o644)):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(self.here, "file"))  # may be read-only
            path = self.local("file", b"x\n", mode)
            os.utime(path, ns=(self.TIME, self.TIME))
            for side, done in (("host", self.client(["post", "file", "--to", "there"])),
                               ("here", self.client(["get", "there", "--to", "back"],
                                                    preexec_fn=lambda: os.umask(0o022)))):
                self.check(done)
                status = os.stat(self.remote("there") if side == "host" else os.path.join(self.here, "back"))
                self.assertEqual(oct(stat.S_IMODE(status.st_mode)), oct(expected), f"{mode:o} {side}")
                self.assertEqual(status.st_mtime_ns, self.TIME)

    def test_a_get_keeps_to_the_users_umask_and_drops_set_id(self):
        self.place("tool", b"x\n", 0o6775)
        self.check(self.client(["get", "tool"], preexec_fn=lambda: os.umask(0o027)))
        self.assertEqual(oct(stat.S_IMODE(os.stat(os.path.join(self.here, "tool")).st_mode)), oct(0o750))

    def test_a_link_at_the_target_is_replaced_and_not_followed(self):
        victim = self.place("victim", b"untouched\n")
        for target in ("victim", "dangling"):
            os.symlink(target, self.remote("link"))
            self.check(self.client(["post", self.local("file", b"new\n"), "--to", "link"]), 0, b"", b"")
            self.assertTrue(stat.S_ISREG(os.lstat(self.remote("link")).st_mode), target)
            self.assertEqual(read_file(self.remote("link")), b"new\n")
            self.assertEqual(read_file(victim), b"untouched\n")
            os.unlink(self.remote("link"))
        self.assertFalse(os.path.lexists(self.remote("dangling")))

    def test_a_link_at_the_target_that_leads_out_is_refused_and_kept(self):
        for target in (os.path.join(self.server.outside, "victim"), "../outside/victim", self.server.outside, "../outside"):
            os.symlink(target, self.remote("link"))
            self.check_sentence(self.client(["post", self.local("file", b"new\n"), "--to", "link"]), 3, "link")
            self.assertEqual(os.readlink(self.remote("link")), os.fsencode(target))
            os.unlink(self.remote("link"))

    def test_a_link_at_the_local_target_is_replaced_and_not_followed(self):
        self.place("file", b"new\n")
        victim = self.local("victim", b"untouched\n")
        os.symlink("victim", os.path.join(self.here, "link"))
        self.check(self.client(["get", "file", "--to", "link"]), 0, b"", b"")
        self.assertEqual(read_file(victim), b"untouched\n")
        self.assertTrue(stat.S_ISREG(os.lstat(os.path.join(self.here, "link")).st_mode))

    def test_other_hard_links_of_the_old_file_keep_it(self):
        self.place("file", b"old\n")
        os.link(self.remote("file"), self.remote("other"))
        self.check(self.client(["post", self.local("file", b"new\n")]))
        self.assertEqual((read_file(self.remote("file")), read_file(self.remote("other"))), (b"new\n", b"old\n"))


class Failures(FilesTest):
    """The old file is whole after each, and the sentence names the right side."""

    def test_what_is_missing_is_told_by_its_side(self):
        self.check_sentence(self.client(["post", "missing"]), 4, "missing")
        self.check_sentence(self.client(["get", "missing"]), 3, "missing")
        self.assertEqual((os.listdir(self.here), os.listdir(self.server.root)), ([], []))

    def test_a_missing_remote_file_leaves_the_local_one(self):
        self.local("missing", b"mine\n")
        self.check_sentence(self.client(["get", "missing"]), 3)
        self.assertEqual(read_file(os.path.join(self.here, "missing")), b"mine\n")
        self.assertEqual(os.listdir(self.here), ["missing"])

    def test_a_directory_in_the_way_is_not_replaced(self):
        os.mkdir(self.remote("x"))
        self.local("x")
        self.check_sentence(self.client(["post", "x"]), 3, "directory")
        self.place("y")
        os.mkdir(os.path.join(self.here, "y"))
        self.check_sentence(self.client(["get", "y"]), 4, "directory")
        self.assertEqual((os.listdir(self.remote("x")), os.listdir(os.path.join(self.here, "y"))), ([], []))

    def special_files(self, directory):
        os.mkfifo(os.path.join(directory, "fifo"))
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(os.path.join(directory, "socket"))
        names = ["fifo", "socket"]
        if os.geteuid() == 0:
            try:
                os.mknod(os.path.join(directory, "device"), 0o666 | stat.S_IFCHR, os.makedev(1, 5))  # /dev/zero
                names.append("device")
            except OSError:
                pass
        return names

    def test_fifos_sockets_and_devices_never_block_and_are_never_replaced(self):
        self.place("file")
        self.local("file")
        for name in self.special_files(self.server.root):
            self.check_sentence(self.client(["get", name], timeout=20), 3)
            self.check_sentence(self.client(["post", "file", "--to", name], timeout=20), 3)
            self.assertFalse(stat.S_ISREG(os.lstat(self.remote(name)).st_mode))
        for name in self.special_files(self.here):
            self.check_sentence(self.client(["post", name], timeout=20), 4)
            self.check_sentence(self.client(["get", "file", "--to", name], timeout=20), 4)
            self.assertFalse(stat.S_ISREG(os.lstat(os.path.join(self.here, name)).st_mode))
        self.check_sentence(self.client(["post", "/dev/zero"], timeout=20), 4)

    def test_a_full_disk_on_the_host_keeps_the_old_file(self):
        mount = scratch()
        self.addCleanup(remove_tree, mount)
        with tmpfs(os.path.join(mount, "small"), "1m") as root, Server(root=root) as server:
            write_file(os.path.join(root, "file"), b"old\n")
            done = server.client(["post", self.local("file", random_bytes(5 * MIB))])
            check_sentence(self, done, 3, "free")
            self.assertEqual(os.listdir(root), ["file"])
            self.assertEqual(read_file(os.path.join(root, "file")), b"old\n")
            self.check(server.client(["post", self.local("file", random_bytes(MIB // 2, 1))]))
            # No size is known before: the disk fills while it is written.
            self.check(server.client(["exec", "head -c 450000 /dev/zero > filler"]))
            done = server.client(["post", "/proc/kallsyms", "--to", "grown"])
            check_sentence(self, done, 3)
            self.assertEqual(sorted(os.listdir(root)), ["file", "filler"])
            self.assertEqual(os.path.getsize(os.path.join(root, "file")), MIB // 2)
            assert_sane(server)

    def test_a_full_disk_here_keeps_the_old_file(self):
        self.place("file", random_bytes(5 * MIB))
        with tmpfs(os.path.join(self.here, "small"), "1m") as small:
            write_file(os.path.join(small, "file"), b"old\n")
            done = self.client(["get", "file", "--to", "small"])
            check_sentence(self, done, 4, "free")
            self.assertEqual(os.listdir(small), ["file"])
            self.assertEqual(read_file(os.path.join(small, "file")), b"old\n")

    def test_a_limit_on_file_sizes_fails_the_file_and_not_the_server(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (2 * MIB, 2 * MIB))
        with Server(limits=limit) as server:
            write_file(server.path("file"), b"old\n")
            done = server.client(["post", self.local("file", random_bytes(5 * MIB))])
            check_sentence(self, done, 3)
            self.assertEqual(read_file(server.path("file")), b"old\n")
            assert_sane(server)

    def test_a_limit_on_file_sizes_here_fails_the_file_with_a_sentence_and_leaves_no_part(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (2 * MIB, 2 * MIB))
        self.place("big", random_bytes(5 * MIB))
        done = self.client(["get", "big"], preexec_fn=limit)
        self.assertEqual(os.listdir(self.here), [])
        self.check_sentence(done, 4)

    def test_closed_standard_streams_are_no_trouble(self):
        self.local("file", b"x\n")
        for redirection in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
            for args, status in ((["post", "file"], 0), (["get", "file", "--to", "back"], 0), (["get", "missing"], 3)):
                done = subprocess.run(["sh", "-c", f'exec "$@" {redirection}', "sh", *self.server.client_command(args)],
                                      cwd=self.here, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE / 4)
                self.assertEqual(done.returncode, status, f"{args} {redirection}: {done.stderr!r}")
        self.assertEqual((read_file(self.remote("file")), read_file(os.path.join(self.here, "back"))), (b"x\n", b"x\n"))
        self.assertNotIn("protocol", self.server.log())  # no sentence of the client went down the connection

    @needs_root
    def test_what_the_user_may_not_do_is_refused_by_its_side(self):
        with Server(uid=NOBODY) as server:
            here = scratch(NOBODY)
            self.addCleanup(remove_tree, here)
            write_file(os.path.join(here, "file"), b"x\n", 0o644, NOBODY)
            write_file(server.path("private"), b"x\n", 0o600, 0)
            write_file(server.path("public"), b"x\n", 0o644, NOBODY)
            write_file(os.path.join(here, "mine-not"), b"x\n", 0o600, 0)
            check_sentence(self, server.client(["get", "private"], cwd=here), 3, "private")
            check_sentence(self, server.client(["post", "mine-not"], cwd=here), 4, "mine-not")
            os.mkdir(os.path.join(here, "locked"), 0o755)
            check_sentence(self, server.client(["get", "public", "--to", "locked"], cwd=here), 4)
            os.mkdir(server.path("locked"), 0o755)
            check_sentence(self, server.client(["post", "file", "--to", "locked"], cwd=here), 3)
            self.check(server.client(["post", "file"], cwd=here))
            os.chown(server.root, 0, 0)
            os.chmod(server.root, 0o555)
            check_sentence(self, server.client(["post", "file"], cwd=here), 3, "file")
            self.assertEqual(read_file(server.path("file")), b"x\n")
            assert_sane(server)

    def test_one_megabyte_into_a_directory_that_may_be_written_and_not_read(self):
        if os.geteuid() != 0:
            self.skipTest("takes root")
        with Server(uid=NOBODY) as server:
            os.mkdir(server.path("inbox"))
            os.chmod(server.path("inbox"), 0o733)
            here = scratch(NOBODY)
            self.addCleanup(remove_tree, here)
            content = random_bytes(MIB)
            write_file(os.path.join(here, "file"), content, 0o644)
            self.check(server.client(["post", "file", "--to", "inbox/file"], cwd=here))
            self.assertEqual(read_file(server.path("inbox/file")), content)


class Confinement(FilesTest):
    def ways_out(self):
        """Names that lead out of the root to outside/NAME, and their spelling."""
        outside = self.server.outside
        os.makedirs(self.remote("sub/deep"))
        os.symlink("../outside", self.remote("relative"))
        os.symlink(outside, self.remote("absolute"))
        os.symlink("../../../outside", self.remote("sub/deep/far"))
        os.symlink("relative", self.remote("chain"))
        os.symlink("/", self.remote("slash"))
        os.symlink("/proc/self/root", self.remote("magic"))
        os.symlink(f"/proc/{self.server.pid}/cwd/../outside", self.remote("procfs"))
        return ["../outside/", "sub/../../outside/", "./../outside/", outside + "/", "relative/", "absolute/", "sub/deep/far/",
                "chain/", f"slash{outside}/", f"magic{outside}/", "procfs/", self.server.root + "/../outside/",
                "sub/deep/../../../outside/"]

    def test_no_post_leaves_the_root(self):
        self.local("file", b"evil\n")
        for way in self.ways_out():
            for leaf in ("victim", "new", "directory/inner", "directory/", "directory"):
                done = self.client(["post", "file", "--to", way + leaf])
                self.check_sentence(done, 3)
        for way in ("../new", os.path.dirname(self.server.root) + "/new", self.server.root + "-beside", "/new-in-the-root",
                    "..", "../", "../.."):
            self.check_sentence(self.client(["post", "file", "--to", way]), 3)
        self.assertEqual(snapshot(self.server.outside), self.server.tripwires)
        self.assertFalse(os.path.exists("/new-in-the-root"))
        self.assertEqual(sorted(os.listdir(self.server.scratch)), ["home", "log", "outside", "root", "run"])

    def test_no_get_leaves_the_root(self):
        for way in self.ways_out():
            for leaf in ("secret", "directory/inner", "missing", "directory"):
                self.check_sentence(self.client(["get", way + leaf, "--to", "got"]), 3)
        os.symlink("../outside/secret", self.remote("file-link"))
        os.symlink(os.path.join(self.server.outside, "secret"), self.remote("absolute-file-link"))
        for name in ("file-link", "absolute-file-link", "/etc/passwd", "../../../../../etc/passwd"):
            self.check_sentence(self.client(["get", name, "--to", "got"]), 3)
        self.assertEqual(os.listdir(self.here), [])

    def test_the_honest_twins_stay_inside_and_work(self):
        os.makedirs(self.remote("sub/deep"))
        os.symlink("sub/deep", self.remote("inner"))
        os.symlink("../..", self.remote("sub/deep/up"))
        self.local("file", b"x\n")
        for way, real in (("inner/a", "sub/deep/a"), ("sub/deep/up/b", "b"), ("sub/../c", "c"),
                          ("inner/up/sub/d", "sub/d"), ("inner", "sub/deep/file")):
            self.check(self.client(["post", "file", "--to", way]), 0, b"", b"")
            self.assertEqual(read_file(self.remote(real)), b"x\n", way)
        self.check(self.client(["get", "inner/up/sub/d", "--to", "got"]), 0, b"", b"")
        os.symlink("sub/d", self.remote("file-link"))
        self.check(self.client(["get", "file-link"]), 0, b"", b"")
        self.assertEqual(read_file(os.path.join(self.here, "file-link")), b"x\n")


class Moving(FilesTest):
    """What changes, ends or competes while a file is under way."""

    def start_held_post(self, path):
        """A post that is half-way and goes no further until the server is continued."""
        for _ in range(10):
            client = self.midway(lambda: self.server.start_client(["post", path]), self.server.root)
            os.kill(self.server.pid, signal.SIGSTOP)
            if client.poll() is None and sum(map(size_or_zero, part_files(self.server.root))) < os.path.getsize(path) // 2:
                self.addCleanup(os.kill, self.server.pid, signal.SIGCONT)
                self.addCleanup(client.communicate)
                self.addCleanup(client.kill)
                return client
            os.kill(self.server.pid, signal.SIGCONT)
            client.communicate(timeout=PATIENCE)
            os.unlink(self.remote(os.path.basename(path)))
        self.fail("no post was ever seen half-way")

    def test_a_source_that_changes_while_it_is_posted_is_not_stored(self):
        def shrink(path):
            os.truncate(path, 3 * MIB)

        def grow(path):
            with open(path, "ab") as file:
                file.write(b"more")

        def rewrite(path):
            with open(path, "r+b") as file:
                file.seek(255 * MIB)
                file.write(b"x" * 100)

        for change in (shrink, grow, rewrite):
            with self.subTest(change.__name__):
                path = os.path.join(self.here, "changing")
                self.large(path)
                self.place("changing", b"old\n")
                client = self.start_held_post(path)
                change(path)
                os.kill(self.server.pid, signal.SIGCONT)
                _, errors = client.communicate(timeout=PATIENCE)
                done = subprocess.CompletedProcess([], client.returncode, b"", errors)
                self.check_sentence(done, 4, "changed")
                self.assertEqual(read_file(self.remote("changing")), b"old\n")
                self.assertFalse(part_files(self.server.root))

    def test_a_source_that_holds_still_is_stored_however_slow_the_server(self):
        path = os.path.join(self.here, "still")
        digest = write_random_file(path, 256 * MIB)
        client = self.start_held_post(path)
        os.kill(self.server.pid, signal.SIGCONT)
        _, errors = client.communicate(timeout=PATIENCE)
        self.assertEqual((client.returncode, errors), (0, b""))
        self.assertEqual(sha256_of(self.remote("still")), digest)

    def midway(self, start, where, tries=10):
        """Starts a transfer and returns its client while it is half-way: its part file under `where` has bytes."""
        for _ in range(tries):
            client = start()
            while client.poll() is None:
                sizes = [size_or_zero(path) for path in part_files(where)]
                if any(size > 0 for size in sizes):
                    return client
            client.communicate()
        self.fail("no transfer was ever seen half-way")

    def end_midway(self, verb, number, where):
        """Status of a client that got this signal half-way."""
        # Held by the other side, so that it cannot be through before the signal comes.
        while True:
            client = self.midway(lambda: self.server.start_client([verb, self.names[verb]], cwd=self.here), where)
            if verb == "get":
                os.kill(self.server.pid, signal.SIGSTOP)
            client.send_signal(number)
            try:
                _, errors = client.communicate(timeout=PATIENCE)
            finally:
                os.kill(self.server.pid, signal.SIGCONT)
            if client.returncode != 0:
                return subprocess.CompletedProcess([], client.returncode, b"", errors)
            write_file(os.path.join(where, "big"), b"old\n")  # it was faster; once more

    names = {"post": "big", "get": "big"}

    def goes_on(self, verb, where):
        """What is left of an interrupted transfer: the old file, and at most a hidden part, which the same command finishes."""
        self.assertEqual(read_file(os.path.join(where, "big")), b"old\n")
        parts = part_files(where)
        self.assertEqual(sorted(os.listdir(where)), sorted(["big", *(os.fsdecode(os.path.basename(part)) for part in parts)]))
        self.assertEqual(len(parts), 1)
        self.assertEqual(oct(stat.S_IMODE(os.stat(parts[0]).st_mode)), oct(0o600))
        kept = os.path.getsize(parts[0])
        done = self.check(self.client(["--json", verb, "big"]))
        self.assertLessEqual(json.loads(done.stdout)["job"]["bytes"], 256 * MIB - kept)
        self.assertEqual(os.listdir(where), ["big"])
        self.assertEqual(sha256_of(os.path.join(self.here, "big")), sha256_of(self.remote("big")))

    def test_an_interrupted_get_leaves_the_old_file_and_goes_on_with_the_same_command(self):
        self.large(self.remote("big"))
        for number in (signal.SIGINT, signal.SIGTERM):
            self.local("big", b"old\n")
            done = self.end_midway("get", number, self.here)
            self.check_sentence(done, 130, "the same command goes on")
            self.goes_on("get", self.here)

    def test_an_interrupted_post_leaves_the_old_file_and_goes_on_with_the_same_command(self):
        self.large(os.path.join(self.here, "big"))
        self.place("big", b"old\n")
        self.check_sentence(self.end_midway("post", signal.SIGINT, self.server.root), 130, "the same command goes on")
        self.let_go()
        self.goes_on("post", self.server.root)

    def test_a_client_killed_in_a_post_leaves_the_old_file_and_goes_on_with_the_same_command(self):
        self.large(os.path.join(self.here, "big"))
        self.place("big", b"old\n")
        self.assertEqual(self.end_midway("post", signal.SIGKILL, self.server.root).returncode, -signal.SIGKILL)
        self.let_go()
        self.goes_on("post", self.server.root)

    def let_go(self):
        """Until the server has done with what its client left half-sent: nobody holds the part any more."""
        wait_until(lambda: not any("/.farhand-part-" in name for name in self.server_files()), "the part file is left", 15)

    def server_files(self):
        for fd in os.listdir(f"/proc/{self.server.pid}/fd"):
            with contextlib.suppress(OSError):
                yield os.readlink(f"/proc/{self.server.pid}/fd/{fd}")

    def test_an_interrupted_small_file_leaves_nothing(self):
        """The twin: what is as soon sent again is not kept."""
        self.place("big", b"old\n")
        path = self.local("big", random_bytes(200 << 10))
        with greeted(self.server) as peer:
            content = read_file(path)
            peer.send(push("") + entries(entry("big", size=len(content))))
            peer.expect("verdicts")
            peer.send(part(content[:100 << 10]))
            wait_until(lambda: part_files(self.server.root), "some of it is there")
        wait_until(lambda: not part_files(self.server.root), "the part file is gone", 5)
        self.assertEqual(read_file(self.remote("big")), b"old\n")

    def test_a_source_that_changes_while_it_is_got_is_not_stored(self):
        self.large(self.remote("big"))
        self.local("big", b"old\n")
        for _ in range(10):
            client = self.midway(lambda: self.server.start_client(["get", "big"], cwd=self.here), self.here)
            with open(self.remote("big"), "ab") as file:
                file.write(b"more")
            _, errors = client.communicate(timeout=PATIENCE)
            if client.returncode != 0:
                break
            self.local("big", b"old\n")  # it had been read to its end already; once more
        self.check_sentence(subprocess.CompletedProcess([], client.returncode, b"", errors), 3, "changed")
        self.assertEqual(read_file(os.path.join(self.here, "big")), b"old\n")
        self.assertEqual(os.listdir(self.here), ["big"])

    def test_an_upload_is_hidden_and_private_until_it_is_whole(self):
        self.large(os.path.join(self.here, "big"))
        for _ in range(10):
            client, seen_part = self.server.start_client(["post", "big"], cwd=self.here), False
            while client.poll() is None:
                for entry in os.scandir(self.server.root):
                    try:
                        status = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue
                    if entry.name == "big":
                        self.assertEqual(status.st_size, 256 * MIB, "seen under its name before it was whole")
                    else:
                        self.assertTrue(entry.name.startswith(".farhand-part-"), entry.name)
                        # At the very end it takes on the mode of the whole file, just before its name.
                        self.assertTrue(stat.S_IMODE(status.st_mode) == 0o600 or status.st_size == 256 * MIB)
                        seen_part = seen_part or status.st_size > 0
            self.assertEqual((client.returncode, client.communicate()[1]), (0, b""))
            if seen_part:
                return
            os.unlink(self.remote("big"))
        self.fail("no part file was ever seen")

    def test_16_clients_that_post_the_same_name_leave_one_whole_file(self):
        contents = []
        for number in range(16):
            os.mkdir(os.path.join(self.here, str(number)))
            contents.append(random_bytes(MIB + number, number))
            self.local(f"{number}/same", contents[-1])
        jobs = [lambda number=number: self.client(["post", f"{number}/same"]) for number in range(16)]
        for done in in_parallel(jobs, 16):
            self.check(done, 0, b"", b"")
        self.assertIn(read_file(self.remote("same")), contents)
        self.assertEqual(os.listdir(self.server.root), ["same"])


class ForPrograms(FilesTest):
    def test_json_of_post_and_get(self):
        self.local("a", b"abc")
        done = self.check(self.client(["--json", "post", "a", "missing"]), 1)
        outcome = json.loads(done.stdout)
        self.assertEqual((outcome["status"], outcome["error"]), (1, None))
        good, bad = outcome["files"]
        self.assertEqual((good["name"], good["bytes"], good["path"], good["error"]), ("a", 3, "a", None))
        self.assertRegex(good["xxh3_128"], "^[0-9a-f]{32}$")
        self.assertEqual((bad["name"], bad["error"]["code"], bad["error"]["from"]), ("missing", "not_found", "client"))
        again = json.loads(self.check(self.client(["get", "--json", "a", "--to", "b"]), 0).stdout)
        self.assertEqual(again["files"][0]["xxh3_128"], good["xxh3_128"])
        missing = json.loads(self.check(self.client(["--json", "get", "missing"]), 3).stdout)
        self.assertEqual(missing["files"][0]["error"]["from"], "server")

    def test_json_has_names_that_are_not_utf8_in_base64(self):
        self.local(b"\xff", b"")
        done = self.check(self.client(["--json", "post", b"\xff"]), 0)
        self.assertEqual(json.loads(done.stdout)["files"][0]["name_base64"], "/w==")

    def test_json_of_no_connection_and_of_usage(self):
        for args, status, code in ((["--json", "post", "a"], 7, "cannot_connect"), (["--json", "post"], 2, "usage")):
            outcome = json.loads(self.check(rclient(args, host="unix:/nonexistent"), status).stdout)
            self.assertEqual((outcome["status"], outcome["error"]["code"]), (status, code))


# LeakSanitizer cannot look at a process that is traced, and would end it for that.
NO_LEAK_CHECK = ["-E", "ASAN_OPTIONS=detect_leaks=0"]


@unittest.skipUnless(shutil.which("strace") and os.geteuid() == 0, "takes strace and root")
class Durability(FilesTest):
    CALLS = "trace=fsync,fdatasync,syncfs,rename,renameat,renameat2,sendto,sendmsg,write,writev"

    def order(self, trace, *patterns):
        """The patterns are found in this order, each in a line after the one before."""
        lines, at = trace.splitlines(), 0
        for pattern in patterns:
            while at < len(lines) and not re.search(pattern, lines[at]):
                at += 1
            self.assertLess(at, len(lines), f"{pattern} does not follow in:\n{trace}")
            at += 1

    def test_a_post_is_on_the_disk_before_it_is_acknowledged(self):
        trace_path = os.path.join(self.here, "trace")
        tracer = subprocess.Popen(["strace", "-f", "-y", "-e", self.CALLS, "-o", trace_path, "-p", str(self.server.pid)],
                                  stderr=subprocess.DEVNULL)
        self.addCleanup(tracer.wait)
        self.addCleanup(tracer.terminate)
        wait_until(lambda: b"TracerPid:\t0" not in read_file(f"/proc/{self.server.pid}/status"), "strace watches")
        self.check(self.client(["post", self.local("file", random_bytes(3 * MIB)), "--to", "durable"]))
        tracer.terminate()
        tracer.wait(timeout=PATIENCE)
        trace = read_file(trace_path).decode("utf-8", "replace")
        root = re.escape(os.path.realpath(self.server.root))
        self.order(trace, rf"fsync\(\d+<{root}/\.farhand-part-", r"rename.*\.farhand-part-.*durable",
                   rf"fsync\(\d+<{root}>", r"(send|write).*stored\|")

    def test_a_get_is_on_the_disk_before_it_is_reported(self):
        self.place("file", random_bytes(3 * MIB))
        trace_path = os.path.join(self.here, "trace")
        done = subprocess.run(["strace", "-f", "-y", *NO_LEAK_CHECK, "-e", self.CALLS, "-o", trace_path,
                               *self.server.client_command(["get", "file", "--to", "durable"])], cwd=self.here,
                              stdin=subprocess.DEVNULL, timeout=PATIENCE)
        self.assertEqual(done.returncode, 0)
        here = re.escape(os.path.realpath(self.here))
        self.order(read_file(trace_path).decode("utf-8", "replace"), rf"fsync\(\d+<{here}/\.farhand-part-",
                   r"rename.*\.farhand-part-.*durable", rf"fsync\(\d+<{here}>")


def size_or_zero(path):
    try:
        return os.path.getsize(path)
    except OSError:
        return 0


if __name__ == "__main__":
    main()
