"""rclient's command line, and its words about servers that are away, dead, silent or something else."""
import contextlib
import os
import re
import signal
import socket
import subprocess
import threading
import time
import unittest

from harness import (NOBODY, PATIENCE, Server, ServerTest, Terminal, check_sentence, main, part_files, pids_with_word, rclient,
                     read_file, remove_tree, scratch, unique_number, wait_until, write_file)

MIB = 1 << 20


@contextlib.contextmanager
def peer(serve):
    """A TCP server of ours that serve(socket) speaks for; its address for -H."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def run():
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(PATIENCE)
                with contextlib.suppress(OSError):
                    serve(connection, stop)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield "plain:127.0.0.1:%d" % listener.getsockname()[1]
    finally:
        stop.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(PATIENCE)


def http(connection, _):
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def ssh(connection, _):
    connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")
    connection.recv(4096)


def silent(connection, stop):
    stop.wait(PATIENCE)


def leaving(connection, _):
    connection.recv(1)


class Usage(unittest.TestCase):
    def refused(self, args, status, *words):
        check_sentence(self, rclient(args, host=None, env={"HOME": "/nonexistent"}), status, *words)

    def test_usage_errors_are_2_and_one_sentence(self):
        for args in (["no-such-verb"], ["--no-such-option"], ["post"], ["get"], ["post", "--to", "x"], ["get", "--to"],
                     ["post", ""], ["-q", "-v", "get", "x"], ["--", "x"], ["-H"], ["post", "--wrong", "x"],
                     ["-H", "host:port", "get", "x"], ["-H", "", "get", "--"], ["get", "-x"]):
            self.refused(args, 2)

    def test_usage_errors_of_exec_are_255(self):
        for args in (["exec"], ["exec", "--"], ["exec", "two", "words"], ["exec", "one", "--", "two"],
                     ["exec", "--no-such-option", "true"], ["exec", "--no-such-option"]):
            self.refused(args, 255)

    def test_help_of_each_verb_is_on_stdout_and_names_it(self):
        for args, words in ((["--help"], ["exec", "post", "get", "-H"]), (["-h"], ["exec"]), (["exec", "--help"], ["exec", "--status-fd"]),
                            (["post", "--help"], ["post", "--to"]), (["get", "--help"], ["get", "--to"])):
            done = rclient(args)
            self.assertEqual((done.returncode, done.stderr), (0, b""), args)
            for word in words:
                self.assertIn(word, done.stdout.decode(), args)

    def test_version_is_on_stdout(self):
        done = rclient(["--version"])
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertRegex(done.stdout, rb"^rclient \d+\.\d+\.\d+\n$")

    def test_a_name_longer_than_a_frame_can_carry_is_told(self):
        with Server() as server:
            here = scratch()
            self.addCleanup(remove_tree, here)
            write_file(os.path.join(here, "f"), b"x")
            for args in (["post", "f", "--to", "n/" * 2049], ["get", "n/" * 2049 + "x"]):
                done = server.client(args, cwd=here)
                check_sentence(self, done, 2)
                self.assertLess(len(done.stderr), 4096)


class Addresses(unittest.TestCase):
    def test_an_address_may_be_given_in_every_form(self):
        uid = NOBODY if os.geteuid() == 0 else None
        with Server("--insecure", listen=["127.0.0.1:0", "[::1]:0", "localhost:0"], uid=uid) as server:
            v4, v6, name = (host.rpartition(":")[2] for host in server.hosts)
            for host in server.hosts + [f"plain:127.0.0.1:{v4}", f"plain:localhost:{v4}", f"plain:[::1]:{v6}"]:
                done = server.client(["exec", "echo hi"], host=host)
                self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"hi\n", b""), host)

    def test_the_environment_names_the_host_and_the_option_wins(self):
        with Server() as one, Server() as other:
            done = rclient(["exec", "pwd -P"], env={"RCLIENT_HOST": one.host}, uid=one.uid)
            self.assertEqual(done.stdout.decode().strip(), os.path.realpath(one.root))
            done = rclient(["exec", "pwd -P"], host=other.host, env={"RCLIENT_HOST": one.host}, uid=one.uid)
            self.assertEqual(done.stdout.decode().strip(), os.path.realpath(other.root))

    def test_what_cannot_be_reached_is_7_and_255_for_exec(self):
        with socket.create_server(("127.0.0.1", 0)) as gone:
            port = gone.getsockname()[1]
        for host in (f"plain:127.0.0.1:{port}", "unix:/nonexistent/socket", "plain:no-such-host.invalid:1",
                     "unix:" + "x" * 200):
            check_sentence(self, rclient(["get", "x"], host=host), 7)
            check_sentence(self, rclient(["exec", "true"], host=host), 255)

    def test_a_host_that_nobody_has_paired_with_says_what_it_takes(self):
        here = scratch()
        self.addCleanup(remove_tree, here)
        ran = rclient(["get", "x"], host="127.0.0.1:1", env={"HOME": here})
        check_sentence(self, ran, 2, "rserver invite", "rclient pair", "--tls-server-pin")

    def test_no_local_server_is_told_with_the_socket(self):
        here = scratch()
        self.addCleanup(remove_tree, here)
        uid = NOBODY if os.geteuid() == 0 else None
        done = rclient(["get", "x"], uid=uid, env={"HOME": here, "XDG_RUNTIME_DIR": here + "/run"})
        check_sentence(self, done, 7, "rserver.sock")


class OtherServers(unittest.TestCase):
    def test_a_web_server_is_a_protocol_error_that_says_so(self):
        with peer(http) as host:
            check_sentence(self, rclient(["get", "x"], host=host), 9, "HTTP")
            check_sentence(self, rclient(["exec", "true"], host=host), 255, "HTTP")

    def test_an_ssh_server_is_a_protocol_error_that_says_so(self):
        with peer(ssh) as host:
            check_sentence(self, rclient(["get", "x"], host=host), 9, "ssh")

    def test_a_server_that_leaves_at_once_is_a_lost_connection(self):
        with peer(leaving) as host:
            check_sentence(self, rclient(["get", "x"], host=host), 8)

    def test_a_silent_server_is_given_up(self):
        with peer(silent) as host:
            begun = time.monotonic()
            check_sentence(self, rclient(["get", "x"], host=host), 8)
            self.assertLess(time.monotonic() - begun, 30)  # 15 s are stated


def large_file(path):
    """Without holes, which would take no time."""
    with open(path, "wb") as file:
        for _ in range(256):
            file.write(b"0123456789abcdef" * (MIB // 16))
    return path


def held_midway(server, start, where):
    """A client's process whose transfer is half-way (its part under `where` has bytes) and goes no further: the server is stopped."""
    for _ in range(10):
        client = start()
        while client.poll() is None:
            with contextlib.suppress(OSError):
                if any(os.path.getsize(path) > 0 for path in part_files(where)):
                    os.kill(server.pid, signal.SIGSTOP)
                    break
        if client.poll() is None:
            return client
        os.kill(server.pid, signal.SIGCONT)
    raise AssertionError("no transfer was ever seen half-way")


