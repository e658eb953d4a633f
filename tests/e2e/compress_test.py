"""--compress: what shrinks takes less of the wire, as a relay counts it; what does not takes no more; what arrives is the
same, interrupted or as a delta."""
import json
import os
import subprocess
import unittest

from frame_relay import UP, Cut, FrameRelay
from harness import MEMORY_COUNTS, PATIENCE, SEED, ServerTest, Terminal, main, memory_of, random_bytes, read_file, remove_tree, write_file

KIB, MIB = 1 << 10, 1 << 20


def text(count, seed=0):
    """Lines of a log: much alike, and none like another."""
    line = b"2026-01-%02d 12:%02d:%02d host%d daemon[%d]: request %d served in %d us\n"
    lines = (line % (at % 28 + 1, at % 60, at * 7 % 60, seed, at * 31 % 9000, at, at * at % 7919) for at in range(count // 50 + 1))
    return b"".join(lines)[:count]


class CompressTest(ServerTest):
    def setUp(self):
        super().setUp()
        for entry in os.scandir(self.server.root):
            remove_tree(entry.path) if entry.is_dir(follow_symlinks=False) else os.unlink(entry.path)

    def make(self, name, content, where=None):
        path = os.path.join(where or self.here, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write_file(path, content)
        return path

    def make_tree(self, where=None):
        for at in range(300):
            self.make(f"tree/d{at % 7}/f{at}", text(2000, at), where)
        self.make("tree/log", text(3 * MIB), where)
        self.make("tree/empty", b"", where)
        self.make("tree/a", b"a", where)

    def run_counted(self, *args, cut=None, status=0):
        """The client's report on its job, through a relay; `frames` and `wire` are what went of content, by kind."""
        self.frames, self.wire = {"part": 0, "packed": 0, "copy": 0}, 0

        def heard(up, kind, raw):
            if kind in self.frames:
                self.frames[kind] += 1
                self.wire += len(raw)
        with FrameRelay(self.server, cut=cut, heard=heard) as relay:
            ran = self.client(["--json", *args], host=relay.host)
        self.assertEqual(ran.returncode, status, ran.stderr)
        job = json.loads(ran.stdout)["job"]
        if status == 0:
            slips = 40 * (self.frames["part"] + self.frames["packed"]) + 60 * self.frames["copy"]
            self.assertLessEqual(job["wire_bytes"], self.wire)
            self.assertLessEqual(self.wire, job["wire_bytes"] + slips, "the report counts what goes over the wire")
        return job

    def assert_alike(self, one, other):
        done = subprocess.run(["diff", "-r", "--no-dereference", one, other], capture_output=True, timeout=PATIENCE)
        self.assertEqual((done.returncode, done.stdout), (0, b""))


class WhatShrinks(CompressTest):
    def test_a_tree_goes_up_in_a_fraction(self):
        self.make_tree()
        plain = self.run_counted("post", "tree", "--to", "plain")
        self.assertEqual((self.frames["packed"], plain["wire_bytes"]), (0, plain["bytes"]))
        packed = self.run_counted("post", "--compress", "tree", "--to", "packed")
        self.assertEqual((packed["bytes"], packed["stored"]), (plain["bytes"], plain["stored"]))
        self.assertLess(packed["wire_bytes"], plain["wire_bytes"] / 4)
        self.assert_alike(os.path.join(self.here, "tree"), self.server.path("packed"))

    def test_a_tree_comes_down_in_a_fraction(self):
        self.make_tree(self.server.root)
        packed = self.run_counted("get", "--compress", "tree")
        self.assertLess(packed["wire_bytes"], packed["bytes"] / 4)
        self.assert_alike(os.path.join(self.here, "tree"), self.server.path("tree"))

    def test_what_is_said_at_the_end(self):
        self.make_tree()
        terminal = Terminal(self.server.client_command(["post", "--compress", "tree"]), cwd=self.here)
        self.addCleanup(terminal.close)
        terminal.expect(rb"post: 303 files, 3\.\d+ MiB sent as \d+\.?\d* KiB in ")
        self.assertEqual(terminal.wait(), 0)

    def test_holes_stay_holes(self):
        path = self.make("sparse", text(MIB))
        os.truncate(path, 64 * MIB)
        job = self.run_counted("post", "--compress", "sparse")
        self.assertLessEqual(job["bytes"], MIB + 64 * KIB)
        self.assertEqual(os.path.getsize(self.server.path("sparse")), 64 * MIB)
        self.assertLess(os.stat(self.server.path("sparse")).st_blocks * 512, 4 * MIB)

    @unittest.skipUnless(MEMORY_COUNTS, "a sanitizer takes memory of its own")
    def test_memory_stays_bounded(self):
        self.make("log", text(48 * MIB))
        command = self.server.client_command(["post", "--compress", "log"])
        ran = subprocess.run(["/usr/bin/env", "python3", "-c", PEAK, *command], cwd=self.here, capture_output=True, timeout=PATIENCE)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertLess(int(ran.stdout.split()[-1]), 64 * KIB)   # KiB
        self.assertLess(memory_of(self.server.pid)["VmHWM"], 64 * MIB)


PEAK = "import resource,subprocess,sys;" \
       "s=subprocess.call(sys.argv[1:]);print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss);sys.exit(s)"


class WhatDoesNot(CompressTest):
    def test_noise_goes_plain_and_takes_no_more(self):
        noise = random_bytes(8 * MIB, SEED)
        self.make("noise", noise)
        for direction, args in (("up", ("post", "--compress", "noise")), ("down", ("get", "--compress", "noise", "--to", "back"))):
            with self.subTest(direction=direction):
                job = self.run_counted(*args)
                self.assertLess(self.wire, len(noise) * 1.01)
                self.assertGreater(self.frames["part"], 10)
                self.assertLess(self.frames["packed"], 5, "samples")
                self.assertEqual(job["bytes"], len(noise))
        self.assertEqual(read_file(os.path.join(self.here, "back")), noise)

    def test_text_behind_noise_is_found(self):
        content = random_bytes(2 * MIB, SEED) + text(8 * MIB)
        self.make("mixed", content)
        job = self.run_counted("post", "--compress", "mixed")
        self.assertLess(job["wire_bytes"], 5 * MIB)
        self.assertEqual(read_file(self.server.path("mixed")), content)


class TheSameAsEver(CompressTest):
    def test_what_was_interrupted_goes_on(self):
        content = text(16 * MIB)
        self.make("log", content)
        self.run_counted("post", "--compress", "log", cut=Cut(UP, 40, "after", "fin"), status=8)
        self.assertFalse(os.path.exists(self.server.path("log")))
        job = self.run_counted("post", "--compress", "log")
        self.assertLess(job["bytes"], 12 * MIB)
        self.assertGreater(job["bytes"], 4 * MIB)
        self.assertLess(job["wire_bytes"], job["bytes"] / 2)
        self.assertEqual(read_file(self.server.path("log")), content)

    def test_what_is_new_in_a_delta_is_packed(self):
        old = random_bytes(4 * MIB, SEED)
        path = self.make("tree/file", old)
        self.check(self.client(["sync", "tree", ":tree"]))
        self.make("tree/file", old[:2 * MIB] + text(MIB) + old[2 * MIB:])
        os.utime(path, ns=(0, os.stat(path).st_mtime_ns + 10**9))
        job = self.run_counted("sync", "--compress", "tree", ":tree")
        self.assertGreater(self.frames["copy"], 0)
        self.assertLess(job["bytes"], MIB + 256 * KIB)
        self.assertLess(job["wire_bytes"], 512 * KIB)
        self.assert_alike(os.path.join(self.here, "tree"), self.server.path("tree"))

    def test_a_limit_counts_what_goes_over_the_wire(self):
        """4 MiB that shrink to less than 1 take less than a second of 1 MiB/s each way; plain they would take 4."""
        self.make("log", text(4 * MIB))
        for args in (("post", "log"), ("get", "log", "--to", "back")):
            with self.subTest(args=args):
                with self.events() as events:
                    self.check(self.client([*args, "--compress", "--limit-rate", "1M", "--progress-fd", str(events.fileno())],
                                           pass_fds=(events.fileno(),)))
                    events.seek(0)
                    end = json.loads(events.read().splitlines()[-1])
                self.assertLess(end["wire_bytes"], MIB)
                self.assertEqual(end["bytes"], 4 * MIB)
                self.assertLess(end["seconds"], 3.5)

    def events(self):
        return open(os.path.join(self.here, "events"), "w+b")


if __name__ == "__main__":
    main()
