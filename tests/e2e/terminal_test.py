"""Pseudo-terminals: exec -t and shell, through a real terminal on this side, and what that is like afterwards."""
import fcntl
import os
import pty
import pwd
import random
import shutil
import signal
import struct
import subprocess
import termios
import unittest

from harness import (MODEL, PATIENCE, PYTHON, RSERVER, SCALE, Server, ServerTest, Terminal, check_sentence, client_command,
                     main, needs_root, pids_with_word, rclient, unique_number, wait_until, write_file,
                     _stat_fields)
from hostile import (BYE, MIB, PROTOCOL, STDIN_END, Peer, exec_structure, exec_words, frame, hello, read_error, read_exit,
                     resize, terminal)
from process_model_test import RootTest
from rights_support import UID, Site, tear_down_canary

SLOW = 10 if os.environ.get("FARHAND_SANITIZE") else 1
BASH = shutil.which("bash")
PROMPT = rb"READY> "


def tearDownModule():
    tear_down_canary()


# Says `ready` in raw mode, and then what it reads, as it is.
RAW_CAT = "stty raw -echo; printf ready; exec cat"


def text_of(frames):
    return b"".join(found.parcel for found in frames if found.kind == "stdout")


class TerminalTest(ServerTest):
    def open(self, args, **options):
        local = Terminal(client_command(args, self.server.host), cwd=self.here, **options)
        self.addCleanup(local.close)
        return local

    def shell(self, **options):
        """An interactive bash without anybody's profile; its prompt has been shown."""
        if BASH is None:
            self.skipTest("bash is not installed")
        local = self.open(["exec", "-t", "--env", "PS1=READY> ", "--", "bash", "--norc", "--noprofile", "--noediting",
                           "-i"], **options)
        local.expect(PROMPT)
        return local

    def check_end(self, local, status=0):
        self.assertEqual(local.wait(), status, local.seen)
        self.assertEqual(local.settings(), local.before, "the terminal is not as it was")


