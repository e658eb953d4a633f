"""exec's options, the window of its input, the signals that reach its command, and an outcome that can be believed."""
import json
import os
import re
import signal
import subprocess
import time
import unittest

from harness import (NOBODY, PATIENCE, PYTHON, SCALE, Server, ServerTest, Terminal, check_sentence, client_command, environment,
                     main, make_identity, pids_with_word, random_bytes, rclient, read_file, remove_tree,
                     scratch, unique_number, wait_until, write_file, _stat_fields)
from hostile import MIB, FakeServer, drain, exit_report, frame, welcome

WINDOW = 4 * MIB    # protocol/README.md, "taken"
TOGETHER = 2        # seconds: a second INT within them ends rclient

# Says `ready`, and the name of each signal that comes; ends with 7 at USR2.
WAITER = """import os, signal
asked = {signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2}
signal.pthread_sigmask(signal.SIG_BLOCK, asked)
os.write(1, b"ready\\n")
came = None
while came != signal.SIGUSR2:
    came = signal.sigwait(asked)
    os.write(1, signal.Signals(came).name.encode() + b"\\n")
os._exit(7)
"""


def state(pid):
    return _stat_fields(pid)[0]


class ExecTest(ServerTest):
    def start(self, args, **options):
        client = self.server.start_client(args, cwd=self.here, **options)
        self.addCleanup(client.communicate)
        self.addCleanup(lambda: client.poll() is None and client.kill())
        return client

    def expect_lines(self, client, *lines):
        for line in lines:
            self.assertEqual(client.stdout.readline(), line + b"\n")

    def outcome(self, args, status):
        return json.loads(self.check(self.client(["--json", "exec", *args]), status).stdout)


class Options(ExecTest):
    def test_a_command_starts_in_the_directory_that_was_asked_for(self):
        os.makedirs(self.server.path("a b", "sub"), exist_ok=True)
        done = self.client(["exec", "--cwd", "a b/sub", "pwd -P"])
        self.check(done, 0, os.fsencode(os.path.realpath(self.server.path("a b", "sub"))) + b"\n", b"")

    def test_a_directory_that_is_none_is_told_by_name_and_is_255(self):
        write_file(self.server.path("a-file"), b"")
        for name in ("no-such-directory", "a-file"):
            self.check_sentence(self.client(["exec", "--cwd", name, "true"]), 255, name)
            self.assertEqual(self.outcome(["--cwd", name, "true"], 255)["started"], False)

    def test_not_found_not_executable_and_no_directory_are_three_answers(self):
        write_file(self.server.path("plain"), b"text\n", 0o644)
        codes = [self.outcome(args, status)["error"]["code"] for args, status in (
            (["--", "no-such-program"], 127), (["--", "./plain"], 126), (["--cwd", "nowhere", "--", "true"], 255))]
        self.assertEqual(codes[:2], ["not_found", "not_executable"])

    def test_a_command_that_takes_too_long_is_ended_with_124(self):
        word = unique_number()
        self.check_sentence(self.client(["exec", "--timeout", "300ms", f"sleep {word} & wait"]), 124, "--timeout")
        wait_until(lambda: not pids_with_word(word), "its process group is gone", 15)
        outcome = self.outcome(["--timeout", "300ms", "echo begun; exec sleep 60"], 124)
        self.assertEqual((outcome["timed_out"], outcome["started"], outcome["stdout"]), (True, True, "begun\n"))
        self.assertGreaterEqual(outcome["duration"], 0.3)

    def test_a_command_that_is_in_time_ends_as_it_does(self):
        self.check(self.client(["exec", "--timeout", "60s", "exit 3"]), 3, b"", b"")
        self.assertEqual(self.outcome(["--timeout", "1d", "exit 124"], 124)["timed_out"], False)

    def test_input_is_ours_or_a_files_or_none(self):
        path = write_file(os.path.join(self.here, "input"), random_bytes(3 * MIB, 1))
        for option, expected in (([], b"ours"), (["--stdin", "none"], b""),
                                 (["--stdin", path], random_bytes(3 * MIB, 1)), (["--stdin", "/dev/null"], b"")):
            self.check(self.client(["exec", *option, "cat"], input=b"ours"), 0, expected, b"")

    def test_a_file_that_cannot_be_its_input_is_told_before_anything_is_connected(self):
        for path in (os.path.join(self.here, "missing"), self.here):
            done = rclient(["exec", "--stdin", path, "true"], host="unix:/nonexistent/socket")
            check_sentence(self, done, 255, "--stdin", path)

    def test_merged_streams_keep_their_order(self):
        line = "for i in $(seq 200); do echo out $i; echo err $i >&2; done"
        expected = b"".join(b"out %d\nerr %d\n" % (i, i) for i in range(1, 201))
        self.check(self.client(["exec", "--merge", line]), 0, expected, b"")
        self.check(self.client(["exec", line]), 0, b"".join(b"out %d\n" % i for i in range(1, 201)))

    def test_options_that_mean_nothing_are_255_and_one_sentence(self):
        for args in (["--timeout", "soon", "x"], ["--timeout", "0s", "x"], ["--cwd", "", "x"], ["--stdin", "", "x"],
                     ["--cwd", "a", "--cwd", "b", "x"], ["--window", "0", "x"], ["--timeout"]):
            check_sentence(self, rclient(["exec", *args], host="unix:/nonexistent/socket"), 255)


