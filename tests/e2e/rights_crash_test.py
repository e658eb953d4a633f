"""kill -9 at every system call of inviting, enrolling and revoking: the files are as before or as after, and work. And what
a failing audit does: nothing, but that it is told."""
import collections
import json
import os
import re
import shutil
import signal
import subprocess
import unittest

from harness import (PATIENCE, RSERVER, Terminal, as_user, check_sentence, environment, is_alive, main, needs_root,
                     remove_tree, scratch, tmpfs, wait_until)
from rights_support import UID, UNIFORM, Site, tear_down_canary

KEYS = """# A remark of Ann's.
[ann]
pin = "sha256:%s"
allow = ["get"]

# Another one.
[bob]
pin = "sha256:%s"
allow = ["exec"]
""" % ("1" * 64, "2" * 64)


def tearDownModule():
    tear_down_canary()


def needs_strace(test):
    return unittest.skipUnless(shutil.which("strace") and os.geteuid() == 0, "takes strace and root")(test)


def calls_of(trace):
    """[(name, nth of its name)] from the first call that has to do with the configuration."""
    counts, calls, begun = collections.Counter(), [], False
    with open(trace, errors="replace") as file:
        for line in file:
            match = re.match(r"(?:\d+ +)?(\w+)\(", line)
            if not match:
                continue
            counts[match[1]] += 1
            begun = begun or 'config"' in line
            if begun and match[1] not in ("exit_group", "execve"):
                calls.append((match[1], counts[match[1]]))
    return calls