class DeadServers(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.cleanup)
        self.here = scratch()
        self.addCleanup(remove_tree, self.here)

    def finish(self, client):
        out, err = client.communicate(timeout=PATIENCE)
        return subprocess.CompletedProcess([], client.returncode, out, err)

    def test_a_server_that_dies_in_a_command_gives_255_and_a_sentence(self):
        word = unique_number()
        client = self.server.start_client(["exec", f"exec sleep {word}"])
        sleeps = wait_until(lambda: [pid for pid in pids_with_word(word)
                                     if read_file(f"/proc/{pid}/cmdline").startswith(b"sleep")], "the command runs")
        self.server.kill()
        done = self.finish(client)
        for pid in sleeps:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        check_sentence(self, done, 255, "not known")

    def test_a_server_that_dies_in_a_post_gives_8_and_a_sentence(self):
        large_file(os.path.join(self.here, "big"))
        client = held_midway(self.server, lambda: self.server.start_client(["post", "big"], cwd=self.here),
                             self.server.root)
        self.server.kill()
        check_sentence(self, self.finish(client), 8, "goes on from here")

    def test_a_server_that_dies_in_a_get_gives_8_and_keeps_the_old_file(self):
        large_file(self.server.path("big"))
        write_file(os.path.join(self.here, "big"), b"old\n")
        client = held_midway(self.server, lambda: self.server.start_client(["get", "big"], cwd=self.here), self.here)
        self.server.kill()
        check_sentence(self, self.finish(client), 8, "goes on from here")
        self.assertEqual(len(part_files(self.here)), 1, "it waits for the same command")
        self.assertEqual(len(os.listdir(self.here)), 2)
        self.assertEqual(read_file(os.path.join(self.here, "big")), b"old\n")

    def test_a_server_that_stands_still_is_noticed(self):
        word = unique_number()
        client = self.server.start_client(["exec", f"exec sleep {word}"])
        wait_until(lambda: len(pids_with_word(word)) > 0, "the command runs")
        os.kill(self.server.pid, signal.SIGSTOP)
        try:
            check_sentence(self, self.finish(client), 255)  # after the 15 s of a dead peer
        finally:
            os.kill(self.server.pid, signal.SIGCONT)
        wait_until(lambda: not pids_with_word(word), "the command is gone", 30)


