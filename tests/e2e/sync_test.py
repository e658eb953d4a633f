"""sync: one side becomes like the other, by somebody else's comparison; what is sent is counted; what goes is bounded."""
import contextlib
import json
import os
import socket
import stat
import struct
import subprocess
import unittest

from crash_support import client_wrapper, needs_strace, watched_server
from frame_relay import DOWN, UP, FrameRelay
from harness import (PATIENCE, SEED, Server, ServerTest, main, needs_root, random_bytes, read_file, remove_tree, scratch, snapshot, wait_until,
                     write_file)
from rights_support import UID, RootsSite

MIB = 1 << 20
DIRECTIONS = ("up", "down")


def change_in_place(path, at, content):
    """And let it be later than it was, to the nanosecond."""
    before = os.stat(path).st_mtime_ns
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(content)
    os.utime(path, ns=(before, before + 10**9))


class Relay(FrameRelay):
    """One whose sockets can be had."""
    sockets = ()

    def _relay(self, ways):
        self.sockets = ways[UP]
        super()._relay(ways)


class SyncTest(ServerTest):
    """`self.source` and `self.target` are directories, one here and the other on the host, by `direction`."""

    def setUp(self):
        super().setUp()
        for entry in os.scandir(self.server.root):
            remove_tree(entry.path) if entry.is_dir(follow_symlinks=False) else os.unlink(entry.path)

    def begin(self, direction):
        here, there = os.path.join(self.here, "here-" + direction), os.path.join(self.server.root, "there-" + direction)
        self.source, self.target = (here, there) if direction == "up" else (there, here)
        self.words = [here, ":there-" + direction] if direction == "up" else [":there-" + direction, here]
        os.mkdir(self.source)

    def sync(self, *options, status=0):
        done = self.client(["sync", *self.words, *options, "--json"])
        self.assertEqual(done.returncode, status, done.stderr)
        return json.loads(done.stdout)["job"]

    def assert_alike(self):
        done = subprocess.run(["rsync", "-anHAXc", "--delete", "--itemize-changes", self.source + "/", self.target + "/"],
                              capture_output=True, timeout=PATIENCE)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))

    def in_both_directions(self, test):
        for direction in DIRECTIONS:
            with self.subTest(direction=direction):
                self.begin(direction)
                test()

    def make(self, name, content=b"x", mode=None):
        path = os.path.join(self.source, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write_file(path, content, mode)
        return path

    def make_tree(self):
        self.large = random_bytes(20 * MIB + 77, SEED)
        self.make("large", self.large)
        self.make("sub/small", b"small\n", 0o640)
        self.make("sub/deeper/medium", random_bytes(300_000, SEED ^ 1))
        os.mkdir(os.path.join(self.source, "empty"))
        os.symlink("sub/small", os.path.join(self.source, "link"))
        os.link(os.path.join(self.source, "sub/small"), os.path.join(self.source, "hard"))


class Likeness(SyncTest):
    def test_one_side_becomes_like_the_other_and_then_nothing_is_sent(self):
        def test():
            self.make_tree()
            self.assertEqual(self.sync()["stored"], 3)
            self.assert_alike()
            again = self.sync()
            self.assertEqual((again["stored"], again["bytes"], again["unchanged"]), (0, 0, 3))
            self.assert_alike()
        self.in_both_directions(test)

    def test_a_change_in_a_large_file_costs_little(self):
        def test():
            self.make_tree()
            self.sync()
            change_in_place(os.path.join(self.source, "large"), 7 * MIB, b"changed")
            done = self.sync()
            self.assertEqual(done["stored"], 1)
            self.assertLess(done["bytes"], 16 << 10)
            self.assert_alike()
            with open(os.path.join(self.source, "large"), "wb") as file:  # all of it moves by a byte
                file.write(b"!" + self.large)
            self.assertLess(self.sync()["bytes"], 16 << 10)
            self.assert_alike()
        self.in_both_directions(test)

    def test_what_was_renamed_is_not_sent_again(self):
        def test():
            self.make_tree()
            self.sync()
            os.rename(os.path.join(self.source, "large"), os.path.join(self.source, "sub/renamed"))
            os.rename(os.path.join(self.source, "sub/deeper"), os.path.join(self.source, "moved"))
            done = self.sync("--delete")
            self.assertEqual((done["bytes"], done["deleted"]), (0, 3))
            self.assert_alike()
        self.in_both_directions(test)

    def test_by_checksum_a_change_under_the_same_size_and_time_is_found(self):
        def test():
            path = self.make("file", b"a" * 100_000)
            before = os.stat(path).st_mtime_ns
            self.sync()
            self.make("file", b"a" * 50_000 + b"b" + b"a" * 49_999)
            os.utime(path, ns=(before, before))
            self.assertEqual(self.sync()["stored"], 0)
            self.assertEqual(self.sync("--checksum")["stored"], 1)
            self.assert_alike()
        self.in_both_directions(test)

    def test_a_single_file_becomes_the_other_or_goes_into_a_directory(self):
        def test():
            self.make("file", b"one\n")
            there, here = self.words if self.words[0].startswith(":") else self.words[::-1]
            os.mkdir(self.target)
            into = self.words[1] + "/"
            self.check(self.client(["sync", self.words[0] + "/file", self.words[1] + "/other"]))
            self.check(self.client(["sync", self.words[0] + "/file/", into]))
            self.assertEqual(sorted(os.listdir(self.target)), ["file", "other"])
            refused = self.client(["sync", self.words[0] + "/file", self.words[1] + "/third", "--delete"])
            self.check_sentence(refused, 2, "no directory")
            self.assertEqual(sorted(os.listdir(self.target)), ["file", "other"])
        self.in_both_directions(test)

    def test_a_slash_at_the_end_means_nothing(self):
        def test():
            self.make("file", b"one\n")
            self.words = [word + "/" for word in self.words]
            self.sync()
            self.assert_alike()
        self.in_both_directions(test)

    def test_exactly_one_side_is_remote(self):
        for words in (["a", "b"], [":a", ":b"], ["a"], ["a", ":b", "c"], []):
            self.check_sentence(self.client(["sync", *words]), 2, "rclient sync SRC :DST")
        self.check_sentence(self.client(["sync", "a", ":b", "--max-delete", "0", "--delete"]), 2, "--max-delete")
        self.check_sentence(self.client(["sync", "a", ":b", "--max-delete", "5"]), 2, "--delete")
        self.check_sentence(self.client(["sync", "a", ":b", "--files-from", "list"]), 2, "--files-from")

    def test_what_is_not_there_makes_nothing(self):
        for words in ([":missing", "new"], ["missing", ":new"]):
            self.assertNotEqual(self.client(["sync", *words, "--delete"]).returncode, 0)
        self.assertFalse(os.path.lexists(os.path.join(self.here, "new")))
        self.assertEqual(os.listdir(self.server.root), [])


class Deletion(SyncTest):
    def prepare(self):
        self.make_tree()
        self.sync()
        for name in ("extra", "sub/extra", "gone/deep/file"):
            path = os.path.join(self.target, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            write_file(path, b"extra\n")

    def test_what_the_source_has_not_goes_only_when_asked_for(self):
        def test():
            self.prepare()
            self.assertEqual(self.sync()["deleted"], 0)
            self.assertTrue(os.path.exists(os.path.join(self.target, "gone/deep/file")))
            self.assertEqual(self.sync("--delete")["deleted"], 5)
            self.assert_alike()
        self.in_both_directions(test)

    def test_a_dry_run_tells_and_does_nothing(self):
        def test():
            self.prepare()
            self.make("added")
            before = snapshot(self.target)
            done = self.client(["sync", *self.words, "--delete", "-n"])
            # The times of the two directories that have got something extra come back as well.
            self.assertEqual(sorted(line.split()[0] for line in done.stdout.splitlines()), [b"deleted"] * 5 + [b"metadata"] * 2 + [b"new"])
            self.assertEqual(snapshot(self.target), before)
        self.in_both_directions(test)

    def test_more_than_may_go_and_nothing_goes(self):
        def test():
            self.prepare()
            self.make("added")
            done = self.sync("--delete", "--max-delete", "4", status=1)
            self.assertEqual((done["deleted"], done["failed"]), (0, 1))
            self.assertIn("5 names", str(done["failures"]))
            self.assertTrue(os.path.exists(os.path.join(self.target, "extra")))
            self.assertTrue(os.path.exists(os.path.join(self.target, "added")), "everything else was done")
            self.assertEqual(self.sync("--delete", "--max-delete", "5")["deleted"], 5)
        self.in_both_directions(test)

    def test_what_is_excluded_is_protected_on_the_other_side(self):
        def test():
            self.prepare()
            write_file(os.path.join(self.target, "gone/deep/keep.log"), b"mine\n")
            done = self.sync("--delete", "--exclude", "*.log")
            self.assertEqual(done["deleted"], 3)
            self.assertEqual(read_file(os.path.join(self.target, "gone/deep/keep.log")), b"mine\n")
            self.assertTrue(any("stays" in str(notice) for notice in done["notices"]))
        self.in_both_directions(test)

    def test_the_part_of_a_living_transfer_stays(self):
        def test():
            self.prepare()
            part = os.path.join(self.target, "sub/.farhand-part-0123456789abcdef0123456789abcdef")
            write_file(part, b"part")
            self.sync("--delete")
            self.assertTrue(os.path.exists(part))
            os.unlink(part)
        self.in_both_directions(test)

    @needs_strace
    def test_a_connection_that_is_lost_while_names_go_is_no_success(self):
        """Of the side that sends, which cannot know; the other one has heard all, does all, and tells that."""
        def test():
            self.make("kept", b"kept\n")
            self.make("new", b"new\n")
            extra = [f"extra-{number:03}" for number in range(200)]
            os.mkdir(self.target)
            for name in extra:
                write_file(os.path.join(self.target, name), b"extra\n")
            done = self.lose_while_names_go(len(extra))
            told = json.loads(done.stdout)
            left = [name for name in extra if os.path.exists(os.path.join(self.target, name))]
            self.assertEqual(sorted(os.listdir(self.target)), sorted([*left, "kept", "new"]))
            if self.target.startswith(self.here):
                self.assertEqual((done.returncode, told["status"], told["job"]["deleted"], left), (0, 0, len(extra), []))
            else:
                self.assertEqual((done.returncode, told["status"]), (8, 8), told)
                self.assertEqual((told["job"]["stored"], told["job"]["deleted"]), (0, 0), "it has heard of none")
                self.assertIn("goes on from here", told["files"][0]["error"]["message"])
            again = self.sync("--delete")
            self.assertEqual((again["deleted"], again["stored"]), (len(left), 0))
            self.assert_alike()
        self.in_both_directions(test)

    def lose_while_names_go(self, count):
        """The connection is reset when the sender has said all and the first name is gone; each of them takes 5 ms."""
        up = self.words[1].startswith(":")

        def heard(way, kind, _raw):
            if kind == "finish" and way == (UP if up else DOWN):
                wait_until(lambda: sum(name.startswith("extra-") for name in os.listdir(self.target)) < count, "the first is gone")
                for sock in relay.sockets:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                raise ConnectionResetError("cut")

        slowly = ("-o", os.devnull, "-e", "trace=unlinkat", "-e", "inject=unlinkat:delay_enter=5000")
        ends = self.ends()
        with Relay(self.server, heard=heard) as relay:
            command = self.server.client_command(["sync", *self.words, "--delete", "--json"], host=relay.host)
            with contextlib.ExitStack() as stack:
                if up:
                    stack.enter_context(watched_server(self.server, *slowly))
                else:
                    command = [*client_wrapper(*slowly), *command]
                done = subprocess.run(command, capture_output=True, timeout=PATIENCE)
                wait_until(lambda: self.ends() > ends, "the server is through with it")
        return done

    def ends(self):
        return self.server.log().count(", end: ")

    def test_outside_of_the_target_nothing_goes(self):
        def test():
            self.prepare()
            outside = os.path.join(os.path.dirname(self.target), "outside-" + os.path.basename(self.target))
            os.makedirs(outside)
            write_file(os.path.join(outside, "precious"), b"mine\n")
            os.symlink(outside, os.path.join(self.target, "way-out"))
            os.symlink(outside, os.path.join(self.target, "gone/way-out"))
            self.sync("--delete")
            self.assertEqual(read_file(os.path.join(outside, "precious")), b"mine\n")
            self.assert_alike()
        self.in_both_directions(test)


@needs_root
class UnreadableSources(unittest.TestCase):
    """As a user whom modes keep out, since root reads everything."""

    def test_a_directory_that_cannot_be_read_keeps_everything(self):
        here = scratch(uid=UID)
        self.addCleanup(remove_tree, here)
        with Server(uid=UID) as server:
            for up in (True, False):
                source = os.path.join(here if up else server.root, "source-%d" % up)
                target = os.path.join(server.root if up else here, "target-%d" % up)
                os.makedirs(source + "/secret")
                write_file(source + "/secret/file", b"x")
                os.makedirs(target + "/secret")
                for name in ("secret/file", "extra"):
                    write_file(target + "/" + name, b"kept\n")
                for top in (source, target):
                    for path, _, files in os.walk(top):
                        for each in [path] + [os.path.join(path, name) for name in files]:
                            os.chown(each, UID, UID)
                os.chmod(source + "/secret", 0)
                words = [source, ":target-1"] if up else [":source-0", target]
                done = server.client(["sync", *words, "--delete", "--json"], uid=UID, cwd="/")
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertEqual(json.loads(done.stdout)["job"]["deleted"], 0)
                self.assertEqual(read_file(target + "/extra"), b"kept\n")
                self.assertEqual(read_file(target + "/secret/file"), b"kept\n")
                self.assertEqual(stat.S_IMODE(os.stat(target + "/secret").st_mode), 0, "the mode came")
                os.chmod(source + "/secret", 0o755)
                done = server.client(["sync", *words, "--delete", "--json"], uid=UID, cwd="/")
                self.assertEqual(json.loads(done.stdout)["job"]["deleted"], 1, done.stderr)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(read_file(target + "/secret/file"), b"x")
                self.assertEqual(stat.S_IMODE(os.stat(target + "/secret").st_mode), 0o755)


@needs_root
class Confined(unittest.TestCase):
    def test_a_worker_that_may_do_little_makes_deltas_and_deletes(self):
        """As root's server has it: a key without exec has a process that the kernel confines."""
        site = RootsSite("--model", "process")
        self.addCleanup(site.close)
        client = site.paired("--allow", "get,post")
        here = scratch(UID)
        self.addCleanup(remove_tree, here)
        source, back = os.path.join(here, "source"), os.path.join(here, "back")
        os.makedirs(source + "/sub")
        large = random_bytes(2 * MIB, SEED)
        write_file(source + "/large", large)
        write_file(source + "/sub/moved", random_bytes(MIB, SEED ^ 1))
        subprocess.run(["chown", "-Rh", f"{UID}:{UID}", here], check=True, timeout=PATIENCE)

        def sync(*words):
            ran = client.there("sync", *words, "--delete", "--json")
            self.assertEqual(ran.returncode, 0, ran.stderr)
            return json.loads(ran.stdout)["job"]
        self.assertEqual(sync(source, ":copy")["stored"], 2)
        self.assertEqual(sync(":copy", back)["stored"], 2)
        change_in_place(source + "/large", MIB, b"changed")
        os.rename(source + "/sub/moved", source + "/renamed")
        for words in ((source, ":copy"), (":copy", back)):
            done = sync(*words)
            self.assertLess(done["bytes"], 8 << 10)
            self.assertEqual((done["stored"], done["deleted"]), (2, 1))
        compare = ["rsync", "-rlptDnHc", "--delete", "--itemize-changes", source + "/", back + "/"]
        done = subprocess.run(compare, capture_output=True, timeout=PATIENCE)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))


if __name__ == "__main__":
    main()
