"""What post and get tell while they run and at their end: progress, events, lists, dry runs, interruptions; and the options that
bound them: --files-from, --limit-rate."""
import json
import os
import re
import resource
import select
import signal
import subprocess
import time
import unittest

from harness import MEMORY_COUNTS, PATIENCE, Terminal, main, needs_root, read_file, wait_until, write_file, write_random_file
from hostile import FakeServer, drain, frame, text, u8, u16, u64, welcome
from trees_test import TreesTest

MIB = 1 << 20


def many(count, start=0):
    return [f"{number:05}" for number in range(start, start + count)]


def finish(complete=True):
    return frame("finish", u8(complete) + u16(0) + text("") + u64(0) * 5 + text(""))


class ReportsTest(TreesTest):
    def make_many(self, directory, count):
        os.makedirs(directory)
        for name in many(count):
            write_file(os.path.join(directory, os.fsencode(name)), name.encode())

    def on_terminal(self, args, **options):
        terminal = Terminal(self.server.client_command(args), cwd=self.here, **options)
        self.addCleanup(terminal.close)
        return terminal

    def events(self, args, status=0, **options):
        """Runs rclient with --progress-fd, and gives what came there."""
        reader, writer = os.pipe()
        with open(reader, "rb") as heard:
            try:
                ran = self.client([*args, "--progress-fd", str(writer)], pass_fds=[writer], **options)
            finally:
                os.close(writer)
            self.check(ran, status)
            return [json.loads(line) for line in heard]


class Progress(ReportsTest):
    def test_a_terminal_has_one_line_for_the_whole_job_and_a_summary_with_the_rate(self):
        self.make_many(self.local("t"), 300)
        write_random_file(self.local("t/zz-large"), 6 * MIB)
        terminal = self.on_terminal(["post", "t", "--limit-rate", "4M"], columns=100)
        line = terminal.expect(rb"\rpost  30\d of 301 files  [^\r]*MiB  \d+%  [^\r]*/s[^\r]* left  t/zz-large")
        self.assertLess(len(line.rsplit(b"\r", 1)[-1]), 100)
        terminal.expect(rb"post: 301 files, 6\.0 MiB sent in 1\.\d s \(\d\.\d MiB/s\)")
        self.assertEqual(terminal.wait(), 0)

    def test_what_is_there_already_counts_as_done_and_is_not_in_the_rate(self):
        self.make_many(self.local("t"), 100)
        write_random_file(self.local("t/00-old"), 20 * MIB)
        self.check(self.client(["post", "t"]))
        write_random_file(self.local("t/zz-new"), 6 * MIB)
        terminal = self.on_terminal(["post", "t", "--limit-rate", "4M"], columns=100)
        line = terminal.expect(rb"\rpost  101 of 102 files  2\d\.\d of 26\.0 MiB  \d+%  \d\.\d MiB/s[^\r]* left  t/zz-new")
        self.assertTrue(line)
        self.assertEqual(terminal.wait(), 0)

    def test_events_are_lines_of_json_and_end_with_the_numbers_of_the_summary(self):
        os.makedirs(self.local(b"t"))
        write_file(self.local(b"t/odd\xff"), b"four")
        os.mkfifo(self.local("t/pipe"))
        for verb, to in (("post", "there"), ("get", "here")):
            args = [verb, "t" if verb == "post" else "there", "--to", to]
            events = self.events(args)
            kinds = [event["event"] for event in events]
            self.assertEqual(kinds[-1], "end")
            self.assertEqual(kinds.count("end"), 1)
            self.assertIn("progress", kinds)
            (stored,) = [event for event in events if event["event"] == "file"]
            self.assertTrue(stored["path_base64"])
            self.assertEqual(stored["bytes"], 4)
            end = events[-1]
            self.assertEqual((end["status"], end["stored"], end["bytes"], end["failed"], end["dropped"]), (0, 1, 4, 0, 0), end)
            self.assertEqual("notice" in kinds, verb == "post")

    def test_failures_are_events_and_so_is_a_job_that_comes_to_nothing(self):
        events = self.events(["get", "not-there", "nor-this"], 1)
        self.assertEqual([event["path"] for event in events if event["event"] == "failed"], ["nor-this", "not-there"])
        self.assertEqual((events[-1]["event"], events[-1]["status"], events[-1]["failed"]), ("end", 1, 2))
        events = self.events(["get", "x"], 7, host="unix:/nowhere")
        self.assertEqual((events[-1]["event"], events[-1]["status"]), ("end", 7))

    def test_events_come_ten_times_a_second_at_most(self):
        write_random_file(self.local("large"), 4 * MIB)
        events = self.events(["post", "large", "--limit-rate", "4M"])
        self.assertLess(len([event for event in events if event["event"] == "progress"]), 3 + 10 * events[-1]["seconds"])
        self.assertGreater(len(events), 5)

    def test_a_descriptor_that_is_closed_or_full_never_holds_a_job_up(self):
        self.make_many(self.local("t"), 1000)
        done = self.client(["post", "t", "--progress-fd", "77"])
        self.check_sentence(done, 0, "--progress-fd")
        reader, writer = os.pipe()
        try:
            begun = time.monotonic()
            done = self.client(["post", "t", "--to", "full", "--progress-fd", str(writer)], pass_fds=[writer])
            self.check_sentence(done, 0, "--progress-fd")
            self.assertLess(time.monotonic() - begun, PATIENCE / 2)
        finally:
            os.close(reader)
            os.close(writer)
        self.assertEqual(len(os.listdir(self.remote("full"))), 1000)
        # Of ours, the connection is among the first; events must not go there.
        for fd in range(3, 12):
            self.check(self.client(["-q", "post", "t/00001", "--progress-fd", str(fd)]))

    def test_the_prompt_has_them_too(self):
        write_file(self.local("f"), b"content")
        reader, writer = os.pipe()
        with open(reader, "rb") as heard:
            self.check(self.client([], input=b"post f --progress-fd %d\n" % writer, pass_fds=[writer]))
            os.close(writer)
            self.assertEqual(json.loads(heard.read().splitlines()[-1])["event"], "end")


