"""The prompt: on a terminal and through a pipe."""
import os
import signal
import subprocess
import termios

from harness import (PATIENCE, SEED, ServerTest, Terminal, holds_for, main, pids_with_word, random_bytes, read_file,
                     unique_number, wait_until, write_file)


class ThroughAPipe(ServerTest):
    def lines(self, *lines, status=0, args=()):
        """What the prompt makes of these lines: (stdout, stderr)."""
        done = self.client([*args], input=b"".join(os.fsencode(line) + b"\n" for line in lines))
        self.check(done, status)
        return done.stdout, done.stderr

    def test_a_line_is_a_command_and_its_output_is_shown(self):
        self.assertEqual(self.lines("echo hi", "echo err >&2", "q"), (b"hi\n", b"err\n"))

    def test_a_command_without_output_says_so_on_stderr_only(self):
        self.assertEqual(self.lines("true", "q"), (b"", b"no output!\n"))
        self.assertEqual(self.lines("echo err >&2", "q"), (b"", b"err\n"))

    def test_a_failing_command_shows_its_status_and_the_prompt_goes_on(self):
        out, err = self.lines("exit 7", "echo on", "q")
        self.assertEqual(out, b"on\n")
        self.assertIn(b"7", err)

    def test_q_exit_and_the_end_of_input_leave_with_0(self):
        for last in ("q", "exit", "q "):
            self.assertEqual(self.lines("echo before", last, "echo after"), (b"before\n", b""))
        self.assertEqual(self.lines("echo before"), (b"before\n", b""))

    def test_the_last_line_needs_no_newline(self):
        self.check(self.client([], input=b"echo one\necho two"), 0, b"one\ntwo\n", b"")

    def test_empty_lines_do_nothing(self):
        self.assertEqual(self.lines("", "   ", "\t", "echo x", ""), (b"x\n", b""))

    def test_commands_do_not_read_the_prompts_lines(self):
        self.assertEqual(self.lines("cat; head -1", "echo after", "q")[0], b"after\n")

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

    def test_failures_of_post_and_get_are_sentences_and_the_prompt_goes_on(self):
        out, err = self.lines("post missing-here", "get missing-there", "post ../x|y", "get ../outside/secret", "echo on", "q")
        self.assertEqual(out, b"on\n")
        for line in err.decode().splitlines():
            self.assertTrue(line.startswith("rclient: "), line)
        self.assertEqual(err.count(b"\n"), 4, err)
        self.assertEqual(os.listdir(self.here), [])

    def test_wrong_verbs_are_told_and_the_prompt_goes_on(self):
        out, err = self.lines("post", "get", "post|", "post a --to", "post 'open", "no-such-verb", "echo on", "q")
        self.assertEqual(out, b"on\n")
        self.assertEqual(err.count(b"rclient: "), 5, err)
        self.assertIn(b"not found", err)  # the host's shell about the sixth

    def test_help_names_the_verbs_on_stderr(self):
        out, err = self.lines("help", "q")
        self.assertEqual(out, b"")
        for word in (b"post", b"get", b"help", b"exit"):
            self.assertIn(word, err)

    def test_a_line_that_begins_with_a_blank_is_always_a_command(self):
        out, err = self.lines(" help", " exit 3", "echo on", "q")
        self.assertEqual(out, b"on\n")
        self.assertIn(b"not found", err)

    def test_the_state_of_a_command_does_not_stay(self):
        real = os.fsencode(os.path.realpath(self.server.root))
        self.assertEqual(self.lines("cd /; x=1", "pwd -P; echo $x", "q")[0], real + b"\n\n")

    def test_many_lines_are_answered_in_their_order(self):
        out, _ = self.lines(*[f"echo {number}" for number in range(200)], "q")
        self.assertEqual(out.split(), [b"%d" % number for number in range(200)])

    def test_bytes_of_a_line_arrive_as_they_are(self):
        self.assertEqual(self.lines(b"printf %s '\xff\xe4\xb8\xad\x01'", "q")[0], b"\xff\xe4\xb8\xad\x01")

    def test_without_a_server_it_ends_with_7(self):
        done = self.client([], input=b"echo x\n", host="unix:/nonexistent/socket")
        self.check_sentence(done, 7)