class Outcomes(ExecTest):
    """What can end in the same status is told apart."""

    def told(self, done):
        told = json.loads(done.stdout)
        self.assertEqual(done.returncode, told["status"])
        return told["status"], told["exit"], told["signal"], told["started"], told["error"] and told["error"]["code"]

    def test_255_a_signal_a_lost_link_and_a_refused_key_are_four_answers(self):
        self.assertEqual(self.told(self.client(["--json", "exec", "exit 255"])), (255, 255, None, True, None))
        self.assertEqual(self.told(self.client(["--json", "exec", "kill -9 $$"])), (137, None, 9, True, None))
        with FakeServer(lambda peer: (welcome(peer), peer.expect("exec"), peer.cut()), self.here) as fake:
            self.assertEqual(self.told(rclient(["--json", "exec", "true"], fake.host)),
                             (255, None, None, None, "connection_lost"))
        self.assertEqual(self.told(self.refused()), (255, None, None, False, "refused"))

    def refused(self):
        keys = scratch(NOBODY)
        self.addCleanup(remove_tree, keys)
        uid = NOBODY if os.geteuid() == 0 else None
        ours, other, theirs = (make_identity(keys, name, uid=uid) for name in ("ours", "other", "theirs"))
        with Server(*theirs.args(), "--tls-client-pin", other.pin, listen=["127.0.0.1:0"], uid=uid) as server:
            return server.client([*ours.args(), "--tls-server-pin", theirs.pin, "--json", "exec", "true"])

    def test_what_a_command_used_is_told(self):
        burn = "import time\nblock = bytearray(64 << 20)\nwhile time.process_time() < 0.2: pass\ntime.sleep(0.1)"
        outcome = self.outcome(["--", PYTHON, "-c", burn], 0)
        self.assertGreaterEqual(outcome["duration"], 0.3)
        self.assertGreaterEqual(outcome["usage"]["user"] + outcome["usage"]["system"], 0.15)
        self.assertLess(outcome["usage"]["user"], outcome["duration"] + 1)
        self.assertGreater(outcome["usage"]["max_rss"], 64 * MIB)


