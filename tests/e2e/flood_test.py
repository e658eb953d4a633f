"""Strangers who come in numbers or misbehave, each with the honest client that must not suffer by it. In a network
namespace of its own, where every address of 10.99.0.0/16 is this machine's: as many sources as one likes, none of them
loopback, which is exempt. A client that connects to 10.99.x.y comes from there as well."""
import contextlib
import ctypes
import os
import resource
import selectors
import shutil
import socket
import subprocess
import sys
import time
import unittest

from harness import (NOBODY, PATIENCE, Server, as_user, assert_sane, in_parallel, main, make_identity, rclient, remove_tree, scratch,
                     wait_until, cpu_seconds)
from hostile import client_hello, tls_server_args
from rights_support import RootsSite

CLONE_NEWNET = 0x40000000
SLOW = 10 if os.environ.get("FARHAND_SANITIZE") else 1
SERVED_WITHIN = 2 * SLOW       # seconds for `exec true`, whatever strangers do
REFUSED = 255                  # what exec ends with for every failure of ours

# Makes so many connections a second from an address, or from the 200 behind it, and closes or keeps them. Says a line when
# it begins; ends when its input does, and says how many it made and in how many seconds.
FLOOD = """
import select, socket, sys, time
host, port, source, sources, rate, keep = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5]), sys.argv[6] == "keep"
first = source.rpartition(".")[0]
print("begins", flush=True)
begun, made, kept = time.monotonic(), 0, []
while not select.select([sys.stdin], [], [], 0)[0]:
    due = int((time.monotonic() - begun) * rate)
    if made >= due:
        time.sleep(0.005)
        continue
    sock = socket.socket()
    sock.setblocking(False)
    sock.bind((source if sources == 1 else f"{first}.{1 + made % sources}", 0))
    try:
        sock.connect((host, port))
    except BlockingIOError:
        pass
    except OSError:
        sock.close()
        continue
    made += 1
    kept.append(sock)
    while len(kept) > (4000 if keep else 20):
        kept.pop(0).close()
print(made, time.monotonic() - begun, flush=True)
"""


def enter_own_network():
    """Whether this process now is in a network namespace where all of 10.99.0.0/16 is its own."""
    if os.geteuid() != 0 or not shutil.which("ip"):
        return False
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        return False
    # Without a source of its own the route gives each connection the address that it goes to.
    for words in (["link", "set", "lo", "up"], ["route", "add", "local", "10.99.0.0/16", "dev", "lo"]):
        if subprocess.run(["ip", *words], timeout=PATIENCE).returncode != 0:
            return False
    return True


HAS_NETWORK = enter_own_network()


class Site:
    """A TLS server on all addresses, and an enrolled client that can come from any."""

    def __init__(self, *args, **options):
        self.scratch = scratch()
        server, client = (make_identity(self.scratch, name, uid=NOBODY) for name in ("server", "client"))
        self.stranger = make_identity(self.scratch, "stranger", uid=NOBODY)
        self.server_pin = ["--tls-server-pin", server.pin]
        self.server = Server(*tls_server_args(server, client), *args, listen=["0.0.0.0:0"], uid=NOBODY,
                             client_args=[*client.args(), *self.server_pin], **options)
        self.port = int(self.server.host.rpartition(":")[2])

    def close(self):
        self.server.cleanup()
        remove_tree(self.scratch)

    def exec_true(self, address):
        """The status of `exec true` by the enrolled client, from this address."""
        return self.server.client(["exec", "true"], host=f"{address}:{self.port}").returncode

    def seconds_for_exec(self, address):
        begun = time.monotonic()
        done = self.server.client(["exec", "true"], host=f"{address}:{self.port}")
        took = time.monotonic() - begun
        assert done.returncode == 0, f"from {address}: {done.returncode} {done.stderr!r}; {self.server.log()[-3000:]}"
        return took

    def connect(self, source, target="10.99.0.1"):
        return socket.create_connection((target, self.port), timeout=PATIENCE, source_address=(source, 0))

    def connect_silently(self, sources, target="10.99.0.1"):
        """One connection from each; those that are reset before connect(2) returns are left out."""
        socks = []
        for source in sources:
            with contextlib.suppress(ConnectionError):
                socks.append(self.connect(source, target))
        return socks

    def is_open(self, source):
        """Whether somebody who comes from there and says nothing is let in."""
        try:
            with self.connect(source) as sock:
                return not is_ended(sock, 0.5 * SLOW)
        except ConnectionError:
            return False

    def flood(self, *args, **options):
        return flood(self.port, *args, **options)


