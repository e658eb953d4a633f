"""The prompt: on a terminal, and as a script through a pipe."""
import os
import re
import signal
import stat
import subprocess
import termios
import unittest

from harness import (PATIENCE, SEED, ServerTest, Terminal, children_of, client_command, holds_for, main, pids_with_word,
                     random_bytes, read_file, unique_number, wait_until, write_file)
from hostile import FakeServer, welcome
from rights_support import Site, tear_down_canary


def tearDownModule():
    tear_down_canary()


class PromptTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.state = os.path.join(self.here, ".state")   # hidden: tests list what is in self.here
        self.env = {"XDG_STATE_HOME": self.state, "LC_ALL": "C.UTF-8", "SHELL": "/bin/sh"}


class Script(PromptTest):
    def lines(self, *lines, status=0, args=()):
        """What the prompt makes of these lines: (stdout, stderr)."""
        done = self.client([*args], input=b"".join(os.fsencode(line) + b"\n" for line in lines), env=self.env)
        self.check(done, status)
        return done.stdout, done.stderr

    def keeps_going(self, *lines, status):
        return self.lines(*lines, status=status, args=["--keep-going"])

    def test_a_line_is_a_command_and_its_output_is_shown(self):
        self.assertEqual(self.lines("echo hi", "echo err >&2", "q"), (b"hi\n", b"err\n"))

    def test_a_command_without_output_says_so_on_stderr_only(self):
        self.assertEqual(self.lines("true", "q"), (b"", b"no output!\n"))
        self.assertEqual(self.lines("echo err >&2", "q"), (b"", b"err\n"))
        self.assertEqual(self.lines("true", "q", args=["-q"]), (b"", b""))

    def test_it_ends_at_the_first_failure_with_its_status_and_the_lines_number(self):
        out, err = self.lines("echo one", "# a comment", "", "exit 7", "echo two", status=7)
        self.assertEqual(out, b"one\n")
        self.assertEqual(err, b"rclient: line 4 failed with status 7, and nothing behind it is run\n")
        for line, status in (("kill -9 $$", 137), ("exec --timeout 100ms sleep 5", 124), ("get missing", 3), ("post a --to", 2),
                             ("exec --no-such x", 255), ("post missing-here", 4), ("cd missing", 3), ("!exit 5", 5),
                             ("no-such-program-anywhere", 127), ("exec -- no-such-program-anywhere", 127)):
            out, err = self.lines(line, "echo on", status=status)
            self.assertEqual(out, b"", line)
            self.assertIn(b"line 1 failed with status %d," % status, err)

    def test_keeping_going_runs_all_and_has_the_first_failures_status(self):
        out, err = self.keeps_going("exit 7", "echo on", "exit 8", "true", "echo last", status=7)
        self.assertEqual(out, b"on\nlast\n")
        self.assertEqual(err, b"rclient: line 1 failed with status 7\nrclient: line 3 failed with status 8\nno output!\n")

    def test_q_exit_and_the_end_of_input_leave_with_0(self):
        for last in ("q", "exit", "quit", "q "):
            self.assertEqual(self.lines("echo before", last, "echo after"), (b"before\n", b""))
        self.assertEqual(self.lines("echo before"), (b"before\n", b""))

    def test_the_last_line_needs_no_newline(self):
        self.check(self.client([], input=b"echo one\necho two"), 0, b"one\ntwo\n", b"")

    def test_empty_lines_and_comments_do_nothing(self):
        self.assertEqual(self.lines("", "   ", "\t", "# it's", "  # more", "echo x # y", ""), (b"x\n", b""))

    def test_no_line_is_read_by_a_command(self):
        lines = ["cat; head -1", "exec cat", "exec -t -- head -1", "!cat; head -1", "exec --stdin none cat", "echo after"]
        self.assertEqual(self.lines(*lines, "q")[0].replace(b"\r", b""), b"after\n")

    def test_post_and_get_in_every_spelling(self):
        content = random_bytes(3000, SEED)
        write_file(os.path.join(self.here, "with blank"), content)
        write_file(os.path.join(self.here, "plain"), content)
        os.makedirs(self.server.path("dir"), exist_ok=True)
        self.lines("post plain", "post|with blank", "post 'with blank' plain --to dir", 'post "with blank" --to "new name"',
                   r"post with\ blank --to escaped", "q")
        for name in ("plain", "with blank", "dir/with blank", "dir/plain", "new name", "escaped"):
            self.assertEqual(read_file(self.server.path(name)), content, name)
        self.lines("get 'new name'", "get dir/plain escaped --to .", "get plain --to got", "q")
        for name in ("new name", "plain", "escaped", "got"):
            self.assertEqual(read_file(os.path.join(self.here, name)), content, name)

    def test_failures_are_sentences_and_a_script_that_keeps_going_goes_on(self):
        out, err = self.keeps_going("post missing-here", "get missing-there", "post ../x|y", "get ../outside/secret", "post",
                                    "get", "post|", "post a --to", "post 'open", "no-such-verb", "cd a b", "echo on", status=4)
        self.assertEqual(out, b"on\n")
        sentences = [line for line in err.decode().splitlines() if " failed with status " not in line]
        self.assertEqual(len(sentences), 11, err)
        self.assertEqual([line for line in sentences if not line.startswith("rclient: ")],
                         [line for line in sentences if "not found" in line])  # the host's shell about no-such-verb
        self.assertEqual(os.listdir(self.here), [])

    def test_help_names_the_verbs_on_stderr(self):
        out, err = self.lines("help", "q")
        self.assertEqual(out, b"")
        for word in (b"exec", b"shell", b"post", b"get", b"cd", b"env", b"lcd", b"!", b"help", b"exit"):
            self.assertIn(word, err)
        self.assertIn(b"--timeout", self.lines("exec --help")[0])

    def test_verbs_that_are_commands_of_the_host_too_are_its_own(self):
        """sync writes disks there, and ls lists by its own rules."""
        out, _ = self.keeps_going("ls -d .", "sync --version", "verify x", "q", status=127)
        self.assertTrue(out.startswith(b".\n"), out)
        self.assertIn(b"coreutils", out)

    def test_a_line_that_begins_with_a_blank_is_always_a_command(self):
        out, err = self.keeps_going(" help", " exit 3", "echo on", "q", status=127)
        self.assertEqual(out, b"on\n")
        self.assertIn(b"not found", err)

    def test_the_state_of_a_shell_does_not_stay_and_that_of_the_prompt_does(self):
        real = os.fsencode(os.path.realpath(self.server.root))
        self.assertEqual(self.lines("cd /; x=1", "pwd -P; echo $x", "q")[0], real + b"\n\n")
        self.assertEqual(self.lines("cd /", "env x=1", "pwd -P; echo $x", "exec -- sh -c 'pwd; echo $x'")[0], b"/\n1\n" * 2)

    def test_cd_is_where_commands_start_and_names_count_from(self):
        real = os.path.realpath(self.server.root)
        os.makedirs(self.server.path("a b/c"), exist_ok=True)
        write_file(self.server.path("a b/c/there"), b"x")
        write_file(os.path.join(self.here, "here"), b"y")
        out, _ = self.lines("cd 'a b'", "pwd", "cd $(echo c)", "pwd", "cd -", "cd c", "get there", "post here", "post here --to new",
                            "exec --cwd .. pwd", "cd ~", "pwd", "cd")
        home = os.path.expanduser("~")
        self.assertEqual(out.decode().splitlines(), [f"{real}/a b", f"{real}/a b/c", f"{real}/a b", f"{real}/a b", home])
        self.assertEqual(read_file(os.path.join(self.here, "there")), b"x")
        for name in ("here", "new"):
            self.assertEqual(read_file(self.server.path("a b/c", name)), b"y")

    def test_a_directory_that_has_gone_takes_no_file_under_its_own_name(self):
        write_file(os.path.join(self.here, "f"), b"y")
        self.lines("mkdir gone; cd gone", "cd gone", " rmdir ../gone", "post f", status=3)
        self.assertFalse(os.path.exists(self.server.path("gone")))

    def test_cd_to_what_is_none_changes_nothing(self):
        out, err = self.keeps_going("cd $(printf 'no\\033[2Jsuch')", "cd -", "pwd", status=3)
        self.assertEqual(os.fsdecode(out).strip(), os.path.realpath(self.server.root))
        self.assertIn(b"rclient: cd: ", err)
        self.assertNotIn(b"\x1b", err)

    def test_a_tilde_is_the_home_of_the_side_that_it_is_written_for(self):
        write_file(os.path.join(self.here, "mine"), b"m")
        done = self.client([], input=b"lcd /\npost ~/mine\nlcd ~\n!pwd\n", env={**self.env, "HOME": self.here})
        self.check(done, 0, os.fsencode(os.path.realpath(self.here)) + b"\n")
        self.assertEqual(read_file(self.server.path("mine")), b"m")

    def test_variables_are_kept_listed_replaced_and_taken_away(self):
        out, _ = self.lines("env A=1 'B=x y'", "env A=2", "env", "echo $A-$B", "exec --env A=3 echo $A", "unset A none", "env",
                            "env A=4 printenv A")
        self.assertEqual(out, b"A=2\nB=x\\ y\n2-x y\n3\nB=x\\ y\n4\n")

    def test_lcd_moves_here_and_a_relative_socket_is_met_again(self):
        os.mkdir(os.path.join(self.here, "sub"))
        os.symlink(self.server.host.removeprefix("unix:"), os.path.join(self.here, "sock"))
        write_file(os.path.join(self.here, "sub", "f"), b"in sub")
        client = self.server.start_client(["--keep-going"], stdin=subprocess.PIPE, host="unix:sock", cwd=self.here)
        client.stdin.write(b"lcd sub\n!pwd\n")
        client.stdin.flush()
        where = os.path.realpath(self.here)
        self.assertEqual(client.stdout.readline().decode(), where + "/sub\n")
        self.server.kill()
        self.server.start()
        out, err = client.communicate(b"post f\nlcd nowhere\nlcd -\n!ls\n", timeout=PATIENCE)
        self.assertEqual((client.returncode, out.decode().splitlines()), (4, [where, "sock", "sub"]), err)
        self.assertEqual(read_file(self.server.path("f")), b"in sub")

    def test_exec_has_its_options_and_its_json(self):
        out, _ = self.lines("exec --env A=1 echo $A  'a  b'", "exec -- printf '%s|' 'a b' '' $A", "exec --merge 'echo x; echo y >&2'",
                            "exec --json echo hi")
        self.assertIn(b"1 a  b\na b||$A|x\ny\n{", out)
        self.assertIn(b'"stdout":"hi\\n"', out)

    def test_shell_needs_a_terminal(self):
        self.assertIn(b"terminal", self.lines("shell", status=255)[1])
        self.assertIn(b"terminal", self.lines("!", status=2)[1])

    def test_many_lines_are_answered_in_their_order(self):
        out, _ = self.lines(*[f"echo {number}" for number in range(200)], "q")
        self.assertEqual(out.split(), [b"%d" % number for number in range(200)])

    def test_bytes_of_a_line_arrive_as_they_are(self):
        self.assertEqual(self.lines(b"printf %s '\xff\xe4\xb8\xad\x01'", "q")[0], b"\xff\xe4\xb8\xad\x01")

    def test_no_history_is_kept_of_a_script(self):
        self.lines("echo secret")
        self.assertFalse(os.path.exists(self.state))

    def test_without_a_server_it_ends_with_7(self):
        done = self.client([], input=b"echo x\n", host="unix:/nonexistent/socket")
        self.check_sentence(done, 7)

    def test_whose_reader_goes_it_ends_as_every_program_does(self):
        client = self.server.start_client([], stdin=subprocess.PIPE)
        client.stdout.close()
        _, err = client.communicate(b"echo x\n" * 10, timeout=PATIENCE)
        self.assertEqual((client.returncode, err), (-signal.SIGPIPE, b""))

    def test_an_interrupt_ends_the_command_and_the_script_even_one_that_keeps_going(self):
        word = unique_number()
        client = self.server.start_client(["--keep-going"], stdin=subprocess.PIPE)
        client.stdin.write(b"sleep %s\necho on\n" % word.encode())
        client.stdin.flush()
        wait_until(lambda: pids_with_word(word), "it runs")
        client.send_signal(signal.SIGINT)
        out, err = client.communicate(timeout=PATIENCE)
        self.assertEqual((client.returncode, out), (130, b""))
        self.assertIn(b"line 1 failed with status 130, and nothing behind it is run", err)

    def test_a_link_that_is_lost_mid_command_is_a_failure_and_nothing_is_sent_again(self):
        asked = []

        def script(peer):
            welcome(peer)
            asked.append(peer.expect("exec"))
            peer.cut()
        with FakeServer(script, self.here) as fake:
            done = self.client([], input=b"echo x\necho y\n", host=fake.host)
        self.assertEqual(done.returncode, 255)
        self.assertIn(b"line 1 failed with status 255", done.stderr)
        self.assertEqual(len(asked), 1)


