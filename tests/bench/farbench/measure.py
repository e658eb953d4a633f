"""Runs the contenders of a row in turn, round after round, and keeps what they took. Prints nothing."""

import contextlib
import dataclasses
import filecmp
import os
import shutil
import statistics
import subprocess
from typing import Callable

from farbench.errors import BenchError


BYTES = ("KiB", "MiB", "MB")  # units in which contenders measure themselves


def median(samples):
    return statistics.median(samples)


def percentile_99(samples):
    return sorted(samples)[len(samples) * 99 // 100]


@dataclasses.dataclass
class Result:
    """What one contender took: rounds[i] holds the samples of round i, in the row's unit; statistic sums them up."""

    name: str
    kind: str
    rounds: list
    statistic: Callable = median

    @property
    def samples(self):
        return [sample for block in self.rounds for sample in block]

    @property
    def value(self):
        return self.statistic(self.samples)

    def round_values(self):
        return [self.statistic(block) for block in self.rounds]


def measure(row, work, rounds, wanted):
    """Results of a row, in the order of its contenders. wanted(contender) leaves some out."""
    try:
        return take_turns(row, work, min(rounds, row.most_rounds), wanted)
    except (BenchError, OSError) as error:
        remove(row, work)
        raise BenchError(f"{row.key}: {error}\nThe servers' log ends with:\n{work.account.log_tail()}") from None


def remove(row, work):
    """Whatever a failed run has left, which the next row would find."""
    target = row.target(work) if row.target else None
    if target and target.is_dir():
        shutil.rmtree(target, ignore_errors=True)
    elif target:
        target.unlink(missing_ok=True)


def take_turns(row, work, rounds, wanted):
    if row.prepare:
        row.prepare(work)
    elif row.folder:
        work.add_source(row.folder(work))
    contenders = [contender for contender in row.contenders(work) if wanted(contender)]
    if not contenders:
        return []
    results = [Result(contender.name, contender.kind, [], row.statistic) for contender in contenders]
    with contextlib.ExitStack() as stack:
        for contender in contenders:
            contender.open(stack)
        for contender in contenders:
            warm_up(row, work, contender)
        for number in range(rounds):
            run_round(row, work, list(zip(contenders, results)), number)
    return results


def run_round(row, work, pairs, number):
    """Each round begins with another contender, so that none always comes after the same one."""
    shift = number % len(pairs)
    for contender, result in pairs[shift:] + pairs[:shift]:
        arrange(row, work)
        result.rounds.append(samples_of(row, contender))
        clear(row, work)


def warm_up(row, work, contender):
    """One run that does not count: it loads what is loaded once, and its result is checked byte by byte."""
    arrange(row, work)
    contender.run()
    if row.target and contender.leaves_target:
        if not is_same(row.source(work), row.target(work)):
            raise BenchError(f"what {contender.name} transferred is not what was sent")
        clear(row, work)


def arrange(row, work):
    """Puts in place what a run is to find."""
    if row.arrange:
        row.arrange(work)


def is_same(source, target):
    if not source.is_dir():
        return filecmp.cmp(source, target, shallow=False)
    return subprocess.run(["diff", "-rq", source, target], stdout=subprocess.DEVNULL).returncode == 0


def samples_of(row, contender):
    each, total = contender.run(row.runs, row.jobs)
    if row.unit in BYTES:
        return each
    if row.unit == "/s":
        return [row.runs / total]
    return [seconds * (1000 if row.unit == "ms" else 1) for seconds in each]


def clear(row, work):
    """Takes the target away, and lets the disk finish, so that nobody pays for the one before."""
    target = row.target(work) if row.target else None
    if target is None or not target.exists():
        return
    if target.is_dir():
        work.put_away(target)
        os.sync()
        return
    size = row.source(work).stat().st_size
    if target.stat().st_size != size:
        raise BenchError(f"{target} has {target.stat().st_size} bytes instead of {size}")
    target.unlink()
    os.sync()
