"""exec in large numbers: short commands in a crowd, gigabytes on all streams at once, and a thousand last words."""
import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import threading
import time
import unittest

from harness import (MEMORY_COUNTS, NOBODY, PATIENCE, SCALE, ServerTest, in_parallel, main, memory_of,
                     pids_with_word, random_bytes, unique_number, wait_until, write_file)
from hostile import BYE, MIB, STDIN_END, Peer, exec_line, frame, hello, read_exit, terminal

SLOW = 10 if os.environ.get("FARHAND_SANITIZE") else 1
FULL = SCALE > 1
MOST_MEMORY = 32 * MIB


def text_of(frames, kind="stdout"):
    return b"".join(found.parcel for found in frames if found.kind == kind)


class InACrowd(ServerTest):
    """Short commands, 200 at a time: every answer is right, and nothing is left. Each through rclient, which is made by
    xargs: two hundred threads of Python would be slower than what they wait for."""
    AT_A_TIME = 200
    COUNT = 10_000 if FULL else 400 // SLOW + 200

    @unittest.skipUnless(shutil.which("xargs"), "takes xargs")
    def test_each_is_answered_and_no_zombie_and_no_descriptor_is_left(self):
        most = {"children": 0}
        over = threading.Event()

        def watch():
            while not over.wait(0.1):
                most["children"] = max(most["children"], len(self.server.children()))
        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            # A shell with a child of its own; it stays until all two hundred are there.
            line = "sleep 0.7; echo $0; exit $(($0 % 7))"
            numbers = b"".join(b"%d\n" % number for number in range(self.COUNT))
            done = subprocess.run(["xargs", "-P", str(self.AT_A_TIME), "-I{}", "sh", "-c", 'n=$1; shift; "$@"; echo "$n=$?"',
                                   "sh", "{}", *self.server.client_command(["exec", "--", "sh", "-c", line, "{}"])],
                                  input=numbers, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=10 * PATIENCE)
        finally:
            over.set()
            watcher.join()
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        expected = [line for number in range(self.COUNT) for line in (b"%d" % number, b"%d=%d" % (number, number % 7))]
        self.assertEqual(sorted(done.stdout.split()), sorted(expected))
        if FULL:   # of fewer, a busy machine has not begun the last when the first ends
            self.assertGreater(most["children"], self.AT_A_TIME // 2, "they were to be there at the same time")
        print(f"{self.COUNT} commands, {self.AT_A_TIME} at a time; the server had up to {most['children']} children")
        # ServerTest looks for children, descriptors and threads that are left.

    def test_in_sessions_that_stay_too(self):
        """200 sessions at the same time, each with its commands one behind the other."""
        count = self.COUNT // self.AT_A_TIME
        asked = hello() + b"".join(exec_line(f"echo {n}; exit {n % 7}") + STDIN_END for n in range(count)) + BYE
        with contextlib.ExitStack() as stack:
            peers = [stack.enter_context(Peer.of(self.server)) for _ in range(self.AT_A_TIME)]
            for peer in peers:
                peer.send(asked)
            for peer in peers:
                frames = peer.read_all(10 * PATIENCE)
                self.assertEqual(text_of(frames), b"".join(b"%d\n" % n for n in range(count)))
                self.assertEqual([read_exit(found)[:2] for found in frames if found.kind == "exit"],
                                 [(0, n % 7) for n in range(count)])


class LastWords(ServerTest):
    """The end of the main process ends the request, whoever holds its pipes, and what it wrote before has come."""
    COUNT = 1000 if FULL else 60 // min(SLOW, 3)

    def check_every_run(self, line, expected, errors=b"", **fields):
        asked = hello() + b"".join(exec_line(line, **fields) + STDIN_END for _ in range(self.COUNT)) + BYE
        begun = time.monotonic()
        with Peer.of(self.server) as peer:
            frames = peer.ask(asked, 10 * PATIENCE)
        print(f"{self.COUNT} times {len(expected)} bytes in {time.monotonic() - begun:.1f} s")
        self.assertEqual([read_exit(found)[:2] for found in frames if found.kind == "exit"], [(0, 3)] * self.COUNT)
        self.assertEqual(text_of(frames) == expected * self.COUNT, True, "bytes of standard output are missing or wrong")
        if errors is not None:
            self.assertEqual(text_of(frames, "stderr") == errors * self.COUNT, True, "bytes of standard error")

    def setUp(self):
        super().setUp()
        self.word = unique_number()
        self.addCleanup(self.end_what_was_left)
        self.out, self.err = random_bytes(65536, 1), random_bytes(50_000, 2)   # a pipe full
        write_file(self.server.path("out"), self.out)
        write_file(self.server.path("err"), self.err)

    def end_what_was_left(self):
        for pid in pids_with_word(self.word):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def test_although_a_child_holds_the_pipes(self):
        self.check_every_run(f"sleep {self.word} & cat out; cat err >&2; exit 3", self.out, self.err)
        self.assertGreater(len(pids_with_word(self.word)), self.COUNT // 2, "the children are to be there all the time")

    def test_although_a_child_writes_on_into_one_of_them(self):
        """Until it finds that pipe closed."""
        self.check_every_run(f"(while echo {self.word}; do sleep 0.01; done) >&2 & cat out; exit 3", self.out, errors=None)

    def test_the_twin_without_a_child(self):
        self.check_every_run("cat out; cat err >&2; exit 3", self.out, self.err)

    def test_merged(self):
        self.check_every_run(f"sleep {self.word} & cat out; exit 3", self.out, merge=True)


class Flow:
    """A stream of random bytes that both sides can make: AES in counter mode, which is faster than what carries it."""

    def __init__(self, number, count):
        self.number, self.count = number, count

    def command(self):
        return f"openssl enc -aes-128-ctr -K {self.number:032x} -iv {0:032x} -in /dev/zero 2>/dev/null | head -c {self.count}"

    def digest(self):
        with subprocess.Popen(["sh", "-c", self.command()], stdout=subprocess.PIPE) as maker:
            return digest_of(maker.stdout)


def digest_of(pipe):
    """(count, SHA-256) of all that comes."""
    digest, count = hashlib.sha256(), 0
    with pipe:
        while piece := os.read(pipe.fileno(), 1 << 18):
            digest.update(piece)
            count += len(piece)
    return count, digest.hexdigest()


@unittest.skipUnless(shutil.which("openssl"), "takes openssl, which makes the bytes")
class Gigabytes(ServerTest):
    COUNT = (1024 if FULL else 24) * MIB // SLOW
    AT_MOST = (20 if FULL else 2) * PATIENCE

    def setUp(self):
        super().setUp()
        self.flows = [Flow(number, self.COUNT) for number in (1, 2, 3)]
        os.mkfifo(self.server.path("gate"))
        self.addCleanup(os.unlink, self.server.path("gate"))
        if os.geteuid() == 0:
            os.chown(self.server.path("gate"), self.server.uid, self.server.uid)

    def start(self, args, **streams):
        client = self.server.start_client(args, **streams)
        self.addCleanup(lambda: client.poll() is None and client.kill())
        return client

    def feed(self, flow):
        feeder = subprocess.Popen(["sh", "-c", flow.command()], stdout=subprocess.PIPE)
        self.addCleanup(feeder.wait, PATIENCE)
        return feeder.stdout

    def peaks(self, client):
        """The client's and the server's most memory; of the server's processes the largest."""
        own = [self.server.pid] + [pid for pid in self.server.children() if is_server(pid)]
        return {"client": memory_of(client.pid)["VmHWM"], "server": max(memory_of(pid)["VmHWM"] for pid in own)}

    def check_memory(self, peaks, begun, bytes_moved):
        took = time.monotonic() - begun
        print(f"{bytes_moved / MIB:.0f} MiB in {took:.1f} s, {bytes_moved / MIB / took:.0f} MiB/s; most memory of the client "
              f"{peaks['client'] / MIB:.1f} MiB, of the server {peaks['server'] / MIB:.1f} MiB")
        if MEMORY_COUNTS:
            for side, peak in peaks.items():
                self.assertLess(peak, MOST_MEMORY, side)

    def test_on_all_three_streams_at_once_are_exact_in_little_memory(self):
        into, out, err = self.flows
        line = (f"({out.command()}) & a=$!; ({err.command()}) >&2 & b=$!; sha256sum | cut -d' ' -f1 >heard; wait $a $b; "
                "echo done >finished; read line <gate")
        begun = time.monotonic()
        with self.feed(into) as feed:
            client = self.start(["exec", line], stdin=feed)
        results = {}
        readers = [threading.Thread(target=lambda name=name, pipe=pipe: results.update({name: digest_of(pipe)}))
                   for name, pipe in (("out", client.stdout), ("err", client.stderr))]
        for reader in readers:
            reader.start()
        wait_until(lambda: os.path.exists(self.server.path("finished")), "all has been said and heard", self.AT_MOST)
        peaks = self.peaks(client)
        write_file(self.server.path("gate"), b"\n")
        for reader in readers:
            reader.join(self.AT_MOST)
        self.assertEqual(client.wait(timeout=PATIENCE), 0)
        self.check_memory(peaks, begun, 3 * self.COUNT)
        with open(self.server.path("heard")) as file:
            heard = file.read().strip()
        self.assertEqual(results, {"out": out.digest(), "err": err.digest()})
        self.assertEqual((self.COUNT, heard), into.digest())
        os.unlink(self.server.path("finished"))

    def test_both_ways_through_a_raw_terminal_are_exact_in_little_memory(self):
        into, out, _ = self.flows
        # <&3: what a shell puts into the background has /dev/null as its input otherwise.
        line = (f"stty raw -echo; printf ready; exec 3<&0; <&3 head -c {self.COUNT} | sha256sum | cut -d' ' -f1 >heard & "
                f"{out.command()}; wait; read line <gate")
        begun = time.monotonic()
        client = self.start(["exec", "-t", line], stdin=subprocess.PIPE)
        self.assertEqual(client.stdout.read(5), b"ready")
        feeder = threading.Thread(target=self.pour, args=(into, client.stdin))
        feeder.start()
        result = []
        reader = threading.Thread(target=lambda: result.append(digest_of(client.stdout)))
        reader.start()
        wait_until(lambda: os.path.exists(self.server.path("heard")) and os.path.getsize(self.server.path("heard")),
                   "all has been heard", self.AT_MOST)
        peaks = self.peaks(client)
        write_file(self.server.path("gate"), b"\n")
        reader.join(self.AT_MOST)
        feeder.join(PATIENCE)
        self.assertEqual(client.wait(timeout=PATIENCE), 0)
        client.stderr.close()
        client.stdin.close()
        self.check_memory(peaks, begun, 2 * self.COUNT)
        with open(self.server.path("heard")) as file:
            heard = file.read().strip()
        os.unlink(self.server.path("heard"))
        self.assertEqual(result, [out.digest()])
        self.assertEqual((self.COUNT, heard), into.digest())

    def pour(self, flow, sink):
        """Everything into a pipe that stays open."""
        with self.feed(flow) as feed:
            while piece := os.read(feed.fileno(), 1 << 16):
                sink.write(piece)
            sink.flush()


def is_server(pid):
    try:
        with open(f"/proc/{pid}/comm") as file:
            return file.read().startswith("rserver")
    except OSError:
        return False


if __name__ == "__main__":
    main()
