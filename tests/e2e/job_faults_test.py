"""What the world does to a job of files: calls that fail or are the last, full disks, links that are cut or flip bits, parts
that are damaged, sources that move. Under a final name there is always a whole file, and the same again finishes it."""
import contextlib
import itertools
import os
import shutil
import socket
import stat
import subprocess
import unittest

from frame_relay import DOWN, UP, Cut, FrameRelay
from harness import (NOBODY, PATIENCE, SCALE, Server, ServerTest, assert_sane, client_command, environment, in_parallel, main,
                     needs_root, part_files, random_bytes, rclient, read_file, remove_tree, scratch, tmpfs, wait_until, write_file)
from hostile import BYE, MIB, Peer, Proxy, hello, xxh3_128
from job_frames import BYTES, WHOLE, await_kind, close, entries, file, finish, part, play, pull, push, verdict, verdicts
from job_support import OLD, TREE, part_name

LARGE = 300_000   # more than what has a part that is found again begins with
NAMES = ("a", "b", "d/c", "d/large", "new")
WHEN = 1_500_000_000


def strace_works():
    if not shutil.which("strace") or os.geteuid() != 0:
        return False
    return subprocess.run(["strace", "-qq", "-o", "/dev/null", "-e", "trace=fsync", "-e", "inject=fsync:delay_enter=1", "true"],
                          stderr=subprocess.DEVNULL, check=False, timeout=PATIENCE).returncode == 0


def version(number, name):
    return random_bytes(LARGE if name.endswith("large") else 1000 + number, number * 100 + NAMES.index(name))


def make_version(top, number):
    """The first has no `new`; links and times are of a version too."""
    os.makedirs(os.path.join(top, "d"), exist_ok=True)
    for name in NAMES[:None if number else -1]:
        path = write_file(os.path.join(top, name), version(number, name))
        os.utime(path, (WHEN + number, WHEN + number))
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(top, "l"))
    os.symlink(f"target-{number}", os.path.join(top, "l"))
    return top


class VersionsTest(unittest.TestCase):
    def check_whole(self, top):
        """Each file is whole of one of the two versions."""
        for name in NAMES:
            path = os.path.join(top, name)
            if os.path.lexists(path):
                self.assertIn(read_file(path), (version(0, name), version(1, name)), path)
        self.assertIn(os.readlink(os.path.join(top, "l")), ("target-0", "target-1"))

    def is_new(self, top):
        return (os.readlink(os.path.join(top, "l")) == "target-1" and
                all(os.path.exists(os.path.join(top, name)) and read_file(os.path.join(top, name)) == version(1, name) and
                    os.stat(os.path.join(top, name)).st_mtime == WHEN + 1 for name in NAMES))

    def check_after(self, top, ran, again, what):
        """Success only if it is all there; and the same again makes it so."""
        self.check_whole(top)
        if ran.returncode == 0:
            self.assertTrue(self.is_new(top), what)
        elif ran.returncode > 0:
            self.assertNotEqual(ran.stderr, b"", what)
        ran = again()
        self.assertEqual((ran.returncode, ran.stderr), (0, b""), what)
        self.assertTrue(self.is_new(top), what)


CALLS = ("openat", "mkdirat", "pwrite64", "ftruncate", "fchmod", "utimensat", "fsync", "syncfs", "renameat,renameat2", "symlinkat",
         "flock", "newfstatat", "fstat", "read", "pread64", "unlinkat", "getdents64", "openat2") + (
             ("sendto,sendmsg",) if SCALE > 1 else ())   # the other side waits for what does not come


