"""A client that breaks the rules of a job of files, against the real server: refused, nothing outside of the root touched,
nothing half under its name, memory and time bounded, and the next one served."""
import os
import shutil
import stat
import time
import unittest

from harness import (MEMORY_COUNTS, PART_PREFIX, SCALE, ServerTest, in_parallel, main, memory_of, read_file, remove_tree,
                     wait_until, write_file)
from hostile import (BYE, LIMIT, MIB, OUTSIDE_ROOT, PROTOCOL, Peer, assert_plain, canary, drain, frame, get, hello, read_error, slip,
                     u8, u64, xxh3_128)
from job_frames import (AS, BYTES, DELTA, FILE, NOTHING, REST, SPECIAL, WHOLE, await_kind, await_verdicts, close, directory, entries,
                        entry, file, finish, hard_link, link, list_request, packed, part, play, pull, push, read_entries, read_finish,
                        read_troubles, stored, trouble, verdict, verdicts, whole)
from job_support import (BAD_COUNTS, BAD_FIELDS, BAD_HARD_LINKS, BAD_NAMES, BAD_ORDERS, BAD_PACKED, BELOW_NO_DIRECTORY, HEAD, OLD, OUT_OF_ORDER,
                         TOO_LARGE, TREE, WRONG_CLOSES, ZEROS, part_name)

SOON = 10
GROWTH = 48 * MIB   # of the server, whatever is said to it


class PushesTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.fill_root()
        self.allowed = {OLD, BYTES, b""}
        self.before = memory_of(self.server.pid)["VmHWM"]
        self.addCleanup(self.check_root)

    def fill_root(self):
        for found in os.scandir(self.server.root):
            remove_tree(found.path) if found.is_dir(follow_symlinks=False) else os.unlink(found.path)
        os.mkdir(self.server.path("tree"))
        write_file(self.server.path("tree/old"), OLD, 0o600)
        write_file(self.server.path("mine"), OLD, 0o600)

    def check_root(self):
        """What is under a final name is whole; the honest twin of every attack is served; memory is bounded."""
        self.assertEqual(read_file(self.server.path("mine")), OLD)
        for where, _, names in os.walk(os.fsencode(self.server.root)):
            for name in names:
                path = os.path.join(where, name)
                if stat.S_ISREG(os.lstat(path).st_mode) and not name.startswith(PART_PREFIX):
                    self.assertIn(read_file(path), self.allowed, path)
        self.check_served()
        if MEMORY_COUNTS:
            self.assertLess(memory_of(self.server.pid)["VmHWM"] - self.before, GROWTH)
        for left in os.listdir(self.server.root):   # parts for the next time are no part of the next test
            path = self.server.path(left)
            remove_tree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)

    def check_served(self):
        os.makedirs(os.path.join(self.here, "twin/d"), exist_ok=True)
        write_file(os.path.join(self.here, "twin/d/f"), BYTES)
        self.check(self.client(["post", "twin"]))
        self.check(self.client(["get", "twin", "--to", "back"]))
        self.assertEqual(read_file(os.path.join(self.here, "back/d/f")), BYTES)
        shutil.rmtree(os.path.join(self.here, "back"))

    def talk(self, *steps, to_end=True):
        """What ended it: the server's error, its `finish`, or None (a connection that was closed without a word)."""
        with Peer.of(self.server) as peer:
            ended = play(peer, (hello(), "hello", *steps))
            if ended is not None:
                return ended.args[0]
            if not to_end:
                return None
            deadline = time.monotonic() + SOON
            while (found := peer.read_past_pings(deadline - time.monotonic())) is not None:
                if found.kind == "error":
                    return read_error(found)
                if found.kind == "finish":
                    return read_finish(found)
            return None

    def refuses(self, *steps, codes=(PROTOCOL, LIMIT)):
        """A closing error with one of these codes; the file that was there stays."""
        failure = self.talk(*steps)
        self.assertIsNotNone(failure, steps[-1])
        self.assertIn(failure.code, codes, failure)
        if failure.code in (PROTOCOL, LIMIT):
            self.assertTrue(failure.closes, failure)
        assert_plain(failure.message)
        self.assertEqual(read_file(self.server.path("tree/old")), OLD)
        return failure

    def refuses_push(self, *steps, **options):
        return self.refuses(push(), *steps, **options)

    def finishes(self, *steps, failed=0, to="", **fields):
        """A job that goes to its end; what the server says of it."""
        said = self.talk(push(to, **fields), *steps, finish())
        self.assertTrue(hasattr(said, "failed"), said)
        self.assertEqual(said.failed, failed, said)
        return said


