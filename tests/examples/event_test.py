"""Events by hand, the event-driven echo server, and page fetches that wait for nobody."""
import http.server
import threading
import time
import unittest

from programs import PATIENCE, Program, cuts, run, wait_until


class EventsByHandTest(unittest.TestCase):
    def test_events_run_in_the_order_of_registration(self):
        done = run('registered_events')
        self.assertEqual((done.returncode, done.stdout), (0, b'first\nsecond\n'))

    def test_one_without_execute_is_an_error_that_names_it(self):
        done = run('registered_events', 'broken')
        self.assertEqual((done.returncode, done.stdout), (1, b'first\nsecond\n'))
        self.assertIn(b'Forgotten', done.stderr)


class EventEchoTest(unittest.TestCase):
    def test_sends_back_what_it_receives_however_it_is_cut(self):
        with Program('event_echo_server') as server:
            for parts in cuts('héllo 世界\r\n\0end'.encode()):
                with server.connect() as client:
                    client.send_apart(*parts)
                    client.end()
                    self.assertEqual(client.read_all(), b''.join(parts))

    def test_one_thread_serves_every_client(self):
        with Program('event_echo_server') as server:
            clients = [server.connect() for _ in range(200)]
            for i, client in enumerate(clients):
                client.send(b'%d' % i)
            for i, client in reversed(list(enumerate(clients))):
                self.assertEqual(client.read(len(b'%d' % i)), b'%d' % i)
            with open(f'/proc/{server.process.pid}/status', encoding='ascii') as status:
                threads = [int(line.split()[1]) for line in status if line.startswith('Threads:')]
            self.assertLessEqual(threads[0], 2)  # a sanitizer may have one of its own
            for client in clients:
                client.socket.close()

    def test_a_large_message_and_a_slow_reader(self):
        data = bytes(range(256)) * 40000
        with Program('event_echo_server') as server, server.connect() as client:
            sender = threading.Thread(target=lambda: (client.send(data), client.end()))
            sender.start()
            with server.connect() as other:  # while the first does not read
                other.send(b'quick')
                self.assertEqual(other.read(5), b'quick')
            self.assertEqual(client.read_all(), data)
            sender.join(PATIENCE)

    def test_a_reset_ends_that_client_only(self):
        with Program('event_echo_server') as server:
            with server.connect() as client:
                client.send(b'x')
                client.reset()
            self.assertEqual(server.exchange(b'still there'), b'still there')


class Pages(http.server.BaseHTTPRequestHandler):
    """Answers nobody before so many have asked: who fetches one page after the other waits for ever."""
    gate = None

    def do_GET(self):
        body = ('ü' * 150 + self.path).encode()
        type(self).gate.wait(PATIENCE)
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class PageFetchTest(unittest.TestCase):
    def setUp(self):
        self.pages = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Pages)
        threading.Thread(target=self.pages.serve_forever).start()
        self.addCleanup(self.pages.server_close)
        self.addCleanup(self.pages.shutdown)

    def fetcher(self, *paths):
        urls = [f'http://127.0.0.1:{self.pages.server_port}{path}' for path in paths]
        return Program('page_fetcher', *urls)

    def test_two_pages_are_fetched_at_once_and_more_meanwhile(self):
        Pages.gate = threading.Barrier(4)
        with self.fetcher('/a', '/bcd') as server, server.connect() as one, server.connect() as two:
            one.send(b'go')
            two.send(b'go')
            lines = [server.process.stdout.readline().decode() for _ in range(8)]
            # 150 characters of two bytes and the path, shown to the 100th
            self.assertEqual(sorted(lines[0::2]), [f'{n} bytes: {"ü" * 100}\n' for n in (302, 302, 304, 304)])
            for stamp in lines[1::2]:
                time.strptime(stamp.strip())

    def test_a_page_that_cannot_be_had_is_a_sentence(self):
        Pages.gate = threading.Barrier(1)
        with Program('page_fetcher', 'http://127.0.0.1:1/', 'https://127.0.0.1/') as server, server.connect() as client:
            client.send(b'go')
            lines = [server.process.stdout.readline().decode() for _ in range(2)]
            self.assertTrue(any('refused' in line for line in lines), lines)
            self.assertTrue(any('https' in line for line in lines), lines)


if __name__ == '__main__':
    unittest.main(verbosity=2)
