"""What the tests of jobs that are broken off or fail share: a small job in either direction, an end that strace watches or
hurts, a disk that can lose its power, and what has to hold under every name afterwards."""
import collections
import contextlib
import ctypes
import fcntl
import functools
import json
import os
import re
import shutil
import stat
import struct
import subprocess
import unittest

from frame_relay import DOWN, UP, FrameRelay
from harness import (PART_PREFIX, PATIENCE, SCALE, Server, connect_to, environment, is_alive, part_files, random_bytes, remove_tree, scratch,
                     snapshot, wait_until, write_file)

KIB = 1 << 10
MIB = 1 << 20
LEAST_RESUMABLE = 256 * KIB     # what is larger goes on where it was
POST, GET = "post", "get"
CLIENT, SERVER = "client", "server"
CUT_NOW = 0x8004587d            # EXT4_IOC_SHUTDOWN
NOLOGFLUSH = 2                  # of its argument: what is not on the disk yet never gets there
CLONE_NEWNS = 0x20000
MS_REC, MS_PRIVATE = 0x4000, 1 << 18
LIBC = ctypes.CDLL(None, use_errno=True)


def needs_strace(test):
    wanted = shutil.which("strace") and os.geteuid() == 0 and not os.environ.get("FARHAND_SANITIZE")
    return unittest.skipUnless(wanted, "takes strace and root, and no sanitizer, which cannot be traced")(test)


# ----------------------------------------------------------------------------------------------------------------------
# Trees

def facts_of(tree):
    """What counts in a tree: {name: (kind and mode, size, time, content)}, without parts, which nobody sees, and without the
    times of links, which nobody asks for."""
    seen = {}
    for name, (mode, _, size, modified, content) in snapshot(tree).items():
        if os.path.basename(name).startswith(PART_PREFIX):
            continue
        seen[name] = (mode, size, None if stat.S_ISLNK(mode) else modified, content)
    return seen


def contents_of(tree):
    """{name: (type, size, content)} of what is no directory."""
    if not os.path.isdir(tree):
        return {}
    return {name: (stat.S_IFMT(mode), size, content) for name, (mode, size, _, content) in facts_of(tree).items()
            if not stat.S_ISDIR(mode)}


def same_files(tree, names):
    """Which of these names are one file: groups, in the order of the names."""
    groups = collections.defaultdict(list)
    for name in sorted(names):
        groups[os.stat(os.path.join(os.fsencode(tree), name), follow_symlinks=False).st_ino].append(name)
    return sorted(groups.values())


def walk_order(tree):
    """Names below what the tree lies in, in the order of a job's entries."""
    order, top = [], os.path.dirname(os.fsencode(tree))

    def visit(path):
        order.append(os.path.relpath(path, top))
        if os.path.isdir(path) and not os.path.islink(path):
            for name in sorted(os.listdir(path)):
                visit(os.path.join(path, name))

    visit(os.fsencode(tree))
    return order


def small_tree(top):
    """Something of everything: 400 KiB in all."""
    os.makedirs(os.path.join(top, "sub", "empty"))
    write_file(os.path.join(top, "a-new"), b"new\n")
    write_file(os.path.join(top, "b-replaces"), b"this is the new version\n", 0o640)
    write_file(os.path.join(top, "c-large"), random_bytes(LEAST_RESUMABLE + 4096, 1))
    write_file(os.path.join(top, "hard-1"), b"one file of two names\n")
    os.link(os.path.join(top, "hard-1"), os.path.join(top, "hard-2"))
    os.symlink("a-new", os.path.join(top, "link"))
    write_file(os.path.join(top, "sub", "inner"), random_bytes(70 * KIB, 2))
    write_file(os.path.join(top, "sub", "large-replaces"), random_bytes(LEAST_RESUMABLE + 1, 3))


def small_old_tree(top):
    """What is there before."""
    os.makedirs(os.path.join(top, "sub"))
    write_file(os.path.join(top, "b-replaces"), b"old\n")
    write_file(os.path.join(top, "hard-2"), b"an old one\n")
    write_file(os.path.join(top, "sub", "large-replaces"), random_bytes(LEAST_RESUMABLE + 100, 4))


def nothing(top):
    """For a target without anything before."""


