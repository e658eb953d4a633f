"""A job of files that is broken off anywhere: by kill -9 of either end, or by the power. Under each name is all of the old or
all of the new, what was acknowledged is there, and the same command again sends only the rest."""
import os
import random
import signal
import stat
import subprocess
import time
import unittest

from crash_support import (CLIENT, GET, KIB, MIB, POST, SERVER, Disk, Job, calls_in, contents_of, facts_of, needs_strace, nothing, run_hurt, sample,
                           watched_server)
from harness import (PART_PREFIX, PATIENCE, SCALE, SEED, Server, is_alive, main, part_files, random_bytes, remove_tree, scratch, wait_until,
                     write_file)

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


if __name__ == "__main__":
    main()
