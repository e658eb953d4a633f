"""rserver: where it listens, whom it serves, what it writes down, and how it ends."""
import contextlib
import os
import re
import signal
import stat
import subprocess
import unittest

from harness import (NOBODY, PATIENCE, SCALE, Server, assert_sane, check_sentence, in_parallel, main, needs_root,
                     part_files, pids_with_word, random_bytes, rclient, read_file, remove_tree, run_rserver, scratch,
                     unique_number, wait_until, write_file)

ORDINARY = NOBODY if os.geteuid() == 0 else None
MIB = 1 << 20


def check_refused(test, done, status, *words):
    """rserver would not start: the status, and one sentence."""
    test.assertEqual(done.returncode, status, done.stderr)
    test.assertEqual(done.stdout, b"")
    lines = done.stderr.decode().splitlines()
    test.assertEqual(len(lines), 1, done.stderr)
    test.assertTrue(lines[0].startswith("rserver: "), lines[0])
    for word in words:
        test.assertIn(word, lines[0])


class CommandLine(unittest.TestCase):
    def test_help_and_version_are_on_stdout(self):
        done = run_rserver(["--help"])
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        for option in (b"--listen", b"--root", b"--insecure", b"--tls-cert", b"--tls-key", b"--tls-client-pin"):
            self.assertIn(option, done.stdout)
        done = run_rserver(["--version"])
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertRegex(done.stdout, rb"^rserver \d+\.\d+\.\d+\n$")

    def test_usage_errors_are_2_and_one_sentence(self):
        for args in (["--no-such-option"], ["word"], ["--listen"], ["--listen", "unix:"], ["--listen", "127.0.0.1:99999"],
                     ["--listen", "127.0.0.1:x"], ["--tls-client-pin", "xyz"], ["--tls-cert", "only-one"]):
            check_refused(self, run_rserver(args, uid=ORDINARY), 2)

    def test_a_root_that_is_not_there_or_no_directory_is_refused(self):
        for root in ("/nonexistent", "/etc/passwd"):
            check_refused(self, run_rserver(["--root", root, "--listen", "unix:/tmp/never-made"]), 1, root)
        self.assertFalse(os.path.exists("/tmp/never-made"))

    @needs_root
    def test_root_on_tcp_is_refused_in_threads_without_tls_or_for_keys_without_a_user(self):
        for args in (["--listen", "127.0.0.1:0", "--model", "thread"], ["--listen", "127.0.0.1:0", "--insecure"],
                     ["--listen", "127.0.0.1:0", "--tls-cert", "c", "--tls-key", "k", "--tls-client-pin", "0" * 64]):
            check_refused(self, run_rserver(args), 2, "root")

    def test_a_plain_address_takes_insecure(self):
        check_refused(self, run_rserver(["--listen", "plain:127.0.0.1:0"], uid=ORDINARY), 2, "--insecure")

    def test_tls_files_that_cannot_be_read_are_named(self):
        done = run_rserver(["--listen", "127.0.0.1:0", "--tls-cert", "/nonexistent", "--tls-key", "/nonexistent",
                            "--tls-client-pin", "0" * 64], uid=ORDINARY)
        self.assertIn(done.returncode, (1, 2))
        check_refused(self, done, done.returncode, "/nonexistent")

    def test_insecure_beyond_loopback_is_refused(self):
        for address in ("0.0.0.0:0", "[::]:0", "192.0.2.1:0", "example.invalid:0", "[::ffff:127.0.0.1]:0", "0:0"):
            check_refused(self, run_rserver(["--insecure", "--listen", address], uid=ORDINARY), 2, "loopback")


