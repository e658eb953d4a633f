"""The other half of hostile servers of jobs: one that receives what `rclient post DIR` sends and breaks the rules, links that
are cut or fall silent in every state, and what a client makes of either."""
import os
import unittest

from harness import PATIENCE, SCALE, in_parallel, main, rclient, read_file, write_file
from hostile import MIB, FakeServer, assert_plain, drain, error, frame, slip, u8, u64, welcome, xxh3_128
from job_frames import (BYTES, DELTA, REST, WHOLE, await_kind, close, directory, entries, file, finish, meet_puller, part, play,
                        stored, trouble, verdict, verdicts, whole)
from job_support import EVIL_TEXTS, OLD, TREE, JobsTest

NEEDED = verdicts(verdict(), verdict(WHOLE))       # of tree and tree/old
ALL = (NEEDED, "close", "finish", stored(2), finish(files=1, size=len(OLD), place="tree"))


class Honest(JobsTest):
    def test_a_post_is_believed(self):
        ran = self.post(*ALL)
        self.assertEqual((ran.returncode, ran.stderr), (0, b""))
        self.assertEqual([found.path for found in self.heard], [b"tree", b"tree/old"])

    def test_what_is_there_already(self):
        ran = self.post(verdicts(verdict(), verdict()), "finish", stored(2), finish(unchanged=1, place="tree"))
        self.assertEqual((ran.returncode, ran.stderr), (0, b""))

    def test_the_rest_of_a_file(self):
        def rest(peer):
            self.came = await_kind(peer, "part")
        ran = self.post(verdicts(verdict(), verdict(REST, 4, xxh3_128(OLD[:4]))), rest, "close", "finish", stored(2), finish(files=1))
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertEqual((self.came.name, self.came.parcel), (b"4", OLD[4:]))


class Verdicts(JobsTest):
    def refuses_to_post(self, *steps, statuses=(9,), **options):
        told = self.check_told(self.post(*steps, **options), *statuses)
        self.assertEqual(read_file(self.path("tree/old")), OLD)
        return told

    def test_too_many_and_what_cannot_be(self):
        nothing = verdict()
        for wrong in (verdicts(nothing, nothing, nothing), verdicts(*[nothing] * 4096), verdicts(verdict(WHOLE), nothing),
                      verdicts(nothing, u8(4)), verdicts(nothing, u8(255)),
                      frame("verdicts", u64(2**60)), frame("verdicts", u64(1)), frame("verdicts", u64(0) + b"x"),
                      verdicts(verdict(REST, 1, bytes(16)), nothing), slip("verdicts", (256 << 10) + 1),
                      verdicts(nothing) + verdicts(nothing, nothing)):
            self.refuses_to_post(wrong)

    def test_too_few_and_silence_about_them_is_never_success(self):
        """The server ends its side instead."""
        for said in (b"", verdicts(), verdicts(verdict())):
            self.refuses_to_post(said, lambda peer: peer.end_sending(), statuses=(8,))
            self.refuses_to_post(said, finish(files=1))

    def test_a_beginning_that_the_sender_does_not_have_brings_all_of_it(self):
        """Whatever is said of it, what was cut off from the file is never left out."""
        for have, digest in ((4, bytes(16)), (len(OLD) + 1, bytes(16)), (1 << 40, bytes(16)), (2**63 - 1, bytes(16)),
                             (len(OLD), bytes(16)), (len(OLD) + 1, xxh3_128(OLD)), (2**64 - 1, bytes(16))):
            with self.subTest(have=have):
                came = []

                def content(peer):
                    while True:
                        found = await_kind(peer, "part") if not came else peer.read_past_pings()
                        if found is None or found.kind != "part":
                            assert found and found.kind == "close", found
                            return
                        came.append((int(found.name), found.parcel))
                ran = self.post(verdicts(verdict(), verdict(REST, have, digest)), content, "finish", stored(2), finish(files=1))
                if ran.returncode == 9:   # no file has so many
                    self.assertGreater(have, 2**63 - 1)
                    continue
                self.assertEqual(ran.returncode, 0, ran.stderr)
                self.assertEqual(b"".join(piece for _, piece in came), OLD)
                self.assertEqual(came[0][0], 0)

    def test_counts_of_what_is_stored_that_cannot_be(self):
        for said in (stored(3), stored(2**63 - 1), stored(2**64), frame("stored", b"", "-1"), frame("stored", b"", ""),
                     frame("stored", b"", "1x"), frame("stored", b"x", "1"), stored(2) + stored(1)):
            self.refuses_to_post(NEEDED, said)

    def test_finished_before_everything_was_sent(self):
        self.refuses_to_post(finish(files=1))
        self.refuses_to_post(NEEDED + finish(files=1))

    def test_finished_without_a_word_on_what_was_sent(self):
        """Every entry is settled or told of; a 'complete' that leaves one out acknowledges nothing."""
        self.refuses_to_post(NEEDED, "close", "finish", finish(), statuses=(1, 3, 5, 8, 9))

    def test_broken_off_and_refused(self):
        told = self.refuses_to_post(NEEDED, "close", "finish", finish(0, 9, "the disk \x1b[2J is full\n"), statuses=(1, 3))
        self.assertIn("is full", told)
        self.refuses_to_post(NEEDED, "close", finish(0, 9, "too early"), statuses=(3, 9))
        for steps in ((), (NEEDED,), (NEEDED, "close"), (NEEDED, "close", "finish")):
            for closes in (True, False):
                told = self.refuses_to_post(*steps, error(9, closes, "the disk \x1b[2J is full\n"), statuses=(1, 3))
                self.assertIn("is full", told)

    def test_frames_of_other_conversations(self):
        for said in (frame("done"), frame("post", b"x", "tree"), entries(TREE), part(b"x"), close(), frame("exit"),
                     frame("taken", b"", "1"), frame("hello"), frame("push"), b"garbage\n", b"\0" * 100):
            with self.subTest(said=said[:10]):
                self.refuses_to_post(said)
                self.refuses_to_post(NEEDED, said)

    def test_troubles_are_shown_escaped(self):
        for said in EVIL_TEXTS:
            path = said.replace("\0", "")
            ran = self.post(NEEDED, "close", "finish", trouble("tree/" + path, said), stored(2), finish(failed=1))
            self.check_told(ran, 1)
        ran = self.post(NEEDED, "close", "finish", trouble("tree/old", "no \x1b[2J room", 9), stored(2), finish(failed=1),
                        args=("--json", "post", "tree"))
        self.assertIn(b'no \\\\x1b[2J room', ran.stdout)   # escaped once, and then as JSON has it

    def test_a_place_is_shown_escaped(self):
        ran = self.post(*ALL[:-1], finish(files=1, place="\x1b[2J\n../x"), args=("-v", "post", "tree"))
        self.assertEqual(ran.returncode, 0, ran.stderr)
        for line in ran.stderr.decode().splitlines():
            assert_plain(line)


