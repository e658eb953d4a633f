"""Connections that stay: the next command uses the one that the last has left, and nobody notices anything else of it.
How often a client has really come to the server is counted in the server's audit."""
import os
import pwd
import re
import select
import signal
import socket
import struct
import subprocess
import unittest

from harness import (PATIENCE, NOBODY, Terminal, client_command, connect_to, in_parallel, is_alive, main, needs_root,
                     pids_with_word, random_bytes, read_file, scratch, remove_tree, unique_number, wait_until, write_file)
from rights_support import UID, Site, tear_down_canary
from round_trips_test import Flights

MIB = 1 << 20


def tearDownModule():
    tear_down_canary()


class SharingTest(unittest.TestCase):
    """A server, and for each test a client that has paired with it and shares its connections."""

    share = "10m"

    @classmethod
    def setUpClass(cls):
        cls.site = Site()
        cls.addClassCleanup(cls.site.close)

    def setUp(self):
        self.addCleanup(self.site.sane)
        self.mine = self.site.paired()
        self.addCleanup(self.end_keeper)
        self.settle(f'share = "{self.share}"\n')
        self.before = len(self.site.audit("login"))

    def settle(self, text):
        write_file(os.path.join(self.mine.home, "config", "client.toml"), text.encode(), 0o600, UID)

    def end_keeper(self):
        while self.keeper() is not None:
            self.mine.run("ssh", "-O", "exit", "there")

    def keeper(self):
        """Its pid; None if there is none."""
        done = self.mine.run("ssh", "-O", "check", "there")
        found = re.fullmatch(rb"Master running \(pid=(\d+)\)\n", done.stderr)
        self.assertEqual(done.returncode, 0 if found else 255, done.stderr)
        return int(found[1]) if found else None

    def logins(self):
        return len(self.site.audit("login")) - self.before

    def place(self):
        return os.path.join(self.mine.home, ".local/state/farhand/keepers")

    def sockets(self):
        where = self.place()
        return sorted(name for name in os.listdir(where) if name != ".lock") if os.path.isdir(where) else []

    def line_to(self, name):
        """Through a descriptor of the directory: the whole path is too long for a socket's."""
        directory = os.open(self.place(), os.O_RDONLY)
        try:
            return connect_to(f"unix:/proc/self/fd/{directory}/{name}")
        finally:
            os.close(directory)

    def succeed(self, *args, **options):
        done = self.mine.there(*args, **options)
        self.assertEqual((done.returncode, done.stderr), (0, b""), args)
        return done.stdout

    def warm_up(self):
        self.succeed("exec", "true")
        self.assertEqual(self.logins(), 1)


