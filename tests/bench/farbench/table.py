"""Turns a record of results into lines of Markdown, and puts them into a document. Measures nothing."""

import string

HEAD = ["work", "n", "ours (min..max)", "rival", "rival's (min..max)", "ours / rival (by rounds)", "target", "verdict"]
ALT = "{}: a bar for each ratio of ours to a rival's, which the table below has in figures"
BEGIN, END = "<!-- scripts/bench: begin -->", "<!-- scripts/bench: end -->"


def number(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def spread(side, row):
    trips = f" = {side['value'] / row.round_trip:.1f} round trips" if row.round_trip else ""
    return f"{number(side['value'])} {row.unit}{trips} ({number(side['low'])}..{number(side['high'])})"


def target_text(target, limit):
    return f"{'≥' if target.at_least else '≤'} {limit}"


def shortfall(value, target):
    """How far a value is from its target, as a part of the limit; not above 0 when it is reached."""
    return (target.limit - value if target.at_least else value - target.limit) / target.limit


def verdict(value, target):
    """`reached`, or by how many percent of the limit it was missed."""
    short = shortfall(value, target)
    return "reached" if short <= 0 else f"**missed by {max(1, round(100 * short))} %**"


def rival_cells(row, rival):
    theirs = [rival["name"], spread(rival, row)]
    if "ratio" not in rival:
        return [*theirs, "–", "–", "–"]
    value, low, high = rival["ratio"]
    cells = [*theirs, f"{value:.2f} ({low:.2f}..{high:.2f})"]
    target = row.targets.get(rival["name"])
    if target is None:
        return [*cells, "–", "–"]
    return [*cells, target_text(target, f"{target.limit:.2f}"), verdict(value, target)]


def row_lines(row, kept, label=None):
    """One line a rival, and one for a target that needs no rival, or for ours where there is neither. n counts the samples
    of each side; a label of the run goes before all."""
    ours, rivals = kept["ours"], kept["rivals"]
    mine = spread(ours, row) if ours else "–"
    lines = [[row.title, rival["n"], mine, *rival_cells(row, rival)] for rival in rivals]
    if ours and row.own_target:
        target = target_text(row.own_target, f"{row.own_target.limit:g} {row.unit}")
        lines.append([row.title, ours["n"], mine, "–", "–", "–", target, verdict(ours["value"], row.own_target)])
    elif ours and not rivals:
        lines.append([row.title, ours["n"], mine, "–", "–", "–", "–", "–"])
    return [markdown(cells if label is None else [label, *cells]) for cells in lines]


def markdown(cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def head_lines(labelled=False):
    head = ["run", *HEAD] if labelled else HEAD
    return [markdown(head), markdown(["---"] * len(head))]


def run_lines(runs):
    """What there is to say about the machine and the versions; of several runs each has a letter."""
    if len(runs) == 1:
        return [*runs[0], ""]
    return [line for label, head in zip(string.ascii_lowercase, runs) for line in (f"Run {label}:", "", *head, "")]


def document_lines(rows, record, pictures=()):
    """Links to pictures, and the whole table with its head, in the rows' order. What is missing in it is said below it."""
    labels = string.ascii_lowercase if len(record["runs"]) > 1 else None
    links = [line for name in pictures for line in (f"![{ALT.format(name)}](pictures/{name}.svg)", "")]
    lines = [*run_lines(record["runs"]), *links, *head_lines(bool(labels))]
    for row in rows:
        if kept := record["rows"].get(row.key):
            lines += row_lines(row, kept, labels and labels[kept["run"]])
    missing = [row.key for row in rows if row.key not in record["rows"]]
    if missing:
        lines += ["", "Not measured yet: " + ", ".join(f"`{key}`" for key in missing) + "."]
    return lines


def missed(rows, record):
    """A sentence for each target that was not reached."""
    for row in rows:
        kept = record["rows"].get(row.key)
        if not kept or not kept["ours"]:
            continue
        values = [(f"{rival['name']}: {rival['ratio'][0]:.2f}", rival["ratio"][0], row.targets.get(rival["name"]))
                  for rival in kept["rivals"]]
        values.append((f"{number(kept['ours']['value'])} {row.unit}", kept["ours"]["value"], row.own_target))
        for what, value, target in values:
            if target and shortfall(value, target) > 0:
                limit = target_text(target, f"{target.limit:.3g}")
                yield f"{row.key}: {what}, to be {limit} ({verdict(value, target).strip('*')})"


def replace_between_markers(text, lines, begin=BEGIN, end=END):
    """The document with everything between the two markers replaced."""
    before, rest = text.split(begin, 1)
    after = rest.split(end, 1)[1]
    return before + begin + "\n\n" + "\n".join(lines) + "\n\n" + end + after
