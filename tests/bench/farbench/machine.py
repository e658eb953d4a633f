"""Says what machine and which versions a table was made with. Measures nothing."""

import datetime
import os
import pathlib
import subprocess


def first_line(*command):
    """The first line that a program prints on either stream, or "unknown"."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=10)
    except OSError:
        return "unknown"
    return (done.stdout.splitlines() or ["unknown"])[0].strip()


def cpu_model():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return os.uname().machine


def memory_gib():
    kib = int(pathlib.Path("/proc/meminfo").read_text().split()[1])
    return f"{kib / 2**20:.1f} GiB"


def file_system(path):
    """The type of the file system that holds path."""
    return first_line("findmnt", "--noheadings", "--output", "FSTYPE", "--target", str(path))


def load():
    """How many processes wanted a core during the last minute: above 0.3 or so before a run, the numbers suffer."""
    return f"{os.getloadavg()[0]:.2f}"


def git_version(repository):
    return first_line("git", "-C", str(repository), "describe", "--always", "--dirty")


def describe(repository, work, ours):
    """Lines of Markdown about the machine at this moment; ours is the client's binary, or None."""
    version = f"{first_line(str(ours), '--version')}, " if ours else ""
    return [
        f"- {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC, load before the run {load()}",
        f"- {cpu_model()}, {os.cpu_count()} cores, {memory_gib()} of memory, Linux {os.uname().release}",
        f"- disk: {file_system(work.disk)}; tmpfs: {file_system(work.tmpfs)}; files of {work.size / 2**20:g} MiB",
        f"- farhand: {version}commit {git_version(repository)}",
        f"- peers: {first_line('ssh', '-V')}; netcat-openbsd {package_version('netcat-openbsd')}; "
        f"{' '.join(first_line('rsync', '--version').split()[:3])}; {first_line('iperf3', '--version').split(' (')[0]}",
        f"- {first_line('openssl', 'version').split(' (')[0]}",
    ]


def package_version(name):
    return first_line("dpkg-query", "--show", "--showformat=${Version}", name)
