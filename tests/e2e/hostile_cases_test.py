"""Hostile cases that touch the whole server at once: what a command inherits in a crowd, who is told apart from whom, what
a stranger can begin, and what a wrong handshake costs. After each the server is the same process, holds what it held, and
serves; each has its honest twin."""
import base64
import contextlib
import hashlib
import os
import re
import ssl
import subprocess
import threading
import time
import unittest

from harness import (MEMORY_COUNTS, PATIENCE, Identity, Server, ServerTest, _openssl, cpu_seconds, connect_to, in_parallel,
                     main, make_identity, memory_of, read_file, remove_tree, scratch, snapshot, wait_until, write_file)
from hostile import (BYE, MIB, PROTOCOL, REFUSED, STDIN_END, Peer, TlsSocket, canary, client_hello, done, error, exec_words,
                     exit_report, expired_identity, frame, get, hello, offer, pair, paired, ping, post, read_error,
                     read_exit, resize, run_words, seal, tls_client_context, tls_server_args)
from rights_support import UID, UNIFORM, Site, tear_down_canary

SLOW = 10 if os.environ.get("FARHAND_SANITIZE") else 1
SERVED_WITHIN = 2 * SLOW
CROWD = 200


class Keys:
    """Made once for all tests."""
    directory = scratch(UID)
    server = make_identity(directory, "server", uid=UID)
    client = make_identity(directory, "client", uid=UID)
    other = make_identity(directory, "other", uid=UID)


def tearDownModule():
    remove_tree(Keys.directory)
    tear_down_canary()


class CasesTest(ServerTest):
    server_args = tuple(tls_server_args(Keys.server, Keys.client))
    server_options = {"listen": ["127.0.0.1:0"], "uid": UID,
                      "client_args": [*Keys.client.args(), "--tls-server-pin", Keys.server.pin]}

    def setUp(self):
        super().setUp()
        self.pid = self.server.pid
        self.addCleanup(self.served_in_time)   # before assert_sane, which looks at the process, descriptors and threads

    def served_in_time(self):
        begun = time.monotonic()
        self.check(self.client(["exec", "true"]))
        self.assertLess(time.monotonic() - begun, SERVED_WITHIN)
        self.assertEqual((self.server.process.poll(), self.server.pid), (None, self.pid))
        self.assertFalse(os.path.exists(self.server.path("ran")), "something was done for somebody who may not")

    def peer(self, identity=Keys.client, **options):
        return Peer.of(self.server, context=tls_client_context(identity, **options))


# ----------------------------------------------------------------------------------------------------------------------

class InACrowd(CasesTest):
    """PR-12."""

    def test_a_command_has_three_descriptors_however_many_come_at_once(self):
        barrier, context = threading.Barrier(CROWD), tls_client_context(Keys.client)

        def one():
            barrier.wait(PATIENCE)
            with Peer.of(self.server, context=context) as peer:
                frames = peer.ask(hello() + exec_words("ls", "-l", "/proc/self/fd") + STDIN_END + BYE)
            out = b"".join(found.parcel for found in frames if found.kind == "stdout").decode()
            self.assertEqual(read_exit(frames[-2]).value, 0, frames)
            return dict(re.findall(r" (\d+) -> (.+)$", out, re.MULTILINE))

        for seen in in_parallel([one] * CROWD, CROWD):
            own = [name for name, target in seen.items() if re.fullmatch(r"/proc/\d+/fd", target)]   # what ls lists by
            self.assertEqual(own, ["3"], seen)
            self.assertEqual(sorted(seen), ["0", "1", "2", "3"], seen)
            for name in "012":
                self.assertRegex(seen[name], r"^pipe:\[\d+\]$")


class InACrowdOverUnix(InACrowd):
    server_args = ()
    server_options = {}

    def peer(self, identity=None, **options):
        return Peer.of(self.server)

    def test_a_command_has_three_descriptors_however_many_come_at_once(self):
        barrier = threading.Barrier(CROWD)

        def one():
            barrier.wait(PATIENCE)
            with Peer.of(self.server) as peer:
                frames = peer.ask(hello() + exec_words("ls", "/proc/self/fd") + STDIN_END + BYE)
            return b"".join(found.parcel for found in frames if found.kind == "stdout")

        self.assertEqual(set(in_parallel([one] * CROWD, CROWD)), {b"0\n1\n2\n3\n"})


