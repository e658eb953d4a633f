"""A job of files in which something fails: each call on the file system, the room on a disk, a source that does not hold
still. It never ends with 0 and a file missing or broken; the rest of the job goes on, and what failed is told."""
import os
import shutil
import subprocess
import unittest

from crash_support import (CLIENT, GET, KIB, MIB, POST, SERVER, Disk, Job, calls_in, contents_of, is_of_a_file, needs_strace, nothing, run_hurt,
                           told_in)
from harness import PATIENCE, SCALE, SEED, main, part_files, random_bytes, read_file, scratch, remove_tree, tmpfs, write_file
from job_support import part_name

# ----------------------------------------------------------------------------------------------------------------------
# Calls that fail

# Without write, which only ever wakes threads and logs: files are written by pwrite64.
FILE_CALLS = ("openat", "openat2", "read", "pread64", "pwrite64", "lseek", "ftruncate", "fsync", "fdatasync", "syncfs",
              "sync_file_range", "renameat", "renameat2", "linkat", "symlinkat", "readlinkat", "unlinkat", "mkdirat", "fchmod", "fchmodat",
              "fchown", "fchownat", "utimensat", "fallocate", "fadvise64", "fstat", "newfstatat", "getdents64", "copy_file_range",
              "flock", "close", "fgetxattr", "flistxattr", "fsetxattr")
ERRORS = ("EIO", "ENOSPC", "EDQUOT", "EROFS", "EINTR")


@needs_strace
class EveryCallFailsOnce(unittest.TestCase):
    def cases(self, job, end):
        """[(call, nth, how it fails)]; in a soak all of them, else each call once and the errors in turn."""
        calls = calls_in(job, end, r"\bconnect\(" if end == CLIENT else None, is_of_a_file)
        found = [call for call in calls if call[0] in FILE_CALLS]
        self.assertGreater(len({name for name, _ in found}), 6, found)
        if (job.way, end) == (POST, CLIENT):  # test_a_source_that_cannot_be_looked_at_is_local_file_trouble
            found.remove(next(call for call in found if call[0] == "newfstatat"))
        if SCALE > 1:
            cases = [(name, nth, "error=" + error) for name, nth in found for error in ERRORS]
        else:
            of_each = {name: [nth for other, nth in found if other == name] for name, _ in found}
            cases = [(name, of_each[name][SEED % len(of_each[name])], "error=" + ERRORS[(SEED + at) % len(ERRORS)])
                     for at, name in enumerate(sorted(of_each))]
        # Nothing written, and an end that came early: what a kernel may say without having lied.
        cases += [(name, nth, "retval=0") for name, nth in found if name in ("pwrite64", "pread64")][:None if SCALE > 1 else 2]
        return cases

    def sweep(self, way, end):
        job = Job(self, way)
        failed = 0
        for name, nth, how in self.cases(job, end):
            with self.subTest(way=way, end=end, call=name, nth=nth, how=how):
                ran = run_hurt(job, end, "-e", f"trace={name}", "-e", f"inject={name}:{how}:when={nth}")
                self.assertTrue(job.server.alive(), job.server.log()[-2000:])
                if ran.status != 0:
                    failed += 1
                    job.check_sentences(ran)
                job.check_names()
                job.check_acked(ran)
                job.check_again()
        self.assertGreater(failed, 2, "these failures are met")

    def test_a_source_that_cannot_be_looked_at_is_local_file_trouble(self):
        job = Job(self, POST)
        first = next(nth for name, nth in calls_in(job, CLIENT, r"\bconnect\(") if name == "newfstatat")
        ran = run_hurt(job, CLIENT, "-e", "trace=newfstatat", "-e", f"inject=newfstatat:error=EIO:when={first}")
        self.assertEqual(ran.status, 4, ran)
        self.assertIsNotNone(ran.report)

    def test_a_file_system_without_locks_gets_the_files_and_nothing_else(self):
        for way, end in ((POST, SERVER), (GET, CLIENT)):
            job = Job(self, way)
            ran = run_hurt(job, end, "-e", "trace=flock", "-e", "inject=flock:error=EOPNOTSUPP")
            self.assertEqual(ran.status, 0, ran)
            job.check_whole()
            self.assertEqual(part_files(job.target_top), [])

    def test_a_large_part_that_cannot_be_looked_at_is_not_left(self):
        for way in (POST, GET):
            job = Job(self, way)
            trace = os.path.join(job.server.scratch, "looks")
            for name in ("c-large", "sub/large-replaces"):
                place, leaf = os.path.split(os.path.join(job.target, name))
                at_part = ("-P", os.path.join(place, part_name(leaf)), "-P", part_name(leaf))
                failed = 0
                for nth in range(1, 9):
                    ran = run_hurt(job, job.receiver, "-o", trace, *at_part, "-e", "trace=newfstatat",
                                   "-e", f"inject=newfstatat:error=EIO:when={nth}")
                    failed += b"INJECTED" in read_file(trace)
                    self.assertEqual(part_files(job.target_top), [], ran)
                    job.check_names()
                    job.check_acked(ran)
                self.assertGreaterEqual(failed, 3, "it is looked at when it is made, locked and handed on")

    def test_a_receiver_that_lives_leaves_no_small_parts(self):
        """Whichever look fails. Large ones that the same command would go on with may stay."""
        for way in (POST, GET):
            job = Job(self, way)
            large = {part_name(leaf) for leaf in ("c-large", "large-replaces")}
            looks = max(nth for name, nth in calls_in(job, job.receiver) if name == "newfstatat")
            self.assertGreater(looks, 10)
            for nth in range(1, looks + 1):
                ran = run_hurt(job, job.receiver, "-e", "trace=newfstatat", "-e", f"inject=newfstatat:error=EIO:when={nth}")
                self.assertTrue(job.server.alive(), job.server.log()[-2000:])
                for part in part_files(job.target_top):
                    self.assertIn(os.path.basename(os.fsdecode(part)), large, (nth, ran))
                    self.assertGreater(os.path.getsize(part), 0, (nth, ran))

    def test_in_a_client_that_posts(self):
        self.sweep(POST, CLIENT)

    def test_in_a_server_that_is_posted_to(self):
        self.sweep(POST, SERVER)

    def test_in_a_client_that_gets(self):
        self.sweep(GET, CLIENT)

    def test_in_a_server_that_is_got_from(self):
        self.sweep(GET, SERVER)


