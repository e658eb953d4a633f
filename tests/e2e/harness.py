"""The end-to-end harness: the real binaries, started, watched and put away. It asserts what must hold after every test
and knows no protocol; hostile peers bring their own bytes.

    from harness import Server, rclient, assert_sane

    with Server() as server:
        done = server.client(["exec", "echo hi"])       # with the server's address, user and keys
        assert done.stdout == b"hi\\n"
        assert_sane(server)

Environment: FARHAND_BIN_SERVER, FARHAND_BIN_CLIENT (paths of the binaries; else build/release of this tree),
FARHAND_TEST_SCALE (1; more makes large tests larger), FARHAND_TEST_MODEL (thread or process: rserver's --model, where a
test does not choose), FARHAND_TEST_KEEP (any text: scratch directories stay).
Rules: no sleep stands for a condition (wait_until), every wait has a deadline, deadlines are generous.
"""
import contextlib
import errno
import fcntl
import hashlib
import os
import pty
import random
import re
import select
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import unittest

_HERE = os.path.dirname(os.path.abspath(__file__))
_TREE = os.path.dirname(os.path.dirname(_HERE))

RSERVER = os.environ.get("FARHAND_BIN_SERVER") or os.path.join(_TREE, "build/release/server/rserver")
RCLIENT = os.environ.get("FARHAND_BIN_CLIENT") or os.path.join(_TREE, "build/release/client/rclient")
SCALE = int(os.environ.get("FARHAND_TEST_SCALE") or "1")
MODEL = os.environ.get("FARHAND_TEST_MODEL") or "thread"
KEEP = bool(os.environ.get("FARHAND_TEST_KEEP"))
# Shadow memory and quarantines: what a sanitized program takes says nothing about what ours does.
MEMORY_COUNTS = not os.environ.get("FARHAND_SANITIZE")

NOBODY = 65534        # the ordinary user of these tests
PATIENCE = 60         # seconds; the deadline of whatever should happen at once on a machine that is busy otherwise
SANE_WITHIN = 5       # seconds in which a server must be back at its baseline
PART_PREFIX = b".farhand-part-"
# For helpers that run on the "host", as any user; the test's own Python may live in a home that others cannot enter.
PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable

SEED = int(os.environ.get("FARHAND_TEST_SEED") or random.SystemRandom().randrange(1 << 32))


# ----------------------------------------------------------------------------------------------------------------------
# Waiting

def wait_until(condition, what="the condition", seconds=PATIENCE, every=0.02):
    """Returns the first true value of condition(); fails with `what` when the deadline passes."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"within {seconds} s it did not come true that {what}")
        time.sleep(every)


def holds_for(condition, seconds, every=0.05):
    """Whether condition() stays true for so long; for 'nothing happens', which can only be watched."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not condition():
            return False
        time.sleep(every)
    return True


# ----------------------------------------------------------------------------------------------------------------------
# Processes, as /proc shows them

def _stat_fields(pid):
    with open(f"/proc/{pid}/stat", "rb") as file:
        return file.read().rpartition(b")")[2].split()