# ----------------------------------------------------------------------------------------------------------------------
# A job

class Relay(FrameRelay):
    def end(self):
        """When the client has gone. If it never came, the server still has its session, which ends."""
        with contextlib.suppress(OSError):
            connect_to(self.host).close()
        self._thread.join(PATIENCE)


def is_below_trouble(entry, troubles):
    """What is below a directory that could not be had is not told of by itself."""
    parts = entry.split(b"/")
    above = [b"/".join(parts[:count]) for count in range(1, len(parts))]
    return any(struct.pack("<Q", len(path)) + path in troubles for path in above)


def has_untold(ran):
    """Of a directory that cannot be entered the first failure is told, and the others are counted."""
    job = (ran.report or {}).get("job") or {}
    return job.get("failed", 0) > len(job.get("failures", []))


Ran = collections.namedtuple("Ran", "status report error acked troubles")   # report: the JSON; acked: entries that were called settled


class Job:
    """The directory `t`, from the client's side to the server's (POST), or the other way. here, root: existing directories
    for the two sides, else scratch ones."""

    def __init__(self, test, way, make=small_tree, make_old=small_old_tree, here=None, root=None, **options):
        self.test, self.way, self.make_old = test, way, make_old
        self.client_env, self.words = {}, []   # words: more options of the command
        self.server = Server(root=root, **options)
        test.addCleanup(self.server.cleanup)
        self.here = here or scratch()
        if here is None:
            test.addCleanup(remove_tree, self.here)
        self.target_top = self.server.root if way == POST else self.here
        self.source = os.path.join(self.here if way == POST else self.server.root, "t")
        self.target = os.path.join(self.target_top, "t")
        self.old = {}
        make(self.source)
        self.read_source()

    def read_source(self):
        """Again after a change."""
        self.new = contents_of(self.source)
        self.order = walk_order(self.source)

    @property
    def receiver(self):
        return SERVER if self.way == POST else CLIENT

    def prepare(self):
        """The target as it was before the job."""
        if os.path.lexists(self.target):
            shutil.rmtree(self.target)
        for part in part_files(self.target_top):
            os.unlink(part)
        self.make_old(self.target)
        self.old = contents_of(self.target)

    def argv(self, host=None):
        return self.server.client_command(["--json", self.way, *self.words, "t"], host=host)

    def start(self, host, wrapper=()):
        return subprocess.Popen([*wrapper, *self.argv(host)], cwd=self.here, env=environment(self.client_env), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, wrapper=(), heard=None, during=None):
        """To its end. wrapper: put before the client. heard(up, kind, raw): behind each frame. during(client): called once
        it has been started."""
        acked, troubles = [0], []
        stored_up = self.way == GET

        def listen(up, kind, raw):
            if up == (UP if stored_up else DOWN) and kind == "stored":
                acked[0] = int(raw.rstrip(b"\n").rpartition(b"|")[2])
            if kind == "trouble":
                troubles.append(raw)
            if heard:
                heard(up, kind, raw)

        with Relay(self.server, heard=listen) as relay:
            client = self.start(relay.host, wrapper)
            try:
                if during:
                    during(client)
                out, error = client.communicate(timeout=PATIENCE)
            finally:
                if client.poll() is None:
                    client.kill()
                    client.communicate()
                relay.end()
        return Ran(client.returncode, json.loads(out) if out else None, error.decode(), acked[0], b"".join(troubles))

    # --- what has to hold

    def check_names(self):
        """Under each name: all of the old or all of the new, and nothing else."""
        for name, found in contents_of(self.target).items():
            allowed = [facts[name] for facts in (self.old, self.new) if name in facts]
            self.test.assertIn(found, allowed, f"{name}: neither the old nor the new")
        for name in set(self.old) - set(contents_of(self.target)):
            self.test.fail(f"{name}: the old one is gone and the new one not there")

    def check_acked(self, ran):
        """What was called settled, and of which no trouble was told, is there; and everything if it ended well."""
        there = contents_of(self.target)
        told = {os.fsencode(each["path"]) for each in told_in(ran.report) if "path" in each}
        for entry in self.order[:ran.acked]:
            name = os.path.relpath(entry, b"t")
            if name in self.new and entry not in told and entry not in ran.troubles and not is_below_trouble(entry, ran.troubles) and not has_untold(ran):
                self.test.assertEqual(there.get(name), self.new[name], f"{name} was acknowledged")
        if ran.status == 0:
            self.check_whole()
            self.test.assertEqual((ran.report["status"], ran.report["job"]["failed"]), (0, 0))

    def check_whole(self):
        self.test.assertEqual(facts_of(self.target), facts_of(self.source))
        self.test.assertEqual(same_files(self.target, self.new), same_files(self.source, self.new), "names of one file")

    def check_sentences(self, ran):
        """A failure is told, in lines that can be printed; and nothing has crashed."""
        self.test.assertGreater(ran.status, 0, ran)
        self.test.assertLess(ran.status, 125, ran)
        self.test.assertTrue(ran.error.strip() or told_in(ran.report), ran)
        for line in ran.error.splitlines():
            self.test.assertTrue(line.startswith("rclient: ") and line.isprintable(), ran.error)

    def missing_bytes(self):
        """Of files whose content is not there; a file of several names counts once."""
        there, seen, missing = contents_of(self.target), set(), 0
        for name, facts in self.new.items():
            inode = os.stat(os.path.join(os.fsencode(self.source), name), follow_symlinks=False).st_ino
            if stat.S_ISREG(facts[0]) and there.get(name) != facts and inode not in seen:
                seen.add(inode)
                missing += facts[1]
        return missing

    def check_again(self):
        """The same command ends well and sends no more than what is missing; then there is nothing more to send."""
        missing = self.missing_bytes()
        again = self.run()
        self.test.assertEqual(again.status, 0, again)
        self.test.assertLessEqual(again.report["job"]["bytes"], missing, again)
        self.check_whole()
        return again

    def ends(self):
        """How many sessions have ended, once none is left: a client that is done does not wait for the end of its session,
        which would be taken for that of the next one."""
        idle = self.server.baseline   # without descriptors: a close that strace lets fail keeps one
        wait_until(lambda: self.server.threads() <= idle["threads"] and len(self.server.children()) <= idle["children"],
                   "the sessions before have ended")
        return self._ends_told()

    def wait_for_session_end(self, ends_before):
        wait_until(lambda: not is_alive(self.server.pid) or self._ends_told() > ends_before, "the server is through with it")

    def _ends_told(self):
        return self.server.log().count(", end: ")


