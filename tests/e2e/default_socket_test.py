"""Where root's rserver listens that is told nothing: /run/farhand, in a mount namespace of this test's own."""
import ctypes
import os
import shutil
import stat
import subprocess
import unittest

from harness import NOBODY, PATIENCE, Server, check_sentence, main, rclient

CLONE_NEWNS = 0x00020000
DAEMON = 1
DIRECTORY = "/run/farhand"


def enter_own_run():
    """Whether /run is empty now, and is nobody else's."""
    if os.geteuid() != 0 or not shutil.which("mount"):
        return False
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
        return False
    return all(subprocess.run(["mount", *words], timeout=PATIENCE).returncode == 0
               for words in (["--make-rprivate", "/"], ["-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"]))


@unittest.skipUnless(enter_own_run(), "takes root and a mount namespace")
class DefaultSocket(unittest.TestCase):
    def setUp(self):
        shutil.rmtree(DIRECTORY, ignore_errors=True)

    def serve(self, *args):
        server = Server("--model", "process", *args, default_address=True)
        self.addCleanup(server.cleanup)
        self.host = server.host

    def mode(self):
        return stat.S_IMODE(os.stat(DIRECTORY).st_mode)

    def whoami(self, uid):
        return rclient(["exec", "id -u"], self.host, uid=uid)

    # Its directory was once for root alone.
    def check_guests(self):
        self.assertEqual(self.mode(), 0o755)
        for uid in (0, DAEMON):
            done = self.whoami(uid)
            self.assertEqual((done.returncode, done.stdout), (0, b"%d\n" % uid), done.stderr)
        check_sentence(self, self.whoami(NOBODY), 255, "not enrolled here")

    def test_a_guest_is_served_there(self):
        self.serve("--allow-user", "daemon")
        self.check_guests()

    def test_a_guest_is_served_there_also_where_the_directory_was_made_without_guests(self):
        os.mkdir(DIRECTORY, 0o700)
        self.serve("--allow-user", "daemon")
        self.check_guests()

    def test_without_guests_nobody_else_reaches_it(self):
        self.serve()
        self.assertEqual(self.mode(), 0o700)
        self.assertEqual(self.whoami(0).returncode, 0)
        self.assertEqual(self.whoami(DAEMON).returncode, 255)


if __name__ == "__main__":
    main()
