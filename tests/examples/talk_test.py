"""Echo, time-stamped lines, greetings, menus, one question, and conversations with the operator."""
import os
import re
import signal
import socket
import threading
import time
import unittest

from programs import PATIENCE, Program, cuts, run, wait_until


class EchoTest(unittest.TestCase):
    def test_sends_back_what_it_receives_however_it_is_cut(self):
        with Program('echo_server') as server:
            for parts in cuts('héllo 世界\r\n\0end'.encode()):
                with server.connect() as client:
                    client.send_apart(*parts)
                    client.end()
                    self.assertEqual(client.read_all(), b''.join(parts))

    def test_logs_each_client_by_address(self):
        with Program('echo_server') as server, server.connect() as client:
            client.send(b'x')
            client.read(1)
            host, port = client.socket.getsockname()
            wait_until(lambda: f'{host}:{port} connected' in server.stderr, 'the address is logged')

    def test_many_clients_at_once_and_a_large_one(self):
        with Program('echo_server') as server:
            clients = [server.connect() for _ in range(50)]
            for i, client in enumerate(clients):
                client.send(b'%d' % i)
            for i, client in reversed(list(enumerate(clients))):
                self.assertEqual(client.read(len(b'%d' % i)), b'%d' % i)
            data = bytes(range(256)) * 20000
            with server.connect() as client:
                sender = threading.Thread(target=lambda: (client.send(data), client.end()))
                sender.start()
                self.assertEqual(client.read_all(), data)
                sender.join(PATIENCE)
            for client in clients:
                client.socket.close()

    def test_a_reset_ends_that_client_only(self):
        with Program('echo_server') as server:
            with server.connect() as client:
                client.send(b'x')
                client.reset()
            self.assertEqual(server.exchange(b'still there'), b'still there')

    def test_ctrl_c_ends_it_and_ipv6_works(self):
        server = Program('echo_server', address='[::1]:0')
        self.assertEqual(server.exchange(b'six'), b'six')
        server.process.send_signal(signal.SIGINT)
        server.close()

    def test_a_bad_address_is_a_sentence(self):
        for bad in ('nonsense', '127.0.0.1:99999', '::1:80', '127.0.0.1:'):
            done = run('echo_server', bad)
            self.assertEqual(done.returncode, 1)
            self.assertIn('is no address', done.stderr.decode())


STAMP = re.compile(rb'\[(\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4})\] (.*)', re.DOTALL)


class LineTest(unittest.TestCase):
    def test_answers_one_line_with_the_time_and_closes(self):
        with Program('line_server') as server:
            for parts in cuts(b'the line\r\n'):
                with server.connect() as client:
                    client.send_apart(*parts)
                    match = STAMP.fullmatch(client.read_all())
                    self.assertTrue(match)
                    self.assertLess(abs(time.mktime(time.strptime(match[1].decode())) - time.time()), PATIENCE)
                    self.assertEqual(match[2], b'the line')

    def test_what_is_glued_behind_the_line_is_not_answered(self):
        with Program('line_server') as server, server.connect() as client:
            client.send(b'one\ntwo\n')
            client.end()
            self.assertTrue(client.socket.recv(100).endswith(b'] one'))

    def test_the_client_reconnects_for_each_line_and_ends_on_an_empty_one(self):
        with Program('line_server') as server:
            done = run('line_client', f'127.0.0.1:{server.port}', stdin='first\n第二\n\nnever sent\n'.encode())
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertRegex(done.stdout.decode(), r'\] first\n> \[.*\] 第二\n> $')


class GreetingTest(unittest.TestCase):
    def test_each_message_is_answered_with_itself_and_good(self):
        with Program('greeting_server') as server, server.connect() as client:
            self.assertEqual(client.read(15).decode(), '你好欢迎你')
            for message in ('你', 'hello', 'qq', ' q'):
                client.send(message.encode())
                answer = (message + '好').encode()
                self.assertEqual(client.read(len(answer)), answer)
            client.send(b'q')
            self.assertEqual(client.read_all(), b'')

    def test_every_piece_is_a_message_of_its_own(self):
        good = '好'.encode()
        with Program('greeting_server') as server:
            for parts in cuts('你们no'.encode()):
                parts = [part for part in parts if part]
                with server.connect() as client:
                    client.read(15)
                    for part in parts:
                        client.send(part)
                        self.assertEqual(client.read(len(part) + 3), part + good)
            with server.connect() as client:
                client.read(15)
                client.send(b'oneq')  # glued: not an end
                self.assertEqual(client.read(7), b'oneq' + good)