class Kept(SharingTest):
    def test_the_next_commands_use_the_first_ones_connection(self):
        for _ in range(5):
            self.assertEqual(self.succeed("exec", "echo hi"), b"hi\n")
        self.assertEqual(self.logins(), 1)

    def test_without_the_setting_every_command_has_its_own(self):
        self.settle("")
        for _ in range(3):
            self.succeed("exec", "true")
        self.assertEqual((self.logins(), self.sockets(), self.keeper()), (3, [], None))

    def test_what_comes_back_is_what_was_said(self):
        self.warm_up()
        data = random_bytes(MIB, 3)
        self.assertEqual(self.succeed("exec", "cat", input=data), data)
        done = self.mine.there("exec", "echo out; echo err >&2; exit 7")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (7, b"out\n", b"err\n"))
        done = self.mine.there("exec", "kill -TERM $$")
        self.assertEqual(done.returncode, 128 + signal.SIGTERM)
        self.assertEqual(self.logins(), 1)

    def test_input_that_the_command_does_not_read_is_not_the_next_ones(self):
        self.warm_up()
        for _ in range(3):
            self.succeed("exec", "true", input=random_bytes(3 * MIB, 4))
            self.assertEqual(self.succeed("exec", "cat", input=b"mine"), b"mine")
        self.assertEqual(self.logins(), 1)

    def test_files_go_through_it_both_ways(self):
        self.warm_up()
        data = random_bytes(5 * MIB + 1, 5)
        source = write_file(os.path.join(self.mine.home, "sent"), data, uid=UID)
        self.succeed("-q", "post", source)
        self.assertEqual(read_file(self.site.server.path("sent")), data)
        os.remove(source)
        self.succeed("-q", "get", "sent")
        self.assertEqual(read_file(source), data)
        self.assertIn(b"sent", self.succeed("ls"))
        self.assertEqual(self.logins(), 1)

    def test_a_file_leaves_its_connection_as_a_command_does(self):
        source = write_file(os.path.join(self.mine.home, "first"), b"x", uid=UID)
        self.succeed("-q", "post", source)
        self.succeed("exec", "true")
        self.assertEqual(self.logins(), 1)

    def test_a_command_whose_input_has_not_ended_leaves_its_connection_too(self):
        reading, writing = os.pipe()
        self.addCleanup(os.close, writing)
        self.addCleanup(os.close, reading)
        for _ in range(3):
            self.assertEqual(self.mine.there("exec", "true", stdin=reading).returncode, 0)
        self.assertEqual(self.logins(), 1)

    def test_a_script_leaves_its_connection_and_the_next_uses_it(self):
        for _ in range(2):
            self.assertEqual(self.mine.there(input=b"echo one\necho two\n").stdout, b"one\ntwo\n")
        self.assertEqual(self.logins(), 1)

    def test_a_terminal_through_it_is_one(self):
        self.warm_up()
        local = Terminal(client_command(["exec", "-t", "stty size; read line; echo [$line]"], "there", UID), rows=33, columns=101,
                         env=self.mine.env, cwd=self.mine.home)
        self.addCleanup(local.close)
        local.expect(rb"33 101\r\n")
        local.send(b"typed\r")
        local.expect(rb"\[typed\]\r\n")
        self.assertEqual(local.wait(), 0)
        self.assertEqual(local.settings(), local.before)
        self.assertEqual(self.logins(), 1)

    def test_a_signal_goes_through_it(self):
        self.warm_up()
        running = self.mine.start("exec", "trap 'echo heard; exit 9' INT; echo ready; while :; do sleep 0.05; done")
        self.addCleanup(running.communicate)
        self.assertEqual(running.stdout.readline(), b"ready\n")
        running.send_signal(signal.SIGINT)
        self.assertEqual(running.stdout.readline(), b"heard\n")
        self.assertEqual(running.wait(timeout=PATIENCE), 9)
        self.assertEqual(self.logins(), 1)

    def test_an_error_of_the_servers_is_told_and_the_connection_stays(self):
        self.warm_up()
        done = self.mine.there("get", "nothing-here")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"nothing-here", done.stderr)
        self.succeed("exec", "true")
        self.assertEqual(self.logins(), 1)

    def test_another_user_or_key_has_another_connection(self):
        self.warm_up()
        other = self.site.paired()
        write_file(os.path.join(other.home, "config", "client.toml"), b'share = "10m"\n', 0o600, UID)
        self.before += 1
        other.env["HOME"] = self.mine.home  # the same place for sockets
        self.assertEqual(other.there("exec", "true").returncode, 0)
        self.assertEqual((self.logins(), len(self.sockets())), (1, 2))
        other.run("ssh", "-O", "exit", "there")
        self.assertIsNotNone(self.keeper())

    def test_a_default_host_is_where_commands_go(self):
        self.settle('host = "there"\nshare = "10m"\n')
        self.assertEqual(self.mine.run("exec", "echo hi").stdout, b"hi\n")
        self.assertEqual(self.mine.run("exec", "echo hi").stdout, b"hi\n")
        self.assertEqual(self.logins(), 1)

    def test_what_is_misspelt_in_the_configuration_is_refused_with_its_line(self):
        self.settle('\nshares = "10m"\n')
        done = self.mine.there("exec", "true")
        self.assertEqual(done.returncode, 255)
        self.assertIn(b"client.toml' line 2", done.stderr)
        self.settle("")

    def test_the_keeper_holds_nothing_of_the_first_clients(self):
        self.warm_up()  # whose pipes have come to their end, or run() would not have returned
        keeper = self.keeper()
        self.assertEqual([os.readlink(f"/proc/{keeper}/fd/{fd}") for fd in (0, 1, 2)], ["/dev/null"] * 3)
        self.assertEqual((os.readlink(f"/proc/{keeper}/cwd"), os.getsid(keeper)), ("/", keeper))
        self.assertNotIn(b"true", read_file(f"/proc/{keeper}/cmdline"))
        self.assertEqual(os.stat(f"/proc/{keeper}/environ").st_uid, 0 if UID == NOBODY else UID)

    def test_an_inherited_descriptor_is_let_go_of(self):
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        try:
            self.succeed("exec", "true", pass_fds=[writing])
        finally:
            os.close(writing)
        self.assertIsNotNone(self.keeper())
        self.assertEqual(os.read(reading, 1), b"")  # its end: nobody else holds it

    def test_what_the_first_client_held_is_free_at_its_end(self):
        """A lock that a script takes around rclient was still its keeper's for a moment, and the next one found it taken. On one
        processor, where the keeper's turn comes last, nearly always."""
        processors = os.sched_getaffinity(0)
        self.addCleanup(os.sched_setaffinity, 0, processors)
        os.sched_setaffinity(0, {min(processors)})
        for _ in range(5):
            reading, writing = os.pipe()
            self.addCleanup(os.close, reading)
            started = self.mine.start("exec", "true", pass_fds=[writing])
            os.close(writing)
            os.set_blocking(reading, False)
            ended = os.pidfd_open(started.pid)  # wait() with a timeout looks only now and then
            self.addCleanup(os.close, ended)
            self.assertTrue(select.select([ended], [], [], PATIENCE)[0])
            self.assertEqual(os.read(reading, 1), b"")  # not: would block
            started.communicate()
            self.end_keeper()


