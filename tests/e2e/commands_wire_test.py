"""Commands as the wire shows them: signals that overtake input, the window of that input, deadlines, directories, streams
made one, what was used, and words that arrive byte for byte."""
import contextlib
import os
import pwd
import random
import shutil
import signal
import subprocess
import time
import unittest

from harness import (MEMORY_COUNTS, MODEL, NOBODY, PATIENCE, PYTHON, SCALE, SEED, ServerTest, in_parallel, main, needs_root,
                     pids_with_word, unique_number, wait_until, _stat_fields)
from hostile import (BYE, LIMIT, MIB, NOT_FOUND, OUTSIDE_ROOT, PROTOCOL, STDIN_END, Peer, closing_error, error,
                     exec_line, exec_words, frame, get, greeted, hello, ping, read_error, read_exit, resize,
                     run_line, run_words)
from rights_support import UID, Site, tear_down_canary

SLOW = 10 if os.environ.get("FARHAND_SANITIZE") else 1
AT_ONCE = 5 * SLOW   # seconds for what takes milliseconds
WINDOW = 4 * MIB
EXITED, SIGNALLED, NOT_STARTED = 0, 1, 2
NO_PERMISSION = 5

# Blocks the signals, says `ready`, and tells each that comes: without a race, whenever it comes.
WAITER = """import os, signal, sys
asked = set(getattr(signal, name) for name in sys.argv[1].split(","))
signal.pthread_sigmask(signal.SIG_BLOCK, asked)
os.write(1, b"ready\\n")
while asked:
    came = signal.sigwait(asked)
    asked.discard(came)
    os.write(1, signal.Signals(came).name.encode() + b"\\n")
"""


def tearDownModule():
    tear_down_canary()


def sent(name):
    return frame("signal", name=name)


def waiter(*signals, **fields):
    """A command that ends once each of these signals has come."""
    return exec_words(PYTHON, "-c", WAITER, ",".join("SIG" + name for name in signals), **fields)


def without(frames, *kinds):
    return [found for found in frames if found.kind not in kinds]


def text_of(frames, kind="stdout"):
    return b"".join(found.parcel for found in frames if found.kind == kind)


class CommandsTest(ServerTest):
    def read_text(self, peer, wanted):
        """Output up to these bytes."""
        text, deadline = b"", time.monotonic() + PATIENCE
        while wanted not in text:
            found = peer.read_past_pings(deadline - time.monotonic())
            self.assertIn(found.kind if found else None, ("stdout", "taken"), (found, text))
            text += found.parcel
        return text

    def read_end(self, peer, seconds=PATIENCE):
        """(what came on standard output, the exit)."""
        frames, deadline = [], time.monotonic() + seconds
        while not frames or frames[-1].kind != "exit":
            found = peer.read_past_pings(deadline - time.monotonic())
            self.assertIn(found.kind if found else None, ("stdout", "stderr", "taken", "exit"), found)
            frames.append(found)
        return text_of(frames), read_exit(frames[-1])

    def run_one(self, request, seconds=PATIENCE):
        with greeted(self.server) as peer:
            peer.send(request + STDIN_END)
            return self.read_end(peer, seconds)

    def ends(self, number, seconds=AT_ONCE):
        wait_until(lambda: not pids_with_word(number), "the command ends", seconds)

    def tidy(self, number):
        def kill():
            for pid in pids_with_word(number):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self.addCleanup(kill)


# ----------------------------------------------------------------------------------------------------------------------