def cpu_seconds(pid):
    """What it has had of a processor so far."""
    fields = _stat_fields(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def is_alive(pid):
    """Whether it runs; a zombie does not."""
    try:
        return _stat_fields(pid)[0] not in (b"Z", b"X")
    except OSError:
        return False


def all_pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def children_of(pid):
    """Children, zombies included."""
    found = []
    for other in all_pids():
        try:
            if int(_stat_fields(other)[1]) == pid:
                found.append(other)
        except OSError:
            pass
    return found


def group_members(group):
    """Processes of a process group that are alive."""
    found = []
    for pid in all_pids():
        try:
            fields = _stat_fields(pid)
            if int(fields[2]) == group and fields[0] not in (b"Z", b"X"):
                found.append(pid)
        except OSError:
            pass
    return found


def pids_with_word(word):
    """Processes that have this exact word in their argv. Mark commands with unique words (unique_number) to find them."""
    word = os.fsencode(word)
    found = []
    for pid in all_pids():
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if word in file.read().split(b"\0") and is_alive(pid):
                    found.append(pid)
        except OSError:
            pass
    return found


def memory_of(pid):
    """{'VmHWM': bytes, 'VmRSS': bytes, ...}"""
    values = {}
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            match = re.match(r"(Vm\w+|Rss\w+):\s+(\d+) kB", line)
            if match:
                values[match[1]] = int(match[2]) * 1024
    return values


_numbers = iter(range(100_000 + os.getpid() * 10, 1 << 30))


def unique_number():
    """A number that no other command of this machine has in its argv: `sleep 600123` can be found by it."""
    return str(600_000_000 + next(_numbers))


# ----------------------------------------------------------------------------------------------------------------------
# Files

def scratch(uid=None, prefix="farhand-e2e-"):
    """A fresh directory that any user may enter; owned by uid. Remove it with remove_tree."""
    path = tempfile.mkdtemp(prefix=prefix)
    os.chmod(path, 0o755)
    if uid is not None and os.geteuid() == 0:
        os.chown(path, uid, uid)
    return path


def remove_tree(path):
    if KEEP:
        print(f"kept: {path}", file=sys.stderr)
        return
    def make_writable(function, name, _):
        if os.fspath(name) == os.fspath(path):
            return  # never what it lies in: that is /tmp, which belongs to everybody
        with contextlib.suppress(OSError):
            os.chmod(os.path.dirname(name), 0o700)
            os.chmod(name, 0o700)
            function(name)
    shutil.rmtree(path, onerror=make_writable)


def random_bytes(count, seed=None):
    """Reproducible bytes."""
    return random.Random(SEED if seed is None else seed).randbytes(count)


def write_file(path, content, mode=None, uid=None):
    with open(path, "wb") as file:
        file.write(content)
    if mode is not None:
        os.chmod(path, mode)
    if uid is not None:
        os.chown(path, uid, uid)
    return path


def write_random_file(path, count, seed=0, uid=None):
    """A large file piece by piece; returns its SHA-256."""
    digest = hashlib.sha256()
    source = random.Random(SEED ^ seed)
    with open(path, "wb") as file:
        while count > 0:
            piece = source.randbytes(min(count, 1 << 20))
            digest.update(piece)
            file.write(piece)
            count -= len(piece)
    if uid is not None:
        os.chown(path, uid, uid)
    return digest.hexdigest()


def read_file(path):
    with open(path, "rb") as file:
        return file.read()


def sha256_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def part_files(directory):
    """Paths of part files anywhere under a directory."""
    found = []
    for where, _, names in os.walk(os.fsencode(directory)):
        found += [os.path.join(where, name) for name in names if name.startswith(PART_PREFIX)]
    return found


def snapshot(directory):
    """What a directory tree holds: {path: (type, mode, owner, size, mtime, content hash or link target)}."""
    seen = {}
    directory = os.fsencode(directory)
    paths = [directory]
    for where, directories, names in os.walk(directory):
        paths += [os.path.join(where, name) for name in directories + names]
    for path in paths:
        status = os.lstat(path)
        if stat.S_ISREG(status.st_mode):
            content = sha256_of(path)
        elif stat.S_ISLNK(status.st_mode):
            content = os.readlink(path)
        else:
            content = None
        size = status.st_size if not stat.S_ISDIR(status.st_mode) else 0
        seen[os.path.relpath(path, directory)] = (status.st_mode, status.st_uid, size, status.st_mtime_ns, content)
    return seen


@contextlib.contextmanager
def tmpfs(path, size="1m", uid=None):
    """A small file system; needs root and mount(8), else the test is skipped."""
    if os.geteuid() != 0:
        raise unittest.SkipTest("mounting a tmpfs takes root")
    os.makedirs(path, exist_ok=True)
    owner = f",uid={uid},gid={uid}" if uid is not None else ""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=755{owner}", "none", path],
                             stderr=subprocess.PIPE, timeout=PATIENCE)
    if mounted.returncode != 0:
        raise unittest.SkipTest("no tmpfs can be mounted here: " + mounted.stderr.decode())
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", path], check=True, timeout=PATIENCE)


# ----------------------------------------------------------------------------------------------------------------------
# Users and programs