class Interrupted(ReportsTest):
    def test_ctrl_c_says_how_far_it_came_and_the_same_command_goes_on(self):
        for verb in ("post", "get"):
            source = self.local("t") if verb == "post" else self.remote("t2")
            os.makedirs(source)
            write_file(source + b"/00-small", b"x")
            write_random_file(source + b"/large", 40 * MIB)
            reader, writer = os.pipe()
            args = [verb, os.path.basename(os.fsdecode(source)), "--limit-rate", "10M", "--progress-fd", str(writer)]
            client = self.server.start_client(args, cwd=self.here, pass_fds=[writer])
            os.close(writer)
            try:
                with open(reader, "rb", buffering=0) as heard:
                    seen = b""
                    while not re.search(rb'"bytes":1\d{7},', seen):
                        ready, _, _ = select.select([heard], [], [], PATIENCE)
                        self.assertTrue(ready)
                        seen += heard.read(65536)
                    client.send_signal(signal.SIGINT)
                    out, err = client.communicate(timeout=PATIENCE)
            finally:
                client.kill()
            self.assertEqual(client.returncode, 130, err)
            self.assertRegex(err.decode(), r"^rclient: \S+.*: interrupted after 1 of 2 files and \d+\.\d MiB; no file is half-written, and the same "
                             r"command goes on from here\n$")
            # Whoever comes before the server has let go of the part gets one of his own.
            wait_until(lambda: all(count <= self.server.baseline[name] for name, count in self.server.held().items()), "it has")
            report = self.job(self.client(["--json", *args[:2]]))
            self.assertLess(report["bytes"], 33 * MIB, verb)
            self.assertEqual(report["failed"], 0)

    def test_ctrl_c_at_the_prompt_says_the_same_and_the_prompt_goes_on(self):
        os.makedirs(self.local("t"))
        write_random_file(self.local("t/large"), 40 * MIB)
        terminal = self.on_terminal([])
        terminal.expect(rb"> ")
        terminal.send(b"post t --limit-rate 10M\r")
        terminal.expect(rb"MiB/s")
        terminal.send(b"\x03")
        terminal.expect(rb"interrupted after 0 of 1 file and [^\r]*; no file is half-written, and the same command goes on from here")
        terminal.send(b"echo a$((1+1))b\r")
        terminal.expect(rb"a2b")
        terminal.send(b"exit\r")
        self.assertEqual(terminal.wait(), 0)
        self.check(self.client(["post", "t"]))