class Signals(CommandsTest):
    NAMES = ("HUP", "INT", "QUIT", "TERM", "USR1", "USR2", "CONT", "WINCH")

    def test_every_signal_arrives(self):
        with greeted(self.server) as peer:
            peer.send(waiter(*self.NAMES))
            self.read_text(peer, b"ready\n")
            for name in self.NAMES:
                peer.send(sent(name))
                self.assertEqual(self.read_text(peer, b"\n"), b"SIG" + name.encode() + b"\n")
            self.assertEqual(self.read_end(peer)[1].kind, EXITED)

    def test_the_whole_process_group_gets_it(self):
        number = unique_number()
        self.tidy(number)
        with greeted(self.server) as peer:
            peer.send(exec_line(f"sleep {number} & sleep {number} & echo ready; wait"))
            self.read_text(peer, b"ready\n")
            wait_until(lambda: len(pids_with_word(number)) == 2, "both run")
            peer.send(sent("TERM"))
            self.assertEqual(self.read_end(peer)[1][:2], (SIGNALLED, signal.SIGTERM))
            self.ends(number)

    def test_it_overtakes_input_that_nobody_reads(self):
        with greeted(self.server) as peer:
            peer.send(waiter("USR1"))
            self.read_text(peer, b"ready\n")
            peer.send(frame("stdin", b"x" * MIB) * 4 + sent("USR1"))
            begun = time.monotonic()
            self.assertEqual(self.read_end(peer)[0], b"SIGUSR1\n")
            self.assertLess(time.monotonic() - begun, AT_ONCE)
            peer.send(STDIN_END + run_line("echo on") + BYE)
            self.assertEqual(text_of(peer.read_all()), b"on\n")

    def test_an_error_and_a_ping_overtake_it_too(self):
        number = unique_number()
        self.tidy(number)
        with greeted(self.server) as peer:
            peer.send(exec_words("sleep", number) + frame("stdin", b"x" * MIB) * 4 + ping("heard"))
            peer.expect("pong")
            self.assertTrue(pids_with_word(number))
            peer.send(error())
            self.ends(number, 8 * SLOW)

    def test_it_comes_after_the_end_of_the_input_as_well(self):
        with greeted(self.server) as peer:
            peer.send(waiter("USR2") + STDIN_END)
            self.read_text(peer, b"ready\n")
            peer.send(sent("USR2"))
            self.assertEqual(self.read_end(peer)[0], b"SIGUSR2\n")

    def test_tstp_stops_and_cont_goes_on(self):
        number = unique_number()
        self.tidy(number)

        def states():
            return {_stat_fields(pid)[0] for pid in pids_with_word(number)}
        with greeted(self.server) as peer:
            peer.send(exec_line(f"sleep {number} & sleep {number}") + STDIN_END)
            wait_until(lambda: len(pids_with_word(number)) >= 2, "both run")
            peer.send(sent("TSTP"))
            wait_until(lambda: states() == {b"T"}, "all of them stop")
            peer.send(sent("CONT"))
            wait_until(lambda: b"T" not in states(), "all of them go on")
            peer.send(sent("TSTP"))
            wait_until(lambda: states() == {b"T"}, "they stop again")
            peer.close()   # HUP alone would wait for a CONT
            self.ends(number)

    def test_a_name_that_is_none_ends_the_connection_and_the_command(self):
        for name in ("KILL", "STOP", "0", "9", "99", "-1", "SIGINT", "int", "", "INT "):
            with self.subTest(name=name):
                number = unique_number()
                self.tidy(number)
                with greeted(self.server) as peer:
                    peer.send(exec_words("sleep", number) + sent(name))
                    self.assertEqual(closing_error(peer.read_all()).code, PROTOCOL)
                self.ends(number)
                with greeted(self.server) as peer:
                    peer.send(sent(name))
                    self.assertEqual(closing_error(peer.read_all()).code, PROTOCOL)

    def test_without_a_command_it_is_nothing_and_so_is_a_size(self):
        between = sent("TERM") + resize(24, 80) + sent("INT")
        with Peer.of(self.server) as peer:
            frames = peer.ask(hello() + between + run_line("echo one") + between + run_line("echo two") + between +
                              get("missing") + between + BYE)
        # What comes while one of them runs reaches it: it may say nothing, but it is answered.
        self.assertEqual([found.kind for found in without(frames, "stdout")], ["hello", "exit", "exit", "error", "bye"])

    def test_a_size_means_nothing_without_a_terminal(self):
        with greeted(self.server) as peer:
            peer.send(exec_words("cat") + resize(24, 80) + frame("stdin", b"in") + resize(1, 1) + STDIN_END)
            self.assertEqual(self.read_end(peer)[0], b"in")

    def test_requests_behind_a_signal_are_served_in_order(self):
        said = hello()
        for number in range(50):
            said += run_words("sleep", "600") + sent("TERM") + run_line(f"echo {number}")
        with Peer.of(self.server) as peer:
            frames = without(peer.ask(said + BYE), "ping")
        self.assertEqual(text_of(frames), b"".join(b"%d\n" % number for number in range(50)))
        exits = [read_exit(found)[:2] for found in frames if found.kind == "exit"]
        self.assertEqual(exits, [(SIGNALLED, signal.SIGTERM), (EXITED, 0)] * 50)

    def test_a_flood_of_them_ends_with_the_command(self):
        with greeted(self.server) as peer:
            peer.send(waiter("USR1"))
            self.read_text(peer, b"ready\n")
            peer.send(sent("WINCH") * 20000 + sent("USR1") + STDIN_END + run_line("echo on") + BYE)
            self.assertEqual(text_of(peer.read_all()), b"SIGUSR1\non\n")


