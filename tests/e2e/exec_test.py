"""exec: a command's words, streams, status, surroundings and end, exactly."""
import base64
import hashlib
import json
import os
import random
import signal
import subprocess
import threading
import unittest

import harness
from harness import (NOBODY, PATIENCE, PYTHON, SCALE, SEED, Server, ServerTest, assert_sane, check_sentence,
                     group_members, in_parallel, main, make_identity, memory_of, needs_root, pids_with_word,
                     random_bytes, rclient, read_file, remove_tree, scratch, sha256_of, unique_number, wait_until,
                     write_file, write_random_file, _stat_fields)

MIB = 1 << 20
EVERY_BYTE = bytes(range(256)) * (MIB // 256)


class Statuses(ServerTest):
    def test_exit_status_is_the_commands(self):
        for status in (0, 1, 2, 7, 42, 124, 126, 127, 128, 137, 254, 255):
            self.check(self.client(["exec", f"exit {status}"]), status, b"", b"")

    def test_exit_status_of_exact_words_is_the_programs(self):
        self.check(self.client(["exec", "--", "sh", "-c", "exit 7"]), 7, b"", b"")

    def test_a_signal_n_gives_128_plus_n(self):
        for name, status in (("KILL", 137), ("TERM", 143), ("HUP", 129), ("INT", 130), ("SEGV", 139)):
            self.check(self.client(["exec", f"kill -{name} $$"]), status)

    def test_not_found_is_127_by_words_and_by_shell(self):
        self.check_sentence(self.client(["exec", "--", "no-such-program-here"]), 127, "no-such-program-here")
        self.check_sentence(self.client(["exec", "--", "./missing/program"]), 127)
        self.check(self.client(["exec", "no-such-program-here"]), 127)

    def test_not_executable_and_directory_are_126_by_words_and_by_shell(self):
        write_file(self.server.path("plain-text"), b"text\n", 0o644)
        os.makedirs(self.server.path("a-directory"), exist_ok=True)
        for name in ("./plain-text", "./a-directory"):
            self.check_sentence(self.client(["exec", "--", name]), 126, name)
            self.check(self.client(["exec", name]), 126)

    def test_an_empty_program_name_is_127(self):
        self.check_sentence(self.client(["exec", "--", ""]), 127)

    def test_several_words_without_dashes_are_a_usage_error_that_shows_both_ways(self):
        done = self.client(["exec", "ls", "-l"])
        self.check_sentence(done, 255, "rclient exec 'ls -l'", "rclient exec -- ls -l")
        self.check(self.client(["exec", "ls -d ."]), 0, b".\n")
        self.check(self.client(["exec", "--", "ls", "-d", "."]), 0, b".\n")


class Words(ServerTest):
    def test_four_words_arrive_exactly(self):
        done = self.client(["exec", "--", "printf", "%s|", "a", "b c", "", "new\nline"])
        self.check(done, 0, b"a|b c||new\nline|", b"")

    def test_200_random_argvs_arrive_exactly(self):
        source = random.Random(SEED)
        tricky = [b"", b"'", b'"', b"\n", b"--", b"-", b"-H", b"--json", b"$HOME", b"`id`", b"*", b"\\", b"%s", b"|"]

        def word():
            if source.random() < 0.3:
                return source.choice(tricky)
            return bytes(source.randrange(1, 256) for _ in range(source.randrange(0, 60)))

        def job(words):
            done = self.client(["exec", "--", "/usr/bin/printf", "%s\\0", *words])
            self.check(done, 0, b"".join(each + b"\0" for each in words), b"")

        argvs = [[word() for _ in range(source.randrange(1, 12))] for _ in range(200)]
        in_parallel([lambda words=words: job(words) for words in argvs], 4)

    def test_one_megabyte_of_words_arrives(self):
        words = [b"%06d" % number + b"x" * 1000 for number in range(1000)]
        done = self.client(["exec", "--", "/usr/bin/printf", "%s\\0", *words])
        self.check(done, 0, b"".join(each + b"\0" for each in words))

    def test_a_shell_line_arrives_exactly(self):
        self.check(self.client(["exec", "printf '%s|' 'a  b' \"c\nd\"; echo \"\\$x\" | tr x y"]), 0, b"a  b|c\nd|$y\n")


class Streams(ServerTest):
    def test_every_byte_value_passes_both_ways(self):
        self.check(self.client(["exec", "cat"], input=EVERY_BYTE), 0, EVERY_BYTE, b"")

    def test_stdout_and_stderr_stay_apart(self):
        self.check(self.client(["exec", "echo out; echo err >&2; cat >&2"], input=b"\xff\0in"), 0, b"out\n",
                   b"err\n\xff\0in")

    def test_100_mib_on_stdout_and_stderr_at_once_arrive_whole(self):
        count = 100
        script = ("import os, random\n"
                  "pieces = random.Random(7)\n"
                  "def say(fd, bytes):\n"
                  "    while bytes: bytes = bytes[os.write(fd, bytes):]\n"
                  f"for _ in range({count * 4}):\n"
                  "    say(1, pieces.randbytes(1 << 18)); say(2, pieces.randbytes(1 << 18))\n")
        client = self.server.start_client(["exec", "--", PYTHON, "-c", script])
        self.addCleanup(client.kill)
        digests = {}

        def read(name, pipe):
            digest, total = hashlib.sha256(), 0
            while piece := os.read(pipe.fileno(), 1 << 17):
                digest.update(piece)
                total += len(piece)
            digests[name] = (total, digest.digest())
            pipe.close()

        readers = [threading.Thread(target=read, args=("out", client.stdout)),
                   threading.Thread(target=read, args=("err", client.stderr))]
        for reader in readers:
            reader.start()
        pieces, out, err = random.Random(7), hashlib.sha256(), hashlib.sha256()
        for _ in range(count * 4):
            out.update(pieces.randbytes(1 << 18))
            err.update(pieces.randbytes(1 << 18))
        for reader in readers:
            reader.join(PATIENCE)
        self.assertEqual(client.wait(timeout=PATIENCE), 0)
        self.assertEqual(digests, {"out": (count * MIB, out.digest()), "err": (count * MIB, err.digest())})

    @unittest.skipUnless(harness.MEMORY_COUNTS, "a sanitizer takes memory of its own")
    def test_a_large_input_comes_back_byte_for_byte_in_little_memory(self):
        count = (1024 if SCALE > 1 else 64) * MIB
        source, result = os.path.join(self.here, "source"), os.path.join(self.here, "result")
        digest = write_random_file(source, count)
        with Server() as server, open(source, "rb") as stdin, open(result, "wb") as stdout:
            os.mkfifo(server.path("gate"))
            client = server.start_client(["exec", "cat; read line < gate"], stdin=stdin, stdout=stdout)
            self.addCleanup(client.kill)
            wait_until(lambda: os.path.getsize(result) >= count, "all bytes are back", 10 * PATIENCE)
            peaks = {"client": memory_of(client.pid)["VmHWM"], "server": server.peak_rss()}
            write_file(server.path("gate"), b"\n")
            _, errors = client.communicate(timeout=PATIENCE)
            self.assertEqual((client.returncode, errors), (0, b""))
            self.assertEqual(sha256_of(result), digest)
            for side, peak in peaks.items():
                self.assertLess(peak, 32 * MIB, side)

    def test_yes_into_head_ends_at_once_on_both_sides(self):
        word = unique_number()
        client = self.server.start_client(["exec", f"exec yes {word}"])
        self.addCleanup(client.kill)
        self.assertEqual(client.stdout.readline(), word.encode() + b"\n")
        client.stdout.close()
        self.assertEqual(client.wait(timeout=PATIENCE), -signal.SIGPIPE)
        self.assertEqual(client.stderr.read(), b"")
        client.stderr.close()
        wait_until(lambda: not pids_with_word(word), "yes is gone", 15)

    def test_yes_into_head_on_the_host_ends(self):
        self.check(self.client(["exec", "yes | head -1"]), 0, b"y\n")

    def test_a_background_process_that_holds_the_streams_does_not_hold_the_command(self):
        word = unique_number()
        self.check(self.client(["exec", f"sleep {word} & echo hi"]), 0, b"hi\n", b"")
        # It may not have reached its own exec yet.
        left = wait_until(lambda: pids_with_word(word), "what a command leaves running on purpose goes on")
        os.kill(left[0], signal.SIGKILL)

    def test_a_closed_input_is_an_empty_input(self):
        for redirection in ("<&-", "</dev/null"):
            done = subprocess.run(["sh", "-c", f'exec "$@" {redirection}', "sh", *self.server.client_command(["exec", "cat; echo end"])],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE / 4)
            self.check(done, 0, b"end\n", b"")

    def test_closed_outputs_are_no_trouble_to_the_command(self):
        for redirection in (">&-", "2>&-", "<&- >&- 2>&-"):
            done = subprocess.run(["sh", "-c", f'exec "$@" {redirection}', "sh",
                                   *self.server.client_command(["exec", "echo ran > closed-outputs; echo out; echo err >&2; exit 5"])],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE / 4)
            self.assertEqual(done.returncode, 5, f"{redirection}: {done.stderr!r}")
            self.assertIn(done.stdout, (b"", b"out\n"))
            self.assertIn(done.stderr, (b"", b"err\n"))
            self.assertEqual(read_file(self.server.path("closed-outputs")), b"ran\n")
            os.unlink(self.server.path("closed-outputs"))
        # What a command writes must never reach the server as if the client had said it.
        self.assertNotIn("protocol", self.server.log())

    def test_output_for_a_closed_stdout_is_never_a_request_to_the_server(self):
        # The first connection of a client without a stdout took descriptor 1: `cat FILE >&-` ran what FILE said.
        write_file(self.server.path("output"), b"post|4|planted\nEVIL")
        subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", *self.server.client_command(["exec", "cat output"])],
                       stderr=subprocess.PIPE, timeout=PATIENCE / 4)
        self.assertNotIn("post 'planted'", self.server.log())

    def test_a_full_disk_under_stdout_is_told(self):
        with open("/dev/full", "wb") as full:
            done = self.client(["exec", "head -c 100000 /dev/zero"], stdout=full)
        check_sentence(self, done, 255, "No space left")

    def test_input_that_nobody_reads_does_not_hold_the_end(self):
        big = random_bytes(10 * MIB)
        self.check(self.client(["exec", "echo done; exit 3"], input=big), 3, b"done\n", b"")
        self.check(self.client(["exec", "sleep 0.3; echo done"], input=big), 0, b"done\n", b"")

    def test_input_that_is_closed_early_does_not_hold_the_end(self):
        big = random_bytes(10 * MIB)
        self.check(self.client(["exec", "head -c 5 | wc -c; exec 0<&-; sleep 0.3; echo done"], input=big), 0,
                   b"5\ndone\n", b"")

    def test_an_input_that_stays_open_does_not_hold_the_end(self):
        client = self.server.start_client(["exec", "echo hi"], stdin=subprocess.PIPE)
        self.addCleanup(client.stdin.close)
        self.assertEqual(client.stdout.read(), b"hi\n")
        self.assertEqual(client.wait(timeout=PATIENCE), 0)
        client.stdout.close()
        client.stderr.close()

    def test_input_is_passed_on_as_it_comes(self):
        client = self.server.start_client(["exec", "cat"], stdin=subprocess.PIPE)
        for line in (b"one\n", b"two\n"):
            client.stdin.write(line)
            client.stdin.flush()
            self.assertEqual(client.stdout.readline(), line)
        out, err = client.communicate(timeout=PATIENCE)
        self.assertEqual((client.returncode, out, err), (0, b"", b""))

    def test_64_kib_written_just_before_the_exit_lose_no_byte(self):
        expected = bytes(range(256)) * 256
        write_file(self.server.path("64k"), expected)

        def job():
            self.check(self.client(["exec", "--", "cat", "64k"]), 0, expected, b"")

        in_parallel([job] * (1000 if SCALE > 1 else 60), 4)


