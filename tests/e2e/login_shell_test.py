"""exec never goes through the account's own shell, whichever that is: words, values of variables and directories arrive
exactly as they were given. The user database is the test's own, in a mount namespace of the server's."""
import ctypes
import os
import pwd

import commands_wire_test
from harness import NOBODY, Server, Terminal, client_command, main, needs_root, read_file, remove_tree, scratch, write_file
from hostile import exec_line

CLONE_NEWNS, MS_BIND, MS_REC, MS_PRIVATE = 0x00020000, 0x1000, 0x4000, 0x40000
LIBC = ctypes.CDLL(None, use_errno=True)

# Leaves a mark when it is run, and gives nothing on.
TRIPWIRE = "#!/bin/sh\necho \"$0 $*\" >>\"{mark}\"\necho the shell of the account\nexit 99\n"


def see_instead(path, ours):
    """In the child that becomes rserver: `ours` stands at `path`."""
    for failed in (LIBC.unshare(CLONE_NEWNS), LIBC.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None),
                   LIBC.mount(ours.encode(), path.encode(), None, MS_BIND, None)):
        if failed:
            raise OSError(ctypes.get_errno(), "no mount namespace")


class WithShell:
    """Subclasses say which shell; it is a tripwire unless it is a real program."""
    NAME = None
    COUNT = 200 * commands_wire_test.SCALE

    @classmethod
    def setUpClass(cls):
        cls.place = scratch(NOBODY)
        cls.addClassCleanup(remove_tree, cls.place)
        cls.mark = os.path.join(cls.place, "mark")
        cls.shell = "/bin/false" if cls.NAME == "false" else write_file(
            os.path.join(cls.place, cls.NAME), TRIPWIRE.format(mark=cls.mark).encode(), 0o755)
        user = pwd.getpwuid(NOBODY).pw_name
        passwd = write_file(os.path.join(cls.place, "passwd"),
                            f"root:x:0:0:root:/root:/bin/sh\n{user}:x:{NOBODY}:{NOBODY}::/:{cls.shell}\n".encode(), 0o644)
        cls.server = Server("--insecure", listen=["127.0.0.1:0"], uid=NOBODY,
                            limits=lambda: see_instead("/etc/passwd", passwd))
        cls.addClassCleanup(cls.server.cleanup)

    def tearDown(self):
        self.assertFalse(os.path.exists(self.mark), "the account's shell was run")

    def test_a_line_is_for_bin_sh(self):
        out, report = self.run_one(exec_line("echo $0; echo $SHELL"))
        self.assertEqual((report[:2], out.decode()), ((0, 0), f"/bin/sh\n{self.shell}\n"))
        for args in (["exec", "echo $0"], ["exec", "-t", "echo $0"], ["exec", "--cwd", "/", "--env", "A=$(id)", "echo $0"]):
            self.check(self.client(args), 0)

    def test_the_twin_shell_runs_it(self):
        local = Terminal(client_command(["shell"], self.server.host, NOBODY))
        self.addCleanup(local.close)
        self.assertEqual(local.wait(), 1 if self.NAME == "false" else 99)
        if self.NAME != "false":
            self.assertIn(b"the shell of the account", local.seen)
            self.assertIn(self.NAME.encode(), read_file(self.mark))
            os.unlink(self.mark)


@needs_root
class Fish(WithShell, commands_wire_test.WordsArrive):
    NAME = "fish"


@needs_root
class Csh(WithShell, commands_wire_test.WordsArrive):
    NAME = "csh"


@needs_root
class False_(WithShell, commands_wire_test.WordsArrive):
    NAME = "false"


if __name__ == "__main__":
    main()