@needs_strace
@unittest.skipIf(os.environ.get("FARHAND_SANITIZE"), "LeakSanitizer ends a process that is traced")
class Commands(unittest.TestCase):
    def setUp(self):
        self.home = scratch(UID)
        os.chmod(self.home, 0o700)
        self.addCleanup(remove_tree, self.home)
        self.config = os.path.join(self.home, "config")
        self.env = {"FARHAND_CONFIG_DIR": self.config, "HOME": self.home}
        self.trace = os.path.join(self.home, "trace")

    def run_rserver(self, *args, strace=()):
        return subprocess.run([*strace, *as_user(UID, [RSERVER, *args])], env=environment(self.env), cwd="/",
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE)

    def prepare(self):
        shutil.rmtree(self.config, ignore_errors=True)
        os.mkdir(self.config, 0o700)
        with open(os.open(os.path.join(self.config, "keys.toml"), os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(KEYS)
        for path in (self.config, os.path.join(self.config, "keys.toml")):
            os.chown(path, UID, UID)

    def names(self):
        done = self.run_rserver("keys", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        listed = json.loads(done.stdout)
        self.assertEqual(listed["problems"], [])
        return [key["name"] for key in listed["keys"]]

    def sweep(self, args, check):
        """check(killed, out) after the command was killed at each of its calls."""
        self.prepare()
        whole = self.run_rserver(*args, strace=["strace", "-f", "-o", self.trace])
        self.assertEqual(whole.returncode, 0, whole.stderr)
        check(False, whole.stdout)
        calls = calls_of(self.trace)
        self.assertGreater(len(calls), 10)
        for name, nth in calls:
            with self.subTest(call=name, nth=nth):
                self.prepare()
                done = self.run_rserver(*args, strace=["strace", "-f", "-o", os.devnull, "-e",
                                                       f"inject={name}:signal=KILL:when={nth}"])
                check(done.returncode != 0, done.stdout)

    def test_revoking(self):
        def check(killed, out):
            names = self.names()
            self.assertIn(names, [["bob"]] + ([["ann", "bob"]] if killed else []))
            if b"revoked" in out:
                self.assertEqual(names, ["bob"])
            self.assertIn(self.run_rserver("revoke", "ann").returncode, (0, 1))  # nothing is left locked
            self.assertEqual(self.names(), ["bob"])
            with open(os.path.join(self.config, "keys.toml")) as file:
                text = file.read()
            self.assertTrue("A remark of Ann's" in text and "Another one" in text)
            self.assertEqual([name for name in os.listdir(self.config) if name.startswith(".") and name != ".lock"], [])

        self.sweep(["revoke", "ann"], check)

    def test_inviting(self):
        def check(killed, out):
            self.assertEqual(self.names(), ["ann", "bob"])
            again = self.run_rserver("invite", "--host", "127.0.0.1:1")
            self.assertEqual(again.returncode, 0, again.stderr)
            invites = os.listdir(os.path.join(self.config, "invites"))
            self.assertIn(len([name for name in invites if not name.startswith(".")]), (1, 2))
            if b"rclient pair" in out:
                self.assertEqual(len([name for name in invites if not name.startswith(".")]), 2)
            self.assertEqual(self.run_rserver("check-config").returncode, 0)

        self.sweep(["invite", "--host", "127.0.0.1:1"], check)


@needs_strace
class Enrolling(unittest.TestCase):
    CALLS = ("openat", "write", "fsync", "renameat", "renameat2", "unlinkat", "flock", "fchmod", "sendmsg", "sendto")

    def test_a_server_killed_while_it_enrols(self):
        site = Site()
        self.addCleanup(site.close)
        site.paired("--as", "first")
        killed = collections.Counter()
        for call in self.CALLS:
            for nth in range(1, 40):
                with self.subTest(call=call, nth=nth):
                    if not self.kill_at(site, call, nth):
                        break
                    killed[call] += 1
        self.assertGreaterEqual(min(killed[call] for call in ("openat", "write", "fsync", "renameat")), 2, killed)

    def put_away(self, tracer):
        tracer.terminate()
        try:
            tracer.communicate(timeout=2)
        except subprocess.TimeoutExpired:
            tracer.kill()
            tracer.communicate(timeout=PATIENCE)

    def kill_at(self, site, call, nth):
        """Whether it was killed there; then what has to hold holds."""
        server = site.server
        known = {key["name"] for key in site.keys()["keys"]}
        host, code = site.invite()
        ends = server.log().count(", end: ")
        tracer = subprocess.Popen(["strace", "-f", "-o", os.devnull, "-p", str(server.pid), "-e",
                                   f"inject={call}:signal=KILL:when={nth}"], stderr=subprocess.PIPE)
        tracer.stderr.readline()  # "Process N attached"
        client = site.new_client()
        done = client.pair(host, code)
        # A thread that dies while it is traced may leave strace waiting, and the server a zombie until that is gone.
        wait_until(lambda: not is_alive(server.pid) or server.log().count(", end: ") > ends, "it is killed, or is done")
        self.put_away(tracer)
        if is_alive(server.pid):
            self.assertEqual(done.returncode, 0, done.stderr)
            return False
        server.kill()
        listed = site.keys()
        self.assertEqual(listed["problems"], [])
        after = {key["name"] for key in listed["keys"]}
        self.assertTrue(after >= known and len(after - known) <= 1, (known, after))
        if done.returncode == 0:
            self.assertEqual(len(after - known), 1, "what was promised is there")
        server.start()
        server.client_args[-1] = site.pin()
        check = site.rserver("check-config")
        self.assertEqual(check.returncode, 0, check.stderr)
        if after == known:  # the code is good still, or used up; it never enrols two
            self.assertIn(client.pair(server.host, code, alias="again").returncode, (0, 3))
        site.sane()
        return True


@needs_root
class FullDisk(unittest.TestCase):
    def test_a_full_disk_under_the_audit_ends_nothing_and_is_told(self):
        directory = scratch(UID)
        self.addCleanup(remove_tree, directory)
        with tmpfs(os.path.join(directory, "small"), "64k", UID) as small:
            audit = os.path.join(small, "audit")
            site = Site(audit=audit)
            self.addCleanup(site.close)
            client = site.paired()
            filler = os.path.join(small, "filler")
            with open(filler, "wb", buffering=0) as file:
                try:
                    while file.write(b"x" * 512):
                        pass
                except OSError:
                    pass
            for _ in range(60):
                self.assertEqual(client.there("exec", "true").returncode, 0)
            wait_until(lambda: "dropped" in site.server.log(), "it is told")
            os.unlink(filler)
            self.assertEqual(client.there("exec", "true").returncode, 0)
            wait_until(lambda: "lines of it are lost" in site.server.log(), "it is told that it works again")
            with open(audit) as file:
                lines = file.read().splitlines()
            events = []
            for line in lines:
                try:
                    events.append(json.loads(line)["event"])
                except json.JSONDecodeError:
                    events.append("torn")
            self.assertIn("dropped", events)
            self.assertLessEqual(events.count("torn"), 1)
            self.assertEqual(json.loads(lines[-1])["event"], events[-1])
            site.server.kill()  # before its file system goes


class Hangup(unittest.TestCase):
    def test_a_server_whose_terminal_is_gone_ends(self):
        home = scratch(UID)
        self.addCleanup(remove_tree, home)
        terminal = Terminal(as_user(UID, [RSERVER, "--listen", "unix:" + os.path.join(home, "socket")]),
                            env={"HOME": home}, cwd=home)
        self.addCleanup(terminal.close)
        terminal.expect(rb"listening on ")
        os.kill(terminal.process.pid, signal.SIGHUP)  # with its terminal still there it only reads its keys again
        self.assertTrue(is_alive(terminal.process.pid))
        os.close(terminal.slave)
        os.close(terminal.master)
        self.addCleanup(setattr, terminal, "master", -1)
        terminal.process.wait(timeout=PATIENCE)


if __name__ == "__main__":
    main()
