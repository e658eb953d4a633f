"""The echo server under TLS: the bytes are the same, however they are cut; who speaks no TLS ends alone."""
import os
import socket
import ssl
import subprocess
import unittest

from programs import PATIENCE, Program, Scratch, run


class TlsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = Scratch()
        folder = cls.scratch.__enter__()
        cls.key, cls.certificate = os.path.join(folder, 'key.pem'), os.path.join(folder, 'cert.pem')
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout',
                        cls.key, '-out', cls.certificate, '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'],
                       check=True, capture_output=True, timeout=PATIENCE)
        cls.context = ssl.create_default_context(cafile=cls.certificate)

    @classmethod
    def tearDownClass(cls):
        cls.scratch.__exit__(None, None, None)

    def serve(self):
        return Program('tls_echo_server', self.certificate, self.key)

    def connect(self, server):
        plain = socket.create_connection((server.host, server.port), timeout=PATIENCE)
        return self.context.wrap_socket(plain, server_hostname='localhost')

    @staticmethod
    def read(client, count):
        got = b''
        while len(got) < count:
            part = client.recv(count - len(got))
            if not part:
                break
            got += part
        return got

    def test_echoes_however_it_is_cut(self):
        data = 'héllo 世界'.encode()
        with self.serve() as server:
            for at in range(len(data) + 1):
                with self.connect(server) as client:
                    self.assertEqual(client.version(), 'TLSv1.3')
                    for part in (data[:at], data[at:]):
                        client.sendall(part)
                    self.assertEqual(self.read(client, len(data)), data)

    def test_echoes_a_large_message_and_ends_properly(self):
        data = os.urandom(6 << 20)
        with self.serve() as server, self.connect(server) as client:
            for at in range(0, len(data), 100_000):  # Python's TLS sockets cannot read and write at once
                client.sendall(data[at:at + 100_000])
                self.assertEqual(self.read(client, len(data[at:at + 100_000])), data[at:at + 100_000])
            client.unwrap().close()  # fails unless the server answers close_notify with its own

    def test_many_at_once_while_others_dawdle_in_the_handshake(self):
        with self.serve() as server:
            dawdlers = [socket.create_connection((server.host, server.port), timeout=PATIENCE) for _ in range(50)]
            clients = [self.connect(server) for _ in range(20)]
            for client in reversed(clients):
                client.sendall(b'hi')
            for client in clients:
                self.assertEqual(self.read(client, 2), b'hi')
                client.close()
            for dawdler in dawdlers:
                dawdler.close()

    def test_whoever_speaks_no_tls_is_ended_and_the_next_is_served(self):
        with self.serve() as server:
            for garbage in (b'GET / HTTP/1.1\r\n\r\n', b'\x16\x03\x01\xff\xff' + b'x' * 200, b'\0' * 1000, b''):
                with socket.create_connection((server.host, server.port), timeout=PATIENCE) as client:
                    client.sendall(garbage)
                    client.shutdown(socket.SHUT_WR)
                    try:
                        while client.recv(4096):
                            pass
                    except ConnectionResetError:
                        pass
            with self.connect(server) as client:
                client.sendall(b'ok')
                self.assertEqual(self.read(client, 2), b'ok')

    def test_an_end_without_close_notify_is_no_end_of_the_stream(self):
        with self.serve() as server:
            client = self.connect(server)
            client.sendall(b'x')
            self.read(client, 1)
            os.close(client.detach())  # the handler's error, in the log
            with self.connect(server) as next_one:
                next_one.sendall(b'y')
                self.assertEqual(self.read(next_one, 1), b'y')

    def test_older_versions_are_refused(self):
        with self.serve() as server:
            old = ssl.create_default_context(cafile=self.certificate)
            old.maximum_version = ssl.TLSVersion.TLSv1_2
            with socket.create_connection((server.host, server.port), timeout=PATIENCE) as plain:
                with self.assertRaises(ssl.SSLError):
                    old.wrap_socket(plain, server_hostname='localhost')

    def test_files_that_are_no_key_are_a_sentence(self):
        done = run('tls_echo_server', self.certificate, '/dev/null', '127.0.0.1:0')
        self.assertEqual(done.returncode, 1)
        self.assertIn(b'/dev/null', done.stderr)
        done = run('tls_echo_server', '/no/such', self.key, '127.0.0.1:0')
        self.assertEqual(done.returncode, 1)
        self.assertIn(b'/no/such', done.stderr)


if __name__ == '__main__':
    unittest.main(verbosity=2)