class Surroundings(ServerTest):
    # rserver's own environment and dispositions are as bad as they may be.
    server_options = {"env": {"LD_LIBRARY_PATH": "/nowhere", "BASH_ENV": "/nowhere", "ENV": "/nowhere",
                              "PYTHONPATH": "/nowhere", "A_SECRET": "s", "IFS": "x", "TZ": "Asia/Shanghai",
                              "LD_AUDIT": "", "LC_EVIL": "x", "SSH_AUTH_SOCK": "/nowhere"},
                      "limits": lambda: [signal.signal(each, signal.SIG_IGN)
                                         for each in (signal.SIGHUP, signal.SIGPIPE, signal.SIGUSR1)]}
    ALLOWED = {b"PATH", b"HOME", b"USER", b"LOGNAME", b"SHELL", b"LANG", b"LC_ALL", b"LC_CTYPE", b"LC_MESSAGES",
               b"LC_TIME", b"LC_COLLATE", b"LC_NUMERIC", b"LC_MONETARY", b"TZ"}

    def test_the_environment_is_the_allow_list_and_nothing_else(self):
        done = self.client(["exec", "--", "env", "-0"], env={"LD_PRELOAD_X": "1", "FROM_CLIENT": "1", "LC_TIME": "C"})
        names = dict(entry.partition(b"=")[::2] for entry in done.stdout.split(b"\0") if entry)
        self.assertLessEqual(set(names), self.ALLOWED)
        self.assertEqual(names[b"TZ"], b"Asia/Shanghai")
        self.assertNotIn(b"nowhere", b"".join(names.values()))
        self.assertNotIn(b"FROM_CLIENT", done.stdout)

    def test_the_working_directory_is_the_root(self):
        self.check(self.client(["exec", "--", "/bin/pwd"]), 0, os.fsencode(os.path.realpath(self.server.root)) + b"\n")

    def running(self, *more):
        """A client whose command is a sleep, and the sleep's pid."""
        word = unique_number()
        client = self.server.start_client(["exec", *more, "--", "sleep", word])
        self.addCleanup(client.communicate)
        self.addCleanup(client.kill)
        return client, wait_until(lambda: pids_with_word_of(word, b"sleep"), "the sleep runs")[0]

    def test_a_command_has_three_descriptors_and_no_more(self):
        _, pid = self.running()
        # The loader has its own while the program is being loaded.
        wait_until(lambda: sorted(os.listdir(f"/proc/{pid}/fd")) == ["0", "1", "2"], "it has three and no more")

    def test_a_command_ignores_and_blocks_no_signal(self):
        _, pid = self.running()
        with open(f"/proc/{pid}/status") as file:
            masks = dict(line.split() for line in file if line.startswith(("SigIgn", "SigBlk", "SigPnd", "ShdPnd")))
        self.assertEqual({int(value, 16) for value in masks.values()}, {0}, masks)

    def test_a_command_has_a_session_of_its_own_and_no_terminal(self):
        _, pid = self.running()
        fields = _stat_fields(pid)
        self.assertEqual((int(fields[2]), int(fields[3]), int(fields[4])), (pid, pid, 0))

    @needs_root
    def test_a_command_runs_as_the_servers_user(self):
        with Server(uid=NOBODY) as server:
            done = server.client(["exec", "id -u; id -g; id -G; cat /proc/self/status | grep CapEff"])
            self.check(done, 0, b"65534\n65534\n65534\nCapEff:\t0000000000000000\n")
            assert_sane(server)


