"""The audit as whoever keeps it gets it: a file that only grows and only its owner reads, syslog, the journal; whole lines
whatever a peer says; and a server that goes on when they cannot be written."""
import json
import os
import re
import socket
import stat
import subprocess
import threading
import unittest

from harness import (PATIENCE, RSERVER, Server, assert_sane, main, make_identity, needs_root, rclient, remove_tree,
                     run_rserver, scratch, wait_until, write_file)
from hostile import (BYE, STDIN_END, Peer, assert_plain, exec_line, exec_words, frame, get, hello, post, tls_client_context)
from rights_support import UID, Canary, Site, pair_frame, secret_of, tear_down_canary

LONGEST_LINE = 32 << 10
HOSTILE = b"a\nb\r\n\x1b[2J\x1b]0;evil\x07\"}\n{\"event\":\"forged\"}\xff\xfe\xc0\x80\xe2\x80\xae\xe2\x80\xa8\x9b\x7f\\"


def tearDownModule():
    tear_down_canary()


def check_line(test, line):
    """One object, whole, of bounded length, and fit for a terminal; returned as what it holds."""
    test.assertLess(len(line), LONGEST_LINE)
    assert_plain(line.decode("utf-8"))
    found = json.loads(line)
    test.assertNotEqual(found["event"], "forged")
    for value in found.values():
        for text in value if isinstance(value, list) else [value]:
            assert_plain(str(text))
    return found


# ----------------------------------------------------------------------------------------------------------------------
# The file

