"""The HTTP servers, asked by curl and by plain sockets."""
import os
import stat
import subprocess
import time
import unittest

from programs import EXAMPLES, PATIENCE, Program, Scratch, cuts, wait_until


def curl(*arguments, stdin=b''):
    done = subprocess.run(['curl', '-sS', '--max-time', str(PATIENCE), *map(str, arguments)], input=stdin,
                          capture_output=True, timeout=2 * PATIENCE, check=False)
    if done.returncode != 0:
        raise AssertionError(f'curl: {done.stderr.decode()}')
    return done.stdout


def url(server, path='/'):
    return f'http://127.0.0.1:{server.port}{path}'


class BasicServerTest(unittest.TestCase):
    def test_get_is_answered_that_it_works(self):
        with Program('basic_http_server') as server:
            got = curl('-i', url(server)).decode()
            self.assertTrue(got.startswith('HTTP/1.1 200 OK\r\n'), got)
            self.assertIn('\r\nWelcome: Contect\r\n', got)
            self.assertTrue(got.endswith('\r\n\r\nIt works'), got)

    def test_other_methods_are_not_implemented(self):
        with Program('basic_http_server') as server:
            for method in ('POST', 'PUT', 'DELETE', 'BREW'):
                self.assertEqual(curl('-o', '/dev/null', '-w', '%{http_code}', '-X', method, url(server)), b'501')

    def test_a_request_may_come_in_any_pieces(self):
        request = b'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
        with Program('basic_http_server') as server:
            for parts in cuts(request):
                with server.connect() as client:
                    client.send_apart(*parts)
                    self.assertIn(b'It works', client.read_all())

    def test_requests_may_be_glued(self):
        with Program('basic_http_server') as server, server.connect() as client:
            client.send(b'GET / HTTP/1.1\r\nHost: x\r\n\r\n' * 4 + b'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
            self.assertEqual(client.read_all().count(b'It works'), 5)

    def test_nonsense_is_a_bad_request(self):
        with Program('basic_http_server') as server:
            for bad in (b'GET\r\n\r\n', b'\0\r\n\r\n', b'GET / HTTP/1.1\r\n\r\n', b'GET / HTTP/1.1\r\nHost : x\r\n\r\n'):
                self.assertTrue(server.exchange(bad).startswith(b'HTTP/1.1 400 '))


class FileServerTest(unittest.TestCase):
    def setUp(self):
        scratch = Scratch()
        self.folder = scratch.__enter__()
        self.addCleanup(scratch.__exit__, None, None, None)
        os.mkdir(self.path('sub dir'))
        self.write('a.txt', b'text\n')
        self.write('sub dir/ü & <b>.bin', bytes(range(256)) * 1000)
        os.mkdir(self.path('cgi-bin'))

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, content, mode=0o644):
        with open(self.path(name), 'wb') as file:
            file.write(content)
        os.chmod(self.path(name), mode)

    def serve(self):
        return Program('http_file_server', '0', address=None, cwd=self.folder)

    def test_files_and_heads(self):
        with self.serve() as server:
            self.assertEqual(curl(url(server, '/a.txt')), b'text\n')
            head = curl('-I', url(server, '/a.txt')).decode()
            self.assertIn('Content-Length: 5\r\n', head)
            self.assertIn('Content-Type: text/plain', head)
            large = curl(url(server, '/sub%20dir/%C3%BC%20%26%20%3Cb%3E.bin'))
            self.assertEqual(large, bytes(range(256)) * 1000)
            self.assertEqual(curl('-w', '%{http_code}', '-o', '/dev/null', url(server, '/none')), b'404')

    def test_listings_are_escaped_and_lead_to_their_files(self):
        with self.serve() as server:
            page = curl('-L', url(server, '/sub%20dir')).decode()
            self.assertIn('ü &amp; &lt;b&gt;.bin', page)
            self.assertIn('%C3%BC%20%26%20%3Cb%3E.bin', page)
            self.assertNotIn('<b>.bin', page)

    def test_ranges_and_modification_times(self):
        with self.serve() as server:
            self.assertEqual(curl('-r', '1-2', url(server, '/a.txt')), b'ex')
            self.assertEqual(curl('-r', '-3', url(server, '/a.txt')), b'xt\n')
            self.assertEqual(curl('-w', '%{http_code}', '-o', '/dev/null', '-r', '9-', url(server, '/a.txt')), b'416')
            later = time.strftime('%a, %d %b %Y %H:%M:%S GMT', time.gmtime(time.time() + 60))
            self.assertEqual(curl('-w', '%{http_code}', '-H', f'If-Modified-Since: {later}', url(server, '/a.txt')), b'304')

    def test_never_outside_the_directory(self):
        os.symlink('/etc/passwd', self.path('link'))
        with self.serve() as server:
            for path in ('/../../etc/passwd', '/%2e%2e/%2e%2e/etc/passwd', '/..%2f..%2fetc/passwd', '/link', '//etc/passwd',
                         '/sub%20dir/%2e%2e/%2e%2e/etc/passwd', '/a.txt%00'):
                got = curl('--path-as-is', '-w', '%{http_code}', url(server, path))
                self.assertIn(got[-3:], (b'400', b'404'), path)
                self.assertNotIn(b'root:', got)

    def test_scripts_run_and_get_what_was_posted(self):
        self.write('cgi-bin/echo', b'#!/bin/sh\necho "Content-Type: text/plain"\necho "X-Q: $QUERY_STRING"\necho\n'
                   b'echo "$REQUEST_METHOD $PATH_INFO $CONTENT_LENGTH $HTTP_X_THING"\ncat\n', 0o755)
        with self.serve() as server:
            got = curl('-i', '-H', 'X-Thing: t', '--data-binary', '@-', url(server, '/cgi-bin/echo/more?q=1'),
                       stdin=b'x' * 100000).decode()
            self.assertIn('X-Q: q=1\r\n', got)
            self.assertTrue(got.endswith('\r\n\r\nPOST /more 100000 t\n' + 'x' * 100000), got[:500])
            self.assertNotIn(b'#!/bin/sh', curl(url(server, '/cgi-bin/echo')))  # run, not shown

    def test_a_bad_port_is_a_sentence(self):
        done = subprocess.run([os.path.join(EXAMPLES, 'http_file_server'), 'eighty'], capture_output=True, check=False,
                              timeout=PATIENCE)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b'is no address', done.stderr)