class MenuTest(unittest.TestCase):
    PROGRAMS = {'menu_by_hand': (b'welcom to 10086', b'0000'), 'menu_threading': (b'welcom to 10086', b'0000'),
                'menu_forking': (b'Welcome to connect 10086', b'Sssssss')}

    def serve(self, name):
        if name == 'menu_by_hand':  # ended by the signal itself
            return Program(name, 0, address=None, status=-signal.SIGTERM)
        return Program(name)

    def test_the_whole_menu(self):
        for name, (welcome, zero) in self.PROGRAMS.items():
            with self.subTest(name), self.serve(name) as server, server.connect() as client:
                self.assertEqual(client.read(len(welcome)), welcome)
                for choice, answer in ((b'0', zero), (b'1', b'Do it again'), (b'00', b'Do it again'), (b'0', zero)):
                    client.send(choice)
                    self.assertEqual(client.read(len(answer)), answer)
                client.send(b'Exit')
                self.assertEqual(client.read_all(), b'')

    def test_pieces_of_a_word_are_choices_of_their_own(self):
        for name, (welcome, _) in self.PROGRAMS.items():
            with self.subTest(name), self.serve(name) as server:
                for at in range(1, 4):
                    with server.connect() as client:
                        client.read(len(welcome))
                        for part in (b'Exit'[:at], b'Exit'[at:]):
                            client.send(part)
                            self.assertEqual(client.read(11), b'Do it again')
                with server.connect() as client:
                    client.read(len(welcome))
                    client.send(b'0Exit')
                    self.assertEqual(client.read(11), b'Do it again')

    def test_several_clients_at_once_and_one_that_is_reset(self):
        for name, (welcome, zero) in self.PROGRAMS.items():
            with self.subTest(name), self.serve(name) as server:
                with server.connect() as gone:
                    gone.read(len(welcome))
                    gone.reset()
                clients = [server.connect() for _ in range(10)]
                for client in reversed(clients):
                    self.assertEqual(client.read(len(welcome)), welcome)
                    client.send(b'0')
                for client in clients:
                    self.assertEqual(client.read(len(zero)), zero)
                    client.socket.close()


class QuestionTest(unittest.TestCase):
    def test_one_question_one_answer_however_it_is_cut(self):
        with Program('question_server') as server:
            for parts in cuts('在吗?'.encode()):
                with server.connect() as client:
                    client.send_apart(*parts)
                    self.assertEqual(client.read_all().decode(), '不在!')

    def test_another_question_is_not_answered(self):
        with Program('question_server') as server:
            self.assertEqual(server.exchange(b'anybody there?'), b'')
            self.assertEqual(server.exchange('在吗?'.encode()).decode(), '不在!')


class OperatorTest(unittest.TestCase):
    @staticmethod
    def type(server, text):
        server.process.stdin.write(text.encode() + b'\n')
        server.process.stdin.flush()

    @staticmethod
    def shown(server):
        return server.process.stdout.readline().decode().rstrip('\n')

    def test_the_operator_answers_and_exit_ends(self):
        with Program('conversation_server') as server:
            with server.connect() as client:
                client.send('你好'.encode())
                self.assertIn(': 你好', self.shown(server))
                self.type(server, 'good day')
                self.assertEqual(client.read(8), b'good day')
                client.send(b'exit')
                self.assertEqual(client.read_all(), b'')
            self.assertIn('said goodbye', self.shown(server))

    def test_the_operator_may_end_it_too(self):
        with Program('conversation_server') as server, server.connect() as client:
            client.send(b'hm')
            self.shown(server)
            self.type(server, 'exit')
            self.assertEqual(client.read_all(), b'exit')

    def test_those_who_vanish_are_reported_and_the_next_is_served(self):
        with Program('conversation_server') as server:
            with server.connect() as client:
                client.end()
                client.read_all()
            self.assertIn('left without a word', self.shown(server))
            with server.connect() as client:
                client.send(b'I am about to vanish')
                self.shown(server)
                client.reset()
            self.type(server, 'too late')
            self.assertIn('is gone', self.shown(server))
            with server.connect() as client:
                client.send(b'next')
                self.assertIn(': next', self.shown(server))
                self.type(server, 'yes')
                self.assertEqual(client.read(3), b'yes')

    def test_every_piece_is_shown_and_answered_however_it_is_cut(self):
        with Program('conversation_server') as server:
            for parts in cuts(b'a cut word'):
                with server.connect() as client:
                    for part in filter(None, parts):
                        client.send(part)
                        self.assertTrue(self.shown(server).endswith(': ' + part.decode()))
                        self.type(server, 'heard')
                        self.assertEqual(client.read(5), b'heard')
                    client.send(b'exit')
                    client.read_all()
                self.assertIn('said goodbye', self.shown(server))

    @unittest.skipIf('thread' in os.environ.get('FARHAND_SANITIZE', ''),
                     'ThreadSanitizer keeps signals back while a call waits that it restarts')
    def test_ctrl_c_again_and_again_ends_a_program_whose_only_client_says_nothing(self):
        with Program('conversation_server', status=-signal.SIGINT) as server, server.connect() as client:
            client.send(b'here')  # from now on the one loop is in the handler
            self.shown(server)
            self.type(server, 'hm')
            client.read(2)

            def ended():
                if server.process.poll() is None:
                    server.process.send_signal(signal.SIGINT)
                return server.process.poll() is not None
            wait_until(ended, 'Ctrl-C ends the program')

    def test_a_client_cannot_command_the_operators_terminal(self):
        with Program('conversation_server') as server, server.connect() as client:
            client.send(b'\x1b[2Jcleared')
            self.assertIn(': ?[2Jcleared', self.shown(server))
            self.type(server, 'exit')

    def test_several_conversations_at_once(self):
        with Program('operator_chat_server') as server:
            clients = [server.connect() for _ in range(3)]
            for client in clients:  # all are in a conversation before the first is answered
                client.send(b'from %d' % client.socket.getsockname()[1])
            for _ in clients:
                line = self.shown(server)
                who = line.rpartition(' ')[2]
                self.type(server, 'to ' + who)
            for client in clients:
                answer = b'to %d' % client.socket.getsockname()[1]
                self.assertEqual(client.read(len(answer)), answer)
            for client in clients:
                client.send(b'exit')
                self.assertEqual(client.read_all(), b'')
                client.socket.close()


if __name__ == '__main__':
    unittest.main(verbosity=2)
