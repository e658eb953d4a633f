"""Two network namespaces as two hosts, and what the README's first page promises of them: four commands from nothing to a
remote `ls`, none of which asks a question. Needs root and ip(8)."""
import os
import re
import shutil
import subprocess
import unittest

from harness import NOBODY, PATIENCE, RCLIENT, RSERVER, as_user, main, remove_tree, scratch, wait_until, write_file

HOST, HERE = "192.0.2.7", "192.0.2.8"


def ip(*words):
    return subprocess.run(["ip", *words], stdin=subprocess.DEVNULL, timeout=PATIENCE, stderr=subprocess.PIPE).returncode == 0


def two_namespaces(test, addresses):
    """{name of the side: name of its namespace}, joined by a cable, each with its address; they go with the test."""
    names = {side: f"farhand-{os.getpid()}-{side}" for side in addresses}
    for name in names.values():
        if not ip("netns", "add", name):
            test.skipTest("network namespaces cannot be made here")
        test.addCleanup(ip, "netns", "del", name)
    one, other = names.values()
    test.assertTrue(ip("link", "add", "eth0", "netns", one, "type", "veth", "peer", "name", "eth0", "netns", other))
    for side, address in addresses.items():
        for words in (["addr", "add", address + "/24", "dev", "eth0"], ["link", "set", "eth0", "up"], ["link", "set", "lo", "up"]):
            test.assertTrue(ip("-n", names[side], *words))
    return names


@unittest.skipUnless(os.geteuid() == 0 and shutil.which("ip"), "takes root and ip(8): two network namespaces")
class TwoHosts(unittest.TestCase):
    def setUp(self):
        self.names = list(two_namespaces(self, {"a": HOST, "b": HERE}).values())
        self.homes = []
        for _ in self.names:
            self.homes.append(scratch(NOBODY))
            self.addCleanup(remove_tree, self.homes[-1])

    def command(self, side, *argv):
        """How an ordinary user of that host runs it: nothing in the environment, and nobody there to answer."""
        home = self.homes[side]
        env = ["env", "-i", "PATH=/usr/bin:/bin", "HOME=" + home]
        return {"args": ["ip", "netns", "exec", self.names[side], *as_user(NOBODY, [*env, *argv])], "cwd": home,
                "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}

    def run_on(self, side, *argv):
        return subprocess.run(**self.command(side, *argv), timeout=PATIENCE)

    def test_four_commands_from_nothing_to_a_remote_ls(self):
        site = os.path.join(self.homes[0], "site")
        os.mkdir(site)
        write_file(os.path.join(site, "index.html"), b"hello\n")
        os.chmod(site, 0o755)
        server = subprocess.Popen(**self.command(0, RSERVER, "--listen", "0.0.0.0:9922", "--root", site))
        self.addCleanup(server.stderr.close)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.wait, PATIENCE)
        self.addCleanup(server.terminate)
        self.assertEqual(server.stdout.readline(), b"listening on 0.0.0.0:9922\n")

        invited = self.run_on(0, RSERVER, "invite", "--allow", "exec,get,post")
        self.assertEqual(invited.returncode, 0, invited.stderr)
        line = invited.stdout.decode()
        self.assertRegex(line, rf"\Arclient pair {re.escape(HOST)}:9922 [0-9A-Z]{{80}}\n\Z")  # as it is to be pasted

        paired = self.run_on(1, RCLIENT, *line.split()[1:], "--as", "web")
        self.assertEqual((paired.returncode, paired.stdout), (0, b""), paired.stderr)
        done = self.run_on(1, RCLIENT, "-H", "web", "exec", "ls")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"index.html\n", b""))

        # And the twins: the code has been used, and nobody else is let in.
        again = self.run_on(1, RCLIENT, *line.split()[1:], "--as", "other", "--replace")
        self.assertEqual(again.returncode, 3, again.stderr)
        self.homes[1] = self.homes[0]
        self.assertEqual(self.run_on(1, RCLIENT, "-H", HOST, "exec", "ls").returncode, 255)
        log = []
        os.set_blocking(server.stderr.fileno(), False)
        wait_until(lambda: log.append(server.stderr.read() or b"") or b"exec sh:" in b"".join(log), "it is in the log")


if __name__ == "__main__":
    main()
