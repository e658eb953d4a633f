"""exec over a link that is cut at every edge of a frame, and in the middle of each: never success without the exit, always
in time, the truth about whether the command had begun, and no process left on the host."""
import fcntl
import itertools
import json
import os
import signal
import struct
import subprocess
import termios
import threading
import time
import unittest

from frame_relay import DOWN, UP, Cut, FrameRelay
from harness import (NOBODY, PATIENCE, SCALE, ServerTest, Terminal, client_command, environment, in_parallel, main,
                     pids_with_word, random_bytes, read_file, unique_number, wait_until, write_file, _stat_fields)

STATUS = 7            # of each command that gets to its end
AT_ONCE = 8           # seconds; an end that can be seen is noticed in milliseconds
GIVEN_UP_WITHIN = 15  # seconds of silence, protocol/README.md
RUNS_AT_ONCE = 4
INPUT = random_bytes((1 << 20) + 200_000, 21)   # so long that word of it comes back

# Both wait by `wait`, which a trapped signal ends at once, and take all of their group along; the word is in the argv of
# all that runs.
SIGNALS = """trap 'echo one' USR1; trap 'echo two; trap "" TERM; kill 0; exit 7' USR2; echo ready
while :; do sleep "$0" & wait; done"""
RESIZES = """stty -echo; trap 'stty size; trap "" TERM; kill 0; exit 7' WINCH; echo ready; read line; echo got $line
while :; do sleep "$0" & wait; done"""


class Conversation:
    """One run of rclient over a relay: what is said, and what is done when something is heard."""

    def __init__(self, test, where):
        self.test, self.where, self.client, self.word = test, where, None, test.word
        self.status_path = os.path.join(where, "status")
        self.started = threading.Event()   # what is heard may come sooner than Popen returns

    def command(self, host, *args):
        """rclient, with its outcome in a file of its own."""
        return ["sh", "-c", 'exec "$@" 3>"$0"', self.status_path,
                *client_command(["exec", "--status-fd", "3", *args], host)]

    def heard(self, way, kind, raw):
        """Behind each frame that was passed on, up to the cut."""

    def start(self, host, *args):
        # In a group of its own: an orphan is not stopped by TSTP.
        self.client = subprocess.Popen(self.command(host, *args), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, env=environment(), preexec_fn=os.setpgrp)

    def finish(self):
        """(status, what it said on standard error)."""
        wait_until(self.has_ended, "rclient ends")
        errors = self.client.stderr.read()
        self.client.stdout.close()
        self.client.stderr.close()
        return self.client.returncode, b"".join(line for line in errors.splitlines(True) if line.startswith(b"rclient: "))

    def has_ended(self):
        if self.client.poll() is not None:
            return True
        if _stat_fields(self.client.pid)[0] == b"T":   # the link was cut before anybody could continue it
            self.client.send_signal(signal.SIGCONT)
        return False

    def close(self):
        if self.client and self.client.poll() is None:
            self.client.kill()
            self.client.communicate()


class Streams(Conversation):
    """Input that is answered by `taken`, both outputs, a status."""

    def run(self, host):
        path = write_file(os.path.join(self.where, "input"), INPUT)
        self.start(host, "--stdin", path, "--", "sh", "-c", "cat >/dev/null; echo out; echo err >&2; exit 7", self.word)


class Signals(Conversation):
    """Two signals, and between them a pause."""

    def run(self, host):
        self.start(host, "--", "sh", "-c", SIGNALS, self.word)

    def heard(self, way, kind, raw):
        if way == DOWN and raw.endswith(b"\nready\n"):
            self.client.send_signal(signal.SIGUSR1)
        elif way == DOWN and raw.endswith(b"\none\n"):
            self.client.send_signal(signal.SIGTSTP)
        elif way == UP and kind == "pause":
            pass   # has_ended() continues it
        elif way == UP and raw.endswith(b"|CONT\n"):
            self.client.send_signal(signal.SIGUSR2)


class OnATerminal(Conversation):
    """A line is typed, then the terminal is resized."""

    def run(self, host):
        self.local = Terminal(self.command(host, "-t", "--", "sh", "-c", RESIZES, self.word))
        self.client = self.local.process

    def heard(self, way, kind, raw):
        if way == DOWN and raw.endswith(b"\nready\r\n"):
            self.local.send(b"typed\r")
        elif way == DOWN and raw.endswith(b"\ngot typed\r\n"):
            fcntl.ioctl(self.local.master, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 99, 0, 0))

    def finish(self):
        status = self.local.wait()
        self.test.assertEqual(self.local.settings(), self.local.before, "the terminal is not as it was")
        shown = self.local.seen.replace(b"\r", b"")
        return status, shown[shown.find(b"rclient: "):] if b"rclient: " in shown else b""

    def close(self):
        self.local.close()


