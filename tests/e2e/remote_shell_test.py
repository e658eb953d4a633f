"""Programs that take an ssh, as the distribution has them, on ours: none of them knows the difference. Over TLS, with a paired
key, to a server of root's; the session is root's too, whose shell is one. Each is configured by what its page in
docs/remote-shell/ has on top (pages.py)."""
import concurrent.futures
import os
import pty
import resource
import select
import shlex
import shutil
import signal
import socket
import subprocess
import time
import unittest

import pages
import process_model_test
from harness import (PATIENCE, RCLIENT, Terminal, environment, main, needs_root, pids_with_word, random_bytes, read_file, snapshot,
                     unique_number, wait_until, write_file)
from rights_support import tear_down_canary

SSH = os.path.join(pages.COMPAT, "ssh")


def tearDownModule():
    tear_down_canary()


def needs(*programs):
    missing = [program for program in programs if not shutil.which(program)]
    return unittest.skipIf(missing, f"not installed: {missing}")


@needs_root
class RemoteShellTest(process_model_test.RootTest):
    """self.here: a directory of the client's; self.there: one that the server reaches (it is the same machine)."""

    def setUp(self):
        super().setUp()
        self.env = self.server.paired("--allow", "exec", "--user", "root", "--as-users", "games")
        self.here = os.path.join(self.server.scratch, "here")
        self.there = os.path.join(self.server.scratch, "there")
        for made in (self.here, self.there):
            os.mkdir(made)
        self.env.update(HOME=self.here, PATH=pages.path())

    def run_here(self, *argv, input=b"", env=(), status=0, **options):
        done = subprocess.run(argv, cwd=self.here, input=input, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE,
                              env=environment({**self.env, **dict(env)}), **options)
        if status is not None:
            self.assertEqual(done.returncode, status, (argv, done.stdout[-2000:], done.stderr[-2000:]))
        return done

    def ssh(self, *words, **options):
        return self.run_here(SSH, *words, **options)

    maxDiff = None

    def make_tree(self, top):
        os.makedirs(os.path.join(top, "sub", "empty"))
        for number in range(20):
            write_file(os.path.join(top, "sub", f"{number}"), random_bytes(number * 1000, number))
        write_file(os.path.join(top, "a name with 'quotes' and $signs"), b"quoted\n")
        os.symlink("sub/1", os.path.join(top, "link"))
        for where, directories, names in os.walk(top, topdown=False):  # whole seconds long ago: scp and rsync look at no others
            for name in [*directories, *names, ""]:
                os.utime(os.path.join(where, name), (10**9, 10**9), follow_symlinks=False)
        return snapshot(top)