class OnATerminal(PromptTest):
    FRESH = rb"\x1b\[\?2004h[^\r\n]*> "   # a prompt at which a line is edited

    def prompt(self, args=(), **options):
        terminal = Terminal(self.server.client_command([*args]), cwd=self.here, columns=200,
                            env={**self.env, **options.pop("env", {})}, **options)
        self.addCleanup(terminal.close)
        terminal.expect(self.FRESH)
        return terminal

    def ready(self, terminal):
        """libedit shows the prompt and then takes the terminal over: a control key in between would be the kernel's."""
        wait_until(lambda: not terminal.settings()[3] & termios.ICANON, "the prompt reads single keys")

    def line(self, terminal, keys):
        """What is shown from these keys to the next prompt, which is included."""
        self.ready(terminal)
        terminal.send(keys + b"\r")
        return terminal.expect(self.FRESH)

    def leave(self, terminal, by=b"q\r"):
        self.ready(terminal)
        terminal.send(by)
        self.assertEqual(terminal.wait(), 0)

    def test_a_directory_whose_name_the_locale_does_not_know_ends_nothing(self):
        os.makedirs(os.fsencode(self.server.path("sub")) + b"/\xc3\xa9t\xc3\xa9")
        terminal = self.prompt(env={"LC_ALL": "C"})
        self.line(terminal, b"cd sub")
        self.line(terminal, b"cd *")
        self.assertIn(os.fsencode(self.server.root) + b"/sub/", self.line(terminal, b"pwd"))
        self.leave(terminal)

    def state_of(self, pid):
        return read_file(f"/proc/{pid}/stat").rpartition(b")")[2].split()[0]

    def history(self):
        path = os.path.join(self.state, "farhand", "prompt_history")
        return read_file(path) if os.path.exists(path) else b""

    # --- lines

    def test_a_command_runs_and_another(self):
        terminal = self.prompt()
        self.assertIn(b"one-42\r\n", self.line(terminal, b"echo one-$((40+2))"))
        self.assertIn(b"no output!\r\n", self.line(terminal, b"true"))
        self.assertIn(b"no-newline-2", self.line(terminal, b"printf no-newline-$((1+1))"))
        self.leave(terminal)

    def test_the_terminal_is_as_before_whoever_ends_it(self):
        for by in (b"q\r", b"quit\r", b"exit\r", b"\x04"):
            terminal = self.prompt()
            self.line(terminal, b"echo x")
            self.leave(terminal, by)
            self.assertEqual(terminal.settings(), terminal.before)
        for number in (signal.SIGTERM, signal.SIGHUP):
            terminal = self.prompt()
            terminal.process.send_signal(number)
            self.assertNotEqual(terminal.wait(), 0)
            self.assertEqual(terminal.settings(), terminal.before)
            self.assertTrue(terminal.seen.endswith(b"\x1b[?2004l"), terminal.seen)

    def test_the_prompt_shows_the_directory_and_how_the_last_line_went(self):
        terminal = self.prompt()
        home = os.path.expanduser("~")
        for line, shown in ((b"cd /etc", b":/etc> "), (b"exit 3", b":/etc [3]> "), (b"", b" [3]> "), (b"true", b":/etc> "),
                            (b"kill -9 $$", b" [SIGKILL]> "), (b"exec --timeout 100ms sleep 9", b" [timed out]> "),
                            (b"!exit 4", b" [4]> "), (b"get nothing", b" [3]> "), (b"cd", b":~> ")):
            self.assertTrue(self.line(terminal, line).endswith(shown), (line, shown, home))
        self.leave(terminal)

    def test_shell_and_a_terminal_of_a_commands_own(self):
        terminal = self.prompt()
        terminal.send(b"exec -t 'read x; tty; stty size; echo had $x'\r")
        terminal.expect(b"stty size")
        terminal.send(b"typed\r")
        self.assertRegex(terminal.expect(self.FRESH), rb"/dev/pts/\d+\r\n24 200\r\nhad typed\r\n")
        terminal.send(b"shell\r")
        terminal.send(b"echo in-$((1+1)); exit 5\r")
        self.assertTrue(terminal.expect(rb"in-2.*" + self.FRESH).endswith(b" [5]> "))
        self.assertIn(b"on\r\n", self.line(terminal, b"echo on"))
        self.leave(terminal)

    # --- history

    def test_lines_are_kept_from_prompt_to_prompt_for_their_owner_alone(self):
        terminal = self.prompt()
        for line in (b"echo again-$((40+2))", b" echo unseen", b"env TOKEN=unseen"):
            self.line(terminal, line)
        self.leave(terminal)
        self.assertEqual(self.history(), b"echo again-$((40+2))\nq\n")
        path = os.path.join(self.state, "farhand", "prompt_history")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        terminal = self.prompt()
        self.assertIn(b"again-42\r\n", self.line(terminal, b"\x1b[A\x1b[A"))
        self.assertIn(b"again-42\r\n", self.line(terminal, b"\x1b[A"))
        self.leave(terminal)

    def test_where_no_history_can_be_kept_that_is_said_once_and_the_prompt_works(self):
        terminal = self.prompt(env={"XDG_STATE_HOME": "/proc/nowhere"})
        self.assertIn(b"hi\r\n", self.line(terminal, b"echo hi"))
        self.assertNotIn(b"history", self.line(terminal, b"echo ho"))
        self.leave(terminal)

    # --- completion

    def test_tab_completes_names_here_and_there_whatever_is_in_them(self):
        odd = b"we \x1b[2J'\"\n\xe2\x80\xae$x"
        write_file(os.path.join(os.fsencode(self.server.root), odd), b"odd content")
        os.makedirs(self.server.path("deep dir"), exist_ok=True)
        write_file(self.server.path("deep dir", "leaf"), b"leaf content\n")
        write_file(os.path.join(self.here, "up load"), b"u")
        terminal = self.prompt()
        shown = self.line(terminal, b"get we\t")
        self.assertEqual(os.listdir(os.fsencode(self.here)).count(odd), 1)
        shown += self.line(terminal, b"exec -- cat we\t")
        self.assertIn(b"odd content", shown)
        self.assertIn(b"leaf content\r\n", self.line(terminal, b"cat dee\tl\t"))
        self.line(terminal, b"cd dee\t")
        self.assertIn(b"leaf content\r\n", self.line(terminal, b"exec --me\tcat le\t"))
        self.line(terminal, b"post up\t--to ../\t\x7f\x7f\x7f.")
        self.assertEqual(read_file(self.server.path("deep dir", "up load")), b"u")
        self.assertIn(b"u", self.line(terminal, b"!cat up\t"))
        shown += self.line(terminal, b"cat ../\t\x15")
        self.assertIn(b"deep dir/", shown)
        for bad in (b"\x1b[2J", b"\xe2\x80\xae"):
            self.assertNotIn(bad, shown)
        self.leave(terminal)

    def test_tab_among_more_names_than_anybody_reads_shows_some_and_claims_nothing(self):
        os.makedirs(self.server.path("many"), exist_ok=True)
        for number in range(1200):
            write_file(self.server.path("many", "name%04d" % number), b"")
        terminal = self.prompt()
        shown = self.line(terminal, b"echo many/n\t ")
        self.assertIn(b"... and 900 more\r\n", shown)
        self.assertTrue(re.search(rb"\nmany/n\r\n", shown.replace(b"\x1b[?2004l", b"\n")), shown)
        self.leave(terminal)

    def test_tab_where_there_is_nothing_changes_nothing(self):
        terminal = self.prompt()
        self.assertIn(b"got no-such-name\r\n", self.line(terminal, b"echo got no-such-n\tame"))
        self.leave(terminal)

    # --- signals

    def test_ctrl_c_goes_to_the_command_and_the_prompt_stays(self):
        terminal = self.prompt()
        word = unique_number()
        terminal.send(b"cd /tmp\r")
        terminal.expect(self.FRESH)
        terminal.send(b"trap 'echo had it; exit 9' INT; sleep %s & wait\r" % word.encode())
        wait_until(lambda: pids_with_word(word), "the command runs")
        terminal.send(b"\x03")
        self.assertRegex(terminal.expect(self.FRESH), rb"(?s)had it.*:/tmp \[9\]> \Z")
        self.assertIn(b"still-2", self.line(terminal, b"echo still-$((1+1))"))
        self.leave(terminal)

    def test_a_second_ctrl_c_ends_a_command_that_goes_on_and_the_prompt_connects_anew(self):
        terminal = self.prompt()
        word = unique_number()
        terminal.send(b"trap 'echo had one' INT; while :; do sleep %s & wait; done\r" % word.encode())
        wait_until(lambda: pids_with_word(word), "the command runs")
        terminal.send(b"\x03")
        terminal.expect(rb"\^Chad one")
        terminal.send(b"\x03")
        self.assertTrue(terminal.expect(rb"interrupted twice.*" + self.FRESH).endswith(b" [130]> "))
        wait_until(lambda: not pids_with_word(word), "the command is gone", 10)
        self.assertRegex(self.line(terminal, b"echo still-$((1+1))"), rb"(?s)made anew.*still-2")
        self.leave(terminal)

    def test_ctrl_c_at_the_prompt_drops_the_line(self):
        terminal = self.prompt()
        self.ready(terminal)
        terminal.send(b"touch dropped-line")
        terminal.expect(rb"touch dropped-line")
        terminal.send(b"\x03")
        terminal.expect(self.FRESH)
        self.assertIn(b"kept-2", self.line(terminal, b"\recho kept-$((1+1))") + self.line(terminal, b""))
        self.leave(terminal)
        self.assertFalse(os.path.exists(self.server.path("dropped-line")))

    def test_ctrl_z_stops_command_and_prompt_and_fg_brings_both_back(self):
        shell = Terminal(["bash", "--norc", "-i"], cwd=self.here, env={**self.env, "PS1": "bash> "}, columns=200)
        self.addCleanup(shell.close)
        shell.expect(b"bash> ")
        shell.send(" ".join(self.server.client_command([])).encode() + b"\n")
        shell.expect(self.FRESH)
        self.ready(shell)
        shell.send(b"\x1a")                      # while a line is edited
        shell.expect(b"Stopped.*bash> ")
        shell.send(b"fg\n")
        shell.expect(rb"> ")
        word = unique_number()
        self.ready(shell)
        shell.send(b"sh -c 'echo begun; sleep %s; echo over'\r" % word.encode())
        shell.expect(rb"begun\r")
        pid = wait_until(lambda: pids_with_word(word), "it runs")[0]
        shell.send(b"\x1a")
        shell.expect(b"Stopped.*bash> ")
        wait_until(lambda: self.state_of(pid) == b"T", "it is stopped as well")
        shell.send(b"fg\n")
        wait_until(lambda: self.state_of(pid) == b"S", "it goes on")
        os.kill(pid, signal.SIGKILL)
        shell.expect(rb"over\r\n.*" + self.FRESH)
        self.assertIn(b"kept-2", self.line(shell, b"echo kept-$((1+1))"))
        self.ready(shell)
        shell.send(b"q\r")
        shell.expect(b"bash> ")
        shell.send(b"exit\n")
        shell.wait()

    def test_a_command_here_has_the_terminal_and_gives_it_back(self):
        terminal = self.prompt()
        terminal.send(b"!stty raw -echo; echo here; read x; echo had $x; kill -INT $$\r")
        terminal.expect(b"lhere\n")  # behind ESC[?2004l
        terminal.send(b"typed\n")
        self.assertTrue(terminal.expect(rb"had typed.*" + self.FRESH).endswith(b" [130]> "))
        self.ready(terminal)
        terminal.send(b"\x1b[200~!stty raw -echo; kill -9 $$\recho a; echo b\r\x1b[201~")
        terminal.expect(rb"\na\r\nb\r\n.*" + self.FRESH)
        self.ready(terminal)
        word = unique_number()
        terminal.send(b"!sleep %s\r" % word.encode())
        wait_until(lambda: pids_with_word(word), "it runs")
        terminal.send(b"\x03")
        self.assertTrue(terminal.expect(self.FRESH).endswith(b" [130]> "))
        self.assertIn(b"on\r\n", self.line(terminal, b"echo on"))
        terminal.send(b"!\r")
        terminal.expect(rb"[$#] ")
        terminal.send(b"echo shell-$((1+1)); exit 3\r")
        self.assertTrue(terminal.expect(rb"shell-2.*" + self.FRESH).endswith(b" [3]> "))
        self.assertEqual(children_of(terminal.process.pid), [])
        self.leave(terminal)
        self.assertEqual(terminal.settings(), terminal.before)

    # --- pastes

    def test_pasted_lines_run_one_after_another_and_no_command_reads_them(self):
        lines = [b"echo line-$((%d+1))" % number for number in range(40)]
        lines[3:3] = [b"cat", b"exec -t 'stty -icanon min 0 time 2; echo had $(head -c 9 | wc -c)'", b"printf %s '\xc3\xa4\ttab'; echo"]
        for bracketed in (True, False):
            terminal = self.prompt()
            self.ready(terminal)
            kept = lines if bracketed else [line for line in lines if b"exec -t" not in line and b"tab" not in line]
            text = b"\r".join(kept) + b"\recho the rest"
            terminal.send(b"\x1b[200~" + text + b"\x1b[201~" if bracketed else text)
            shown = terminal.expect(rb"line-40\r\n.*echo the rest").replace(b"\x1b[?2004l", b"")
            places = [shown.find(b"\nline-%d\r" % (number + 1)) for number in range(40)]
            self.assertEqual(places, sorted(places))
            self.assertNotIn(-1, places)
            if bracketed:
                self.assertIn("\r\nä\ttab\r\n".encode(), shown)
                self.assertIn(b"\nhad 0\r\n", shown)
            self.assertNotIn(b"\nthe rest", shown, "what has no newline behind it is not run")
            terminal.send(b" $((1+1))\r")
            terminal.expect(rb"lthe rest 2\r")  # behind ESC[?2004l
            self.leave(terminal)

    def test_ctrl_c_drops_the_pasted_lines_that_have_not_run(self):
        terminal = self.prompt()
        word = unique_number()
        self.ready(terminal)
        terminal.send(b"\x1b[200~sleep %s\rtouch not-run\rtouch nor-this\r\x1b[201~" % word.encode())
        wait_until(lambda: pids_with_word(word), "the command runs")
        terminal.send(b"\x03")
        terminal.expect(b"2 more pasted lines are not run.*" + self.FRESH)
        self.line(terminal, b"echo on")
        self.assertFalse(os.path.exists(self.server.path("not-run")))
        self.leave(terminal)

    # --- the link

    def test_a_restarted_server_is_met_by_the_next_command_and_what_was_kept_is_kept(self):
        terminal = self.prompt()
        self.line(terminal, b"cd /etc")
        self.line(terminal, b"env A=kept")
        self.server.kill()
        self.server.start()
        self.assertRegex(self.line(terminal, b"pwd; echo $A"), rb"(?s)rclient: the connection was lost.*/etc\r\nkept\r\n")
        self.assertNotIn(b"rclient:", self.line(terminal, b"echo on"))
        self.leave(terminal)

    def test_a_server_that_is_away_is_told_and_met_when_it_is_back(self):
        terminal = self.prompt()
        self.server.stop()
        self.assertRegex(self.line(terminal, b"echo lost\t"), rb"rclient: [^\r\n]*\r\n.* \[255\]> \Z")
        self.server.start()
        self.assertIn(b"back-2", self.line(terminal, b"echo back-$((1+1))"))
        self.leave(terminal)


