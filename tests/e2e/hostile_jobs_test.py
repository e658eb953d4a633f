"""A server that breaks the rules of a job of files, against `rclient get DIR` and `rclient post DIR`: nothing but what was
asked for, nothing outside, nothing half under its name, never a false success, always in time."""
import contextlib
import json
import os
import signal
import subprocess
import threading
import unittest

from harness import MEMORY_COUNTS, client_command, environment, main, memory_of, read_file, remove_tree, wait_until, write_file
from hostile import MIB, FakeServer, assert_plain, error, frame, text, u8, u64, xxh3_128
from job_frames import (BYTES, Ended, REST, SPECIAL, WHEN, await_verdicts, close, directory, entries, entry, file, finish, hard_link,
                        link, meet_puller, packed, part, play, stored, trouble, verdict, verdicts, whole)
from job_support import (BAD_COUNTS, BAD_FIELDS, BAD_HARD_LINKS, BAD_NAMES, BAD_ORDERS, BAD_PACKED, BELOW_NO_DIRECTORY, EVIL_TEXTS, OLD,
                         OUT_OF_ORDER, SOON, TOO_LARGE, TREE, WRONG_CLOSES, JobsTest, part_name)


class Honest(JobsTest):
    """The twins: this fake server is believed when it keeps to the rules."""

    def test_a_tree_of_everything(self):
        listed = [TREE, directory("tree/d"), file("tree/d/f"), link("tree/d/l", "../../outside"), file("tree/e", b""),
                  hard_link("tree/h", "tree/d/f"), entry("tree/s", SPECIAL)]
        ran = self.get(entries(*listed), len(listed), whole(), close(b""), finish(files=4), "finish")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertRegex(ran.stderr, rb"^rclient: get: 'tree/s' is a pipe, socket or device and was left out\n$")
        self.assertEqual(read_file(self.path("tree/d/f")), BYTES)
        self.assertTrue(os.path.samefile(self.path("tree/h"), self.path("tree/d/f")))
        self.assertEqual(os.readlink(self.path("tree/d/l")), "../../outside")
        self.assertEqual(read_file(self.path("tree/e")), b"")
        self.assertFalse(os.path.lexists(self.path("tree/s")))

    def test_two_files_into_a_directory(self):
        ran = self.get(entries(file("a"), file("b")), 2, whole(), whole(), finish(), "finish",
                       args=("get", "a", "b", "--to", "d"))
        self.assertEqual((ran.returncode, ran.stderr), (0, b""))
        self.assertEqual([read_file(self.path("d", name)) for name in "ab"], [BYTES, BYTES])

    def test_contents(self):
        ran = self.get(entries(directory("."), file("a")), 2, whole(), finish(), "finish", args=("get", ".", "--to", "d"))
        self.assertEqual((ran.returncode, ran.stderr), (0, b""))
        self.assertEqual(read_file(self.path("d/a")), BYTES)

    def test_the_rest_of_a_file(self):
        """What is there is told with its hash, and only the rest comes."""
        content = os.urandom(MIB)
        half = len(content) // 2
        self.allowed.add(content)
        write_file(self.path("tree", part_name("f")), content[:half], 0o600)

        def listed(peer):
            peer.send(entries(TREE, file("tree/f", content)))
            self.assertEqual(await_verdicts(peer, 2)[1], (REST, half, xxh3_128(content[:half])))
        ran = self.get(listed, part(content[half:], half) + close(content), finish(), "finish")
        self.assertEqual((ran.returncode, ran.stderr), (0, b""))
        self.assertEqual(read_file(self.path("tree/f")), content)