# ----------------------------------------------------------------------------------------------------------------------

class Window(CommandsTest):
    def test_a_client_that_exceeds_it_is_told_and_its_command_ended(self):
        number = unique_number()
        self.tidy(number)
        with greeted(self.server) as peer:
            peer.send(exec_words("sleep", number) + frame("stdin", b"x" * MIB) * 4 + ping("full"))
            peer.expect("pong")
            self.assertTrue(pids_with_word(number), "the whole window is permitted")
            peer.send_if_heard(frame("stdin", b"x"))
            failure = closing_error(peer.read_all())
            self.assertEqual(failure.code, LIMIT)
            self.assertIn("standard input", failure.message)
        self.ends(number)

    def keeping(self, peer, total, piece):
        """Sends so many bytes, never more than the window beyond what was taken; every `taken` that came."""
        taken, sent_bytes, steps = 0, 0, []
        while sent_bytes < total:
            count = min(piece, total - sent_bytes)
            while sent_bytes + count - taken > WINDOW:
                found = peer.expect("taken")
                self.assertGreater(int(found.name), taken)
                self.assertLessEqual(int(found.name), sent_bytes)
                taken = int(found.name)
                steps.append(taken)
            peer.send(frame("stdin", b"y" * count))
            sent_bytes += count
        return steps

    def test_whoever_keeps_it_gets_everything_through(self):
        for total, piece in ((64 * MIB + 7, MIB), (9 * MIB, 1001)):
            with greeted(self.server) as peer:
                peer.send(exec_words("wc", "-c"))
                steps = self.keeping(peer, total, piece)
                self.assertTrue(all(b - a >= MIB for a, b in zip(steps, steps[1:])), steps)
                peer.send(STDIN_END)
                self.assertEqual(int(self.read_end(peer)[0]), total)

    def test_a_command_that_starts_reading_late_gets_all_that_was_held(self):
        with greeted(self.server) as peer:
            peer.send(exec_words(PYTHON, "-c", WAITER + "os.execvp('cksum', ['cksum'])", "SIGUSR1"))
            data = random.Random(SEED).randbytes(WINDOW)
            peer.send(b"".join(frame("stdin", data[at:at + 12345]) for at in range(0, WINDOW, 12345)) + STDIN_END)
            peer.send(ping("held"))
            self.assertEqual({peer.read_past_pings().kind, peer.read_past_pings().kind}, {"stdout", "pong"})
            peer.send(sent("USR1"))
            out, report = self.read_end(peer)
            self.assertEqual(report[:2], (EXITED, 0))
            self.assertEqual(out.split()[-1], b"%d" % WINDOW)
            self.assertEqual(out.split()[-2], self.cksum(data))

    @staticmethod
    def cksum(data):
        return subprocess.run(["cksum"], input=data, stdout=subprocess.PIPE, check=True).stdout.split()[0]

    def test_what_is_thrown_away_counts_as_taken(self):
        with greeted(self.server) as peer:
            peer.send(exec_words(PYTHON, "-c", "import os; os.close(0)\n" + WAITER, "SIGUSR1"))
            self.read_text(peer, b"ready\n")
            self.keeping(peer, 16 * MIB, MIB)
            peer.send(sent("USR1") + STDIN_END)
            self.assertEqual(self.read_end(peer)[1][:2], (EXITED, 0))

    def test_held_input_is_dropped_with_its_command_and_the_next_gets_its_own(self):
        with greeted(self.server) as peer:
            peer.send(exec_words("sleep", "600") + frame("stdin", b"x" * MIB) * 4 + sent("TERM") +
                      STDIN_END + exec_words("cat") + frame("stdin", b"mine") + STDIN_END + BYE)
            frames = without(peer.read_all(), "ping")
        self.assertEqual(text_of(frames), b"mine")
        self.assertEqual([read_exit(found)[:2] for found in frames if found.kind == "exit"],
                         [(SIGNALLED, signal.SIGTERM), (EXITED, 0)])


    @unittest.skipUnless(MEMORY_COUNTS and MODEL == "thread", "it is about what one process keeps of many sessions")
    def test_memory_is_there_only_while_something_is_held(self):
        with contextlib.ExitStack() as stack:
            peers = [stack.enter_context(greeted(self.server)) for _ in range(10)]
            before = self.server.rss()
            for peer in peers:
                peer.send(exec_words("sleep", "600") + frame("stdin", b"x" * MIB) * 4 + ping("held"))
                peer.expect("pong")
            self.assertGreater(self.server.rss() - before, 30 * MIB)
            for peer in peers:
                peer.send(sent("TERM") + STDIN_END)
                self.read_end(peer)
            self.assertLess(self.server.rss() - before, 10 * MIB)


