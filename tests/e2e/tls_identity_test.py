"""Who may talk under TLS: keys are pinned on both sides, and all else is refused before a byte of ours is said."""
import os
import re
import socket
import ssl
import subprocess
import threading
import time
import unittest

from harness import (NOBODY, PATIENCE, Identity, Server, ServerTest, assert_sane, check_sentence, connect_to,
                     in_parallel,
                     main, make_identity, rclient, read_file, remove_tree, run_rserver, scratch, wait_until,
                     write_file, _openssl)
from hostile import (BYE, MIB, REFUSED, FakeServer, Peer, TlsSocket, canary, drain, exit_report, expired_identity,
                     frame, hello,
                     ping, post, read_error, run_words, stolen_certificate, tls_client_context,
                     tls_server_args, tls_server_context, welcome)

UID = NOBODY if os.geteuid() == 0 else os.geteuid()
AT_ONCE = 10
UNIFORM = "this server does not serve you: your user or key is not enrolled here"
DEEDS = hello() + run_words("touch", "ran") + post("ran", b"evil") + BYE


class Keys:
    """Made once for all tests."""
    directory = scratch(UID)
    server = make_identity(directory, "server", uid=UID)
    client = make_identity(directory, "client", uid=UID)
    other = make_identity(directory, "other", uid=UID)


def tearDownModule():
    remove_tree(Keys.directory)


class TlsTest(ServerTest):
    server_args = tuple(tls_server_args(Keys.server, Keys.client))
    server_options = {"listen": ["127.0.0.1:0"], "uid": UID,
                      "client_args": [*Keys.client.args(), "--tls-server-pin", Keys.server.pin]}

    def tearDown(self):
        self.assertFalse(os.path.exists(self.server.path("ran")), "something was done for somebody who may not")
        super().tearDown()

    def peer(self, identity=Keys.client, **options):
        return Peer.of(self.server, context=tls_client_context(identity, **options))

    def refused_below(self, context):
        """Whatever the point at which it is refused: not a byte of application data, and nothing is done."""
        try:
            with Peer.of(self.server, context=context) as peer:
                peer.send_if_heard(DEEDS)
                heard = peer.read_bytes(AT_ONCE)
                end = peer.ended
        except (ssl.SSLError, ConnectionError) as failure:
            return str(failure)
        self.assertEqual(heard, b"")
        self.assertNotEqual(end, "end")
        return end


