"""A job of files that is broken off anywhere: by kill -9 of either end, or by the power. Under each name is all of the old or
all of the new, what was acknowledged is there, and the same command again sends only the rest."""
import fcntl
import os
import random
import shutil
import signal
import subprocess
import time
import unittest

from crash_support import (CLIENT, GET, KIB, MIB, POST, SERVER, Disk, Job, calls_in, calls_of, contents_of, needs_strace, nothing,
                           run_hurt, sample, watched_server)
from harness import NOBODY, PART_PREFIX, PATIENCE, RSERVER, SCALE, SEED, is_alive, main, part_files, random_bytes, write_file

# What changes a disk, or tells the other side: at scale 1, a sweep meets each of these at least once.
TELLING = ("mkdirat", "openat", "pwrite64", "ftruncate", "fchmod", "utimensat", "fsync", "syncfs", "renameat", "linkat", "symlinkat",
           "unlinkat", "sendto", "flock")


@needs_strace
class KillAtEveryCall(unittest.TestCase):
    """A system call at whose beginning the process is killed does nothing any more: so every state is met in between."""

    def cases(self, job, end):
        calls = calls_in(job, end, None if SCALE > 1 or end == SERVER else r"\bconnect\(")
        self.assertGreater(len(calls), 30)
        of_each = [[call for call in calls if call[0] == name] for name in TELLING]
        chosen = [found[SEED % len(found)] for found in of_each if found] + sample(calls, 6)
        return calls if SCALE > 1 else list(dict.fromkeys(chosen))

    def sweep(self, way, end):
        job = Job(self, way)
        killed = 0
        for name, nth in self.cases(job, end):
            with self.subTest(way=way, killed=end, call=name, nth=nth):
                ran = run_hurt(job, end, "-e", f"trace={name}", "-e", f"inject={name}:signal=KILL:when={nth}")
                killed += self.was_killed(job, end, ran)
                job.check_names()
                job.check_acked(ran)
                self.check_parts(job, end)
                job.check_again()
        self.assertGreater(killed, 5, "most of them are met")

    def was_killed(self, job, end, ran):
        if end == CLIENT:
            self.assertIn(ran.status, (0, -signal.SIGKILL), ran)
            return ran.status != 0
        if is_alive(job.server.pid):
            self.assertEqual(ran.status, 0, ran)
            return False
        job.server.kill()
        job.server.start()
        if ran.status != 0:
            job.check_sentences(ran)
        return True

    def check_parts(self, job, end):
        """A receiver that lives leaves only what the next run goes on with."""
        parts = part_files(job.target_top)
        if end != job.receiver:
            self.assertTrue(all(os.path.getsize(part) > 0 for part in parts), parts)
            self.assertLessEqual(len(parts), 2, parts)

    def test_of_a_client_that_posts(self):
        self.sweep(POST, CLIENT)

    def test_of_a_server_that_is_posted_to(self):
        self.sweep(POST, SERVER)

    def test_of_a_client_that_gets(self):
        self.sweep(GET, CLIENT)

    def test_of_a_server_that_is_got_from(self):
        self.sweep(GET, SERVER)

    def test_of_a_receiver_that_keeps_backups(self):
        """The old version is always there: under its name, or under that of the backup, or under both."""
        for way, end in ((POST, SERVER), (GET, CLIENT)):
            job = Job(self, way)
            job.words = ["--backup", "~"]
            calls = [call for call in calls_in_job_with_backups(job, end) if call[0] in ("renameat", "linkat", "unlinkat", "fsync", "syncfs")]
            self.assertGreater(len(calls), 6)
            for name, nth in sample(calls, 6):
                with self.subTest(way=way, call=name, nth=nth):
                    ran = run_hurt(job, end, "-e", f"trace={name}", "-e", f"inject={name}:signal=KILL:when={nth}")
                    self.was_killed(job, end, ran)
                    self.check_backups(job)
                    self.assertEqual(job.run().status, 0)
                    self.check_backups(job, whole=True)

    def check_backups(self, job, whole=False):
        there = contents_of(job.target)
        for name, old in job.old.items():
            self.assertIn(there.get(name), (old, job.new[name]), name)
            if there[name] != old:
                self.assertEqual(there.get(name + b"~"), old, name)
        for name, new in job.new.items():
            self.assertIn(there.get(name), (new,) if whole else (new, job.old.get(name)), name)
        self.assertLessEqual(set(there) - set(job.new), {name + b"~" for name in job.old})


