"""Remote commands with raw replies and with lengths, uploads, and output in another encoding."""
import os
import re
import socket
import subprocess
import threading
import unittest

from programs import PATIENCE, Program, Scratch, cuts, run


class RawCommandTest(unittest.TestCase):
    def test_the_reply_is_the_standard_output(self):
        with Program('command_server') as server, server.connect() as client:
            for command, reply in ((b'echo hi; echo lost >&2', b'hi\n'), (b"printf '%s' a b", b'ab'),
                                   (b'true', b'no output!'), (b'no-such-command', b'no output!'), (b'cat', b'no output!')):
                client.send(command)
                self.assertEqual(client.read(len(reply)), reply)

    def test_a_large_reply_is_complete(self):
        with Program('command_server') as server, server.connect() as client:
            client.send(b'seq 1 200000')
            want = b''.join(b'%d\n' % i for i in range(1, 200001))
            self.assertEqual(client.read(len(want)), want)

    def test_the_client_ignores_empty_lines_and_ends_on_q_or_exit(self):
        for word in (b'q', b'exit'):
            with Program('command_server') as server:
                done = run('command_client', f'127.0.0.1:{server.port}', stdin=b'\n\necho one\n' + word + b'\necho two\n')
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(done.stdout, b'> > > one\n\n> ')

    def test_gbk_output_is_shown_in_utf8(self):
        with Program('command_server') as server:
            command = ''.join(f'\\{byte:03o}' for byte in '中文，yes'.encode('gbk'))
            done = run('command_client', f'127.0.0.1:{server.port}', 'GBK', stdin=f"printf '{command}'\nq\n".encode())
            self.assertEqual(done.stdout.decode(), '> 中文，yes\n> ')
            broken = run('command_client', f'127.0.0.1:{server.port}', 'GBK', stdin=b"printf '\\377ok'\nq\n")
            self.assertEqual(broken.stdout, b'> ?ok\n> ')

    def test_an_unknown_encoding_is_a_sentence(self):
        with Program('command_server') as server:
            done = run('command_client', f'127.0.0.1:{server.port}', 'klingon', stdin=b'echo x\n')
            self.assertEqual(done.returncode, 1)
            self.assertIn(b'unknown encoding klingon', done.stderr)


    def test_pieces_of_a_command_are_commands_of_their_own_and_the_next_is_served(self):
        # Nothing on the wire marks a command's end, so a cut one is two.
        with Program('command_server') as server:
            for parts in cuts(b'echo;echo'):
                with server.connect() as client:
                    for part in parts:
                        if part:
                            client.send(part)
                            self.assertNotEqual(client.socket.recv(65536), b'')  # output, or "no output!"
                with server.connect() as client:
                    client.send(b'echo whole')
                    self.assertEqual(client.read(6), b'whole\n')


class LengthCommandTest(unittest.TestCase):
    WELCOME = '欢迎登录'.encode()

    def test_pieces_of_a_command_are_announced_each_and_nothing_slips(self):
        with Program('length_command_server') as server:
            for parts in cuts(b'echo a;echo b'):
                with server.connect() as client:
                    client.read(len(self.WELCOME))
                    for part in filter(None, parts):
                        client.send(part)
                        got = client.socket.recv(65536)
                        announced = re.match(rb'info\|([0-9]+)', got)
                        self.assertIsNotNone(announced, got)
                        got += client.read(int(announced[1]) - len(got) + announced.end())
                        self.assertEqual(len(got), announced.end() + int(announced[1]), got)

    def test_the_length_is_announced_then_the_bytes_of_both_streams(self):
        with Program('length_command_server') as server, server.connect() as client:
            self.assertEqual(client.read(len(self.WELCOME)), self.WELCOME)
            client.send('echo 中文; echo err >&2'.encode())
            output = '中文\nerr\n'.encode()
            want = b'info|%d' % len(output) + output  # bytes: 11, not 7 characters
            self.assertEqual(client.read(len(want)), want)
            client.send(b'true')
            self.assertEqual(client.read(6), b'info|0')

    def test_the_acknowledged_variant_waits_for_ok_however_it_is_cut(self):
        with Program('length_command_server', '127.0.0.1:0', 'ack', address=None) as server:
            for parts in cuts(b'ok'):
                with server.connect() as client:
                    client.read(len(self.WELCOME))
                    client.send(b'printf 12345')
                    self.assertEqual(client.read(6), b'info|5')
                    client.socket.setblocking(False)
                    with self.assertRaises(BlockingIOError):  # nothing sticks to the announcement
                        client.socket.recv(1)
                    client.socket.settimeout(PATIENCE)
                    client.send_apart(*parts)
                    self.assertEqual(client.read(5), b'12345')
            with server.connect() as client:
                client.read(len(self.WELCOME))
                client.send(b'echo x')
                client.read(6)
                client.send(b'no')
                self.assertEqual(client.read_all(), b'')

    def test_the_client_reads_until_it_has_them_all(self):
        with Program('length_command_server', '127.0.0.1:0', 'ack', address=None) as server:
            done = run('length_command_client', f'127.0.0.1:{server.port}', stdin=b'seq 1 50000\n\ntrue\necho end\nq\n')
            want = b''.join(b'%d\n' % i for i in range(1, 50001))
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(done.stdout, self.WELCOME + b'\n> ' + want + b'> > > end\n> ')

    def test_a_client_that_vanishes_ends_its_own_handler_only(self):
        with Program('length_command_server', '127.0.0.1:0', 'ack', address=None) as server:
            with server.connect() as client:
                client.send(b'echo x')
                client.reset()
            with server.connect() as client:
                self.assertEqual(client.read(len(self.WELCOME)), self.WELCOME)