# ----------------------------------------------------------------------------------------------------------------------
# Room that runs out

def filling_tree(top):
    """Two large ones, of which a disk with 8 MiB has room for one, between small ones."""
    os.makedirs(os.path.join(top, "sub"))
    for number in range(10):
        for group in ("a", "c", "e"):
            write_file(os.path.join(top, f"{group}-{number}"), random_bytes(9 * KIB + number, number))
    write_file(os.path.join(top, "b-fits"), random_bytes(5 * MIB, 1))
    write_file(os.path.join(top, "d-does-not"), random_bytes(6 * MIB, 2))
    write_file(os.path.join(top, "sub", "f-fits"), random_bytes(MIB, 3))


def filling_old_tree(top):
    os.makedirs(top)
    write_file(os.path.join(top, "d-does-not"), b"the old one\n")
    write_file(os.path.join(top, "e-3"), b"an old one\n")


def many_tree(top):
    """16 MB in 2000 files."""
    os.makedirs(top)
    for number in range(2000):
        write_file(os.path.join(top, f"{number:04}"), random_bytes(8000 + number % 100, number))


class FullDisk(unittest.TestCase):
    ROOM = 8 * MIB

    def fill(self, place):
        """A file that leaves this much room."""
        filler = os.path.join(os.path.dirname(place), "filler")
        facts = os.statvfs(place)
        with open(filler, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, facts.f_bavail * facts.f_frsize - self.ROOM)
        return filler

    def check(self, way, top, exact):
        """exact: room that is given back is there at once. ext4 has it only when its journal has been written: until then
        whatever comes behind the one that did not fit may have no room either."""
        place = os.path.join(top, "place")
        os.mkdir(place)
        job = Job(self, way, filling_tree, filling_old_tree, **({"root": place} if way == POST else {"here": place}))
        try:
            job.prepare()
            filler = self.fill(place)
            self.check_full(job, set() if exact else {name for name in job.new if name > b"d-does-not"})
            subprocess.run(["sync", "-f", place], check=True, timeout=PATIENCE)   # now ext4 has it as well
            self.check_told(job)
            os.unlink(filler)
            again = job.check_again()
            self.assertLessEqual(again.report["job"]["bytes"], job.new[b"d-does-not"][1])
        finally:
            job.server.kill()

    def missing(self, job):
        there = contents_of(job.target)
        return {name for name, facts in job.new.items() if there.get(name) != facts}

    def check_full(self, job, may_be_missing):
        ran = job.run()
        self.assertEqual(ran.status, 1, ran)
        job.check_names()
        job.check_acked(ran)
        missing = self.missing(job)
        self.assertIn(b"d-does-not", missing, ran)
        self.assertLessEqual(missing, {b"d-does-not"} | may_be_missing, f"the rest of the job goes on: {ran}")
        self.assertEqual({os.fsencode(failure["path"]) for failure in ran.report["job"]["failures"]}, {b"t/" + name for name in missing}, ran)
        self.assertEqual(ran.report["job"]["failed"], len(missing), ran.report)
        self.assertEqual(part_files(job.target_top), [], f"what does not fit gives its room back: {ran}")

    def check_told(self, job):
        """Once more, and in words: all the others have room."""
        told = subprocess.run(job.server.client_command([job.way, "t"]), cwd=job.here, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE)
        self.assertEqual((told.returncode, told.stdout), (1, b""), told)
        self.assertEqual(self.missing(job), {b"d-does-not"}, told)
        self.assertIn("d-does-not", told.stderr.decode())
        for line in told.stderr.decode().splitlines():
            self.assertTrue(line.startswith("rclient: ") and line.isprintable(), told.stderr)
        self.assertLessEqual(len(told.stderr.splitlines()), 2, told.stderr)

    def test_a_disk_that_is_filled_by_many_small_files(self):
        for way in (POST, GET):
            with self.subTest(way=way):
                self.check_many(way)

    def check_many(self, way):
        place = os.path.join(Disk(self, 96 * MIB).path, "place")
        os.mkdir(place)
        job = Job(self, way, many_tree, nothing, **({"root": place} if way == POST else {"here": place}))
        try:
            filler = self.fill(place)
            ran = job.run()
            self.assertEqual(ran.status, 1, ran.error[:300])
            job.check_sentences(ran)
            job.check_names()
            job.check_acked(ran)
            there = contents_of(job.target)
            missing = sum(there.get(name) != facts for name, facts in job.new.items())
            self.assertGreater(missing, 500)
            self.assertEqual(ran.report["job"]["failed"], missing)
            self.assertEqual(part_files(job.target_top), [])
            os.unlink(filler)
            self.assertEqual(job.check_again().report["job"]["stored"], missing)
        finally:
            job.server.kill()

    def on_tmpfs(self, way):
        top = scratch()
        self.addCleanup(remove_tree, top)
        with tmpfs(os.path.join(top, "small"), "40m") as small:
            self.check(way, small, exact=True)

    def on_ext4(self, way):
        self.check(way, Disk(self, 64 * MIB).path, exact=False)

    def test_a_post_to_a_tmpfs_that_is_filled(self):
        self.on_tmpfs(POST)

    def test_a_get_to_a_tmpfs_that_is_filled(self):
        self.on_tmpfs(GET)

    def test_a_post_to_an_ext4_that_is_filled(self):
        self.on_ext4(POST)

    def test_a_get_to_an_ext4_that_is_filled(self):
        self.on_ext4(GET)