class DefaultSocket(unittest.TestCase):
    """Zero configuration: rserver without arguments, rclient without -H."""

    def setUp(self):
        self.home = scratch(NOBODY)
        self.addCleanup(remove_tree, self.home)

    def both(self, env, socket_path):
        with Server(default_address=True, uid=ORDINARY, env=env) as server:
            self.assertEqual(server.host, "unix:" + socket_path)
            status = os.lstat(socket_path)
            self.assertEqual((stat.S_ISSOCK(status.st_mode), stat.S_IMODE(status.st_mode)), (True, 0o600))
            self.assertEqual(stat.S_IMODE(os.stat(os.path.dirname(socket_path)).st_mode), 0o700)
            done = server.client(["exec", "pwd -P"], host=None, env=env)
            self.assertEqual((done.returncode, done.stdout.decode().strip()), (0, os.path.realpath(server.root)))
            assert_sane(server)
        self.assertFalse(os.path.lexists(socket_path))

    @needs_root
    def test_an_ordinary_user_finds_its_server_in_the_runtime_directory(self):
        runtime = os.path.join(self.home, "run")
        os.mkdir(runtime, 0o700)
        os.chown(runtime, NOBODY, NOBODY)
        self.both({"HOME": self.home, "XDG_RUNTIME_DIR": runtime}, runtime + "/farhand/rserver.sock")

    @needs_root
    def test_without_a_runtime_directory_it_is_in_the_state_directory(self):
        self.both({"HOME": self.home}, self.home + "/.local/state/farhand/rserver.sock")

    @needs_root
    def test_root_serves_itself_on_a_unix_socket_without_more_words(self):
        with Server() as server:
            done = server.client(["exec", "id -u"])
            self.assertEqual((done.returncode, done.stdout), (0, b"0\n"))


class Sockets(unittest.TestCase):
    def test_a_second_server_on_a_live_socket_is_refused_and_the_first_goes_on(self):
        with Server() as server:
            done = run_rserver(["--listen", server.host], uid=ORDINARY if server.uid else None)
            check_refused(self, done, 1, "already", server.host.removeprefix("unix:"))
            assert_sane(server)

    def test_a_stale_socket_is_replaced(self):
        server = Server()
        self.addCleanup(server.cleanup)
        path = server.host.removeprefix("unix:")
        server.kill()
        self.assertTrue(stat.S_ISSOCK(os.lstat(path).st_mode), "kill -9 leaves the socket's file")
        server.start()
        assert_sane(server)
        server.stop()
        self.assertFalse(os.path.lexists(path))

    def test_a_file_in_the_place_of_the_socket_is_never_removed(self):
        here = scratch()
        self.addCleanup(remove_tree, here)
        path = write_file(os.path.join(here, "precious"), b"precious\n")
        check_refused(self, run_rserver(["--listen", "unix:" + path]), 1)
        self.assertEqual(read_file(path), b"precious\n")

    def test_the_socket_is_private(self):
        with Server() as server:
            self.assertEqual(stat.S_IMODE(os.lstat(server.host.removeprefix("unix:")).st_mode), 0o600)

    def test_several_addresses_are_served_at_once(self):
        here = scratch(NOBODY)
        self.addCleanup(remove_tree, here)
        with Server("--insecure", listen=[f"unix:{here}/a", "127.0.0.1:0", "[::1]:0", f"unix:{here}/b"], uid=ORDINARY) as server:
            self.assertEqual(len(set(server.hosts)), 4)
            for host in server.hosts:
                self.assertEqual(server.client(["exec", "echo hi"], host=host).stdout, b"hi\n", host)
            assert_sane(server)

    def test_port_0_picks_a_port_and_a_taken_one_is_refused(self):
        with Server("--insecure", listen=["127.0.0.1:0"], uid=ORDINARY) as server:
            self.assertRegex(server.host, r"^plain:127\.0\.0\.1:[1-9]\d+$")
            done = run_rserver(["--insecure", "--listen", server.host], uid=ORDINARY)
            check_refused(self, done, 1, "already")

    def test_another_root_is_served(self):
        root = scratch(NOBODY)
        self.addCleanup(remove_tree, root)
        with Server("--root", root, uid=ORDINARY) as server:
            write_file(os.path.join(root, "file"), b"x\n")
            self.assertEqual(server.client(["exec", "pwd -P; cat file"]).stdout, os.fsencode(os.path.realpath(root)) + b"\nx\n")


