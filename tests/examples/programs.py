"""Starts the example programs and talks to them as a client that knows nothing but the bytes.

Environment: FARHAND_EXAMPLES, the folder of the programs (else build/release/examples of this tree).
Rules: no sleep stands for a condition, every wait has a deadline, only processes started here are ended, by pid.
"""
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

_TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EXAMPLES = os.environ.get('FARHAND_EXAMPLES') or os.path.join(_TREE, 'build/release/examples')
PATIENCE = 60  # seconds; far longer than anything takes, also under a sanitizer on a busy machine


def wait_until(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f'within {PATIENCE} s it did not come true that {what}')
        time.sleep(0.002)


class Program:
    """An example that listens: its first line says where. Left by SIGTERM, it must end with status 0."""

    def __init__(self, name, *arguments, address='127.0.0.1:0', status=0, cwd=None):
        self.status = status
        arguments = [*arguments] if address is None else [*arguments, address]
        self.process = subprocess.Popen([os.path.join(EXAMPLES, name), *map(str, arguments)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=cwd)
        self.errors = []
        self.reader = threading.Thread(target=lambda: self.errors.extend(self.process.stderr), daemon=True)
        self.reader.start()
        line = self.process.stdout.readline().decode()
        if not line:
            self.process.wait(PATIENCE)
            self.reader.join(PATIENCE)
            raise AssertionError(f'{name} did not start: {self.stderr}')
        self.host, _, port = line.strip().rpartition(':')
        self.port = int(port)

    @property
    def stderr(self):
        return b''.join(self.errors).decode(errors='replace')

    def connect(self):
        return Client(self.host.strip('[]'), self.port)

    def exchange(self, data):
        with self.connect() as client:
            client.send(data)
            client.end()
            return client.read_all()

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError('SIGTERM did not end the program')
        self.reader.join(PATIENCE)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()
        assert self.process.returncode == self.status, f'status {self.process.returncode}: {self.stderr}'

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.close()
            return
        try:
            self.close()
        except AssertionError as trouble:
            print('and then:', trouble)


class Client:
    """A plain socket."""

    def __init__(self, host, port):
        self.socket = socket.create_connection((host, port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.server_port = port

    def send(self, data):
        self.socket.sendall(data)

    def send_apart(self, *parts):
        """Sends each part only when the program has read the one before, so that no read brings two."""
        for part in parts:
            if part:
                self.socket.sendall(part)
                wait_until(self._was_read, 'the program reads what was sent')

    def read(self, count):
        got = b''
        while len(got) < count:
            part = self.socket.recv(count - len(got))
            if not part:
                break
            got += part
        return got

    def read_all(self):
        got = b''
        for part in iter(lambda: self.socket.recv(65536), b''):
            got += part
        return got

    def end(self):
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.socket.close()

    def _was_read(self):
        ours = self.socket.getsockname()[1]
        with open('/proc/net/tcp', encoding='ascii') as table:
            for line in table.readlines()[1:]:
                fields = line.split()
                local, remote = (int(fields[i].split(':')[1], 16) for i in (1, 2))
                if (local, remote) == (self.server_port, ours):
                    return int(fields[4].split(':')[1], 16) == 0
        return True  # it is gone, and what it has not read it will not read

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


def run(name, *arguments, stdin=b''):
    """Runs an example to its end."""
    return subprocess.run([os.path.join(EXAMPLES, name), *map(str, arguments)], input=stdin, capture_output=True,
                          timeout=PATIENCE, check=False)


def cuts(data):
    """Every way to cut the data in two, and once into single bytes."""
    for at in range(len(data) + 1):
        yield data[:at], data[at:]
    yield tuple(data[i:i + 1] for i in range(len(data)))


class Scratch:
    """A directory that goes with the test."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix='farhand-examples-')
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path)