class ClientKeys(TlsTest):
    def test_the_honest_twin(self):
        with self.peer() as peer:
            frames = peer.ask(hello() + run_words("true") + BYE)
            self.assertEqual([found.kind for found in frames], ["hello", "exit", "bye"])
            self.assertEqual(peer.sock.tls.version(), "TLSv1.3")
        self.check(self.client(["exec", "echo in"]), 0, b"in\n")

    def test_a_key_that_is_not_enrolled_hears_the_uniform_refusal(self):
        for said in (DEEDS, b"", b"\0" * MIB, hello(version=9), frame("hello", b"x" * 4096)):
            with self.peer(Keys.other) as peer:
                frames = peer.ask(said)
                self.assertEqual(len(frames), 1, frames)
                failure = read_error(frames[0])
                self.assertEqual((failure.code, failure.closes, failure.message), (REFUSED, True, UNIFORM))

    def test_the_real_client_with_another_key(self):
        args = [*Keys.other.args(), "--tls-server-pin", Keys.server.pin]
        source = write_file(os.path.join(self.here, "source"), b"x" * 2 * MIB, uid=UID)
        for verb, status in ((["exec", "touch ran"], 255), (["post", source, "--to", "ran"], 3), (["get", "x"], 3)):
            check_sentence(self, rclient([*args, *verb], self.server.host, uid=UID, cwd=self.here), status, UNIFORM)

    def test_no_certificate(self):
        self.assertIn("certificate required", self.refused_below(tls_client_context(None)))

    def test_the_certificate_of_an_enrolled_key_without_the_key(self):
        thief = stolen_certificate(self.here, Keys.client, uid=UID)
        self.refused_below(tls_client_context(thief))

    def test_a_chain_that_claims_an_enrolled_certificate_behind_ones_own(self):
        chain = os.path.join(self.here, "chain.crt")
        write_file(chain, read_file(Keys.other.cert) + read_file(Keys.client.cert))
        with self.peer(Identity(chain, Keys.other.key, None)) as peer:
            self.assertEqual(read_error(peer.ask(DEEDS)[0]).code, REFUSED)

    def test_a_certificate_of_the_same_name_with_another_key(self):
        with self.peer(make_identity(self.here, "client")) as peer:
            self.assertEqual(read_error(peer.ask(DEEDS)[0]).code, REFUSED)

    def test_a_chain_of_a_hundred_certificates(self):
        chain = os.path.join(self.here, "long.crt")
        write_file(chain, read_file(Keys.client.cert) + read_file(Keys.other.cert) * 100)
        with canary(self.server):
            self.refused_below(tls_client_context(Identity(chain, Keys.client.key, None)))

    def test_expired_certificates_and_keys_of_every_kind_count_by_their_pins(self):
        mine = [make_identity(self.here, kind, kind, uid=UID) for kind in ("rsa2048", "ed25519", "p384")]
        mine.append(expired_identity(self.here, "expired", uid=UID))
        for name in os.listdir(self.here):
            os.chown(os.path.join(self.here, name), UID, UID)
        for theirs in mine:
            with Server(*tls_server_args(theirs, *mine), listen=["127.0.0.1:0"], uid=UID) as server:
                for ours in mine:
                    ran = rclient([*ours.args(), "--tls-server-pin", theirs.pin, "exec", "echo in"], server.host,
                                  uid=UID)
                    self.assertEqual((ran.returncode, ran.stdout), (0, b"in\n"), ran.stderr)


class Versions(TlsTest):
    def test_tls_1_2_alone_is_refused(self):
        old = tls_client_context(Keys.client, newest=ssl.TLSVersion.TLSv1_2)
        self.assertIn("protocol version", self.refused_below(old))

    def test_no_alpn_and_another_alpn_are_refused_in_the_handshake(self):
        for alpn in ((), ("h2",), ("http/1.1",), ("farhand/2",), ("farhand/",), ("farhand/1x",), ("FARHAND/1",)):
            with self.subTest(alpn=alpn):
                told = self.refused_below(tls_client_context(Keys.client, alpn=alpn))
                self.assertIn("no application protocol", told)
        with self.peer(alpn=("h2", "farhand/1")) as peer:   # one of several is enough
            self.assertEqual(peer.ask(hello() + BYE)[-1].kind, "bye")

    def test_no_session_is_ever_resumed(self):
        context = tls_client_context(Keys.client)
        with Peer.of(self.server, context=context) as peer:
            peer.send(hello() + ping("x"))
            peer.expect("hello")
            peer.expect("pong")
            session = peer.sock.tls.session
            self.assertFalse(session is not None and session.has_ticket)
        if session is not None:
            raw = connect_to(self.server.host)
            with Peer(TlsSocket(raw, context, session=session)) as peer:
                self.assertFalse(peer.sock.tls.session_reused)
                self.assertEqual(peer.ask(hello() + BYE)[-1].kind, "bye")

    def test_openssl_s_client_gets_no_ticket(self):
        saved = os.path.join(self.here, "session.pem")
        ran = subprocess.run(["openssl", "s_client", "-connect", self.server.host, "-cert", Keys.client.cert, "-key",
                              Keys.client.key,
                              "-alpn", "farhand/1", "-sess_out", saved, "-quiet"], input=hello() + BYE,
                             stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, timeout=PATIENCE, check=False)
        self.assertTrue(ran.stdout.startswith(b"hello|"), ran)
        self.assertFalse(os.path.exists(saved))


