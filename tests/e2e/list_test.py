"""ls and verify: what is told is what is there, of any name and any number; what may not be seen is not; and a server that
lies in its listing is found out, in memory that does not grow."""
import json
import os
import shutil
import signal
import stat
import subprocess
import unittest

from harness import (PATIENCE, Server, ServerTest, Terminal, as_user, check_sentence, client_command, environment, main,
                     memory_of, needs_root, random_bytes, rclient, remove_tree, scratch, wait_until, write_file, MEMORY_COUNTS)
from hostile import (MIB, FakeServer, assert_plain, drain, entries, entry, error, finish, frame, trouble, welcome, xxh3_128)
from rights_support import RootsSite, Site

ODD_NAMES = [b".hidden", b" lead", b"trail ", b"new\nline", b"\xff\xfe", "\u00e4\u4e2d".encode(), b"a\\b", b"-n", b":x",
             b"%41", b"*", b"\x1b[2J", b"n" * 255]


def make_odd_tree(root):
    """One file each, in a directory of each name too; links, a pipe, an empty directory."""
    root = os.fsencode(root)
    for name in ODD_NAMES:
        write_file(os.path.join(root, name), b"content of " + name)
        os.mkdir(os.path.join(root, name[:250] + b".d"))
        write_file(os.path.join(root, name[:250] + b".d", b"inner"), b"")
    os.mkdir(os.path.join(root, b"empty"))
    os.symlink(b"new\nline", os.path.join(root, b"link"))
    os.symlink(b"/nowhere", os.path.join(root, b"dangling"))
    os.mkfifo(os.path.join(root, b"pipe"))


def names_below(directory):
    """In the order of a walk: children by their bytes, each with all that is below."""
    found = []
    def visit(where, prefix):
        for name in sorted(os.listdir(where)):
            found.append(prefix + name)
            path = os.path.join(where, name)
            if os.path.isdir(path) and not os.path.islink(path):
                visit(path, prefix + name + b"/")
    visit(os.fsencode(directory), b"")
    return found