class Honest(PushesTest):
    def test_a_push_and_a_pull(self):
        said = self.finishes(entries(TREE, directory("tree/d"), file("tree/d/f"), link("tree/l", "d"), hard_link("tree/p", "tree/d/f")),
                             5, whole())
        self.assertEqual((said.complete, said.files), (True, 1))
        self.assertEqual(read_file(self.server.path("tree/p")), BYTES)
        said = self.talk(pull("tree"), "entries", verdicts(*[verdict()] * 6), stored(6), "finish", finish(), BYE)
        self.assertIsNone(said)


class Senders(PushesTest):
    def test_names_that_are_none(self):
        for name in BAD_NAMES:
            with self.subTest(name=name[:40]):
                self.refuses_push(entries(TREE, file(name)), 2, whole(), finish())
                self.refuses_push(entries(file(name)), 1, whole(), finish())

    def test_two_of_one_name_and_out_of_order(self):
        for listed in BAD_ORDERS:
            self.refuses_push(entries(TREE, *listed), 1 + len(listed), whole(), whole(), finish())
            if len(listed) > 1:
                self.refuses_push(entries(TREE, listed[0]), 2, entries(*listed[1:]), whole(), whole(), finish())
            shutil.rmtree(self.server.path("tree"))
            self.fill_root()

    def test_below_what_is_no_directory(self):
        for top, below in BELOW_NO_DIRECTORY:
            self.refuses_push(entries(TREE, top, below), 3, whole(), whole(), finish())
            self.refuses_push(entries(TREE, top), 2, entries(below), whole(), whole(), finish())

    def test_kinds_and_fields_that_are_none(self):
        for listed in BAD_FIELDS:
            self.refuses_push(entries(TREE, listed), 2, whole(), finish())

    def test_hard_links_that_lead_elsewhere(self):
        for target in BAD_HARD_LINKS[1:]:   # "mine" is there
            with self.subTest(target=target):
                said = self.talk(push(), entries(TREE, file("tree/a"), hard_link("tree/h", target)), 3, whole(), finish())
                self.assertTrue(getattr(said, "closes", False) or getattr(said, "failed", 0) == 1, said)
                self.assertFalse(os.path.lexists(self.server.path("tree/h")))

    def test_a_hard_link_to_what_was_not_sent(self):
        for target in ("tree/old", "mine"):
            said = self.talk(push(), entries(TREE, hard_link("tree/p", target)), 2, finish())
            self.assertTrue(getattr(said, "closes", False) or getattr(said, "failed", 0) == 1, said)

    def test_links_in_the_way_are_never_followed(self):
        os.symlink(self.server.outside, self.server.path("tree/l"))
        os.symlink(os.path.join(self.server.outside, "victim"), self.server.path("tree/v"))
        self.finishes(entries(TREE, directory("tree/l"), directory("tree/l/directory"), file("tree/l/evil"), file("tree/v")), 5,
                      whole(), failed=3)
        self.assertEqual(read_file(self.server.path("tree/v")), BYTES)
        self.assertTrue(os.path.islink(self.server.path("tree/l")))

    def test_a_link_that_was_sent_is_not_followed_by_the_next_job(self):
        self.finishes(entries(TREE, link("tree/way", self.server.outside)), 2)
        self.finishes(entries(TREE, directory("tree/way"), file("tree/way/victim")), 3, failed=2)
        for to in ("tree/way", "tree/way/directory", "tree/way/new"):
            self.refuses(push(to), entries(file("victim")), 1, whole(), finish(), codes=(OUTSIDE_ROOT,))

    def test_targets_that_are_none(self):
        for to in ("..", "../outside", "../x", "/", "/etc", "/tmp", "tree/../../outside", "mine", "mine/x", "missing/x", "x" * 256,
                   self.server.outside, "tree/old/x"):
            for placement in (0, 1, 2):
                with self.subTest(to=to, placement=placement):
                    if to == "mine" and placement == 1:
                        continue   # it becomes that
                    top = directory(".") if placement == AS else TREE
                    failure = self.talk(push(to, placement=placement), entries(top, *[] if placement == AS else [file("tree/a")]),
                                        finish(0))
                    self.assertTrue(hasattr(failure, "closes"), failure)
                    self.assertNotEqual(failure.code, 1)
                    assert_plain(failure.message)

    def test_requests_that_contradict_themselves(self):
        good = push("tree")
        at = good.index(b"tree") + 4
        for place, value in ((0, 4), (1, 3), (2, 3), *((index, 2) for index in range(3, 8)), (0, 255)):
            wrong = bytearray(good)
            wrong[at + place] = value
            self.refuses(bytes(wrong))
        for wrong in (push("a\0b"), push("x" * 4097), push(backup="/x"), push(backup="../x"), push(backup="x" * 65),
                      push(backup="a\0b"), frame("push", good[8:-1]), frame("push", b""), slip("push", (4 << 20) + 1)):
            self.refuses(wrong)

    def test_a_backup_that_would_be_a_part_or_itself(self):
        """Any suffix is the client's choice, and yet nothing but the old file gets it."""
        for suffix in (".", "~", "\n", "\x1b[2J"):
            self.finishes(entries(TREE, file("tree/old")), 2, whole(), backup=suffix)
            self.assertEqual(read_file(self.server.path("tree/old" + suffix)), OLD)
            self.fill_root()