# ----------------------------------------------------------------------------------------------------------------------

class Timeouts(CommandsTest):
    def the_main_process_ignores_it(self, number):
        out, report = self.run_one(exec_line(
            f"trap '' HUP TERM; sleep {number} & echo before; sleep 1.5; echo between; sleep 600", timeout=700))
        self.assertEqual(report[:2], (SIGNALLED, signal.SIGKILL))
        self.assertEqual((report.timed_out, out), (1, b"before\nbetween\n"))
        self.assertGreaterEqual(report.elapsed, 2_700_000)
        self.assertLess(report.elapsed, 2_700_000 + AT_ONCE * 1_000_000)
        self.ends(number, 1 * SLOW)

    def what_it_leaves_in_its_group_ignores_it(self, number):
        begun = time.monotonic()
        report = self.run_one(exec_line(f"(trap '' HUP TERM; exec sleep {number}) & sleep 600", timeout=700))[1]
        self.assertGreaterEqual(time.monotonic() - begun, 2.7)
        self.assertEqual((report[:2], report.timed_out), ((SIGNALLED, signal.SIGHUP), 1))
        self.ends(number, 1 * SLOW)

    def test_whoever_ignores_term_is_killed_two_seconds_later_and_before_the_answer(self):
        numbers = unique_number(), unique_number()
        for number in numbers:
            self.tidy(number)
        in_parallel([lambda: self.the_main_process_ignores_it(numbers[0]),
                     lambda: self.what_it_leaves_in_its_group_ignores_it(numbers[1])], 2)

    def test_one_that_heeds_it_ends_as_it_likes(self):
        out, report = self.run_one(exec_line("trap 'echo bye; exit 3' TERM; trap '' HUP; sleep 600 & wait", timeout=700))
        self.assertEqual((report[:2], report.timed_out, out), ((EXITED, 3), 1, b"bye\n"))
        out, report = self.run_one(exec_words("sleep", "600", timeout=1))
        self.assertEqual((report[:2], report.timed_out), ((SIGNALLED, signal.SIGHUP), 1))

    def test_one_that_is_stopped_ends_too(self):
        report = self.run_one(exec_line("kill -STOP $$", timeout=700))[1]
        self.assertEqual((report[:2], report.timed_out), ((SIGNALLED, signal.SIGHUP), 1))   # and had not to be killed

    @unittest.skipUnless(MODEL == "thread", "it looks at the processor's time of the one process")
    def test_one_that_ended_in_time_costs_nothing_while_its_output_waits_for_a_slow_reader(self):
        with greeted(self.server) as peer:
            peer.send(exec_words("head", "-c", "420000", "/dev/zero", timeout=400) + STDIN_END)
            time.sleep(0.6)   # the timeout has passed, which can only be waited for
            before = self.cpu_ticks()
            time.sleep(0.5)
            self.assertLess(self.cpu_ticks() - before, 20)
            out, report = self.read_end(peer)
            self.assertEqual((len(out), report[:2], report.timed_out), (420000, (EXITED, 0), 0))

    def cpu_ticks(self):
        fields = _stat_fields(self.server.pid)
        return int(fields[11]) + int(fields[12])

    def test_unread_input_and_unread_output_do_not_keep_it_from_ending(self):
        number = unique_number()
        self.tidy(number)
        with greeted(self.server) as peer:
            peer.send(exec_line(f"exec cat /dev/zero - {number}", timeout=1500) + frame("stdin", b"x" * MIB) * 4)
            wait_until(lambda: pids_with_word(number), "it runs")
            self.ends(number)   # although we read nothing
            peer.send(STDIN_END)
            self.assertEqual(self.read_end(peer)[1].timed_out, 1)

    def test_zero_is_never_and_a_thousand_years_are_long(self):
        for timeout in (0, 60_000, 3_153_600_000_000):
            out, report = self.run_one(exec_line("sleep 0.1; echo hi", timeout=timeout))
            self.assertEqual((report[:2], report.timed_out, out), ((EXITED, 0), 0, b"hi\n"))

    def test_more_is_a_breach(self):
        with Peer.of(self.server) as peer:
            frames = peer.ask(hello() + exec_line("touch ran", timeout=3_153_600_000_001) + STDIN_END)
        self.assertEqual(closing_error(frames).code, PROTOCOL)


