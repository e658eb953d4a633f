"""Others at work in the same place: directories that are swapped for links to outside and back while jobs run, with openat2
and without, and many who write one name while others read it."""
import contextlib
import ctypes
import errno
import hashlib
import os
import shutil
import struct
import subprocess
import sys
import threading
import time
import unittest

from harness import (PATIENCE, SCALE, Server, assert_sane, in_parallel, main, part_files, random_bytes, rclient, read_file,
                     remove_tree, scratch, snapshot, write_file)

MIB = 1 << 20
WINDOW = 2 if SCALE == 1 else 15   # seconds of swapping, or more where a machine does not come to much in them
FEW = 4
RENAME_EXCHANGE = 2
OPENAT2 = 437
AT_FDCWD = -100
TRIPWIRE = b"tripwire of the race\n"
INSIDE = b"inside\n"

_libc = ctypes.CDLL(None, use_errno=True)

# Swaps two names until it is told to stop, and says how often.
_FLIPPER = r"""
import ctypes, os, signal, sys
libc = ctypes.CDLL(None)
one, other = (os.fsencode(name) for name in sys.argv[1:])
going = True
def stop(*_):
    global going
    going = False
signal.signal(signal.SIGTERM, stop)
count = 0
print("ready", flush=True)
while going:
    if libc.renameat2(-100, one, -100, other, 2) == 0: count += 1
print(count, flush=True)
"""


def deny_openat2():
    """In a child before exec: this call is not there, as on an old kernel."""
    instructions = [(0x20, 0, 0, 0), (0x15, 0, 1, OPENAT2), (0x06, 0, 0, 0x00050000 | errno.ENOSYS), (0x06, 0, 0, 0x7fff0000)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *each) for each in instructions))
    program = ctypes.create_string_buffer(struct.pack("HP", len(instructions), ctypes.addressof(code)))
    if _libc.prctl(38, 1, 0, 0, 0) != 0 or _libc.prctl(22, 2, program, 0, 0) != 0:
        os._exit(99)


@contextlib.contextmanager
def swapping(one, other):
    """While the block runs, the two names change their places all the time."""
    process = subprocess.Popen([sys.executable, "-c", _FLIPPER, one, other], stdout=subprocess.PIPE)
    try:
        process.stdout.readline()
        yield
    finally:
        process.terminate()
        count, _ = process.communicate(timeout=PATIENCE)
    assert int(count) > 1000, f"swapped only {count} times"