def pids_with_word_of(word, program):
    """Those among pids_with_word whose program this is: rclient has the word in its own argv, too."""
    found = []
    for pid in pids_with_word(word):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if os.path.basename(file.read().split(b"\0")[0]) == program:
                    found.append(pid)
        except OSError:
            pass
    return found


class Ends(ServerTest):
    """A client that goes away takes its command's process group with it, within 10 s."""

    WITHIN = 15  # 10 are promised; the machine may be busy

    def ends_with(self, command, word, end):
        client = self.server.start_client(["exec", command])
        self.addCleanup(client.communicate)
        self.addCleanup(client.kill)
        pid = wait_until(lambda: pids_with_word_of(word, b"sleep"), "the command runs")[0]
        group = int(_stat_fields(pid)[2])
        end(client, pid)
        client.wait(timeout=PATIENCE)
        wait_until(lambda: not group_members(group), "the process group is gone", self.WITHIN)
        return client.returncode

    def test_a_killed_client_ends_its_command(self):
        word = unique_number()
        self.ends_with(f"sleep {word}; true", word, lambda client, _: client.kill())

    def test_a_killed_client_ends_a_command_that_ignores_hup_and_term(self):
        word = unique_number()
        self.ends_with(f"trap '' HUP TERM INT; while :; do sleep {word}; done", word, lambda client, _: client.kill())

    def test_a_killed_client_ends_a_stopped_command(self):
        word = unique_number()

        def end(client, pid):
            os.kill(pid, signal.SIGSTOP)
            client.kill()
        self.ends_with(f"sleep {word}; true", word, end)

    def test_a_killed_client_ends_a_command_that_writes(self):
        word = unique_number()
        self.ends_with(f"sleep {word} & yes", word, lambda client, _: client.kill())

    def test_a_killed_client_lets_a_command_clean_up(self):
        word = unique_number()
        self.ends_with(f"trap 'echo cleaned > cleaned-up; exit' HUP; sleep {word} & wait", word,
                       lambda client, _: client.kill())
        self.assertEqual(read_file(self.server.path("cleaned-up")), b"cleaned\n")

    def test_ctrl_c_ends_the_client_and_the_command(self):
        word = unique_number()
        status = self.ends_with(f"sleep {word}; true", word, lambda client, _: client.send_signal(signal.SIGINT))
        self.assertEqual(status, 130)

    def test_sigterm_ends_the_client_and_the_command(self):
        word = unique_number()
        status = self.ends_with(f"sleep {word}; true", word, lambda client, _: client.send_signal(signal.SIGTERM))
        self.assertEqual(status, 143)