# ----------------------------------------------------------------------------------------------------------------------

class Streams(CommandsTest):
    LINE = "i=0; while [ $i -lt 500 ]; do echo o$i; echo e$i >&2; i=$((i+1)); done"

    def test_merged_they_are_one_in_true_order(self):
        with Peer.of(self.server) as peer:
            frames = peer.ask(hello() + exec_line(self.LINE, merge=True) + STDIN_END + BYE)
        self.assertEqual(text_of(frames, "stderr"), b"")
        self.assertEqual(text_of(frames), b"".join(b"o%d\ne%d\n" % (n, n) for n in range(500)))

    def test_unmerged_each_has_its_own(self):
        with Peer.of(self.server) as peer:
            frames = peer.ask(hello() + exec_line(self.LINE) + STDIN_END + BYE)
        self.assertEqual(text_of(frames), b"".join(b"o%d\n" % n for n in range(500)))
        self.assertEqual(text_of(frames, "stderr"), b"".join(b"e%d\n" % n for n in range(500)))

    def test_a_background_child_that_holds_the_pipe_delays_nothing_and_loses_nothing(self):
        for merge in (False, True):
            number = unique_number()
            self.tidy(number)
            begun = time.monotonic()
            out, report = self.run_one(exec_line(f"sleep {number} & head -c 200000 /dev/zero; echo hi", merge=merge))
            self.assertEqual((len(out), out[-3:], report[:2]), (200003, b"hi\n", (EXITED, 0)))
            self.assertLess(time.monotonic() - begun, AT_ONCE)


class Usage(CommandsTest):
    def test_the_processors_time_and_the_clocks(self):
        burn = "import time\nwhile time.process_time() < 0.3: pass"
        report = self.run_one(exec_line(f"sleep 0.2; {PYTHON} -c '{burn}'"))[1]   # a child that was waited for counts
        self.assertGreaterEqual(report.user + report.system, 290_000)
        self.assertLess(report.user + report.system, report.elapsed)
        self.assertGreaterEqual(report.elapsed, 500_000)

    def test_a_command_that_only_waits_uses_nothing(self):
        report = self.run_one(exec_words("sleep", "0.3"))[1]
        self.assertGreaterEqual(report.elapsed, 300_000)
        self.assertLess(report.user + report.system, 100_000 * SLOW)

    def test_memory_is_the_most_that_one_process_had_or_not_known(self):
        report = self.run_one(exec_words(PYTHON, "-c", "b = b'x' * (200 << 20)"))[1]
        self.assertGreaterEqual(report.memory, 200 * MIB)
        self.assertLess(report.memory, 300 * MIB)
        if SLOW == 1:   # ours is never taken for its own
            self.assertEqual(self.run_one(exec_words("true"))[1].memory, 0)

    def test_what_was_not_started_used_nothing(self):
        report = self.run_one(exec_words("/no/such/program"))[1]
        self.assertEqual((report[:2], report.elapsed, report.memory), ((NOT_STARTED, 127), 0, 0))