class FilesFrom(ReportsTest):
    def few_descriptors(self):
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

    def test_names_out_of_a_list_are_as_if_they_had_been_given(self):
        os.makedirs(self.local("d/sub"))
        write_file(self.local("d/sub/x"), b"x")
        write_file(self.local("d/new\nline"), b"y")
        write_file(self.local("list"), b"./d/sub\n\nlone\n")
        write_file(self.local("lone"), b"z")
        self.check(self.client(["post", "--files-from", "list", "--to", "up"]), 0, b"", b"")
        self.assertEqual((read_file(self.remote("up/sub/x")), read_file(self.remote("up/lone"))), (b"x", b"z"))
        self.check(self.client(["post", "-0", "--files-from", "-", "--to", "zero"], input=b"d/new\nline\0lone"), 0, b"", b"")
        self.assertEqual(sorted(os.listdir(self.remote("zero"))), [b"lone", b"new\nline"])
        self.check(self.client(["get", "--files-from", "-", "--to", "one"], input=b"up/lone\n"), 0, b"", b"")
        self.assertEqual(read_file(self.local("one/lone")), b"z", "--to is a directory, however many names there are")
        self.check(self.client(["get", "up/sub", "--files-from=-"], input=b"up/lone"), 0, b"", b"")
        self.assertEqual(read_file(self.local("sub/x")), b"x")

    def test_thousands_of_names_take_few_descriptors(self):
        self.make_many(self.local("t"), 300)
        names = b"".join(b"t/%s\n" % name.encode() for name in many(300))
        self.check(self.client(["post", "--files-from", "-", "--to", "up"], input=names, preexec_fn=self.few_descriptors), 0, b"", b"")
        self.assertEqual(len(os.listdir(self.remote("up"))), 300)
        self.assertLess(self.server.fds(), 100)

    def test_more_names_than_one_request_holds_come_all_the_same(self):
        self.make_many(self.remote("t"), 4200)
        names = b"".join(b"t/%s\n" % name.encode() for name in many(4200))
        done = self.client(["--json", "get", "--files-from", "-", "--to", "down"], input=names, preexec_fn=self.few_descriptors)
        self.assertEqual(self.job(done)["stored"], 4200)
        self.assertEqual(len(os.listdir(self.local("down"))), 4200)

    def test_what_is_wrong_with_a_list_is_said(self):
        write_file(self.local("a"), b"")
        os.makedirs(self.local("d"))
        write_file(self.local("d/a"), b"")
        for names, words in ((b"/etc/passwd\n", ["line 1", "absolute"]), (b"a\n../a\n", ["line 2", "upwards"]), (b"a\nd/a\n", ["one name"])):
            for verb in ("post", "get"):
                self.check_sentence(self.client([verb, "--files-from", "-"], input=names), 2, *words)
        self.check_sentence(self.client(["post", "--files-from", "missing"]), 4, "missing")
        self.check_sentence(self.client(["post", "--files-from", ""]), 2, "--files-from is empty")
        self.check_sentence(self.client(["post", "a", "--from0"]), 2, "--files-from")
        done = self.check(self.client([], input=b"post --files-from -\n"), 2)
        self.assertIn(b"standard input", done.stderr)
        self.assertEqual(os.listdir(self.server.root), [])

    def test_an_empty_list_is_nothing_to_do(self):
        for verb in ("post", "get"):
            self.check(self.client([verb, "--files-from", "-"], input=b"\n"), 0, b"", b"")

    def test_what_is_missing_among_many_is_told_and_the_rest_comes(self):
        self.make_many(self.local("t"), 100)
        names = b"".join(b"t/%s\n" % name.encode() for name in many(101))
        self.check_sentence(self.client(["post", "--files-from", "-", "--to", "up"], input=names), 1, "t/00100", "No such file")
        self.assertEqual(len(os.listdir(self.remote("up"))), 100)
        os.unlink(self.remote("up/00050"))
        names = names.replace(b"t/", b"up/").replace(b"up/00100\n", b"")
        self.check_sentence(self.client(["get", "--files-from", "-", "--to", "down"], input=names), 1, "up/00050", "not there")
        self.assertEqual(len(os.listdir(self.local("down"))), 99)


