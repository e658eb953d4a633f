"""A file that is announced as one hole of a tebibyte, a minute of zeros to hash: who receives it still shows signs of life, and
ends at once when it is told to or when the peer goes."""
import os
import signal
import subprocess
import time

from harness import PATIENCE, Server, ServerTest, client_command, environment, main, part_files, remove_tree, wait_until
from hostile import FakeServer, Peer, drain, hello
from job_frames import close, entries, file, meet_puller, play, push
from job_support import TREE, JobsTest

HOLE = 1 << 40
SOON = 5   # seconds; a machine that has much else to do
LISTED = entries(TREE, file("tree/hole", size=HOLE, occupied=0))
CLOSED = close(size=HOLE)


SIGN_OF_LIFE = 12   # seconds; it is said after 5, and missed after 15


def wait_for_hashing(top):
    """It has begun: the part has its length by then."""
    wait_until(lambda: any(os.stat(path).st_size == HOLE for path in part_files(top)), "a part as long as the hole")


def hear_sign_of_life(peer):
    found = peer.read(SIGN_OF_LIFE)
    while found is not None and found.kind == "stored":
        found = peer.read(SIGN_OF_LIFE)
    assert found is not None and found.kind == "ping", found


class Getting(JobsTest):
    def test_the_client_shows_life_and_an_interrupt_ends_it(self):
        for number, hears in ((signal.SIGINT, True), (signal.SIGTERM, False)):
            with self.subTest(signal=number):
                begun = []

                def script(peer):
                    meet_puller(peer)
                    self.assertIsNone(play(peer, (LISTED, 2, CLOSED)))
                    wait_for_hashing(self.here)
                    if hears:
                        hear_sign_of_life(peer)
                    begun.append(time.monotonic())
                    client.send_signal(number)
                    drain(peer)
                with FakeServer(script, self.run_dir) as fake:
                    client = subprocess.Popen(client_command(["get", "tree"], fake.host), cwd=self.here, env=environment(None),
                                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
                    try:
                        _, told = client.communicate(timeout=PATIENCE)
                    finally:
                        client.kill()
                self.assertEqual(len(begun), 1, told)
                self.assertLess(time.monotonic() - begun[0], SOON)
                self.assertEqual(client.returncode, 130, told)
                self.assertFalse(os.path.exists(self.path("tree/hole")))
                self.allowed_parts_go()

    def allowed_parts_go(self):
        for name in os.listdir(self.path("tree")):
            if name != "old":
                os.unlink(self.path("tree", name))


class Posting(ServerTest):
    def begin(self, server, peer):
        self.assertIsNone(play(peer, (hello() + push(), "hello", LISTED, 2, CLOSED)))
        wait_for_hashing(server.root)
        self.check(server.client(["exec", "true"]))

    def test_the_server_shows_life_and_lets_go_when_the_client_goes(self):
        with Peer.of(self.server) as peer:
            self.begin(self.server, peer)
            hear_sign_of_life(peer)
        remove_tree(self.server.path("tree"))   # the part, which is for the next time; the rest is looked at after each test

    def test_the_server_ends_when_it_is_told_to_twice(self):
        with Server() as server, Peer.of(server) as peer:
            self.begin(server, peer)
            begun = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            wait_until(lambda: "stopping" in server.log(), "the first has been taken")
            server.process.send_signal(signal.SIGTERM)
            server.process.wait(timeout=PATIENCE)
            self.assertLess(time.monotonic() - begun, 2 * SOON)


if __name__ == "__main__":
    main()