def calls_in_job_with_backups(job, end):
    """As calls_in; the target is not as the source afterwards."""
    trace = os.path.join(job.server.scratch, "trace")
    job.prepare()
    if end == CLIENT:
        job.run(wrapper=["strace", "-f", "-qq", "-o", trace])
    else:
        with watched_server(job.server, "-o", trace):
            ends = job.ends()
            job.run()
            job.wait_for_session_end(ends)
    return calls_of(trace)


def large_tree(top):
    """64 MiB, and small ones before and behind it."""
    os.makedirs(top)
    for number in range(40):
        write_file(os.path.join(top, f"a-{number:02}"), random_bytes(2000 + number, number))
        write_file(os.path.join(top, f"z-{number:02}"), random_bytes(3000 + number, 100 + number))
    write_file(os.path.join(top, "m-large"), random_bytes(64 * MIB, 5))


def large_old_tree(top):
    os.makedirs(top)
    write_file(os.path.join(top, "a-07"), b"old\n")
    write_file(os.path.join(top, "m-large"), random_bytes(3 * MIB, 6))


class KillAtAnyMoment(unittest.TestCase):
    TIMES = 3 if SCALE == 1 else 7 * SCALE    # for each of four

    def sweep(self, way, end):
        job = Job(self, way, large_tree, large_old_tree)
        job.prepare()
        begin = time.monotonic()
        self.assertEqual(job.run().status, 0)
        whole = time.monotonic() - begin
        moments = random.Random(SEED)
        for _ in range(self.TIMES):
            moment = moments.uniform(0, whole)
            with self.subTest(way=way, killed=end, moment=f"{moment:.3f} of {whole:.3f} s"):
                self.kill_at(job, end, moment)

    def kill_at(self, job, end, moment):
        job.prepare()
        ends = job.ends()

        def kill(client):
            time.sleep(moment)   # the fault
            (client if end == CLIENT else job.server.process).kill()

        ran = job.run(during=kill)
        if end == SERVER:
            job.server.kill()
            job.server.start()
        else:
            job.wait_for_session_end(ends)
        job.check_names()
        job.check_acked(ran)
        job.check_again()

    def test_of_a_client_that_posts(self):
        self.sweep(POST, CLIENT)

    def test_of_a_server_that_is_posted_to(self):
        self.sweep(POST, SERVER)

    def test_of_a_client_that_gets(self):
        self.sweep(GET, CLIENT)

    def test_of_a_server_that_is_got_from(self):
        self.sweep(GET, SERVER)


# ----------------------------------------------------------------------------------------------------------------------
# The power

def powered_tree(top):
    """Several batches of small files, and two that are large."""
    for directory in range(10):
        os.makedirs(os.path.join(top, f"d{directory}"))
        for number in range(90):
            write_file(os.path.join(top, f"d{directory}", f"{number:02}"), random_bytes(100 + 37 * number, 1000 * directory + number))
    for name, size in (("d2/large", 2 * MIB), ("d7/large", 5 * MIB)):
        write_file(os.path.join(top, name), random_bytes(size, size))


def powered_old_tree(top):
    for directory in range(0, 10, 3):
        os.makedirs(os.path.join(top, f"d{directory}"))
        for number in range(0, 90, 7):
            write_file(os.path.join(top, f"d{directory}", f"{number:02}"), b"old %d\n" % number)


NO_SYNC = os.path.join(os.path.dirname(os.path.dirname(RSERVER)), "tests", "bench", "bench_nosync.so")