class Window(unittest.TestCase):
    """The client against servers that say of its input what they like."""

    def setUp(self):
        self.here = scratch()
        self.addCleanup(remove_tree, self.here)
        self.input = write_file(os.path.join(self.here, "input"), b"x" * (WINDOW + 3 * MIB))

    def take(self, peer, count):
        """So much input, and not a byte more."""
        got = 0
        while got < count:
            got += peer.expect("stdin").size
        self.assertEqual(got, count)
        with self.assertRaisesRegex(AssertionError, "nothing came"):
            peer.read_past_pings(0.3)

    def run_with(self, script):
        def whole(peer):
            welcome(peer)
            peer.expect("exec")
            script(peer)
            drain(peer)
        with FakeServer(whole, self.here) as fake:
            return rclient(["--json", "exec", "--stdin", self.input, "true"], fake.host)

    def test_input_under_way_is_bounded_and_goes_on_as_it_is_taken(self):
        def script(peer):
            self.take(peer, WINDOW)
            peer.send(frame("taken", name=str(MIB)))
            self.take(peer, MIB)
            peer.send(frame("taken", name=str(WINDOW + MIB)))
            self.assertEqual(sum(iter(lambda: peer.expect("stdin").size, 0)), 2 * MIB)   # and its end
            peer.send(exit_report(value=4))
        self.assertEqual(self.run_with(script).returncode, 4)

    def test_word_of_input_that_goes_back_or_beyond_what_was_sent_is_a_breach(self):
        for said in ((WINDOW, WINDOW - 1), (2 ** 62,), (1, 0)):
            def script(peer, said=said):
                self.take(peer, WINDOW)
                for count in said:
                    peer.send_if_heard(frame("taken", name=str(count)))
            told = json.loads(self.run_with(script).stdout)
            self.assertEqual((told["status"], told["error"]["code"]), (255, "protocol"))