def told_in(report):
    """Everything that the JSON says went wrong."""
    if not report:
        return []
    job = report.get("job") or {}
    return [each for each in [report.get("error"), *(file["error"] for file in report.get("files", [])), *job.get("failures", [])] if each]


# ----------------------------------------------------------------------------------------------------------------------
# strace

def client_wrapper(*options):
    return ["strace", "-f", "-qq", *options]


@contextlib.contextmanager
def watched_server(server, *options):
    """strace on a running server. It may be dead afterwards."""
    tracer = subprocess.Popen(["strace", "-f", *options, "-p", str(server.pid)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        attached = tracer.stderr.readline()
        assert b"attached" in attached, attached
        yield
    finally:
        tracer.terminate()
        try:
            tracer.communicate(timeout=2)
        except subprocess.TimeoutExpired:  # a thread that dies while it is traced may leave it waiting
            tracer.kill()
            tracer.communicate(timeout=PATIENCE)


NOT_CALLS = {"exit", "exit_group", "execve", "restart_syscall", "rt_sigreturn"}


def is_of_a_file(line):
    """Of a trace with -y: it reads and writes what has a name, and neither sockets nor what wakes a thread."""
    return re.search(r" (read|write)\(\d+<[^/]", line) is None


def calls_of(trace, begin=None, wanted=lambda line: True):
    """[(name, nth)], in the order of the trace, each once: strace counts in each thread anew, so the nth call of a name is
    met in the thread that comes to it first. begin: a regular expression; what is before it is left out, and with it what
    would be met before it."""
    counts, before, calls = collections.Counter(), collections.Counter(), {}
    begun = begin is None
    with open(trace, errors="replace") as file:
        for line in file:
            match = re.match(r"(\d+) +(\w+)\(", line)
            if not match:
                continue
            counts[match[1], match[2]] += 1
            begun = begun or re.search(begin, line) is not None
            if not begun:
                before[match[2]] += 1
            elif match[2] not in NOT_CALLS and counts[match[1], match[2]] > before[match[2]] and wanted(line):
                calls.setdefault((match[2], counts[match[1], match[2]]))
    return list(calls)


def calls_in(job, end, begin=None, wanted=lambda line: True):
    """The calls of one end of this job, when nothing goes wrong."""
    trace = os.path.join(job.server.scratch, "trace")
    job.prepare()
    if end == CLIENT:
        ran = job.run(wrapper=client_wrapper("-y", "-o", trace))
    else:
        with watched_server(job.server, "-y", "-o", trace):
            ends = job.ends()
            ran = job.run()
            job.wait_for_session_end(ends)
    job.test.assertEqual(ran.status, 0, ran)
    job.test.assertEqual(ran.acked, len(job.order), "every entry is acknowledged in the end")
    job.check_whole()
    return calls_of(trace, begin, wanted)


def run_hurt(job, end, *options, prepare=True):
    """The job, with one end under strace with these options."""
    if prepare:
        job.prepare()
    ends = job.ends()
    if end == CLIENT:
        ran = job.run(wrapper=client_wrapper("-o", os.devnull, *options))
        job.wait_for_session_end(ends)
        return ran
    with watched_server(job.server, "-o", os.devnull, *options):
        ran = job.run()
        job.wait_for_session_end(ends)
    return ran


def sample(cases, count):
    """All of them in a soak; else so many, evenly."""
    if SCALE > 1 or len(cases) <= count:
        return cases
    return [cases[at * len(cases) // count] for at in range(count)]


# ----------------------------------------------------------------------------------------------------------------------
# Disks

@functools.cache
def keep_mounts_to_ourselves():
    """This process and its children see its mounts from now on, and nobody else. A namespace that another test begins
    meanwhile would take a disk along, which would then outlive its unmount: mounted again it would be the old one, cut off."""
    if LIBC.unshare(CLONE_NEWNS) != 0 or LIBC.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) != 0:
        raise unittest.SkipTest("no mount namespace can be had here: " + os.strerror(ctypes.get_errno()))


class Disk:
    """ext4 in a file, mounted; skips the test where that is not permitted."""

    def __init__(self, test, size=256 * MIB, options="commit=300"):
        if os.geteuid() != 0 or not shutil.which("mkfs.ext4"):
            raise unittest.SkipTest("takes root and mkfs.ext4")
        keep_mounts_to_ourselves()
        self.options = options     # a long interval: what is not synced is not written by chance
        self.scratch = scratch()
        test.addCleanup(remove_tree, self.scratch)
        self.image = os.path.join(self.scratch, "image")
        self.path = os.path.join(self.scratch, "disk")
        os.mkdir(self.path)
        with open(self.image, "wb") as file:
            file.truncate(size)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=1,lazy_journal_init=1", self.image], check=True, timeout=PATIENCE)
        self.mounted = False
        test.addCleanup(self.unmount)
        try:
            self.mount()
        except subprocess.CalledProcessError as failure:
            raise unittest.SkipTest("no ext4 can be mounted from a file here: " + failure.stderr.decode()) from None

    def mount(self):
        subprocess.run(["mount", "-o", "loop," + self.options, self.image, self.path], check=True, stderr=subprocess.PIPE, timeout=PATIENCE)
        self.mounted = True

    def unmount(self):
        if self.mounted:
            subprocess.run(["umount", self.path], check=True, stderr=subprocess.PIPE, timeout=PATIENCE)
            self.mounted = False

    def cut(self, commit=False):
        """The power goes: nothing gets onto the disk from now on. commit: just after a sync of somebody else's file, which
        brings all names onto the disk, and of the contents only those that have been written out."""
        if commit:
            with open(os.path.join(self.path, "neighbour"), "wb") as file:
                file.write(b"x")
                file.flush()
                os.fsync(file.fileno())
        directory = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(directory, CUT_NOW, struct.pack("I", NOLOGFLUSH))
        except OSError as error:
            raise unittest.SkipTest(f"this kernel cannot cut ext4 off: {error}") from None
        finally:
            os.close(directory)

    def come_back(self):
        self.unmount()
        self.mount()
