"""What is kept of a run's results, as JSON: enough to make the table and the pictures again. Measures nothing, draws nothing.

    {"runs": [[line of Markdown about the machine, ...], ...],
     "rows": {key: {"run": index, "ours": SIDE or null, "rivals": [SIDE, ...]}}}

A SIDE has a name, n, value, low and high, in the row's unit; a rival beside ours also the ratio of ours to it, [of the
values, least of a round, greatest]. Titles and targets are not kept: they are the rows'.
"""

import json

from farbench.contenders import OURS
from farbench.errors import BenchError

DIGITS = 5  # more would be noise, and make each change of the file one of every line


def ratio(ours, rival):
    """The ratio of what the row compares, and the least and greatest ratio of a round."""
    by_round = [mine / theirs for mine, theirs in zip(ours.round_values(), rival.round_values())]
    return [ours.value / rival.value, min(by_round), max(by_round)]


def side(result, ours=None):
    samples = result.samples
    kept = {"name": result.name, "n": len(samples), "value": result.value, "low": min(samples), "high": max(samples)}
    if ours:
        kept["ratio"] = ratio(ours, result)
    return {name: rounded(value) for name, value in kept.items()}


def rounded(value):
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def of_row(results):
    """What is kept of one row, which belongs to the only run of its record."""
    ours = next((result for result in results if result.kind == OURS), None)
    rivals = [side(result, ours) for result in results if result.kind != OURS]
    return {"run": 0, "ours": side(ours) if ours else None, "rivals": rivals}


def of_run(head, measured):
    """The record of one run; measured is [(row, results)]."""
    return {"runs": [head], "rows": {row.key: of_row(results) for row, results in measured if results}}


def merged(kept, fresh, keys):
    """kept with the rows of fresh in place of its own. Rows that there are no more go, and so do runs without rows; of the
    others each keeps the run that it was measured in. keys: those of all rows, in their order."""
    both = {**{key: (kept["runs"], row) for key, row in kept["rows"].items()},
            **{key: (fresh["runs"], row) for key, row in fresh["rows"].items()}}
    chosen = {key: both[key] for key in keys if key in both}
    used = [head for head in [*fresh["runs"], *kept["runs"]]
            if any(runs[row["run"]] is head for runs, row in chosen.values())]
    return {"runs": used, "rows": {key: {**row, "run": index_of(runs[row["run"]], used)}
                                   for key, (runs, row) in chosen.items()}}


def index_of(head, heads):
    return next(index for index, other in enumerate(heads) if other is head)


EMPTY = {"runs": [], "rows": {}}


def load(path):
    """The record in a file; where there is none, one without rows."""
    if not path.exists():
        return EMPTY
    try:
        found = json.loads(path.read_text())
        return {"runs": found["runs"], "rows": found["rows"]}
    except (ValueError, KeyError, TypeError) as error:
        raise BenchError(f"{path} is not a record of results: {error}") from None


def text(record):
    """One line a row, so that a change of one row is a change of one line."""
    runs = ",\n".join("  " + json.dumps(head, ensure_ascii=False) for head in record["runs"])
    rows = ",\n".join(f"  {json.dumps(key)}: {json.dumps(row, ensure_ascii=False)}" for key, row in record["rows"].items())
    return f'{{"runs": [\n{runs}\n],\n"rows": {{\n{rows}\n}}}}\n'