class FixedCommand(unittest.TestCase):
    """A key with a command of its own: nothing that the prompt does by itself may run it."""

    @classmethod
    def setUpClass(cls):
        cls.site = Site()
        cls.addClassCleanup(cls.site.close)
        cls.fixed = cls.site.paired("--allow", "exec,get", "--as", "fixed")
        cls.free = cls.site.paired("--allow", "exec,get", "--as", "free")
        content = cls.site.read_keys()
        cls.ran = cls.site.server.path("ran")
        table = content.replace("[fixed]\n", f'[fixed]\ncommand = ["/bin/sh", "-c", "echo >>{cls.ran}; echo the fixed one"]\n')
        assert table != content
        cls.site.write_keys(table)
        wait_until(lambda: cls.fixed.there("exec", "true").stdout == b"the fixed one\n", "the key is read again")

    def sizes(self, client):
        """The file that the fixed command makes longer: before, and after TAB, cd and a tilde."""
        before = os.path.getsize(self.ran)
        terminal = Terminal(client_command([], "there", client.site.uid), cwd=client.home, columns=200,
                            env={**client.env, "XDG_STATE_HOME": client.home})
        self.addCleanup(terminal.close)
        for keys in (b"cat ra\t\x15", b"get ra\t\x15", b"cd /\r", b"get ~/x\r"):
            terminal.expect(rb"> ")
            wait_until(lambda: not terminal.settings()[3] & termios.ICANON, "the prompt reads single keys")
            terminal.send(keys + b"\r" * (keys[-1:] != b"\r"))
        terminal.expect(rb"\]> ")
        terminal.send(b"q\r")
        terminal.wait()
        return before, os.path.getsize(self.ran), terminal

    def test_tab_and_cd_run_nothing_with_a_key_that_has_a_fixed_command(self):
        before, after, _ = self.sizes(self.fixed)
        self.assertEqual(after, before)
        done = self.fixed.there(input=b"cd /\n")
        self.assertEqual(done.returncode, 3)
        self.assertIn(b"which your key may not run", done.stderr)
        self.assertEqual(self.free.there(input=b"cd /\npwd\n").stdout, b"/\n")


