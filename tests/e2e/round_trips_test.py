"""How often the client waits for the server, over TLS, TCP's own round trip included: three to the end of a command, and four to
the end of a file, whose receiver first says what it has of it.
No time is measured. A proxy grants the client some flights and holds back all that the server says to the last; when the
server has said it, the proxy hands it over and passes nothing of the client's any more. What ends well then has taken
one round trip for TCP, one for ClientHello and the server's handshake, and one for Finished, greeting, request and answer,
which for a file is what it is called and what of it is needed; its content takes one more.
"""
import os
import select
import socket
import subprocess
import threading

from harness import (NOBODY, PATIENCE, ServerTest, client_command, connect_to, environment, main, make_identity,
                     random_bytes, read_file, remove_tree, scratch, wait_until, write_file)
from hostile import Peer, Proxy, TlsSocket, hello, run_line, tls_client_context, tls_server_args

UID = NOBODY if os.geteuid() == 0 else os.geteuid()
CONTENT = random_bytes(10_000, 7)  # more than a greeting and an exit take, and well within what one flight may carry


class Keys:
    directory = scratch(UID)
    server = make_identity(directory, "server", uid=UID)
    client = make_identity(directory, "client", uid=UID)


def tearDownModule():
    remove_tree(Keys.directory)


class Flights(Proxy):
    """A flight of the client's is what it sends without having heard anything since the one before. `flights` and
    `connections` count; `held` are the bytes of the server's answer that wait for release(), `late` those that
    the client sent after it."""

    def __init__(self, host):
        self.granted = 2
        self.flights = self.connections = self.held = self.late = 0
        self._released = threading.Event()
        self._bell, self._ring = socket.socketpair()
        super().__init__(host)

    def release(self):
        """Hands over what is held and what follows it; from now on the client speaks to nobody."""
        self._released.set()
        self._ring.send(b"!")

    def _relay(self, near, *_):
        self.connections += 1
        with near, connect_to(self.target) as far:
            try:
                self._pass(near, far)
            except OSError:  # one of them has gone; what that means is the test's matter
                pass

    def _pass(self, near, far):
        heard, held = True, b""
        while True:
            ready, _, _ = select.select([near, far, self._bell], [], [], PATIENCE)
            if not ready:
                return
            if near in ready:  # first: what the server says to a flight comes behind it
                data = near.recv(1 << 16)
                if not data:
                    return
                self.flights += heard
                heard = False
                if self._released.is_set():
                    self.late += len(data)
                else:
                    far.sendall(data)
            if far in ready:
                data = far.recv(1 << 16)
                if not data:
                    return
                held += data
            if self._bell in ready:
                self._bell.recv(1)
            if held and (self.flights < self.granted or self._released.is_set()):
                near.sendall(held)
                heard, held = True, b""
            self.held = len(held)

    def __exit__(self, *exception):
        super().__exit__(*exception)
        self._bell.close()
        self._ring.close()


class RoundTrips(ServerTest):
    server_args = tls_server_args(Keys.server, Keys.client)
    server_options = {"listen": ["127.0.0.1:0"], "uid": UID,
                      "client_args": [*Keys.client.args(), "--tls-server-pin", Keys.server.pin]}

    def setUp(self):
        super().setUp()
        self.proxy = Flights(self.server.host)
        self.addCleanup(self.proxy.__exit__)

    def in_flights(self, granted, args, answered):
        """Runs rclient until answered(), then without its words reaching the server; what it wrote."""
        self.proxy.granted = granted
        client = subprocess.Popen(
            client_command([*self.server.client_args, *args], self.proxy.host, UID), cwd=self.here, env=environment(),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            wait_until(lambda: answered() or client.poll() is not None, "the last flight is answered in full")
            flights = self.proxy.flights
            self.proxy.release()
            out, err = client.communicate(timeout=PATIENCE)
        finally:
            client.kill()
            client.communicate(timeout=PATIENCE)
        self.assertEqual((client.returncode, self.proxy.connections, flights), (0, 1, granted), err)
        return out

    def test_a_commands_output_and_exit_come_with_the_third_round_trip(self):
        write_file(self.server.path("given"), CONTENT, uid=UID)
        out = self.in_flights(2, ["exec", "cat given"], lambda: self.proxy.held > len(CONTENT))
        self.assertEqual(out, CONTENT)

    def test_a_commands_input_and_its_end_go_with_the_request(self):
        self.in_flights(2, ["exec", "cat; touch ran"], lambda: os.path.exists(self.server.path("ran")))

    def test_a_small_file_comes_with_the_fourth_round_trip(self):
        write_file(self.server.path("given"), CONTENT, uid=UID)
        self.in_flights(3, ["get", "given"], lambda: self.proxy.held > len(CONTENT))
        self.assertEqual(read_file(os.path.join(self.here, "given")), CONTENT)

    def test_several_small_files_take_no_more_than_one(self):
        for name in ("a", "b", "c"):
            write_file(self.server.path(name), CONTENT, uid=UID)
        self.in_flights(3, ["get", "a", "b", "c"], lambda: self.proxy.held > 3 * len(CONTENT))
        for name in ("a", "b", "c"):
            self.assertEqual(read_file(os.path.join(self.here, name)), CONTENT)

    def test_a_small_file_is_published_with_the_fourth_round_trip(self):
        source = write_file(os.path.join(self.here, "sent"), CONTENT, uid=UID)
        self.in_flights(3, ["post", source], lambda: os.path.exists(self.server.path("sent")))
        self.assertEqual(read_file(self.server.path("sent")), CONTENT)

    def test_a_client_that_waits_for_the_greeting_is_caught(self):
        """The twin, which shows that the others can fail: its request is in the third flight."""
        with Peer(TlsSocket(connect_to(self.proxy.host), tls_client_context(Keys.client))) as peer:
            peer.send(hello())
            wait_until(lambda: self.proxy.held, "the greeting is answered")
            self.proxy.release()
            peer.expect("hello")
            peer.send(run_line("cat given"))
            wait_until(lambda: self.proxy.late, "its request comes too late")
            self.assertEqual(self.proxy.flights, 3)


if __name__ == "__main__":
    main()