class Contract(RemoteShellTest):
    def test_words_are_joined_for_the_users_own_shell_in_its_home(self):
        self.assertEqual(self.ssh("there", "echo", "a  b", "'c  d'", ";", "pwd").stdout, b"a b c  d\n/root\n")

    def test_a_line_may_be_longer_than_an_argument_of_the_kernels(self):
        """128 KiB less one; above, the shell gets it in pieces, and finds what it would have found in one."""
        for length in (131070, 131071, 131072, 262143, 300001):
            head, tail = "cat; echo $0 $# $-; printf %s 'x", "' | wc -c; exit 7"
            text = "\u00e4" * 50 + " "
            filler = (text * (length // 101 + 1)).encode()[:length - len(head) - len(tail)].decode(errors="ignore")
            filler += "." * (length - len((head + filler + tail).encode()))
            line = head + filler + tail
            with self.subTest(length=length):
                self.assertEqual(len(line.encode()), length)
                done = self.ssh("there", *line.split(" "), input=b"the input\n", status=7)
                self.assertEqual(done.stdout.decode(), f"the input\n/bin/bash 0 hBc\n{1 + len(filler.encode())}\n")
                script = line.removeprefix("cat; ").replace("exit 7", "true").encode()
                done = self.run_here(RCLIENT, "-H", "there", input=script + b"\n")
                self.assertRegex(done.stdout.decode(), rf"^/bin/sh 0 *\n{1 + len(filler.encode())}\n$")

    def test_what_is_longer_than_the_host_takes_is_told_and_the_next_line_runs(self):
        line = ["echo", *["x" * 100_000] * 3]
        told = self.ssh("-l", "games", "there", *line, status=126)  # whose shell is none, so it is not known how it takes pieces
        self.assertEqual(told.stdout, b"")
        self.assertRegex(told.stderr, rb"^rclient: '\S+nologin' cannot be run, for one of its words .* 131071 at most: give .*standard input.*\n$")
        resource.prlimit(self.server.process.pid, resource.RLIMIT_STACK, (1 << 20, 1 << 20))  # all words together: a quarter of it
        told = self.ssh("there", *line, status=126)
        self.assertRegex(told.stderr, rb"^rclient: '/bin/bash' cannot be run, for its words .* together .*standard input.*\n$")
        done = self.run_here(RCLIENT, "-H", "there", "--keep-going", input=" ".join([*line, "\necho next\n"]).encode(), status=None)
        self.assertEqual((done.returncode, done.stdout), (126, b"next\n"), done.stderr[-2000:])

    def test_the_status_is_the_commands(self):
        for status in (0, 1, 7, 127, 254, 255):
            self.ssh("there", f"exit {status}", status=status)
        self.ssh("there", "kill -TERM $$", status=128 + 15)

    def test_failures_of_ours_are_255_and_one_sentence(self):
        for words in (["-p", "1", "there", "true"], ["-L", "1:a:1", "there"], ["-oNoSuchThing=1", "there"], ["nowhere", "true"],
                      ["-l", "daemon", "there", "true"], ["-s", "there", "no-such-subsystem"], []):
            with self.subTest(words=words):
                done = self.ssh(*words, status=255)
                self.assertEqual((done.stdout, done.stderr.count(b"\n")), (b"", 1), done.stderr)

    def test_streams_are_exact_and_apart(self):
        sent = random_bytes(3 << 20, 5)
        done = self.ssh("there", "cat; echo on stderr >&2", input=sent)
        self.assertEqual((done.stdout == sent, done.stderr), (True, b"on stderr\n"))

    def test_without_a_command_a_shell_reads_standard_input(self):
        self.assertEqual(self.ssh("-T", "there", input=b"echo from a shell\nexit 5\n", status=5).stdout, b"from a shell\n")

    def test_n_is_no_input(self):
        self.assertEqual(self.ssh("-n", "there", "cat", input=b"not this").stdout, b"")

    def test_a_terminal_is_made_where_that_is_forced(self):
        done = self.ssh("-tt", "there", "tty; echo $SSH_TTY; stty size", input=None, stdin=subprocess.DEVNULL)
        lines = done.stdout.decode().split()
        self.assertTrue(lines[0].startswith("/dev/pts/"), lines)
        self.assertEqual(lines[0], lines[1])

    def test_what_knows_ssh_finds_who_came(self):
        told = self.ssh("there", "echo $SSH_CLIENT; echo $SSH_CONNECTION").stdout.decode().splitlines()
        self.assertRegex(told[0], r"^127\.0\.0\.1 \d+ 65535$")
        self.assertTrue(told[1].startswith(" ".join(told[0].split()[:2])), told)

    def test_variables_come_along_where_the_server_permits_them(self):
        done = self.ssh("-o", "SendEnv=GIT_PROTOCOL SECRET", "there", "echo [$GIT_PROTOCOL] [$SECRET]",
                        env={"GIT_PROTOCOL": "version=2", "SECRET": "mine"})
        self.assertEqual(done.stdout, b"[version=2] []\n")

    def test_both_streams_may_be_one_socket(self):
        ours, its = socket.socketpair()
        started = subprocess.Popen([SSH, "there", "cat"], stdin=its, stdout=its, stderr=subprocess.PIPE, cwd=self.here,
                                   env=environment(self.env))
        its.close()
        ours.sendall(b"there and back")
        ours.shutdown(socket.SHUT_WR)
        ours.settimeout(PATIENCE)
        back = b""
        while piece := ours.recv(100):
            back += piece
        self.assertEqual((back, started.wait(PATIENCE)), (b"there and back", 0))
        started.stderr.close()
        ours.close()

    def start(self, *words, **options):
        started = subprocess.Popen([SSH, *words], stdin=options.pop("stdin", subprocess.PIPE), stdout=options.pop("stdout", subprocess.PIPE),
                                   stderr=subprocess.PIPE, cwd=self.here, env=environment(self.env), **options)
        self.addCleanup(lambda: [stream.close() for stream in (started.stdin, started.stdout, started.stderr) if stream])
        self.addCleanup(lambda: started.poll() is None and (started.kill(), started.wait(PATIENCE)))
        return started

    def test_pipes_that_do_not_block_are_filled_and_left_as_they_are(self):
        sent = random_bytes(1 << 20, 6)
        pipes = [*os.pipe(), *os.pipe()]
        its_input, ours, back, its_output = pipes
        for fd in (its_input, its_output):
            os.set_blocking(fd, False)
        started = self.start("there", "cat", stdin=its_input, stdout=its_output)
        with open(ours, "wb") as to, open(back, "rb") as source, concurrent.futures.ThreadPoolExecutor(1) as writer:
            writer.submit(lambda: (to.write(sent), to.close()))
            got = source.read(len(sent))
            self.assertEqual((got == sent, started.wait(PATIENCE)), (True, 0))
        for fd in (its_input, its_output):
            self.assertFalse(os.get_blocking(fd))
            os.close(fd)

    def test_an_input_that_cannot_be_read_is_none(self):
        with open("/dev/null", "wb") as nothing:  # as nohup leaves it
            started = self.start("there", "cat; echo ran", stdin=nothing)
            self.assertEqual((*started.communicate(timeout=PATIENCE), started.returncode), (b"ran\n", b"", 0))

    def test_input_and_output_may_be_files(self):
        sent = random_bytes(300000, 7)
        write_file(os.path.join(self.here, "in"), sent)
        with open(os.path.join(self.here, "in"), "rb") as source, open(os.path.join(self.here, "out"), "ab") as to:
            self.assertEqual(self.start("there", "cat", stdin=source, stdout=to).wait(PATIENCE), 0)
        self.assertEqual(read_file(os.path.join(self.here, "out")), sent)

    def test_the_output_may_be_the_master_of_a_terminal(self):
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        self.addCleanup(os.close, slave)
        self.assertEqual(self.start("there", "echo typed", stdout=master).wait(PATIENCE), 0)
        os.set_blocking(slave, False)
        self.assertEqual(os.read(slave, 100), b"typed\n")

    def test_an_interrupt_is_ignored_where_the_parent_ignores_or_blocks_it(self):
        for ignored, how in ((True, lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)),
                             (True, lambda: signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])),  # as unison does
                             (False, lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))):
            with self.subTest(ignored=ignored):
                started = self.start("there", "echo ready; cat", preexec_fn=how)
                self.assertEqual(started.stdout.readline(), b"ready\n")
                started.send_signal(signal.SIGINT)
                if ignored:
                    self.assertEqual((started.communicate(b"still here", PATIENCE)[0], started.returncode), (b"still here", 0))
                else:
                    self.assertNotEqual(started.wait(PATIENCE), 0)

    def test_errors_that_nobody_reads_yet_hold_no_output_back(self):
        """Many programs read the errors only once the output has ended. 300 KB of them are more than a pipe holds."""
        line = "head -c 300000 /dev/zero >&2; echo out; exit 3"
        for kind in ("pipe", "socket"):
            out, theirs = socket.socketpair() if kind == "socket" else (None, subprocess.PIPE)
            with self.subTest(kind=kind), subprocess.Popen([SSH, "there", line], stdin=subprocess.DEVNULL, stdout=theirs,
                                                           stderr=subprocess.PIPE, env=environment(self.env)) as ssh:
                ends = out.makefile("rb") if out else ssh.stdout
                with ends:
                    reader = concurrent.futures.ThreadPoolExecutor(1)
                    self.assertEqual(reader.submit(ends.read).result(PATIENCE), b"out\n")
                self.assertEqual(ssh.stderr.read(), bytes(300000))
                self.assertEqual(ssh.wait(PATIENCE), 3)
                if out:
                    out.close()
                    theirs.close()

    def test_who_reads_the_answers_only_once_all_is_written_does_not_wait_for_himself(self):
        """As sftp -R 1024 does it. 12 MiB are more than may be under way, and 1.5 MiB of answers more than a pipe holds."""
        line = "python3 -c 'import sys, os\nwhile sys.stdin.buffer.read(32768): os.write(1, bytes(4096))'"
        with subprocess.Popen([SSH, "there", line], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              env=environment(self.env)) as ssh, concurrent.futures.ThreadPoolExecutor(1) as aside:
            try:
                aside.submit(lambda: (ssh.stdin.write(bytes(12 << 20)), ssh.stdin.close())).result(PATIENCE)
                self.assertEqual(aside.submit(ssh.stdout.read).result(PATIENCE), bytes(384 * 4096))
            finally:
                ssh.kill()

    def test_a_signal_ends_it_even_where_nobody_reads_the_output(self):
        """As scp sends it while it downloads: it waits for its ssh then, and reads nothing more."""
        running = []
        for number in (signal.SIGTERM, signal.SIGINT):
            reading, writing = os.pipe()
            self.addCleanup(os.close, reading)
            self.addCleanup(os.close, writing)
            word = unique_number()
            started = self.start("there", f"yes {word}", stdout=writing)
            wait_until(lambda: pids_with_word(word) and not select.select([], [writing], [], 0)[1], "it is full")
            started.send_signal(number)
            running.append((started, word))
        for started, word in running:
            self.assertNotEqual(started.wait(PATIENCE), 0)
            wait_until(lambda: not pids_with_word(word), "the command has ended")

    def test_sentences_go_to_the_file_of_E(self):
        for words in (["-E", "log"], ["-Elog"]):
            done = self.ssh(*words, "nowhere", "true", status=255)
            self.assertEqual((done.stdout, done.stderr), (b"", b""))
        self.assertEqual(read_file(os.path.join(self.here, "log")).count(b"rclient: "), 2)

    def test_a_host_that_does_not_answer_costs_the_connect_timeout(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            began = time.monotonic()
            done = self.ssh("-oConnectTimeout=1", "-p", str(silent.getsockname()[1]), "there", "true", status=255)
        self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)
        self.assertLess(time.monotonic() - began, 9)  # without the option it is 10

    def test_families_of_addresses(self):
        self.assertEqual(self.ssh("-4", "there", "echo here").stdout, b"here\n")
        self.assertEqual(self.ssh("-6", "there", "echo here", status=255).stdout, b"")

    def test_in_the_background_of_a_terminal(self):
        """With -n it runs to its end; without, what is typed is the shell's until it is fetched to the front."""
        script = (f"set -m; {SSH} -n there 'echo from behind' & wait $!; echo status $?;"
                  f"{SSH} there 'read word; echo got $word' & read first; echo first $first; fg; echo status $?")
        terminal = Terminal(["sh", "-c", script], env=self.env, cwd=self.here)
        self.addCleanup(terminal.close)
        terminal.expect(rb"from behind\r\n.*status 0\r\n")
        terminal.send(b"one\n")
        terminal.expect(rb"first one\r\n")
        terminal.send(b"two\n")
        terminal.expect(rb"got two\r\n.*status 0\r\n")

    def test_what_the_command_will_not_find_is_told(self):
        done = self.ssh("-A", "-oForwardX11=yes", "there", "echo here")
        told = [b"rclient: %s has no effect: farhand forwards no %s" % words for words in ((b"-A", b"agent"), (b"-o forwardx11", b"display"))]
        self.assertEqual((done.stdout, done.stderr.splitlines()), (b"here\n", told))
        self.assertEqual(self.ssh("-q", "-AX", "there", "true").stderr, b"")

    def test_what_the_settings_are_can_be_asked_without_a_host(self):
        done = self.ssh("-G", "-p", "77", "-l", "joe", "no-such-host")
        self.assertIn(b"user joe\nhostname no-such-host\nport 77\n", done.stdout)
        self.assertIn(b"OpenSSH", self.ssh("-V").stderr)

    @needs("ssh")
    def test_every_setting_that_the_systems_ssh_tells_is_taken(self):
        """With its own value; Host is no option of ssh's command line."""
        told = self.run_here("ssh", "-F", "none", "-G", "host").stdout.decode().splitlines()
        settings = [line.split(" ", 1) for line in told]
        self.assertGreater(len(settings), 70)
        for name, value in settings:
            with self.subTest(name=name, value=value):
                done = self.ssh("-G", "-o", f"{name}={value}", "host", status=255 if name == "host" else 0)
                self.assertNotIn(b"Bad configuration option", done.stderr)

    def test_the_name_decides_and_so_does_the_verb(self):
        by_verb = self.run_here(RCLIENT, "ssh", "there", "echo", "-l")
        by_name = self.run_here(os.path.join(os.path.dirname(RCLIENT), "rclient-ssh"), "there", "echo", "-l")
        self.assertEqual((by_verb.stdout, by_name.stdout), (b"-l\n", b"-l\n"))