# ----------------------------------------------------------------------------------------------------------------------

class TwoKeys(unittest.TestCase):
    """CO-05: two keys, two roots, two languages and two zones at the same time, in one process."""

    def test_none_sees_anything_of_the_other(self):
        site = Site()
        self.addCleanup(site.close)
        pid, clients = site.server.pid, []
        for name, zone, language in (("one", "Asia/Taipei", "C"), ("two", "UTC", "C.UTF-8")):
            root = site.server.path(name)
            os.mkdir(root)
            os.chown(root, UID, UID)
            client = site.paired("--root", root, "--as", name)
            client.env.update({"TZ": zone, "LC_ALL": language})
            clients.append((name, root, zone, language, client))

        def work(name, root, zone, language, client, number):
            ran = client.there("exec", "cd; cd - >/dev/null; pwd; umask 0; printf '%s %s\\n' \"$TZ\" \"$LC_ALL\"")
            self.assertEqual((ran.returncode, ran.stdout), (0, f"{root}\n{zone} {language}\n".encode()), ran.stderr)
            path = write_file(os.path.join(client.home, f"file-{number}"), name.encode() * 1000, 0o666, UID)
            self.assertEqual(client.there("post", path).returncode, 0)
            self.assertEqual(client.there("get", f"file-{number}", "--to", f"back-{number}").returncode, 0)
            self.assertEqual(read_file(os.path.join(client.home, f"back-{number}")), name.encode() * 1000)

        in_parallel([lambda c=c, n=n: work(*c, n) for n in range(10) for c in clients], 8)
        for name, root, *_ in clients:
            for file in os.listdir(root):
                self.assertEqual(read_file(os.path.join(root, file)), name.encode() * 1000)
                self.assertEqual(os.stat(os.path.join(root, file)).st_mode & 0o777, 0o644, "a command's umask went further")
        self.assertEqual(site.server.pid, pid)
        site.sane()


# ----------------------------------------------------------------------------------------------------------------------

def every_kind():
    """A well-formed frame of every kind that either side has, as somebody's first."""
    return {"exec": run_words("touch", "ran"), "stdin": frame("stdin", b"x"), "taken": frame("taken", name="1"),
            "signal": frame("signal", name="TERM"), "resize": resize(24, 80), "pause": frame("pause"), "offer": offer("ran", 1),
            "post": post("ran", b"evil"), "data": frame("data", b"x", "0"), "seal": seal(b""), "get": get("present"),
            "stdout": frame("stdout", b"x"), "stderr": frame("stderr", b"x"), "exit": exit_report(), "done": done(b""),
            "error": error(), "ping": ping("t"), "pong": frame("pong", name="t"), "bye": BYE, "pair": pair(),
            "paired": paired(), "hello": hello()}


