"""The cases of a hostile or unlucky world that concern commands and that no other file has; docs/testing.md has the list
of all. Each has its honest twin."""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import threading
import time
import unittest

from harness import (MEMORY_COUNTS, MODEL, PATIENCE, SCALE, Server, ServerTest, check_sentence, in_parallel, main,
                     memory_of, pids_with_word, random_bytes, rclient, read_file, unique_number, wait_until, write_file)
from hostile import (BYE, MIB, STDIN_END, Peer, assert_plain, canary, exec_line, exec_words, frame, greeted, hello,
                     read_exit)

SLOW = 10 if os.environ.get("FARHAND_SANITIZE") else 1
EXITED, SIGNALLED = 0, 1
METACHARACTERS = ["`touch ran`", "$(touch ran)", ";touch ran", "&touch ran", "|touch ran", "\ntouch ran", "'; touch ran; '",
                  '"; touch ran; "', "$IFS", "~root", "*", ">ran", "--help", "-rf", "%s", "{a,b}", "a b", ""]


def text_of(frames, kind="stdout"):
    return b"".join(found.parcel for found in frames if found.kind == kind)


class Words(ServerTest):
    """PR-01 and PR-02: what is given is data, never an option and never a shell's."""

    def test_what_looks_like_an_option_of_ours_is_the_commands(self):
        for words in (["--help"], ["--version"], ["-H", "elsewhere"], ["--json"], ["--", "x"], ["-rf", "/"], ["-f", "root"]):
            done = self.client(["exec", "--", "printf", "%s\\n", *words])
            self.check(done, 0, "".join(word + "\n" for word in words).encode(), b"")
        self.check_sentence(self.client(["exec", "--", "--help"]), 127, "--help")   # a program of that name
        self.check(self.client(["exec", "printf '%s' -rf --help"]), 0, b"-rf--help", b"")

    def test_a_host_that_looks_like_an_option_is_refused(self):
        for host in ("-oProxyCommand=touch ran", "-x", "--help", "$(touch ran)", "`touch ran`", "a;touch ran"):
            done = rclient([f"-H{host}" if host == "-x" else f"--host={host}", "exec", "true"], cwd=self.here)
            check_sentence(self, done, 255)
        self.assertEqual(os.listdir(self.here), [])
        self.check(rclient([f"-H{self.server.host}", "exec", "echo twin"], uid=self.server.uid), 0, b"twin\n")

    @unittest.skipUnless(shutil.which("strace") and os.geteuid() == 0, "takes strace and root")
    def test_words_directories_and_files_never_reach_a_shell(self):
        trace = os.path.join(self.here, "trace")
        tracer = subprocess.Popen(["strace", "-f", "-qq", "-e", "trace=execve", "-o", trace, "-p", str(self.server.pid)],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(lambda: tracer.poll() is None and tracer.kill())
        wait_until(lambda: b"TracerPid:\t0" not in read_file(f"/proc/{self.server.pid}/status"), "strace watches")
        names = [word for word in METACHARACTERS if word]
        for name in names:
            os.makedirs(self.server.path("in " + name.replace("/", "_")), exist_ok=True)
            self.addCleanup(os.rmdir, self.server.path("in " + name.replace("/", "_")))
            self.check(self.client(["exec", "--cwd", "in " + name, "--env", "LANG=C", "--", "/bin/pwd"]), 0)
            self.check(self.client(["get", "--", "no " + name]), 3)
        done = self.client(["exec", "--", "printf", "%s\\0", *METACHARACTERS])
        self.check(done, 0, b"".join(os.fsencode(word) + b"\0" for word in METACHARACTERS))
        self.check(self.client(["exec", "echo twin"]), 0, b"twin\n")   # this one is for a shell
        tracer.terminate()
        tracer.wait(PATIENCE)
        started = [line for line in read_file(trace).decode("utf-8", "replace").splitlines() if "execve(" in line]
        self.assertEqual(sum('"/bin/sh", ["/bin/sh", "-c"' in line for line in started), 1, started)
        self.assertEqual(sum("sh" in line.split('execve("')[-1].split('"')[0].rsplit("/")[-1] for line in started
                             if line.endswith("= 0")), 1, started)
        self.assertFalse(os.path.exists(self.server.path("ran")) or os.path.exists(os.path.join(self.here, "ran")))

    def test_what_a_name_does_to_a_terminal_is_shown_and_not_done(self):
        """TM-01, of exec: in the sentence and in the log."""
        for name in ("\x1b[2J", "\x1b]0;title\x07", "\x1b]52;c;ZXZpbA==\x07", "\x9bm", "a\nrclient: all is well", "\u202eevil"):
            for args, status in ((["exec", "--", "./" + name], 127), (["exec", "--cwd", name, "true"], 255)):
                done = self.client(args)
                self.assertEqual((done.returncode, done.stderr.count(b"\n")), (status, 1), done.stderr)
                assert_plain(done.stderr.decode().rstrip("\n"))
        for line in self.server.log().splitlines():
            assert_plain(line)
        self.check_sentence(self.client(["exec", "--", "./plain-name"]), 127, "plain-name")


class Ends(ServerTest):
    def test_every_status_and_every_signal_is_told(self):
        """PR-03, in one session."""
        signals = sorted(set(signal.valid_signals()) - {signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU,
                                                        signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH})
        asked = [exec_line(f"exit {status}") for status in range(256)]
        asked += [exec_line(f"ulimit -c 0; kill -{number:d} $$") for number in signals]
        with Peer.of(self.server) as peer:
            frames = peer.ask(hello() + b"".join(request + STDIN_END for request in asked) + BYE)
        ends = [read_exit(found)[:2] for found in frames if found.kind == "exit"]
        self.assertEqual(ends, [(EXITED, status) for status in range(256)] + [(SIGNALLED, number) for number in signals])

    def test_a_reader_that_stands_still_and_a_command_that_never_reads_hold_little_and_end_at_once(self):
        """PR-09: /dev/zero into a client whose output nobody reads, and from one into a command that reads nothing."""
        word = unique_number()
        before = memory_of(self.server.pid)["VmRSS"]
        with open("/dev/zero", "rb") as zero:
            still = self.server.start_client(["exec", "--", "sh", "-c", "exec cat /dev/zero", word])
            deaf = self.server.start_client(["exec", "--", "sleep", word], stdin=zero)
        self.addCleanup(deaf.communicate)
        self.addCleanup(still.communicate)
        wait_until(lambda: len(pids_with_word(word)) >= 3, "they run")
        time.sleep(1)   # the attack: everything between fills
        if MEMORY_COUNTS and MODEL == "thread":
            held = {"server": memory_of(self.server.pid)["VmRSS"] - before, "still": memory_of(still.pid)["VmHWM"],
                    "deaf": memory_of(deaf.pid)["VmHWM"]}
            self.assertLess(held["server"], 12 * MIB, held)
            self.assertLess(max(held.values()), 32 * MIB, held)
        begun = time.monotonic()
        deaf.send_signal(signal.SIGTERM)
        self.assertEqual(deaf.wait(PATIENCE), 128 + signal.SIGTERM)
        still.send_signal(signal.SIGTERM)
        wait_until(lambda: not [pid for pid in pids_with_word(word) if pid != still.pid], "the commands are gone", 5 * SLOW)
        if SLOW == 1:
            self.assertLess(time.monotonic() - begun, 5)
        still.stdout.read()   # it goes on reading, and the status comes behind what was under way
        self.assertEqual(still.wait(PATIENCE), 128 + signal.SIGTERM)

    def test_the_twin_reads_after_a_while_and_misses_nothing(self):
        content = random_bytes(8 * MIB, 4)
        write_file(self.server.path("content"), content)
        client = self.server.start_client(["exec", "--", "cat", "content"])
        self.addCleanup(client.communicate)
        time.sleep(0.3)   # a slow reader
        self.assertEqual(client.stdout.read(), content)
        self.assertEqual(client.wait(PATIENCE), 0)


class Slow(ServerTest):
    """RX-08, of exec: who reads or writes a few bytes at a time, and says that he is alive, may: people read like that. He
    holds little, and nobody waits for him."""
    COUNT = 200 if SCALE > 1 else 60

    def test_readers_and_writers_disturb_nobody_and_hold_little(self):
        word = unique_number()
        before = memory_of(self.server.pid)["VmRSS"]
        with contextlib.ExitStack() as stack:
            peers = [stack.enter_context(greeted(self.server)) for _ in range(self.COUNT)]
            for number, peer in enumerate(peers):
                peer.send(exec_words("cat", "/dev/zero") if number % 2 else exec_words("sh", "-c", "exec cat >/dev/null", word))
            with canary(self.server):
                for _ in range(3):
                    for number, peer in enumerate(peers):
                        if number % 2:
                            peer.sock.recv(16)
                        else:
                            peer.send(frame("stdin", b"x"))
                    time.sleep(0.5)   # the attack
                held = (memory_of(self.server.pid)["VmRSS"] - before) / self.COUNT
            print(f"a slow reader or writer of exec holds {held / 1024:.0f} KiB of the server")
            if MEMORY_COUNTS and MODEL == "thread":
                self.assertLess(held, MIB)
        wait_until(lambda: not self.server.children(), "their commands end with them", 15)


class Killed(unittest.TestCase):
    """NW-03: the server is killed under commands, and started again. Each client is told; nothing is run twice."""
    TIMES = 50 if SCALE > 1 else 3
    AT_ONCE = 6

    def start(self, server, number):
        line = f"echo ran >>runs-{number}; echo up; exec sleep 60"
        client = server.start_client(["--json", "exec", line])
        self.addCleanup(client.communicate)
        self.addCleanup(lambda: client.poll() is None and client.kill())
        wait_until(lambda: os.path.exists(server.path(f"runs-{number}")), "it runs")
        return client

    def test_the_outcome_is_unknown_and_nothing_is_run_again(self):
        with Server(lines=1) as server:
            for turn in range(self.TIMES):
                numbers = [f"{turn}-{n}" for n in range(self.AT_ONCE)]
                clients = in_parallel([lambda number=number: self.start(server, number) for number in numbers], self.AT_ONCE)
                children = server.children()
                server.kill()
                for client in clients:
                    told = json.loads(client.communicate(timeout=10)[0])
                    self.assertEqual((client.returncode, told["exit"], told["started"]),
                                     (255, None, True if told["stdout"] else None))
                    # A session that is a process of its own outlives its server long enough to say so.
                    self.assertIn(told["error"]["code"], ("connection_lost", "interrupted"))
                for child in children:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(child, signal.SIGKILL)
                server.start()   # at the same address
                self.assertEqual(server.client(["exec", "echo back"]).stdout, b"back\n")
                self.assertEqual([read_file(server.path(f"runs-{number}")) for number in numbers], [b"ran\n"] * self.AT_ONCE)


class Storm(unittest.TestCase):
    """PR-15: signals that rserver is sent by whoever may, all through handshakes, commands and transfers."""

    def storm(self, server, numbers, over):
        while not over.is_set():
            for number in numbers:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(server.pid, number)
            time.sleep(0.0005)   # it is to do something else, too

    def test_disturbs_nobody(self):
        numbers = [signal.SIGCHLD, signal.SIGHUP, signal.SIGPIPE, signal.SIGCONT, signal.SIGWINCH, signal.SIGURG]
        content = random_bytes(MIB, 9)
        with Server() as server:
            write_file(server.path("content"), content)
            over = threading.Event()
            thread = threading.Thread(target=self.storm, args=(server, numbers, over))
            thread.start()
            try:
                def job(number):
                    done = server.client(["exec", "cat; exit 7"], input=content)
                    self.assertEqual((done.returncode, done.stdout == content), (7, True), done.stderr)
                    done = server.client(["exec", "--timeout", "100ms", "sleep 60"])
                    self.assertEqual(done.returncode, 124, done.stderr)
                in_parallel([lambda n=n: job(n) for n in range(20 * SCALE)], 4)
            finally:
                over.set()
                thread.join()
            self.assertTrue(server.alive())
            self.assertEqual(server.client(["exec", "echo twin"]).stdout, b"twin\n")

    def test_of_terms_ends_it_in_order(self):
        server = Server()
        self.addCleanup(server.cleanup)
        client = server.start_client(["exec", "echo up; exec sleep 60"])
        self.addCleanup(client.communicate)
        self.assertEqual(client.stdout.readline(), b"up\n")
        over = threading.Event()
        thread = threading.Thread(target=self.storm, args=(server, [signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD], over))
        thread.start()
        try:
            server.wait_for_end(0)
        finally:
            over.set()
            thread.join()
        self.assertEqual(client.wait(PATIENCE), 255)


if __name__ == "__main__":
    main()