# ----------------------------------------------------------------------------------------------------------------------

class Directories(CommandsTest):
    server_args = ("--insecure",)
    server_options = {"listen": ["127.0.0.1:0"], "uid": UID}   # root could enter anything

    def setUp(self):
        super().setUp()
        root = self.server.path()
        for name in ("sub", "sub/deep", "a\nb", "closed"):
            path = os.path.join(root, name)
            os.makedirs(path, exist_ok=True)
            os.chown(path, UID, UID)
        os.chmod(os.path.join(root, "closed"), 0o600)
        self.addCleanup(os.chmod, os.path.join(root, "closed"), 0o700)
        for name, target in (("inside", "sub/deep"), ("outside", "/tmp"), ("dangling", "nowhere")):
            with contextlib.suppress(FileExistsError):
                os.symlink(target, os.path.join(root, name))
        with open(os.path.join(root, "file"), "w"):
            pass

    def where(self, directory):
        out, report = self.run_one(exec_words("pwd", "-P", directory=directory))
        self.assertEqual(report[:2], (EXITED, 0), report)
        return out[:-1].decode()

    def test_a_command_starts_where_it_is_told_to(self):
        root = os.path.realpath(self.server.root)
        for directory, path in (("", root), (".", root), ("sub", root + "/sub"), ("sub/deep/..", root + "/sub"),
                                ("inside", root + "/sub/deep"), ("a\nb", root + "/a\nb"), (root + "/sub", root + "/sub"),
                                ("..", os.path.dirname(root)), ("/", "/"), ("/tmp", os.path.realpath("/tmp")),
                                ("outside", os.path.realpath("/tmp"))):
            with self.subTest(directory=directory):
                self.assertEqual(self.where(directory), path)

    def test_a_program_with_a_slash_is_looked_for_there(self):
        with open(self.server.path("sub", "here"), "w") as file:
            file.write("#!/bin/sh\necho found\n")
        os.chmod(self.server.path("sub", "here"), 0o755)
        self.assertEqual(self.run_one(exec_words("./here", directory="sub"))[0], b"found\n")
        self.assertEqual(self.run_one(exec_words("./here"))[1][:2], (NOT_STARTED, 127))

    def test_one_that_cannot_be_entered_is_an_answer_of_its_own(self):
        for directory, code, word in (("missing", NOT_FOUND, "no directory"), ("sub/missing/deep", NOT_FOUND, "no directory"),
                                      ("dangling", NOT_FOUND, "no directory"), ("file", NOT_FOUND, "not a directory"),
                                      ("file/x", NOT_FOUND, "not a directory"), ("closed", NO_PERMISSION, "cannot be entered"),
                                      ("closed/x", NO_PERMISSION, "cannot be entered"), ("x" * 300, LIMIT, "cannot be entered")):
            with self.subTest(directory=directory):
                report = self.run_one(exec_words("touch", "ran", directory=directory))[1]
                self.assertEqual((report.kind, report.value, report.code), (NOT_STARTED, 0, code), report)
                self.assertIn(word, report.error.decode())
                self.assertIn(directory, report.error.decode())
        self.assertFalse(os.path.exists(self.server.path("ran")))

    def test_the_connection_lives_on_after_it(self):
        with Peer.of(self.server) as peer:
            frames = peer.ask(hello() + exec_words("cat", directory="missing") + frame("stdin", b"x" * 1000) + STDIN_END +
                              run_line("echo on") + BYE)
        self.assertEqual([found.kind for found in frames], ["hello", "exit", "stdout", "exit", "bye"])


