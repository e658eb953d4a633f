"""exec on several hosts: their lines kept apart, their ends told one by one, one status, and nothing left behind."""
import json
import os
import re
import signal
import subprocess
import unittest

from exec_options_test import WAITER, state
from harness import (MEMORY_COUNTS, PATIENCE, PYTHON, Server, Terminal, assert_sane, check_sentence, children_of,
                     client_command, environment, holds_for, main, memory_of, pids_with_word, rclient, remove_tree, scratch,
                     unique_number, wait_until, write_file)
from hostile import MIB, FakeServer, drain

NOWHERE = "unix:/nonexistent/socket"


class SeveralHostsTest(unittest.TestCase):
    """Two servers with one root, known as `one` and `two`, and a third that is away."""

    @classmethod
    def setUpClass(cls):
        cls.home = scratch()
        cls.addClassCleanup(remove_tree, cls.home)
        cls.root = os.path.join(cls.home, "root")
        os.mkdir(cls.root)
        cls.servers = [Server(root=cls.root), Server(root=cls.root)]
        for server in cls.servers:
            cls.addClassCleanup(server.cleanup)
        cls.config = os.path.join(cls.home, "config")
        os.mkdir(cls.config, 0o700)
        cls.env = {"FARHAND_CONFIG_DIR": cls.config}
        cls.write_hosts('["@both"]\nhosts = ["one", "two"]\n["@all"]\nhosts = ["one", "away", "two"]\n')

    @classmethod
    def write_hosts(cls, more):
        known = [("one", cls.servers[0].host), ("two", cls.servers[1].host), ("away", NOWHERE)]
        text = "".join(f'[{name}]\nhost = "{host}"\n' for name, host in known) + more
        write_file(os.path.join(cls.config, "hosts.toml"), text.encode(), 0o600)

    def setUp(self):
        for server in self.servers:
            self.addCleanup(assert_sane, server)

    def run_on(self, hosts, *args, **options):
        where = [word for host in hosts for word in ("-H", host)]
        return rclient([*where, *args], env=self.env, cwd=self.home, **options)

    def start_on(self, hosts, *args, **options):
        where = [word for host in hosts for word in ("-H", host)]
        client = subprocess.Popen(client_command([*where, *args]), env=environment(self.env), cwd=self.home,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        self.addCleanup(client.communicate)
        self.addCleanup(lambda: client.poll() is None and client.kill())
        return client

    def lines(self, data):
        return sorted(data.decode().splitlines())

    def table(self, done):
        """{host: words} of the table, and the line that counts."""
        lines = done.stderr.decode().splitlines()
        return dict(line.strip().split(None, 1) for line in lines if line.startswith("  ")), lines[-1]

    def read_lines(self, client, *expected):
        """The next lines, in any order."""
        self.assertEqual(sorted(client.stdout.readline() for _ in expected), sorted(expected))


class Output(SeveralHostsTest):
    def test_each_line_has_its_hosts_name_and_streams_stay_apart(self):
        done = self.run_on(["one", "two"], "exec", "echo out; echo err >&2; printf rest")
        self.assertEqual(done.returncode, 0)
        self.assertEqual(self.lines(done.stdout), ["one: out", "one: rest", "two: out", "two: rest"])
        self.assertEqual(self.lines(done.stderr),
                         ["  one  ok", "  two  ok", "one: err", "rclient: 2 hosts: 2 ok", "two: err"])

    def test_a_line_is_never_torn_by_another_hosts(self):
        line = "for i in $(seq 20); do printf 'the first half '; sleep 0.005; echo and the second; done"
        done = self.run_on(["one", "two"], "exec", line)
        self.assertEqual(self.lines(done.stdout), [f"{name}: the first half and the second" for name in ("one", "two")
                                                   for _ in range(20)])

    def test_group_shows_each_hosts_output_in_one_piece(self):
        done = self.run_on(["one", "two"], "exec", "--group", "for i in $(seq 20); do echo $i; sleep 0.005; done; echo e >&2")
        piece = "".join(f"{i}\n" for i in range(1, 21))
        pieces = {f"--- {name} ---\n{piece}" for name in ("one", "two")}
        self.assertEqual(set(re.split(r"(?<=\n)(?=---)", done.stdout.decode())), pieces)
        self.assertIn(b"--- one ---\ne\n", done.stderr)

    def test_bytes_stay_as_they_came_unless_a_terminal_shows_them(self):
        line = r"printf '\033[31mred\377\tC:\\x\n'"
        done = self.run_on(["one"], "exec", line)
        self.assertEqual(done.stdout, b"\x1b[31mred\xff\tC:\\x\n", "one host is not touched")
        self.assertEqual(self.run_on(["@both"], "exec", line).stdout.splitlines()[0][5:], b"\x1b[31mred\xff\tC:\\x")
        for option in ([], ["--group"]):
            terminal = Terminal(client_command(["-H", "one", "-H", "two", "exec", *option, line]), env=self.env)
            self.addCleanup(terminal.close)
            self.assertEqual(terminal.wait(), 0)
            self.assertNotIn(b"\x1b", terminal.seen)
            self.assertIn(rb"\x1b[31mred\xff", terminal.seen)

    def test_input_is_none_or_the_file_for_each(self):
        path = write_file(os.path.join(self.home, "input"), b"from a file\n")
        self.assertEqual(self.run_on(["@both"], "exec", "cat; echo end", input=b"ours").stdout.count(b"ours"), 0)
        done = self.run_on(["@both"], "exec", "--stdin", path, "cat")
        self.assertEqual(self.lines(done.stdout), ["one: from a file", "two: from a file"])

    @unittest.skipUnless(MEMORY_COUNTS, "a sanitizer takes memory of its own")
    def test_a_reader_that_stands_still_holds_the_hosts_back(self):
        client = self.start_on(["one", "two"], "exec", "head -c 100000000 /dev/zero | tr '\\0' '\\n'")
        children = wait_until(lambda: len(children_of(client.pid)) == 2 and children_of(client.pid), "both are asked")
        client.stdout.read(1 * MIB)
        little = lambda: all(memory_of(pid)["VmHWM"] < 32 * MIB for pid in [client.pid, *children])
        self.assertTrue(holds_for(little, 0.7))
        client.stdout.close()
        self.assertEqual(client.wait(PATIENCE), -signal.SIGPIPE)
        wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in children), "nobody is left")
        client.stdout = open(os.devnull, "rb")