class Swapped(unittest.TestCase):
    """A directory `p` of a tree, on the host and here, and beside it a link to outside that takes its place and gives it back."""

    prepare = None   # run in rserver's and rclient's process before they begin

    def setUp(self):
        self.server = Server(limits=self.prepare)
        self.addCleanup(self.server.cleanup)
        self.here = scratch()
        self.addCleanup(remove_tree, self.here)
        self.outside = os.path.join(self.here, "outside")
        for outside in (self.outside, self.server.outside):
            os.makedirs(os.path.join(outside, "directory/deep"), exist_ok=True)
            for name in ("inner", "deep/inner", "only-outside"):
                write_file(os.path.join(outside, "directory", name), TRIPWIRE, 0o666)
        self.tripwires = {outside: snapshot(outside) for outside in (self.outside, self.server.outside)}
        self.server.tripwires = self.tripwires[self.server.outside]

    def make_tree(self, top, outside=None):
        os.makedirs(os.path.join(top, "p/deep"))
        for name in ("p/inner", "p/deep/inner", "a", "z"):
            write_file(os.path.join(top, name), INSIDE)
        if outside:
            os.symlink(os.path.join(outside, "directory"), os.path.join(top, "p.link"))
        return top

    def client(self, args, cwd):
        return rclient(args, self.server.host, cwd=cwd, preexec_fn=self.prepare)

    def check_outside(self):
        for outside, before in self.tripwires.items():
            self.assertEqual(snapshot(outside), before)

    def until(self, deadline, run, done, works=False):
        """Again and again; which status came. works: it is also to end well once."""
        while time.monotonic() < deadline or len(done) < FEW or (works and 0 not in done):
            self.assertLess(time.monotonic(), deadline + PATIENCE, done)
            ran = run()
            self.assertIn(ran.returncode, (0, 1, 3, 5), ran.stderr)
            for said in (ran.stdout, ran.stderr):
                self.assertNotIn(b"only-outside", said)
                self.assertNotIn(hashes_of(TRIPWIRE), said)
            done.append(ran.returncode)

    def check_got(self, place):
        """Nothing of outside has come along; links as links."""
        for where, _, names in os.walk(place):
            for name in names:
                path = os.path.join(where, name)
                self.assertNotEqual(name, "only-outside")
                if not os.path.islink(path):
                    self.assertEqual(read_file(path), INSIDE, path)

    def test_on_the_host(self):
        """post into it, get, ls and verify of it, all at once."""
        there = self.make_tree(self.server.path("tree"), self.server.outside)
        places = {}
        for name in ("post", "get", "ls", "verify", "to"):
            places[name] = os.path.join(self.here, name)
            os.mkdir(places[name])
            if name != "get":
                self.make_tree(os.path.join(places[name], "tree"))
        done = {name: [] for name in places}

        def changed_post():
            for name in ("p/inner", "p/deep/inner", "z"):   # another time, so that it is looked at
                os.utime(os.path.join(places["post"], "tree", name))
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(there, "p/new"))
            write_file(os.path.join(places["post"], "tree/p/new"), INSIDE)
            return self.client(["post", "tree"], places["post"])

        def got():
            shutil.rmtree(os.path.join(places["get"], "tree"), ignore_errors=True)
            ran = self.client(["get", "tree"], places["get"])
            self.check_got(places["get"])
            return ran
        runs = {"post": changed_post, "get": got,
                "ls": lambda: self.client(["ls", "-R", "--hash", "tree"], places["ls"]),
                "verify": lambda: self.client(["verify", "tree", ":tree"], places["verify"]),
                "to": lambda: self.client(["post", "tree", "--to", "tree/p/"], places["to"])}
        seen = []
        deadline = time.monotonic() + WINDOW

        def naive():
            """The twin that shows that the race is one: who opens by names does get outside."""
            while time.monotonic() < deadline + PATIENCE and (time.monotonic() < deadline or TRIPWIRE not in seen):
                with contextlib.suppress(OSError):
                    seen.append(read_file(os.path.join(there, "p/inner")))
        with swapping(os.path.join(there, "p"), os.path.join(there, "p.link")):
            in_parallel([naive] + [lambda name=name: self.until(deadline, runs[name], done[name], works=name == "ls")
                                   for name in runs], 6)
        self.assertIn(TRIPWIRE, seen)
        self.check_outside()
        for part in part_files(self.server.root):   # of a file whose directory was away when it was to get its name
            os.unlink(part)
        assert_sane(self.server)

    def test_here(self):
        """get into it and post out of it."""
        self.make_tree(self.server.path("tree"))
        self.make_tree(self.server.path("sent"))
        place = os.path.join(self.here, "work")
        there = self.make_tree(os.path.join(place, "tree"), self.outside)
        done = {"get": [], "post": []}

        def changed_get():
            for name in ("p/inner", "p/deep/inner", "z"):
                os.utime(self.server.path("tree", name))
            return self.client(["get", "tree"], place)

        def sent():
            ran = self.client(["post", "tree", "--to", "sent/"], place)
            self.check_got(self.server.path("sent"))
            shutil.rmtree(self.server.path("sent"))
            return ran
        deadline = time.monotonic() + WINDOW
        with swapping(os.path.join(there, "p"), os.path.join(there, "p.link")):
            in_parallel([lambda: self.until(deadline, changed_get, done["get"]),
                         lambda: self.until(deadline, sent, done["post"], works=True)], 2)
        self.check_outside()
        assert_sane(self.server)

    def test_the_twin_in_which_nothing_moves(self):
        """The link beside the directory is a link; everything else works."""
        self.make_tree(self.server.path("tree"), self.server.outside)
        ran = self.client(["get", "tree"], self.here)
        self.assertEqual((ran.returncode, ran.stderr), (0, b""))
        self.assertTrue(os.path.islink(os.path.join(self.here, "tree/p.link")))
        for args in (["verify", "tree", ":tree"], ["post", "tree"], ["post", "tree", "--to", "tree/p/"], ["ls", "-R", "tree"],
                     ["get", "tree/p/deep", "--to", "new"]):
            ran = self.client(args, self.here)
            self.assertEqual((ran.returncode, ran.stderr), (0, b""), args)
        for args in (["post", "tree", "--to", "tree/p.link"], ["get", "tree/p.link/inner"], ["get", "tree/p.link", "--to", "x"],
                     ["ls", "tree/p.link/"]):
            self.assertEqual(self.client(args, self.here).returncode, 3, args)
        self.check_outside()