class RestrictedDirectories(unittest.TestCase):
    """A key that may run certain commands only starts them below its root."""

    @classmethod
    def setUpClass(cls):
        cls.site = Site()
        cls.addClassCleanup(cls.site.close)
        cls.server = cls.site.server
        cls.root = os.path.join(cls.server.root, "mine")
        for path in (cls.root, os.path.join(cls.root, "sub"), os.path.join(cls.server.root, "mine-too")):
            os.mkdir(path)
            os.chown(path, UID, UID)
        os.symlink("sub", os.path.join(cls.root, "inside"))
        os.symlink("../mine-too", os.path.join(cls.root, "out"))
        os.symlink("/tmp", os.path.join(cls.root, "far"))

    def restricted(self, name, option):
        client = self.site.paired("--as", name, "--allow", "exec", "--root", self.root)
        self.site.write_keys(self.site.read_keys().replace(f"[{name}]\n", f"[{name}]\n{option}\n"))
        wait_until(lambda: self.report(client, "", "true")[:2] != (EXITED, 0) or option.startswith("command"), "the option counts")
        return client

    def report(self, client, directory, *words):
        with client.peer() as peer:
            frames = without(peer.ask(hello() + exec_words(*(words or ("pwd", "-P")), directory=directory) + STDIN_END + BYE),
                             "ping")
        if frames[-2].kind == "error":
            return ("error", read_error(frames[-2]).code, b"")
        report = read_exit(frames[-2])
        return (report.kind, report.code if report.kind == NOT_STARTED else report.value, text_of(frames))

    def check_restricted(self, client):
        root = os.path.realpath(self.root).encode()
        for directory, path in (("", root), ("sub", root + b"/sub"), ("inside", root + b"/sub"), ("sub/..", root),
                                (self.root + "/sub", root + b"/sub")):
            self.assertEqual(self.report(client, directory), (EXITED, 0, path + b"\n"), directory)
        for directory in ("..", "../mine-too", "/", "/tmp", "out", "far", "sub/../../mine-too", self.root + "-too"):
            self.assertEqual(self.report(client, directory), (NOT_STARTED, OUTSIDE_ROOT, b""), directory)
        self.assertEqual(self.report(client, "missing"), (NOT_STARTED, NOT_FOUND, b""))

    def test_with_patterns(self):
        self.check_restricted(self.restricted("patterned", 'argv = [["pwd", "*"]]'))

    def test_with_a_fixed_command(self):
        client = self.restricted("fixed", 'command = ["pwd", "-P"]')
        wait_until(lambda: self.report(client, "", "echo", "no")[2].startswith(b"/"), "the command counts")
        self.check_restricted(client)

    def test_the_twin_without_restrictions_goes_where_its_user_can(self):
        client = self.site.paired("--as", "free", "--allow", "exec", "--root", self.root)
        for directory, path in (("..", self.server.root), ("/", "/"), ("out", self.server.root + "/mine-too")):
            self.assertEqual(self.report(client, directory), (EXITED, 0, os.path.realpath(path).encode() + b"\n"))

    def test_the_audit_says_what_was_asked_and_what_it_took(self):
        client = self.site.paired("--as", "audited", "--allow", "exec")
        with client.peer() as peer:
            peer.send(hello() + exec_words("sleep", "600", directory="mine", timeout=700, merge=True) + sent("WINCH") +
                      sent("CONT") + STDIN_END)
            peer.expect("hello")
            self.assertEqual(read_exit(peer.expect("exit")).timed_out, 1)
            peer.send(BYE)
            peer.read_all()
        line = wait_until(lambda: [line for line in self.site.audit("exec") if "timed-out" in line], "it is in the audit")[0]
        told = {name: line[name] for name in ("mode", "argv", "directory", "timeout-ms", "merge", "signals", "timed-out", "signal")}
        self.assertEqual(told, {"mode": "argv", "argv": ["sleep", "600"], "directory": "mine", "timeout-ms": 700, "merge": 1,
                                "signals": ["WINCH", "CONT"], "timed-out": 1, "signal": signal.SIGHUP})
        self.assertGreaterEqual(line["ms"], 700)
        self.assertLess(line["cpu-ms"], 500 * SLOW)