class Names(JobsTest):
    """What is listed: names that were asked for, each once, in order, below directories."""

    def test_names_that_are_none(self):
        for name in BAD_NAMES:
            with self.subTest(name=name[:40]):
                self.refuses(entries(TREE, file(name)), 2, whole(), finish())
                self.refuses(entries(file(name)), 1, whole(), finish())

    def test_names_that_nobody_asked_for(self):
        for name in ("other", "Tree", "tree2", "tre", ".bashrc", ".ssh", "mine", "~", "-rf", ".farhand-part-x", "tree ",
                     "tree\n", "a"):
            for listed in (file(name), directory(name), link(name, "/etc"), entry(name, SPECIAL)):
                with self.subTest(name=name):
                    names = self.names_here()
                    self.refuses(entries(listed), 1, whole(), finish())
                    self.refuses(entries(*sorted([TREE, listed], key=lambda one: one[9:20])), 2, whole(), finish())
                    self.assertEqual(self.names_here(), names)

    def test_names_that_nobody_asked_for_beside_two_files(self):
        for name in ("c", "0", "a/x", "b/x", "aa", ".ssh/authorized_keys", "d"):
            with self.subTest(name=name):
                listed = sorted([("a", file("a")), ("b", file("b")), (name, file(name))])
                self.refuses(entries(*(one for _, one in listed)), 3, whole(), whole(), whole(), finish(),
                             args=("get", "a", "b", "--to", "d"))
                self.assertLessEqual(set(os.listdir(self.path("d"))), {"a", "b"})

    def test_an_entry_for_itself_where_no_contents_are_due(self):
        self.refuses(entries(directory(".", mode=0o777)), 1, finish())
        self.refuses(entries(TREE, directory(".")), 2, finish())
        self.refuses(entries(link(".", "/etc")), 1, finish(), args=("get", ".", "--to", "d"))
        self.refuses(entries(file(".")), 1, finish(), args=("get", ".", "--to", "d"))

    def test_two_of_one_name_and_out_of_order(self):
        for listed in BAD_ORDERS:
            self.refuses(entries(TREE, *listed), 1 + len(listed), whole(), whole(), finish())
            self.refuses(entries(TREE, listed[0]), 2, entries(*listed[1:]) if listed[1:] else entries(TREE), whole(), whole(),
                         finish())

    def test_below_what_is_no_directory(self):
        for top, below in BELOW_NO_DIRECTORY:
            self.refuses(entries(TREE, top, below), 3, whole(), whole(), finish())
            self.refuses(entries(TREE, top), 2, entries(below), whole(), whole(), finish())

    def test_without_its_directory(self):
        self.refuses(entries(file("tree/x")), 1, whole(), finish())

    def test_kinds_and_fields_that_are_none(self):
        for listed in BAD_FIELDS:
            self.refuses(entries(TREE, listed), 2, whole(), finish())