class Ends(SeveralHostsTest):
    def test_all_ok_is_0_and_says_so(self):
        done = self.run_on(["one", "two"], "exec", "true")
        self.assertEqual((done.returncode, done.stdout), (0, b""))
        self.assertEqual(self.table(done), ({"one": "ok", "two": "ok"}, "rclient: 2 hosts: 2 ok"))

    def test_the_highest_status_is_ours(self):
        done = self.run_on(["one", "two"], "exec", "mkdir first 2>/dev/null && exit 3; rmdir first; exit 7")
        self.assertEqual(done.returncode, 7)
        self.assertEqual(sorted(self.table(done)[0].values()), ["failed 3", "failed 7"])

    def test_one_that_is_away_makes_it_255_and_the_others_are_asked(self):
        done = self.run_on(["one", "away", "two"], "exec", "echo hi; exit 4")
        self.assertEqual(done.returncode, 255)
        self.assertEqual(self.lines(done.stdout), ["one: hi", "two: hi"])
        self.assertEqual(self.table(done)[0], {"one": "failed 4", "away": "unreachable", "two": "failed 4"})
        self.assertIn(b"rclient: away: nothing listens", done.stderr)

    def test_timeouts_and_programs_that_are_not_there_are_told(self):
        done = self.run_on(["one", "two"], "exec", "--timeout", "300ms", "sleep 60")
        self.assertEqual((done.returncode, self.table(done)[0]), (124, {"one": "timed out", "two": "timed out"}))
        done = self.run_on(["one", "two"], "exec", "--", "no-such-program")
        self.assertEqual((done.returncode, self.table(done)[0]), (127, {"one": "failed 127", "two": "failed 127"}))

    def test_quiet_leaves_the_table_out_and_nothing_else(self):
        self.assertEqual(self.run_on(["-q"], "exec", "true").returncode, 255)  # no host of that name
        done = rclient(["-q", "-H", "one", "-H", "away", "exec", "echo e >&2"], env=self.env)
        self.assertEqual([line.split(b":")[0] for line in sorted(done.stderr.splitlines())], [b"one", b"rclient"])

    def test_json_is_an_object_for_each_host_in_a_line(self):
        done = self.run_on(["one", "away", "two"], "--json", "exec", "echo out; echo err >&2; exit 5")
        told = {each["host"]: each for each in map(json.loads, done.stdout.splitlines())}
        self.assertEqual((done.returncode, done.stderr, set(told)), (255, b"", {"one", "away", "two"}))
        for name in ("one", "two"):
            self.assertEqual((told[name]["exit"], told[name]["stdout"], told[name]["stderr"]), (5, "out\n", "err\n"))
        self.assertEqual((told["away"]["started"], told["away"]["error"]["code"]), (False, "cannot_connect"))

    def test_status_fd_has_a_line_for_each_host_beside_the_output(self):
        path = os.path.join(self.home, "status")
        done = subprocess.run(["sh", "-c", 'exec "$@" 3>"$0"', path,
                               *client_command(["-H", "@both", "exec", "--status-fd", "3", "echo out; exit 9"])],
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, env=environment(self.env))
        self.assertEqual((done.returncode, self.lines(done.stdout)), (9, ["one: out", "two: out"]))
        with open(path, encoding="ascii") as file:
            told = [json.loads(line) for line in file]
        self.assertEqual(sorted((each["host"], each["exit"], "stdout" in each) for each in told),
                         [("one", 9, False), ("two", 9, False)])