@contextlib.contextmanager
def flood(port, source, sources=1, rate=2000, keep=False):
    """Yields a function that ends the flood and tells how many connections a second there were."""
    process = subprocess.Popen([sys.executable, "-c", FLOOD, "10.99.0.1", str(port), source, str(sources),
                                str(rate), "keep" if keep else "close"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"begins\n"

        def end():
            out, _ = process.communicate(b"\n", timeout=PATIENCE)
            made, seconds = out.split()
            return int(made) / float(seconds)
        yield end
    finally:
        process.kill()
        process.wait(timeout=PATIENCE)


def is_ended(sock, seconds):
    sock.settimeout(seconds)
    try:
        return sock.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def wait_for_ends(socks, seconds):
    """When each of them was ended by the other side, in seconds from now; fails if some are not in time."""
    begun, ends = time.monotonic(), {}
    with selectors.DefaultSelector() as selector:
        for sock in socks:
            selector.register(sock, selectors.EVENT_READ)
        while len(ends) < len(socks):
            left = begun + seconds - time.monotonic()
            assert left > 0, f"{len(socks) - len(ends)} of {len(socks)} were not ended within {seconds} s"
            for key, _ in selector.select(left):
                assert is_ended(key.fileobj, 1), "the server said something to a silent stranger"
                ends[key.fileobj] = time.monotonic() - begun
                selector.unregister(key.fileobj)
    return [ends[sock] for sock in socks]


class FloodTest(unittest.TestCase):
    site_options = {}

    def setUp(self):
        self.site = Site(**self.site_options)
        self.server = self.site.server
        self.addCleanup(self.site.close)

    def tearDown(self):
        if self.server.alive():
            assert_sane(self.server)

    def serve_through(self, seconds, addresses):
        """The enrolled client, one address after the other; each time in time."""
        until, worst, addresses = time.monotonic() + seconds, 0, iter(addresses)
        while time.monotonic() < until:
            worst = max(worst, self.site.seconds_for_exec(next(addresses)))
        self.assertLess(worst, SERVED_WITHIN)

    def lines_about(self, text):
        return [line for line in self.server.log().splitlines() if text in line]


@unittest.skipUnless(HAS_NETWORK, "takes root and ip(8): a network namespace with many addresses")
class Floods(FloodTest):
    def check_flood(self, source, sources, keep):
        self.assertEqual(self.site.exec_true("10.99.7.7"), 0)   # has logged in lately
        log_before = len(self.lines_about("is refused"))
        begun, spent = time.monotonic(), cpu_seconds(self.server.pid)
        with self.site.flood(source, sources, keep=keep) as end:
            self.serve_through(4, ["10.99.7.7"] * 10000)
            if sources == 1:  # nobody else is worse off for it either
                self.serve_through(4, (f"10.99.8.{1 + i % 250}" for i in range(10000)))
            rate = end()
        took = time.monotonic() - begun
        print(f"{rate:.0f} connections/s, {(cpu_seconds(self.server.pid) - spent) / took:.0%} of a CPU", file=sys.stderr)
        if SLOW == 1:
            self.assertGreater(rate, 1000, "this was no flood")
        self.assertLess(len(self.lines_about("is refused")) - log_before, 2 * took + 5, "the flood flooded the log")

    def test_a_stranger_who_comes_2000_times_a_second_keeps_nobody_waiting(self):
        self.check_flood("10.99.1.1", 1, keep=False)

    def test_a_stranger_who_keeps_what_it_opens_keeps_nobody_waiting(self):
        self.check_flood("10.99.1.1", 1, keep=True)

    def test_200_sources_that_flood_do_not_keep_out_who_has_logged_in_lately(self):
        self.check_flood("10.99.1.1", 200, keep=True)

    # RX-01
    def test_5000_silent_connections_hold_a_hundred_places_and_no_more(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20000), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        self.assertEqual(self.site.exec_true("10.99.7.7"), 0)
        for sources, places in ((1, 5), (200, 100)):
            with contextlib.ExitStack() as stack:
                for i in range(5000):
                    sock = stack.enter_context(socket.socket())
                    sock.settimeout(PATIENCE)
                    sock.bind((f"10.99.{10 + sources % 7}.{1 + i % sources}", 0))
                    with contextlib.suppress(ConnectionError):
                        sock.connect(("10.99.0.1", self.site.port))
                took = self.site.seconds_for_exec("10.99.7.7")
                self.assertLess(took, SERVED_WITHIN)
                held = self.server.threads() - self.server.baseline["threads"]
                # Evicted ones may be on their way out.
                self.assertLessEqual(held, 2 * places, f"{held} threads for {sources} sources")
            wait_until(lambda: self.server.threads() <= self.server.baseline["threads"], "all have left", 30)

    # FR-01
    def test_of_200_silent_strangers_from_one_address_five_stay_until_the_deadline(self):
        socks = self.site.connect_silently(["10.99.3.1"] * 200)
        self.addCleanup(lambda: [sock.close() for sock in socks])
        self.assertLess(self.site.seconds_for_exec("10.99.3.2"), SERVED_WITHIN)
        ends = sorted(wait_for_ends(socks, 14))
        self.assertGreater(ends[-5], 7)
        if len(ends) > 5:
            self.assertLess(ends[-6], 5, "those over five were not refused at once")
        # Too long before login, five times over: the source is refused for a while, and its neighbour is not.
        self.assertFalse(self.site.is_open("10.99.3.1"))
        self.assertTrue(self.site.is_open("10.99.3.2"))
        self.assertEqual(len(self.lines_about("10.99.3.1 is refused for")), 1)

    def test_one_silent_stranger_is_dropped_at_the_deadline_and_may_come_again(self):
        with self.site.connect("10.99.3.1") as sock:
            self.assertGreater(wait_for_ends([sock], 14)[0], 8)
        self.assertEqual(self.site.exec_true("10.99.3.1"), 0)

    # FR-02
    def test_a_hello_at_a_byte_a_second_meets_the_same_deadline(self):
        with self.site.connect("10.99.3.1") as sock:
            begun, hello = time.monotonic(), client_hello()
            while time.monotonic() - begun < 14 and not is_ended(sock, 1):
                with contextlib.suppress(ConnectionError):
                    sock.send(hello[:1])   # the attack
                hello = hello[1:]
            self.assertTrue(8 < time.monotonic() - begun < 14, time.monotonic() - begun)

    # FR-03
    def test_who_speaks_something_else_is_cut_off_and_after_two_tries_refused_for_a_while(self):
        for opening in (b"GET / HTTP/1.1\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n"):
            with self.site.connect("10.99.4.1") as sock:
                sock.sendall(opening)
                sock.settimeout(PATIENCE)
                said = b""
                with contextlib.suppress(ConnectionError):
                    while piece := sock.recv(4096):
                        said += piece
                self.assertNotIn(opening[:6], said)
                self.assertLess(len(said), 16)   # an alert at most
        wait_until(lambda: self.lines_about("10.99.4.1 is refused for"), "the penalty begins")
        refused = time.monotonic()
        self.assertFalse(self.site.is_open("10.99.4.1"))
        self.assertEqual(self.site.exec_true("10.99.4.2"), 0)   # the neighbour
        wait_until(lambda: self.site.exec_true("10.99.4.1") == 0, "the penalty ends", 30, every=0.5)
        self.assertGreater(time.monotonic() - refused, 15)

    def test_three_mistakes_with_keys_cost_nothing_and_a_fourth_costs_a_while(self):
        args = [*self.site.stranger.args(), *self.site.server_pin, "exec", "true"]

        def mistake(address):
            return self._as_stranger(args, address)

        for _ in range(3):
            self.assertEqual(mistake("10.99.5.1"), REFUSED)
            self.assertEqual(mistake("10.99.5.2"), REFUSED)
        self.assertEqual(self.site.exec_true("10.99.5.1"), 0)   # the right one at last
        self.assertEqual(mistake("10.99.5.2"), REFUSED)
        wait_until(lambda: self.lines_about("10.99.5.2 is refused for"), "the penalty begins")
        self.assertNotEqual(self.site.exec_true("10.99.5.2"), 0)
        self.assertEqual(self.site.exec_true("10.99.5.1"), 0)

    def _as_stranger(self, args, address):
        return rclient(args, host=f"{address}:{self.site.port}", uid=NOBODY).returncode

    def test_this_machine_is_never_punished(self):
        args = [*self.site.stranger.args(), *self.site.server_pin, "exec", "true"]
        in_parallel([lambda: self.assertEqual(self._as_stranger(args, "127.0.0.1"), REFUSED)] * 12, 4)
        self.assertEqual(self.site.exec_true("127.0.0.1"), 0)
        self.assertEqual(self.lines_about("is refused for"), [])

    # AU-10 and the twin of all of the above: honest clients in numbers.
    def test_a_known_client_may_come_thirty_times_at_once(self):
        self.assertEqual(self.site.exec_true("10.99.7.7"), 0)
        statuses = in_parallel([lambda: self.site.exec_true("10.99.7.7")] * 60, 30)
        self.assertEqual(statuses, [0] * 60)


@unittest.skipUnless(HAS_NETWORK, "takes root and ip(8): a network namespace with many addresses")
class RootSplit(unittest.TestCase):
    """At root's own server a connection costs two processes before anybody knows whose it is."""

    def test_a_stranger_who_comes_2000_times_a_second_keeps_nobody_waiting(self):
        site = RootsSite("--model", "process", listen=["0.0.0.0:0"])
        self.addCleanup(site.close)
        client = site.new_client()
        port = site.server.host.rpartition(":")[2]
        done = client.pair(f"10.99.7.7:{port}", site.invite("--allow", "exec", "--host", f"10.99.7.7:{port}")[1])
        self.assertEqual(done.returncode, 0, done.stderr)
        with flood(port, "10.99.3.1") as end:
            for _ in range(5):
                begun = time.monotonic()
                self.assertEqual(client.there("exec", "true").returncode, 0)
                self.assertLess(time.monotonic() - begun, SERVED_WITHIN)
            self.assertGreater(end(), 500 / SLOW)
        site.sane()


@unittest.skipUnless(HAS_NETWORK, "takes root and ip(8): a network namespace with many addresses")
class FewDescriptors(FloodTest):
    """RX-02: 64 descriptors in all."""
    site_options = {"limits": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))}

    def test_200_silent_strangers_leave_descriptors_for_who_has_logged_in_lately(self):
        self.assertEqual(self.site.exec_true("10.99.7.7"), 0)
        socks = self.site.connect_silently(f"10.99.3.{1 + i}" for i in range(200))
        self.addCleanup(lambda: [sock.close() for sock in socks])
        self.assertLess(self.site.seconds_for_exec("10.99.7.7"), SERVED_WITHIN)
        wait_for_ends(socks, 14)

    def test_200_silent_clients_of_this_machine_neither_spin_nor_end_it_and_when_they_leave_it_recovers(self):
        socks = self.site.connect_silently(["127.0.0.1"] * 200, "127.0.0.1")
        self.addCleanup(lambda: [sock.close() for sock in socks])
        wait_until(lambda: self.server.fds() >= 60, "the descriptors run out", 5)
        begun, spent = time.monotonic(), cpu_seconds(self.server.pid)
        time.sleep(3)   # what is measured
        busy = (cpu_seconds(self.server.pid) - spent) / (time.monotonic() - begun)
        self.assertLess(busy, 0.2 * SLOW, "the server spins")
        self.assertTrue(self.server.alive())
        for sock in socks:
            sock.close()
        wait_until(lambda: self.site.exec_true("10.99.7.7") == 0, "it recovers", 1 + SLOW)


@unittest.skipUnless(HAS_NETWORK, "takes root and ip(8): a network namespace with many addresses")
class NoThreads(unittest.TestCase):
    """RX-04: and no process either, whichever a session takes."""
    site_args = ("--model", "thread")

    def test_without_one_to_be_had_a_client_is_turned_away_and_the_next_is_served(self):
        site = Site(*self.site_args)
        self.addCleanup(site.close)
        pid = site.server.pid

        def limit_threads(most):
            """As the server's own user, for whom other processes count as well: 1 is none at all."""
            subprocess.run(as_user(NOBODY, ["prlimit", f"--pid={pid}", f"--nproc={most}:"]), check=True, timeout=PATIENCE)

        for _ in range(20):
            limit_threads(1)
            self.assertNotEqual(site.exec_true("10.99.7.7"), 0)
            limit_threads(4096)
        self.assertLess(site.seconds_for_exec("10.99.7.7"), SERVED_WITHIN)   # and it is not punished for it
        assert_sane(site.server)


class NoProcesses(NoThreads):
    site_args = ("--model", "process")


if __name__ == "__main__":
    main()
