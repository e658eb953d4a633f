"""A user's directory, with something precious beside it, and a server made of steps (job_frames.play): what every test of
hostile jobs of files begins with. It has no tests."""
import os
import stat
import time
import unittest

from harness import PART_PREFIX, PATIENCE, rclient, read_file, remove_tree, scratch, snapshot, write_file
from hostile import FakeServer, assert_plain, drain, welcome, xxh3_128
from job_frames import BYTES, await_kind, directory, meet_puller, play, read_entries

OLD = b"old content\n"
SOON = 10   # seconds within which a client must have told what is wrong
TREE = directory("tree")
EVIL_TEXTS = ["\x1b[2J\x1b]52;c;ZXZpbA==\x07", "line\nrclient: fake", "\u202egnp.exe", "\u2028para", "\r\x9b31m", "a\0b"]


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
