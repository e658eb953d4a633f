"""What a command starts and lets go of: whoever has left its process group, its session or its parent goes with it when
the client has gone, the time is over, the key is revoked or the server dies; and stays when the command just ends."""
import os
import signal
import subprocess
import unittest

from harness import (Server, ServerTest, Terminal, assert_sane, client_command, main, needs_root, pids_with_word,
                     run_rserver, unique_number, wait_until)
from process_model_test import RootTest
from rights_support import tear_down_canary

WITHIN = 12  # 10 s, and what a busy machine takes


def tearDownModule():
    tear_down_canary()


# Shell lines; each leaves a `sleep` with the number as its word.
ESCAPES = {
    "plain": "sleep {0}",
    "ignores what it is asked": "trap '' HUP TERM INT; sleep {0}; sleep {0}",
    "in the background": "sleep {0} & sleep 600",
    "in a session of its own": "setsid sleep {0} & sleep 600",
    "left by its parent": "(setsid sleep {0} &); sleep 600",
    "as nohup has it": "(trap '' HUP; setsid nohup sleep {0} >/dev/null 2>&1 &); sleep 600",
    "under a shell that was left, too": "(setsid sh -c '(setsid sleep {0} &); sleep {0}' &); sleep 600",
    "stopped": "(setsid sh -c 'sleep {0} & kill -STOP $$' &); sleep 600",
}


class Escapes(ServerTest):
    def gone(self, numbers):
        for how, number in numbers.items():
            wait_until(lambda number=number: not pids_with_word(number), f"nobody is left: {how}", WITHIN)

    def start(self, options=()):
        """A client for each way."""
        numbers, clients = {}, []
        for how, line in ESCAPES.items():
            numbers[how] = unique_number()
            clients.append(self.server.start_client(["exec", *options, line.format(numbers[how])],
                                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            self.addCleanup(clients[-1].wait, 30)
            self.addCleanup(clients[-1].kill)
        return numbers, clients

    def started(self):
        """The same; when it returns, all of their sleepers sleep."""
        numbers, clients = self.start()
        for how, number in numbers.items():
            wait_until(lambda number=number: pids_with_word(number), how)
        return numbers, clients

    def test_a_client_that_is_killed_takes_everybody_along(self):
        numbers, clients = self.started()
        for client in clients:
            client.kill()
        self.gone(numbers)

    def test_a_timeout_ends_everybody(self):
        numbers, clients = self.start(["--timeout", "1s"])
        for client in clients:
            self.assertEqual(client.wait(30), 124)
        for how, number in numbers.items():
            self.assertEqual(pids_with_word(number), [], how)

    def test_whoever_is_left_by_a_command_that_just_ends_lives_on(self):
        number = unique_number()
        self.check(self.client(["exec", f"(setsid sleep {number} >/dev/null 2>&1 &); exit 4"]), 4)
        wait_until(lambda: pids_with_word(number), "it is there still")
        found = pids_with_word(number)
        self.assertEqual(len(found), 1)
        os.kill(found[0], signal.SIGKILL)

    def test_a_terminal_is_hung_up_and_what_was_taken_away_from_it_on_purpose_stays(self):
        """As tmux, screen and nohup have it on any terminal."""
        stays, goes = unique_number(), unique_number()
        local = Terminal(client_command(["exec", "-t", f"(setsid sleep {stays} >/dev/null 2>&1 </dev/null &); trap '' HUP TERM; "
                                         f"while :; do sleep {goes}; done"], self.server.host), cwd=self.here)
        self.addCleanup(local.close)
        for number in (stays, goes):
            wait_until(lambda number=number: pids_with_word(number), "it is there")
        local.process.kill()
        wait_until(lambda: not pids_with_word(goes), "the terminal's own is gone", WITHIN)
        assert_sane(self.server)
        found = pids_with_word(stays)
        self.assertEqual(len(found), 1)
        os.kill(found[0], signal.SIGKILL)

    def test_no_zombie_is_left_of_a_thousand_who_leave(self):
        self.check(self.client(["exec", "i=0; while [ $i -lt 1000 ]; do (true &); i=$((i+1)); done; echo done"], timeout=60), 0,
                   b"done\n")


class ServersDeath(unittest.TestCase):
    def test_a_server_that_is_killed_takes_everybody_along(self):
        with Server() as server:
            escapes = Escapes()
            escapes.server = server
            try:
                numbers, clients = escapes.started()
                server.kill()
                for client in clients:
                    self.assertEqual(client.wait(30), 255)
                escapes.gone(numbers)
            finally:
                escapes.doCleanups()


@needs_root
class Revocation(RootTest):
    def test_a_revoked_key_takes_everybody_along(self):
        env = self.server.paired("--allow", "exec", "--user", "daemon", "--as", "ann")
        numbers = {how: unique_number() for how in ESCAPES}
        for how, line in ESCAPES.items():
            self.start(env, "exec", line.format(numbers[how]))
        for how, number in numbers.items():
            wait_until(lambda number=number: pids_with_word(number), how)
        self.assertEqual(run_rserver(["revoke", "ann"], env={"FARHAND_CONFIG_DIR": self.server.config}).returncode, 0)
        for how, number in numbers.items():
            wait_until(lambda number=number: not pids_with_word(number), how, WITHIN)


if __name__ == "__main__":
    main()