@unittest.skipIf(os.environ.get("FARHAND_SANITIZE"), "a sanitizer would have to come before the library that takes syncing out")
class PowerCut(unittest.TestCase):
    """What each side has on its disk when the power goes is what a mount of that disk shows. A receiver that does not sync
    names fails this every time; one that does not sync contents, in some of the cuts just behind somebody else's sync."""
    TIMES = 5 if SCALE == 1 else max(50, 3 * SCALE)

    def make(self, way, make=powered_tree, make_old=powered_old_tree, **options):
        self.disk = Disk(self)
        place = os.path.join(self.disk.path, "place")
        os.mkdir(place)
        job = Job(self, way, make, make_old, **({"root": place} if way == POST else {"here": place}), **options)
        self.addCleanup(lambda: job.server.alive() and job.server.kill())   # before the disk is unmounted
        return job

    def cut_and_come_back(self, job, moment, commit=False):
        """The job, and the power cut so many seconds after its begin; None: after its end."""
        job.prepare()
        subprocess.run(["sync", "-f", self.disk.path], check=True, timeout=PATIENCE)

        def cut(client):
            time.sleep(moment)   # the fault
            self.disk.cut(commit)

        ran = job.run(during=cut if moment is not None else None)
        if moment is None:
            self.disk.cut()
        self.assertTrue(job.server.alive(), job.server.log()[-2000:])
        if job.way == POST:
            job.server.kill()
        self.disk.come_back()
        if job.way == POST:
            job.server.start()
        return ran

    def sweep(self, way):
        job = self.make(way)
        job.prepare()
        begin = time.monotonic()
        self.assertEqual(job.run().status, 0)
        whole = time.monotonic() - begin
        moments = random.Random(SEED)
        for number in range(self.TIMES):
            moment = None if number == 0 else moments.uniform(0, whole * 1.1)
            with self.subTest(way=way, moment=f"{moment} of {whole:.3f} s"):
                ran = self.cut_and_come_back(job, moment, commit=number % 2 == 1)
                self.assertEqual(ran.status, 0) if moment is None else None
                job.check_names()
                job.check_acked(ran)
                job.check_sentences(ran) if ran.status != 0 else None
                job.check_again()

    def found_after_a_kill(self, preload):
        """What a mount shows after this: a receiver is killed once its file has a name and before the directory is synced; the
        next run finds the file there, ends well, and then the power is cut."""
        job = self.make(GET, make=lambda top: (os.makedirs(top), write_file(os.path.join(top, "one"), b"of one\n")), make_old=os.mkdir)
        job.prepare()
        subprocess.run(["sync", "-f", self.disk.path], check=True, timeout=PATIENCE)
        ran = run_hurt(job, CLIENT, "-e", "trace=fsync", "-e", "inject=fsync:signal=KILL:when=2", prepare=False)
        self.assertNotEqual(ran.status, 0, "it is killed")
        self.assertEqual(set(contents_of(job.target)), {b"one"}, "it has its name")
        job.client_env = {"LD_PRELOAD": preload} if preload else {}
        again = job.run()
        self.assertEqual((again.status, again.report["job"]["unchanged"]), (0, 1), again)
        self.disk.cut()
        self.disk.come_back()
        return contents_of(job.target), job.new

    @needs_strace
    @unittest.skipUnless(os.path.exists(NO_SYNC), "takes the library of the benchmarks that takes syncing out")
    def test_what_a_killed_run_has_named_is_durable_when_the_next_one_finds_it_there(self):
        there, new = self.found_after_a_kill(None)
        self.assertEqual(there, new)
        there, new = self.found_after_a_kill(NO_SYNC)
        self.assertEqual(there, {}, "the twin: without syncing it would be lost")

    def test_what_was_acknowledged_of_a_post_is_there_when_the_power_is_back(self):
        self.sweep(POST)

    def test_what_was_acknowledged_of_a_get_is_there_when_the_power_is_back(self):
        self.sweep(GET)

    @unittest.skipUnless(os.path.exists(NO_SYNC), "takes the library of the benchmarks that takes syncing out")
    def test_without_syncing_these_tests_would_fail(self):
        """The twin: it shows that the cut loses what nobody has synced."""
        for way in (POST, GET):
            with self.subTest(way=way):
                job = self.make(way, env={"LD_PRELOAD": NO_SYNC})
                job.client_env = {"LD_PRELOAD": NO_SYNC}
                ran = self.cut_and_come_back(job, None)
                self.assertEqual((ran.status, ran.acked), (0, len(job.order)))
                with self.assertRaises(AssertionError):
                    job.check_acked(ran)
                self.assertGreater(job.missing_bytes(), MIB)
                job.server.kill()
                self.disk.unmount()


