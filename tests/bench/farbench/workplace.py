"""Everything a run needs on the machine: packages, a user, directories, keys, copies of the binaries, source files.
All of it goes away with close(), except installed packages."""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import tempfile

from farbench import processes
from farbench.errors import BenchError

USER = "farhand-bench"
LOCK = "/run/lock/farhand-bench.lock"
ROOT_PATH = "/usr/bin:/bin:/usr/sbin:/sbin"
FLOORS = ("bench_exec_floor", "bench_tls_floor", "bench_timerun", "bench_nosync.so")
PEER_SSHD = pathlib.Path(__file__).resolve().parent.parent / "peer_sshd.sh"
CHUNK_BYTES = 16 * 2**20


def run(*command, **options):
    """Runs a program of ours; its output is the error's text when it fails."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    if done.returncode != 0:
        raise BenchError(f"failed: {processes.words(command)}\n{done.stdout.decode(errors='replace')[-2000:]}")
    return done.stdout


def install_packages():
    run(PEER_SSHD.parent.parent.parent / "scripts" / "packages", "--bench")


def free_port():
    """A port of 127.0.0.1 that nobody has at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def make_source(path, size):
    """A file that cannot be compressed, in the page cache and on the disk."""
    with open(path, "wb") as file:
        for start in range(0, size, CHUNK_BYTES):
            file.write(os.urandom(min(CHUNK_BYTES, size - start)))
        file.flush()
        os.fsync(file.fileno())


class Workplace:
    """disk and tmpfs are directories with one layout: source (a file of `size` bytes) and root/ (what servers serve,
    with root/source, the same file); both belong to the bench's user. account is that user's, root is root's, whose
    keys.toml lets the key's owner run commands as the bench's user."""

    def __init__(self, size, disk, binaries):
        self.size = size
        self.stack = contextlib.ExitStack()
        try:
            self._take_lock()
            install_packages()
            self.home = self._directory("/var/tmp")
            self._start_sshd()
            self._copy(binaries)
            self._make_keys()
            self._make_roots_configuration()
            self.disk, self.tmpfs = self._files(disk), self._files("/dev/shm")
        except BaseException:
            self.close()
            raise

    def close(self):
        self.stack.close()

    def _take_lock(self):
        lock = self.stack.enter_context(open(LOCK, "w"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BenchError("another run is under way: two of them would measure each other") from None

    def _directory(self, parent):
        path = pathlib.Path(tempfile.mkdtemp(prefix="farhand-bench-", dir=parent))
        self.stack.callback(shutil.rmtree, path, ignore_errors=True)
        path.chmod(0o755)
        return path

    def _start_sshd(self):
        """The peer's server makes the user that everything runs as."""
        peer = self.home / "ssh"
        peer.mkdir()
        self.stack.callback(run, PEER_SSHD, "stop", peer)
        run(PEER_SSHD, "start", peer, USER, free_port())
        self.ssh = ["-F", peer / "ssh.conf"]
        entry = pwd.getpwnam(USER)
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(peer / "home"), "USER": USER, "LANG": "C.UTF-8"}
        self.account = processes.Account(entry.pw_uid, entry.pw_gid, environment, self.home / "servers.log")

    def own(self, path):
        os.chown(path, self.account.uid, self.account.gid)
        return path

    def _copy(self, binaries):
        """Copies, since the clone may lie where the bench's user cannot go."""
        self.binaries = {}
        for source in binaries:
            self.binaries[source.name] = self.home / source.name
            shutil.copy(source, self.home / source.name)
        self.timerun = self.binaries["bench_timerun"]
        self.nosync = {"LD_PRELOAD": str(self.binaries["bench_nosync.so"])}

    def _make_keys(self):
        """One key and certificate serves both sides: they pin each other."""
        self.key, self.certificate = self.home / "key.pem", self.home / "certificate.pem"
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=bench", "-keyout", self.key, "-out", self.certificate)
        self.own(self.key)
        public = run("openssl", "x509", "-in", self.certificate, "-noout", "-pubkey")
        spki = run("openssl", "pkey", "-pubin", "-outform", "DER", input=public)
        self.pin = "sha256:" + hashlib.sha256(spki).hexdigest()

    def _make_roots_configuration(self):
        config = self.home / "root-config"
        config.mkdir(mode=0o700)
        keys = f'[bench]\npin = "{self.pin}"\nuser = "{USER}"\nallow = ["exec"]\n'
        with open(os.open(config / "keys.toml", os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(keys)
        environment = {"PATH": ROOT_PATH, "HOME": str(config), "FARHAND_CONFIG_DIR": str(config), "LANG": "C.UTF-8"}
        self.root = processes.Account(0, 0, environment, self.account.log)

    def _files(self, parent):
        place = self.own(self._directory(parent))
        root = place / "root"
        root.mkdir()
        self.own(root)
        return place

    def add_source(self, place):
        """Makes the source files of a place, when a row needs them first."""
        if (place / "source").exists():
            return
        free = shutil.disk_usage(place).free
        if free < 3 * self.size:
            raise BenchError(f"{place} has {free >> 20} MiB free and needs {3 * self.size >> 20} (see --size, --disk)")
        make_source(place / "source", self.size)
        self.own(place / "source")
        os.link(place / "source", place / "root" / "source")
