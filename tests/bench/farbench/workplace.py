"""Everything a run needs on the machine: packages, a user, sites, directories, keys, copies of the binaries, files.
All of it goes away with close(), except installed packages."""

import contextlib
import dataclasses
import fcntl
import functools
import hashlib
import os
import pathlib
import pwd
import random
import shutil
import socket
import subprocess
import tempfile

from farbench import link, processes
from farbench.errors import BenchError

USER = "farhand-bench"
LOCK = "/run/lock/farhand-bench.lock"
ROOT_PATH = "/usr/bin:/bin:/usr/sbin:/sbin"
FLOORS = ("bench_exec_floor", "bench_tls_floor", "bench_timerun", "bench_keystrokes", "bench_nosync.so", "bench_wanlink")
SSH_PORTS = 16  # of each sshd, which takes no more, for whoever wants many hosts
WAN_SSH_PORTS = range(2222, 2222 + SSH_PORTS)  # nobody else listens in a namespace of our own
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
    return free_ports(1)[0]


def free_ports(count):
    """The same, all different."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def make_source(path, size):
    """A file that cannot be compressed, in the page cache and on the disk."""
    with open(path, "wb") as file:
        for start in range(0, size, CHUNK_BYTES):
            file.write(os.urandom(min(CHUNK_BYTES, size - start)))
        file.flush()
        os.fsync(file.fileno())


@dataclasses.dataclass(frozen=True)
class Site:
    """Between what a row's work is done: servers run in one account and listen at the address, clients in another; ssh
    holds the options with which ssh and scp reach the peer's server at this address, and ssh_ports where it listens."""

    address: str
    server: processes.Account
    client: processes.Account
    ssh: list
    ssh_ports: list


class Workplace:
    """disk and tmpfs are directories with one layout: source (a file of `size` bytes) and root/ (what servers serve,
    with root/source, the same file); both belong to the bench's user. account is that user's, root is root's, whose
    keys.toml lets the key's owner run commands as the bench's user; loopback and wan are the sites."""

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
        ports = free_ports(SSH_PORTS)
        ssh = self._start_peer("ssh", ports, "127.0.0.1")
        entry = pwd.getpwnam(USER)
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(self.home / "ssh/home"), "USER": USER, "LANG": "C.UTF-8"}
        self.account = processes.Account(entry.pw_uid, entry.pw_gid, environment, self.home / "servers.log")
        self.loopback = Site("127.0.0.1", self.account, self.account, ssh, ports)

    def _start_peer(self, name, ports, address, before=()):
        """An sshd with its files in a directory of this name. Returns the options that lead ssh to it."""
        peer = self.home / name
        peer.mkdir()
        self.stack.callback(run, PEER_SSHD, "stop", peer)
        run(*before, PEER_SSHD, "start", peer, USER, processes.words(ports), address)
        return ["-F", peer / "ssh.conf"]

    @functools.cached_property
    def wan(self):
        """The site with a long link between server and client; it is made when the first row asks for it."""
        return self._far_site("wan")

    @functools.cached_property
    def slow_wan(self):
        """The same with a rate."""
        return self._far_site("rate", "--mbit", link.RATE_MBIT)

    @functools.cached_property
    def lossy_wan(self):
        """The same with a rate and losses."""
        return self._far_site("loss", "--mbit", link.RATE_MBIT, "--loss", link.LOSS_PERCENT)

    @functools.cached_property
    def half_wan(self):
        """The same without a rate and half as long."""
        return self._far_site("half", round_trip_ms=link.HALF_ROUND_TRIP_MS)

    def _far_site(self, name, *options, **more):
        near, far = link.open_link(self.stack, self.root, self.binaries["bench_wanlink"], name, options, **more)
        ssh = self._start_peer(f"ssh-{name}", WAN_SSH_PORTS, link.FAR_ADDRESS, processes.inside(far))
        server, client = (dataclasses.replace(self.account, network=network) for network in (far, near))
        return Site(link.FAR_ADDRESS, server, client, ssh, WAN_SSH_PORTS)

    def place(self, name, mode=0o755):
        """A directory of the bench's user, which may be there already."""
        path = self.home / name
        path.mkdir(mode, exist_ok=True)
        path.chmod(mode)
        return self.own(path)

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

    def put_away(self, tree):
        """Moves a tree of the disk aside, and deletes it only with the whole place: for seconds after many files have been
        deleted ext4 looks at every one of their inodes before it makes another, and the next run would pay for that."""
        if not tree.is_relative_to(self.disk):
            shutil.rmtree(tree)
            return
        away = self.disk / "away"
        away.mkdir(exist_ok=True)
        tree.rename(away / f"{len(os.listdir(away))}")

    def add_source(self, place, name="source", size=None):
        """Makes the source files of a place, when a row needs them first."""
        if (place / name).exists():
            return
        size = size or self.size
        free = shutil.disk_usage(place).free
        if free < 3 * size:
            raise BenchError(f"{place} has {free >> 20} MiB free and needs {3 * size >> 20} (see --size, --disk)")
        make_source(place / name, size)
        self.own(place / name)
        os.link(place / name, place / "root" / name)

    def add_copy(self, place, name, directories):
        """What is in directories of the machine."""
        if (place / name).exists():
            return
        (place / name).mkdir()
        run("cp", "-r", *directories, place / name)
        run("chown", "-R", f"{self.account.uid}:{self.account.gid}", place / name)

    def add_tree(self, place, name, count):
        """A directory of small files, 1 to 11 KB, a hundred in each of its directories; the same below root/."""
        if (place / name).exists():
            return
        sizes = random.Random(count)
        for number in range(count):
            directory = place / name / f"d{number // 100}"
            directory.mkdir(parents=True, exist_ok=True)
            (directory / f"f{number}").write_bytes(os.urandom(sizes.randrange(1_000, 11_000)))
        run("chown", "-R", f"{self.account.uid}:{self.account.gid}", place / name)
        run("cp", "-al", place / name, place / "root" / name)