class Links(JobsTest):
    def test_what_stands_there_is_never_followed(self):
        """The user has links of his own in the target; what comes below them fails, and the rest comes."""
        os.symlink("../../outside", self.path("tree/l"))
        os.symlink("../../outside/victim", self.path("tree/v"))
        ran = self.get(entries(TREE, directory("tree/l", mode=0o700), file("tree/l/evil"), directory("tree/l/inner"),
                               file("tree/l/inner/evil"), file("tree/v"), file("tree/z")),
                       7, whole(), whole(), finish(), "finish")
        self.check_told(ran, 1)
        self.assertTrue(os.path.islink(self.path("tree/l")))
        self.assertEqual([read_file(self.path("tree", name)) for name in "vz"], [BYTES, BYTES])
        self.assertFalse(os.path.islink(self.path("tree/v")))

    def test_the_top_is_a_link_of_the_users(self):
        os.rename(self.path("tree"), self.path("elsewhere"))
        os.symlink("../outside", self.path("tree"))
        ran = self.get(entries(TREE, file("tree/evil")), 2, finish(), "finish")
        self.check_told(ran, 1, 3, 4)

    def test_a_directory_does_not_become_a_link_nor_a_file(self):
        os.mkdir(self.path("tree/d"))
        write_file(self.path("tree/d/x"), OLD)
        for listed in (link("tree/d", "../../outside"), file("tree/d"), hard_link("tree/d", "tree/a")):
            self.check_told(self.get(entries(TREE, file("tree/a"), listed), 3, whole(), finish(), "finish"), 1)
            self.assertEqual(read_file(self.path("tree/d/x")), OLD)
        self.assertEqual(read_file(self.path("tree/a")), BYTES)

    def test_a_file_where_a_directory_comes_fails_with_all_below(self):
        ran = self.get(entries(TREE, directory("tree/old"), file("tree/old/x"), file("tree/z")), 4, whole(), finish(), "finish")
        self.check_told(ran, 1)
        self.assertEqual(read_file(self.path("tree/old")), OLD)
        self.assertEqual(read_file(self.path("tree/z")), BYTES)

    def test_hard_links_that_lead_elsewhere(self):
        for target in BAD_HARD_LINKS:
            with self.subTest(target=target):
                self.refuses(entries(TREE, file("tree/a"), hard_link("tree/h", target)), 3, whole(), finish())
                self.assertFalse(os.path.lexists(self.path("tree/h")))

    def test_hard_links_to_what_is_no_file(self):
        os.symlink("../../outside", self.path("tree/a-link"))
        for target in ("tree", "tree/d", "tree/a-link/victim", "tree/a-link/inner", "tree/missing"):
            with self.subTest(target=target):
                ran = self.get(entries(TREE, directory("tree/d"), hard_link("tree/n", target)), 3, finish(), "finish")
                self.check_told(ran, 1, 9)
                self.assertFalse(os.path.lexists(self.path("tree/n")))

    def test_a_hard_link_to_a_file_that_failed_is_not_made_of_the_old_one(self):
        for content in (close(BYTES, digest=bytes(16)), part(BYTES) + close(b"other"), close(outcome=1, reason="gone"),
                        part(b"x") + close(outcome=2)):
            ran = self.get(entries(TREE, file("tree/old"), hard_link("tree/p", "tree/old")), 3, content, finish(), "finish")
            self.check_told(ran, 1)
            self.assertEqual(read_file(self.path("tree/old")), OLD)
            self.assertFalse(os.path.lexists(self.path("tree/p")))

    def test_a_hard_link_to_what_was_not_sent(self):
        """An earlier *entry*: what is there besides is not the server's to give a second name, or a new mode by it."""
        ran = self.get(entries(TREE, file("tree/a"), hard_link("tree/p", "tree/old")), 3, whole(), finish(), "finish")
        self.assertIn(ran.returncode, (1, 9), ran.stderr)
        self.assertFalse(os.path.lexists(self.path("tree/p")))