class File(unittest.TestCase):
    def setUp(self):
        self.site = Site()
        self.addCleanup(self.site.close)
        self.server = self.site.server

    def lines(self, event):
        with open(self.site.audit_path, "rb") as file:
            found = [check_line(self, line) for line in file.read().splitlines()]
        return [line for line in found if line["event"] == event]

    def test_is_its_owners_alone_and_a_restart_goes_on_behind_what_there_is(self):
        self.assertEqual(self.server.client(["exec", "true"]).returncode, 0)
        wait_until(lambda: self.lines("end"), "the end is written down")
        status = os.stat(self.site.audit_path)
        self.assertEqual((stat.S_IMODE(status.st_mode), status.st_uid), (0o600, UID))
        self.server.stop()
        with open(self.site.audit_path, "rb") as file:
            before = file.read()
        self.server.start()
        self.server.client_args[-1] = self.site.pin()
        self.assertEqual(self.server.client(["exec", "true"]).returncode, 0)
        wait_until(lambda: len(self.lines("end")) == 2, "the second end is written down")
        with open(self.site.audit_path, "rb") as file:
            self.assertEqual(file.read(len(before)), before)
        runs = [line["run"] for line in self.lines("exec")]
        self.assertEqual(len(set(runs)), 2, "numbers begin anew, under another run")

    def test_is_opened_so_that_it_can_only_grow(self):
        flags = [self.flags_of(name) for name in os.listdir(f"/proc/{self.server.pid}/fd")
                 if os.path.realpath(f"/proc/{self.server.pid}/fd/{name}") == os.path.realpath(self.site.audit_path)]
        self.assertEqual(len(flags), 1)
        self.assertTrue(flags[0] & os.O_APPEND)
        self.assertEqual(flags[0] & os.O_ACCMODE, os.O_WRONLY)

    def flags_of(self, name):
        with open(f"/proc/{self.server.pid}/fdinfo/{name}", encoding="ascii") as file:
            return int(re.search(r"flags:\s+([0-7]+)", file.read())[1], 8)

    def test_a_hostile_peer_writes_one_line_each_time_and_none_of_its_own(self):
        words = HOSTILE * ((1 << 20) // len(HOSTILE))
        with Peer.of(self.server, context=tls_client_context(Canary.identity)) as peer:
            requests = [exec_words("true", HOSTILE, environment=[b"A" + HOSTILE + b"=x"]) + STDIN_END,
                        exec_words(words) + STDIN_END, exec_words("true", *[HOSTILE] * 10_000) + STDIN_END,
                        exec_line(words[:1 << 16]) + STDIN_END, get(HOSTILE), get(HOSTILE * 60),
                        post(HOSTILE, b""), post(b"directory/" + HOSTILE * 60, b"")]
            frames = peer.ask(hello() + b"".join(requests) + BYE)
            self.assertEqual(frames[-1].kind, "bye", frames[-1])
        wait_until(lambda: self.lines("end"), "the end is written down")
        self.assertEqual([len(self.lines(event)) for event in ("exec", "get", "post", "connection", "end")], [4, 2, 2, 1, 1])
        self.assertIn("\\n", self.lines("exec")[0]["argv"][1])

    def test_a_hostile_name_at_the_pairing_is_one_line(self):
        stranger = make_identity(self.site.home, "stranger", uid=UID)
        for name in (b"x" * 129, b"x" * (1 << 20), HOSTILE * 10_000, HOSTILE):
            _, code = self.site.invite("--allow", "get")
            with Peer.of(self.server, context=tls_client_context(stranger)) as peer:
                peer.ask(pair_frame(secret_of(code), name))
        wait_until(lambda: len(self.lines("end")) == 4, "they are written down")
        self.assertEqual([len(self.lines(event)) for event in ("refusal", "paired")], [3, 1])

    def test_the_name_of_what_breaks_the_protocol_is_one_line(self):
        for said in (frame("exec2", b"", HOSTILE), HOSTILE, b"x" * (1 << 20), b"get|0|" + b"%0A\x1b" * 1000 + b"\n"):
            with Peer.of(self.server, context=tls_client_context(Canary.identity)) as peer:
                peer.ask(hello() + said)
        wait_until(lambda: len(self.lines("end")) == 4, "they are written down")
        self.assertTrue(all(line["reason"] for line in self.lines("end")))


class NotAFile(unittest.TestCase):
    def test_a_device_is_refused_and_stays(self):
        home = scratch(UID)
        self.addCleanup(remove_tree, home)
        for device in ("/dev/full", "/dev/null"):
            before = os.stat(device)
            done = run_rserver(["--listen", "unix:" + os.path.join(home, "socket"), "--audit", device], uid=UID,
                               env={"HOME": home})
            self.assertEqual((done.returncode, done.stdout), (1, b""))
            self.assertIn(b"audit", done.stderr)
            self.assertEqual((os.stat(device).st_rdev, os.stat(device).st_mode), (before.st_rdev, before.st_mode))


# ----------------------------------------------------------------------------------------------------------------------
# Daemons

class Daemon:
    """A socket that datagrams are sent to, at a path of the test's own; what came is kept in order."""

    def __init__(self, path):
        self.path, self.received = path, []
        self.start()

    def start(self, reads=True):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o666)
        self.thread = threading.Thread(target=self._read, daemon=True) if reads else None
        if reads:
            self.thread.start()

    def read(self):
        """From now on, where it had been started as one that does not."""
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        while data := self.socket.recv(1 << 20):
            self.received.append(data)

    def stop(self):
        if self.thread:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
                last.connect(self.path)
                last.send(b"")
            self.thread.join(PATIENCE)
        os.unlink(self.path)
        self.socket.close()


# A mount namespace of the server's own, in which these two paths lead into the test's directory: $1/syslog/log and
# $1/journal/socket. What the machine has there, if it has anything, is neither used nor touched.
NAMESPACE = """
here=$1; shift
mount -t tmpfs none /run
mkdir -p /run/systemd/journal
mount --bind "$here/journal" /run/systemd/journal
mount -t tmpfs none "$here/dev"
for name in null zero full random urandom; do : >"$here/dev/$name"; mount --bind "/dev/$name" "$here/dev/$name"; done
ln -s "$here/syslog/log" "$here/dev/log"
mount --rbind "$here/dev" /dev
exec "$@"
"""