class ForPrograms(ServerTest):
    def outcome(self, done):
        """The one JSON object on standard output."""
        self.assertEqual(done.stdout.count(b"\n"), 1, done.stdout)
        return json.loads(done.stdout)

    def test_json_of_an_exit(self):
        done = self.client(["--json", "exec", "echo out; echo err >&2; exit 7"])
        self.check(done, 7, err=b"")
        outcome = self.outcome(done)
        usage = {name: outcome.pop(name) for name in ("duration", "usage")}  # exec_options_test looks at them
        self.assertEqual(outcome, {"exit": 7, "signal": None, "error": None, "started": True, "status": 7,
                                   "timed_out": False, "stdout": "out\n", "stderr": "err\n", "stdout_cut": False,
                                   "stderr_cut": False})
        self.assertEqual(set(usage["usage"]), {"user", "system", "max_rss"})

    def test_json_of_a_signal(self):
        done = self.client(["exec", "--json", "kill -9 $$"])
        outcome = self.outcome(self.check(done, 137))
        self.assertEqual((outcome["exit"], outcome["signal"], outcome["error"], outcome["started"]), (None, 9, None, True))

    def test_json_tells_255_of_a_command_from_255_of_ours(self):
        self.assertEqual(self.outcome(self.client(["--json", "exec", "exit 255"]))["exit"], 255)
        ours = self.outcome(self.client(["--json", "exec", "two", "words"]))
        self.assertEqual((ours.get("exit"), ours["error"]["code"], ours["status"]), (None, "usage", 255))

    def test_json_of_a_program_that_is_not_there(self):
        outcome = self.outcome(self.check(self.client(["--json", "exec", "--", "no-such-program"]), 127))
        self.assertEqual((outcome["exit"], outcome["signal"], outcome["started"]), (None, None, False))
        self.assertEqual((outcome["error"]["code"], outcome["error"]["from"]), ("not_found", "server"))

    def test_json_has_output_that_is_not_utf8_in_base64(self):
        outcome = self.outcome(self.client(["--json", "exec", r"printf '\377\000x'; printf ok >&2"]))
        self.assertEqual(base64.b64decode(outcome["stdout_base64"]), b"\xff\0x")
        self.assertEqual(outcome["stderr"], "ok")
        self.assertNotIn("stdout", outcome)

    def test_json_of_no_connection(self):
        done = rclient(["--json", "exec", "true"], host="unix:/nonexistent/socket")
        outcome = self.outcome(self.check(done, 255))
        self.assertEqual((outcome["exit"], outcome["signal"], outcome["started"]), (None, None, False))
        self.assertEqual((outcome["error"]["code"], outcome["error"]["from"]), ("cannot_connect", "client"))

    def test_json_says_when_output_was_cut(self):
        outcome = self.outcome(self.client(["--json", "exec", "head -c 40000000 /dev/zero | tr '\\0' x; echo e >&2"]))
        self.assertTrue(outcome["stdout_cut"])
        self.assertFalse(outcome["stderr_cut"])
        self.assertEqual(set(outcome["stdout"]), {"x"})

    def test_status_fd_tells_the_truth_beside_the_output(self):
        path = os.path.join(self.here, "status")
        done = subprocess.run(["sh", "-c", 'exec "$@" 3>"$0"', path,
                               *self.server.client_command(["exec", "--status-fd", "3", "echo out; exit 9"])],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE)
        self.check(done, 9, b"out\n", b"")
        record = json.loads(read_file(path))
        self.assertEqual({name: record[name] for name in ("exit", "signal", "error", "started", "status", "timed_out")},
                         {"exit": 9, "signal": None, "error": None, "started": True, "status": 9, "timed_out": False})
        self.assertNotIn("stdout", record)