@needs("rsync")
class Rsync(RemoteShellTest):
    def setUp(self):
        super().setUp()
        self.env.update(pages.exported("rsync"))

    def test_push_pull_and_delete(self):
        tree = self.make_tree(os.path.join(self.here, "tree"))
        self.run_here("rsync", "-a", "tree", f"there:{self.there}/")
        self.assertEqual(snapshot(os.path.join(self.there, "tree")), tree)
        os.unlink(os.path.join(self.here, "tree", "sub", "7"))
        os.utime(os.path.join(self.here, "tree", "sub"), (10**9, 10**9))
        self.run_here("rsync", "-a", "--delete", "tree/", f"there:{self.there}/tree/")
        self.assertFalse(os.path.exists(os.path.join(self.there, "tree", "sub", "7")))
        self.run_here("rsync", "-az", f"there:{self.there}/tree/", "back")
        self.assertEqual(snapshot(os.path.join(self.here, "back")), snapshot(os.path.join(self.here, "tree")))

    def test_a_daemon_over_the_shell(self):
        os.mkdir(os.path.join(self.there, "served"))
        write_file(os.path.join(self.there, "served", "file"), b"of a module\n")
        conf = os.path.join(self.there, "rsyncd.conf")
        write_file(conf, f"[module]\npath = {self.there}/served\nuse chroot = no\nread only = yes\nuid = root\ngid = root\n".encode())
        # With the variable alone rsync goes to the daemon's own port.
        self.run_here("rsync", "-e", self.env["RSYNC_RSH"], "--rsync-path", f"rsync --config={conf}", "-a", "there::module/", "got")
        self.assertEqual(read_file(os.path.join(self.here, "got", "file")), b"of a module\n")


