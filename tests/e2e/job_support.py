"""What tests of hostile jobs of files begin with: things that nobody may say, and a user's directory with something precious
beside it and a server made of steps (job_frames.play). It has no tests."""
import os
import stat
import time
import unittest

from harness import PART_PREFIX, PATIENCE, rclient, read_file, remove_tree, scratch, snapshot, write_file
from hostile import MIB, FakeServer, assert_plain, drain, frame, slip, u8, u32, u64, welcome, xxh3_128
from job_frames import (BYTES, SPECIAL, ZSTD_MAGIC, await_kind, close, directory, entry, file, hard_link, link, meet_puller,
                        packed, packed_stream, part, play, raw_blocks, read_entries)

OLD = b"old content\n"
SOON = 10   # seconds within which a client must have told what is wrong
TREE = directory("tree")
EVIL_TEXTS = ["\x1b[2J\x1b]52;c;ZXZpbA==\x07", "line\nrclient: fake", "\u202egnp.exe", "\u2028para", "\r\x9b31m", "a\0b"]


# What no sender may list, behind the directory TREE: neither side of a connection takes it.
BAD_NAMES = ("", ".", "..", "/", "/etc/evil", "tree/", "tree//x", "tree/../evil", "tree/./x", "../tree", "tree/..", "tree/x\0y",
             "tree/" + "x" * 256, "tree/" + "x/" * 2048 + "x", "tree/d/../../../outside/evil")
BAD_ORDERS = ((file("tree/a"), file("tree/a")), (file("tree/b"), file("tree/a")),
              (directory("tree/a"), link("tree/a", "../../outside")), (link("tree/a", "../.."), directory("tree/a")),
              (file("tree/a"), directory("tree/a")), (file("tree/a!"), directory("tree/a"), file("tree/a/x")),
              (directory("tree/a"), file("tree/a/x"), directory("tree/a")), (TREE,), (file("tree/d/x"),),
              (directory("tree/a"), file("tree/b/x")))
BELOW_NO_DIRECTORY = [(top, below) for top in (link("tree/l", "../../outside"), link("tree/l", "."), file("tree/l"),
                                               entry("tree/l", SPECIAL), hard_link("tree/l", "tree/a"))
                      for below in (file("tree/l/evil"), directory("tree/l/evil"), link("tree/l/evil", "x"))]
BAD_FIELDS = (entry("tree/x", 5), entry("tree/x", 255), file("tree/x", mode=0o10000), file("tree/x", nanoseconds=10**9),
              link("tree/x", ""), link("tree/x", "a\0b"), file("tree/x", target="y"), directory("tree/x", target="y"),
              entry("tree/x", size=2**64 - 1), file("tree/x", user="u" * 256),
              file("tree/x", attributes=[("user." + "n" * 255, "")]))
BAD_HARD_LINKS = ("mine", "../outside/victim", "/etc/passwd", "tree/../mine", "tree/z", "tree/h", "tree/h/x", "", ".", "..",
                  "other/x", "tree//old", "tree/old\0")
OUT_OF_ORDER = (part(b"abc") + part(b"x", 2), part(b"abc", 5) + part(b"x", 0), part(b"abc") + part(b"abc"),
                part(b"x", 2**63 - 1), frame("part", b"x", "01"), frame("part", b"x", "-1"), frame("part", b"x", ""),
                frame("part", b"x", "x"), frame("part", b"x", str(2**63)), slip("part", MIB + 1, "0"))
