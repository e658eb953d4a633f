"""A process for each session: whose it becomes, what it gives up, and that only it dies of what kills it. Needs root:
the server is root's, and its keys are for other users."""
import json
import os
import signal
import subprocess
import unittest

from harness import (NOBODY, PATIENCE, Server, assert_sane, children_of, client_command, environment, is_alive, main,
                     needs_root, pids_with_word, rclient, remove_tree, run_rserver, scratch, unique_number, wait_until, write_file)
from rights_support import UNIFORM

DAEMON = 1
# For a command: its guardian's parent.
SESSION = "session=$(cut -d ' ' -f 4 /proc/$PPID/stat)"
CRASH = signal.SIGABRT if os.environ.get("FARHAND_SANITIZE") else signal.SIGSEGV  # which the sanitizers catch


def descendants(pid):
    found = []
    for child in children_of(pid):
        found += [child, *descendants(child)]
    return found


def status_of(pid):
    try:
        with open(f"/proc/{pid}/status") as file:
            return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    except OSError:
        return {}


class RootsServer(Server):
    """root's own, whose root directory belongs to nobody."""

    def __init__(self, *args, listen):
        self.config = scratch()
        os.chmod(self.config, 0o700)
        self.audit_path = os.path.join(self.config, "audit")
        self.clients = []
        super().__init__("--audit", self.audit_path, "--model", "process", *args, listen=listen,
                         env={"FARHAND_CONFIG_DIR": self.config})
        os.chmod(self.root, 0o777)

    def cleanup(self):
        super().cleanup()
        remove_tree(self.config)
        for home in self.clients:
            remove_tree(home)

    def paired(self, *args):
        """The environment of a client that has come with an invitation."""
        home = scratch()
        self.clients.append(home)
        done = run_rserver(["invite", *args], env={"FARHAND_CONFIG_DIR": self.config})
        assert done.returncode == 0, done.stderr
        words = done.stdout.decode().split()[1:]
        env = {"FARHAND_CONFIG_DIR": os.path.join(home, "config")}
        done = rclient([*words, "--as", "there"], env=env)
        assert done.returncode == 0, done.stderr
        return env

    def audit(self):
        with open(self.audit_path) as file:
            return file.read()

    def workers(self, uid):
        """Processes of this user's that serve sessions."""
        seen = {pid: status_of(pid) for pid in descendants(self.pid)}
        return [pid for pid, status in seen.items()
                if status.get("Name") == "rserver" and status["Uid"].split()[0] == str(uid)]