class OtherBytes(TlsTest):
    def test_plain_frames_to_the_tls_port(self):
        other = b"\x55\xaa" + os.urandom(198)  # what begins like a record, as some of these would, may have more to come
        for said in (DEEDS, b"GET / HTTP/1.1\r\n\r\n", b"SSH-2.0-x\r\n", b"\0" * 100, other):
            with Peer(connect_to(self.server.host)) as peer:
                peer.send(said)
                heard = peer.read_bytes(AT_ONCE)
                self.assertFalse(b"|" in heard or said[:16] in heard, heard)
                self.assertLess(len(heard), 32)   # an alert at most

    def test_the_real_client_without_tls_to_the_tls_port(self):
        begun = time.monotonic()
        ran = rclient(["get", "x"], "plain:" + self.server.host, uid=UID, cwd=self.here)
        self.assertIn(ran.returncode, (8, 9))
        check_sentence(self, ran, ran.returncode)
        self.assertLess(time.monotonic() - begun, AT_ONCE)

    def test_the_real_client_with_tls_to_a_plain_port(self):
        with Server("--insecure", listen=["127.0.0.1:0"], uid=UID) as plain:
            host = plain.host.removeprefix("plain:")
            for verb, status in ((["exec", "touch ran"], 255), (["get", "x"], 9)):
                ran = rclient([*Keys.client.args(), "--tls-server-pin", Keys.server.pin, *verb], host, uid=UID,
                              cwd=self.here)
                check_sentence(self, ran, status, "does not speak TLS")
            assert_sane(plain)

    def test_a_record_that_was_altered_ends_the_connection(self):
        with self.peer() as peer:
            peer.send(hello())
            peer.expect("hello")
            raw = socket.socket(fileno=os.dup(peer.sock.fileno()))
            raw.sendall(b"\x17\x03\x03\x00\x20" + b"\0" * 32)
            raw.close()
            peer.send_if_heard(run_words("touch", "ran"))
            heard = peer.read_bytes(AT_ONCE)
            self.assertTrue(peer.ended.startswith("alert"), (peer.ended, heard))


class ColdStart(unittest.TestCase):
    def test_fifty_first_handshakes_at_the_same_time(self):
        with Server(*tls_server_args(Keys.server, Keys.client), listen=["127.0.0.1:0"], uid=UID,
                    client_args=[*Keys.client.args(), "--tls-server-pin", Keys.server.pin]) as server:
            barrier = threading.Barrier(50)
            context = tls_client_context(Keys.client)

            def one(n):
                barrier.wait(PATIENCE)
                with Peer.of(server, context=context) as peer:
                    frames = peer.ask(hello() + run_words("printf", str(n)) + BYE)
                    self.assertEqual(frames[1].parcel, str(n).encode())
            in_parallel([lambda n=n: one(n) for n in range(50)], 50)
            assert_sane(server)

    def test_fifty_real_clients_at_the_same_time(self):
        with Server(*tls_server_args(Keys.server, Keys.client), listen=["127.0.0.1:0"], uid=UID,
                    client_args=[*Keys.client.args(), "--tls-server-pin", Keys.server.pin]) as server:
            def one(n):
                ran = server.client(["exec", f"printf {n}"])
                self.assertEqual((ran.returncode, ran.stdout), (0, str(n).encode()), ran.stderr)
            in_parallel([lambda n=n: one(n) for n in range(50)], 50)
            assert_sane(server)