# ----------------------------------------------------------------------------------------------------------------------
# Sources that do not hold still

LARGE = 48 * MIB


def moving_tree(top):
    os.makedirs(os.path.join(top, "y-dir"))
    write_file(os.path.join(top, "a-before"), b"before\n")
    write_file(os.path.join(top, "m-large"), random_bytes(LARGE, 7))
    for name in ("n-behind", "y-dir/inner", "z-last"):
        write_file(os.path.join(top, name), b"behind " + name.encode() + b"\n")


def moving_old_tree(top):
    os.makedirs(top)
    write_file(os.path.join(top, "m-large"), b"the old large one\n")
    write_file(os.path.join(top, "z-last"), b"the old last one\n")


def grow(path):
    with open(path, "ab") as file:
        file.write(b"more\n")


def shrink(path):
    os.truncate(path, os.path.getsize(path) - 5)


def rewrite(path):
    with open(path, "r+b") as file:
        file.seek(-3, os.SEEK_END)
        file.write(b"!!!")


def vanish(path):
    os.unlink(path)


def replace(path):
    write_file(path + ".new", b"quite another one\n")
    os.rename(path + ".new", path)


def become_directory(path):
    os.unlink(path)
    os.mkdir(path)


def become_link(path):
    os.unlink(path)
    os.symlink("/etc/passwd", path)