ZEROS = u32(MIB // 8 << 3 | 1 << 1)[:3] + b"\0"   # a block of zstd's: 128 KiB of them
SKIPPED = b"\x50\x2a\x4d\x18" + u32(4) + b"skip"
HEAD = packed_stream(b"")
# Of a file that holds BYTES, or begins with them.
BAD_PACKED = {
    "nothing": frame("packed", b"", "0"), "half a length": frame("packed", b"\1\0", "0"), "a length alone": packed(BYTES, stream=b""),
    "a length of nothing": packed(b"", stream=HEAD + raw_blocks(b"")), "4 GiB": packed(BYTES, length=2**32 - 1),
    "above the limit": packed(b"", stream=HEAD + 3 * ZEROS, length=3 << 17), "more than it says": packed(BYTES, length=len(BYTES) - 1),
    "less than it says": packed(BYTES, length=len(BYTES) + 1), "a bomb": packed(BYTES, stream=HEAD + 60_000 * ZEROS),
    "a bomb behind what is due": packed(BYTES, stream=packed_stream(BYTES) + 60_000 * ZEROS),
    "a window of 4 MiB": packed(BYTES, window=22), "a window of 2 GiB": packed(BYTES, window=31), "a window of 2 TiB": packed(BYTES, window=41),
    "a frame of 2^60 bytes": packed(BYTES, stream=ZSTD_MAGIC + b"\xe0" + u64(1 << 60) + raw_blocks(BYTES)),
    "a dictionary": packed(BYTES, stream=ZSTD_MAGIC + b"\x01\x58\x07" + raw_blocks(BYTES)),
    "a byte behind the end": packed(BYTES, stream=packed_stream(BYTES, last=True) + b"x"),
    "two frames": packed(2 * BYTES, stream=2 * packed_stream(BYTES, last=True)),
    "something skipped behind": packed(BYTES, stream=packed_stream(BYTES, last=True) + SKIPPED),
    "something skipped before": packed(BYTES, stream=SKIPPED + packed_stream(BYTES)),
    "no frame": packed(BYTES, begins=False), "half a block": packed(BYTES, stream=packed_stream(BYTES)[:-3]),
    "a block of no kind": packed(b"x", stream=HEAD + b"\x0e\0\0x"), "plain bytes": packed(BYTES, stream=BYTES),
    "an older format": packed(BYTES, stream=b"\x25" + packed_stream(BYTES)[1:]),
    "a frame within a frame": packed(BYTES) + packed(BYTES, len(BYTES)),
    "out of order": packed(BYTES) + packed(b"x", 1, begins=False), "beyond any file": packed(BYTES, 2**63 - 1),
    "no offset": frame("packed", packed(BYTES).split(b"\n", 1)[1], "x"), "too large": slip("packed", (260 << 10) + 1, "0"),
}
WRONG_CLOSES = (close(digest=bytes(16)), close(b"other"), close(size=len(BYTES) - 1), close(size=len(BYTES) + 1),
                close(size=0), close(size=2**63 - 1), close(size=1 << 62), close(b""))
TOO_LARGE = [slip(kind, size, "0" if kind == "part" else "") for kind, limit in
             (("entries", 256 << 10), ("part", MIB), ("close", 256 << 10), ("trouble", 256 << 10), ("finish", 256 << 10))
             for size in (limit + 1, 10_000_000, 2**31, 2**63 - 1, 2**63)]
BAD_COUNTS = [said for count in (2, 1000, 2**31, 2**32, 2**60, 2**61, 2**64 - 1)
              for said in (frame("entries", u64(count) + TREE), frame("trouble", u64(count)),
                           frame("entries", u64(1) + TREE[:-9] + u64(count) + u8(0)))]


def part_name(leaf):
    """Under which a large file's part is found again."""
    return PART_PREFIX.decode() + xxh3_128(leaf.encode()).hex()


class JobsTest(unittest.TestCase):
    def setUp(self):
        self.base = scratch()
        self.addCleanup(remove_tree, self.base)
        self.here, self.run_dir, self.outside = (os.path.join(self.base, name) for name in ("here", "run", "outside"))
        for path in (self.here, self.run_dir, self.outside, self.path("tree"), os.path.join(self.outside, "inner")):
            os.mkdir(path)
        write_file(os.path.join(self.outside, "victim"), b"never changed")
        write_file(self.path("mine"), OLD, 0o600)
        write_file(self.path("tree/old"), OLD, 0o600)
        self.allowed = {OLD, BYTES, b""}
        self.tripwire = snapshot(self.outside)
        self.addCleanup(self.check_places)

    def check_places(self):
        """Nothing outside has changed, and under a final name there is something whole."""
        self.assertEqual(snapshot(self.outside), self.tripwire)
        self.assertEqual(sorted(os.listdir(self.base)), ["here", "outside", "run"])
        self.assertEqual(read_file(self.path("mine")), OLD)
        for where, _, names in os.walk(os.fsencode(self.here)):
            for name in names:
                path = os.path.join(where, name)
                if stat.S_ISREG(os.lstat(path).st_mode) and not name.startswith(PART_PREFIX):
                    self.assertIn(read_file(path), self.allowed, path)

    def path(self, *names):
        return os.path.join(self.here, *names)

    def names_here(self):
        return sorted(os.fsdecode(path) for path in snapshot(self.here))

    def run_client(self, script, args, **options):
        with FakeServer(lambda peer: (script(peer), drain(peer)), self.run_dir) as fake:
            begun = time.monotonic()
            ran = rclient(args, fake.host, cwd=self.here, **{"timeout": SOON + PATIENCE, **options})
            self.took = time.monotonic() - begun
        return ran

    def get(self, *steps, args=("get", "tree"), **options):
        """rclient against a server that goes through the steps (job_frames.play) once it has heard the `pull`."""
        def script(peer):
            meet_puller(peer)
            self.ended = play(peer, steps)
        return self.run_client(script, list(args), **options)

    def post(self, *steps, args=("post", "tree"), listed=None, **options):
        """The same once the server has heard the `push`, and so many entries (all that come at first)."""
        def script(peer):
            welcome(peer)
            peer.expect("push")
            self.heard = read_entries(await_kind(peer, "entries")) if listed is None else []
            self.ended = play(peer, steps)
        return self.run_client(script, list(args), **options)

    def check_told(self, ran, *statuses, soon=SOON):
        """One of the statuses, soon, and plain lines that say why."""
        self.assertIn(ran.returncode, statuses, ran.stderr)
        self.assertLess(self.took, soon)
        for line in ran.stderr.decode().splitlines():
            self.assertTrue(line.startswith(("rclient: ", "get", "post")), line)
            assert_plain(line)
        self.assertNotEqual(ran.stderr, b"")
        self.assertLess(len(ran.stderr), 128 << 10)
        return ran.stderr.decode()

    def refuses(self, *steps, statuses=(9,), **options):
        told = self.check_told(self.get(*steps, **options), *statuses)
        self.assertEqual(read_file(self.path("tree/old")), OLD)
        return told