class CutsTest(ServerTest):
    server_args = ("--insecure",)
    server_options = {"listen": ["127.0.0.1:0"], "uid": NOBODY if os.geteuid() == 0 else None}

    def setUp(self):
        super().setUp()
        self.word = unique_number()
        self.numbers = itertools.count(1)

    def play(self, kind, cut=None, pause=None):
        """(relay, status, record, errors) of one run."""
        where = os.path.join(self.here, f"{kind.__name__}-{next(self.numbers)}")
        os.mkdir(where)
        talk = kind(self, where)

        def heard(*what):
            talk.started.wait(PATIENCE)
            talk.heard(*what)

        with FrameRelay(self.server, cut, heard, pause) as relay:
            try:
                talk.run(relay.host)
                talk.started.set()
                status, errors = talk.finish()
                ended = time.monotonic()
            finally:
                talk.close()
        took = ended - relay.cut_at if relay.cut_at is not None else 0
        return relay, status, json.loads(read_file(talk.status_path)), errors, took

    def check_cut(self, kind, cut, within=AT_ONCE):
        """Whether the cut was reached; what it led to is the truth."""
        relay, status, record, errors, took = self.play(kind, cut)
        told = (record["exit"], record["signal"], record["error"] and record["error"]["code"])
        self.assertEqual(record["status"], status)
        self.assertLess(took, within, cut)
        if cut.how == "silence":
            self.assertLess(relay.server_left_at - relay.cut_at, within, cut)
        if "exit" in relay.passed[DOWN] and (status == STATUS or cut.how != "rst"):   # a reset may overtake it
            self.assertEqual((status, told), (STATUS, (STATUS, None, None)), (cut, errors))
            return relay.cut_at is not None
        self.assertIsNotNone(relay.cut_at, (cut, status, record, errors))
        lost = ("cannot_connect", "connection_lost") if cut.index < 0 else ("connection_lost",)
        self.assertEqual((status, *told[:2]), (255, None, None), (cut, errors))
        self.assertIn(told[2], lost, (cut, errors))
        self.assertEqual(errors.count(b"\n"), 1, (cut, errors))
        self.check_started(relay, cut, record["started"], errors)
        return True

    def check_started(self, relay, cut, started, errors):
        """True when something of the command was heard, else that nobody knows: the request goes with the greeting."""
        seen = {"stdout", "stderr", "taken"} & set(relay.passed[DOWN])
        allowed = (True, None) if seen and cut.how == "rst" else (True,) if seen else (None,)
        if cut.index < 0 or relay.passed[UP].count("exec") == 0:
            allowed += (False,)
        self.assertIn(started, allowed, (cut, relay.passed))
        said = [words in errors for words in (b"the command had begun, and", b"had begun or ended is not known")]
        self.assertEqual(said, [started is True, started is None], errors)

    def edges(self, kind):
        """Every edge of an unharmed run, which is the honest twin."""
        relay, status, record, errors, _ = self.play(kind)
        self.assertEqual((status, record["exit"], errors), (STATUS, STATUS, b""))
        return [(way, index, where) for way in (UP, DOWN) for index in range(-1, len(relay.passed[way]))
                for where in ("after", "middle") if where == "after" or index >= 0], relay.passed

    def cut_everywhere(self, kind, *frames):
        edges, passed = self.edges(kind)
        for name in frames:
            self.assertIn(name, passed[UP] + passed[DOWN], "the conversation is to have it")
        hows = ("fin", "rst") if SCALE > 1 else ("fin",)
        cuts = [Cut(*edge, how) for edge in edges for how in hows]
        if SCALE == 1:   # else each edge with both
            cuts = [cut._replace(how=("fin", "rst")[number % 2]) for number, cut in enumerate(cuts)]
        reached = in_parallel([lambda cut=cut: self.check_cut(kind, cut) for cut in cuts], RUNS_AT_ONCE)
        self.assertGreater(sum(reached), len(cuts) * 3 // 4, "most edges are to be met")
        self.check_nothing_is_left()

    def check_nothing_is_left(self):
        wait_until(lambda: not pids_with_word(self.word), "no process of a command is left", GIVEN_UP_WITHIN)


class AtEveryEdge(CutsTest):
    def test_of_input_and_output(self):
        self.cut_everywhere(Streams, "hello", "exec", "stdin", "taken", "stdout", "stderr", "exit", "bye")

    def test_of_signals_and_a_pause(self):
        self.cut_everywhere(Signals, "signal", "pause", "ping", "pong", "exit")

    def test_of_a_terminal_with_keys_and_a_new_size(self):
        self.cut_everywhere(OnATerminal, "resize", "stdin", "exit")


@unittest.skipUnless(SCALE > 1, "takes 20 s: with FARHAND_TEST_SCALE=2")
class Silence(CutsTest):
    """A link over which nothing comes any more, in neither direction, and which does not end."""

    def test_for_ever_is_noticed_by_both_sides(self):
        cuts = [(kind, Cut(way, index, where, "silence")) for kind in (Streams, Signals, OnATerminal)
                for way, index, where in ((UP, 0, "after"), (UP, 1, "after"), (UP, 2, "middle"), (DOWN, 0, "after"),
                                          (DOWN, 1, "middle"), (DOWN, 1, "after"))]
        in_parallel([lambda kind=kind, cut=cut: self.check_cut(kind, cut, GIVEN_UP_WITHIN + 3) for kind, cut in cuts],
                    len(cuts))
        self.check_nothing_is_left()

    def test_for_ten_seconds_is_survived(self):
        runs = [lambda kind=kind, way=way: self.play(kind, Cut(way, 1, "middle", "silence"), pause=10)
                for kind in (Streams, Signals, OnATerminal) for way in (UP, DOWN)]
        for _, status, record, errors, _ in in_parallel(runs, len(runs)):
            self.assertEqual((status, record["exit"], errors), (STATUS, STATUS, b""))
        self.check_nothing_is_left()


if __name__ == "__main__":
    main()