@unittest.skipUnless(strace_works(), "strace with injection is missing")
class Calls(VersionsTest):
    """The k-th call of a kind is the last of the process (CC-01, CC-02) or fails (FS-11, FS-12): a dozen of each kind with
    FARHAND_TEST_SCALE > 1, else two."""

    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.cleanup)
        self.here = scratch()
        self.addCleanup(remove_tree, self.here)
        self.numbers = itertools.count()

    def counts(self):
        return range(1, 13) if SCALE > 1 else (1, 3)

    def sweep_client(self, *faults):
        """`get` of the new version over the old one."""
        make_version(self.server.path("tree"), 1)

        def one(calls, fault):
            for k in self.counts():
                place = os.path.join(self.here, str(next(self.numbers)))
                top = make_version(os.path.join(place, "tree"), 0)
                log = os.path.join(place, "log")
                ran = subprocess.run(["strace", "-f", "-qq", "-o", log, "-e", "trace=" + calls, "-e", f"inject={calls}:{fault}:when={k}",
                                      *client_command(["get", "tree"], self.server.host)], cwd=place, env=environment(),
                                     stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE)
                met = b"INJECTED" in read_file(log)
                again = lambda: rclient(["get", "tree"], self.server.host, cwd=place)   # noqa: E731
                self.check_after(top, ran, again, f"{calls}, {fault}, the {k}th: {ran.returncode} {ran.stderr!r}")
                shutil.rmtree(place)
                if not met:
                    return k > 1
            return True
        met = in_parallel([lambda calls=calls, fault=fault: one(calls, fault) for calls in CALLS for fault in faults], 2)
        self.assertGreater(sum(met), len(met) // 2)

    def test_a_call_of_the_clients_fails_in_a_get(self):
        self.sweep_client("error=EIO", *(["error=EDQUOT", "error=EROFS", "error=EACCES", "error=EINTR"] if SCALE > 1 else []))

    @contextlib.contextmanager
    def traced(self, log, calls, fault):
        """The server with a fault in these calls while the block runs."""
        tracer = subprocess.Popen(["strace", "-f", "-qq", "-o", log, "-e", "trace=" + calls, "-e", f"inject={calls}:{fault}", "-p",
                                   str(self.server.pid)], stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: b"TracerPid:\t0" not in read_file(f"/proc/{self.server.pid}/status"), "strace watches", every=0.002)
            yield
        finally:
            tracer.terminate()
            try:
                tracer.wait(1)
            except subprocess.TimeoutExpired:   # it waits for a thread of a process that was killed
                tracer.kill()
                tracer.wait(PATIENCE)

    def sweep_server(self, *faults):
        """`post` of the new version over the old one."""
        source = make_version(os.path.join(self.here, "tree"), 1)
        top = self.server.path("tree")
        met = 0
        for calls, fault in itertools.product(CALLS, faults):
            for k in range(1, 6) if SCALE > 1 else (2,):
                shutil.rmtree(top, ignore_errors=True)
                make_version(top, 0)
                log = os.path.join(self.here, "log")
                with self.traced(log, calls, f"{fault}:when={k}"):
                    ran = rclient(["post", source], self.server.host, cwd=self.here)
                met += b"INJECTED" in read_file(log)
                again = lambda: rclient(["post", source], self.server.host, cwd=self.here)   # noqa: E731
                self.check_after(top, ran, again, f"{calls}, {fault}, the {k}th: {ran.returncode} {ran.stderr!r}")
                if b"INJECTED" not in read_file(log):
                    break
        self.assertGreater(met, len(CALLS) // 2)

    @unittest.skipUnless(SCALE > 1, "takes long: a call that fails can leave a session to its deadline; with FARHAND_TEST_SCALE=2")
    def test_a_call_of_the_servers_fails_in_a_post(self):
        self.sweep_server("error=EIO")

    def test_a_sync_that_fails_is_never_a_success(self):
        """All of them: syncfs or fsync, whatever it takes."""
        source = make_version(os.path.join(self.here, "tree"), 1)
        make_version(self.server.path("tree"), 0)
        with self.traced("/dev/null", "fsync,fdatasync,syncfs,sync", "error=EIO"):
            for _ in range(2):   # nor when it is tried again
                ran = rclient(["post", source], self.server.host, cwd=self.here)
                self.assertIn(ran.returncode, (1, 3), ran.stderr)
        ran = rclient(["post", source], self.server.host, cwd=self.here)
        self.assertEqual((ran.returncode, ran.stderr), (0, b""))
        self.assertTrue(self.is_new(self.server.path("tree")))


class OnTheWay(VersionsTest):
    """NW-01, NW-05, NW-04: the link."""

    def setUp(self):
        self.server = Server("--insecure", listen=["127.0.0.1:0"], uid=NOBODY if os.geteuid() == 0 else None)
        self.addCleanup(self.server.cleanup)
        self.here = scratch(self.server.uid)
        self.addCleanup(remove_tree, self.here)

    def places(self, verb, index):
        """(where the client is, the target there or on the server, the words)."""
        place = os.path.join(self.here, f"{verb}{index}")
        make_version(os.path.join(place if verb == "post" else self.server.path(f"{verb}{index}"), "tree"), 1)
        if verb == "post":
            top = make_version(self.server.path(f"{verb}{index}", "tree"), 0)
            args = ["post", "tree", "--to", f"{verb}{index}/"]
        else:
            os.makedirs(place)
            top = make_version(os.path.join(place, "tree"), 0)
            args = ["get", f"{verb}{index}/tree"]
        if os.geteuid() == 0:
            subprocess.run(["chown", "-Rh", f"{self.server.uid}:{self.server.uid}", place, self.server.path(f"{verb}{index}")],
                           check=True)
        return place, top, args

    def cut_at(self, verb, index, cut):
        place, top, args = self.places(verb, index)
        with FrameRelay(self.server, cut) as relay:
            ran = rclient(args, relay.host, uid=self.server.uid, cwd=place)
        if relay.cut_at is not None and "finish" not in relay.passed[DOWN]:
            self.assertIn(ran.returncode, (7, 8), (cut, ran.stderr))
        self.check_after(top, ran, lambda: self.server.client(args, cwd=place), (verb, cut, ran.stderr))
        return relay

    def test_cut_behind_and_in_every_frame(self):
        """A third of them, but with FARHAND_TEST_SCALE > 1."""
        jobs, numbers = [], itertools.count()
        for verb in ("post", "get"):
            relay = self.cut_at(verb, next(numbers), None)
            for kind in ("entries", "verdicts", "part", "close", "stored", "finish"):
                self.assertIn(kind, relay.passed[UP] + relay.passed[DOWN])
            edges = [(way, index, where) for way in (UP, DOWN) for index in range(-1, len(relay.passed[way]))
                     for where in ("after", "middle") if where == "after" or index >= 0]
            for number, edge in enumerate(edges if SCALE > 1 else edges[::3]):
                for how in ("fin", "rst") if SCALE > 1 else (("fin", "rst")[number % 2],):
                    jobs.append(lambda verb=verb, cut=Cut(*edge, how): self.cut_at(verb, next(numbers), cut))
        in_parallel(jobs, 4)
        assert_sane(self.server)

    def test_flipped_bits_never_get_a_name(self):
        """Without TLS a flipped bit may change what a thing is called; the hash covers every byte of its content."""
        known = {version(number, name) for number in (0, 1) for name in NAMES}
        base = scratch()
        self.addCleanup(remove_tree, base)
        with Server() as server:
            self.server = server
            with Proxy(server.host, base) as proxy:
                for verb in ("post", "get"):
                    place, top, args = self.places(verb, "count")
                    proxy.plan()
                    self.assertEqual(rclient(args, proxy.host, uid=server.uid, cwd=place).returncode, 0)
                    for up in (True, False):
                        total = proxy.counts[up]
                        step = max(1, total // (8 * SCALE))
                        for index, offset in enumerate([*range(0, min(total, 400), 61), *range(400, total, step)]):
                            place, top, args = self.places(verb, f"{up}-{index}")
                            proxy.plan("flip", up, offset)
                            ran = rclient(args, proxy.host, uid=server.uid, cwd=place)
                            for where, _, names in os.walk(os.fsencode(os.path.dirname(top))):
                                for name in names:
                                    path = os.path.join(where, name)
                                    if stat.S_ISREG(os.lstat(path).st_mode) and not name.startswith(b".farhand-part-"):
                                        self.assertIn(read_file(path), known, (verb, up, offset, path, ran))
            for path in part_files(server.root):
                os.unlink(path)

    @needs_root
    @unittest.skipUnless(shutil.which("ss"), "ss kills sockets")
    def test_killed_sockets_are_told_and_the_same_again_finishes(self):
        """NW-04: in the middle of large files, both ways, all at once."""
        content = random_bytes(32 * MIB, 7)
        for number in range(4):
            for top in (self.server.path(f"g{number}"), os.path.join(self.here, f"p{number}")):
                os.mkdir(top)
                write_file(os.path.join(top, "large"), content)
        subprocess.run(["chown", "-R", f"{self.server.uid}:{self.server.uid}", self.here, self.server.root], check=True)
        words = [[verb, f"{verb[0]}{number}"] for verb in ("get", "post") for number in range(4)]
        clients = [self.server.start_client(args, cwd=self.here) for args in words]
        try:
            wait_until(lambda: len(part_files(self.server.root)) >= 2 and len(part_files(self.here)) >= 2, "files are under way", every=0.002)
            port = self.server.host.rpartition(":")[2]
            killed = subprocess.run(["ss", "-K", "dst", "127.0.0.1", "dport", "=", ":" + port], capture_output=True, timeout=PATIENCE)
            self.assertEqual(killed.returncode, 0, killed.stderr)
            statuses = [client.wait(PATIENCE) for client in clients]
        finally:
            for client in clients:
                if client.poll() is None:
                    client.kill()
                client.communicate()
        self.assertLessEqual(set(statuses), {0, 8})
        self.assertIn(8, statuses)
        for args, status in zip(words, statuses):
            path = os.path.join(self.here if args[0] == "get" else self.server.root, args[1], "large")
            self.assertTrue(status == 8 or os.path.exists(path))
            if os.path.exists(path):
                self.assertEqual(read_file(path), content)
            ran = self.server.client(args, cwd=self.here)
            self.assertEqual((ran.returncode, ran.stderr), (0, b""))
            self.assertEqual(read_file(path), content)
        assert_sane(self.server)


class Parts(ServerTest):
    """CC-05, CC-06: what an earlier transfer has left, or somebody put there, is the beginning of the file or is not used."""

    def test_parts_that_are_damaged_or_another_files(self):
        content = random_bytes(MIB, 1)
        flipped = bytearray(content[:MIB // 2])
        flipped[1000] ^= 1
        for name, left in (("true", content[:MIB // 2]), ("flipped", bytes(flipped)), ("longer", content + b"more"), ("other", random_bytes(MIB, 2)),
                           ("zeros", bytes(MIB // 2)), ("whole", content), ("empty", b""), ("all-but-one", content[:-1])):
            for verb in ("post", "get"):
                source, target = (self.here, self.server.root) if verb == "post" else (self.server.root, self.here)
                with self.subTest(name=name, verb=verb):
                    tree = f"{name}-{verb}"
                    for top in (source, target):
                        os.makedirs(os.path.join(top, tree))
                    write_file(os.path.join(source, tree, "f"), content)
                    write_file(os.path.join(target, tree, part_name("f")), left, 0o600)
                    self.check(self.client([verb, tree]), 0, b"", b"")
                    self.assertEqual(read_file(os.path.join(target, tree, "f")), content)
                    self.assertEqual(part_files(os.path.join(target, tree)), [])

    def test_a_source_that_changed_under_the_same_size_is_not_spliced(self):
        """CC-05: the same length, the same time, another beginning."""
        one, other = random_bytes(MIB, 1), random_bytes(MIB, 2)
        for verb in ("post", "get"):
            source, target = (self.here, self.server.root) if verb == "post" else (self.server.root, self.here)
            for top in (source, target):
                os.makedirs(os.path.join(top, "changed-" + verb))
            write_file(os.path.join(target, "changed-" + verb, part_name("f")), one[:MIB // 2], 0o600)
            path = write_file(os.path.join(source, "changed-" + verb, "f"), one[:10] + other[10:])
            os.utime(path, (WHEN, WHEN))
            self.check(self.client([verb, "changed-" + verb]), 0, b"", b"")
            self.assertEqual(read_file(os.path.join(target, "changed-" + verb, "f")), one[:10] + other[10:])

    def test_a_part_is_private_until_it_has_its_name(self):
        """FS-09: whatever mode is announced."""
        content = random_bytes(MIB, 3)
        with Peer.of(self.server) as peer:
            play(peer, (hello(), "hello", push(), entries(TREE, file("tree/f", content, mode=0o6777)), 2, part(content[:MIB // 2])))
            wait_until(lambda: part_files(self.server.root), "it has a part")
            for _ in range(20):
                for path in part_files(self.server.root):
                    self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
            play(peer, (part(content[MIB // 2:], MIB // 2) + close(content, mode=0o6777) + finish(), "finish", BYE))
        self.assertEqual(stat.S_IMODE(os.stat(self.server.path("tree/f")).st_mode) & 0o7022, 0)


class InTheWay(ServerTest):
    """FS-07, FS-10, FS-13."""

    def test_pipes_sockets_devices_and_links_in_the_way(self):
        for verb in ("post", "get"):
            source, target = (self.here, self.server.root) if verb == "post" else (self.server.root, self.here)
            names = ("dangling", "directory", "fine", "pipe", "socket")
            for top in (source, target):
                os.makedirs(os.path.join(top, "w-" + verb))
            for name in names:
                write_file(os.path.join(source, "w-" + verb, name), BYTES)
            place = os.path.join(target, "w-" + verb)
            os.mkfifo(os.path.join(place, "pipe"))
            os.mkdir(os.path.join(place, "directory"))
            os.symlink("nowhere", os.path.join(place, "dangling"))
            listener = socket.socket(socket.AF_UNIX)
            self.addCleanup(listener.close)
            listener.bind(os.path.join(place, "socket"))
            ran = self.client([verb, "w-" + verb], timeout=20)
            self.check(ran, 1)
            self.assertEqual(ran.stderr.count(b"\n"), 3, ran.stderr)
            for name, kind in zip(names, (stat.S_IFREG, stat.S_IFDIR, stat.S_IFREG, stat.S_IFIFO, stat.S_IFSOCK)):
                self.assertEqual(stat.S_IFMT(os.lstat(os.path.join(place, name)).st_mode), kind, name)
            self.assertFalse(os.path.exists(os.path.join(place, "nowhere")))

    def test_a_full_disk_keeps_the_old_file_and_the_rest_comes(self):
        mount = scratch()
        self.addCleanup(remove_tree, mount)
        os.makedirs(os.path.join(self.here, "tree"))
        for name, size in (("a", 1000), ("large", 5 * MIB), ("z", 2000)):
            write_file(os.path.join(self.here, "tree", name), random_bytes(size, size))
        with tmpfs(os.path.join(mount, "small"), "1m") as root, Server(root=root) as server:
            os.mkdir(os.path.join(root, "tree"))
            write_file(os.path.join(root, "tree/large"), OLD)
            ran = server.client(["post", "tree"], cwd=self.here)
            self.assertEqual(ran.returncode, 1, ran.stderr)
            self.assertIn(b"are free", ran.stderr)
            self.assertEqual(sorted(os.listdir(os.path.join(root, "tree"))), ["a", "large", "z"])
            self.assertEqual(read_file(os.path.join(root, "tree/large")), OLD)
            self.assertEqual(read_file(os.path.join(root, "tree/z")), random_bytes(2000, 2000))
            assert_sane(server)

    def test_a_source_that_moves_while_it_is_sent_is_told_and_the_rest_comes(self):
        """FS-13: after its first part, with most of it still to be read."""
        content = random_bytes(32 * MIB, 5)
        path = self.server.path("moving/large")
        def grow():
            with open(path, "ab") as out:
                out.write(b"more")
        def replace():
            write_file(path + ".new", b"another")
            os.rename(path + ".new", path)
        for change, is_changed in ((grow, True), (lambda: os.truncate(path, 5 * MIB), True), (lambda: os.truncate(path, 0), True),
                                   (replace, False), (lambda: os.unlink(path), False)):
            remove_tree(self.server.path("moving")) if os.path.isdir(self.server.path("moving")) else None
            os.makedirs(self.server.path("moving"))
            write_file(path, content)
            write_file(self.server.path("moving/z"), BYTES)
            with Peer.of(self.server) as peer:
                peer.send(hello() + pull("moving"))
                peer.expect("hello")
                await_kind(peer, "entries")
                peer.send(verdicts(verdict(), verdict(WHOLE), verdict(WHOLE)))
                await_kind(peer, "part")
                change()
                sealed = [await_kind(peer, "close"), await_kind(peer, "close")]
                outcomes = [sealed[0].parcel[0], sealed[1].parcel[0]]
                await_kind(peer, "finish")
                peer.send(finish())
            self.assertEqual(outcomes[1], 0)
            if is_changed:
                self.assertEqual(outcomes[0], 1)
            elif outcomes[0] == 0:   # the file that was opened was whole
                self.assertIn(xxh3_128(content), sealed[0].parcel)


if __name__ == "__main__":
    main()