@needs_root
class DaemonTest(unittest.TestCase):
    where = "syslog"
    model = "thread"

    def setUp(self):
        self.here = scratch()
        self.addCleanup(remove_tree, self.here)
        for name in ("syslog", "journal", "dev"):
            os.mkdir(os.path.join(self.here, name))
        private = ["unshare", "--mount", "--propagation", "private"]
        if subprocess.run([*private, "mount", "-t", "tmpfs", "none", self.here], stderr=subprocess.DEVNULL,
                          check=False).returncode != 0:
            self.skipTest("no mount namespace can be had here")
        self.wrapper = [*private, "sh", "-euc", NAMESPACE, "sh", self.here]
        self.daemon = Daemon(os.path.join(self.here, "syslog/log" if self.where == "syslog" else "journal/socket"))
        self.addCleanup(lambda: self.daemon.stop() if os.path.exists(self.daemon.path) else None)
        self.serve()

    def serve(self):
        self.server = Server("--audit", self.where, "--model", self.model, wrapper=self.wrapper)
        self.addCleanup(self.server.cleanup)
        self.addCleanup(lambda: assert_sane(self.server))

    def unwrap(self, datagram):
        """The line in a datagram, whose envelope is checked."""
        if self.where == "syslog":
            match = re.fullmatch(rb"<86>[A-Z][a-z]{2} [ 123][0-9] \d\d:\d\d:\d\d rserver\[(\d+)\]: (\{.*\})", datagram)
            self.assertTrue(match, datagram)
            line = check_line(self, match[2])
            self.assertEqual(int(match[1]), self.server.pid)  # who writes; the line says for whom
            return line
        fields = datagram.split(b"\n")
        self.assertEqual(fields[-1], b"")
        fields = dict(field.split(b"=", 1) for field in fields[:-1])
        self.assertEqual(sorted(fields), [b"MESSAGE", b"PRIORITY", b"SYSLOG_IDENTIFIER"])
        self.assertEqual((fields[b"PRIORITY"], fields[b"SYSLOG_IDENTIFIER"]), (b"6", b"rserver"))
        return check_line(self, fields[b"MESSAGE"])

    def lines(self):
        return [self.unwrap(datagram) for datagram in list(self.daemon.received)]

    def events(self):
        return [line["event"] for line in self.lines()]

    def ends(self, count):
        wait_until(lambda: self.events().count("end") >= count, f"{count} ends are written down")


class DaemonTests:
    """For each of them."""

    def test_every_line_arrives_as_one_message_with_the_marks_that_it_is_kept_under(self):
        self.assertEqual(self.server.client(["exec", "echo hi"]).returncode, 0)
        self.ends(1)
        with Peer.of(self.server) as peer:
            peer.ask(hello() + exec_words("true", HOSTILE) + STDIN_END + exec_words("true", *[HOSTILE] * 1000) + STDIN_END +
                     get(HOSTILE * 50) + BYE)
        self.ends(2)
        lines = [line for line in self.lines() if "connection" in line]
        self.assertEqual([line["event"] for line in lines],
                         ["connection", "login", "exec-begins", "exec", "end",
                          "connection", "login", "exec-begins", "exec", "exec-begins", "exec", "get", "end"])
        ids = [line["id"] for line in self.lines()]
        self.assertEqual(ids, list(range(ids[0], ids[0] + len(ids))))

    def test_without_its_daemon_the_server_goes_on_and_finds_the_next_one(self):
        self.assertEqual(self.server.client(["exec", "true"]).returncode, 0)
        self.ends(1)
        self.daemon.stop()
        for _ in range(3):
            self.assertEqual(self.server.client(["exec", "echo served"]).stdout, b"served\n")
        wait_until(lambda: "the audit cannot be written" in self.server.log(), "it is told")
        self.daemon.start()
        self.assertEqual(self.server.client(["exec", "true"]).returncode, 0)
        self.ends(2)
        self.check_what_is_lost_is_counted()
        self.assertIn("lines of it are lost", self.server.log())

    def test_a_daemon_that_does_not_read_keeps_nobody_waiting(self):
        self.daemon.stop()
        self.daemon.start(reads=False)
        with Peer.of(self.server) as peer:
            frames = peer.ask(hello() + get("missing") * 1000 + BYE)
            self.assertEqual([found.kind for found in frames].count("error"), 1000)
        wait_until(lambda: "the audit cannot be written" in self.server.log(), "it is told")
        self.assertEqual(self.server.client(["exec", "echo served"]).stdout, b"served\n")
        self.daemon.read()
        wait_until(lambda: "get" in self.events(), "what was waiting is read")
        self.assertEqual(self.server.client(["exec", "true"]).returncode, 0)
        wait_until(lambda: "dropped" in self.events(), "the loss is told")
        self.check_what_is_lost_is_counted()

    def check_what_is_lost_is_counted(self):
        lines = self.lines()
        ids = [line["id"] for line in lines]
        lost = sum(line["lines"] for line in lines if line["event"] == "dropped")
        self.assertGreater(lost, 0)
        self.assertEqual(ids[-1] - ids[0] + 1 - len(ids), lost, "the gaps in the numbers are what was told")

    def test_no_daemon_at_the_start_is_told_and_nothing_is_served(self):
        self.daemon.stop()
        done = subprocess.run([*self.wrapper, RSERVER, "--listen", "unix:" + os.path.join(self.here, "other"), "--audit",
                               self.where], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=PATIENCE, check=False)
        self.daemon.start()
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"the audit cannot go to", done.stderr)