class Window(SeveralHostsTest):
    # Tells whether it saw another at work; the two servers share their directory.
    ALONE = "mkdir work 2>/dev/null || { echo together; exit 1; }; sleep 0.2; rmdir work"

    def test_hosts_are_asked_at_the_same_time(self):
        os.mkfifo(os.path.join(self.root, "meet"))
        done = self.run_on(["one", "two"], "exec", "mkdir first 2>/dev/null && echo x > meet || { cat meet; rmdir first; }",
                           timeout=PATIENCE)
        self.assertEqual((done.returncode, done.stdout[5:]), (0, b"x\n"))
        os.unlink(os.path.join(self.root, "meet"))

    def test_a_window_of_one_asks_one_after_the_other(self):
        done = self.run_on(["one", "two"], "exec", "--window", "1", self.ALONE)
        self.assertEqual((done.returncode, done.stdout), (0, b""))


class Groups(SeveralHostsTest):
    def test_a_group_stands_for_its_hosts_and_doubles_are_asked_once(self):
        self.assertEqual(self.lines(self.run_on(["@both"], "exec", "echo hi").stdout), ["one: hi", "two: hi"])
        done = self.run_on(["two", "@both", "@all"], "exec", "echo hi")
        self.assertEqual(self.lines(done.stdout), ["one: hi", "two: hi"])
        self.assertEqual(list(self.table(done)[0]), ["two", "one", "away"])
        done = rclient(["exec", "echo hi"], env={**self.env, "RCLIENT_HOST": "@both"})
        self.assertEqual(self.lines(done.stdout), ["one: hi", "two: hi"])

    def test_hosts_lists_groups(self):
        self.assertIn(b"@both  one two\n", self.run_on([], "hosts").stdout)
        told = json.loads(self.run_on([], "hosts", "--json").stdout)
        self.assertIn({"name": "@both", "hosts": ["one", "two"]}, told["groups"])

    def test_a_group_that_is_not_known_or_wrong_is_told_and_nothing_is_run(self):
        self.addCleanup(self.write_hosts, '["@both"]\nhosts = ["one", "two"]\n["@all"]\nhosts = ["one", "away", "two"]\n')
        check_sentence(self, self.run_on(["one", "@none"], "exec", "touch ran"), 255, "'@none'")
        self.write_hosts('["@wrong"]\nhosts = ["one"]\nhots = 1\n')
        check_sentence(self, self.run_on(["one", "@wrong"], "exec", "touch ran"), 255, "line 9 column 1", "'hots'")
        self.assertEqual(os.listdir(self.root), [])

    def test_whatever_is_not_exec_asks_one_host(self):
        for args in (["post", "x"], ["get", "x"], []):
            check_sentence(self, self.run_on(["one", "two"], *args), 2, "only exec")
            check_sentence(self, self.run_on(["@both"], *args), 2, "only exec")


