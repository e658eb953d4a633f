"""Programs that take a whole screen, through exec -t and a real terminal on this side: vim, less, tmux. Each leaves the
terminal here as it was."""
import fcntl
import os
import shutil
import struct
import subprocess
import termios

from harness import PATIENCE, main, unique_number, wait_until, write_file, read_file
from terminal_test import TerminalTest

LEAVES_ITS_SCREEN = rb"\x1b\[\?1049l"   # xterm's: what was there before is shown again


class ProgramTest(TerminalTest):
    PROGRAM = None

    def setUp(self):
        super().setUp()
        if shutil.which(self.PROGRAM) is None:
            self.skipTest(f"{self.PROGRAM} is not installed (scripts/packages)")

    def resize(self, local, rows, columns):
        fcntl.ioctl(local.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


class Vim(ProgramTest):
    PROGRAM = "vi"   # vim's smallest package has no other name

    def open_file(self, lines):
        path = write_file(self.server.path("edited"), b"".join(b"line %d\n" % n for n in range(1, lines + 1)))
        local = self.open(["exec", "-t", "--", "vi", "-u", "NONE", "-i", "NONE", "-n", "edited"], rows=20, columns=70)
        local.expect(rb"line 1\b.*line 15\b")
        return path, local

    def test_changes_a_file_and_saves_it(self):
        path, local = self.open_file(100)
        local.send(":50\rccein Wörtchen\x1bGo last\x1b:wq\r".encode())
        self.check_end(local)
        expected = [b"line %d\n" % n for n in range(1, 101)]
        expected[49] = "ein Wörtchen\n".encode()
        self.assertEqual(read_file(path), b"".join(expected) + b" last\n")
        self.assertRegex(local.seen, LEAVES_ITS_SCREEN)

    def test_left_without_saving_changes_nothing(self):
        path, local = self.open_file(30)
        before = read_file(path)
        local.send(b"dG:q!\r")
        self.check_end(local)
        self.assertEqual(read_file(path), before)

    def test_draws_anew_when_the_screen_grows(self):
        _, local = self.open_file(100)
        self.resize(local, 40, 70)
        local.expect(rb"line 35\b")
        local.send(b":q\r")
        self.check_end(local)


class Less(ProgramTest):
    PROGRAM = "less"

    def test_pages_forth_and_back_searches_and_quits(self):
        local = self.open(["exec", "-t", "seq 1000 1999 | less"], rows=11)
        local.expect(rb"1000\r\n.*1009\r\n:")
        local.send(b" ")
        local.expect(rb"1019\r\n")
        local.send(b"b")
        local.expect(rb"1000\r\n.*:")   # drawn from below
        local.send(b"/17.7\r")
        local.expect(rb"1707.*1716")
        local.send(b"G")
        local.expect(rb"1999.*\(END\)")
        local.send(b"q")
        self.check_end(local)
        self.assertRegex(local.seen, LEAVES_ITS_SCREEN)


class Tmux(ProgramTest):
    PROGRAM = "tmux"

    def setUp(self):
        super().setUp()
        self.socket = os.path.join(self.here, "tmux")
        # Else keys that come fast are a paste, and no keys of its own.
        self.settings = write_file(os.path.join(self.here, "tmux.conf"), b"set -g assume-paste-time 0\n")
        self.addCleanup(subprocess.run, ["tmux", "-S", self.socket, "kill-server"], stderr=subprocess.DEVNULL)

    def tmux(self, *words):
        return self.open(["exec", "-t", "--", "tmux", "-u", "-S", self.socket, "-f", self.settings, *words])

    def new_session(self):
        local = self.tmux("new-session", "-s", "work", "sh")
        self.say(local, b"echo up''on", b"upon")
        return local

    def say(self, local, line, answer):
        local.send(line + b"\r")
        return local.expect(answer)

    def detach(self, local):
        local.send(b"\x02d")
        local.expect(rb"\[detached \(from session work\)\]\r\n")
        self.check_end(local)

    def test_is_detached_and_attached_again_and_has_gone_on_meanwhile(self):
        local, word = self.new_session(), unique_number()
        self.say(local, b"word=" + word.encode() + b"; echo k''ept $word", b"kept " + word.encode())
        self.detach(local)
        local = self.tmux("attach")
        local.expect(b"kept " + word.encode())   # it draws its screen anew
        self.say(local, b"echo a''gain $word", b"again " + word.encode())
        local.send(b"exit\r")
        local.expect(rb"\[exited\]")
        self.check_end(local)

    def test_knows_the_last_size_of_a_storm_of_them(self):
        local = self.new_session()
        for number in range(300):
            rows, columns = (10 + number % 50, 30 + number) if number < 299 else (37, 123)
            self.resize(local, rows, columns)
            local.read_some(0)
        wait_until(lambda: self.sizes() == b"123 37\n" or local.read_some(0), "its client has the size of the terminal")
        # One line is its own; it tells its panes a little later.
        self.say(local, b"until stty size | grep '36 123'; do sleep 0.05; done; echo a''greed", rb"agreed")
        self.detach(local)

    def sizes(self):
        return subprocess.run(["tmux", "-S", self.socket, "list-clients", "-F", "#{client_width} #{client_height}"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=PATIENCE).stdout

    def test_stays_when_the_link_is_lost(self):
        """It is what people have it for: what left its terminal on purpose is not taken along."""
        local, word = self.new_session(), unique_number()
        self.say(local, b"word=" + word.encode() + b"; echo k''ept $word", b"kept " + word.encode())
        local.process.kill()
        local.wait()
        wait_until(lambda: self.sizes() == b"", "its client there is gone", 15)
        local = self.tmux("attach")
        local.expect(b"kept " + word.encode())
        local.send(b"exit\r")
        local.expect(rb"\[exited\]")
        self.check_end(local)


if __name__ == "__main__":
    main()