class BeforeLogin(unittest.TestCase):
    """FR-10: whatever a connection begins with."""

    @classmethod
    def setUpClass(cls):
        cls.site = Site()
        cls.addClassCleanup(cls.site.close)
        cls.server = cls.site.server
        write_file(cls.server.path("present"), b"present", uid=UID)
        cls.enrolled = cls.site.paired("--as", "enrolled")

    def setUp(self):
        self.pid = self.server.pid
        self.before = (snapshot(self.server.root), self.site.read_keys())
        self.requests = self.count_requests()

    def tearDown(self):
        self.assertEqual((snapshot(self.server.root), self.site.read_keys()), self.before)
        self.assertEqual(self.count_requests(), self.requests, "a request of somebody who had not logged in was begun")
        begun = time.monotonic()
        self.site.sane()
        self.assertLess(time.monotonic() - begun, SERVED_WITHIN + 5)
        self.assertEqual(self.server.pid, self.pid)

    def count_requests(self):
        return len([line for line in self.site.audit() if line["event"] in ("exec", "get", "post")])

    def answer(self, identity, said):
        """All that is said to it, without the pings."""
        with Peer.of(self.server, context=tls_client_context(identity)) as peer:
            return peer.ask(said + hello() + run_words("touch", "ran") + post("ran", b"evil"))

    def test_of_a_key_that_is_not_enrolled_it_is_the_uniform_refusal(self):
        for kind, said in every_kind().items():
            with self.subTest(kind=kind):
                frames = self.answer(Keys.other, said)
                self.assertEqual([found.kind for found in frames], ["error"])
                failure = read_error(frames[0])
                self.assertEqual((failure.code, failure.closes, failure.message), (REFUSED, True, UNIFORM))

    def test_of_an_enrolled_key_anything_but_hello_ends_it_and_what_follows_is_not_done(self):
        for kind, said in every_kind().items():
            if kind == "hello":
                continue
            with self.subTest(kind=kind):
                frames = self.answer(self.enrolled.identity(), said)
                self.assertNotIn("hello", [found.kind for found in frames])
                if kind in ("bye", "error"):
                    self.assertEqual([found.kind for found in frames if found.kind != "bye"], [])
                    continue
                failure = read_error(frames[0])
                self.assertTrue(failure.closes)
                self.assertEqual(failure.code, REFUSED if kind == "pair" else PROTOCOL)

    def test_the_honest_twin_begins_with_hello(self):
        with self.enrolled.peer() as peer:
            frames = peer.ask(hello() + ping("t") + BYE)
        self.assertEqual([found.kind for found in frames], ["hello", "pong", "bye"])


# ----------------------------------------------------------------------------------------------------------------------

class Recorder:
    """A socket that keeps what was sent through it."""

    def __init__(self, raw):
        self.raw, self.sent = raw, b""

    def __getattr__(self, name):
        return getattr(self.raw, name)

    def sendall(self, data):
        self.sent += data
        self.raw.sendall(data)


class Sessions(CasesTest):
    """AU-05, AU-06."""

    def foreign_session(self):
        """A session with early data, as another server gives it: ours gives none."""
        saved = os.path.join(self.here, "session.pem")
        foreign = subprocess.Popen(["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", Keys.server.cert, "-key",
                                    Keys.server.key, "-tls1_3", "-early_data", "-max_early_data", "16384", "-alpn", "farhand/1",
                                    "-num_tickets", "1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            port = None
            while port is None:
                line = foreign.stdout.readline()
                self.assertTrue(line, "openssl s_server ended")
                match = re.match(rb"ACCEPT \S*:(\d+)", line)
                port = match and int(match[1])
            client = subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_3", "-alpn", "farhand/1",
                                       "-sess_out", saved], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL)
            try:
                wait_until(lambda: os.path.exists(saved) and os.path.getsize(saved), "the session is saved")
            finally:
                client.communicate(timeout=PATIENCE)
        finally:
            foreign.kill()
            foreign.communicate(timeout=PATIENCE)
        return saved

    def s_client(self, *args, said=b""):
        return subprocess.run(["openssl", "s_client", "-connect", self.server.host, "-cert", Keys.client.cert, "-key",
                               Keys.client.key, "-alpn", "farhand/1", "-ign_eof", *args], input=said, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=PATIENCE, check=False)

    def test_early_data_is_rejected_and_what_it_asks_for_is_never_done(self):
        saved = self.foreign_session()
        self.assertIn(b"Max Early Data: 16384", _openssl("sess_id", "-in", saved, "-noout", "-text"))
        early = write_file(os.path.join(self.here, "early"), hello() + run_words("touch", "ran") + BYE)
        ran = self.s_client("-sess_in", saved, "-early_data", early, said=hello() + run_words("echo", "late") + BYE)
        self.assertIn(b"Early data was rejected", ran.stdout)
        self.assertIn(b"New, TLSv1.3", ran.stdout, "the session of another server was resumed")
        self.assertIn(b"late\n", ran.stdout)   # the twin: what comes after the handshake
        self.assertFalse(os.path.exists(self.server.path("ran")))

    def test_a_recorded_connection_played_again_runs_nothing(self):
        recorder = Recorder(connect_to(self.server.host))
        with Peer(TlsSocket(recorder, tls_client_context(Keys.client))) as peer:
            frames = peer.ask(hello() + run_words("sh", "-c", "echo once >>played") + BYE)
            self.assertEqual(read_exit(frames[1]).value, 0)
        for _ in range(5):
            with contextlib.closing(connect_to(self.server.host)) as raw:
                with contextlib.suppress(ConnectionError):
                    raw.sendall(recorder.sent)
                    while raw.recv(4096):
                        pass
        self.assertEqual(read_file(self.server.path("played")), b"once\n")
        os.unlink(self.server.path("played"))


