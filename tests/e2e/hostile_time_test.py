"""Peers that take their time, and resources that run out. Tests that mostly wait run at the same time, in threads."""
import contextlib
import os
import resource
import shutil
import signal
import subprocess
import threading
import time
import unittest

import harness
from harness import (NOBODY, PATIENCE, Server, ServerTest, assert_sane, client_command, connect_to, environment,
                     in_parallel, main, make_identity, memory_of, random_bytes, read_file, remove_tree, scratch,
                     wait_until, write_file, cpu_seconds)
from hostile import (BYE, MIB, canary, client_hello, connect_plain, converse, get, greeted, hello, ping, read_exit,
                     run_words, tls_client_context, tls_server_args)

EARLIEST, LATEST = 8, 14       # around the login deadline of 10 s
WAIT = 40


def time_until_dropped(sock, trickle=b""):
    """Seconds until the other side ends the stream; meanwhile one byte of `trickle` a second. And what it said."""
    begun = time.monotonic()
    heard, at = b"", 0
    while time.monotonic() - begun < WAIT:
        due = begun + at + 1 if at < len(trickle) else begun + WAIT
        sock.settimeout(max(0.01, due - time.monotonic()))
        try:
            data = sock.recv(4096)
        except TimeoutError:
            if at < len(trickle):
                with contextlib.suppress(OSError):
                    sock.sendall(trickle[at:at + 1])
                at += 1
            continue
        except OSError:
            data = b""
        if not data:
            return time.monotonic() - begun, heard
        heard += data
    raise AssertionError(f"not dropped within {WAIT} s")