class OnATerminal(ServerTest):
    def prompt(self, **options):
        terminal = Terminal(self.server.client_command([]), cwd=self.here, **options)
        self.addCleanup(terminal.close)
        terminal.expect(rb"> ")
        return terminal

    def ready(self, terminal):
        """libedit shows the prompt and then takes the terminal over: a control key in between would be the kernel's."""
        wait_until(lambda: not terminal.settings()[3] & termios.ICANON, "the prompt reads single keys")

    def leave(self, terminal, by=b"q\r"):
        self.ready(terminal)
        terminal.send(by)
        self.assertEqual(terminal.wait(), 0)

    def test_a_command_runs_and_another(self):
        terminal = self.prompt()
        terminal.send(b"echo one-$((40+2))\r")
        terminal.expect(rb"one-42\r?\n.*> ")
        terminal.send(b"true\r")
        terminal.expect(rb"no output!\r?\n.*> ")
        self.leave(terminal)

    def test_the_end_of_input_leaves(self):
        self.leave(self.prompt(), b"\x04")

    def test_exit_leaves(self):
        self.leave(self.prompt(), b"exit\r")

    def test_arrow_up_brings_the_last_line_back(self):
        terminal = self.prompt()
        terminal.send(b"echo again-$((40+2))\r")
        terminal.expect(rb"again-42\r?\n.*> ")
        terminal.send(b"\x1b[A")
        terminal.expect(rb"echo again-\$\(\(40\+2\)\)")
        terminal.send(b"\r")
        terminal.expect(rb"again-42")
        self.leave(terminal)

    def test_ctrl_c_ends_the_command_and_not_the_prompt(self):
        terminal = self.prompt()
        word = unique_number()
        terminal.send(b"exec sleep %s\r" % word.encode())
        wait_until(lambda: pids_with_word(word), "the command runs")
        terminal.send(b"\x03")
        wait_until(lambda: not pids_with_word(word), "the command is gone", 15)
        terminal.expect(rb"> ")
        terminal.send(b"echo still-$((1+1))\r")
        terminal.expect(rb"still-2")
        self.leave(terminal)

    def test_ctrl_c_at_the_prompt_drops_the_line(self):
        terminal = self.prompt()
        terminal.send(b"touch dropped-line")
        terminal.expect(rb"touch dropped-line")
        terminal.send(b"\x03")
        terminal.expect(rb"> ")
        terminal.send(b"\recho kept-$((1+1))\r")
        terminal.expect(rb"kept-2")
        self.leave(terminal)
        self.assertFalse(os.path.exists(self.server.path("dropped-line")))

    def test_sigterm_ends_the_prompt_and_puts_the_terminal_back(self):
        terminal = Terminal(self.server.client_command([]))
        self.addCleanup(terminal.close)
        terminal.expect(rb"> ")
        terminal.process.send_signal(signal.SIGTERM)
        self.assertNotEqual(terminal.wait(), 0)
        self.assertEqual(terminal.settings(), terminal.before)

    def test_the_terminal_is_as_before_when_it_ends(self):
        for line in (b"q\r", b"\x04"):
            terminal = Terminal(self.server.client_command([]))
            self.addCleanup(terminal.close)
            terminal.expect(rb"> ")
            terminal.send(b"echo x-$((1+1))\r")
            terminal.expect(rb"x-2\r?\n.*> ")
            self.leave(terminal, line)
            self.assertEqual(terminal.settings(), terminal.before)

    def test_a_restarted_server_is_met_by_the_next_command(self):
        terminal = self.prompt()
        terminal.send(b"echo first-$((1+1))\r")
        terminal.expect(rb"first-2\r?\n.*> ")
        self.server.kill()
        self.server.start()
        terminal.send(b"echo second-$((1+1))\r")
        terminal.expect(rb"second-2")
        self.leave(terminal)

    def test_a_server_that_is_away_is_told_and_met_when_it_is_back(self):
        terminal = self.prompt()
        self.server.stop()
        terminal.send(b"echo lost\r")
        terminal.expect(rb"rclient: [^\r\n]*\r?\n.*> ")
        self.server.start()
        terminal.send(b"echo back-$((1+1))\r")
        terminal.expect(rb"back-2")
        self.leave(terminal)

    def test_output_of_a_command_cannot_disturb_the_next_line(self):
        terminal = self.prompt()
        terminal.send(b"printf no-newline-$((1+1))\r")
        terminal.expect(rb"no-newline-2.*> ")
        self.leave(terminal)


class Idle(ServerTest):
    """A prompt at which nobody types for longer than a dead peer is waited for (15 s)."""

    IDLE = 17

    def test_an_idle_prompt_stays_connected_or_connects_anew_unnoticed(self):
        terminal = Terminal(self.server.client_command([]))
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