class RevokedSessions(unittest.TestCase):
    def test_no_session_outlives_the_key_it_was_made_with(self):
        site = Site()
        self.addCleanup(site.close)
        client = site.paired("--as", "gone")
        context = tls_client_context(client.identity())
        with Peer.of(site.server, context=context) as peer:
            peer.send(hello() + ping("x"))
            peer.expect("hello")
            peer.expect("pong")
            session = peer.sock.tls.session
        self.assertFalse(session is not None and session.has_ticket, "a ticket was given")
        self.assertEqual(site.rserver("revoke", "gone").returncode, 0)

        def refused(*words):
            with Peer(TlsSocket(connect_to(site.server.host), context, session=session)) as again:
                self.assertFalse(again.sock.tls.session_reused)
                frames = again.ask(hello() + run_words(*words) + BYE)
            return frames[0].kind == "error" and read_error(frames[0]).message == UNIFORM
        wait_until(lambda: refused("true"), "the key is refused", 5 * SLOW)
        self.assertTrue(refused("touch", "ran"))
        self.assertFalse(os.path.exists(site.server.path("ran")))
        site.sane()


# ----------------------------------------------------------------------------------------------------------------------

class PlainPort(ServerTest):
    """FR-03: other protocols at an address without TLS; at one with TLS they are in tls_identity_test."""
    server_args = ("--insecure",)
    server_options = {"listen": ["127.0.0.1:0"], "uid": UID}

    def test_who_speaks_something_else_is_told_what_this_is_and_hears_nothing_of_its_own(self):
        for said in (client_hello(), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"POST / HTTP/1.1\r\n\r\n" + hello(), b"SSH-2.0-x\r\n",
                     b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"EHLO x\r\n", b"\0" * 64, b"\xff" + os.urandom(63), b"\n", b"|"):
            with self.subTest(said=said[:12]), Peer.of(self.server) as peer:
                peer.send(said)
                frames = peer.read_all(SERVED_WITHIN)
                self.assertEqual([found.kind for found in frames], ["error"])
                failure = read_error(frames[0])
                self.assertEqual((failure.code, failure.closes), (PROTOCOL, True))
                self.assertEqual(failure.message, "this is a Farhand server, and these bytes are not Farhand's protocol")


# ----------------------------------------------------------------------------------------------------------------------

