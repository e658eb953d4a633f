"""-P: several connections for one job. However many of them there are, and whatever becomes of them: the same files, nothing
under its name before it is whole, and little sent twice."""
import contextlib
import filecmp
import os
import select
import shutil
import signal
import socket
import threading
import time

from harness import PATIENCE, ServerTest, connect_to, main, part_files, read_file, wait_until, write_file, write_random_file
from hostile import BYE, Peer, frame, hello, read_error, xxh3_128
from job_frames import (NOTHING, REST, WHOLE, await_kind, close, finish, part, read_finish, read_verdicts, slice_request,
                        stripe, verdict, verdicts)

MIB = 1 << 20
LARGE = 96 * MIB
LITTLE = 8 * MIB   # what may be sent twice for one lost connection, and for what is around the bytes


class Relay:
    """Any number of connections to a server, passed on and counted. `cuts`: connection -> (way, bytes) behind which it is
    cut; `most`: later ones are closed at once. `arrived`: connections so far; `passed`: bytes of each, [up, down]."""
    UP, DOWN = 0, 1

    def __init__(self, server, cuts=None, most=None):
        self.server, self.cuts, self.most = server, cuts or {}, most
        self.arrived, self.passed, self.open = 0, [], set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=32)
        self.host = f"plain:127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(PATIENCE)

    def total(self, way):
        return sum(passed[way] for passed in self.passed)

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            number = self.arrived
            self.arrived += 1
            self.passed.append([0, 0])
            if self.most is not None and number >= self.most:
                near.close()
                continue
            thread = threading.Thread(target=self._pass, args=(number, near), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _pass(self, number, near):
        with near, connect_to(self.server.host) as far:
            ways, ended = {near: (far, self.UP), far: (near, self.DOWN)}, set()
            while len(ended) < 2:
                for source in select.select([side for side in ways if side not in ended], [], [], PATIENCE)[0]:
                    sink, way = ways[source]
                    try:
                        data = source.recv(1 << 16)
                        sink.sendall(data)
                    except OSError:
                        return
                    if not data:
                        ended.add(source)
                        with contextlib.suppress(OSError):
                            sink.shutdown(socket.SHUT_WR)
                    self.passed[number][way] += len(data)
                    cut = self.cuts.get(number)
                    if cut and cut[0] == way and self.passed[number][way] >= cut[1]:
                        return


class ConnectionsTest(ServerTest):
    def setUp(self):
        super().setUp()
        for found in os.scandir(self.server.root):
            (shutil.rmtree if found.is_dir(follow_symlinks=False) else os.unlink)(found.path)
        self.up = os.path.join(self.here, "up")
        os.mkdir(self.up)
        self.addCleanup(self.remove_parts)

    def remove_parts(self):
        """Of what a test has interrupted."""
        for path in part_files(self.server.root):
            os.unlink(os.path.join(os.fsencode(self.server.root), path))

    def remote(self, *names):
        return os.path.join(self.server.root, *names)

    def large(self, path, count=LARGE, seed=1):
        write_random_file(path, count, seed)
        return path

    def through(self, relay, args, status=0, **options):
        return self.check(self.client(args, host=relay.host, **options), status)

    def same(self, one, other):
        self.assertTrue(filecmp.cmp(one, other, shallow=False), f"{one} and {other} differ")
        self.assertEqual(os.stat(one).st_mtime_ns, os.stat(other).st_mtime_ns)


class Striped(ConnectionsTest):
    def test_a_large_file_goes_up_and_down_over_four_connections(self):
        large = self.large(os.path.join(self.up, "large"))
        with Relay(self.server) as relay:
            self.through(relay, ["post", "-P", "4", "up/large"])
            self.assertEqual(relay.arrived, 4)
            self.assertGreater(min(passed[Relay.UP] for passed in relay.passed), MIB)
            self.assertLess(relay.total(Relay.UP), LARGE + LITTLE)
        self.same(large, self.remote("large"))
        with Relay(self.server) as relay:
            self.through(relay, ["get", "--connections", "4", "large"])
            self.assertEqual(relay.arrived, 4)
            self.assertLess(relay.total(Relay.DOWN), LARGE + LITTLE)
        self.same(large, os.path.join(self.here, "large"))
        self.assertEqual(part_files(self.here), [])

    def test_a_second_time_nothing_is_sent_and_no_more_connections_are_made(self):
        self.large(os.path.join(self.up, "large"))
        for _ in range(2):
            with Relay(self.server) as relay:
                self.through(relay, ["post", "-P", "4", "up/large"])
        self.assertEqual(relay.arrived, 1)
        self.assertLess(relay.total(Relay.UP), MIB)

    def test_trees_of_large_and_small_arrive_where_they_would_without(self):
        os.makedirs(os.path.join(self.up, "deep", "er"))
        self.large(os.path.join(self.up, "deep", "er", "large"), 70 * MIB)
        holes = os.path.join(self.up, "holes")
        with open(holes, "wb") as file:
            file.truncate(80 * MIB)
            for at in (5, 30, 60):
                file.seek(at * MIB)
                file.write(os.urandom(17 * MIB))
        for number in range(50):
            write_file(os.path.join(self.up, "deep", f"small-{number}"), b"%d" % number)
        os.chmod(os.path.join(self.up, "deep", "er"), 0o555)
        self.addCleanup(os.chmod, os.path.join(self.up, "deep", "er"), 0o755)
        os.mkdir(self.remote("there"))
        for to, lands in (([], ("up",)), (["--to", "new"], ("new",)), (["--to", "there"], ("there", "up")),
                          (["--to", "made/"], ("made", "up"))):
            with self.subTest(to=to):
                self.check(self.client(["post", "-P", "3", "up", *to]))
                self.check(self.client(["verify", "--modes", "up", ":" + "/".join(lands)]))
                self.assertLess(os.stat(self.remote(*lands, "holes")).st_blocks * 512, 60 * MIB)
        for to, lands in (([], "new"), (["--to", "other"], "other")):
            with self.subTest(to=to):
                self.check(self.client(["get", "-P", "3", "new", *to]))
                self.check(self.client(["verify", "--modes", lands, ":new"]))
        os.chmod(self.remote("new", "deep", "er"), 0o755)   # so that its root can be emptied

    def test_a_file_with_several_names_comes_down_once(self):
        self.large(self.remote("large"), 70 * MIB)
        os.mkdir(self.remote("tree"))
        for name in ("one", "two"):
            os.link(self.remote("large"), self.remote("tree", name))
        with Relay(self.server) as relay:
            self.through(relay, ["get", "-P", "4", "tree"])
            self.assertLess(relay.total(Relay.DOWN), 70 * MIB + LITTLE)
        self.assertEqual(os.stat(os.path.join(self.here, "tree", "one")).st_ino,
                         os.stat(os.path.join(self.here, "tree", "two")).st_ino)
        self.assertEqual(part_files(self.here), [])

    def test_the_rate_is_that_of_all_together(self):
        self.large(os.path.join(self.up, "large"), 64 * MIB)
        for args in (["post", "up/large"], ["get", "large"]):
            begun = time.monotonic()
            self.check(self.client([*args, "-P", "4", "--limit-rate", "32M"]))
            self.assertGreater(time.monotonic() - begun, 1.7, args)

    def test_the_rate_is_not_shared_with_connections_that_have_nothing_to_carry(self):
        self.large(os.path.join(self.up, "large"), 8 * MIB)
        for args in (["post", "up/large"], ["get", "large"]):
            begun = time.monotonic()
            self.check(self.client([*args, "-P", "16", "--limit-rate", "16M"]))
            self.assertLess(time.monotonic() - begun, 4, args)   # the sixteenth part of it takes 8 s


class WhenNot(ConnectionsTest):
    def count(self, args):
        with Relay(self.server) as relay:
            self.through(relay, args)
        return relay.arrived

    def test_one_connection_where_nothing_asks_for_more(self):
        self.large(os.path.join(self.up, "large"), 64 * MIB)
        write_file(os.path.join(self.up, "small"), b"small")
        for args in (["post", "up"], ["post", "-P", "1", "up"], ["post", "-P", "4", "up/small"],
                     ["post", "-P", "4", "--no-overwrite", "up"], ["post", "-P", "4", "--dry-run", "up"],
                     ["post", "-P", "4", "--backup", "~", "up"], ["post", "-P", "4", "--update", "up"],
                     ["post", "-P", "4", "--checksum", "up"], ["get", "up"]):
            for path in (self.remote("up"), os.path.join(self.here, "got")):
                shutil.rmtree(path, ignore_errors=True)
            if args[0] == "get":
                shutil.copytree(self.up, self.remote("up"))
                args = [*args, "--to", "got"]
            self.assertEqual(self.count(args), 1, args)

    def test_wrong_numbers_are_refused(self):
        for number in ("0", "17", "99", "-1", "x", ""):
            for verb in ("post", "get"):
                self.check_sentence(self.client([verb, "-P", number, "x"]), 2)
        self.check_sentence(self.client(["sync", "-P", "4", "x", ":y"]), 2)


class Lost(ConnectionsTest):
    def test_what_a_lost_connection_had_is_carried_by_the_others(self):
        large = self.large(os.path.join(self.up, "large"))
        for cut in (1000, 5 * MIB, 17 * MIB):
            for which in ({1}, {1, 2}, {1, 2, 3}):
                with self.subTest(cut=cut, which=which):
                    with Relay(self.server, {number: (Relay.UP, cut) for number in which}) as relay:
                        self.through(relay, ["post", "-P", "4", "up/large", "--to", "lost"])
                        self.assertLess(relay.total(Relay.UP), LARGE + LITTLE * len(which))
                    self.same(large, self.remote("lost"))
                    os.unlink(self.remote("lost"))
        shutil.copy2(large, self.remote("large"))
        with Relay(self.server, {2: (Relay.DOWN, 5 * MIB)}) as relay:
            self.through(relay, ["get", "-P", "4", "large"])
            self.assertLess(relay.total(Relay.DOWN), LARGE + LITTLE)
        self.same(large, os.path.join(self.here, "large"))

    def test_a_server_that_lets_no_more_in_still_gets_everything(self):
        large = self.large(os.path.join(self.up, "large"), 64 * MIB)
        with Relay(self.server, most=1) as relay:
            self.through(relay, ["post", "-P", "4", "up/large"])
        self.same(large, self.remote("large"))

    def test_without_the_first_the_same_command_goes_on(self):
        large = self.large(os.path.join(self.up, "large"))
        with Relay(self.server, {0: (Relay.UP, 10 * MIB)}) as relay:
            ran = self.client(["post", "-P", "4", "up/large"], host=relay.host)
            self.assertNotEqual(ran.returncode, 0)
            self.assertIn(b"goes on from here", ran.stderr)
            first = relay.total(Relay.UP)
        self.assertFalse(os.path.exists(self.remote("large")))
        with Relay(self.server) as relay:
            self.through(relay, ["post", "-P", "4", "up/large"])
            self.assertLess(first + relay.total(Relay.UP), LARGE + 4 * LITTLE)
        self.same(large, self.remote("large"))

    def test_an_interrupt_ends_all_of_them_and_the_same_command_goes_on(self):
        large = self.large(os.path.join(self.up, "large"))
        with Relay(self.server) as relay:
            client = self.server.start_client(["post", "-P", "4", "--limit-rate", "16M", "up/large"], host=relay.host,
                                              cwd=self.here)
            wait_until(lambda: relay.total(Relay.UP) > 12 * MIB, "something is on its way")
            begun = time.monotonic()
            client.send_signal(signal.SIGINT)
            _, told = client.communicate(timeout=PATIENCE)
            self.assertLess(time.monotonic() - begun, 3)
            self.assertEqual(client.returncode, 130, told)
            first = relay.total(Relay.UP)
        with Relay(self.server) as relay:
            self.through(relay, ["post", "-P", "4", "up/large"])
            self.assertLess(first + relay.total(Relay.UP), LARGE + 4 * LITTLE)
        self.same(large, self.remote("large"))


class Hostile(ConnectionsTest):
    def talk(self):
        peer = Peer.of(self.server)
        peer.send(hello())
        peer.expect("hello")
        return peer

    def refused(self, *said):
        """An error that leaves the connection standing, and nothing made outside."""
        with self.talk() as peer:
            peer.send(b"".join(said))
            failure = read_error(await_error(peer))
            self.assertFalse(failure.closes, failure)
            peer.send(finish(0) + BYE)
            peer.read_all()
        return failure

    def test_a_stripe_leads_nowhere_else(self):
        outside = os.path.join(self.server.scratch, "outside")
        os.symlink(outside, self.remote("link"))
        os.mkdir(self.remote("directory"))
        for path, to in (("link/large", ""), ("directory", ""), ("large", "../outside"), ("large", "/etc"),
                         ("large", "link"), (".farhand-part-" + xxh3_128(b"large").hex(), ""), ("large", "no/such/way")):
            with self.subTest(path=path, to=to):
                self.assertTrue(self.refused(stripe(path, to)).message)
        self.assertTrue(self.refused(slice_request("link/secret"), verdicts(verdict(WHOLE))).message)
        self.assertTrue(self.refused(slice_request("../outside/secret"), verdicts(verdict(WHOLE))).message)

    def test_a_wrong_stripe_ends_in_one_sentence_and_nothing_has_a_name(self):
        content = os.urandom(MIB)
        for said in ([part(content[:1000]), close(content)], [part(content), close(content, digest=bytes(16))],
                     [part(content), close(content, outcome=1, reason="it is gone")]):
            failure = self.refused(stripe(size=MIB), *said)
            self.assertTrue(failure.message)
            self.assertFalse(os.path.exists(self.remote("large")))
        with self.talk() as peer:   # the honest twin
            peer.send(stripe(size=MIB) + part(content) + close(content) + finish())
            read_verdicts(await_kind(peer, "verdicts"))
            self.assertTrue(read_finish(await_kind(peer, "finish")).complete)

    def test_parts_outside_of_the_stripe_end_the_connection(self):
        with self.talk() as peer:
            peer.send(stripe(size=2 * MIB, offset=0, length=MIB) + part(b"x" * 10, MIB - 5))
            failure = read_error(await_error(peer))
            self.assertTrue(failure.closes)

    def test_what_comes_late_does_not_touch_a_file_that_has_its_name(self):
        content = os.urandom(MIB)
        write_file(os.path.join(self.here, "large"), content)
        with self.talk() as peer:
            peer.send(stripe(size=MIB, seconds=1) + part(b"\0" * 1000))
            self.assertEqual(read_verdicts(await_kind(peer, "verdicts"))[0].need, WHOLE)
            self.check(self.client(["post", "large"]))
            self.assertEqual(read_file(self.remote("large")), content)
            peer.send(part(b"\0" * 1000, 1000) + frame("ping", name="here"))
            peer.expect("pong")
            self.assertEqual(read_file(self.remote("large")), content)
        self.assertEqual(read_file(self.remote("large")), content)

    def test_a_slice_of_what_has_changed_is_told(self):
        write_file(self.remote("large"), os.urandom(MIB))
        with self.talk() as peer:
            peer.send(slice_request(size=MIB, seconds=5) + verdicts(verdict(WHOLE)))
            await_kind(peer, "finish")
            peer.send(finish(0) + BYE)
            self.assertNotIn("part", [found.kind for found in peer.read_all()])

    def test_verdicts_on_a_slice_that_are_none_end_the_connection(self):
        write_file(self.remote("large"), os.urandom(MIB))
        seconds = int(os.stat(self.remote("large")).st_mtime)
        os.utime(self.remote("large"), (seconds, seconds))
        for wrong in (verdicts(), verdicts(verdict(WHOLE), verdict(WHOLE)), verdicts(verdict(REST, MIB + 1))):
            with self.talk() as peer:
                peer.send(slice_request(size=MIB, seconds=seconds) + wrong)
                self.assertTrue(read_error(await_error(peer)).closes, wrong)
        for need in (WHOLE, NOTHING):
            with self.talk() as peer:   # the honest twins
                peer.send(slice_request(size=MIB, seconds=seconds) + verdicts(verdict(need)))
                self.assertTrue(read_finish(await_kind(peer, "finish")).complete)
                peer.send(finish() + BYE)
                peer.read_all()


def await_error(peer):
    """Past the verdicts that came before it."""
    while True:
        found = peer.read_past_pings()
        assert found is not None, "no error came"
        if found.kind == "error":
            return found


if __name__ == "__main__":
    main()
