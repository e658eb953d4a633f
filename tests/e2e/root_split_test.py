"""root on TCP: monitor, gate and worker. That nobody reads a client's byte with root's privileges, that one deadline
covers them all, and that what is written down is what a server in threads writes."""
import contextlib
import json
import os
import re
import select
import signal
import subprocess
import time
import unittest

import process_model_test
from harness import (NOBODY, Identity, Server, client_command, connect_to, environment, is_alive, main, make_identity, needs_root,
                     read_file, remove_tree, scratch, wait_until)
from hostile import BYE, Peer, frame, hello, read_error, tls_client_context
from hostile_time_test import strace_works
from process_model_test import DAEMON, descendants, status_of
from rights_support import UNIFORM, Site, pair_frame, tear_down_canary

# ThreadSanitizer has one of its own, which a forked process has not.
THREADS_OF_ONE = ("1", "2") if "thread" in os.environ.get("FARHAND_SANITIZE", "") else ("1",)


def tearDownModule():
    tear_down_canary()


def identity_of(env):
    pem = os.path.join(env["FARHAND_CONFIG_DIR"], "rclient.pem")
    return Identity(pem, pem, None)


def stranger(case):
    home = scratch()
    case.addCleanup(remove_tree, home)
    return make_identity(home, "stranger")