class Signals(SeveralHostsTest):
    def start_waiters(self, **options):
        client = self.start_on(["one", "two"], "exec", "--", PYTHON, "-c", WAITER, **options)
        self.read_lines(client, b"one: ready\n", b"two: ready\n")
        return client

    def test_signals_reach_every_command(self):
        client = self.start_waiters()
        for name in (b"SIGTERM", b"SIGUSR1", b"SIGUSR2"):
            client.send_signal(getattr(signal, name.decode()))
            self.read_lines(client, b"one: " + name + b"\n", b"two: " + name + b"\n")
        self.assertEqual(client.wait(PATIENCE), 7)

    def test_ctrl_c_on_a_terminal_reaches_each_command_once(self):
        command = client_command(["-H", "@both", "exec", "--", PYTHON, "-c", WAITER])
        terminal = Terminal(command, env=self.env)
        self.addCleanup(terminal.close)
        terminal.expect(b"ready.*ready")
        terminal.send(b"\x03")
        terminal.expect(b"SIGINT.*SIGINT")
        terminal.process.send_signal(signal.SIGUSR2)
        self.assertEqual(terminal.wait(), 7)
        self.assertNotIn(b"SIGINT", terminal.seen)

    def test_who_was_not_asked_before_a_signal_is_not_asked_any_more(self):
        client = self.start_on(["one", "two"], "exec", "--window", "1", "echo ready; exec sleep 60")
        self.read_lines(client, b"one: ready\n")
        client.send_signal(signal.SIGTERM)
        _, complaints = client.communicate(timeout=PATIENCE)
        self.assertEqual(client.returncode, 255)
        self.assertIn(b"one  failed 143", complaints)
        self.assertIn(b"two  not asked", complaints)

    def test_a_host_that_is_still_connected_to_is_given_up_at_a_signal(self):
        with FakeServer(drain, raw=True) as fake:  # a handshake without an answer
            one = self.servers[0].host
            client = self.start_on([fake.host, one], "--tls-server-pin", "sha256:" + "0" * 64, "exec",
                                   "echo ready; exec sleep 60")
            self.read_lines(client, os.fsencode(one) + b": ready\n")
            wait_until(lambda: fake.connections == 1, "it is connected to")
            client.send_signal(signal.SIGTERM)
            _, complaints = client.communicate(timeout=5)
        self.assertEqual(client.returncode, 255)
        self.assertIn(b"failed 143", complaints)
        self.assertIn(b"unreachable", complaints)

    def test_two_interrupts_end_it_whatever_the_commands_do(self):
        word = unique_number()
        client = self.start_on(["one", "two"], "exec", f"trap '' INT TERM; echo ready; while :; do sleep {word}; done")
        self.read_lines(client, b"one: ready\n", b"two: ready\n")
        while client.poll() is None:
            client.send_signal(signal.SIGINT)
            try:
                client.wait(0.2)
            except subprocess.TimeoutExpired:
                pass
        self.assertEqual(client.returncode, 130)
        wait_until(lambda: not pids_with_word(word), "the commands are ended", 15)

    def test_a_killed_client_takes_its_processes_and_the_commands_along(self):
        word = unique_number()
        client = self.start_on(["one", "two"], "exec", f"echo ready; sleep {word}; true")
        self.read_lines(client, b"one: ready\n", b"two: ready\n")
        client.kill()
        wait_until(lambda: not pids_with_word(word), "nothing is left", 15)

    def test_control_z_stops_all_of_it_and_all_of_it_goes_on(self):
        client = self.start_waiters(preexec_fn=os.setpgrp)
        everybody = [client.pid, *children_of(client.pid)]
        self.assertEqual(len(everybody), 3)
        client.send_signal(signal.SIGTSTP)
        wait_until(lambda: all(state(pid) == b"T" for pid in everybody), "all are stopped")
        client.send_signal(signal.SIGCONT)
        client.send_signal(signal.SIGUSR2)
        self.read_lines(client, b"one: SIGUSR2\n", b"two: SIGUSR2\n")
        self.assertEqual(client.wait(PATIENCE), 7)


if __name__ == "__main__":
    main()
