"""Turns results into lines of Markdown, and puts them into a document. Measures nothing."""

from farbench.contenders import OURS

HEAD = ["work", "n", "ours (min..max)", "rival", "rival's (min..max)", "ours / rival (by rounds)", "target", "verdict"]
BEGIN, END = "<!-- scripts/bench: begin -->", "<!-- scripts/bench: end -->"


def number(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def spread(result, row):
    low, high = min(result.samples), max(result.samples)
    trips = f" = {result.value / row.round_trip:.1f} round trips" if row.round_trip else ""
    return f"{number(result.value)} {row.unit}{trips} ({number(low)}..{number(high)})"


def ratios(ours, rival):
    """The ratio of what the row compares, and the least and greatest ratio of a round."""
    by_round = [mine / theirs for mine, theirs in zip(ours.round_values(), rival.round_values())]
    return ours.value / rival.value, min(by_round), max(by_round)


def target_text(target, limit):
    return f"{'≥' if target.at_least else '≤'} {limit}"


def verdict(value, target):
    """`reached`, or by how many percent of the limit it was missed."""
    short = target.limit - value if target.at_least else value - target.limit
    return "reached" if short <= 0 else f"**missed by {max(1, round(100 * short / target.limit))} %**"


def rival_cells(row, ours, rival):
    theirs = [rival.name, spread(rival, row)]
    if ours is None:
        return [*theirs, "–", "–", "–"]
    value, low, high = ratios(ours, rival)
    cells = [*theirs, f"{value:.2f} ({low:.2f}..{high:.2f})"]
    target = row.targets.get(rival.name)
    if target is None:
        return [*cells, "–", "–"]
    return [*cells, target_text(target, f"{target.limit:.2f}"), verdict(value, target)]


def row_lines(row, results):
    """One line a rival, and one for a target that needs no rival. n counts the samples of each side."""
    ours = next((result for result in results if result.kind == OURS), None)
    rivals = [result for result in results if result.kind != OURS]
    mine = spread(ours, row) if ours else "–"
    lines = [[row.title, len(rival.samples), mine, *rival_cells(row, ours, rival)] for rival in rivals]
    if ours and row.own_target:
        target = target_text(row.own_target, f"{row.own_target.limit:g} {row.unit}")
        lines.append([row.title, len(ours.samples), mine, "–", "–", "–", target,
                      verdict(ours.value, row.own_target)])
    return [markdown(cells) for cells in lines]


def markdown(cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def head_lines():
    return [markdown(HEAD), markdown(["---"] * len(HEAD))]


def replace_between_markers(text, lines):
    """The document with everything between the two markers replaced."""
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    return before + BEGIN + "\n\n" + "\n".join(lines) + "\n\n" + END + after