# ----------------------------------------------------------------------------------------------------------------------

class WordsArrive(CommandsTest):
    """Random bytes as words, values and directories: 2000 commands, 10 000 at a scale of 5."""
    COUNT = 2000 * SCALE // SLOW
    CONNECTIONS = 4

    @staticmethod
    def some_bytes(source, most):
        special = b"\n\t '\"\\$`*?[]{}~#&;|<>()!=%-\x7f\x80\xff"
        count = source.choice((0, 1, 2, 3, 10, most))
        if count > 40:
            return source.randbytes(count).replace(b"\0", b"\n")
        return bytes(source.choice(special) if source.random() < 0.5 else source.randrange(1, 256) for _ in range(count))

    def make_directories(self, source):
        names = []
        for number in range(40):
            name = b"d%d" % number + self.some_bytes(source, 40).replace(b"/", b"_")
            os.makedirs(os.path.join(os.fsencode(self.server.root), name), exist_ok=True)
            names.append(name)
        self.addCleanup(lambda: [shutil.rmtree(os.path.join(os.fsencode(self.server.root), name)) for name in names])
        return names

    def request(self, source, directories):
        """(a request, what it writes)."""
        directory = source.choice(directories)
        variables = [b"NAME_%d=" % n + self.some_bytes(source, 4000) for n in range(source.randrange(4))]
        words = [self.some_bytes(source, 100 * 1024 if source.random() < 0.05 else 100) for _ in range(source.randrange(1, 8))]
        fields = {"environment": variables, "directory": directory}
        which = source.random()
        if which < 0.8:
            return exec_words("/usr/bin/printf", r"%s\0", *words, **fields), b"".join(word + b"\0" for word in words)
        if which < 0.9:
            return exec_words("/usr/bin/env", "-0", **fields), sorted(variables)
        return exec_words("/bin/pwd", "-P", **fields), os.path.join(os.fsencode(os.path.realpath(self.server.root)), directory) + b"\n"

    def converse(self, seed, count, directories):
        source = random.Random(seed)
        asked = [self.request(source, directories) for _ in range(count)]
        with Peer.of(self.server) as peer:
            frames = without(peer.ask(hello() + b"".join(request + STDIN_END for request, _ in asked) + BYE), "ping")
        outputs, text = [], b""
        for found in frames:
            text += found.parcel if found.kind == "stdout" else b""
            if found.kind == "exit":
                self.assertEqual(read_exit(found)[:2], (EXITED, 0), (seed, len(outputs)))
                outputs.append(text)
                text = b""
        self.assertEqual(len(outputs), count)
        for number, (output, (_, expected)) in enumerate(zip(outputs, asked)):
            if isinstance(expected, list):
                output = sorted(entry for entry in output.split(b"\0") if entry.startswith(b"NAME_"))
            self.assertEqual(output, expected, (seed, number))

    def test_exactly_whatever_they_are(self):
        directories = self.make_directories(random.Random(SEED))
        in_parallel([lambda n=n: self.converse(SEED + n, self.COUNT // self.CONNECTIONS, directories)
                     for n in range(self.CONNECTIONS)], self.CONNECTIONS)


@needs_root
class WithoutALoginShell(WordsArrive):
    """The account's own shell lets nobody in, and has nothing to say."""
    server_args = ("--insecure",)
    server_options = {"listen": ["127.0.0.1:0"], "uid": NOBODY}
    COUNT = 200

    def setUp(self):
        super().setUp()
        shell = pwd.getpwuid(NOBODY).pw_shell
        if os.path.basename(shell) not in ("false", "nologin"):
            self.skipTest(f"the shell of {NOBODY} is {shell}: not one that refuses")

    def test_a_line_is_for_bin_sh(self):
        out, report = self.run_one(exec_line("echo $0; echo $SHELL"))
        self.assertEqual(report[:2], (EXITED, 0))
        self.assertEqual(out.decode(), f"/bin/sh\n{pwd.getpwuid(NOBODY).pw_shell}\n")


if __name__ == "__main__":
    main()