class Progress(ServerTest):
    """The progress line: on a terminal, for a large transfer, and nowhere else."""

    def large(self):
        path = os.path.join(self.here, "large-file-with-a-rather-long-name-so-that-it-must-be-cut-" + "x" * 60)
        return large_file(path)

    def post_slowly(self, terminal):
        """Holds the server until 0.5 s have gone, so that a line is due however fast the machine is."""
        begun = time.monotonic()
        wait_until(lambda: terminal.read_some(0.05) or time.monotonic() - begun > 0.5, "half a second has gone")
        os.kill(self.server.pid, signal.SIGCONT)
        return terminal.wait()

    def run_on_terminal(self, args, path, **options):
        terminals = []

        def start():
            for name in os.listdir(self.server.root):
                os.unlink(self.server.path(name))
            terminals.append(Terminal(self.server.client_command([*args, "post", path]), **options))
            self.addCleanup(terminals[-1].close)
            return terminals[-1].process
        held_midway(self.server, start, self.server.root)
        terminal = terminals[-1]
        try:
            self.assertEqual(self.post_slowly(terminal), 0)
        finally:
            os.kill(self.server.pid, signal.SIGCONT)
        return terminal.seen

    def test_a_large_transfer_shows_one_line_that_fits_the_terminal(self):
        for columns in (80, 40):
            shown = self.run_on_terminal([], self.large(), columns=columns)
            lines = re.findall(rb"\r(post  [^\r\n\x1b]*)\x1b\[K", shown)
            self.assertTrue(lines, shown)
            for line in lines:
                self.assertLess(len(line.decode()), columns)
            self.assertNotIn(b"\n", shown.partition(b"post  ")[2].rpartition(b"\x1b[K")[0])

    def test_quiet_json_and_a_dumb_terminal_show_no_line(self):
        path = self.large()
        self.assertEqual(self.run_on_terminal(["-q"], path), b"")
        self.assertNotIn(b"\x1b", self.run_on_terminal(["--json"], path))
        self.assertNotIn(b"\x1b", self.run_on_terminal([], path, env={"TERM": "dumb"}))

    def test_without_a_terminal_there_is_no_line(self):
        self.check(self.client(["post", self.large()]), 0, b"", b"")

    def test_quiet_keeps_errors(self):
        self.check_sentence(self.client(["-q", "get", "missing"]), 3, "missing")


if __name__ == "__main__":
    main()