def become_pipe(path):
    os.unlink(path)
    os.mkfifo(path)


class MovingSource(unittest.TestCase):
    def changed_midway(self, way, name, change):
        """The job; the change is made when the first of the large file's content has passed, and no more passes before."""
        job = Job(self, way, moving_tree, moving_old_tree)
        job.prepare()
        before = dict(job.new)
        done = []

        def heard(up, kind, raw):
            if kind == "part" and len(raw) > 100 * KIB and not done:
                done.append(change(os.path.join(job.source, name)))

        ran = job.run(heard=heard)
        self.assertTrue(done)
        self.assertTrue(job.server.alive())
        job.read_source()
        job.before = before
        there = contents_of(job.target)
        for each, found in there.items():
            self.assertIn(found, [facts[each] for facts in (before, job.old, job.new) if each in facts], each)
        for each in before:
            if each != name.encode():
                self.assertEqual(there.get(each), before[each], f"{each}: the rest of the job goes on")
        self.assertEqual(part_files(job.target_top), [])
        return job, ran

    def told(self, job, ran, name):
        self.assertEqual(ran.status, 1, ran)
        job.check_sentences(ran)
        self.assertEqual(ran.report["job"]["failed"], 1, ran.report)
        (failure,) = told_in(ran.report)
        self.assertIn(name, failure["path"])
        there = contents_of(job.target).get(name.encode())
        self.assertEqual(there, job.old.get(name.encode()), "what was there before is unchanged")

    def both_ways(self, name, change, check):
        for way in (POST, GET):
            with self.subTest(way=way, name=name, change=change.__name__):
                job, ran = self.changed_midway(way, name, change)
                check(job, ran, name)
                again = job.run()
                if change not in (become_pipe,):
                    self.assertEqual((again.status, again.report["job"]["failed"]), (0, 0) if change is not become_directory or
                                     name.encode() not in job.old else (1, 1), again)

    def whole_or_told(self, job, ran, name):
        """One whole version, which may be the one before, or a failure."""
        if ran.status != 0:
            return self.told(job, ran, name)
        found = contents_of(job.target)[name.encode()]
        self.assertIn(found, [facts[name.encode()] for facts in (job.before, job.new) if name.encode() in facts])

    def test_one_that_grows_while_it_is_read(self):
        self.both_ways("m-large", grow, self.told)

    def test_one_that_shrinks_while_it_is_read(self):
        self.both_ways("m-large", shrink, self.told)

    def test_one_in_which_somebody_writes_while_it_is_read(self):
        self.both_ways("m-large", rewrite, self.told)

    def test_one_that_vanishes_while_it_is_read(self):
        self.both_ways("m-large", vanish, self.whole_or_told)

    def test_one_that_is_replaced_while_it_is_read(self):
        self.both_ways("m-large", replace, self.whole_or_told)

    def test_one_that_changes_before_it_is_read(self):
        for change in (grow, shrink, rewrite, replace):
            self.both_ways("z-last", change, self.whole_or_told)

    def test_one_that_vanishes_before_it_is_read(self):
        self.both_ways("z-last", vanish, self.told)

    def test_one_that_is_no_file_any_more_before_it_is_read(self):
        for change in (become_directory, become_link, become_pipe):
            self.both_ways("z-last", change, self.told)


if __name__ == "__main__":
    main()