def _integer(value):
    data = value.to_bytes(value.bit_length() // 8 + 1, "big")
    return b"\x02" + _length(len(data)) + data


def _length(count):
    return bytes([count]) if count < 128 else bytes([0x80 | (count.bit_length() + 7) // 8]) + count.to_bytes(
        (count.bit_length() + 7) // 8, "big")


def known_prime(group, bits):
    """What a standard group of Diffie's and Hellman's is made of."""
    pem = _openssl("genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", f"group:{group}{bits}")
    der = base64.b64decode(b"".join(pem.splitlines()[1:-1]))
    at = der.index(b"\x02\x82" + (bits // 8 + 1).to_bytes(2, "big") + b"\0") + 5   # the first INTEGER
    return int.from_bytes(der[at:at + bits // 8], "big")


def large_rsa_identity(directory, bits):
    """An RSA key without an hour's search: its primes are two that everybody knows."""
    p, q, e = known_prime("modp_", bits // 2), known_prime("ffdhe", bits // 2), 65537
    assert (p * q).bit_length() == bits
    d = pow(e, -1, (p - 1) * (q - 1))
    body = b"".join(map(_integer, (0, p * q, e, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p))))
    der, key, cert = (os.path.join(directory, f"rsa{bits}.{kind}") for kind in ("der", "key", "crt"))
    write_file(der, b"\x30" + _length(len(body)) + body)
    _openssl("rsa", "-inform", "DER", "-in", der, "-out", key)
    _openssl("req", "-x509", "-new", "-key", key, "-subj", "/CN=large", "-days", "30", "-out", cert)
    os.chmod(key, 0o600)
    spki = _openssl("pkey", "-in", key, "-pubout", "-outform", "DER")
    return Identity(cert, key, "sha256:" + hashlib.sha256(spki).hexdigest())


class WrongHandshakes(CasesTest):
    """AU-09, and every wrong parameter: an alert or the uniform refusal, and what it costs."""
    TIMES = 20

    def setUp(self):
        super().setUp()
        self.check(self.client(["exec", "true"]))   # what the first handshake of a server makes is there

    def costs_little(self, attempt, times=TIMES, within=SERVED_WITHIN):
        """Each within so many seconds, and for all of them bounded time and memory of the server."""
        before, spent = memory_of(self.pid)["VmRSS"], cpu_seconds(self.pid)
        for _ in range(times):
            begun = time.monotonic()
            attempt()
            self.assertLess(time.monotonic() - begun, within)
        self.assertLess(cpu_seconds(self.pid) - spent, 0.05 * times * SLOW)
        if MEMORY_COUNTS:
            self.assertLess(memory_of(self.pid)["VmRSS"] - before, 4 * MIB)

    def ending(self, context):
        """How it ended, and the frames that were heard."""
        try:
            with Peer.of(self.server, context=context) as peer:
                frames = peer.ask(hello() + run_words("touch", "ran") + post("ran", b"evil"))
                return peer.ended, frames
        except (ssl.SSLError, ConnectionError) as failure:
            return f"alert {failure}", []

    def alert(self, context, *words):
        def attempt():
            ended, frames = self.ending(context)
            self.assertEqual(frames, [])
            self.assertTrue(ended.startswith("alert"), ended)
            for word in words:
                self.assertIn(word, ended)
        self.costs_little(attempt)

    def refusal(self, context):
        def attempt():
            _, frames = self.ending(context)
            self.assertEqual([read_error(found).message for found in frames], [UNIFORM])
        self.costs_little(attempt)

    def test_the_honest_twin_is_within_the_same_bounds(self):
        def attempt():
            with self.peer() as peer:
                self.assertEqual(peer.ask(hello() + BYE)[-1].kind, "bye")
        self.costs_little(attempt)

    def test_tls_1_2(self):
        self.alert(tls_client_context(Keys.client, newest=ssl.TLSVersion.TLSv1_2), "protocol version")

    def s_client(self, *args):
        """openssl's, with a key that may do everything, and a request."""
        ran = subprocess.run(["openssl", "s_client", "-connect", self.server.host, "-cert", Keys.client.cert, "-key",
                              Keys.client.key, "-alpn", "farhand/1", "-ign_eof", *args],
                             input=hello() + run_words("echo", "in") + BYE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             timeout=PATIENCE, check=False)
        return ran.stdout

    def test_old_versions_and_suites_that_prove_nothing(self):
        """AU-04."""
        key = "00" * 32
        for args in (["-tls1", "-cipher", "ALL@SECLEVEL=0"], ["-tls1_1", "-cipher", "ALL@SECLEVEL=0"],
                     ["-tls1_2", "-cipher", "aNULL@SECLEVEL=0"], ["-tls1_2", "-cipher", "eNULL@SECLEVEL=0"],
                     ["-tls1_2", "-cipher", "PSK", "-psk", key], ["-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_8_SHA256"],
                     ["-tls1_3", "-groups", "ffdhe2048"]):
            with self.subTest(args=args):
                heard = self.s_client(*args)
                self.assertRegex(heard, rb"alert (protocol version|handshake failure)")
                self.assertNotIn(b"hello|", heard)

    def test_keys_agreed_on_beforehand_and_compression_are_not_taken_up(self):
        """AU-04's twin: the handshake is a whole one, without them."""
        for args in (["-psk", "00" * 32, "-psk_identity", "client"], ["-comp"], ["-legacy_renegotiation"]):
            with self.subTest(args=args):
                heard = self.s_client(*args)
                for word in (b"New, TLSv1.3", b"Compression: NONE", b"hello|", b"in\n"):
                    self.assertIn(word, heard)

    def test_no_alpn_and_another(self):
        self.alert(tls_client_context(Keys.client, alpn=()), "no application protocol")
        self.alert(tls_client_context(Keys.client, alpn=("h2",)), "no application protocol")

    def test_no_certificate(self):
        self.alert(tls_client_context(None), "certificate required")

    def test_somebody_elses_certificate(self):
        self.refusal(tls_client_context(Keys.other))

    def test_an_expired_certificate_of_a_key_that_is_not_enrolled(self):
        self.refusal(tls_client_context(expired_identity(self.here, "expired", uid=UID)))

    def test_a_chain_of_a_hundred(self):
        chain = os.path.join(self.here, "long.crt")
        write_file(chain, read_file(Keys.client.cert) + read_file(Keys.other.cert) * 100)
        self.alert(tls_client_context(Identity(chain, Keys.client.key, None)))

    def test_rsa_of_16384_bits(self):
        context = tls_client_context(large_rsa_identity(self.here, 16384))

        def attempt():
            ended, frames = self.ending(context)
            self.assertEqual(frames, [])
            self.assertIn("bad certificate", ended)
        with canary(self.server, SERVED_WITHIN + 5):   # starting rclient on a busy machine included
            self.costs_little(attempt, 5, within=PATIENCE)   # most of it is the stranger's own work: it has to sign

    def test_rsa_of_8192_bits_is_the_twin_that_is_let_in(self):
        large = large_rsa_identity(self.here, 8192)
        with Server(*tls_server_args(Keys.server, large), listen=["127.0.0.1:0"], uid=UID) as server:
            with Peer.of(server, context=tls_client_context(large)) as peer:
                self.assertEqual(peer.ask(hello() + BYE)[-1].kind, "bye")

    def test_openssl_s_client_as_it_comes(self):
        def attempt():
            ran = subprocess.run(["openssl", "s_client", "-connect", self.server.host], input=hello(), stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, timeout=PATIENCE, check=False)
            self.assertIn(b"alert", ran.stdout)
            self.assertNotIn(b"hello|", ran.stdout)
        self.costs_little(attempt, 5)

    def test_a_client_hello_of_64_kib_and_one_in_records_of_a_byte(self):
        """FR-02's cousins: not a handshake, and one that is a hundred times as many records as it needs."""
        def too_large():
            with contextlib.closing(connect_to(self.server.host)) as raw, contextlib.suppress(ConnectionError):
                body = b"\x01" + (1 << 16).to_bytes(3, "big") + b"\x03\x03" + bytes(1 << 16)
                for at in range(0, len(body), 1 << 14):
                    piece = body[at:at + (1 << 14)]
                    raw.sendall(b"\x16\x03\x01" + len(piece).to_bytes(2, "big") + piece)
                while raw.recv(4096):
                    pass

        class Splitting(Recorder):
            def sendall(self, data):
                if not self.sent and data[:1] == b"\x16":   # the ClientHello
                    self.sent = data
                    data = b"".join(data[:3] + b"\x00\x01" + data[at:at + 1] for at in range(5, len(data)))
                self.raw.sendall(data)

        def in_single_bytes():
            try:
                with Peer(TlsSocket(Splitting(connect_to(self.server.host)), tls_client_context(Keys.client))) as peer:
                    self.assertEqual(peer.ask(hello() + BYE)[-1].kind, "bye")
            except (ssl.SSLError, ConnectionError):
                pass   # OpenSSL may refuse it: RFC 8446 has no lower bound, implementations have
        self.costs_little(too_large)
        self.costs_little(in_single_bytes, 5)


if __name__ == "__main__":
    main()