class SpecialNames(JobsTest):
    """Names of parts, planted so that a later file's content would be written through them."""

    def test_links_under_the_names_of_parts(self):
        content = BYTES * 40_000   # large enough for a part that is found again
        self.allowed.add(content)
        name = "tree/" + part_name("b")
        for planted in (link(name, "../../outside/victim"), link(name, "/dev/null"), directory(name), hard_link(name, "tree/!"),
                        file(name)):
            with self.subTest(planted=planted[:1]):
                contents = [whole(), whole()] if planted == file(name) else [whole()]
                ran = self.get(entries(TREE, file("tree/!"), planted), 3, *contents, entries(file("tree/b", content)), 1,
                               part(content[:MIB // 4]) + part(content[MIB // 4:], MIB // 4) + close(content), finish(), "finish")
                self.assertIn(ran.returncode, (0, 1, 9), ran.stderr)
                if ran.returncode == 0:
                    self.assertEqual(read_file(self.path("tree/b")), content)
                self.assertEqual(read_file(self.path("tree/!")), BYTES)
                remove_tree(self.path("tree"))
                os.mkdir(self.path("tree"))

    def test_a_part_of_the_servers_making_is_not_spliced(self):
        """Under a part's name and then continued: what gets the final name hashes to what was said of all of it."""
        content, other = os.urandom(MIB), os.urandom(MIB)
        self.allowed |= {content, other[:MIB // 2]}
        name = "tree/" + part_name("b")
        write_file(self.path(name), other[:MIB // 2], 0o600)
        ran = self.get(entries(TREE, file("tree/b", content)), 2, part(content[MIB // 2:], MIB // 2) + close(content), finish(),
                       "finish")
        self.check_told(ran, 1)
        self.assertFalse(os.path.exists(self.path("tree/b")))


class Content(JobsTest):
    """Parts and closes: wrong ones fail their file, and those out of order the job; the old file stays."""

    def one(self, *steps, listed=None, statuses=(1,)):
        return self.refuses(entries(TREE, listed or file("tree/old")), 2, *steps, statuses=statuses)

    def test_wrong_hashes_and_sizes(self):
        for wrong in WRONG_CLOSES:
            self.one(part(BYTES) + wrong, finish(), "finish")
        self.one(close(), finish(), "finish")
        self.one(close(b"", digest=bytes(16)), finish(), "finish", listed=file("tree/old", b""))

    def test_wrong_hashes_of_the_rest(self):
        """The user has the beginning; what the server says of it may be wrong in every way."""
        write_file(self.path("tree/old"), OLD)
        os.utime(self.path("tree/old"), (WHEN, WHEN))
        self.allowed.add(OLD)
        same = file("tree/old", OLD)
        for wrong in (close(OLD, digest=bytes(16)), close(OLD, size=len(OLD) + 5), close(OLD, size=3), close(b""),
                      part(b"x", len(OLD)) + close(OLD), part(b"", 0) + close(OLD), part(OLD, 0) + close(b"other")):
            self.one(wrong, finish(), "finish", listed=same)
        self.one(part(b"x", len(OLD) - 1) + close(OLD), finish(), "finish", listed=same, statuses=(9,))

    def test_parts_out_of_order_and_below_what_is_there(self):
        for wrong in OUT_OF_ORDER:
            self.one(wrong, close(), finish(), statuses=(9,))

    def test_packed_parts_that_do_not_unpack(self):
        """And one that does, which is the twin. Bombs take neither memory nor room."""
        for story, wrong in BAD_PACKED.items():
            with self.subTest(story=story):
                told = self.refuses(entries(TREE, file("tree/x")), 2, wrong, close(), finish(), args=("get", "--compress", "tree"))
                self.assertEqual(len(told.splitlines()), 1, told)
                self.assertFalse(os.path.lexists(self.path("tree/x")))
        ran = self.get(entries(TREE, file("tree/x")), 2, packed(BYTES), close(), finish(files=1), "finish")
        self.assertEqual((ran.returncode, read_file(self.path("tree/x"))), (0, BYTES), ran.stderr)

    def test_parts_beyond_what_was_announced(self):
        """They may be there, as a file may have grown; but only what the close says of all of it is stored."""
        self.one(part(BYTES) + part(b"x" * MIB, len(BYTES)) + close(), finish(), "finish")
        self.one(part(b"x", 1 << 62) + close(), finish(), "finish")

    def test_content_that_nobody_asked_for(self):
        self.refuses(part(BYTES))
        self.refuses(close())
        self.refuses(entries(TREE), 1, whole())
        self.refuses(entries(TREE, file("tree/a")), 2, whole(), whole())
        self.refuses(entries(TREE, link("tree/a", "x")), 2, whole())
        ran = self.get(entries(TREE, file("tree/a")) + whole() + finish(), "finish")   # perhaps before its verdict
        self.assertIn(ran.returncode, (0, 9))

    def test_sealed_as_failed(self):
        for code in (0, 1, 11, 23, 65535):
            told = self.one(part(b"half") + close(outcome=1, code=code, reason="it \x1b[2J moved\n"), finish(failed=1), "finish")
            self.assertIn("moved", told)
        self.one(close(outcome=2), finish(), "finish")
        self.one(close(outcome=3), finish(), statuses=(9,))

    def test_set_id_modes_are_dropped(self):
        for mode in (0o7777, 0o4755, 0o2755, 0o1777):
            for listed, sealed in ((mode, mode), (0o644, mode), (mode, 0o644)):
                ran = self.get(entries(TREE, directory("tree/d", mode=mode), file("tree/f", mode=listed)), 3,
                               part(BYTES) + close(mode=sealed), finish(), "finish")
                self.assertEqual(ran.returncode, 0, ran.stderr)
                self.assertEqual(os.stat(self.path("tree/f")).st_mode & 0o7000, 0)
                self.assertEqual(os.stat(self.path("tree/d")).st_mode & 0o7000, 0)
                os.unlink(self.path("tree/f"))

    def test_files_beyond_the_disk(self):
        for size in (2**63 - 1, 2**62, 1 << 50):
            self.one(close(size=size), finish(), "finish", listed=entry("tree/old", size=size, occupied=0))
            self.one(part(b"x", size - 1) + close(size=size), finish(), "finish", listed=entry("tree/old", size=size, occupied=0))



class Endings(JobsTest):
    def test_finished_too_early(self):
        """Before what was listed has come: never success."""
        self.refuses(entries(TREE, file("tree/a")), 2, finish())
        self.refuses(entries(TREE, file("tree/a")), 2, part(b"fresh"), finish())
        self.refuses(entries(TREE, file("tree/a")) + finish())
        self.assertFalse(os.path.lexists(self.path("tree/a")))

    def test_finished_without_anything(self):
        self.check_told(self.get(finish(), "finish"), 1, 3, 5, 9)

    def test_something_that_was_asked_for_never_came(self):
        """Of two names one is listed and the other not spoken of: what was asked for is not there, and that is no success."""
        ran = self.get(entries(file("a")), 1, whole(), finish(), "finish", args=("get", "a", "b", "--to", "d"))
        self.check_told(ran, 1, 3, 9)

    def test_broken_off(self):
        for code in (0, 1, 10, 999):
            told = self.refuses(entries(TREE, file("tree/a")), 2, part(b"fresh"), finish(0, code, "no \x1b[2J more\n"), "finish",
                                statuses=(1, 3, 4, 5, 6, 7, 8, 9, 124, 130))
            self.assertIn("more", told)

    def test_numbers_that_cannot_be(self):
        ran = self.get(entries(TREE), 1, finish(files=2**64 - 1, size=2**64 - 1, unchanged=2**64 - 1, failed=2**64 - 1,
                                                deleted=2**64 - 1, place="../\x1b[2J\n"), "finish")
        self.check_told(ran, 1)
        for args in (["-v", "get", "tree"], ["--json", "get", "tree"]):
            ran = self.get(entries(TREE), 1, finish(place="\x1b[2J\n../x"), "finish", args=args)
            self.assertEqual(ran.returncode, 0, ran.stderr)
            for line in (ran.stdout + ran.stderr).decode().splitlines():
                assert_plain(line)

    def test_frames_of_other_conversations(self):
        for said in (frame("done"), stored(1), verdicts(verdict()), frame("post", b"x", "tree"), frame("data", b"x", "0"),
                     frame("exit"), frame("taken", b"", "1"), frame("offer", text("x") + u8(0) + u64(0)), frame("seal"),
                     b"garbage\n", frame("hello"), frame("push"), frame("pull")):
            with self.subTest(said=said[:10]):
                self.refuses(said)
                self.refuses(entries(TREE, file("tree/a")), 2, part(b"x"), said)

    def test_refusals(self):
        for closes in (True, False):
            for steps in ((), (entries(TREE, file("tree/a")), 2), (entries(TREE, file("tree/a")), 2, part(b"x"))):
                told = self.refuses(*steps, error(5, closes, "you \x1b[2J may not\n"), statuses=(1, 3))
                self.assertIn("may not", told)


class Sentences(JobsTest):
    def test_troubles_are_shown_escaped_and_on_their_line(self):
        for said in EVIL_TEXTS:
            for notice in (0, 1):
                with self.subTest(said=said):
                    steps = (entries(TREE), 1, trouble("tree/" + said.replace("\0", ""), said, notice=notice), finish(failed=1 - notice),
                             "finish")
                    ran = self.get(*steps, args=("-v", "get", "tree"))
                    self.check_told(ran, 1 - notice)
                    ran = self.get(*steps, args=("--json", "get", "tree"))
                    self.assertEqual(ran.stdout.count(b"\n"), 1)
                    self.assertEqual(json.loads(ran.stdout)["status"], 1 - notice)
                    self.assertNotIn(b"\x1b", ran.stdout)

    def test_names_of_entries_are_shown_escaped(self):
        for said in EVIL_TEXTS[:-1]:
            self.refuses(entries(TREE, file("tree/" + said), file("tree/" + said)), 3)
            ran = self.get(entries(TREE, file("tree/" + said.replace("/", ""))), 2, part(b"x") + close(), finish(), "finish")
            self.check_told(ran, 1)

    @unittest.skipUnless(MEMORY_COUNTS, "a sanitizer's memory is its own, and its minutes are dear")
    def test_many_troubles_are_counted_and_take_no_memory(self):
        sent = [0]

        def script(peer):
            meet_puller(peer)
            peer.send(entries(TREE))
            many = b"".join(trouble("tree/%060d" % number, "no " + "y" * 900) for number in range(200))
            while True:
                peer.send(many)
                sent[0] += 200
        self.check_endless(script, lambda: sent[0] > 40_000)   # 40 MB

    @unittest.skipUnless(MEMORY_COUNTS, "a sanitizer's memory is its own, and its minutes are dear")
    def test_endless_entries_without_content_take_no_memory(self):
        sent = [0]

        def script(peer):
            meet_puller(peer)
            peer.send(entries(TREE))
            await_verdicts(peer, 1)
            with contextlib.suppress(Ended):   # it is interrupted in the end
                while True:
                    count = 1000
                    peer.send(entries(*(entry("tree/%012d" % (sent[0] + number) + "x" * 150, SPECIAL) for number in range(count))))
                    await_verdicts(peer, count)
                    sent[0] += count
        self.check_endless(script, lambda: sent[0] >= 100_000)

    def check_endless(self, script, enough):
        with FakeServer(script, self.run_dir) as fake:
            process = subprocess.Popen(client_command(["get", "tree"], fake.host), cwd=self.here, env=environment(),
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            try:
                wait_until(enough, "it takes what is sent")
                self.assertLess(memory_of(process.pid)["VmHWM"], 64 * MIB)
                process.send_signal(signal.SIGINT)
                _, told = process.communicate(timeout=SOON)
                self.assertEqual(process.returncode, 130, told[-500:])
                self.assertLess(len(told), 16 * MIB)   # a bounded list
            finally:
                if process.poll() is None:
                    process.kill()
                    process.communicate()


class Sizes(JobsTest):
    def test_frames_beyond_their_limits(self):
        for said in TOO_LARGE:
            self.refuses(entries(TREE, file("tree/a")), 2, said)

    def test_counts_that_the_parcel_cannot_hold(self):
        for said in BAD_COUNTS:
            self.refuses(said)

    def test_more_entries_than_may_be_without_a_verdict(self):
        """4096 files are wanted, of which none comes; then nothing more is judged, and what is listed is too much."""
        def script(peer):
            number = 0
            for _ in range(3):
                listed = [file("tree/%06d" % (number + index)) for index in range(2000)]
                peer.send_if_heard(entries(*listed))
                number += 2000
            for _ in range(3):
                peer.send_if_heard(entries(*(file("tree/%06d" % (number + index)) for index in range(2000))))
                number += 2000
        told = self.refuses(entries(TREE), 1, script)
        self.assertIn("verdict", told)

    def test_a_hole_that_nobody_has_announced_takes_no_time(self):
        """A file of 14 bytes is closed as one of terabytes of zeros: hashing those would take many minutes."""
        ran = self.get_bounded(file("tree/old"), close(size=(1 << 43)))
        self.assertIn(ran.returncode, (1, 9), ran.stderr)

    def get_bounded(self, listed, sealed):
        try:
            return self.get(entries(TREE, listed), 2, sealed, finish(), "finish", timeout=3)
        except subprocess.TimeoutExpired:
            self.fail("it was not over within 3 s")

    def test_an_announced_hole_can_be_interrupted(self):
        """It may be a true one. The client gives signs of life meanwhile, and ends when it is told to."""
        alive = threading.Event()

        def script(peer):
            meet_puller(peer)
            play(peer, (entries(TREE, entry("tree/old", size=1 << 43, occupied=0)), 2, close(size=1 << 43)))
            while (found := peer.read()) is not None:
                if found.kind == "ping":
                    alive.set()
        with FakeServer(script, self.run_dir) as fake:
            process = subprocess.Popen(client_command(["get", "tree"], fake.host), cwd=self.here, env=environment(),
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            try:
                self.assertTrue(alive.wait(15), "it says that it lives")
                process.send_signal(signal.SIGINT)
                _, told = process.communicate(timeout=SOON)
                self.assertEqual(process.returncode, 130, told)
            finally:
                if process.poll() is None:
                    process.kill()
                    process.communicate()
        self.assertEqual(read_file(self.path("tree/old")), OLD)


if __name__ == "__main__":
    main()