# ----------------------------------------------------------------------------------------------------------------------
# What the next run sends

class Resume(unittest.TestCase):
    def interrupted(self, way, at=32 * MIB):
        """A job whose client was killed when so many bytes had passed; its receiver has wound down."""
        job = Job(self, way, large_tree, large_old_tree)
        job.prepare()
        self.passed = 0
        client = []
        ends = job.ends()

        def heard(up, kind, raw):
            if kind == "part" and self.passed < at:
                self.passed += len(raw)
                if self.passed >= at:
                    client[0].kill()

        self.assertEqual(job.run(heard=heard, during=client.append).status, -signal.SIGKILL)
        job.wait_for_session_end(ends)
        job.check_names()
        return job

    def part_of(self, job):
        (part,) = (path for path in part_files(job.target_top) if os.path.getsize(path) > MIB)
        return part

    def sent_by(self, job):
        """Bytes of content on the wire of another run, which ends well."""
        sent = [0, 0]

        def heard(up, kind, raw):
            sent[0] += len(raw) if kind == "part" else 0
            sent[1] += kind == "part"

        ran = job.run(heard=heard)
        self.assertEqual(ran.status, 0, ran)
        self.assertLessEqual(abs(sent[0] - ran.report["job"]["bytes"]), 64 * sent[1], "the report counts what is sent")
        job.check_whole()
        self.assertEqual([path for path in part_files(job.target_top) if os.path.getsize(path) > MIB], [])
        return sent[0]

    def test_only_the_rest_is_sent(self):
        for way in (POST, GET):
            with self.subTest(way=way):
                job = self.interrupted(way)
                have = os.path.getsize(self.part_of(job))
                self.assertGreater(have, 16 * MIB)
                if way == POST:   # all that came to a receiver that lives
                    self.assertGreater(have, self.passed - MIB - 40 * 4 * KIB)
                there = contents_of(job.target)
                small = sum(facts[1] for name, facts in job.new.items() if name != b"m-large" and there.get(name) != facts)
                if way == POST:
                    self.assertLessEqual(small, 40 * 4 * KIB, "those before the large one are complete")
                self.assertLess(self.sent_by(job), 64 * MIB - have + small + MIB)
                self.assertEqual(self.sent_by(job), 0)

    def changed(self, way, change, of_part=False):
        """(what the next run sends after a change in between, how much there was of it)"""
        job = self.interrupted(way)
        part = self.part_of(job)
        have = os.path.getsize(part)
        path = os.path.join(job.source, "m-large")
        change(os.fsdecode(part) if of_part else path)
        job.read_source()
        return self.sent_by(job), have

    def test_a_source_whose_beginning_has_changed_is_sent_anew(self):
        sent, _ = self.changed(POST, lambda path: put(path, 1, b"!"))
        self.assertGreater(sent, 64 * MIB)
        sent, _ = self.changed(GET, lambda path: put(path, 5 * MIB, b"!"))
        self.assertGreater(sent, 64 * MIB)

    def test_a_source_that_has_grown_or_changed_behind_is_gone_on_with(self):
        for way in (POST, GET):
            sent, have = self.changed(way, lambda path: put(path, 64 * MIB, b"!" * 100))
            self.assertLess(sent, 64 * MIB - have + 2 * MIB)
            sent, have = self.changed(way, lambda path: put(path, 64 * MIB - 1, b"!"))
            self.assertLess(sent, 64 * MIB - have + 2 * MIB)

    def test_a_source_that_is_shorter_now_than_what_came_is_sent_anew(self):
        for way in (POST, GET):
            sent, _ = self.changed(way, lambda path: os.truncate(path, 3 * MIB))
            self.assertGreater(sent, 3 * MIB)

    def test_a_part_in_which_somebody_wrote_is_not_gone_on_with(self):
        for way in (POST, GET):
            sent, _ = self.changed(way, lambda path: put(path, 2 * MIB, b"!"), of_part=True)
            self.assertGreater(sent, 64 * MIB)

    def test_a_target_that_changed_in_between_is_as_the_source_in_the_end(self):
        for way in (POST, GET):
            job = self.interrupted(way)
            write_file(os.path.join(job.target, "m-large"), b"somebody else's\n")
            write_file(os.path.join(job.target, "a-03"), b"somebody else's\n")
            self.assertLess(self.sent_by(job), 49 * MIB)


