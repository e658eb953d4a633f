"""Connections that end or change on their way: never a false success, never half a file, and no command left behind."""
import json
import os
import signal
import time
import unittest

from harness import (NOBODY, PATIENCE, SCALE, ServerTest, in_parallel, main, make_identity, part_files, pids_with_word,
                     random_bytes, rclient, read_file, remove_tree, scratch, unique_number, wait_until, write_file)
from hostile import (FakeServer, Peer, Proxy, close, drain, entries, entry, exec_words, exit_report, finish, frame, greeted, part,
                     post, push, stored, take_push, tls_client_context, tls_server_args, tls_server_context, welcome)

UID = NOBODY if os.geteuid() == 0 else os.geteuid()
HALLO = b"hallo"
OLD, NEW = b"the old content\n" * 500, random_bytes(40_000, 11)
LOST = (7, 8)                # an end that came too early: cannot connect, connection lost
HARMED = (3, 5, 6, 7, 8, 9)  # bytes that were changed: whatever is noticed first


class Keys:
    directory = scratch(UID)
    server = make_identity(directory, "server", uid=UID)
    client = make_identity(directory, "client", uid=UID)


CLIENT_ARGS = [*Keys.client.args(), "--tls-server-pin", Keys.server.pin]


def tearDownModule():
    remove_tree(Keys.directory)


class ServersThatVanish(unittest.TestCase):
    """rclient against a TLS server of Python's, whose TCP stream ends with and without close_notify."""

    def setUp(self):
        self.here = scratch()
        self.addCleanup(remove_tree, self.here)
        self.file = write_file(os.path.join(self.here, "file"), OLD)
        self.upload = write_file(os.path.join(self.here, "upload"), HALLO)

    def answer(self, said, args, proper=False):
        """What rclient makes of an answer whose stream then ends: in order under TLS, or cut below it."""
        def script(peer):
            welcome(peer)
            if args == ["post", "upload"]:
                take_push(peer)
            peer.send(said)
            if proper:
                peer.end_sending()
                drain(peer)
            else:
                peer.cut()
        with FakeServer(script, context=tls_server_context(Keys.server)) as fake:
            begun = time.monotonic()
            ran = rclient([*CLIENT_ARGS, *args], fake.host, cwd=self.here)
            self.assertLess(time.monotonic() - begun, 10)
        self.assertEqual(part_files(self.here), [])
        return ran

    def failed(self, ran, *statuses):
        self.assertIn(ran.returncode, statuses, ran.stderr)
        self.assertEqual(ran.stderr.count(b"\n"), 1, ran.stderr)
        self.assertEqual(read_file(self.file), OLD)

    def test_exec_cut_before_its_exit(self):
        for proper in (False, True):
            for said in (b"", frame("stdout", b"out"), frame("stdout", b"out") + exit_report()[:-1], exit_report()[:5]):
                self.failed(self.answer(said, ["exec", "true"], proper), 255)
        for said, started in ((frame("stdout", b"out"), True), (b"", None)):
            told = json.loads(self.answer(said, ["--json", "exec", "true"]).stdout)
            self.assertEqual((told["exit"], told["started"], told["error"]["code"]), (None, started, "connection_lost"))

    def test_exec_cut_after_its_exit(self):
        """The answer is complete and proven by TLS's MAC: the status counts, though the end was no proper one."""
        for proper in (False, True):
            for value in (0, 7):
                ran = self.answer(frame("stdout", b"out") + exit_report(value=value), ["exec", "true"], proper)
                self.assertEqual((ran.returncode, ran.stdout), (value, b"out"), ran.stderr)

    def test_get_cut_at_every_edge(self):
        frames = [entries(entry("file", size=10)), part(HALLO), part(HALLO, 5), close(HALLO + HALLO)]
        for proper in (False, True):
            for count in range(len(frames)):
                self.failed(self.answer(b"".join(frames[:count]), ["get", "file"], proper), 8)
                self.failed(self.answer(b"".join(frames[:count]) + frames[count][:-1], ["get", "file"], proper), 8)
        ran = self.answer(b"".join(frames) + finish(), ["get", "file"])   # complete: the twin
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertEqual(read_file(self.file), HALLO + HALLO)

    def test_post_cut_before_its_end(self):
        for proper in (False, True):
            for said in (b"", stored(1), stored(1) + finish(files=1)[:-1]):
                self.failed(self.answer(said, ["post", "upload"], proper), 8)