class RootTest(unittest.TestCase):
    args = ()
    listen = ("127.0.0.1:0",)

    def setUp(self):
        self.server = RootsServer(*self.args, listen=list(self.listen))
        self.addCleanup(self.server.cleanup)
        self.addCleanup(lambda: assert_sane(self.server, canary=False))

    def run_as(self, env, *args, **options):
        return rclient(list(args), "there", env=env, **options)

    def start(self, env, *args, **options):
        started = subprocess.Popen(client_command(list(args), "there"), env=environment(env), stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        def stop():
            started.kill()
            started.wait(PATIENCE)
            for stream in (started.stdin, started.stdout, started.stderr):
                stream.close()
        self.addCleanup(stop)
        return started

    def check_powerless(self, text, uid):
        self.assertRegex(text, rf"Uid:\t{uid}\t{uid}\t{uid}\t{uid}\n")
        self.assertNotRegex(text, r"Groups:\t(.* )?0 ")
        for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            self.assertRegex(text, name + ":\t0000000000000000\n")
        self.assertIn("NoNewPrivs:\t1\n", text)


LOOK = "cat /proc/self/status; setpriv --reuid 0 true 2>/dev/null && echo IS ROOT AGAIN; true"


@needs_root
class OverTheNetwork(RootTest):
    def test_a_key_runs_as_its_user_and_there_is_no_way_back(self):
        env = self.server.paired("--allow", "exec", "--user", "daemon")
        done = self.run_as(env, "exec", LOOK)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.check_powerless(done.stdout.decode(), DAEMON)
        self.assertNotIn(b"IS ROOT AGAIN", done.stdout)

    def test_two_keys_have_two_users(self):
        for user, uid in (("daemon", DAEMON), ("nobody", NOBODY)):
            env = self.server.paired("--allow", "exec", "--user", user)
            self.assertEqual(self.run_as(env, "exec", "id -u").stdout, b"%d\n" % uid)

    def test_a_key_without_a_user_is_refused_as_a_stranger_is(self):
        done = run_rserver(["invite", "--allow", "exec"], env={"FARHAND_CONFIG_DIR": self.server.config})
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"--user", done.stderr)
        env = self.server.paired("--allow", "exec", "--user", "daemon")
        keys = os.path.join(self.server.config, "keys.toml")
        with open(keys, encoding="utf-8") as file:
            kept = [line for line in file if not line.startswith("user")]
        with open(os.open(keys + ".new", os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
            file.writelines(kept)
        os.rename(keys + ".new", keys)
        wait_until(lambda: self.run_as(env, "exec", "id -u").returncode == 255, "the edited file is read")
        done = self.run_as(env, "exec", "id -u")
        self.assertEqual((done.returncode, done.stdout), (255, b""))
        self.assertIn(UNIFORM, done.stderr.decode())
        self.assertIn("its rights name no user", self.server.audit())

    def test_nobody_parses_a_strangers_bytes_with_privilege(self):
        peer = self.server.connect()
        self.addCleanup(peer.close)
        gate = wait_until(lambda: self.server.workers(NOBODY), "a gate is there")[0]
        seen = wait_until(lambda: status_of(gate) if status_of(gate).get("Seccomp") == "2" else None)
        self.assertEqual(seen["CapEff"], "0" * 16)
        self.assertEqual(seen["NoNewPrivs"], "1")
        sockets = [os.readlink(f"/proc/{gate}/fd/{name}") for name in os.listdir(f"/proc/{gate}/fd")]
        self.assertEqual(len([name for name in sockets if name.startswith("socket:")]), 3, sockets)
        peer.close()
        wait_until(lambda: not is_alive(gate), "the gate ends with its client")

    def test_a_worker_that_crashes_ends_only_itself_and_is_written_down(self):
        env = self.server.paired("--allow", "exec", "--user", "daemon")
        victim = self.start(env, "exec", "cat")
        worker = wait_until(lambda: self.server.workers(DAEMON), "a worker is there")[0]
        other = self.start(env, "exec", "echo up; cat")
        self.assertEqual(other.stdout.readline(), b"up\n")
        os.kill(worker, CRASH)
        self.assertEqual(victim.wait(PATIENCE), 255)
        wait_until(lambda: '"event":"crash"' in self.server.audit(), "the crash is in the audit")
        other.stdin.close()
        self.assertEqual(other.wait(PATIENCE), 0)

    def test_a_gate_that_is_killed_takes_its_session_along_and_no_other(self):
        env = self.server.paired("--allow", "exec", "--user", "daemon")
        number = unique_number()
        victim = self.start(env, "exec", "sleep " + number)
        worker = wait_until(lambda: self.server.workers(DAEMON), "a worker is there")[0]
        os.kill(self.server.workers(NOBODY)[0], signal.SIGKILL)
        self.assertEqual(victim.wait(PATIENCE), 255)
        wait_until(lambda: not is_alive(worker), "the worker ends")
        self.assertEqual(self.run_as(env, "exec", "true").returncode, 0)

    def test_a_monitor_that_is_killed_takes_both_along(self):
        env = self.server.paired("--allow", "exec", "--user", "daemon")
        victim = self.start(env, "exec", "cat")
        wait_until(lambda: self.server.workers(DAEMON), "a worker is there")
        both = self.server.workers(DAEMON) + self.server.workers(NOBODY)
        os.kill(children_of(self.server.pid)[0], signal.SIGKILL)
        wait_until(lambda: not any(is_alive(pid) for pid in both), "gate and worker end")
        self.assertEqual(victim.wait(PATIENCE), 255)
        self.assertEqual(self.run_as(env, "exec", "true").returncode, 0)

    def test_a_transfer_only_key_moves_files_and_runs_in_a_sandbox(self):
        env = self.server.paired("--allow", "get,post", "--user", "daemon")
        here = scratch()
        self.addCleanup(remove_tree, here)
        content = os.urandom(3_000_000)
        local = write_file(os.path.join(here, "file"), content)
        self.assertEqual(self.run_as(env, "post", local).returncode, 0)
        self.assertEqual(os.stat(self.server.path("file")).st_uid, DAEMON)
        self.assertEqual(self.run_as(env, "get", "file", "--to", local + "2").returncode, 0)
        with open(local + "2", "rb") as file:
            self.assertEqual(file.read(), content)
        self.assertEqual(self.run_as(env, "exec", "id").returncode, 255)

        held = self.start(env)  # the prompt: a session that stays
        worker = wait_until(lambda: self.server.workers(DAEMON), "a worker is there")[0]
        wait_until(lambda: status_of(worker).get("Seccomp") == "2", "it is confined")
        held.stdin.close()

    def test_a_revoked_keys_session_ends_within_5_s(self):
        env = self.server.paired("--allow", "exec", "--user", "daemon", "--as", "ann")
        running = self.start(env, "exec", "echo up; cat")
        self.assertEqual(running.stdout.readline(), b"up\n")
        done = run_rserver(["revoke", "ann"], env={"FARHAND_CONFIG_DIR": self.server.config})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(running.wait(5), 255)
        self.assertIn(b"revoked", running.stderr.read())
        self.assertIn(UNIFORM.encode(), self.run_as(env, "exec", "true").stderr)

    def test_a_command_that_stops_its_session_does_not_outlive_its_key(self):
        env = self.server.paired("--allow", "exec", "--user", "daemon", "--as", "ann")
        number = unique_number()
        self.start(env, "exec", f"{SESSION}; kill -STOP $PPID $session; sleep {number}; true")
        wait_until(lambda: pids_with_word(number), "the command runs")
        done = run_rserver(["revoke", "ann"], env={"FARHAND_CONFIG_DIR": self.server.config})
        self.assertEqual(done.returncode, 0, done.stderr)
        wait_until(lambda: not pids_with_word(number), "the command has ended", 15)
        wait_until(lambda: '"event":"killed"' in self.server.audit(), "the end is in the audit")

    def test_a_command_that_kills_its_session_is_in_the_audit(self):
        env = self.server.paired("--allow", "exec", "--user", "daemon", "--as", "ann")
        done = self.run_as(env, "exec", f"{SESSION}; kill -9 $session; true remembered")
        self.assertEqual(done.returncode, 255)
        wait_until(lambda: '"event":"killed"' in self.server.audit(), "the end is in the audit")
        begun = [json.loads(line) for line in self.server.audit().splitlines() if '"exec-begins"' in line]
        self.assertEqual([(line["who"], line["argv"]) for line in begun],
                         [("key 'ann'", [f"{SESSION}; kill -9 $session; true remembered"])])

    def test_what_comes_behind_the_end_of_input_arrives(self):
        env = self.server.paired("--allow", "exec", "--user", "daemon")
        data = os.urandom(2_000_000)
        done = self.run_as(env, "exec", "sleep 0.2; cat; echo end >&2", input=data)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, data, b"end\n"))