def put(path, at, content):
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(content)


@unittest.skipUnless(shutil.which("debugfs"), "takes debugfs")
class StaleParts(unittest.TestCase):
    DAY = 86400

    def test_a_link_that_a_killed_receiver_has_left_goes_as_well(self):
        disk = Disk(self, 64 * MIB)
        place = os.path.join(disk.path, "place")
        os.mkdir(place)
        job = Job(self, GET, make_old=nothing, here=place)
        os.mkdir(job.target)
        os.symlink("a-new", self.part(job, "link"))
        disk.unmount()
        self.set_age(disk, self.part(job, "link"), 8)
        disk.mount()
        self.assertEqual(job.run().status, 0)
        self.assertFalse(os.path.lexists(self.part(job, "link")))

    def set_age(self, disk, path, days):
        """On a disk that is not mounted."""
        inside = "/" + os.path.relpath(path, disk.path)
        moment = int(time.time() - days * self.DAY)
        subprocess.run(["debugfs", "-w", "-R", f"set_inode_field {inside} ctime @{moment}", disk.image], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=PATIENCE)

    def test_parts_go_after_seven_days_without_a_change(self):
        """Nobody can set a file's ctime, but debugfs can on a disk that is not mounted."""
        for way in (POST, GET):
            with self.subTest(way=way):
                self.check(way)

    def check(self, way):
        disk = Disk(self, 64 * MIB)
        place = os.path.join(disk.path, "place")
        os.mkdir(place)
        job = Job(self, way, make_old=nothing, **({"root": place} if way == POST else {"here": place}))
        self.addCleanup(lambda: job.server.alive() and job.server.kill())
        job.server.kill()
        os.mkdir(job.target)
        for name, owner in (("old", 0), ("young", 0), ("locked", 0), ("foreign", NOBODY)):
            write_file(self.part(job, name), b"x", 0o600, owner)
        disk.unmount()
        for name, days in (("old", 8), ("young", 6), ("locked", 8), ("foreign", 8)):
            self.set_age(disk, self.part(job, name), days)
        disk.mount()
        self.assertAlmostEqual(os.stat(self.part(job, "old")).st_ctime, time.time() - 8 * self.DAY, delta=60)
        job.server.start()
        with open(self.part(job, "locked"), "rb") as locked:
            fcntl.flock(locked, fcntl.LOCK_EX)
            self.assertEqual(job.run().status, 0)
        left = sorted(os.path.basename(path) for path in part_files(job.target))
        self.assertEqual(left, sorted(PART_PREFIX + name for name in (b"young", b"locked", b"foreign")))
        job.server.kill()
        disk.unmount()

    def part(self, job, name):
        return os.path.join(job.target, os.fsdecode(PART_PREFIX) + name)


if __name__ == "__main__":
    main()