class Several(SharingTest):
    def start_sleepers(self, count):
        self.words = [unique_number() for _ in range(count)]
        self.clients = [self.mine.start("exec", f"echo ready; sleep {word}; echo over", stdin=subprocess.DEVNULL)
                        for word in self.words]
        for client in self.clients:
            self.addCleanup(client.communicate)
            self.addCleanup(client.kill)
            self.assertEqual(client.stdout.readline(), b"ready\n")

    def test_the_death_of_one_of_ten_is_the_end_of_its_command_alone(self):
        self.warm_up()
        self.start_sleepers(10)
        self.assertEqual(self.logins(), 10)  # the one that was there, and nine that were made
        self.clients[4].kill()
        wait_until(lambda: not pids_with_word(self.words[4]), "its command has ended")
        for word, client in zip(self.words, self.clients):
            if word != self.words[4]:
                self.assertEqual((len(pids_with_word(word)), client.poll()), (1, None))
        for word in self.words:
            for pid in pids_with_word(word):
                os.kill(pid, signal.SIGTERM)
        for number, client in enumerate(self.clients):
            if number != 4:
                self.assertEqual((client.wait(timeout=PATIENCE), client.stdout.read()), (0, b"over\n"))
        self.succeed("exec", "true")
        self.assertLessEqual(self.logins(), 11)  # the one that went is replaced, if no other was there by then

    def test_many_at_once_are_all_served_and_their_connections_are_used_again(self):
        self.warm_up()

        def echo(number):
            return lambda: self.assertEqual(self.succeed("exec", f"echo {number}"), b"%d\n" % number)
        in_parallel([echo(number) for number in range(80)], 8)
        self.assertLessEqual(self.logins(), 8)

    def test_the_death_of_the_keeper_is_a_lost_connection_and_the_next_command_has_another(self):
        self.warm_up()
        self.start_sleepers(1)
        first = self.keeper()
        os.kill(first, signal.SIGKILL)
        self.assertEqual(self.clients[0].wait(timeout=PATIENCE), 255)
        self.assertIn(b"connection", self.clients[0].stderr.read())
        wait_until(lambda: not pids_with_word(self.words[0]), "its command has ended")
        self.assertEqual(len(self.sockets()), 1)  # stale
        self.succeed("exec", "true")
        self.succeed("exec", "true")
        self.assertNotIn(self.keeper(), (None, first))

    def test_stopping_a_keeper_ends_nobody(self):
        self.warm_up()
        self.start_sleepers(1)
        keeper = self.keeper()
        done = self.mine.run("ssh", "-O", "stop", "there")
        self.assertEqual((done.returncode, done.stderr), (0, b"Stop listening request sent.\n"))
        wait_until(lambda: self.keeper() is None, "nobody finds it any more")
        self.assertTrue(is_alive(keeper))
        for pid in pids_with_word(self.words[0]):
            os.kill(pid, signal.SIGTERM)
        self.assertEqual(self.clients[0].wait(timeout=PATIENCE), 0)
        wait_until(lambda: not is_alive(keeper), "it ends with the last")

    def test_exit_ends_it_with_what_is_under_way(self):
        self.warm_up()
        self.start_sleepers(1)
        keeper = self.keeper()
        done = self.mine.run("ssh", "-O", "exit", "there")
        self.assertEqual((done.returncode, done.stderr), (0, b"Exit request sent.\n"))
        self.assertEqual(self.clients[0].wait(timeout=PATIENCE), 255)
        wait_until(lambda: not is_alive(keeper), "it has ended")
        self.assertEqual(self.sockets(), [])


    def test_of_several_hosts_that_are_one_one_connection_stays(self):
        done = self.mine.pair(*self.site.invite(), alias="also")
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.mine.run("-q", "-H", "there", "-H", "also", "exec", "echo hi")
        self.assertEqual((done.returncode, sorted(done.stdout.splitlines())), (0, [b"also: hi", b"there: hi"]), done.stderr)
        before = self.logins()
        self.assertEqual(len(self.sockets()), 1)
        for host in ("there", "also"):
            self.assertEqual(self.mine.run("exec", "echo hi", host=host).stdout, b"hi\n")
        self.assertEqual(self.logins(), before)