class Settings(TerminalTest):
    def test_the_size_there_is_ours(self):
        local = self.open(["exec", "-t", "stty size"], rows=33, columns=101)
        local.expect(rb"33 101\r\n")
        self.check_end(local)

    def test_the_type_and_the_settings_there_are_ours(self):
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        self.addCleanup(os.close, slave)
        settings = termios.tcgetattr(slave)
        settings[0] |= termios.IXANY
        settings[3] &= ~termios.ECHOE
        settings[6][termios.VINTR] = b"\x07"
        termios.tcsetattr(slave, termios.TCSANOW, settings)
        done = subprocess.run(client_command(["exec", "-t", "stty -a; echo $TERM"], self.server.host), stdin=slave,
                              stdout=subprocess.PIPE, timeout=PATIENCE, env={**os.environ, "TERM": "vt220"})
        for shown in (rb"intr = \^G;", rb"\bixany\b", rb"-echoe\b", rb"\bicanon\b", rb"vt220\r\n$"):
            self.assertRegex(done.stdout, shown)
        self.assertEqual(termios.tcgetattr(slave), settings)

    def test_of_a_storm_of_resizes_the_last_one_counts(self):
        local = self.open(["exec", "-t", "--", PYTHON, "-uc",
                           "import os,signal,sys\n"
                           "signal.pthread_sigmask(signal.SIG_BLOCK,{signal.SIGWINCH})\nprint('ready')\n"
                           "while tuple(os.get_terminal_size())!=(211,77): signal.sigwait({signal.SIGWINCH})\n"
                           "print('now', os.get_terminal_size())"])
        local.expect(b"ready")
        for number in range(200):
            rows, columns = (1 + number % 60, 20 + number) if number < 199 else (77, 211)
            fcntl.ioctl(local.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        local.expect(rb"now os.terminal_size\(columns=211, lines=77\)")
        self.check_end(local)

    def test_a_type_that_is_none_is_told_and_the_remote_terminal_is_dumb(self):
        for name in ("../x", None, "a b", "x" * 65):
            local = self.open(["exec", "-t", "echo it is $TERM."], env={"TERM": name})
            local.expect(b"rclient: TERM is ")
            local.expect(rb"it is dumb\.\r\n")
            self.check_end(local)

    def test_a_type_that_leads_elsewhere_is_refused_on_the_wire(self):
        for kind in ("../x", "/etc/passwd", ".x", ""):
            with Peer.of(self.server) as peer:
                frames = peer.ask(hello() + exec_words("touch", "ran", on=terminal(kind)) + STDIN_END + BYE)
            self.assertEqual(read_error(frames[-1])[:2], (PROTOCOL, True))
        self.assertFalse(os.path.exists(self.server.path("ran")))

    def test_modes_that_mean_nothing_harm_nothing(self):
        modes = [(number, 2 ** 32 - 1) for number in range(256)]
        with Peer.of(self.server) as peer:
            frames = peer.ask(hello() + exec_words("stty", "size", on=terminal("xterm", 5, 6, modes)) + resize(7, 8) +
                              STDIN_END + BYE)
        self.assertEqual([read_exit(found)[:2] for found in frames if found.kind == "exit"], [(0, 0)])

    def test_without_t_there_is_no_terminal(self):
        local = self.open(["exec", "test -t 0 || test -t 1 || test -t 2 || (exec </dev/tty) 2>/dev/null || echo none"])
        local.expect(b"none\r\n")
        self.check_end(local)


class Isolation(TerminalTest):
    def test_a_command_never_gets_the_servers_terminal(self):
        local = Terminal([RSERVER, "--root", self.here, "--listen",
                          "unix:" + os.path.join(self.here, "socket"), *(["--model", MODEL] if MODEL else [])])
        self.addCleanup(local.close)
        local.expect(rb"listening on [^\r]*socket")
        host = "unix:" + os.path.join(self.here, "socket")
        look = ("import os,sys,fcntl,termios\n"
                "try: fd = os.open('/dev/tty', os.O_RDWR)\n"
                "except OSError: print('no tty'); sys.exit()\n"
                "print('mine', os.fstat(fd).st_rdev == os.stat('/dev/tty').st_rdev or os.ttyname(0), os.getsid(0) == os.getpid())\n"
                "try: fcntl.ioctl(fd, termios.TIOCSTI, b'!')\n"
                "except OSError: pass\n")
        write_file(os.path.join(self.here, "look.py"), look.encode())
        servers = os.ttyname(local.slave).encode()
        without = rclient(["exec", "--", PYTHON, "look.py"], host)
        self.assertEqual((without.returncode, without.stdout), (0, b"no tty\n"))
        with_one = rclient(["exec", "-t", f"tty; {PYTHON} look.py </dev/tty; ps -o sid= -p $$; echo $$"], host)
        lines = with_one.stdout.replace(b"\r", b"").split(b"\n")
        self.assertRegex(lines[0], rb"^/dev/pts/\d+$")
        self.assertNotEqual(lines[0], servers)
        self.assertEqual(lines[-3].lstrip(b"! "), lines[-2].strip(), "it leads its session")
        local.read_some(0)
        self.assertNotIn(b"!", local.seen)
        local.process.send_signal(signal.SIGTERM)
        self.assertEqual(local.wait(), 0)


class Keys(TerminalTest):
    def test_a_key_is_echoed_and_a_line_is_read(self):
        local = self.open(["exec", "-t", "read line; echo got $line"])
        local.send(b"abc")
        local.expect(b"abc")
        local.send(b"\x7fd\r")
        local.expect(rb"got abd\r\n")
        self.check_end(local)

    def test_keys_that_mean_signals_reach_the_command_and_not_rclient(self):
        waiter = ("import signal, sys\nsignal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())\nprint('ready')\n"
                  "print(signal.Signals(signal.sigwait(signal.valid_signals())).name); sys.exit(9)")
        for key, name in ((b"\x03", b"SIGINT"), (b"\x1c", b"SIGQUIT"), (b"\x1a", b"SIGTSTP")):
            local = self.open(["exec", "-t", "--", PYTHON, "-uc", waiter])
            local.expect(b"ready")
            local.send(key)
            local.expect(name)
            self.check_end(local, 9)

    def test_jobs_are_stopped_continued_and_ended_by_keys(self):
        local, word = self.shell(), unique_number()
        local.send(b"sleep %s\r" % word.encode())
        local.expect(b"sleep")
        wait_until(lambda: pids_with_word(word), "it sleeps")
        local.send(b"\x1a")
        local.expect(rb"Stopped[^\r]*\r\n.*" + PROMPT)
        local.send(b"fg\r")
        local.expect(rb"sleep \d+\r\n")
        # The shell says so first, then hands the terminal over, then continues the job.
        wait_until(lambda: [_stat_fields(pid)[0] for pid in pids_with_word(word)] == [b"S"], "it sleeps again")
        local.send(b"\x03")
        local.expect(PROMPT)
        local.send(b"echo was $?\r")
        local.expect(rb"was 130\r\n.*" + PROMPT)
        self.assertEqual(pids_with_word(word), [])
        local.send(b"exit 5\r")
        self.check_end(local, 5)

    def test_a_signal_from_outside_reaches_the_job_in_the_foreground(self):
        local, word = self.shell(), unique_number()
        local.send(b"(trap 'echo heard; exit 3' USR1; echo up; while :; do sleep 0.1 %s; done)\r" % b"")
        local.expect(rb"up\r\n")
        local.process.send_signal(signal.SIGUSR1)
        local.expect(rb"heard\r\n.*" + PROMPT)
        local.send(b"exit 0\r")
        self.check_end(local)

    def test_a_full_screen_editor_writes_what_was_typed(self):
        vi = shutil.which("vim") or shutil.which("vi")
        if vi is None:
            self.skipTest("neither vim nor vi is installed")
        local = self.open(["exec", "-t", "--", vi, "-u", "NONE", "-i", "NONE", "-n", "typed"])
        local.expect(rb"~")
        local.send(b"ihello there\x1b:wq\r")
        self.check_end(local)
        with open(self.server.path("typed")) as file:
            self.assertEqual(file.read(), "hello there\n")

    def test_a_pager_knows_our_size_and_goes_by_our_keys(self):
        if shutil.which("less") is None:
            self.skipTest("less is not installed")
        local = self.open(["exec", "-t", "seq 1000 | less"], rows=10)
        local.expect(rb"9\r?\n:")
        local.send(b"G")
        local.expect(b"1000")
        local.send(b"q")
        self.check_end(local)

    def test_the_end_of_a_pipe_is_the_end_for_a_command_on_a_terminal(self):
        for given in (b"whole\n", b"whole\npart", b"", b"x"):
            done = self.client(["exec", "-t", "cat >got; echo $?"], input=given)
            self.assertEqual(done.returncode, 0)
            self.assertTrue(done.stdout.endswith(b"0\r\n"), done.stdout)
            with open(self.server.path("got"), "rb") as file:
                self.assertEqual(file.read(), given)
        done = self.client(["exec", "-t", "--stdin", "none", "cat; echo end"])
        self.assertIn(b"end\r\n", done.stdout)


class Bytes(TerminalTest):
    def test_every_byte_goes_there_and_back_where_no_terminal_is_ours(self):
        sent = bytes(range(256)) * 256 + b"\n~.\n~?\n~~"
        client = self.server.start_client(["exec", "-t", f"stty raw -echo; printf ready; head -c {len(sent)}"],
                                          stdin=subprocess.PIPE)
        self.addCleanup(client.communicate)
        self.assertEqual(client.stdout.read(5), b"ready")
        client.stdin.write(sent)
        client.stdin.flush()
        self.assertEqual(client.stdout.read(), sent)
        self.assertEqual(client.wait(PATIENCE), 0)

    def test_a_mebibyte_of_output_is_exact(self):
        content = random.Random(5).randbytes(MIB)
        write_file(self.server.path("big"), content)
        # Without -echo the end of the empty input, should it come just behind this stty, would show as ^D.
        done = self.client(["exec", "-t", "stty raw -echo; cat big"])
        self.check(done, 0, content, b"")

    def test_not_a_byte_written_before_the_end_is_lost(self):
        """All in one connection, and with a child that holds the terminal and goes on writing."""
        count = 1000 // SLOW * SCALE
        line = "printf '%s' {0}; exit 3"
        said = b"".join(frame("exec", exec_structure(1, [line.format("x" * (n % 3000) + str(n))], on=terminal("dumb"))) +
                        STDIN_END for n in range(count))
        with Peer.of(self.server) as peer:
            frames = peer.ask(hello() + said + BYE)
        self.assertEqual(text_of(frames), b"".join(b"x" * (n % 3000) + b"%d" % n for n in range(count)))
        self.assertEqual([read_exit(found)[:2] for found in frames if found.kind == "exit"], [(0, 3)] * count)

    def test_what_a_terminal_still_holds_at_the_end_is_said(self):
        """The client does not read, so that everything on the way is full when the command ends."""
        fill = ("import os, time\nos.set_blocking(1, False)\ncount = tries = 0\nwhile tries < 5:\n"
                "  try: count += os.write(1, b'x' * 4096)\n  except BlockingIOError: tries += 1; time.sleep(0.05)\n"
                "open('count.part', 'w').write(str(count)); os.rename('count.part', 'count')")
        write_file(self.server.path("fill.py"), fill.encode())
        with Peer.of(self.server) as peer:
            peer.send(hello() + frame("exec", exec_structure(1, [f"stty raw -echo; exec {PYTHON} fill.py"], on=terminal("dumb"))) +
                      STDIN_END + BYE)
            wait_until(lambda: os.path.exists(self.server.path("count")), "it has filled everything")
            wait_until(lambda: not pids_with_word("fill.py"), "it has ended")
            frames = peer.read_all()
        with open(self.server.path("count")) as file:
            self.assertEqual(len(text_of(frames)), int(file.read()))

    def test_a_background_job_that_writes_on_holds_nothing_up(self):
        word = unique_number()
        done = self.client(["exec", "-t", f"trap '' HUP; (exec yes {word}) & seq 20; echo last; exit 4"], timeout=PATIENCE)
        self.assertEqual(done.returncode, 4)
        self.assertIn(b"last\r\n", done.stdout)
        wait_until(lambda: not pids_with_word(word), "it has found its terminal gone")

    def test_streams_closed_for_a_moment_are_not_the_end(self):
        done = self.client(["exec", "-t", "exec 3>&1 </dev/null >/dev/null 2>&1 3>&-; sleep 0.3; echo still >/dev/tty; exit 6"])
        self.check(done, 6, b"still\r\n")


class Ends(TerminalTest):
    """However it ends, the terminal here is as it was."""

    def raw(self, args=("exec", "-t", RAW_CAT)):
        local = self.open(list(args))
        local.expect(b"ready")
        self.assertNotEqual(local.settings(), local.before, "it should be raw now")
        return local

    def test_signals_for_rclient_end_it(self):
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            local = self.raw()
            local.process.send_signal(number)
            self.check_end(local, 130)
            local.expect(number.name.encode())

    @unittest.skipIf(os.environ.get("FARHAND_SANITIZE"), "a sanitizer handles these signals itself")
    def test_rclient_crashes(self):
        for number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSYS):
            local = self.raw()
            local.process.send_signal(number)
            self.check_end(local, -number)

    def test_hung_up_by_an_escape(self):
        local = self.raw()
        local.send(b"abc~.")
        local.expect(rb"abc~\.")
        local.send(b"\r~.")
        self.check_end(local, 130)
        local.expect(b"rclient: hung up")

    def test_other_escapes(self):
        local = self.raw()
        local.send(b"~?")
        local.expect(rb"suspend rclient")
        local.send(b"~~a~~\r~x")
        local.expect(rb"~a~~\r~x")
        local.send(b"\r~.")
        self.check_end(local, 130)

    def test_hung_up_although_the_server_hears_nothing(self):
        server = Server()
        self.addCleanup(server.cleanup)
        local = Terminal(client_command(["exec", "-t", RAW_CAT], server.host))
        self.addCleanup(local.close)
        local.expect(b"ready")
        os.kill(server.pid, signal.SIGSTOP)
        self.addCleanup(os.kill, server.pid, signal.SIGCONT)
        local.send(b"typed\r~.")
        self.assertEqual(local.wait(10 * SLOW), 130)
        self.assertEqual(local.settings(), local.before)

    def test_the_server_is_killed(self):
        server = Server("--model", "thread")
        self.addCleanup(server.cleanup)
        local = Terminal(client_command(["exec", "-t", RAW_CAT], server.host))
        self.addCleanup(local.close)
        local.expect(b"ready")
        server.kill()
        self.assertEqual(local.wait(), 255)
        self.assertEqual(local.settings(), local.before)
        # Told when the terminal was in order again: the line is ended as that has it.
        local.expect(rb"rclient: [^\r\n]*\r\n")
        server.start()

    def test_what_runs_there_ends_with_the_client(self):
        local, word = self.shell(), unique_number()
        local.send(b"sleep %s\r" % word.encode())
        wait_until(lambda: pids_with_word(word), "the job runs")
        local.process.kill()
        wait_until(lambda: not pids_with_word(word), "the job in the foreground is gone", 15 * SLOW)

    def test_suspended_and_continued(self):
        if BASH is None:
            self.skipTest("bash is not installed")
        outer = Terminal([BASH, "--norc", "--noprofile", "--noediting", "-i"], env={"PS1": "LOCAL> "})
        self.addCleanup(outer.close)
        outer.expect(b"LOCAL> ")
        outer.send(b" ".join(word.encode() for word in client_command(["exec", "-t", f"'{RAW_CAT}'"], self.server.host)) +
                   b"\r")
        outer.expect(rb"\nready")
        raw = outer.settings()
        outer.send(b"~\x1a")
        outer.expect(rb"Stopped.*LOCAL> ")
        self.assertNotEqual(outer.settings(), raw)
        outer.send(b"fg\r")
        wait_until(lambda: outer.settings() == raw, "it is raw again")
        outer.send(b"on\r")
        outer.expect(rb"on\r")
        outer.send(b"~.")
        outer.expect(rb"hung up.*LOCAL> ")
        outer.send(b"exit 0\r")
        self.assertEqual(outer.wait(), 0)