def hashes_of(content):
    from hostile import xxh3_128
    return xxh3_128(content).hex().encode()


class SwappedWithoutOpenat2(Swapped):
    prepare = staticmethod(deny_openat2)

    def test_the_call_is_not_there(self):
        """Else these tests would say nothing."""
        code = f"import ctypes; libc = ctypes.CDLL(None, use_errno=True); libc.syscall({OPENAT2}, -100, b'.', 0, 0); print(ctypes.get_errno())"
        ran = subprocess.run([sys.executable, "-c", code], preexec_fn=deny_openat2, capture_output=True, timeout=PATIENCE)
        self.assertEqual(ran.stdout.strip(), str(errno.ENOSYS).encode(), ran.stderr)


class OneName(unittest.TestCase):
    """32 write it, each its own version, and 4 read it all the while: whoever looks sees one whole version."""

    WRITERS = 32
    READERS = 4

    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.cleanup)
        self.here = scratch()
        self.addCleanup(remove_tree, self.here)
        self.versions = [random_bytes(size, number) for number, size in enumerate(  # small ones and such as have known parts
            [1, 4096, MIB // 2, MIB + 1] * (self.WRITERS // 4))]
        self.digests = {hashlib.sha256(version).digest() for version in self.versions}

    def race(self, prepare, args, look, reader_args, may_lose=b"none may"):
        """prepare(writer's place, version); look(where a reader has put it) gives contents that must be whole. may_lose: what
        is said to a writer who came second, if that may be."""
        looks, over = [0] * self.READERS, threading.Event()
        first = self.place("first")
        prepare(first, self.versions[0])
        self.assertEqual(self.server.client(args, cwd=first).returncode, 0)

        def write(number):
            place = self.place(f"w{number}")
            prepare(place, self.versions[number])
            for _ in range(1 if SCALE == 1 else 30):
                ran = self.server.client(args, cwd=place)
                if ran.returncode == 1 and may_lose in ran.stderr:
                    continue
                self.assertEqual((ran.returncode, ran.stdout, ran.stderr), (0, b"", b""))

        def read(number):
            place = self.place(f"r{number}")
            while not over.is_set() or looks[number] == 0:
                ran = self.server.client(reader_args, cwd=place)
                for content in look(place):
                    self.assertIn(hashlib.sha256(content).digest(), self.digests)
                # A file that was replaced while it was read is a failure that is told, and no mixture.
                self.assertIn(ran.returncode, (0, 1, 3), ran.stderr)
                looks[number] += ran.returncode == 0
        readers = [threading.Thread(target=self.guarded, args=(read, number)) for number in range(self.READERS)]
        self.failures = []
        for reader in readers:
            reader.start()
        try:
            in_parallel([lambda number=number: write(number) for number in range(self.WRITERS)], self.WRITERS)
        finally:
            over.set()
            for reader in readers:
                reader.join(PATIENCE)
        if self.failures:
            raise self.failures[0]
        self.assertTrue(all(looks), looks)
        for content in look(self.server.root):
            self.assertIn(hashlib.sha256(content).digest(), self.digests)
        self.assertEqual(part_files(self.server.root), [])
        assert_sane(self.server)

    def guarded(self, run, number):
        try:
            run(number)
        except BaseException as failure:
            self.failures.append(failure)

    def place(self, name):
        path = os.path.join(self.here, name)
        os.mkdir(path)
        return path

    def test_of_a_single_file(self):
        self.race(lambda place, version: write_file(os.path.join(place, "same"), version), ["post", "same"],
                  lambda place: [read_file(os.path.join(place, "same"))], ["get", "same"])
        self.assertEqual(os.listdir(self.server.root), ["same"])

    def test_of_a_file_in_a_directory(self):
        def prepare(place, version):
            os.mkdir(os.path.join(place, "tree"))
            for name in ("same", "too"):
                write_file(os.path.join(place, "tree", name), version)
        self.race(prepare, ["post", "tree"], lambda place: [read_file(os.path.join(place, "tree", name)) for name in ("same", "too")],
                  ["get", "tree"], b"was changed here while it was compared")
        self.assertEqual(sorted(os.listdir(self.server.path("tree"))), ["same", "too"])


if __name__ == "__main__":
    main()