class Syslog(DaemonTests, DaemonTest):
    pass


class SyslogOfProcesses(DaemonTests, DaemonTest):
    model = "process"


class Journal(DaemonTests, DaemonTest):
    where = "journal"


class FromAProcessInItsSandbox(DaemonTest):
    """root on TCP: the worker may open no socket, and what it does is told all the same."""
    model = "process"

    def serve(self):
        self.config = scratch()
        self.addCleanup(remove_tree, self.config)
        os.chmod(self.config, 0o700)
        self.server = Server("--audit", self.where, "--model", self.model, listen=["127.0.0.1:0"], wrapper=self.wrapper,
                             env={"FARHAND_CONFIG_DIR": self.config})
        os.chmod(self.server.root, 0o777)
        self.addCleanup(self.server.cleanup)
        self.addCleanup(lambda: assert_sane(self.server, canary=False))

    def test_a_key_that_may_only_move_files_is_in_the_audit_to_its_end(self):
        home = scratch()
        self.addCleanup(remove_tree, home)
        env = {"FARHAND_CONFIG_DIR": os.path.join(home, "config")}
        done = run_rserver(["invite", "--allow", "get,post", "--user", "nobody"], env={"FARHAND_CONFIG_DIR": self.config})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(rclient([*done.stdout.decode().split()[1:], "--as", "there"], env=env).returncode, 0)
        sent = write_file(os.path.join(home, "sent"), b"x" * 100_000)
        self.assertEqual(rclient(["post", sent], "there", env=env).returncode, 0)
        self.assertEqual(rclient(["get", "sent", "--to", sent + "2"], "there", env=env).returncode, 0)
        self.assertEqual(rclient(["exec", "id"], "there", env=env).returncode, 255)
        self.ends(4)  # the pairing is one
        lines = self.lines()
        sessions = [line["connection"] for line in lines if line["event"] == "login"]
        self.assertEqual([[line["event"] for line in lines if line.get("connection") == number] for number in sessions],
                         [["connection", "login", verb, "end"] for verb in ("post", "get", "exec")])
        self.assertEqual([line["stored"] for line in lines if line["event"] == "post"], ["sent"])
        moved = [line for line in lines if line["event"] in ("post", "get")]
        self.assertEqual([line["bytes"] for line in moved], [100_000, 100_000])
        self.assertEqual([line["path"] for line in moved], [".", "sent"])
        self.assertRegex(moved[0]["xxh3_128"], "^[0-9a-f]{32}$")
        self.assertEqual(moved[0]["xxh3_128"], moved[1]["xxh3_128"])
        self.assertIn("'exec'", next(line["error"] for line in lines if line["event"] == "exec"))


if __name__ == "__main__":
    main()