class Shell(TerminalTest):
    def test_it_is_the_users_own_as_at_a_login(self):
        local = self.open(["shell", "--env", "HISTFILE="], rows=31, columns=99)
        local.send(b"echo name=$0= $(stty size) in $(pwd -P)=\r")
        shown = local.expect(rb"name=-[a-z]+= 31 99 in [^\r=$]*=")
        self.assertIn(os.fsencode(os.path.realpath(self.server.root)), shown)
        local.send(b"exit 3\r")
        self.check_end(local, 3)

    def test_it_needs_a_terminal_here(self):
        check_sentence(self, self.client(["shell"]), 255, "terminal")

    def test_what_cannot_be_is_one_sentence_before_anything_is_connected(self):
        for args in (["shell", "-l"], ["shell", "ls"], ["--json", "exec", "-t", "ls"], ["shell", "--", "x"]):
            done = rclient(args, host="unix:/nonexistent/socket")
            self.assertEqual(done.returncode, 255, args)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        done = rclient(["-H", "a", "-H", "b", "exec", "-t", "ls"])
        check_sentence(self, done, 255, "one host")


class Rights(unittest.TestCase):
    """A terminal is exec's; a login is the shell's, so whoever may run certain commands only gets none."""

    def setUp(self):
        self.site = Site()
        self.addCleanup(self.site.close)
        self.client = self.site.paired("--as", "limited", "--allow", "exec")

    def restrict(self, line):
        self.site.write_keys(self.site.read_keys().replace("[limited]\n", "[limited]\n" + line + "\n"))
        wait_until(lambda: len(self.site.audit("reload")) >= 3, "the new rights count")

    def on_terminal(self, *args):
        local = Terminal(client_command(list(args), "there", UID), env=self.client.env, cwd=self.client.home)
        self.addCleanup(local.close)
        return local

    def test_patterns_refuse_a_login_and_let_what_fits_have_a_terminal(self):
        self.restrict('argv = [["stty", "size"], ["*"], ["bash"], ["sh"]]')
        local = self.on_terminal("shell")
        local.expect(rb"certain commands[^\r]*\r\n")
        self.assertEqual(local.wait(), 255)
        local = self.on_terminal("exec", "-t", "--", "stty", "size")
        local.expect(rb"24 80\r\n")
        self.assertEqual(local.wait(), 0)

    def test_a_fixed_command_runs_in_the_terminal_instead_of_the_shell(self):
        self.restrict('command = ["sh", "-c", "tty; printenv FARHAND_ORIGINAL_COMMAND TERM; exit 4"]')
        local = self.on_terminal("shell")
        local.expect(rb"/dev/pts/\d+\r\n\r\nxterm\r\n")
        self.assertEqual(local.wait(), 4)
        self.assertEqual(local.settings(), local.before)


@needs_root
class AsAnotherUser(RootTest):
    def test_a_worker_gives_its_user_a_terminal_and_the_shell_of_the_database(self):
        env = {**self.server.paired("--allow", "exec", "--user", "daemon"), "TERM": "xterm"}
        local = Terminal(client_command(["exec", "-t", "id -un; tty; stat -c %U $(tty); echo x >/dev/tty"], "there"), env=env)
        self.addCleanup(local.close)
        local.expect(rb"daemon\r\n/dev/pts/\d+\r\ndaemon\r\nx\r\n")
        self.assertEqual(local.wait(), 0)
        shell = pwd.getpwnam("daemon").pw_shell
        if not shell.endswith("nologin"):
            self.skipTest("daemon has a shell here: " + shell)
        local = Terminal(client_command(["shell"], "there"), env=env)
        self.addCleanup(local.close)
        local.expect(rb"not available")
        self.assertEqual(local.wait(), 1)
        self.assertEqual(local.settings(), local.before)


if __name__ == "__main__":
    main()
