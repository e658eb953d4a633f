"""post and get of what was named: links, namesakes, many at once, what is there already, and what a small disk takes."""
import json
import os
import resource
import stat

from files_test import MIB, FilesTest, size_or_zero
from harness import (Server, check_sentence, main, part_files, random_bytes, read_file, remove_tree, scratch, snapshot, tmpfs,
                     wait_until)
from hostile import entries, entry, greeted, part, push


class Named(FilesTest):
    """What is named is what is meant, however many are."""

    def outcome(self, args, status=0):
        return json.loads(self.check(self.client(["--json", *args]), status).stdout)

    def test_a_named_link_to_a_file_gives_its_content_under_the_links_name(self):
        self.local("real", b"content\n")
        os.symlink("real", os.path.join(self.here, "link"))
        os.symlink(os.path.join(self.here, "real"), os.path.join(self.here, "absolute"))
        self.check(self.client(["post", "link", "absolute"]), 0, b"", b"")
        for name in ("link", "absolute"):
            self.assertTrue(stat.S_ISREG(os.lstat(self.remote(name)).st_mode))
            self.assertEqual(read_file(self.remote(name)), b"content\n")
        os.mkdir(self.remote("d"))
        os.symlink("../link", self.remote("d/up"))
        self.check(self.client(["get", "d/up"]), 0, b"", b"")
        self.assertTrue(stat.S_ISREG(os.lstat(os.path.join(self.here, "up")).st_mode))
        self.assertEqual(read_file(os.path.join(self.here, "up")), b"content\n")
        os.mkdir(os.path.join(self.here, "tree"))
        os.symlink("../real", os.path.join(self.here, "tree/link"))
        self.check(self.client(["post", "tree"]), 0, b"", b"")
        self.assertEqual(os.readlink(self.remote("tree/link")), b"../real")

    def test_two_of_one_name_are_refused_at_once(self):
        for path in ("a/x", "b/x", "y"):
            os.makedirs(os.path.dirname(os.path.join(self.here, path)), exist_ok=True)
            self.local(path, path.encode())
            self.place(path)
        before = snapshot(self.server.root)
        self.check_sentence(self.client(["post", "y", "a/x", "b/x"]), 2, "'a/x'", "'b/x'")
        self.check_sentence(self.client(["post", "y", "./y"]), 2, "'y'", "'./y'")
        self.assertEqual(snapshot(self.server.root), before)
        self.check_sentence(self.client(["get", "a/x", "b/x", "--to", "new"]), 2, "'a/x'", "'b/x'")
        self.assertFalse(os.path.exists(os.path.join(self.here, "new")))

    def test_more_than_a_process_may_hold_open_come_in_their_order_both_ways(self):
        names = [f"{n * 7919 % 1000:03}" for n in range(600)]
        for name in names:
            self.local(name, name.encode())

        def few():
            resource.setrlimit(resource.RLIMIT_NOFILE, (300, 300))
        done = self.check(self.client(["--json", "post", *names, "--to", "new"], preexec_fn=few))
        self.assertEqual([file["name"] for file in json.loads(done.stdout)["files"]], names)
        self.assertEqual([file["path"] for file in json.loads(done.stdout)["files"]], ["new/" + name for name in names])
        self.assertEqual(sorted(os.listdir(self.remote("new"))), sorted(os.fsencode(name) for name in names))
        got = self.outcome(["get", *(f"new/{name}" for name in names), "--to", "back"])
        self.assertEqual([file["path"] for file in got["files"]], ["back/" + name for name in names])
        self.assertTrue(all(read_file(os.path.join(self.here, "back", name)) == name.encode() for name in names))

    def test_what_is_there_already_is_told_like_what_was_sent(self):
        for content in (b"", b"abc", random_bytes(MIB)):
            self.local("f", content)
            first = self.outcome(["post", "f"])
            again = self.outcome(["post", "f"])
            self.assertEqual(first["files"], again["files"])
            self.assertEqual((first["files"][0]["bytes"], again["job"]["bytes"], again["job"]["unchanged"]), (len(content), 0, 1))
            self.assertEqual(first["files"], self.outcome(["get", "f"])["files"])

    def test_one_that_is_missing_does_not_change_where_the_other_went(self):
        self.place("d/a")
        got = self.outcome(["get", "d/missing", "d/a", "--to", "new"], 1)
        self.assertEqual([file.get("path") for file in got["files"]], [None, "new/a"])
        self.assertEqual((got["files"][0]["error"]["code"], got["files"][0]["error"]["from"]), ("not_found", "server"))
        self.assertEqual(read_file(os.path.join(self.here, "new/a")), b"old\n")

    def test_where_one_stands_need_not_be_there(self):
        path = self.local("file", b"x\n")
        gone = os.path.join(self.here, "gone")
        os.mkdir(gone)
        os.chmod(gone, 0o777)
        self.check(self.client(["post", os.path.realpath(path)], cwd=gone, preexec_fn=lambda: os.rmdir(os.fsencode(gone))), 0)
        self.assertEqual(read_file(self.remote("file")), b"x\n")

    def test_a_local_link_that_leads_away_is_replaced(self):
        self.place("file", b"new\n")
        victim = self.local("victim", b"untouched\n")
        os.symlink(victim, os.path.join(self.here, "link"))
        self.check(self.client(["get", "file", "--to", "link"]), 0, b"", b"")
        self.assertTrue(stat.S_ISREG(os.lstat(os.path.join(self.here, "link")).st_mode))
        self.assertEqual(read_file(victim), b"untouched\n")

    def test_a_kept_part_outlives_a_disk_that_is_full(self):
        """Refused for lack of room, and nothing that had come is thrown away."""
        mount = scratch()
        self.addCleanup(remove_tree, mount)
        content = random_bytes(3 * MIB)
        with tmpfs(os.path.join(mount, "small"), "4m") as root, Server(root=root) as server:
            with greeted(server) as peer:
                peer.send(push("") + entries(entry("file", size=len(content))))
                peer.expect("verdicts")
                peer.send(part(content[:MIB]))
                wait_until(lambda: sum(map(size_or_zero, part_files(root))) == MIB, "it has come")
            wait_until(lambda: "requests in" in server.log() or "post" in server.log(), "it is over")
            self.check(server.client(["exec", "head -c 2000000 /dev/zero > filler"]))
            check_sentence(self, server.client(["post", self.local("file", content)]), 3, "free")
            self.assertEqual([size_or_zero(path) for path in part_files(root)], [MIB])
            os.unlink(os.path.join(root, "filler"))
            done = self.check(server.client(["--json", "post", self.local("file", content)]))
            self.assertEqual(json.loads(done.stdout)["job"]["bytes"], 2 * MIB)

    def test_a_file_of_holes_fits_where_its_data_does(self):
        mount = scratch()
        self.addCleanup(remove_tree, mount)
        with tmpfs(os.path.join(mount, "small"), "1m") as root, Server(root=root) as server:
            path = self.local("holes", b"")
            os.truncate(path, 64 * MIB)
            self.check(server.client(["post", path]), 0, b"", b"")
            self.assertEqual(os.path.getsize(os.path.join(root, "holes")), 64 * MIB)


if __name__ == "__main__":
    main()
