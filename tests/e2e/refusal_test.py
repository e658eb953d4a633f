"""Whoever is refused hears why, however much it has sent behind the refused request."""
import os
import time

from harness import (NOBODY, SCALE, ServerTest, check_sentence, in_parallel, main, needs_root, random_bytes,
                     rclient, wait_until, write_file)
from hostile import (BYE, MIB, OUTSIDE_ROOT, PROTOCOL, REFUSED, Peer, ask_as, canary, done, exec_line, frame,
                     get, hello, ping, post, read_error, run_line, run_words, take_frames)

AT_ONCE = 20          # 1 s is promised; 20 clients at a time share two processors here
UNIFORM = "this server does not serve you: your user or key is not enrolled here"


class Refusals:
    """For each kind of address."""

    def setUp(self):
        super().setUp()
        self.large = write_file(os.path.join(self.here, "large"), random_bytes(2 * MIB, 1), uid=self.server.uid)

    def sentence(self, said):
        """Sends everything, whatever is answered, and only then reads: the first error must still be there."""
        with Peer.of(self.server) as peer:
            peer.send_if_heard(said)
            frames = []
            while (found := peer.read_past_pings(AT_ONCE)) is not None and found.kind != "error":
                frames.append(found)
            self.assertNotEqual(peer.ended, "reset", frames)
            self.assertIsNotNone(found, f"no error came, but {frames} and the end of the stream ({peer.ended})")
            return read_error(found), peer.read_past_pings(AT_ONCE) if not read_error(found).closes else None

    def refused_upload(self):
        failure, after = self.sentence(hello() + post("../evil", random_bytes(2 * MIB, 2)) + ping("on"))
        self.assertEqual((failure.code, failure.closes), (OUTSIDE_ROOT, False))
        self.assertEqual((after.kind, after.name), ("pong", b"on"))

    def breach(self):
        failure, _ = self.sentence(hello() + done(b"") + b"\0" * MIB)
        self.assertEqual((failure.code, failure.closes), (PROTOCOL, True))

    def breach_and_frames(self):
        failure, _ = self.sentence(hello() + frame("stdin", b"x" * MIB) + post("x", b"y" * MIB) +
                                   run_words("touch", "ran"))
        self.assertEqual((failure.code, failure.closes), (PROTOCOL, True))

    def garbage(self):
        failure, _ = self.sentence(b"\0" * MIB)
        self.assertTrue(failure.closes)

    def real_client(self):
        done_ = self.client(["post", self.large, "--to", "../evil"])
        check_sentence(self, done_, 3, "evil")
        self.assertNotIn(b"pipe", done_.stderr)
        self.assertNotIn(b"reset", done_.stderr)

    def test_the_honest_twin(self):
        self.check(self.client(["post", self.large, "--to", "stored"]), 0)
        os.unlink(self.server.path("stored"))

    def test_raw_clients_that_pipeline_a_megabyte_hear_why(self):
        kinds = [self.refused_upload, self.breach, self.breach_and_frames, self.garbage]
        with canary(self.server):
            in_parallel([kinds[n % len(kinds)] for n in range(200 * SCALE)], 20)
        self.assertFalse(os.path.exists(self.server.path("ran")))

    def test_real_clients_hear_why(self):
        with canary(self.server):
            in_parallel([self.real_client] * (100 * SCALE), 20)

    def test_a_refused_client_that_never_stops_sending_is_left_after_a_second(self):
        with Peer.of(self.server) as peer:
            peer.send(done(b""))
            begun = time.monotonic()
            sent = 0
            try:
                while time.monotonic() - begun < AT_ONCE:
                    sent += peer.sock.send(b"\0" * 65536)
            except OSError:
                pass
        self.assertLess(sent, 64 * MIB)
        self.assertLess(time.monotonic() - begun, AT_ONCE / 2)

    def test_a_refused_client_that_neither_reads_nor_leaves_is_left_after_a_second(self):
        peers = [Peer.of(self.server) for _ in range(20)]
        try:
            for peer in peers:
                peer.send(b"\0")
            wait_until(lambda: self.server.held() == self.server.baseline, "they are all dropped", AT_ONCE)
        finally:
            for peer in peers:
                peer.close()


class OverUnix(Refusals, ServerTest):
    pass


@needs_root
class OverTcp(Refusals, ServerTest):
    server_args = ("--insecure",)
    server_options = {"listen": ["127.0.0.1:0"], "uid": NOBODY}


class Strangers:
    """Another user of this machine: one uniform sentence, and nothing is done or told."""

    SAID = hello() + run_words("touch", "ran") + get("secret") + post("ran", b"x" * 1000) + BYE

    def setUp(self):
        super().setUp()
        self.open_up()
        write_file(self.server.path("secret"), b"not for strangers", uid=self.server.uid)

    def open_up(self):
        pass

    def judge(self, heard, end):
        frames, rest = take_frames(heard)
        self.assertEqual((rest, end), (b"", "end"))
        self.assertEqual([found.kind for found in frames], ["error"], frames)
        failure = read_error(frames[0])
        self.assertEqual((failure.code, failure.closes, failure.message), (REFUSED, True, UNIFORM))
        self.assertNotIn(b"secret", heard)
        self.assertFalse(os.path.exists(self.server.path("ran")))

    def test_whatever_it_says_it_hears_the_same(self):
        for said in (self.SAID, self.SAID[:-len(BYE)] + exec_line("touch ran") + frame("stdin", b"x" * MIB), b"",
                     b"\0" * MIB,
                     b"GET / HTTP/1.1\r\n\r\n", hello(version=9), hello()[:10], frame("hello", b"x" * 4096), BYE):
            with self.subTest(said=said[:30]):
                self.judge(*ask_as(self.stranger, self.server.host, said))

    def test_many_at_a_time(self):
        said = hello() + run_line("touch ran") + frame("post", b"x" * MIB, "ran")
        with canary(self.server):
            in_parallel([lambda: self.judge(*ask_as(self.stranger, self.server.host, said))] * (40 * SCALE), 10)

    def test_the_real_client_tells_it(self):
        write_file(os.path.join(self.here, "large"), random_bytes(2 * MIB, 1), 0o644)
        for args, status in ((["exec", "touch ran"], 255), (["get", "secret"], 3),
                             (["post", os.path.join(self.here, "large")], 3)):
            ran = self.client(args, uid=self.stranger, cwd="/tmp")
            check_sentence(self, ran, status, UNIFORM)
        self.assertFalse(os.path.exists(self.server.path("ran")))


@needs_root
class StrangersOverUnix(Strangers, ServerTest):
    stranger = NOBODY

    def open_up(self):
        os.chmod(self.server.host.removeprefix("unix:"), 0o666)


@needs_root
class RootIsAStrangerToo(Strangers, ServerTest):
    """The server of an ordinary user serves that user, and not root by right."""
    stranger = 0
    server_options = {"uid": NOBODY}


@needs_root
class StrangersOverTcp(Strangers, ServerTest):
    stranger = 1234
    server_args = ("--insecure",)
    server_options = {"listen": ["127.0.0.1:0"], "uid": NOBODY}


@needs_root
class TheSocketOfRoot(ServerTest):
    def test_is_closed_to_others_by_its_mode(self):
        self.assertEqual(os.stat(self.server.host.removeprefix("unix:")).st_mode & 0o777, 0o600)
        ran = rclient(["exec", "true"], self.server.host, uid=NOBODY, cwd="/")
        self.assertEqual(ran.returncode, 255)


if __name__ == "__main__":
    main()