class Forgotten(SharingTest):
    """rclient forget: of a host that is not known any more no connection stays."""

    def keepers(self):
        """{name: pid of who listens there}, as the kernel has it."""
        found = {}
        for name in self.sockets():
            with self.line_to(name) as line:
                found[name] = struct.unpack("3i", line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
        return found

    def test_with_a_host_all_its_connections_go_and_no_other_hosts(self):
        other = Site()
        self.addCleanup(other.close)
        self.assertEqual(self.mine.pair(*other.invite(), alias="other").returncode, 0)
        self.assertEqual(self.mine.run("exec", "true", host="other").returncode, 0)
        others = self.keepers()
        own = pwd.getpwuid(UID or os.geteuid()).pw_name
        for options in ([], ["-4"], ["-l", own], ["-o", "HostName=127.1"]):
            self.assertNotEqual(self.mine.run("ssh", *options, "there", "true").returncode, 255, options)
        self.assertEqual((len(others), len(self.keepers())), (1, 5))
        ended = self.keepers().items() - others.items()
        self.assertEqual(self.mine.run("forget", "there").returncode, 0)
        self.assertEqual([pid for _, pid in ended if is_alive(pid)], [])
        self.assertEqual(self.keepers(), others)
        self.mine.run("forget", "other")

    def test_a_server_that_another_alias_stands_for_keeps_its_connections(self):
        self.assertEqual(self.mine.pair(*self.site.invite(), alias="also").returncode, 0)
        self.succeed("exec", "true")
        keeper = self.keeper()
        self.assertEqual(self.mine.run("forget", "also").returncode, 0)
        self.assertEqual(self.keeper(), keeper)
        write_file(os.path.join(self.place(), self.sockets()[0] + "x" * 99), b"")   # longer than a socket's address may be
        self.assertEqual(self.mine.run("forget", "there").returncode, 0)
        self.assertFalse(is_alive(keeper))

    def test_what_a_killed_keeper_has_left_goes_with_the_host(self):
        self.warm_up()
        keeper = self.keeper()
        os.kill(keeper, signal.SIGKILL)
        wait_until(lambda: not is_alive(keeper), "its end")
        self.assertEqual(len(self.sockets()), 1)
        self.assertEqual(self.mine.run("forget", "there").returncode, 0)
        self.assertEqual(self.sockets(), [])

    def test_a_keeper_that_does_not_end_is_told_and_the_host_is_forgotten(self):
        self.warm_up()
        keeper = self.keeper()
        os.kill(keeper, signal.SIGSTOP)
        try:
            done = self.mine.run("forget", "there")
        finally:
            os.kill(keeper, signal.SIGCONT)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual((done.stderr.count(b"\n"), b"'there' is forgotten, but" in done.stderr), (1, True), done.stderr)
        self.assertNotIn(b"there", self.mine.run("hosts").stdout)


class Ending(SharingTest):
    share = "1s"

    def test_it_ends_when_nobody_has_come_for_that_long(self):
        self.warm_up()
        keeper = self.keeper()
        wait_until(lambda: not is_alive(keeper), "its time is over")
        self.assertEqual(self.sockets(), [])
        self.succeed("exec", "true")
        self.assertEqual(self.logins(), 2)

    def test_it_does_not_end_under_a_client(self):
        self.warm_up()
        keeper = self.keeper()
        self.assertEqual(self.succeed("exec", "sleep 2.5; echo late"), b"late\n")
        self.assertTrue(is_alive(keeper))
        self.assertEqual(self.logins(), 1)


class Asked(SharingTest):
    """As ssh is asked."""
    share = "no"

    def test_persist_says_how_long(self):
        options = ["-o", "ControlMaster=auto", "-o", "ControlPersist=60s", "-o", "ControlPath=/tmp/any %C"]
        for _ in range(3):
            self.mine.run("ssh", *options, "there", "true")
        self.assertEqual(self.logins(), 1)
        self.assertIsNotNone(self.keeper())
        self.mine.run("ssh", "-S", "none", "there", "true")
        self.assertEqual(self.logins(), 2)
        self.mine.run("ssh", "-S", "/tmp/any", "there", "true")
        self.assertEqual(self.logins(), 2)

    def test_nothing_stays_that_was_not_to(self):
        for options in (["-o", "ControlMaster=no", "-o", "ControlPersist=60s"], ["-M"], ["-S", "/tmp/any"],
                        ["-M", "-o", "ControlPersist=no"]):
            self.mine.run("ssh", *options, "there", "true")
            self.assertIsNone(self.keeper(), options)

    def test_asking_after_what_is_not_there_is_255(self):
        for question in ("check", "exit", "stop"):
            self.assertEqual(self.mine.run("ssh", "-O", question, "there").returncode, 255)


class Trouble(SharingTest):
    def test_a_revoked_key_is_refused(self):
        self.warm_up()
        keeper = self.keeper()
        name = self.site.keys()["keys"][-1]["name"]
        self.assertEqual(self.site.rserver("revoke", name).returncode, 0)
        wait_until(lambda: not is_alive(keeper), "its connection has ended")
        done = self.mine.there("exec", "true")
        self.assertEqual(done.returncode, 255)
        self.assertIn(b"does not serve you", done.stderr)
        self.assertIsNone(self.keeper())

    def check_nothing_is_shared(self):
        for _ in range(2):
            self.assertEqual(self.succeed("exec", "echo hi"), b"hi\n")
        self.assertEqual((self.logins(), self.keeper()), (2, None))

    def test_a_directory_that_is_open_to_others_is_not_used(self):
        os.makedirs(self.place())
        subprocess.run(["chown", "-R", str(UID), os.path.join(self.mine.home, ".local")], check=True)
        os.chmod(self.place(), 0o777)
        self.check_nothing_is_shared()
        os.chmod(self.place(), 0o700)
        self.succeed("exec", "true")  # the twin
        self.assertIsNotNone(self.keeper())

    def test_a_link_in_the_directorys_place_is_not_followed(self):
        elsewhere = scratch(UID)
        self.addCleanup(remove_tree, elsewhere)
        os.chmod(elsewhere, 0o700)
        os.makedirs(os.path.dirname(self.place()))
        os.symlink(elsewhere, self.place())
        subprocess.run(["chown", "-hR", str(UID), os.path.join(self.mine.home, ".local")], check=True)
        self.check_nothing_is_shared()
        self.assertEqual(os.listdir(elsewhere), [])

    @needs_root
    def test_a_directory_of_somebody_elses_is_not_used(self):
        os.makedirs(self.place())
        subprocess.run(["chown", "-R", str(UID), os.path.join(self.mine.home, ".local")], check=True)
        os.chown(self.place(), UID - 1, UID - 1)
        os.chmod(self.place(), 0o755)
        self.check_nothing_is_shared()

    def test_what_is_in_the_way_and_answers_nobody_is_replaced(self):
        self.warm_up()
        name = self.sockets()[0]
        self.end_keeper()
        write_file(os.path.join(self.place(), name), b"no socket", uid=UID)
        self.succeed("exec", "true")
        self.assertIsNotNone(self.keeper())

    @needs_root
    def test_another_user_is_turned_away_even_where_he_comes_near_the_socket(self):
        """Whom the directory does not hold back: root."""
        self.warm_up()
        with self.line_to(self.sockets()[0]) as peer:
            self.assertEqual(peer.recv(1 << 16), b"")
        self.succeed("exec", "true")  # the twin
        self.assertEqual(self.logins(), 1)

    def test_a_stopped_keeper_holds_nobody_up_for_longer_than_connecting_may_take(self):
        self.warm_up()
        keeper = self.keeper()
        os.kill(keeper, signal.SIGSTOP)
        try:
            done = self.mine.run("ssh", "-o", "ConnectTimeout=1", "there", "true")
        finally:
            os.kill(keeper, signal.SIGCONT)
        self.assertNotEqual(done.returncode, 255, done.stderr)
        self.assertEqual(self.logins(), 2)


class Restarted(SharingTest):
    def test_a_server_that_was_started_anew_is_found(self):
        self.warm_up()
        keeper = self.keeper()
        server = self.site.server
        server.stop()
        wait_until(lambda: not is_alive(keeper), "without a connection there is nothing to keep")
        done = self.mine.there("exec", "true")
        self.assertEqual(done.returncode, 255)
        self.assertIn(b"refused the connection", done.stderr)
        server._addresses = ["--listen", server.host]
        server.start()
        self.before = len(self.site.audit("login"))
        self.succeed("exec", "true")
        self.succeed("exec", "true")
        self.assertEqual(self.logins(), 1)


class RoundTrips(SharingTest):
    """As round_trips_test counts them."""

    def test_the_second_command_takes_one(self):
        proxy = Flights(self.site.server.host)
        self.addCleanup(proxy.__exit__)
        proxy.granted = 1 << 30
        hosts = os.path.join(self.mine.home, "config", "hosts.toml")
        text = read_file(hosts).replace(self.site.server.host.encode(), proxy.host.encode())
        write_file(hosts, text)
        self.warm_up()
        self.assertIsNotNone(self.keeper())
        before = proxy.flights
        proxy.granted = before + 1
        running = self.mine.start("exec", "echo hi")
        self.addCleanup(running.communicate)
        self.addCleanup(running.kill)
        wait_until(lambda: proxy.held > 30, "the one flight is answered in full")
        self.assertEqual((proxy.flights, proxy.connections), (before + 1, 1))
        proxy.release()
        self.assertEqual((running.wait(timeout=PATIENCE), running.stdout.read()), (0, b"hi\n"))
        self.assertEqual(self.logins(), 1)


if __name__ == "__main__":
    main()