class LimitRate(ReportsTest):
    @unittest.skipUnless(MEMORY_COUNTS, "a sanitizer is too slow for figures of time")
    def test_both_directions_keep_to_the_rate(self):
        write_random_file(self.local("up"), 20 * MIB)
        write_random_file(self.remote("down"), 20 * MIB)
        for args in (["post", "up"], ["get", "down"]):
            end = self.events([*args, "--limit-rate", "10M"])[-1]
            self.assertGreater(end["seconds"], 1.8, args)
            self.assertLess(end["seconds"], 3, args)  # a busy machine is slower, and never faster

    def test_bytes_come_evenly_from_the_beginning(self):
        write_random_file(self.remote("down"), 10 * MIB)
        first = [event for event in self.events(["get", "down", "--limit-rate", "10M"]) if event["event"] == "progress" and event["bytes"] > 0][0]
        self.assertLess(first["bytes"], 2.5 * MIB)

    def test_a_rate_that_is_none_is_a_usage_error(self):
        for rate in ("0", "", "fast", "-1", "10M/s"):
            self.check_sentence(self.client(["post", "x", "--limit-rate", rate]), 2, "--limit-rate")


class DryRun(ReportsTest):
    def test_everything_is_told_however_much_it_is(self):
        self.make_many(self.local("t"), 12000)
        lines = self.client(["post", "t", "-n"]).stdout.splitlines()
        self.assertEqual(len(lines), 12001)
        self.assertEqual(lines[0], b"new 't'")
        done = self.client(["--json", "post", "t", "-n"])
        self.check(done)
        report = json.loads(done.stdout)
        self.assertEqual(len(report["would"]), 12001)
        self.assertEqual(report["would"][0], {"path": "t", "would": "new"})
        self.assertEqual(report["status"], 0)
        self.assertEqual(os.listdir(self.server.root), [])

    def test_a_full_device_is_a_failure(self):
        os.makedirs(self.remote("t"))
        for args in (["get", "t", "-n"], ["--json", "get", "t", "-n"], ["--json", "get", "t"]):
            with open("/dev/full", "wb") as full:
                self.check_sentence(self.client(args, stdout=full), 4, "standard output", "No space left")

    def test_a_reader_that_goes_ends_it_as_any_program(self):
        self.make_many(self.local("t"), 3000)
        reader, writer = os.pipe()
        os.close(reader)
        try:
            done = self.client(["post", "t", "-n"], stdout=writer)
        finally:
            os.close(writer)
        self.assertEqual((done.returncode, done.stderr), (-signal.SIGPIPE, b""))