class FormServerTest(unittest.TestCase):
    PAGE = '<form method=post><input name=q></form>你好\n'.encode()

    def serve(self, folder):
        with open(os.path.join(folder, 'index.html'), 'wb') as file:
            file.write(self.PAGE)
        return Program('form_server', cwd=folder)

    def test_get_and_post_are_answered_with_the_page(self):
        with Scratch() as folder, self.serve(folder) as server:
            self.assertEqual(curl(url(server)), self.PAGE)
            self.assertEqual(curl('--data-urlencode', 'q=你好 & bye', url(server)), self.PAGE)
            wait_until(lambda: 'form: q=你好 & bye' in server.stderr, 'the form is in the log')

    def test_exactly_content_length_bytes_are_read_however_they_come(self):
        head = b'POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 7\r\n\r\n'
        with Scratch() as folder, self.serve(folder) as server:
            for parts in cuts(b'a=%41bcNOT READ'):
                with server.connect() as client:
                    client.send(head)
                    try:
                        client.send_apart(*parts)
                    except (BrokenPipeError, ConnectionResetError):
                        pass  # it has answered what it was asked
                    self.assertTrue(client.read_all().endswith(self.PAGE))
            wait_until(lambda: 'form: a=Abc' in server.stderr, 'the form is in the log')
            self.assertNotIn('NOT', server.stderr)

    def test_a_damaged_form_is_a_bad_request(self):
        with Scratch() as folder, self.serve(folder) as server:
            self.assertEqual(curl('-w', '%{http_code}', '-o', '/dev/null', '--data-binary', 'q=%zz', url(server)), b'400')


if __name__ == '__main__':
    unittest.main(verbosity=2)