class Listing(ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        os.mkdir(cls.server.path("odd"))
        make_odd_tree(cls.server.path("odd"))
        os.mkdir(cls.server.path("big"))
        for number in range(5000):
            write_file(cls.server.path("big", f"file-{number:05}"), b"")
        write_file(cls.server.path("single"), random_bytes(3 * MIB, 1), mode=0o640)
        os.utime(cls.server.path("single"), ns=(0, 1_600_000_000_000_000_005))
        os.symlink(cls.server.outside, cls.server.path("out"))
        os.symlink("odd", cls.server.path("in"))

    def names(self, *args, end=b"\0"):
        ran = self.check(self.client(["ls", "-0", *args]))
        self.assertEqual(ran.stderr, b"")
        return ran.stdout.split(end)[:-1]

    def test_a_directory_of_any_names(self):
        self.assertEqual(self.names("odd"), sorted(os.listdir(os.fsencode(self.server.path("odd")))))
        self.assertEqual(self.names("in"), self.names("odd"))

    def test_all_that_is_below(self):
        self.assertEqual(self.names("-R", "odd"), names_below(self.server.path("odd")))

    def test_without_a_path_it_is_what_is_served(self):
        self.assertEqual(self.names(), sorted(os.listdir(os.fsencode(self.server.root))))

    def test_many(self):
        self.check(self.client(["ls", "big"]), out=b"".join(b"file-%05d\n" % number for number in range(5000)))

    def test_a_file_is_called_as_it_was_named(self):
        self.check(self.client(["ls", "./single"]), out=b"./single\n")
        self.check(self.client(["ls", "-l", "single"]), out=b"-rw-r-----      3145728 2020-09-13T12:26:40Z single\n")

    def test_several_paths_are_headed(self):
        self.check(self.client(["ls", "single", "odd/empty", "odd/-n.d"]),
                   out=b"single\n\nodd/empty:\n\nodd/-n.d:\ninner\n")

    def test_hashes_are_those_of_the_content(self):
        os.makedirs(os.path.join(self.here, "copy"))
        self.check(self.client(["get", "single"]))
        posted = json.loads(self.client(["--json", "post", "single", "--to", "again"]).stdout)
        self.addCleanup(os.unlink, self.server.path("again"))
        listed = self.check(self.client(["ls", "--hash", "single", "again"])).stdout.split()
        self.assertEqual({listed[0], listed[2]}, {posted["files"][0]["xxh3_128"].encode()})
        lines = self.check(self.client(["ls", "-0R", "--hash", "odd"])).stdout.split(b"\0")[:-1]
        hashes = {line[33:]: line[:32].decode() for line in lines}
        for name in ODD_NAMES:
            self.assertEqual(hashes[name], xxh3_128(b"content of " + name).hex())
        for name in (b"link", b"dangling", b"pipe", b"empty"):
            self.assertEqual(hashes[name], "-" * 32)

    def test_json_is_one_object(self):
        told = json.loads(self.check(self.client(["--json", "ls", "-R", "--hash", "odd"])).stdout)
        self.assertEqual((told["status"], told["error"], told["failed"]), (0, None, []))
        entries = {entry.get("path", entry.get("path_base64")): entry for entry in told["entries"]}
        self.assertEqual(len(entries), len(names_below(self.server.path("odd"))))
        self.assertEqual(entries["link"]["target"], "new\nline")
        self.assertEqual({entries[name]["kind"] for name in ("link", "pipe", "empty", ".hidden")},
                         {"link", "special", "directory", "file"})
        status = os.lstat(self.server.path("odd", ".hidden"))
        self.assertEqual(entries[".hidden"]["size"], status.st_size)
        self.assertEqual(entries[".hidden"]["mode"], stat.S_IMODE(status.st_mode))
        self.assertIn("//4=", entries)

    def test_a_terminal_is_shown_no_bytes_that_do_things(self):
        terminal = Terminal(self.server.client_command(["ls", "-l", "odd"]))
        self.addCleanup(terminal.close)
        shown = terminal.expect(rb"\\x1b\[2J\r\n.*dangling -> /nowhere\r\n.*\\xff\\xfe\r\n")
        self.assertNotIn(b"\x1b", shown)

    def test_a_link_out_of_the_root_is_refused(self):
        for path in ("out", "out/secret", "..", "../outside", self.server.outside):
            ran = self.client(["ls", "-R", path])
            self.check_sentence(ran, 3)
            self.assertEqual(ran.stdout, b"")
        self.assertIn(b"out", self.names())   # its own name is no secret
        self.assertNotIn(b"out/secret", self.names("-R"))

    def test_what_is_not_there_is_said_and_the_rest_is_listed(self):
        self.check_sentence(self.client(["ls", "nix"]), 3, "'nix'")
        ran = self.client(["ls", "nix", "odd/-n.d"])
        self.check_sentence(ran, 1, "'nix'")
        self.assertEqual(ran.stdout, b"odd/-n.d:\ninner\n")
        told = json.loads(self.client(["--json", "ls", "nix"]).stdout)
        self.assertEqual((told["status"], told["error"]["code"], told["error"]["from"]), (3, "not_found", "server"))

    def test_a_reader_that_goes_ends_it_silently(self):
        command = self.server.client_command(["ls", "-R", "."])
        process = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.close()
        self.assertEqual(process.stderr.read(), b"")
        process.stderr.close()
        self.assertIn(process.wait(PATIENCE), (0, -signal.SIGPIPE))

    def test_the_log_and_nothing_else_tells_of_it(self):
        self.names("big")
        wait_until(lambda: "list 'big' 5000 files in" in self.server.log(), "it is in the log")


@needs_root
class ClosedDirectory(unittest.TestCase):
    """What the server's user may not read."""

    def setUp(self):
        self.server = Server(uid=65534)
        self.addCleanup(self.server.cleanup)
        self.here = scratch(65534)
        self.addCleanup(remove_tree, self.here)
        for where in (self.server.root, self.here):
            os.mkdir(os.path.join(where, "closed"))
            write_file(os.path.join(where, "closed", "inner"), b"x")
            write_file(os.path.join(where, "secret"), b"y")
            write_file(os.path.join(where, "open"), b"z")
        os.chmod(self.server.path("closed"), 0)
        os.chmod(self.server.path("secret"), 0)

    def test_it_is_told_and_the_rest_is_listed(self):
        ran = self.server.client(["ls", "-R"])
        check_sentence(self, ran, 1, "'closed' cannot be read")
        self.assertEqual(ran.stdout, b"closed\nopen\nsecret\n")
        told = json.loads(self.server.client(["--json", "ls", "-R", "--hash"]).stdout)
        self.assertEqual([failure["path"] for failure in told["failed"]], ["closed", "secret"])
        self.assertEqual({failure["error"]["code"] for failure in told["failed"]}, {"no_permission"})
        self.assertEqual([entry["path"] for entry in told["entries"] if "xxh3_128" in entry], ["open"])

    def test_what_could_not_be_read_is_not_missing_and_not_the_same(self):
        ran = self.server.client(["verify", ".", ":"], cwd=self.here)
        self.assertEqual((ran.returncode, ran.stdout, ran.stderr.count(b"\n")), (1, b"", 2), ran.stderr)
        os.unlink(os.path.join(self.here, "open"))
        self.assertEqual(self.server.client(["verify", ".", ":"], cwd=self.here).stdout, b"only there  open\n")


class Rights(unittest.TestCase):
    def test_it_takes_the_right_to_get(self):
        site = Site()
        self.addCleanup(site.close)
        write_file(os.path.join(site.server.root, "there"), b"x")
        client = site.paired("--allow", "get")
        self.assertEqual(client.there("ls").stdout, b"there\n")
        client = site.paired("--allow", "exec,post")
        check_sentence(self, client.there("ls"), 3, "'get'")

    @needs_root
    def test_a_confined_worker_lists_and_hashes(self):
        """As root's server has it: the session's process may call what a listing calls, and start its threads."""
        site = RootsSite("--model", "process")
        self.addCleanup(site.close)
        make_odd_tree(site.server.root)
        client = site.paired("--allow", "get")
        ran = client.there("ls", "-0R", "--hash")
        self.assertEqual((ran.returncode, ran.stderr), (0, b""))
        self.assertEqual([line[33:] for line in ran.stdout.split(b"\0")[:-1]], names_below(site.server.root))
        check_sentence(self, client.there("ls", ".."), 3)


class Verifying(ServerTest):
    def setUp(self):
        super().setUp()
        self.tree = os.path.join(self.here, "tree")
        os.mkdir(self.tree)
        make_odd_tree(self.tree)
        shutil.copytree(os.fsencode(self.tree), os.fsencode(self.server.path("tree")), symlinks=True,
                        copy_function=shutil.copy2, ignore=lambda *_: [b"pipe"])
        os.mkfifo(self.server.path("tree", "pipe"))
        self.addCleanup(remove_tree, self.server.path("tree"))

    def verify(self, *args):
        return self.client(["verify", *(args or ("tree", ":tree"))])

    def test_the_same(self):
        self.check(self.verify(), 0, b"", b"")
        self.check(self.verify(":tree", "tree"), 0, b"", b"")

    def test_every_difference_is_told_once(self):
        write_file(os.path.join(self.tree, "-n"), b"CONTENT OF -n")
        os.unlink(os.path.join(self.tree, "link"))
        os.symlink("elsewhere", os.path.join(self.tree, "link"))
        shutil.rmtree(os.path.join(self.tree, " lead.d"))
        os.makedirs(os.path.join(self.tree, "more", "below"))
        os.rmdir(os.path.join(self.tree, "empty"))
        write_file(os.path.join(self.tree, "empty"), b"")
        self.check(self.verify(), 5,
                   b"only there   lead.d\n"
                   b"differs     -n\n"
                   b"kind        empty  (file here, directory there)\n"
                   b"target      link  (-> elsewhere here, -> new\\nline there)\n"
                   b"only here   more\n")
        told = json.loads(self.client(["--json", "verify", "tree", ":tree"]).stdout)
        self.assertEqual([found["difference"] for found in told["differences"]],
                         ["only_there", "differs", "kind", "target", "only_here"])
        self.assertEqual((told["status"], told["difference_count"], told["error"]), (5, 5, None))

    def test_files_of_other_names(self):
        self.check(self.verify("tree/-n", ":tree/-n"), 0, b"", b"")
        self.check(self.verify("tree/-n", ":tree/.hidden"), 5)
        self.check(self.verify("tree", ":tree/.hidden"), 5, b"kind        tree  (directory here, file there)\n")

    def test_modes_where_they_are_asked_for(self):
        os.chmod(os.path.join(self.tree, "-n"), 0o600)
        self.check(self.verify(), 0, b"", b"")
        self.assertIn(b"mode        -n  (0600 here, 0644 there)\n", self.verify("--modes", "tree", ":tree").stdout)

    def test_a_side_that_is_not_there(self):
        self.check_sentence(self.verify("nix", ":tree"), 4, "'nix'")
        self.check_sentence(self.verify("tree", ":nix"), 3, "'nix'")

    def test_size_and_time_do_not_stand_for_content(self):
        """Two files of one size and time: whoever looked at those alone would be content."""
        for where in (self.tree, self.server.path("tree")):
            write_file(os.path.join(where, "large"), random_bytes(5 * MIB, 2))
            os.utime(os.path.join(where, "large"), ns=(0, 0))
        self.check(self.verify(), 0, b"", b"")
        with open(os.path.join(self.tree, "large"), "r+b") as file:
            file.seek(4 * MIB)
            file.write(b"!")
        os.utime(os.path.join(self.tree, "large"), ns=(0, 0))
        self.check(self.verify(), 5, b"differs     large\n")


# ----------------------------------------------------------------------------------------------------------------------
# Servers that lie

TOP = entry(".", kind=0)


class Liars(unittest.TestCase):
    def setUp(self):
        self.here = scratch()
        self.addCleanup(remove_tree, self.here)

    def play(self, said, args):
        def script(peer):
            welcome(peer)
            peer.send_if_heard(said)
            drain(peer)
        with FakeServer(script, self.here) as fake:
            return rclient(args, fake.host, cwd=self.here)

    def refused(self, said, *statuses):
        for args in (["ls", "-R"], ["verify", ".", ":"]):
            ran = self.play(said, args)
            self.assertIn(ran.returncode, statuses or (9,), (args, ran.stdout, ran.stderr))
            assert_plain(ran.stderr.decode().rstrip("\n"))

    def test_the_twin_that_keeps_to_the_rules(self):
        ran = self.play(entries(TOP, entry("a"), entry("d", 0)) + entries(entry("d/x"), entry("d!")) + finish(), ["ls", "-R"])
        self.assertEqual((ran.returncode, ran.stdout, ran.stderr), (0, b"a\nd\nd/x\nd!\n", b""))
        ran = self.play(entries(entry("leaf")) + finish(), ["ls", "asked"])
        self.assertEqual((ran.returncode, ran.stdout), (0, b"asked\n"))

    def test_names_that_are_none(self):
        for path in ("..", "../x", "a/../b", "/abs", "a//b", "a/", "", "a/./b", "x\0y", "n" * 256):
            self.refused(entries(TOP, entry(path)) + finish())

    def test_out_of_order_and_twice(self):
        for listed in (("b", "a"), ("a", "a"), ("d!", "d/x"), (".",)):
            self.refused(entries(TOP, *(entry(path) for path in listed)) + finish())
        self.refused(entries(TOP, entry("b")) + entries(entry("a")) + finish())

    def test_what_was_not_asked_for(self):
        self.refused(entries(entry("a"), entry("b")) + finish())        # no directory, and yet two
        self.refused(entries(entry("a/b")) + finish())
        self.refused(entries(entry(".", 1)) + finish())
        self.refused(entries(entry("d", 0)) + finish())
        self.assertEqual(self.play(entries(TOP, entry("d", 0), entry("d/x")) + finish(), ["ls"]).returncode, 9)

    def test_endings_that_are_none(self):
        self.refused(entries(TOP) + finish(complete=0, code=10, sentence="broken\x1b[2J off"), 3)
        self.refused(entries(TOP) + error(code=4, closes=False), 3)
        self.refused(entries(TOP) + frame("done"), 9)

    def test_sentences_and_names_are_escaped(self):
        ran = self.play(entries(TOP, entry("a")) + trouble("x\x1b", "no \x1b[2J reading\n") + finish(failed=1), ["ls"])
        self.assertEqual((ran.returncode, ran.stdout), (1, b"a\n"))
        self.assertEqual(ran.stderr.count(b"\n"), 1)
        assert_plain(ran.stderr.decode().rstrip("\n"))

    def test_an_endless_listing_takes_no_memory_and_ends_with_the_user(self):
        for args in (["ls", "-R"], ["--json", "ls", "-R"], ["verify", ".", ":"]):
            with self.subTest(args=args):
                self.check_endless(args)

    def check_endless(self, args):
        sent = [0]

        def script(peer):
            welcome(peer)
            peer.send(entries(TOP))
            while True:
                first = sent[0] * 1000
                peer.send(entries(*(entry(f"f{number:012}" + "x" * 150) for number in range(first, first + 1000))) +
                          trouble("t", "no " + "y" * 900))
                sent[0] += 1
        with FakeServer(script, self.here) as fake, open(os.devnull, "wb") as nothing:
            process = subprocess.Popen(client_command(args, fake.host), cwd=self.here, env=environment(),
                                       stdin=subprocess.DEVNULL, stdout=nothing, stderr=nothing)
            try:
                wait_until(lambda: sent[0] >= 200, "it takes what is sent")  # 45 MB
                if MEMORY_COUNTS:
                    self.assertLess(memory_of(process.pid)["VmHWM"], 32 * MIB)
                process.send_signal(signal.SIGINT)
                self.assertEqual(process.wait(PATIENCE), 130)
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()


if __name__ == "__main__":
    main()