@needs_root
class RootSplit(process_model_test.RootTest):
    def peer(self, identity):
        peer = Peer.of(self.server, context=tls_client_context(identity))
        self.addCleanup(peer.close)
        return peer

    def roots(self):
        """Processes of root's that the server has forked."""
        return [pid for pid in descendants(self.server.pid) if status_of(pid).get("Uid", "1").split()[0] == "0"]

    def events(self):
        return [json.loads(line) for line in self.server.audit().splitlines()]

    def test_the_worker_is_its_user_before_it_hears_a_byte(self):
        env = self.server.paired("--allow", "exec", "--user", "daemon")
        peer = self.peer(identity_of(env))
        slip = hello().partition(b"\n")[0] + b"\n"
        peer.send(slip)  # the gate knows that it is no `pair`, and whom it asks to be; nobody has had a frame to parse
        worker = wait_until(lambda: self.server.workers(DAEMON), "a worker is there")[0]
        with open(f"/proc/{worker}/status", encoding="ascii") as file:
            self.check_powerless(file.read(), DAEMON)
        self.assertEqual(len(self.roots()), 1, "the monitor, which hears nothing of it")
        for forks in (self.server.pid, *self.roots()):
            self.assertIn(status_of(forks)["Threads"], THREADS_OF_ONE, "nothing may be forked beside threads")
        self.assertNotIn("login", [line["event"] for line in self.events()])
        peer.send(hello()[len(slip):] + BYE)
        self.assertEqual([found.kind for found in peer.read_all(10)], ["hello", "bye"])
        wait_until(lambda: "login" in [line["event"] for line in self.events()], "it has logged in")

    def test_one_deadline_covers_all_three_and_a_gate_that_does_not_keep_it_is_killed(self):
        silent = self.peer(stranger(self))
        gate = wait_until(lambda: self.server.workers(NOBODY), "a gate is there")[0]
        wait_until(lambda: status_of(gate).get("Seccomp") == "2", "it has begun")
        os.kill(gate, signal.SIGSTOP)  # as one that was taken over and holds its place

        env = self.server.paired("--allow", "exec", "--user", "daemon")
        begun = time.monotonic()
        peer = self.peer(identity_of(env))
        select.select([peer.sock], [], [], 5)  # half of the time is a gate's
        peer.send(hello()[:-1])
        wait_until(lambda: self.server.workers(DAEMON), "the other half is a worker's")
        error = read_error(peer.read_all(30)[-1])
        self.assertLess(9, time.monotonic() - begun)
        self.assertLess(time.monotonic() - begun, 15, "a deadline of the worker's own would end no sooner")
        self.assertNotIn(UNIFORM, error.message)

        wait_until(lambda: not is_alive(gate), "the stopped gate is killed", seconds=20)
        wait_until(lambda: not descendants(self.server.pid), "all of them are gone")
        self.assertNotIn("crash", [line["event"] for line in self.events()])
        ends = [line["reason"] for line in self.events() if line["event"] == "end"]
        self.assertEqual(len([reason for reason in ends if "too long before login" in reason]), 1, ends)
        silent.close()

    @unittest.skipIf(os.environ.get("FARHAND_SANITIZE"), "LeakSanitizer ends a process that is traced")
    @unittest.skipUnless(strace_works(), "strace with injection is missing")
    def test_without_a_process_for_the_worker_the_client_is_told_and_may_come_again(self):
        env = self.server.paired("--allow", "exec", "--user", "daemon")
        port = self.server.hosts[0].rsplit(":", 1)[1]
        self.server.stop()
        trace = os.path.join(self.server.config, "trace")
        # The second fork of each process: of the server's none here, of the monitor's its worker.
        scarce = Server("--model", "process", "--audit", self.server.audit_path, listen=["127.0.0.1:" + port],
                        env={"FARHAND_CONFIG_DIR": self.server.config},
                        wrapper=["strace", "-f", "-qq", "-o", trace, "-e", "trace=clone,clone3,fork",
                                 "-e", "inject=clone,clone3,fork:error=EAGAIN:when=2"])
        try:
            done = self.run_as(env, "exec", "id -u")
            self.assertEqual((done.returncode, done.stdout), (255, b""))
            self.assertIn(b"try again later", done.stderr)
            wait_until(lambda: "failed: fork" in self.events()[-1].get("reason", ""), "why is written down")
            self.assertIn(b"INJECTED", read_file(trace))
        finally:
            (traced,) = scarce.children()  # strace itself takes no SIGTERM
            os.kill(traced, signal.SIGTERM)
            scarce.wait_for_end(0)
            scarce.cleanup()
        self.server.start()

    def test_a_session_that_goes_on_writes_into_the_new_file_after_a_rotation(self):
        env = self.server.paired("--allow", "exec", "--user", "daemon")
        running = self.start(env, "exec", "echo up; cat")
        self.assertEqual(running.stdout.readline(), b"up\n")
        os.rename(self.server.audit_path, self.server.audit_path + ".1")
        os.kill(self.server.pid, signal.SIGHUP)
        wait_until(lambda: os.path.exists(self.server.audit_path), "a new file is begun")
        running.stdin.close()
        self.assertEqual(running.wait(30), 0)
        wait_until(lambda: "end" in [line["event"] for line in self.events()], "the end is written down")
        lines = [line for line in self.events() if line["event"] != "reload"]
        self.assertEqual([line["event"] for line in lines], ["exec", "end"])
        self.assertEqual({line["uid"] for line in lines}, {DAEMON})
        self.assertEqual({line["pid"] == self.server.pid for line in lines}, {False})

    def test_no_process_of_a_session_holds_the_audit(self):
        env = self.server.paired("--allow", "exec", "--user", "daemon")
        running = self.start(env, "exec", "echo up; cat")
        self.assertEqual(running.stdout.readline(), b"up\n")
        for pid in self.server.workers(DAEMON) + self.server.workers(NOBODY):
            held = [os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd")]
            self.assertNotIn(self.server.audit_path, held)
        running.stdin.close()
        self.assertEqual(running.wait(30), 0)


def memory_has(pid, needles):
    """How often one of these stands in what the process can read."""
    count = 0
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            found = re.match("([0-9a-f]+)-([0-9a-f]+) r", line)
            if found:
                with contextlib.suppress(OSError, ValueError):  # the kernel's own pages
                    memory.seek(int(found[1], 16))
                    content = memory.read(int(found[2], 16) - int(found[1], 16))
                    count += sum(content.count(needle) for needle in needles)
    return count


@needs_root
@unittest.skipIf(os.environ.get("FARHAND_SANITIZE"), "a sanitizer keeps what is freed")
class TheServersKey(process_model_test.RootTest):
    """Whoever takes a session's process over must not be able to be the server from then on."""
    args = ("--allow-user", "daemon")

    def setUp(self):
        self.socket_home = scratch(DAEMON)
        self.addCleanup(remove_tree, self.socket_home)
        self.listen = ("127.0.0.1:0", "unix:" + os.path.join(self.socket_home, "socket"))
        super().setUp()

    def secrets(self):
        """The key as text, as bytes, and as OpenSSL's numbers have it."""
        path = os.path.join(self.server.config, "rserver.pem")
        text = subprocess.run(["openssl", "pkey", "-in", path, "-noout", "-text"], capture_output=True, check=True).stdout
        number = bytes.fromhex(re.sub(r"[\s:]", "", re.search(r"priv:\n([\s0-9a-f:]+)\npub", text.decode())[1]))[-32:]
        body = re.search(rb"PRIVATE KEY-----\n([^\n]{40})", read_file(path))[1]
        return body, number, number[::-1]

    def test_is_in_no_process_of_a_session(self):
        env = self.server.paired("--allow", "exec", "--user", "daemon")
        running = [self.start(env, "exec", "echo up; cat"),
                   subprocess.Popen(client_command(["exec", "echo up; cat"], self.server.hosts[1], DAEMON),
                                    env=environment({}), stdin=subprocess.PIPE, stdout=subprocess.PIPE)]
        for each in running:
            self.assertEqual(each.stdout.readline(), b"up\n")
        secrets = self.secrets()
        workers = self.server.workers(DAEMON)
        self.assertEqual(len(workers), 2)
        self.assertEqual([memory_has(pid, secrets) for pid in workers], [0, 0])
        self.assertLess(0, memory_has(self.server.workers(NOBODY)[0], secrets), "the gate's, which needs it")
        for each in running:
            each.stdin.close()
            self.assertEqual(each.wait(30), 0)
            each.stdout.close()


# ----------------------------------------------------------------------------------------------------------------------

def normal(lines):
    """What the models have in common: everything but numbers of processes, times, and names that are drawn."""
    shown = []
    for line in lines:
        if line["event"] in ("reload", "penalty"):
            continue
        kept = {name: value for name, value in line.items() if name not in ("time", "run", "id", "pid", "uid", "source",
                                                                            "connection", "ms", "pin", "root", "user")}
        kept["who"] = re.sub("sha256:[0-9a-f]+", "PIN", kept.get("who", ""))
        shown.append(kept)
    return shown


@needs_root
class WhatIsWrittenDown(unittest.TestCase):
    """The same visits to a server of root's on TCP and to one in threads."""

    def visits(self, server, invited, audit):
        """Each in turn, and its lines before the next one begins."""
        def ends(count):
            wait_until(lambda: [line["event"] for line in audit()].count("end") == count, f"{count} ends are written down")

        def visit(data, identity, wait_for_answer=True):
            count = [line["event"] for line in audit()].count("end")
            with Peer.of(server, context=tls_client_context(identity)) as peer:
                peer.send(data)
                if wait_for_answer:
                    peer.read_all(20)
                else:
                    peer.end_sending()
            ends(count + 1)

        someone = stranger(self)
        visit(hello() + BYE, someone)
        visit(pair_frame(b"x" * 16), someone)
        visit(frame("pair", b"garbled"), someone)
        visit(frame("nonsense"), someone)
        visit(b"", someone, wait_for_answer=False)
        with connect_to(server.host) as raw:
            count = [line["event"] for line in audit()].count("end")
            raw.sendall(b"GET / HTTP/1.1\r\n\r\n")
            ends(count + 1)
        visit(frame("nonsense"), invited)
        visit(hello(version=9), invited)
        visit(b"", invited, wait_for_answer=False)
        visit(hello() + BYE, invited)

    def test_is_the_same_in_both_models(self):
        rooted = process_model_test.RootsServer(listen=["127.0.0.1:0"])
        self.addCleanup(rooted.cleanup)
        env = rooted.paired("--allow", "exec", "--user", "daemon", "--as", "ann")
        self.visits(rooted, identity_of(env), lambda: [json.loads(line) for line in rooted.audit().splitlines()])
        threads = Site("--model", "thread")
        self.addCleanup(threads.close)
        client = threads.paired("--allow", "exec", "--as", "ann")
        self.visits(threads.server, client.identity(), threads.audit)
        here = [json.loads(line) for line in read_file(rooted.audit_path).splitlines()]
        self.maxDiff = None
        self.assertEqual(normal(here), normal(threads.audit()))
        self.assertEqual([line["id"] for line in here], list(range(1, len(here) + 1)), "without gaps")
        self.assertGreater(len(here), 30)


if __name__ == "__main__":
    main()