class Encodings(ServerTest):
    TEXT = "中文：文件已上传，共 3 个。\n"

    def test_gbk_is_shown_as_utf8(self):
        write_file(self.server.path("gbk"), self.TEXT.encode("gbk"))
        for args in (["--encoding", "gbk", "exec", "cat gbk; cat gbk >&2"], ["exec", "--encoding", "GBK", "cat gbk; cat gbk >&2"]):
            self.check(self.client(args), 0, self.TEXT.encode(), self.TEXT.encode())

    def test_a_character_that_is_cut_by_frames_is_shown_whole(self):
        halves = r"printf '\326'; sleep 0.2; printf '\320\316'; sleep 0.2; printf '\304\n'"
        self.check(self.client(["--encoding", "gbk", "exec", halves]), 0, "中文\n".encode())

    def test_a_long_text_is_shown_whole(self):
        write_file(self.server.path("long"), b"x" + (self.TEXT * 50000).encode("gbk"))
        self.check(self.client(["--encoding", "gbk", "exec", "cat long"]), 0, ("x" + self.TEXT * 50000).encode())

    def test_json_and_an_encoding_go_together(self):
        write_file(self.server.path("gbk"), self.TEXT.encode("gbk"))
        done = self.client(["--json", "--encoding", "gbk", "exec", "cat gbk"])
        self.assertEqual(json.loads(done.stdout)["stdout"], self.TEXT)

    def test_bytes_that_are_no_gbk_do_not_end_the_command(self):
        done = self.client(["--encoding", "gbk", "exec", r"printf 'a\377\377b\n'; exit 4"])
        self.check(done, 4)
        self.assertTrue(done.stdout.startswith(b"a") and done.stdout.endswith(b"b\n"), done.stdout)

    def test_an_unknown_encoding_is_refused_before_the_command_runs(self):
        self.check_sentence(self.client(["--encoding", "klingon", "exec", "touch ran-anyway"]), 255, "klingon")
        self.assertFalse(os.path.exists(self.server.path("ran-anyway")))

    def test_without_the_option_bytes_stay_as_they_are(self):
        self.check(self.client(["exec", r"printf '\326\320'"]), 0, "中".encode("gbk"))