class TlsTest(ServerTest):
    server_args = ("-v", *tls_server_args(Keys.server, Keys.client))
    server_options = {"listen": ["127.0.0.1:0"], "uid": UID, "client_args": CLIENT_ARGS}

    def peer(self):
        return greeted(self.server, context=tls_client_context(Keys.client))


class ClientsThatVanish(TlsTest):
    def vanish(self, how, said=b""):
        """A command runs; the client goes; the command must go too, and the log must say that it was cut."""
        number = unique_number()
        lines = len(self.server.log().splitlines())
        peer = self.peer()
        try:
            peer.send(exec_words("sleep", number) + said)
            wait_until(lambda: pids_with_word(number), "the command runs")
            how(peer)
            wait_until(lambda: not pids_with_word(number), "the command's group is ended", 15)
        finally:
            peer.close()
            for pid in pids_with_word(number):
                os.kill(pid, signal.SIGKILL)
        wait_until(lambda: "requests in" in "\n".join(self.server.log().splitlines()[lines:]), "the log tells")
        return [line for line in self.server.log().splitlines()[lines:] if "requests in" in line][0]

    def test_without_close_notify(self):
        line = self.vanish(lambda peer: peer.cut())
        self.assertNotIn("end: bye", line)

    def test_with_a_reset(self):
        line = self.vanish(lambda peer: peer.reset())
        self.assertIn("reset", line)

    def test_with_close_notify_and_no_bye(self):
        line = self.vanish(lambda peer: peer.end_sending())
        self.assertNotIn("end: bye", line)

    def test_without_close_notify_while_idle_is_logged_as_a_cut(self):
        lines = len(self.server.log().splitlines())
        self.peer().cut()
        wait_until(lambda: len(self.server.log().splitlines()) > lines, "the log tells")
        self.assertNotIn("end: bye", self.server.log().splitlines()[lines])

    def test_in_the_middle_of_an_upload_nothing_is_published(self):
        self.cut_in(post("target", NEW, piece=10_000))
        # A job in one go: its one entry is judged before what follows is looked at.
        self.cut_in(push("") + entries(entry("target", size=len(NEW))) +
                    b"".join(part(NEW[at:at + 10_000], at) for at in range(0, len(NEW), 10_000)) + close(NEW))

    def cut_in(self, whole):
        write_file(self.server.path("target"), OLD, uid=UID)
        for at in (1, len(whole) // 3, len(whole) // 2, len(whole) - 1):
            for how in (Peer.cut, Peer.reset, Peer.end_sending):
                peer = self.peer()
                peer.send(whole[:at])
                how(peer)
                peer.close()
                wait_until(lambda: not part_files(self.server.root) and self.server.held() == self.server.baseline,
                           "it is over")
                self.assertEqual(read_file(self.server.path("target")), OLD)


class OnTheWay:
    """A proxy between the real client and the real server harms each of many offsets. Subclasses say over what."""

    ARGS = []

    def setUp(self):
        super().setUp()
        self.source = write_file(os.path.join(self.here, "source"), NEW, uid=self.server.uid)
        write_file(self.server.path("given"), NEW, uid=self.server.uid)
        self.proxies = [self.proxy(n) for n in range(6)]
        for proxy in self.proxies:
            self.addCleanup(proxy.__exit__)

    def ask(self, proxy, args, cwd):
        return rclient([*self.ARGS, *args], proxy.host, uid=self.server.uid, cwd=cwd, timeout=PATIENCE)

    def stored(self):
        return self.server.path("stored")

    def work(self, proxy, verb, number):
        """One run through the proxy; it must tell the truth, and only whole files may be seen. Returns the status."""
        where = os.path.join(self.here, str(number))
        os.mkdir(where)
        os.chown(where, self.server.uid, self.server.uid)
        if verb == "post":
            target = f"stored-{number}"
            write_file(self.server.path(target), OLD, uid=self.server.uid)
            ran = self.ask(proxy, ["post", self.source, "--to", target], where)
            proxy.settle()
            content = read_file(self.server.path(target))
            self.assertIn(content, (OLD, NEW), f"{number}: half a file")
            if ran.returncode == 0:
                self.believed_post(content)
        elif verb == "get":
            local = write_file(os.path.join(where, "given"), OLD, uid=self.server.uid)
            ran = self.ask(proxy, ["get", "given"], where)
            proxy.settle()
            self.assertEqual(read_file(local), NEW if ran.returncode == 0 else OLD, f"{number}: {ran.stderr!r}")
            self.assertEqual(os.listdir(where), ["given"])
        else:
            output = b"line of output\n" * 3000
            ran = self.ask(proxy, ["exec", "yes 'line of output' | head -n 3000"], where)
            proxy.settle()
            if ran.returncode == 0:
                self.assertEqual(ran.stdout, output)
            self.assertTrue(output.startswith(ran.stdout), "output that was never written")
        if ran.returncode != 0:
            self.assertTrue(ran.stderr.startswith(b"rclient: "), ran.stderr)
            self.assertEqual(ran.stderr.count(b"\n"), 1, ran.stderr)
        return ran.returncode

    def believed_post(self, content):
        self.assertEqual(content, NEW)

    def harm_everywhere(self, verb, harms, count, allowed):
        """`count` offsets over both directions, each with the next of `harms`."""
        self.proxies[0].plan()
        self.assertEqual(self.work(self.proxies[0], verb, -1), 0)   # the honest twin, which also tells the lengths
        lengths = dict(self.proxies[0].counts)
        total = lengths[True] + lengths[False]
        plans = []
        for n in range(count):
            at = n * total // count + n % 3
            up = at < lengths[True]
            plans.append((n, harms[n % len(harms)], up, at if up else min(at - lengths[True], lengths[False] - 1)))
        statuses = self.carry_out(verb, plans, (0, *allowed, *((255,) if verb == "exec" else ())))
        self.assertGreater(sum(status != 0 for status in statuses), count // 2, "most harm must have been noticed")
        wait_until(lambda: not part_files(self.server.root), "no part is left")

    def carry_out(self, verb, plans, allowed):
        """Plans are (number, harm, up, offset); the statuses."""
        free = list(self.proxies)

        def one(n, harm, up, offset):
            proxy = free.pop()
            proxy.plan(harm, up, offset)
            try:
                status = self.work(proxy, verb, n)
            finally:
                free.append(proxy)
            self.assertIn(status, allowed, (verb, harm, up, offset))
            return status
        return in_parallel([lambda plan=plan: one(*plan) for plan in plans], len(self.proxies))

    def test_flipped_bits_of_post(self):
        self.harm_everywhere("post", ["flip"], 40 * SCALE, HARMED)

    def test_flipped_bits_of_get(self):
        self.harm_everywhere("get", ["flip"], 40 * SCALE, HARMED)

    def test_cuts_of_post(self):
        self.harm_everywhere("post", ["fin", "rst"], 60 * SCALE, LOST)

    def test_cuts_of_get(self):
        self.harm_everywhere("get", ["fin", "rst"], 60 * SCALE, LOST)

    def test_cuts_of_exec(self):
        self.harm_everywhere("exec", ["fin", "rst"], 60 * SCALE, ())


class OnTheWayOverTls(OnTheWay, TlsTest):
    ARGS = CLIENT_ARGS

    def proxy(self, _):
        return Proxy(self.server.host)

    def test_flipped_bits_of_exec(self):
        self.harm_everywhere("exec", ["flip"], 40 * SCALE, ())

    def test_the_first_and_the_last_bytes(self):
        """Where the edges are: the handshake's first bytes, and those around the last answer and the goodbyes."""
        self.proxies[0].plan()
        self.assertEqual(self.work(self.proxies[0], "get", -2), 0)
        lengths = dict(self.proxies[0].counts)
        plans = [(harm, up, offset) for up in (True, False) for harm in ("flip", "fin")
                 for offset in [*range(0, 12), *range(lengths[up] - 70, lengths[up], 2)]]
        self.carry_out("get", [(1000 + n, *plan) for n, plan in enumerate(plans)], (0, *HARMED, 124))


class OnTheWayOverUnix(OnTheWay, ServerTest):
    """Without TLS a flipped bit may change what is asked; the hash still covers every byte of a file."""

    def proxy(self, number):
        directory = os.path.join(self.here, f"proxy-{number}")
        os.mkdir(directory)
        return Proxy(self.server.host, directory)

    def believed_post(self, content):
        names = [name for name in os.listdir(self.server.root) if os.path.isfile(self.server.path(name))]
        self.assertTrue({read_file(self.server.path(name)) for name in names} <= {OLD, NEW})


if __name__ == "__main__":
    main()