@needs_root
class OtherUsers(unittest.TestCase):
    """Nobody but the server's own user is served, and nothing of theirs is run."""

    def try_all(self, server, host, uid):
        here = scratch(uid)
        self.addCleanup(remove_tree, here)
        write_file(os.path.join(here, "file"), b"x\n", 0o644)
        done = server.client(["exec", "touch ran"], host=host, uid=uid)
        check_sentence(self, done, 255, "does not serve you")
        for args in (["post", "file"], ["get", "file"]):
            check_sentence(self, server.client(args, host=host, uid=uid, cwd=here), 3, "does not serve you")
        self.assertEqual(os.listdir(server.root), ["file"])
        self.assertEqual(read_file(server.path("file")), b"mine\n")

    def test_insecure_loopback_serves_its_own_user_and_nobody_else(self):
        with Server("--insecure", listen=["127.0.0.1:0", "[::1]:0"], uid=NOBODY) as server:
            write_file(server.path("file"), b"mine\n", uid=NOBODY)
            for host in server.hosts:
                self.assertEqual(server.client(["exec", "id -u"], host=host).stdout, b"65534\n")
                self.try_all(server, host, 12345)
                self.try_all(server, host, 0)
            assert_sane(server)

    def test_a_unix_socket_serves_its_own_user_and_nobody_else_whatever_its_mode(self):
        for owner, stranger in ((NOBODY, 12345), (NOBODY, 0), (0, NOBODY)):
            with Server(uid=owner) as server:
                write_file(server.path("file"), b"mine\n", uid=owner)
                path = server.host.removeprefix("unix:")
                if stranger:
                    check_sentence(self, server.client(["get", "file"], uid=stranger), 7)  # the mode alone keeps it out
                os.chmod(path, 0o666)
                self.try_all(server, server.host, stranger)
                self.assertEqual(server.client(["exec", "id -u"]).stdout.strip(), b"%d" % owner)
                assert_sane(server)


class Endings(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.cleanup)

    def running(self, command, word):
        client = self.server.start_client(["exec", command])
        self.addCleanup(client.communicate)
        self.addCleanup(client.kill)
        wait_until(lambda: len(pids_with_word(word)) > 0 and self.server.children(), "the command runs")
        return client

    def test_sigterm_lets_a_running_command_finish_and_takes_nobody_new(self):
        os.mkfifo(self.server.path("gate"))
        client = self.running("cat gate > /dev/null; echo finished; exit 7", "gate")
        self.server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: rclient(["get", "x"], host=self.server.host, uid=self.server.uid).returncode in (7, 8),
                   "new connections are refused")
        write_file(self.server.path("gate"), b"\n")
        out, err = client.communicate(timeout=PATIENCE)
        self.assertEqual((client.returncode, out, err), (7, b"finished\n", b""))
        self.server.wait_for_end(0)
        self.assertFalse(os.path.lexists(self.server.host.removeprefix("unix:")))

    def test_a_second_sigterm_ends_running_commands(self):
        word = unique_number()
        client = self.running(f"sleep {word}; true", word)
        self.server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: "stopping" in self.server.log(), "the first has been taken")
        self.server.process.send_signal(signal.SIGTERM)
        self.server.wait_for_end(0)
        out, err = client.communicate(timeout=PATIENCE)
        check_sentence(self, subprocess.CompletedProcess([], client.returncode, out, err), 255)
        wait_until(lambda: not pids_with_word(word), "the command is gone", 15)

    def test_idle_sessions_do_not_hold_it_up(self):
        prompt = self.server.start_client([], stdin=subprocess.PIPE)
        self.addCleanup(prompt.communicate)
        prompt.stdin.write(b"echo hi\n")
        prompt.stdin.flush()
        self.assertEqual(prompt.stdout.readline(), b"hi\n")
        with contextlib.closing(self.server.connect()):
            self.server.stop()

    def test_sigint_ends_it_as_sigterm_does(self):
        self.server.process.send_signal(signal.SIGINT)
        self.server.wait_for_end(0)
        self.assertFalse(os.path.lexists(self.server.host.removeprefix("unix:")))
        self.server.start()
        self.server.stop()

    def test_a_post_under_way_is_finished_first(self):
        here = scratch(self.server.uid)
        self.addCleanup(remove_tree, here)
        content = random_bytes(8 * MIB)
        write_file(os.path.join(here, "big"), content)
        os.kill(self.server.pid, signal.SIGSTOP)
        try:
            client = self.server.start_client(["post", "big"], cwd=here)
            self.addCleanup(client.communicate)
            os.kill(self.server.pid, signal.SIGCONT)
            wait_until(lambda: part_files(self.server.root) or client.poll() is not None, "the post is under way")
        finally:
            os.kill(self.server.pid, signal.SIGCONT)
        self.server.stop()
        _, err = client.communicate(timeout=PATIENCE)
        self.assertEqual((client.returncode, err), (0, b""))
        self.assertEqual(read_file(self.server.path("big")), content)