LARGE = os.urandom(MIB // 2)
GET = (entries(TREE, directory("tree/d"), file("tree/d/f"), file("tree/old", LARGE)), 4, whole(),
       part(LARGE[:1000]) + part(LARGE[1000:], 1000), close(LARGE), trouble("tree/d/x", "y", notice=1), finish(files=2), "finish")
POST = (verdicts(verdict()), verdicts(verdict(WHOLE)), stored(1), "close", "finish", stored(2), trouble("x", "y", notice=1),
        finish(files=1, size=len(OLD), place="tree"))


def cut_behind(steps, at, share):
    """The steps, the last of which sends only so much of what it would."""
    cut = [step for step in steps[:at]]
    if isinstance(steps[at], bytes):
        cut.append(steps[at][:int(len(steps[at]) * share)])
    return cut


class Links(JobsTest):
    """The link ends, or falls silent, behind every frame and in the middle of each."""

    def setUp(self):
        super().setUp()
        self.allowed.add(LARGE)

    def each_end(self, verb, steps, end):
        def one(at, share, index):
            where = os.path.join(self.run_dir, f"{verb}{index}")
            os.makedirs(os.path.join(where, "tree"))
            write_file(os.path.join(where, "tree/old"), OLD)
            said = cut_behind(steps, at, share)

            def script(peer):
                if verb == "get":
                    meet_puller(peer)
                else:
                    welcome(peer)
                    peer.expect("push")
                    await_kind(peer, "entries")
                play(peer, said)
                end(peer)
            with FakeServer(script, where) as fake:
                ran = rclient([verb, "tree"], fake.host, cwd=where, timeout=PATIENCE)
            what = f"{verb}: cut at {at}, {share}: {ran.stderr!r}"
            self.assertEqual(ran.returncode, 8, what)
            for line in ran.stderr.decode().splitlines():   # what was told of an entry before stands in a line of its own
                assert_plain(line)
            self.assertIn(ran.stderr.count(b"\n"), (1, 2), what)
            self.assertIn(read_file(os.path.join(where, "tree/old")), (OLD, LARGE), what)
            if os.path.exists(os.path.join(where, "tree/d/f")):
                self.assertEqual(read_file(os.path.join(where, "tree/d/f")), BYTES, what)
        last = max(index for index, step in enumerate(steps) if isinstance(step, bytes))
        cuts = [(at, share) for at in range(last + 1) for share in (0, 0.5, 1) if (at, share) != (last, 1)]
        return [lambda cut=cut, index=index: one(*cut, index) for index, cut in enumerate(cuts)]

    def test_the_twins_without_a_cut(self):
        self.assertEqual(self.post(*POST).returncode, 0)
        self.assertEqual(self.get(*GET).returncode, 0)

    def test_cut_in_order(self):
        def end(peer):
            peer.end_sending()
            drain(peer)
        in_parallel(self.each_end("get", GET, end) + self.each_end("post", POST, end), 4)

    def test_cut_at_once(self):
        in_parallel(self.each_end("get", GET, lambda peer: peer.close()) + self.each_end("post", POST, lambda peer: peer.close()), 4)

    @unittest.skipUnless(SCALE > 1, "takes 15 s: with FARHAND_TEST_SCALE=2")
    def test_silence_is_noticed(self):
        """Within 15 seconds and a little; all at the same time."""
        jobs = self.each_end("get", GET, lambda peer: drain(peer, 25)) + self.each_end("post", POST, lambda peer: drain(peer, 25))
        in_parallel(jobs, len(jobs))


if __name__ == "__main__":
    main()