class Idle(PromptTest):
    """A prompt at which nobody types for longer than a dead peer is waited for (15 s)."""

    IDLE = 17

    def test_an_idle_prompt_stays_connected_or_connects_anew_unnoticed(self):
        terminal = Terminal(self.server.client_command([]), env=self.env)
        self.addCleanup(terminal.close)
        terminal.expect(rb"> ")
        pipe = self.server.start_client([], stdin=subprocess.PIPE)
        self.addCleanup(pipe.communicate)
        pipe.stdin.write(b"echo first\n")
        pipe.stdin.flush()
        self.assertEqual(pipe.stdout.readline(), b"first\n")
        self.assertEqual(self.server.threads() - self.server.baseline["threads"], 2)
        connected = holds_for(lambda: terminal.read_some(0) or self.server.threads() > self.server.baseline["threads"],
                              self.IDLE)
        self.assertTrue(connected, "the server let go of the prompt on the terminal: " + self.server.log())
        terminal.send(b"echo second-$((1+1))\r")
        terminal.expect(rb"second-2")
        terminal.send(b"q\r")
        self.assertEqual(terminal.wait(), 0)
        out, err = pipe.communicate(b"echo second\nq\n", timeout=PATIENCE)
        self.assertEqual((pipe.returncode, out, err), (0, b"second\n", b""))


if __name__ == "__main__":
    main()