class Sentences(ReportsTest):
    def test_notices_are_told_off_a_terminal_unless_quiet(self):
        os.makedirs(self.local("t"))
        os.mkfifo(self.local("t/pipe"))
        self.check_sentence(self.client(["post", "t"]), 0, "t/pipe", "left out")
        self.check(self.client(["-q", "post", "t"]), 0, b"", b"")

    def test_a_list_of_failures_fits_a_terminal_and_is_whole_elsewhere(self):
        names = [f"missing-{number}" for number in range(100)]
        done = self.client(["post", *names])
        self.check(done, 1)
        self.assertEqual(len(done.stderr.splitlines()), 100)
        terminal = self.on_terminal(["post", *names])
        self.assertEqual(terminal.wait(), 1)
        shown = terminal.seen.replace(b"\r", b"").splitlines()
        self.assertLess(len(shown), 24)
        self.assertTrue(any(b"91 more that failed" in line for line in shown), shown)

    def test_an_empty_suffix_is_a_usage_error(self):
        self.check_sentence(self.client(["post", "x", "--backup", ""]), 2, "--backup is empty")
        self.check_sentence(self.client(["post", "x", "--backup="]), 2, "--backup")

    @needs_root
    def test_verify_says_no_line_twice(self):
        for place in (self.local("t"), self.remote("t")):
            os.makedirs(place + b"/closed")
            write_file(place + b"/secret", b"x", 0)
            os.chmod(place + b"/closed", 0)
        lines = self.client(["verify", "t", ":t"]).stderr.splitlines()
        self.assertEqual(len(lines), len(set(lines)), lines)


class Unprivileged(Sentences):
    """The same where not everything can be read."""
    server_options = {"uid": 65534}

    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("takes root: it needs a second user")
        super().setUp()

    def make_tree_theirs(self, *places):
        subprocess.run(["chown", "-R", "65534:65534", *places], check=True, timeout=PATIENCE)

    def test_verify_says_no_line_twice(self):
        places = (self.local("t"), self.remote("t"))
        for place in places:
            os.makedirs(place + b"/closed")
            write_file(place + b"/secret", b"x", 0)
            os.chmod(place + b"/closed", 0)
        self.make_tree_theirs(*places)
        done = self.client(["verify", "t", ":t"])
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 4, lines)
        self.assertEqual(len(set(lines)), 4, lines)
        self.assertIn(b"rclient: verify: on the host, 't/secret' cannot be opened: Permission denied", lines)


class LyingServers(ReportsTest):
    def ask(self, script, args):
        def play(peer):
            welcome(peer)
            script(peer)
            drain(peer)
        with FakeServer(play, self.server.scratch) as fake:
            return self.client(args, host=fake.host)

    def test_a_get_of_which_nothing_came_is_a_failure(self):
        def nothing(peer):
            peer.expect("pull")
            peer.send(finish())
        self.check_sentence(self.ask(nothing, ["get", "x", "--checksum"]), 5, "'x'", "has sent nothing of it")
        done = self.ask(nothing, ["get", "x", "y", "--checksum"])
        self.check(done, 1)
        self.assertEqual(done.stderr.count(b"has sent nothing of it"), 2)

    def test_a_post_of_which_nothing_was_called_stored_is_a_failure(self):
        write_file(self.local("x"), b"")
        def nothing(peer):
            peer.expect("push")
            peer.expect("entries")
            peer.send(frame("verdicts", u64(1) + u8(0)))
            peer.expect("finish")
            peer.send(finish())
        self.check_sentence(self.ask(nothing, ["post", "x", "--checksum"]), 9, "not said to be stored")

    def test_the_same_with_the_word_that_it_is_stored_is_none(self):
        write_file(self.local("x"), b"")
        def stored(peer):
            peer.expect("push")
            peer.expect("entries")
            peer.send(frame("verdicts", u64(1) + u8(0)))
            peer.expect("finish")
            peer.send(frame("stored", b"", "1") + finish())
        self.check(self.ask(stored, ["post", "x", "--checksum"]))


if __name__ == "__main__":
    main()