class ServerKeys(unittest.TestCase):
    """rclient against Python's TLS server, which counts what it is told."""

    def setUp(self):
        self.here = scratch()
        self.addCleanup(remove_tree, self.here)
        write_file(os.path.join(self.here, "upload"), b"secret" * 1000)

    def ask(self, fake, args, pin=Keys.server.pin):
        return rclient([*Keys.client.args(), "--tls-server-pin", pin, *args], fake.host, cwd=self.here)

    def refused(self, context, statuses, *words):
        """All verbs; the fake must have been told nothing at all."""
        with FakeServer(drain, context=context) as fake:
            for args in (["exec", "true"], ["get", "x"], ["post", "upload"]):
                ran = self.ask(fake, args)
                with self.subTest(verb=args[0]):
                    self.assertIn(ran.returncode, (255,) if args[0] == "exec" else statuses, ran.stderr)
                    check_sentence(self, ran, ran.returncode, *words)
            wait_until(lambda: fake.connections >= 3, "it was tried")
        self.assertEqual(fake.application, 0, "application data reached a server that was not the pinned one")

    def test_the_honest_twin(self):
        def script(peer):
            welcome(peer)
            peer.send(exit_report(value=7) + BYE)
            peer.end_sending()
            drain(peer)
        with FakeServer(script, context=tls_server_context(Keys.server)) as fake:
            self.assertEqual(self.ask(fake, ["exec", "true"]).returncode, 7)
        self.assertGreater(fake.application, 0)

    def test_another_key_stops_the_client_before_it_says_anything(self):
        self.refused(tls_server_context(Keys.other), (6,), Keys.server.pin, Keys.other.pin)

    def test_another_key_on_the_real_server(self):
        with Server(*tls_server_args(Keys.other, Keys.client), listen=["127.0.0.1:0"], uid=UID) as server:
            for verb, status in ((["exec", "touch ran"], 255), (["get", "x"], 6)):
                ran = rclient([*Keys.client.args(), "--tls-server-pin", Keys.server.pin, *verb], server.host, uid=UID,
                              cwd="/")
                check_sentence(self, ran, status, Keys.server.pin, Keys.other.pin)
            self.assertFalse(os.path.exists(server.path("ran")))

    def test_a_certificate_of_the_same_name_with_another_key(self):
        same = make_identity(self.here, "server")
        self.refused(tls_server_context(same), (6,), same.pin)

    def test_the_pinned_certificate_without_its_key(self):
        self.refused(tls_server_context(stolen_certificate(self.here, Keys.server)), (6, 8, 9))

    def test_the_pinned_certificate_behind_another(self):
        chain = write_file(os.path.join(self.here, "chain"), read_file(Keys.other.cert) + read_file(Keys.server.cert))
        self.refused(tls_server_context(Identity(chain, Keys.other.key, None)), (6,))

    def test_no_alpn_and_another_alpn(self):
        self.refused(tls_server_context(Keys.server, alpn=()), (8, 9), "farhand/1")
        self.refused(tls_server_context(Keys.server, alpn=("h2",)), (8, 9), "farhand/1")

    def test_tls_1_2_alone(self):
        self.refused(tls_server_context(Keys.server, newest=ssl.TLSVersion.TLSv1_2), (8, 9), "TLS 1.3")

    def test_a_server_that_proves_nothing(self):
        """AU-04: old versions, and suites in which nobody shows a key. It hears no word of ours."""
        for args in (["-tls1_1", "-cipher", "ALL@SECLEVEL=0", *self.shown()], ["-tls1_2", "-nocert", "-cipher", "aNULL@SECLEVEL=0"],
                     ["-tls1_2", "-cipher", "eNULL@SECLEVEL=0", *self.shown()],
                     ["-tls1_3", "-nocert", "-psk", "00" * 32, "-psk_identity", "client"]):
            with self.subTest(args=args):
                host, foreign = self.openssl_server(*args)
                for verb in (["exec", "true"], ["get", "x"]):
                    ran = rclient([*Keys.client.args(), "--tls-server-pin", Keys.server.pin, *verb], host, cwd=self.here)
                    self.assertIn(ran.returncode, (255,) if verb[0] == "exec" else (8, 9), ran.stderr)
                    check_sentence(self, ran, ran.returncode)
                foreign.kill()
                self.assertNotIn(b"hello|", foreign.communicate(timeout=PATIENCE)[0])

    @staticmethod
    def shown():
        return ["-cert", Keys.server.cert, "-key", Keys.server.key]

    def openssl_server(self, *args):
        """Where it listens, and its process; what it hears it writes."""
        foreign = subprocess.Popen(["openssl", "s_server", "-accept", "127.0.0.1:0", "-alpn", "farhand/1", *args],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(foreign.communicate)
        self.addCleanup(foreign.kill)
        for line in foreign.stdout:
            if match := re.match(rb"ACCEPT \S*:(\d+)", line):
                return f"127.0.0.1:{int(match[1])}", foreign
        self.fail("openssl s_server ended")

    def test_a_server_that_speaks_something_else(self):
        for said, word in ((b"HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP"), (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH"),
                           (b"\x1b[2J\x1b]0;evil\x07\n\n", "does not speak TLS"), (hello(), "without TLS"),
                           (b"", "closed")):
            def script(peer, said=said):
                peer.send_if_heard(said)
                peer.end_sending()
                drain(peer)
            with FakeServer(script, raw=True) as fake:
                for args in (["exec", "true"], ["get", "x"]):
                    ran = self.ask(fake, args)
                    self.assertIn(ran.returncode, (255,) if args[0] == "exec" else (8, 9), ran.stderr)
                    check_sentence(self, ran, ran.returncode, word)

    def test_a_server_that_accepts_and_never_shakes_hands(self):
        with FakeServer(drain, raw=True) as fake:
            begun = time.monotonic()
            ran = self.ask(fake, ["get", "x"])
            check_sentence(self, ran, ran.returncode)
            self.assertIn(ran.returncode, (7, 8, 124))
            self.assertTrue(8 < time.monotonic() - begun < 20)


class Files(unittest.TestCase):
    """Key material that is no good: a sentence at the start, on both sides."""

    def setUp(self):
        self.here = scratch(UID)
        self.addCleanup(remove_tree, self.here)

    def file(self, name, content, mode=0o600, uid=UID):
        return write_file(os.path.join(self.here, name), content, mode, uid if os.geteuid() == 0 else None)

    def cases(self):
        good = Keys.client
        empty, noise = self.file("empty", b""), self.file("noise", os.urandom(1000))
        public = self.file("public", _openssl("pkey", "-in", good.key, "-pubout"))
        encrypted = self.file("encrypted", _openssl("pkey", "-in", good.key, "-aes256", "-passout", "pass:secret"))
        half = self.file("half", read_file(good.key)[:100])
        unreadable = self.file("unreadable", read_file(good.key), 0o000, uid=0)
        yield "no key", ["--tls-cert", good.cert]
        yield "no certificate", ["--tls-key", good.key]
        yield "the key of another certificate", ["--tls-cert", good.cert, "--tls-key", Keys.other.key]
        for path in (empty, noise, public, encrypted, half, unreadable, self.here, "/nowhere/at/all"):
            yield f"key {path}", ["--tls-cert", good.cert, "--tls-key", path]
            if path != unreadable or os.geteuid() == 0:
                yield f"certificate {path}", ["--tls-cert", path, "--tls-key", good.key]

    def test_key_files(self):
        self.check_cases(self.cases())

    def test_key_files_without_end_or_too_long(self):
        for path in (self.file("huge", b"x" * (1 << 20)), "/dev/zero"):
            self.check_cases([(path, ["--tls-cert", Keys.client.cert, "--tls-key", path]),
                              (path, ["--tls-cert", path, "--tls-key", Keys.client.key])])

    def test_a_fifo_in_the_place_of_a_key_file_blocks_nobody(self):
        fifo = os.path.join(self.here, "fifo")
        os.mkfifo(fifo)
        os.chown(fifo, UID, UID)
        self.check_cases([("fifo", ["--tls-cert", Keys.client.cert, "--tls-key", fifo])])

    def check_cases(self, cases):
        for what, args in cases:
            with self.subTest(what=what):
                ran = rclient([*args, "--tls-server-pin", Keys.server.pin, "get", "x"], "127.0.0.1:1", uid=UID,
                              cwd=self.here, timeout=8)
                self.assertIn(ran.returncode, (2, 4), ran.stderr)
                check_sentence(self, ran, ran.returncode)
                self.check_server(run_rserver([*args, "--tls-client-pin", Keys.client.pin, "--listen", "127.0.0.1:0"],
                                              uid=UID,
                                              timeout=8))

    def check_server(self, ran):
        self.assertNotIn(ran.returncode, (0, -6, -11), ran.stderr)
        self.assertEqual(ran.stdout, b"")
        lines = ran.stderr.decode().splitlines()
        self.assertEqual(len(lines), 1, ran.stderr)
        self.assertTrue(lines[0].startswith("rserver: "), lines[0])
        self.assertNotIn("PRIVATE KEY", lines[0])

    def test_pins_that_are_none(self):
        digits = Keys.server.pin.removeprefix("sha256:")
        for pin in ("", "sha256:", digits[:-1], digits + "0", "sha256:" + digits[:-1] + "g", "sha1:" + digits, "md5:00",
                    "*",
                    " " + digits, digits + "\n", "sha256:sha256:" + digits, "\x1b[2J"):
            with self.subTest(pin=pin):
                ran = rclient([*Keys.client.args(), "--tls-server-pin", pin, "get", "x"], "127.0.0.1:1", uid=UID,
                              cwd=self.here)
                check_sentence(self, ran, 2)
                self.check_server(run_rserver([*Keys.server.args(), "--tls-client-pin", pin, "--listen", "127.0.0.1:0"],
                                              uid=UID))

    def test_spellings_of_a_pin_that_openssl_and_others_print(self):
        digits = Keys.client.pin.removeprefix("sha256:")
        colons = ":".join(digits[at:at + 2] for at in range(0, 64, 2)).upper()
        for pin in (digits, digits.upper(), "SHA256:" + digits, colons):
            args = [*Keys.server.args(), "--tls-client-pin", pin]
            with Server(*args, listen=["127.0.0.1:0"], uid=UID) as server:
                ran = rclient([*Keys.client.args(), "--tls-server-pin", Keys.server.pin, "exec", "true"], server.host,
                              uid=UID)
                self.assertEqual(ran.returncode, 0, ran.stderr)

    def test_tcp_takes_keys_and_root_is_refused(self):
        self.check_server(run_rserver(["--listen", "127.0.0.1:0"], uid=UID))
        self.check_server(run_rserver([*Keys.server.args(), "--listen", "127.0.0.1:0"], uid=UID))
        self.check_server(run_rserver(["--insecure", "--listen", "0.0.0.0:0"], uid=UID))
        self.check_server(run_rserver(["--listen", "plain:127.0.0.1:0"], uid=UID))
        if os.geteuid() == 0:
            self.check_server(run_rserver([*tls_server_args(Keys.server, Keys.client), "--listen", "127.0.0.1:0"],
                                          uid=0))

    def test_a_host_that_nobody_has_paired_with_is_not_reached(self):
        home = {"HOME": self.here}
        for args in ([], Keys.client.args()):
            ran = rclient([*args, "get", "x"], "127.0.0.1:1", uid=UID, cwd=self.here, env=home)
            check_sentence(self, ran, 2, "--tls-server-pin", "rserver invite", "rclient pair")
        self.assertFalse(os.path.exists(os.path.join(self.here, ".config")), "nothing was made for it")
        # The honest twin: with a pin it is tried, with a key of one's own.
        ran = rclient(["--tls-server-pin", Keys.server.pin, "get", "x"], "127.0.0.1:1", uid=UID, cwd=self.here, env=home)
        check_sentence(self, ran, 7, "refused the connection")


if __name__ == "__main__":
    main()