def as_user(uid, argv):
    """argv, to be run as this uid (None: as we are)."""
    if uid is None or uid == os.geteuid():
        return list(argv)
    return ["setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups", "--", *argv]


def needs_root(test):
    return unittest.skipUnless(os.geteuid() == 0, "takes root: it needs a second user")(test)


def environment(changes=None):
    """Ours without what would lead rclient and rserver elsewhere; `changes` on top (None takes a variable out)."""
    result = {name: value for name, value in os.environ.items()
              if name not in ("RCLIENT_HOST", "FARHAND_CONFIG_DIR", "XDG_RUNTIME_DIR", "XDG_STATE_HOME")}
    for name, value in (changes or {}).items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = value
    return result


def client_command(args, host=None, uid=None):
    """rclient's argv, for tests that start it themselves (subprocess.Popen, pty)."""
    where = ["-H", host] if host is not None else []
    return as_user(uid, [RCLIENT, *where, *args])


def rclient(args, host=None, input=None, timeout=PATIENCE, uid=None, env=None, cwd=None, stdin=None, **more):
    """Runs rclient to its end; a CompletedProcess with bytes. Without input and stdin, standard input is empty."""
    if input is None and stdin is None:
        stdin = subprocess.DEVNULL
    return subprocess.run(client_command(args, host, uid), input=input, stdin=stdin, timeout=timeout, cwd=cwd,
                          env=environment(env), stdout=more.pop("stdout", subprocess.PIPE),
                          stderr=more.pop("stderr", subprocess.PIPE), **more)


def run_rserver(args, uid=None, env=None, cwd="/", timeout=PATIENCE):
    """Runs rserver to its end, for refusals and --help."""
    return subprocess.run(as_user(uid, [RSERVER, *args]), stdin=subprocess.DEVNULL, timeout=timeout, cwd=cwd,
                          env=environment(env), stdout=subprocess.PIPE, stderr=subprocess.PIPE)


# ----------------------------------------------------------------------------------------------------------------------
# Keys

class Identity:
    """A private key and its self-signed certificate, as PEM files, and the pin of the key."""

    def __init__(self, cert, key, pin):
        self.cert = cert
        self.key = key
        self.pin = pin        # sha256:<64 hexadecimal digits>, of the SPKI

    def args(self):
        return ["--tls-cert", self.cert, "--tls-key", self.key]


def make_identity(directory, name, kind="p256", uid=None, days=30):
    """Through the openssl command line. kind: p256, ed25519, p384, rsa2048."""
    key, cert = os.path.join(directory, name + ".key"), os.path.join(directory, name + ".crt")
    algorithm = {"p256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
                 "p384": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
                 "rsa2048": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
                 "ed25519": ["-algorithm", "ED25519"]}[kind]
    _openssl("genpkey", *algorithm, "-out", key)
    _openssl("req", "-x509", "-new", "-key", key, "-subj", f"/CN={name}", "-days", str(days), "-out", cert)
    os.chmod(key, 0o600)
    if uid is not None:
        os.chown(key, uid, uid)
        os.chown(cert, uid, uid)
    spki = _openssl("pkey", "-in", key, "-pubout", "-outform", "DER")
    return Identity(cert, key, "sha256:" + hashlib.sha256(spki).hexdigest())