class Content(PushesTest):
    def test_wrong_hashes_and_sizes(self):
        for wrong in WRONG_CLOSES:
            said = self.talk(push(), entries(TREE, file("tree/old"), file("tree/z")), 3, part(BYTES) + wrong, whole(), finish())
            self.assertEqual((said.failed, said.files), (1, 1), said)
            self.assertEqual(read_file(self.server.path("tree/old")), OLD)
            os.unlink(self.server.path("tree/z"))

    def test_parts_out_of_order(self):
        for wrong in OUT_OF_ORDER:
            self.refuses_push(entries(TREE, file("tree/a")), 2, wrong, close(), finish())

    def test_packed_parts_that_do_not_unpack(self):
        """And some that do, which are the twin. That bombs take no memory is looked at in the end."""
        for story, wrong in BAD_PACKED.items():
            with self.subTest(story=story):
                self.refuses_push(entries(TREE, file("tree/a")), 2, wrong, close(), finish())
                self.assertFalse(os.path.lexists(self.server.path("tree/a")))
        self.finishes(entries(TREE, file("tree/a"), file("tree/z")), 3, packed(BYTES) + close(), packed(BYTES, begins=False) + close())
        self.assertEqual(read_file(self.server.path("tree/z")), BYTES)

    def test_packed_zeros_far_beyond_what_was_announced(self):
        """300 MiB of them cost their sender 20 KiB; they are not kept."""
        zeros = [packed(b"", 0, stream=HEAD + 2 * ZEROS, length=MIB // 4)]
        zeros += [packed(b"", at * MIB // 4, stream=2 * ZEROS, length=MIB // 4) for at in range(1, 1200)]
        self.finishes(entries(TREE, file("tree/a"), file("tree/z")), 3, b"".join(zeros) + close(b"", size=300 * MIB, digest=bytes(16)),
                      packed(BYTES, begins=False) + close(), failed=1)
        self.assertEqual(sorted(os.listdir(self.server.path("tree"))), ["old", "z"])

    def test_content_that_nobody_asked_for(self):
        self.refuses_push(part(BYTES))
        self.refuses_push(close())
        self.refuses_push(entries(TREE), 1, whole())
        self.refuses_push(entries(TREE, file("tree/a")), 2, whole(), whole())
        self.refuses_push(entries(TREE, link("tree/a", "x")), 2, whole())

    def test_set_id_modes_are_dropped(self):
        for mode in (0o7777, 0o4755, 0o2755, 0o1777):
            self.finishes(entries(TREE, directory("tree/d", mode=mode), file("tree/f", mode=mode)), 3, part(BYTES) + close(mode=mode))
            for name in ("tree/d", "tree/f"):
                self.assertEqual(os.stat(self.server.path(name)).st_mode & 0o7000, 0)
            os.unlink(self.server.path("tree/f"))

    def test_files_beyond_the_disk(self):
        for size in (2**63 - 1, 2**62, 1 << 50):
            for said in (close(size=size), part(b"x", size - 1) + close(size=size)):
                self.finishes(entries(TREE, entry("tree/old", size=size, occupied=0)), 2, said, failed=1)
        self.assertEqual(read_file(self.server.path("tree/old")), OLD)

    def test_a_hole_that_nobody_has_announced_takes_no_time(self):
        with Peer.of(self.server) as peer:
            play(peer, (hello(), "hello", push(), entries(TREE, file("tree/old")), 2, close(size=1 << 43), finish()))
            await_kind(peer, "finish", 1)

    def test_whoever_leaves_in_a_hole_takes_its_session_along(self):
        """The baseline is reached again, which assert_sane asks after each test; others are served meanwhile."""
        with canary(self.server):
            with Peer.of(self.server) as peer:
                play(peer, (hello(), "hello", push(), entries(TREE, entry("tree/old", size=1 << 43)), 2, close(size=1 << 43)))
                peer.wait_until_read()

    def test_links_under_the_names_of_parts(self):
        content = BYTES * 40_000
        self.allowed.add(content)
        name = "tree/" + part_name("b")
        for planted in (link(name, os.path.join(self.server.outside, "victim")), link(name, "/dev/null"), directory(name),
                        hard_link(name, "tree/!")):
            said = self.talk(push(), entries(TREE, file("tree/!"), planted), 3, whole(), entries(file("tree/b", content)), 1,
                             part(content[:MIB // 4]) + part(content[MIB // 4:], MIB // 4) + close(content), finish())
            if getattr(said, "failed", 1) == 0:
                self.assertEqual(read_file(self.server.path("tree/b")), content)
            self.assertEqual(read_file(self.server.path("tree/!")), BYTES)
            remove_tree(self.server.path("tree"))
            self.fill_root()

    def test_finished_too_early(self):
        self.refuses_push(entries(TREE, file("tree/a")), 2, finish())
        self.refuses_push(entries(TREE, file("tree/a")), 2, part(b"fresh"), finish())
        self.assertFalse(os.path.lexists(self.server.path("tree/a")))
        self.assertEqual(self.finishes().files, 0)   # nothing is a job too


class Amounts(PushesTest):
    def test_frames_beyond_their_limits_and_counts_beyond_their_frames(self):
        with canary(self.server):
            for said in TOO_LARGE:
                self.refuses_push(entries(TREE, file("tree/a")), 2, said)
            for said in BAD_COUNTS:
                self.refuses_push(said)

    def test_more_entries_than_may_be_without_a_verdict(self):
        frames = [entries(*(file("tree/%06d" % (number * 2000 + index)) for index in range(2000))) for number in range(6)]
        failure = self.refuses_push(entries(TREE), 1, *frames)
        self.assertIn("verdict", failure.message)

    def test_100_000_entries_and_no_content(self):
        """Special ones, which need none: every one is told about. And files: the server stops asking."""
        def flood(peer):
            for number in range(50):
                peer.send(entries(*(entry("tree/%08d" % (number * 2000 + index), SPECIAL) for index in range(2000))))
                await_verdicts(peer, 2000)
        with canary(self.server):
            said = self.talk(push(), entries(TREE), 1, flood, finish())
        self.assertEqual((said.failed, said.files, said.complete), (0, 0, True), said)
        judged = [0]

        def wanted(peer):
            for number in range(1000):
                peer.send(entries(*(file("tree/%08d" % (number * 100 + index)) for index in range(100))))
                judged[0] += 100
                if judged[0] <= 4000:
                    await_verdicts(peer, 100)
        self.refuses_push(entries(TREE), 1, lambda peer: self.heard_out(wanted, peer))
        self.assertEqual(os.listdir(self.server.path("tree")), ["old"])

    @staticmethod
    def heard_out(script, peer):
        try:
            script(peer)
        except OSError:   # it has been refused meanwhile
            pass

    def test_troubles_without_end(self):
        said = b"".join(trouble("\x1b[2J" + "x" * 4000, "\x1b[2J" * 200) for _ in range(50))
        with canary(self.server):
            ended = self.talk(push(), entries(TREE), 1, *[said] * 100, finish())
        self.assertTrue(ended.complete)
        for line in self.server.log().splitlines():
            assert_plain(line)

    def test_4096_paths(self):
        with canary(self.server):
            self.refuses(pull(*["x" * 4096] * 4096))    # 16 MiB: more than the frame may have
            self.refuses(pull(*["x"] * 4097))
            self.refuses(pull())
            self.refuses(pull(*["mine"] * 4000), codes=(2,))   # all of one name
            for length in (1, 100):
                self.assertIsNone(self.talk(pull(*["x/" * length + "%04d" % number for number in range(4096)]), "finish", finish(), BYE))

    def test_4096_long_paths_that_are_not_there(self):
        with Peer.of(self.server) as peer:
            peer.send(hello() + pull(*["x/" * 480 + "%04d" % number for number in range(1500)]))   # 4096 take seven times as long
            await_kind(peer, "hello")
            await_kind(peer, "trouble", 1)

    def test_4096_paths_outside_the_root(self):
        """Each is told once, and the one inside is served; and they wait for room: to whoever breaks it off the others are not told."""
        outside = ["/outside/" + "x" * 36 + "%04d" % number for number in range(4095)]
        with canary(self.server), Peer.of(self.server) as peer:
            peer.send(hello() + pull(*outside, "mine"))
            await_kind(peer, "hello")
            told, listed = [], []
            while len(told) < len(outside) or not listed:  # whichever the server comes to first
                found = peer.read_past_pings(SOON)
                told += read_troubles(found) if found.kind == "trouble" else []
                listed += read_entries(found) if found.kind == "entries" else []
            self.assertEqual([os.fsdecode(one.path) for one in told], outside)
            self.assertEqual({one.code for one in told}, {OUTSIDE_ROOT})
            self.assertEqual([one.path for one in listed], [b"mine"])
            peer.send(verdicts(verdict(WHOLE)))
            self.assertEqual(await_kind(peer, "part").parcel, OLD)
            peer.send(stored(1))
            ended = read_finish(await_kind(peer, "finish"))
            self.assertEqual((ended.complete, ended.files, ended.failed), (True, 1, 4095))
            peer.send(finish(files=1) + BYE)
        with canary(self.server), Peer.of(self.server) as peer:
            peer.send(hello() + pull(*outside, "mine") + finish(0))
            await_kind(peer, "hello")
            told = []
            while (found := peer.read_past_pings(SOON)).kind != "finish":
                told += read_troubles(found) if found.kind == "trouble" else []
            self.assertLess(len(told), 4095)

    def test_1024_nasty_rules_are_bounded_in_time(self):
        os.makedirs(self.server.path("a" * 255, "b" * 250))
        for number in range(200):
            write_file(self.server.path("a" * 255, "b" * 250, "a" * 240 + str(number)), b"")
        with canary(self.server):
            for rule in ("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", "**/*a/**/*a/**/*a*/**/b", "[!b]*[!b]*[!b]*[!b]*[!b]*[!b]*c", "a" * 60 + "?",
                         "?" * 62, "**/" * 20, "[[:alpha:]-z]*" * 4, "\\", "[", "!" * 60, "/" * 60):
                begun = time.monotonic()
                ended = self.talk(list_request(".", contents=1, hashes=0, rules=[rule] * 1024), "finish", to_end=False)
                self.assertIsNone(ended)
                self.assertLess(time.monotonic() - begun, SOON, rule)
            for rules in (["x"] * 1025, ["x" * 4097], ["x" * 4096] * 17, ["a\0b"]):
                failure = self.talk(list_request(".", contents=1, rules=rules))
                self.assertTrue(failure.message, failure)


class Pullers(PushesTest):
    """Clients that receive, and what they may say of what the server lists: tree and tree/old."""

    def refuses_pull(self, *steps, paths=("tree",), **options):
        return self.refuses(pull(*paths), "entries", *steps, **options)

    def test_verdicts_that_cannot_be(self):
        for wrong in (verdicts(*[verdict()] * 3), verdicts(*[verdict()] * 4096), verdicts(verdict(WHOLE), verdict()),
                      verdicts(verdict(), u8(4)), frame("verdicts", u64(2**60)),
                      frame("verdicts", u64(1)), frame("verdicts", u64(0) + b"x"), slip("verdicts", (256 << 10) + 1),
                      verdicts(verdict(REST, 1, bytes(16)), verdict())):
            self.refuses_pull(wrong)
        self.refuses(pull("tree"), verdicts(*[verdict()] * 4097))

    def test_a_beginning_that_is_not_the_files_brings_all_of_it(self):
        for have, digest in ((4, bytes(16)), (len(OLD) + 1, xxh3_128(OLD)), (1 << 40, bytes(16)), (2**63 - 1, bytes(16))):
            with Peer.of(self.server) as peer:
                peer.send(hello() + pull("tree"))
                await_kind(peer, "hello")
                await_kind(peer, "entries")
                peer.send(verdicts(verdict(), verdict(REST, have, digest)))
                came = [await_kind(peer, "part"), await_kind(peer, "part")]   # the first says that it begins again
                self.assertEqual([(one.name, one.parcel) for one in came], [(b"0", b""), (b"0", OLD)])
                self.assertIn(xxh3_128(OLD), await_kind(peer, "close").parcel)
                peer.send(finish())

    def test_counts_of_what_is_stored_that_cannot_be(self):
        taken = verdicts(verdict())   # one is due, so that it goes on
        for said in (stored(3), stored(2**63 - 1), frame("stored", b"", "-1"), frame("stored", b"", ""), stored(2) + stored(1)):
            self.refuses_pull(taken, said)

    def test_finished_too_early(self):
        self.refuses_pull(finish())
        self.refuses_pull(verdicts(verdict()), finish())
        for code in (0, 22, 999):   # broken off is another thing
            self.assertIsNone(self.talk(pull("tree"), "entries", finish(0, code, "no \x1b[2J more"), "finish", BYE))

    def test_frames_of_other_conversations(self):
        for said in (entries(TREE), part(b"x"), close(), push(), pull("tree"), get("mine"), frame("stdin"), frame("post", b"x", "x"),
                     frame("done"), frame("data", b"x", "0"), frame("hello"), b"garbage\n"):
            with self.subTest(said=said[:10]):
                self.refuses_pull(said)
        for said in (verdicts(verdict()), stored(0), push(), pull("tree"), get("mine"), frame("stdin"), frame("data", b"x", "0")):
            with self.subTest(said=said[:10]):
                self.refuses_push(said)

    def test_no_path_leads_out(self):
        os.symlink(self.server.outside, self.server.path("tree/out"))
        os.symlink("../../outside/secret", self.server.path("tree/secret"))
        os.mkfifo(self.server.path("tree/pipe"))
        for path in ("..", "../outside", "/etc/passwd", "/", "tree/../../outside/secret", "tree/out", "tree/out/secret", "tree/secret",
                     "tree/out/directory/inner", self.server.outside, "/proc/self/root/etc/passwd", "tree/old/..", "tree/old/x",
                     "missing", "~", "-rf", "x" * 256, "x/" * 2047 + "x", "."):
            for request in (pull(path), pull(path, contents=1), list_request(path), list_request(path, contents=1)):
                with self.subTest(path=path[:40], request=request[:5]):
                    said = self.heard(request, path)
                    self.assertNotIn(b"tripwire", said)
                    self.assertNotIn(b"root:x:0", said)
        for wrong in (pull(""), pull("a\0b"), pull("x" * 4097), pull("tree", "a\0"), pull("tree", "mine", contents=1), pull("tree", contents=2),
                      pull("tree", attributes=2), pull("tree", owner=255)):
            self.refuses(wrong)
        self.assertIn(OLD, self.heard(pull("tree"), "tree"))   # the twin, links and pipes beside it

    def heard(self, request, path):
        """All that the server says of it, everything being wanted."""
        with Peer.of(self.server) as peer:
            peer.send(hello() + request)
            deadline, said = time.monotonic() + SOON, b""
            while (found := peer.read_past_pings(deadline - time.monotonic())) is not None:
                said += found.name + found.parcel
                if found.kind == "entries" and request.startswith(b"pull"):
                    peer.send(verdicts(*(verdict(WHOLE if one.kind == FILE else NOTHING) for one in read_entries(found))))
                if found.kind == "error" and not read_error(found).closes and request.startswith(b"pull"):
                    peer.send(finish(0))
                if found.kind in ("error", "finish"):
                    if found.kind == "finish" and request.startswith(b"pull"):
                        peer.send(finish())
                    peer.send_if_heard(BYE)
            return said


PUSH = (push(), entries(TREE, directory("tree/d"), file("tree/d/f"), file("tree/old")), 4, part(BYTES[:3]) + part(BYTES[3:], 3) + close(),
        part(BYTES), close(), trouble("x", "y", notice=1), finish(), "finish", BYE)
PULL = (pull("tree"), "entries", verdicts(verdict()), verdicts(verdict(WHOLE)), "close", stored(2), "finish", finish(), BYE)


class Links(PushesTest):
    """The connection ends, or falls silent, behind every frame of a client and in the middle of each."""

    def check_root(self):
        pass   # what may be there is checked here

    def each(self, end):
        def one(steps, at, share):
            said = [*steps[:at], steps[at][:int(len(steps[at]) * share)]]
            with Peer.of(self.server) as peer:
                play(peer, (hello(), "hello", *said))
                end(peer)
        for steps in (PUSH, PULL):
            for at, step in enumerate(steps):
                if isinstance(step, bytes):
                    yield from (lambda steps=steps, at=at, share=share: one(steps, at, share) for share in (0, 0.5, 1))

    def check_whole(self):
        wait_until(lambda: self.server.held()["fds"] <= self.server.baseline["fds"], "all sessions have ended")
        for path, contents in (("tree/old", (OLD, BYTES)), ("tree/d/f", (BYTES,))):
            if os.path.exists(self.server.path(path)):
                self.assertIn(read_file(self.server.path(path)), contents)
        self.check_served()

    def test_the_twins_without_a_cut(self):
        for steps in (PULL, PUSH):
            self.assertIsNone(self.talk(*steps))

    def test_cut(self):
        with canary(self.server):
            for number, run in enumerate(self.each(lambda peer: None)):
                run()
                if number % 3 == 0:
                    self.check_whole()
                    self.fill_root()
        self.check_whole()

    @unittest.skipUnless(SCALE > 1, "takes 15 s: with FARHAND_TEST_SCALE=2")
    def test_silence_is_noticed(self):
        def ends(peer):
            begun = time.monotonic()
            drain(peer, 25)
            self.assertIsNotNone(peer.ended, "the server still waits")
            self.assertLess(time.monotonic() - begun, 25)
        runs = list(self.each(ends))
        with canary(self.server):
            in_parallel(runs, len(runs))
        self.check_whole()


if __name__ == "__main__":
    main()
