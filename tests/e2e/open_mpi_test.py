"""Open MPI over two network namespaces as two hosts: mpirun starts its daemon on the other one through our ssh, over TLS with a
paired key. Needs root and ip(8). The programs call Open MPI's library as it is, without a compiler and without bindings."""
import os
import re
import shutil
import subprocess
import unittest

import pages
from harness import PATIENCE, PYTHON, RCLIENT, RSERVER, environment, main, remove_tree, run_rserver, scratch, write_file
from two_hosts_test import HERE, HOST, two_namespaces

# What an MPI program begins with, in Python: its constants are addresses of Open MPI's own objects.
MPI = b"""
import ctypes, os
mpi = ctypes.CDLL("libmpi.so.40", ctypes.RTLD_GLOBAL)
world = ctypes.byref(ctypes.c_char.in_dll(mpi, "ompi_mpi_comm_world"))
integer = ctypes.byref(ctypes.c_char.in_dll(mpi, "ompi_mpi_int"))
def call(name, *words):
    assert getattr(mpi, "MPI_" + name)(*words) == 0, name
def told(name):
    number = ctypes.c_int()
    call(name, world, ctypes.byref(number))
    return number.value
call("Init", None, None)
rank, size = told("Comm_rank"), told("Comm_size")
"""
HELLO = MPI + b"""
print(f"hello from {rank} of {size} on {os.uname().nodename}", flush=True)
call("Finalize")
"""
# Each adds its rank to what its neighbour sends and hands it on; the first begins, and tells what has come around.
RING = MPI + b"""
token = ctypes.c_int(1000)
send = lambda: call("Send", ctypes.byref(token), 1, integer, (rank + 1) % size, 7, world)
receive = lambda: call("Recv", ctypes.byref(token), 1, integer, (rank - 1) % size, 7, world, None)
for _ in range(10):
    if rank == 0:
        send()
    receive()
    token.value += rank
    if rank != 0:
        send()
if rank == 0:
    print("came around:", token.value, flush=True)
call("Finalize")
"""
# The one here waits for a word that never comes.
FAILURE = MPI + b"""
if rank == 1:
    os._exit(7)
call("Recv", ctypes.byref(ctypes.c_int()), 1, integer, 1, 7, world, None)
"""


@unittest.skipUnless(os.geteuid() == 0 and shutil.which("ip"), "takes root and ip(8): two network namespaces")
@unittest.skipUnless(shutil.which("mpirun"), "not installed: openmpi-bin")
class OpenMpi(unittest.TestCase):
    """mpirun on HERE, which is "one"; the server on HOST, which is "two"."""

    def setUp(self):
        self.names = list(two_namespaces(self, {"one": HERE, "two": HOST}).values())
        self.scratch = scratch()
        self.addCleanup(remove_tree, self.scratch)
        self.env = {name: os.path.join(self.scratch, name) for name in ("server", "client")}
        self.start_server()
        self.pair()

    def command(self, side, *argv):
        """As on a host of its own: the network, and the name, which Open MPI tells its nodes apart by."""
        named = ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', ("one", "two")[side]]
        return ["ip", "netns", "exec", self.names[side], *named, *argv]

    def start_server(self):
        log = open(os.path.join(self.scratch, "log"), "wb")
        self.addCleanup(log.close)
        server = subprocess.Popen(
            self.command(1, RSERVER, "--listen", HOST + ":9922", "--root", self.scratch, "--model", "process"), cwd="/",
            env=environment({"FARHAND_CONFIG_DIR": self.env["server"]}), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.wait, PATIENCE)
        self.addCleanup(server.terminate)
        self.assertEqual(server.stdout.readline(), f"listening on {HOST}:9922\n".encode(), log.name)

    def pair(self):
        invited = run_rserver(["invite", "--allow", "exec", "--user", "root"], env={"FARHAND_CONFIG_DIR": self.env["server"]})
        self.assertEqual(invited.returncode, 0, invited.stderr)
        paired = self.run_here(RCLIENT, *invited.stdout.decode().split()[1:], "--as", HOST)
        self.assertEqual(paired.returncode, 0, paired.stderr)

    def run_here(self, *argv):
        env = environment({"FARHAND_CONFIG_DIR": self.env["client"], "HOME": self.scratch, "TMPDIR": self.scratch,
                           **pages.exported("open-mpi")})
        return subprocess.run(self.command(0, *argv), cwd=self.scratch, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=PATIENCE)

    def mpirun(self, program, processes, status=0):
        path = write_file(os.path.join(self.scratch, "program.py"), program)
        options = {"btl": "tcp,self", "btl_tcp_if_include": "eth0", "oob_tcp_if_include": "eth0",
                   "orte_tmpdir_base": self.scratch}
        words = [word for name, value in options.items() for word in ("--mca", name, value)]
        slots = processes // 2
        done = self.run_here("mpirun", "--allow-run-as-root", *words, "-H", f"{HERE}:{slots},{HOST}:{slots}", "-np", str(processes),
                             PYTHON, path)
        self.assertEqual(done.returncode, status, (done.stdout, done.stderr))
        return done.stdout.decode()

    def test_processes_on_both_hosts_say_hello(self):
        # mpirun gives each process a terminal, and may put what came of another between a line and its end.
        said = self.mpirun(HELLO, 4)
        told = re.findall(r"hello from (\d) of 4 on (one|two)", said)
        self.assertEqual(sorted(told), [("0", "one"), ("1", "one"), ("2", "two"), ("3", "two")], said)
        self.assertEqual(len(said), len(told) * len("hello from 0 of 4 on one\n"), said)

    def test_a_token_goes_around_a_ring(self):
        self.assertEqual(self.mpirun(RING, 4), f"came around: {1000 + 10 * (0 + 1 + 2 + 3)}\n")

    def test_a_process_that_fails_there_ends_all_of_them(self):
        self.mpirun(FAILURE, 2, status=7)


if __name__ == "__main__":
    main()