class Signals(ExecTest):
    def test_signals_reach_the_command_and_the_client_ends_as_it_does(self):
        client = self.start(["exec", "--", PYTHON, "-c", WAITER])
        self.expect_lines(client, b"ready")
        for name in ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2"):
            client.send_signal(getattr(signal, name))
            self.expect_lines(client, name.encode())
        self.assertEqual(client.wait(PATIENCE), 7)

    def test_a_command_that_dies_of_a_signal_gives_128_plus_n(self):
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
            client = self.start(["exec", "ulimit -c 0; echo ready; exec sleep 60"])
            self.expect_lines(client, b"ready")
            client.send_signal(number)
            self.assertEqual(client.wait(PATIENCE), 128 + number)

    def test_a_signal_never_waits_behind_input_that_a_command_does_not_read(self):
        with open("/dev/zero", "rb") as zero:
            client = self.start(["exec", "--", PYTHON, "-c", WAITER], stdin=zero)
            self.expect_lines(client, b"ready")
            time.sleep(0.2)  # the window fills; if it does not, the signal is only sooner
            client.send_signal(signal.SIGUSR2)
            self.expect_lines(client, b"SIGUSR2")
            self.assertEqual(client.wait(PATIENCE), 7)

    def test_a_signal_that_was_ignored_stays_ignored(self):
        client = self.start(["exec", "--", PYTHON, "-c", WAITER],
                            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        self.expect_lines(client, b"ready")
        for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
            client.send_signal(number)
        self.expect_lines(client, b"SIGUSR1", b"SIGUSR2")

    def test_a_signal_that_comes_twice_is_heard_twice(self):
        client = self.start(["exec", "--", PYTHON, "-c", WAITER])
        self.expect_lines(client, b"ready")
        for _ in range(2):
            client.send_signal(signal.SIGTERM)
            self.expect_lines(client, b"SIGTERM")

    def test_a_signal_before_the_command_is_asked_for_ends_the_client_itself(self):
        with FakeServer(drain, raw=True) as fake:  # a handshake without an answer
            client = subprocess.Popen(client_command(["--tls-server-pin", "sha256:" + "0" * 64, "exec", "true"], fake.host),
                                      env=environment({"HOME": self.here}), stdin=subprocess.DEVNULL)
            self.addCleanup(client.wait)
            wait_until(lambda: fake.connections == 1, "it connects")
            client.send_signal(signal.SIGTERM)
            self.assertEqual(client.wait(PATIENCE), -signal.SIGTERM)


class SecondInterrupt(ExecTest):
    def test_a_second_interrupt_at_once_ends_the_client_with_130(self):
        client = self.start(["--json", "exec", "trap '' INT TERM; echo ready > began; while :; do sleep 1; done"])
        wait_until(lambda: os.path.exists(self.server.path("began")), "it runs")
        begun = time.monotonic()
        while client.poll() is None and time.monotonic() < begun + PATIENCE:
            client.send_signal(signal.SIGINT)
            time.sleep(0.2)
        self.assertEqual(client.wait(PATIENCE), 130)
        told = json.loads(client.stdout.read())
        self.assertEqual((told["exit"], told["error"]["code"], told["error"]["from"]), (None, "interrupted", "client"))
        os.unlink(self.server.path("began"))

    def test_interrupts_with_time_between_them_are_the_commands(self):
        # It says nothing of them: that the server is there is known by its own word.
        client = self.start(["exec", "trap '' INT; echo ready; read line; exit 7"], stdin=subprocess.PIPE)
        self.expect_lines(client, b"ready")
        client.send_signal(signal.SIGINT)
        time.sleep(TOGETHER + 0.2)
        client.send_signal(signal.SIGINT)
        client.stdin.write(b"go\n")
        client.stdin.flush()
        self.assertEqual(client.wait(PATIENCE), 7)

    def test_over_a_dead_link_the_second_interrupt_ends_the_client_however_late(self):
        def script(peer):
            welcome(peer)
            peer.expect("exec")
            peer.send(frame("stdout", b"ready\n"))
            drain(peer)  # and not a word more
        with FakeServer(script, self.here) as fake:
            client = subprocess.Popen(client_command(["exec", "true"], fake.host), env=environment(),
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            self.addCleanup(client.communicate)
            self.expect_lines(client, b"ready")
            client.send_signal(signal.SIGINT)
            time.sleep(TOGETHER + 0.2)
            self.assertIsNone(client.poll())
            client.send_signal(signal.SIGINT)
            self.assertEqual(client.wait(PATIENCE), 130)


class Stops(ExecTest):
    """Control-Z: the client is stopped, and says so before."""

    def stoppable(self, args, **options):
        # In a group of its own: an orphan would not be stopped.
        return self.start(args, preexec_fn=os.setpgrp, **options)

    def test_control_z_stops_the_command_and_the_client_and_both_go_on(self):
        word = unique_number()
        client = self.stoppable(["exec", "--", "sleep", word])
        pids = wait_until(lambda: [pid for pid in pids_with_word(word) if pid != client.pid], "the command runs")
        wait_until(lambda: read_file(f"/proc/{pids[0]}/comm") == b"sleep\n", "it is itself")
        for _ in range(2):
            client.send_signal(signal.SIGTSTP)
            wait_until(lambda: state(client.pid) == b"T" and state(pids[0]) == b"T", "both are stopped")
            client.send_signal(signal.SIGCONT)
            wait_until(lambda: state(client.pid) == b"S" and state(pids[0]) == b"S", "both go on")
        client.send_signal(signal.SIGTERM)
        self.assertEqual(client.wait(PATIENCE), 143)

    def test_the_server_hears_of_the_pause_and_of_its_end(self):
        heard = []

        def script(peer):
            welcome(peer)
            peer.expect("exec")
            peer.expect("stdin")
            peer.send(frame("stdout", b"ready\n"))
            while len(heard) < 3:
                heard.append(peer.read_past_pings())
                if heard[-1].kind == "pause":
                    wait_until(lambda: state(self.stopped.pid) == b"T", "it stops after it has said so")
                    os.kill(self.stopped.pid, signal.SIGCONT)
            ping = peer.read_past_pings()
            self.assertEqual((ping.kind, ping.name != b""), ("ping", True))
            peer.send(exit_report(value=3))
            drain(peer)
        with FakeServer(script, self.here) as fake:
            self.stopped = subprocess.Popen(client_command(["exec", "true"], fake.host), env=environment(),
                                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, preexec_fn=os.setpgrp)
            with self.stopped:
                self.expect_lines(self.stopped, b"ready")
                self.stopped.send_signal(signal.SIGTSTP)
                self.assertEqual(self.stopped.wait(PATIENCE), 3)
        self.assertEqual([(found.kind, found.name) for found in heard],
                         [("signal", b"TSTP"), ("pause", b""), ("signal", b"CONT")])

    def test_a_client_in_the_background_leaves_the_terminal_to_others(self):
        # It was stopped by the first key (SIGTTIN), and taken for dead 15 s later.
        command = " ".join(self.server.client_command(["exec", "'cat go; read line; echo had $line'"]))
        os.mkfifo(self.server.path("go"))
        terminal = Terminal(["bash", "--norc", "-i"], cwd=self.here, env={"PS1": "prompt> "})
        self.addCleanup(terminal.close)
        terminal.expect(b"prompt> ")
        terminal.send(command.encode() + b" &\n")
        client = int(re.search(rb"\[1\] (\d+)\r", terminal.expect(rb"\[1\] \d+\r.*prompt> "))[1])
        wait_until(lambda: pids_with_word("cat go; read line; echo had $line"), "it is asked")
        for _ in range(3):
            terminal.send(b"echo ty''ped\n")
            terminal.expect(b"typed\r.*prompt> ")
        self.assertNotEqual(state(client), b"T")
        write_file(self.server.path("go"), b"gone\n")
        terminal.expect(b"gone")
        terminal.send(b"fg\n")
        terminal.expect(b"cat go.*\n")
        terminal.send(b"mine\n")
        terminal.expect(b"had mine")
        os.unlink(self.server.path("go"))

    def test_a_link_that_was_lost_while_the_client_was_stopped_is_told_as_that(self):
        def script(peer, stopped):
            welcome(peer)
            peer.expect("exec")
            peer.send(frame("stdout", b"ready\n"))
            if stopped:
                wait_until(lambda: self.stopped and state(self.stopped.pid) == b"T", "it is stopped")
            peer.cut()
        for stopped in (True, False):
            self.stopped = None   # it may be here before we know its number
            with FakeServer(lambda peer, stopped=stopped: script(peer, stopped), self.here) as fake:
                self.stopped = subprocess.Popen(client_command(["exec", "true"], fake.host), env=environment(),
                                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                self.addCleanup(self.stopped.communicate)
                self.expect_lines(self.stopped, b"ready")
                if stopped:
                    self.stopped.send_signal(signal.SIGSTOP)
                    for thread in fake._threads:
                        thread.join(PATIENCE)
                    self.stopped.send_signal(signal.SIGCONT)
                self.assertEqual(self.stopped.wait(PATIENCE), 255)
                said = self.stopped.stderr.read()
                self.assertEqual(b"rclient had been stopped" in said, stopped, said)

    @unittest.skipUnless(SCALE > 1, "takes 20 s: with FARHAND_TEST_SCALE=2")
    def test_a_client_that_was_stopped_for_long_finds_its_command_again(self):
        client = self.stoppable(["exec", "echo ready; read line; echo $line"], stdin=subprocess.PIPE)
        self.expect_lines(client, b"ready")
        client.send_signal(signal.SIGTSTP)
        wait_until(lambda: state(client.pid) == b"T", "it is stopped")
        time.sleep(20)
        client.send_signal(signal.SIGCONT)
        client.stdin.write(b"still there\n")
        client.stdin.flush()
        self.expect_lines(client, b"still there")
        self.assertEqual(client.wait(PATIENCE), 0)

    @unittest.skipUnless(SCALE > 1, "takes 20 s: with FARHAND_TEST_SCALE=2")
    def test_a_client_that_was_stopped_unheard_is_told_that_the_link_is_lost(self):
        client = self.start(["exec", "echo ready; exec sleep 60"])
        self.expect_lines(client, b"ready")
        client.send_signal(signal.SIGSTOP)
        time.sleep(20)
        client.send_signal(signal.SIGCONT)
        self.assertEqual(client.wait(PATIENCE), 255)
        self.assertIn(b"rclient had been stopped", client.stderr.read())


if __name__ == "__main__":
    main()