class UploadTest(unittest.TestCase):
    def upload(self, server, *parts, apart=True):
        with server.connect() as client:
            if apart:
                client.send_apart(*parts)
            else:
                client.send(b''.join(parts))
            client.end()
            self.assertEqual(client.read_all(), b'')

    def test_the_pieces_do_not_matter(self):
        message = 'post|9|a b|c.txtone|two\n\0'.encode()
        for parts in cuts(message):
            with Scratch() as folder, Program('upload_server', folder) as server:
                self.upload(server, *parts)
                with open(os.path.join(folder, 'a b|c.txt'), 'rb') as file:
                    self.assertEqual(file.read(), b'one|two\n\0')

    def test_appends_and_takes_names_in_utf8_and_empty_files(self):
        with Scratch() as folder, Program('upload_server', folder) as server:
            self.upload(server, 'post|3|文件'.encode(), b'abc')
            self.upload(server, 'post|3|文件'.encode(), b'def')
            self.upload(server, b'post|0|empty')
            with open(os.path.join(folder, '文件'), 'rb') as file:
                self.assertEqual(file.read(), b'abcdef')
            self.assertEqual(os.path.getsize(os.path.join(folder, 'empty')), 0)

    def test_a_client_that_stays_connected_has_its_file_after_a_silence(self):
        with Scratch() as folder, Program('upload_server', folder) as server, server.connect() as client:
            client.send_apart(b'post|5|kept', b'hello')
            deadline = threading.Event()
            for _ in range(PATIENCE * 20):
                if os.path.exists(os.path.join(folder, 'kept')):
                    break
                deadline.wait(0.05)
            with open(os.path.join(folder, 'kept'), 'rb') as file:
                self.assertEqual(file.read(), b'hello')

    def test_names_lead_nowhere_else(self):
        for name in (b'../out', b'/etc/x', b'.hidden', b'..', b'a/b'):
            with Scratch() as folder, Program('upload_server', folder) as server:
                self.upload(server, b'post|1|' + name + b'x')
                self.assertEqual(os.listdir(folder), [])
                self.upload(server, b'post|1|finex')  # the honest twin
                self.assertEqual(os.listdir(folder), ['fine'])

    def test_nonsense_is_refused_and_the_next_is_served(self):
        with Scratch() as folder, Program('upload_server', folder) as server:
            for bad in (b'post|-1|a', b'post|x|a', b'post||a', b'get|1|a', b'post|99999999999999999999|a', b'|||||',
                        b'post|5|cut', b'x' * 5000, b'post|67108865|big'):
                with server.connect() as client:
                    client.send(bad)
                    client.end()
                    try:
                        client.read_all()
                    except ConnectionResetError:
                        pass
            self.assertEqual(os.listdir(folder), [])
            self.upload(server, b'post|2|okhi')
            self.assertEqual(os.listdir(folder), ['ok'])

    def test_a_large_file_from_the_client(self):
        with Scratch() as folder, Scratch() as local, Program('upload_server', folder) as server:
            path = os.path.join(local, 'large.bin')
            with open(path, 'wb') as file:
                file.write(os.urandom(8 << 20))
            done = run('upload_client', f'127.0.0.1:{server.port}', stdin=f'post|{path}\npost|/no/such\n'.encode())
            self.assertEqual(done.returncode, 1)
            self.assertIn(b'cannot read /no/such', done.stderr)
            self.assertEqual(subprocess.run(['cmp', path, os.path.join(folder, 'large.bin')], check=False).returncode, 0)


if __name__ == '__main__':
    unittest.main(verbosity=2)