def _openssl(*args):
    done = subprocess.run(["openssl", *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=PATIENCE)
    if done.returncode != 0:
        raise AssertionError(f"openssl {args[0]}: {done.stderr.decode()}")
    return done.stdout


# ----------------------------------------------------------------------------------------------------------------------
# The server

class Server:
    """rserver in a scratch directory of its own:

        .scratch/root       what is served (.root), unless root= says otherwise
        .scratch/outside    tripwires: files that no request may ever read, change or join
        .scratch/run        the socket, when no --listen is given
        .scratch/log        standard error

    args: rserver's, except --listen: give `listen=[ADDR, ...]`; without it there is one Unix socket in the scratch
    directory (default_address=True: rserver's own default). uid: started as this user through setpriv.
    client_args: put before the verb by client(), for instance TLS keys.
    """

    def __init__(self, *args, listen=None, uid=None, root=None, env=None, client_args=(), default_address=False,
                 limits=None, wrapper=(), lines=None):
        self.uid = uid if uid is not None else os.geteuid()
        self.client_args = list(client_args)
        self.scratch = scratch(uid)
        self._own_root = root is None
        self.root = root or os.path.join(self.scratch, "root")
        self._make_directories()
        if listen is None and not default_address:
            listen = ["unix:" + os.path.join(self.scratch, "run", "socket")]
        self._addresses = [word for address in listen or [] for word in ("--listen", address)]
        self._lines = lines or max(1, len(listen or []))
        self.args = list(args)
        if MODEL and "--model" not in self.args:
            self.args += ["--model", MODEL]
        self._env = {"HOME": os.path.join(self.scratch, "home"), **(env or {})}
        self._limits = limits      # called in the child before exec
        self._wrapper = list(wrapper)  # put before rserver, such as strace; self.pid is then the wrapper's
        self.process = None
        self.start()

    def _make_directories(self):
        names = ["outside", "run", "home"] + (["root"] if self._own_root else [])
        for name in names:
            path = os.path.join(self.scratch, name)
            os.mkdir(path, 0o755)
            if os.geteuid() == 0:
                os.chown(path, self.uid, self.uid)
        outside = os.path.join(self.scratch, "outside")
        write_file(os.path.join(outside, "secret"), b"tripwire: not for anybody\n", 0o644)
        write_file(os.path.join(outside, "victim"), b"tripwire: never changed\n", 0o666)
        os.mkdir(os.path.join(outside, "directory"), 0o777)
        write_file(os.path.join(outside, "directory", "inner"), b"tripwire\n", 0o666)
        self.outside = outside

    # --- life

    def start(self):
        """Starts it (again, after stop or kill), and waits for the readiness lines."""
        self.log_path = os.path.join(self.scratch, "log")
        self._log_file = open(self.log_path, "ab")
        command = [*self._wrapper, RSERVER, *self._addresses, *self.args]
        self.process = subprocess.Popen(as_user(self.uid, command), cwd=self.root, env=environment(self._env),
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._log_file,
                                        start_new_session=True, preexec_fn=self._prepare)
        self.pid = self.process.pid
        self.hosts = []
        try:
            self._wait_until_ready()
        except BaseException:
            self.kill()
            raise
        self.host = self.hosts[0]
        self.tripwires = snapshot(self.outside)
        self._settle()

    def _prepare(self):
        os.umask(0o022)
        if self._limits:
            self._limits()

    def _wait_until_ready(self):
        text = b""
        deadline = time.monotonic() + PATIENCE
        while text.count(b"\n") < self._lines:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                raise AssertionError(f"rserver was not ready within {PATIENCE} s; it said {text!r}; log: {self.log()}")
            piece = os.read(self.process.stdout.fileno(), 4096)
            if not piece:
                status = self.process.wait(timeout=PATIENCE)
                raise AssertionError(f"rserver ended with {status} before it was ready: {self.log()}")
            text += piece
        for line in text.decode().splitlines():
            if not line.startswith("listening on "):
                raise AssertionError(f"no readiness line: {line!r}")
            self.hosts.append(line.removeprefix("listening on "))

    def _settle(self):
        """The baseline: what it holds when nobody is there."""
        last = None
        for _ in range(200):
            now = self.held()
            if now == last:
                break
            last = now
            time.sleep(0.01)
        self.baseline = self.held()
        if "thread" in os.environ.get("FARHAND_SANITIZE", ""):
            self.baseline["threads"] += 1  # ThreadSanitizer's own, which it starts with the first of ours

    def stop(self):
        """SIGTERM, and it must drain and end with 0."""
        self.process.send_signal(signal.SIGTERM)
        self.wait_for_end(0)

    def wait_for_end(self, status):
        got = self.process.wait(timeout=PATIENCE)
        self._close()
        if got != status:
            raise AssertionError(f"rserver ended with {got} instead of {status}: {self.log()[-4000:]}")

    def kill(self):
        """As a crash or the power would end it."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(timeout=PATIENCE)
        self._close()

    def _close(self):
        self.process.stdout.close()
        self._log_file.close()

    def cleanup(self):
        """For addCleanup: whatever state it is in."""
        children = children_of(self.pid) if self.process and self.process.poll() is None else []
        self.kill()
        for pid in children:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        remove_tree(self.scratch)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None and self.process.poll() is None:
                self.stop()
        finally:
            self.cleanup()

    # --- use

    def client(self, args, **options):
        """rclient to this server: its first address, its user, its keys, unless options say otherwise."""
        options.setdefault("host", self.host)
        options.setdefault("uid", self.uid)
        return rclient([*self.client_args, *args], **options)

    def client_command(self, args, host=None, uid=None):
        return client_command([*self.client_args, *args], host or self.host, self.uid if uid is None else uid)

    def start_client(self, args, env=None, uid=None, host=None, **options):
        """A Popen whose pid is rclient's own (setpriv replaces itself)."""
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        return subprocess.Popen(self.client_command(args, host, uid), env=environment(env), **options)

    def connect(self, index=0):
        """A bare socket to one of its addresses, for peers that speak for themselves; TLS is theirs to add."""
        return connect_to(self.hosts[index])

    def path(self, *names):
        return os.path.join(self.root, *names)

    # --- looks

    def log(self):
        with open(self.log_path, "rb") as file:
            return file.read().decode("utf-8", "backslashreplace")

    def fds(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def threads(self):
        return len(os.listdir(f"/proc/{self.pid}/task"))

    def children(self):
        return children_of(self.pid)

    def rss(self):
        return memory_of(self.pid)["VmRSS"]

    def peak_rss(self):
        return memory_of(self.pid)["VmHWM"]

    def held(self):
        return {"fds": self.fds(), "threads": self.threads(), "children": len(self.children())}

    def alive(self):
        return self.process.poll() is None


def connect_to(host, timeout=PATIENCE):
    """A bare socket to an address as rserver prints it."""
    if host.startswith("unix:"):
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        peer.settimeout(timeout)
        peer.connect(host.removeprefix("unix:"))
        return peer
    name, _, port = host.removeprefix("plain:").rpartition(":")
    return socket.create_connection((name.strip("[]"), int(port)), timeout=timeout)


def assert_sane(server, canary=True):
    """After whatever was done to it: the same process lives, serves the next client, holds nothing that it did not hold
    before (within SANE_WITHIN seconds), has left no part file, and nothing outside its root has been touched."""
    if not server.alive():
        raise AssertionError(f"rserver has ended with {server.process.returncode}: {server.log()[-4000:]}")
    if canary:
        done = server.client(["exec", "true"])
        if done.returncode != 0:
            raise AssertionError(f"the canary failed with {done.returncode}: {done.stderr!r}; {server.log()[-4000:]}")
    held = {}

    def at_baseline():
        held.update(server.held())
        return all(held[name] <= server.baseline[name] for name in held)

    try:
        wait_until(at_baseline, seconds=SANE_WITHIN * (1 if os.cpu_count() > 2 else 2))
    except AssertionError:
        raise AssertionError(f"the server holds {held}, and before it was {server.baseline}") from None
    wait_until(lambda: not part_files(server.root), "no part file is left", SANE_WITHIN)
    if snapshot(server.outside) != server.tripwires:
        raise AssertionError(f"the tripwires changed: {server.tripwires} -> {snapshot(server.outside)}")
    if not server.alive() or server.process.pid != server.pid:
        raise AssertionError("rserver has ended")


class ServerTest(unittest.TestCase):
    """One server for all tests of the class (server_options), at `self.server`; sane after each. Fresh directory for
    the client's files at `self.here`."""

    server_args = ()
    server_options = {}

    @classmethod
    def setUpClass(cls):
        cls.server = Server(*cls.server_args, **cls.server_options)
        cls.addClassCleanup(cls.server.cleanup)

    @classmethod
    def tearDownClass(cls):
        if cls.server.alive():
            cls.server.stop()

    def setUp(self):
        self.here = scratch(self.server.uid)
        self.addCleanup(remove_tree, self.here)

        self.addCleanup(self._check_server)  # runs after the cleanups of the test, which end its clients

    def _check_server(self):
        try:
            assert_sane(self.server)
        except BaseException:
            self.server.kill()  # the next test is to tell about itself
            self.server.start()
            raise

    def client(self, args, **options):
        options.setdefault("cwd", self.here)
        return self.server.client(args, **options)

    def check(self, done, status=0, out=None, err=None):
        """The status, and the two streams where they are given."""
        self.assertEqual(done.returncode, status, f"stderr: {done.stderr!r}")
        if out is not None:
            self.assertEqual(done.stdout, out)
        if err is not None:
            self.assertEqual(done.stderr, err)
        return done

    def check_sentence(self, done, status, *words):
        """A failure as it must be told: the status, and exactly one line on standard error, 'rclient: ...'."""
        check_sentence(self, done, status, *words)


def check_sentence(test, done, status, *words):
    test.assertEqual(done.returncode, status, f"stderr: {done.stderr!r}")
    lines = done.stderr.decode().splitlines()
    test.assertEqual(len(lines), 1, f"one sentence was expected: {done.stderr!r}")
    test.assertTrue(lines[0].startswith("rclient: "), lines[0])
    test.assertTrue(lines[0].isprintable(), lines[0])
    for word in words:
        test.assertIn(word, lines[0])


# ----------------------------------------------------------------------------------------------------------------------
# Terminals

class Terminal:
    """A program on a pty of its own, as its controlling terminal; what it shows is collected."""

    def __init__(self, argv, env=None, rows=24, columns=80, cwd=None, stdin=None, stdout=None, stderr=None):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.slave = slave       # kept open: so stty can be asked after the program has ended
        self.before = self.settings()
        self.seen = b""
        self.process = subprocess.Popen(
            argv, stdin=slave if stdin is None else stdin, stdout=slave if stdout is None else stdout,
            stderr=slave if stderr is None else stderr, cwd=cwd, env=environment({"TERM": "xterm", **(env or {})}),
            start_new_session=True, preexec_fn=lambda: fcntl.ioctl(slave, termios.TIOCSCTTY, 0), pass_fds=[slave])

    def read_some(self, seconds=0.1):
        ready, _, _ = select.select([self.master], [], [], seconds)
        if ready:
            try:
                self.seen += os.read(self.master, 65536)
            except OSError as error:
                if error.errno != errno.EIO:
                    raise

    def send(self, data):
        os.write(self.master, data)

    def expect(self, pattern, seconds=PATIENCE):
        """Reads until the pattern (bytes, a regular expression) has been shown; returns what was shown up to its end
        and takes that away."""
        deadline = time.monotonic() + seconds
        while True:
            match = re.search(pattern, self.seen, re.DOTALL)
            if match:
                shown, self.seen = self.seen[:match.end()], self.seen[match.end():]
                return shown
            if time.monotonic() > deadline:
                raise AssertionError(f"within {seconds} s the terminal did not show {pattern!r}, but {self.seen!r}")
            self.read_some()

    def settings(self):
        return termios.tcgetattr(self.slave)

    def wait(self, seconds=PATIENCE):
        """The exit status; reads meanwhile, so that the program is never held up."""
        deadline = time.monotonic() + seconds
        while self.process.poll() is None:
            if time.monotonic() > deadline:
                raise AssertionError(f"it did not end within {seconds} s; it shows {self.seen!r}")
            self.read_some()
        self.read_some(0)
        return self.process.returncode

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(timeout=PATIENCE)
        for fd in (self.master, self.slave):
            with contextlib.suppress(OSError):
                os.close(fd)


# ----------------------------------------------------------------------------------------------------------------------
# Threads

def in_parallel(jobs, at_once):
    """Runs callables, `at_once` at a time; the first failure is raised when all have ended."""
    jobs = list(jobs)
    failures, results, lock = [], [None] * len(jobs), threading.Lock()
    left = iter(range(len(jobs)))

    def work():
        while True:
            with lock:
                index = next(left, None)
            if index is None:
                return
            try:
                results[index] = jobs[index]()
            except BaseException as failure:  # raised again below
                with lock:
                    failures.append(failure)

    threads = [threading.Thread(target=work) for _ in range(min(at_once, len(jobs)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return results


def main():
    print(f"FARHAND_TEST_SEED={SEED}", file=sys.stderr)
    unittest.main(verbosity=2)