class LoginDeadline(unittest.TestCase):
    """10 s in all, whatever trickles in. Everything at once: 4 servers' worth of silent peers, one wait."""

    def drop_times(self, server, opening=b"", trickle=b"", count=1):
        def one():
            plain = server.host.startswith("plain:")
            with connect_plain(server.host, server.uid) if plain else connect_to(server.host) as sock:
                sock.sendall(opening)
                took, _ = time_until_dropped(sock, trickle)
                self.assertTrue(EARLIEST < took < LATEST, f"{opening!r}, {trickle[:20]!r}: dropped after {took:.1f} s")
        return [one] * count

    def test_everybody_who_dawdles_is_dropped_at_the_same_absolute_deadline(self):
        with contextlib.ExitStack() as stack:
            where = scratch()
            stack.callback(remove_tree, where)
            uid = NOBODY if os.geteuid() == 0 else os.geteuid()
            theirs, ours = make_identity(where, "server", uid=uid), make_identity(where, "client", uid=uid)
            unix = stack.enter_context(Server())
            plain = stack.enter_context(Server("--insecure", listen=["127.0.0.1:0"], uid=uid))
            tls = stack.enter_context(Server(*tls_server_args(theirs, ours), listen=["127.0.0.1:0"], uid=uid,
                                             client_args=[*ours.args(), "--tls-server-pin", theirs.pin]))
            greeting = client_hello()
            jobs = self.drop_times(unix) + self.drop_times(unix, count=50) + self.drop_times(plain, count=10)
            jobs += self.drop_times(unix, trickle=hello(software="x" * 60))
            jobs += self.drop_times(plain, trickle=hello(software="x" * 60))
            jobs += self.drop_times(unix, opening=hello()[:-1]) + self.drop_times(unix, opening=b"hello|4096|\n" +
                                                                                  b"x" * 4000)
            jobs += self.drop_times(tls, count=20) + self.drop_times(tls, opening=greeting[:len(greeting) // 2])
            jobs += self.drop_times(tls, opening=greeting) + self.drop_times(tls, trickle=greeting)
            jobs += [lambda: self.handshake_and_silence(tls, ours)]
            with canary(unix), canary(plain), canary(tls):
                in_parallel(jobs, len(jobs))
            for server in (unix, plain, tls):
                assert_sane(server)

    def handshake_and_silence(self, server, identity):
        """The handshake counts: it does not begin the time anew."""
        with connect_to(server.host) as raw:
            begun = time.monotonic()
            time.sleep(4)   # part of the attack: nothing is waited for
            with tls_client_context(identity).wrap_socket(raw) as sock:
                time_until_dropped(sock)
            took = time.monotonic() - begun
            self.assertTrue(EARLIEST < took < LATEST, f"dropped after {took:.1f} s")


class SignsOfLife(ServerTest):
    def test_a_client_that_keeps_saying_ping_is_never_dropped_and_a_silent_one_is(self):
        with greeted(self.server) as lively, greeted(self.server) as silent:
            begun = time.monotonic()
            gone = None
            while time.monotonic() - begun < 22:
                lively.send(ping())
                lively.sock.settimeout(1)
                with contextlib.suppress(TimeoutError):
                    self.assertNotEqual(lively.sock.recv(4096), b"")
                if gone is None:
                    silent.sock.settimeout(0.01)
                    with contextlib.suppress(TimeoutError):
                        if not silent.sock.recv(4096):
                            gone = time.monotonic() - begun
            self.assertIsNotNone(gone, "a client that was silent for 22 s was still served")
            self.assertTrue(14 < gone < 20, gone)

    def test_the_server_gives_signs_of_life(self):
        with greeted(self.server) as peer:
            begun = time.monotonic()
            found = peer.read(12)
            self.assertEqual((found.kind, found.name), ("ping", b""))
            self.assertLess(time.monotonic() - begun, 9)


class SlowReaders(ServerTest):
    def test_a_slow_reader_disturbs_nobody(self):
        write_file(self.server.path("large"), random_bytes(8 * MIB, 1))
        with greeted(self.server) as peer, canary(self.server):
            peer.send(get("large") + BYE)
            got = bytearray()
            for _ in range(5):
                got += peer.sock.recv(1024)
                time.sleep(1)   # the attack
            peer.buffer += got
            frames = peer.read_all(PATIENCE)
        content = b"".join(found.parcel for found in frames if found.kind in ("post", "data"))
        self.assertEqual(content, read_file(self.server.path("large")))

    @unittest.skipUnless(harness.MEMORY_COUNTS, "a sanitizer takes memory of its own")
    def test_many_slow_readers_hold_little(self):
        write_file(self.server.path("large"), random_bytes(64 * MIB, 2))
        before = memory_of(self.server.pid)["VmRSS"]
        peers = [greeted(self.server) for _ in range(50)]
        try:
            for peer in peers:
                peer.send(get("large"))
            with canary(self.server):
                for _ in range(3):
                    for peer in peers:
                        peer.sock.recv(1024)
                    time.sleep(1)   # the attack
                held = (memory_of(self.server.pid)["VmRSS"] - before) / len(peers)
            print(f"a slow reader of get holds {held / 1024:.0f} KiB")
            self.assertLess(held, 2 * MIB)
        finally:
            for peer in peers:
                peer.close()


STRACE = shutil.which("strace")
SLOW_FSYNC = ["-f", "-qq", "-E", "ASAN_OPTIONS=detect_leaks=0", "-o", "/dev/null", "-e", "trace=fsync", "-e", "inject=fsync:delay_enter=20000000:when=1"]


def strace_works():
    if STRACE is None:
        return False
    ran = subprocess.run([STRACE, "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync", "-e",
                          "inject=fsync:delay_enter=1", "true"], stderr=subprocess.DEVNULL, check=False,
                         timeout=PATIENCE)
    return ran.returncode == 0


@unittest.skipUnless(strace_works(), "strace with injection is missing")
class SlowDisk(unittest.TestCase):
    """An fsync of 20 s kills no transfer: signs of life go on meanwhile."""

    def setUp(self):
        self.here = scratch()
        self.addCleanup(remove_tree, self.here)
        self.content = random_bytes(3 * MIB, 4)

    def post_to_a_slow_disk(self, server):
        source = write_file(os.path.join(self.here, "source"), self.content)
        begun = time.monotonic()
        ran = server.client(["post", source, "--to", "stored"])
        took = time.monotonic() - begun
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertGreater(took, 19.5)
        self.assertEqual(read_file(server.path("stored")), self.content)

    def get_onto_a_slow_disk(self, server):
        write_file(server.path("given"), self.content)
        command = [STRACE, *SLOW_FSYNC, *client_command(["get", "given"], server.host)]
        begun = time.monotonic()
        ran = subprocess.run(command, cwd=self.here, env=environment(), stdin=subprocess.DEVNULL, timeout=PATIENCE,
                             stderr=subprocess.PIPE, check=False)
        took = time.monotonic() - begun
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertGreater(took, 19.5)
        self.assertEqual(read_file(os.path.join(self.here, "given")), self.content)

    def canaries_on_a_slow_disk(self, server):
        with canary(server):
            time.sleep(5)   # while the others' fsync lasts

    def test_post_and_get_live_through_it(self):
        with Server(wrapper=[STRACE, *SLOW_FSYNC]) as slow, Server() as quick:
            in_parallel([lambda: self.post_to_a_slow_disk(slow), lambda: self.get_onto_a_slow_disk(quick),
                         lambda: self.canaries_on_a_slow_disk(slow)], 3)
            (traced,) = slow.children()   # strace itself takes no SIGTERM
            os.kill(traced, signal.SIGTERM)
            slow.wait_for_end(0)


class Scarcity(unittest.TestCase):
    DESCRIPTORS = 64

    def limit(self):
        resource.setrlimit(resource.RLIMIT_NOFILE, (self.DESCRIPTORS, self.DESCRIPTORS))

    def test_out_of_descriptors_it_neither_spins_nor_ends_and_recovers(self):
        with Server(limits=self.limit) as server:
            peers = []
            try:
                for _ in range(200):
                    with contextlib.suppress(OSError):  # the queue of the socket may be full
                        peer = connect_to(server.host, timeout=0.5)
                        peers.append(peer)
                        peer.sendall(hello())
                self.assertGreater(len(peers), 60)
                wait_until(lambda: server.fds() >= self.DESCRIPTORS - 12, "the descriptors are used up")
                before, begun = cpu_seconds(server.pid), time.monotonic()
                time.sleep(2)   # measured over this time
                share = (cpu_seconds(server.pid) - before) / (time.monotonic() - begun)
                print(f"out of descriptors: {share:.1%} of a processor")
                self.assertLess(share, 0.4)
                self.assertTrue(server.alive())
            finally:
                for peer in peers:
                    peer.close()
            wait_until(lambda: server.client(["exec", "echo back"]).stdout == b"back\n", "it serves again", 10)
            assert_sane(server)

    def test_requests_that_find_no_descriptor_are_answered_in_words(self):
        """With the descriptors nearly used up a command or a file fails in words, and the connection lives on."""
        with Server(limits=self.limit) as server:
            write_file(server.path("file"), b"content")
            peers = []
            try:
                while server.fds() < self.DESCRIPTORS - 1:
                    peers.append(greeted(server))
                    frames = converse(server, hello() + get("file") + run_words("true") + BYE, 10)
                    self.assertEqual([found.kind for found in frames[-2:]], ["exit", "bye"])
                    wait_until(lambda: len(server.children()) == 0 and server.threads() == len(peers) + 1, "it is over")
                self.assertEqual([found.kind for found in frames], ["hello", "error", "exit", "bye"])
                self.assertEqual(read_exit(frames[2]).kind, 2)
                self.assertTrue(read_exit(frames[2]).error)
                peers.pop().close()
            finally:
                for peer in peers:
                    peer.close()
            assert_sane(server)

    @unittest.skipUnless(harness.MEMORY_COUNTS, "a sanitizer takes memory of its own")
    def test_memory_of_an_idle_connection(self):
        with Server() as server:
            with greeted(server):
                pass
            before = memory_of(server.pid)["VmRSS"]
            peers = [greeted(server) for _ in range(200)]
            held = (memory_of(server.pid)["VmRSS"] - before) / len(peers)
            for peer in peers:
                peer.send(run_words("true") + get("nothing"))
            for peer in peers:
                peer.expect("exit")
                peer.expect("error")
            after = (memory_of(server.pid)["VmRSS"] - before) / len(peers)
            for peer in peers:
                peer.close()
            print(f"an idle connection over a Unix socket holds {held / 1024:.1f} KiB, "
                  f"after requests {after / 1024:.1f} KiB")
            self.assertLess(held, 256 * 1024)
            self.assertLess(after, 256 * 1024)
            assert_sane(server)


def load_tests(loader, tests, _):
    """The classes whose tests mostly wait run at the same time."""
    del loader
    groups = {}
    for group in tests:
        for test in group:
            groups.setdefault(type(test).__name__, []).append(test)
    waiting = [test for name in ("LoginDeadline", "SlowDisk", "SignsOfLife", "SlowReaders")
               for test in groups.pop(name, [])]
    suite = unittest.TestSuite()
    suite.addTest(AtTheSameTime(waiting))
    for rest in groups.values():
        suite.addTests(rest)
    return suite


class AtTheSameTime(unittest.TestSuite):
    """Runs each test in a thread of its own, class by class; results are kept apart and added up."""

    def run(self, result, debug=False):
        tests = list(self)
        by_class = {}
        for test in tests:
            by_class.setdefault(type(test), []).append(test)
        outcomes = []

        def work(members):
            own = unittest.TestResult()
            suite = unittest.TestSuite(members)
            suite.run(own)
            outcomes.append(own)
        threads = [threading.Thread(target=work, args=(members,)) for members in by_class.values()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for own in outcomes:
            result.testsRun += own.testsRun
            result.failures += own.failures
            result.errors += own.errors
            result.skipped += own.skipped
        return result


if __name__ == "__main__":
    main()