@needs("git")
class Git(RemoteShellTest):
    IDENTITY = {name: "test" for name in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")}

    def git(self, *words, **options):
        env = {**self.IDENTITY, "GIT_CONFIG_NOSYSTEM": "1", **options.pop("env", pages.exported("git"))}
        return self.run_here("git", *words, env=env, **options)

    def test_clone_push_and_fetch_with_protocol_2(self):
        bare = os.path.join(self.there, "bare.git")
        self.git("init", "-q", "--bare", bare)
        for name in ("one", "two"):
            self.git("clone", "-q", "there:" + bare, name)
        write_file(os.path.join(self.here, "one", "file"), random_bytes(100000, 3))
        self.git("-C", "one", "add", "file")
        self.git("-C", "one", "commit", "-qm", "a file")
        self.git("-C", "one", "push", "-q", "origin", "HEAD:main")
        self.git("-C", "two", "fetch", "-q")
        self.git("-C", "two", "checkout", "-q", "-b", "main", "origin/main")
        self.assertEqual(read_file(os.path.join(self.here, "two", "file")), random_bytes(100000, 3))
        traced = self.git("ls-remote", "there:" + bare, env={"GIT_SSH": SSH, "GIT_TRACE_PACKET": "1"})
        self.assertIn(b"version 2", traced.stderr)


@needs("scp", "sftp")
class ScpAndSftp(RemoteShellTest):
    def setUp(self):
        super().setUp()
        self.env.update(pages.exported("scp"))

    def test_scp_as_it_is_and_as_it_was(self):
        self.make_tree(os.path.join(self.here, "tree"))
        tree = snapshot(os.path.join(self.here, "tree", "sub"))
        for old in ([], ["-O"]):
            with self.subTest(old=old):
                to = os.path.join(self.there, "new" + "".join(old))
                scp = ["scp", "-q", "-p", "-r", *old]
                self.run_here(*scp, "tree/sub", f"there:{to}")
                self.run_here(*scp, f"there:{to}", "back" + "".join(old))
                self.assertEqual(snapshot(os.path.join(self.here, "back" + "".join(old))), tree)

    def test_sftp_in_a_batch(self):
        write_file(os.path.join(self.here, "up"), random_bytes(1 << 20, 9))
        batch = f"put up {self.there}/there\nls -l {self.there}\nrename {self.there}/there {self.there}/renamed\nget {self.there}/renamed down\n"
        done = self.run_here("sftp", "-b", "-", "there", input=batch.encode())
        self.assertIn(b"1048576", done.stdout)
        self.assertEqual(read_file(os.path.join(self.here, "down")), read_file(os.path.join(self.here, "up")))
        failed = self.run_here("sftp", "-b", "-", "there", input=b"get /no/such/file\n", status=1)
        self.assertIn(b"not found", failed.stderr)


@needs("sshfs", "fusermount")
@unittest.skipUnless(os.path.exists("/dev/fuse"), "takes /dev/fuse")
class Sshfs(RemoteShellTest):
    def test_a_directory_is_mounted_read_and_written(self):
        write_file(os.path.join(self.there, "file"), b"seen through a mount\n")
        mount = os.path.join(self.here, "mount")
        os.mkdir(mount)
        put = {"web1:dir": f"there:{self.there}", "mountpoint": mount}
        words = shlex.split(pages.top_block("sshfs", "sh"))
        self.assertLessEqual(put.keys(), set(words))
        self.run_here(*(put.get(word, word) for word in words))
        try:
            self.assertEqual(read_file(os.path.join(mount, "file")), b"seen through a mount\n")
            write_file(os.path.join(mount, "new"), random_bytes(300000, 4))
        finally:
            self.run_here("fusermount", "-u", mount)
        self.assertEqual(read_file(os.path.join(self.there, "new")), random_bytes(300000, 4))


@needs("ansible")
class Ansible(RemoteShellTest):
    def setUp(self):
        super().setUp()
        write_file(os.path.join(self.here, "ansible.cfg"), f"""[defaults]
remote_tmp = {self.there}/tmp
local_tmp = {self.here}/tmp
interpreter_python = /usr/bin/python3
host_key_checking = False
{pages.top_block("ansible", "ini")}""".encode())
        write_file(os.path.join(self.here, "inventory"), b"there\n")

        # Ansible asks for a connection that stays (ControlPersist): it would be the server's after the test.
        self.addCleanup(self.ssh, "-O", "exit", "there", status=None)

    def test_a_connection_stays_for_the_next_command(self):
        self.ansible("-m", "ping")
        self.assertIn(b"running", self.ssh("-O", "check", "there").stderr)

    def ansible(self, *words, env=(), **options):
        return self.run_here("ansible", "-i", "inventory", "there", *words, env={"ANSIBLE_NOCOLOR": "1", **dict(env)}, **options)

    def test_ping_and_what_a_command_says(self):
        self.assertIn(b'"ping": "pong"', self.ansible("-m", "ping").stdout)
        failed = self.ansible("-m", "command", "-a", "false", status=2)
        self.assertIn(b"rc=1", failed.stdout)

    def test_files_by_each_of_its_ways(self):
        write_file(os.path.join(self.here, "file"), random_bytes(5000, 1))
        for way in ("sftp", "scp", "piped"):
            with self.subTest(way=way):
                done = self.ansible("-m", "copy", "-a", f"src=file dest={self.there}/{way}", env={"ANSIBLE_SSH_TRANSFER_METHOD": way})
                self.assertNotIn(b"failed", done.stderr)
                self.assertEqual(read_file(os.path.join(self.there, way)), random_bytes(5000, 1))
        self.ansible("-m", "fetch", "-a", f"src={self.there}/sftp dest={self.here}/fetched flat=yes")
        self.assertEqual(read_file(os.path.join(self.here, "fetched")), random_bytes(5000, 1))

    def test_a_template_pipelining_and_becoming_somebody(self):
        write_file(os.path.join(self.here, "t.j2"), b"{{ 3 + 4 }}\n")
        self.ansible("-m", "template", "-a", f"src=t.j2 dest={self.there}/t")
        self.assertEqual(read_file(os.path.join(self.there, "t")), b"7\n")
        pipelined = {"ANSIBLE_PIPELINING": "1"}
        self.assertIn(b"uid=0(root)", self.ansible("-m", "command", "-a", "id", env=pipelined).stdout)
        become = ["--become", "--become-method=su", "--become-user=daemon", "-e", "ansible_become_flags='-s /bin/sh'"]
        self.assertIn(b"uid=1(daemon)", self.ansible("-m", "raw", "-a", "id", *become, env=pipelined).stdout)


@needs("clush")
class ClusterShell(RemoteShellTest):
    def setUp(self):
        super().setUp()
        os.mkdir(os.path.join(self.here, "cs"))
        write_file(os.path.join(self.here, "cs", "clush.conf"), pages.top_block("clustershell", "ini").encode())
        self.env["CLUSTERSHELL_CFGDIR"] = os.path.join(self.here, "cs")

    def test_output_is_gathered_and_the_worst_status_told(self):
        done = self.run_here("clush", "-w", "there", "-b", "-S", "echo gathered; exit 3", status=3)
        self.assertIn(b"---------------\nthere\n---------------\ngathered\n", done.stdout)

    def test_files_are_copied(self):
        write_file(os.path.join(self.here, "file"), b"copied\n")
        self.run_here("clush", "-w", "there", "--copy", "file", "--dest", self.there + "/file")
        self.assertEqual(read_file(self.there + "/file"), b"copied\n")

    def test_a_timeout_ends_the_command_there(self):
        word = unique_number()
        done = self.run_here("clush", "-S", "-w", "there", "-u", "1", f"exec sleep {word}", status=255)
        self.assertIn(b"timeout", done.stderr)
        wait_until(lambda: not pids_with_word(word), "the command has ended")


@needs("parallel")
class GnuParallel(RemoteShellTest):
    def parallel(self, *words, **options):
        return self.run_here("parallel", "--will-cite", "-S", "1/there", *words, env=pages.exported("parallel"), **options)

    def test_jobs_run_there(self):
        done = self.parallel("-k", "echo {} $((6*7))", ":::", "a b", "c")
        self.assertEqual(done.stdout, b"a b 42\nc 42\n")

    def test_files_are_transferred_returned_and_cleaned_up(self):
        write_file(os.path.join(self.here, "in.txt"), b"data\n")
        self.parallel("--transfer", "--return", "{}.out", "--cleanup", "--workdir", self.there, "tr a-z A-Z < {} > {}.out", ":::", "in.txt")
        self.assertEqual(read_file(os.path.join(self.here, "in.txt.out")), b"DATA\n")
        self.assertFalse(os.path.exists(os.path.join(self.there, "in.txt")))


if __name__ == "__main__":
    main()