class OverTls(unittest.TestCase):
    """The nearest honest uses once more, through TLS."""

    def test_bytes_words_and_statuses_pass_through_tls(self):
        keys = scratch(NOBODY)
        self.addCleanup(remove_tree, keys)
        uid = NOBODY if os.geteuid() == 0 else None
        ours, theirs = make_identity(keys, "client", uid=uid), make_identity(keys, "server", "ed25519", uid=uid)
        with Server(*theirs.args(), "--tls-client-pin", ours.pin, listen=["127.0.0.1:0"], uid=uid,
                    client_args=[*ours.args(), "--tls-server-pin", theirs.pin]) as server:
            done = server.client(["exec", "cat; exit 7"], input=EVERY_BYTE * 16)
            self.assertEqual((done.returncode, done.stderr), (7, b""))
            self.assertEqual(done.stdout, EVERY_BYTE * 16)
            done = server.client(["exec", "--", "printf", "%s|", "a", "b c", "", "new\nline"])
            self.assertEqual(done.stdout, b"a|b c||new\nline|")
            done = server.client(["exec", "echo done; exit 3"], input=EVERY_BYTE * 10)
            self.assertEqual((done.returncode, done.stdout), (3, b"done\n"))
            assert_sane(server)


if __name__ == "__main__":
    main()