@needs_root
class OverTheUnixSocket(RootTest):
    args = ("--allow-user", "daemon")

    def setUp(self):
        self.socket_home = scratch()
        self.addCleanup(remove_tree, self.socket_home)
        self.listen = ("unix:" + os.path.join(self.socket_home, "socket"),)
        super().setUp()

    def test_a_caller_is_served_as_himself(self):
        done = rclient(["exec", LOOK], self.server.hosts[0], uid=DAEMON)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.check_powerless(done.stdout.decode(), DAEMON)
        self.assertEqual(rclient(["exec", "id -u"], self.server.hosts[0]).stdout, b"0\n")

    def test_whoever_is_not_listed_reaches_nothing(self):
        here = scratch(NOBODY)
        self.addCleanup(remove_tree, here)
        for args in (["exec", "id"], ["get", "file"], ["post", "/etc/hostname"]):
            done = rclient(args, self.server.hosts[0], uid=NOBODY, cwd=here)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(UNIFORM, done.stderr.decode())
            self.assertEqual(done.stdout, b"")


@needs_root
class WithoutGuests(RootTest):
    def setUp(self):
        self.socket_home = scratch()
        self.addCleanup(remove_tree, self.socket_home)
        self.listen = ("unix:" + os.path.join(self.socket_home, "socket"),)
        super().setUp()

    def test_a_second_user_does_not_even_reach_the_socket(self):
        done = rclient(["exec", "id"], self.server.hosts[0], uid=DAEMON)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(rclient(["exec", "id -u"], self.server.hosts[0]).stdout, b"0\n")


@needs_root
class CommandLine(unittest.TestCase):
    def test_threads_are_refused_to_root_on_tcp_with_the_reason(self):
        done = run_rserver(["--listen", "127.0.0.1:0", "--model", "thread"])
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"threads would parse what strangers send with root's privileges", done.stderr)

    def test_a_user_that_is_not_there_cannot_be_allowed(self):
        done = run_rserver(["--listen", "unix:/tmp/never", "--allow-user", "no such user"])
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"no such user", done.stderr)


if __name__ == "__main__":
    main()