class Log(unittest.TestCase):
    def test_one_line_a_connection_and_a_request_with_names_escaped(self):
        here = scratch()
        self.addCleanup(remove_tree, here)
        evil = "evil\x1b[2J\nforged line\r\u202e"
        write_file(os.path.join(here, evil), b"x\n")
        with Server() as server:
            before = server.log().count("\n")
            self.assertEqual(server.client(["post", evil], cwd=here).returncode, 0)
            self.assertEqual(server.client(["get", evil], cwd=here).returncode, 0)
            self.assertEqual(server.client(["get", "missing" + evil], cwd=here).returncode, 3)
            self.assertEqual(server.client(["exec", "exit 3 #" + evil]).returncode, 3)
            self.assertEqual(server.client(["exec", "--", "echo", evil]).returncode, 0)
            wait_until(lambda: server.log().count("\n") >= before + 10, "five connections are logged")
            lines = server.log().split("\n")[before:]
            self.assertEqual(lines.pop(), "")
            self.assertEqual(len(lines), 10, lines)
            for line in lines:
                self.assertTrue(line.isprintable(), repr(line))
                self.assertRegex(line, r"^\d{4}-\d\d-\d\dT[\d:.]+Z (info|warning|error) connection \d+ ")
            for verb, count in (("post", 1), ("get", 2), ("exec", 2)):
                self.assertEqual(sum(bool(re.search(rf" connection \d+ {verb} ", line)) for line in lines), count, verb)
            self.assertEqual(sum(f"uid {server.uid}" in line for line in lines), 5)
            self.assertTrue(any("exit 3" in line for line in lines))

    def test_it_says_which_addresses_are_insecure(self):
        with Server("--insecure", listen=["127.0.0.1:0"], uid=ORDINARY) as server:
            self.assertIn("--insecure", server.log())
            self.assertIn(server.host, server.log())


class ClosedStreams(unittest.TestCase):
    def test_a_server_with_closed_standard_streams_serves_as_ever(self):
        content = random_bytes(MIB)
        for redirection in ("<&-", "2>&-", "<&- 2>&-"):
            with self.subTest(redirection), Server(wrapper=["sh", "-c", f'exec "$@" {redirection}', "sh"]) as server:
                for _ in range(3):
                    done = server.client(["exec", "cat; echo err >&2; exit 7"], input=content)
                    self.assertEqual((done.returncode, done.stdout == content, done.stderr), (7, True, b"err\n"))
                here = scratch()
                self.addCleanup(remove_tree, here)
                write_file(os.path.join(here, "file"), content)
                self.assertEqual(server.client(["post", "file"], cwd=here).returncode, 0)
                self.assertEqual(read_file(server.path("file")), content)
                assert_sane(server)


class Crowds(unittest.TestCase):
    def test_200_clients_exec_post_and_get_all_correctly(self):
        here = scratch()
        self.addCleanup(remove_tree, here)
        with Server() as server:
            def job(number):
                content = random_bytes(20000 + number, number)
                write_file(os.path.join(here, f"f{number}"), content)
                done = server.client(["exec", f"cat; exit {number % 250}"], input=content)
                self.assertEqual((done.returncode, done.stderr), (number % 250, b""))
                self.assertEqual(done.stdout, content)
                done = server.client(["post", f"f{number}"], cwd=here)
                self.assertEqual((done.returncode, done.stderr), (0, b""))
                done = server.client(["get", f"f{number}", "--to", f"g{number}"], cwd=here)
                self.assertEqual((done.returncode, done.stderr), (0, b""))
                self.assertEqual(read_file(os.path.join(here, f"g{number}")), content)

            in_parallel([lambda number=number: job(number) for number in range(200 * SCALE)], 25)
            self.assertEqual(len(os.listdir(server.root)), 200 * SCALE)
            assert_sane(server)

    def test_200_sessions_at_once_are_all_served(self):
        with Server() as server:
            clients = []
            for _ in range(200):
                client = server.start_client([], stdin=subprocess.PIPE)
                self.addCleanup(client.communicate)
                clients.append(client)
            for number, client in enumerate(clients):
                client.stdin.write(b"echo %d\n" % number)
                client.stdin.flush()
            for number, client in enumerate(clients):
                self.assertEqual(client.stdout.readline(), b"%d\n" % number)
            for client in clients:
                out, err = client.communicate(b"q\n", timeout=PATIENCE)
                self.assertEqual((client.returncode, out, err), (0, b"", b""))
            assert_sane(server)


if __name__ == "__main__":
    main()
