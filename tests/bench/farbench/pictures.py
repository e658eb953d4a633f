"""Draws ratios as bars, in SVG, by gnuplot. Measures nothing; the same bars make the same bytes.

A picture has a heading for each kind of work and below it a bar for each rival, on a logarithmic axis of ratios with a
line at 1. Left of it is better: a ratio of rates is turned upside down. A bar goes from 1 to the ratio of the medians, a
thin line from the least to the greatest ratio of a round; a notch is the target.
"""

import dataclasses
import re
import subprocess
from typing import Optional

from farbench.errors import BenchError
from farbench.table import number, shortfall, target_text

WIDTH, LINE, TOP, BOTTOM, RIGHT = 820, 18, 30, 58, 150  # pixels; a line for each bar and heading
LETTER = 7.2  # pixels that one takes at the most, on average
GAP = 0.5  # of a line, above a heading
REACHED, MISSED, NEITHER = "#2da44e", "#d4652f", "#8c959f"  # each told from both backgrounds
TICS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
LEAST, GREATEST = 0.8, 1.25  # what an axis shows at least, so that 1 is always within

LEGEND = "ours / rival; notch: target; thin line: all rounds; green: target reached, orange: missed, grey: none"

STYLE = """<style>
svg { color: #1f2328; font: 12px sans-serif; }
.page { fill: #ffffff; }
@media (prefers-color-scheme: dark) { svg { color: #e6edf3; } .page { fill: #0d1117; } }
</style>
<rect class="page" width="100%" height="100%"/>
"""


@dataclasses.dataclass(frozen=True)
class Bar:
    """One rival of one kind of work. ratio is (of the medians, least, greatest) and limit the target, all as times: small
    is good. text is what stands beside it: the figures as the table has them."""

    heading: str
    rival: str
    ratio: tuple
    text: str
    limit: Optional[float] = None

    @property
    def colour(self):
        if self.limit is None:
            return NEITHER
        return REACHED if self.ratio[0] <= self.limit * (1 + 1e-9) else MISSED


def as_times(ratio, at_least):
    """Ratios of which great ones are good, as ratios of which small ones are."""
    value, low, high = ratio
    return (1 / value, 1 / high, 1 / low) if at_least else (value, low, high)


def bar(heading, rival, ratio, target, rate):
    """rate: the row counts work per second, so that great ratios are good."""
    text = f"{ratio[0]:.2f}" + (f" ({target_text(target, f'{target.limit:.2f}')})" if target else "")
    limit = target and (1 / target.limit if rate else target.limit)
    return Bar(heading, rival, as_times(ratio, rate), text, limit)


def own_bar(heading, ours, unit, target):
    """Ours alone, beside its own target."""
    ratio = [ours[name] / target.limit for name in ("value", "low", "high")]
    text = f"{number(ours['value'])} {unit} ({target_text(target, f'{target.limit:g}')})"
    return Bar(heading, "the target itself", as_times(ratio, target.at_least), text, 1.0)


def bars_of_row(row, kept):
    if not kept["ours"]:
        return []
    heading, rate = row.title.replace("`", ""), row.unit == "/s"
    bars = [bar(heading, rival["name"], rival["ratio"], row.targets.get(rival["name"]), rate) for rival in kept["rivals"]]
    return bars + ([own_bar(heading, kept["ours"], row.unit, row.own_target)] if row.own_target else [])


def of_rows(rows, record):
    """{name of the picture: its bars}, of the rows that the record has."""
    pictures = {}
    for row in rows:
        if kept := record["rows"].get(row.key):
            pictures.setdefault(row.picture, []).extend(bars_of_row(row, kept))
    return {name: bars for name, bars in pictures.items() if bars}


def axis(bars):
    """(from, to): everything that is drawn, and a little more."""
    values = [value for each in bars for value in (*each.ratio, each.limit or 1)]
    return min([LEAST, *values]) / 1.15, max([GREATEST, *values]) * 1.15


def words(text):
    """A string of gnuplot's, in which what it would take for more than a letter stands as a number."""
    return '"' + re.sub(r'[\\"`]', lambda found: f"\\{ord(found[0]):03o}", text) + '"'


def laid_out(bars):
    """[(line, heading or Bar)], from the top; a heading wherever the work changes."""
    lines, line = [], 0
    for index, each in enumerate(bars):
        if index == 0 or bars[index - 1].heading != each.heading:
            lines.append((line + GAP, each.heading))
            line += 1 + GAP
        lines.append((line, each))
        line += 1
    return lines


def label(text, place, side, line):
    return f"set label {words(text)} at {place}, first {line} {side}"


def script(bars):
    """What gnuplot is told."""
    lines = laid_out(bars)
    end = lines[-1][0] + 0.6
    height = round(TOP + BOTTOM + LINE * (end + 0.5))
    left = 30 + LETTER * max(len(each.rival) for each in bars)
    low, high = axis(bars)
    labels, data, marks = [], [], []
    for line, each in lines:
        if isinstance(each, str):
            labels.append(label(each, f"screen {10 / WIDTH:.4f}", "left font 'sans-serif:Bold,12'", line))
            continue
        value, least, greatest = each.ratio
        labels += [label(each.rival, "graph -0.012", "right", line), label(each.text, "graph 1.012", "left", line)]
        data.append(f"{value:.4g} {line} {min(1, value):.4g} {max(1, value):.4g} {least:.4g} {greatest:.4g} "
                    f"{int(each.colour[1:], 16)}")
        if each.limit:
            marks.append(f"{each.limit:.4g} {line}")
    tics = ", ".join(f"'{tic:g}' {tic:g}" for tic in TICS if low <= tic <= high)
    return "\n".join([
        f"set terminal svg size {WIDTH},{height} noenhanced font 'sans-serif,12' linewidth 1",
        "set encoding utf8", "set samples 2", "unset key", "set border 1", "unset ytics", "set logscale x",
        f"set xrange [{low:.4g}:{high:.4g}]", f"set yrange [{end:g}:-0.5]", f"set xtics nomirror out ({tics})",
        f"set lmargin at screen {left / WIDTH:.4f}", f"set rmargin at screen {1 - RIGHT / WIDTH:.4f}",
        f"set tmargin at screen {1 - TOP / height:.4f}", f"set bmargin at screen {BOTTOM / height:.4f}",
        label("← faster, or less", "first 1", "right offset -1,0", -0.9),
        label("slower, or more →", "first 1", "left offset 1,0", -0.9),
        f"set label {words(LEGEND)} at screen 0.5, screen {14 / height:.4f} center",
        f"set arrow from 1, graph 0 to 1, graph 1 nohead lw 1 lc rgb '{NEITHER}' back",
        *labels, "$bars << END", *data, "END", "$marks << END", *(marks or ["NaN NaN"]), "END",
        "plot $bars using 1:2:3:4:($2-0.32):($2+0.32):7 with boxxyerror fillstyle solid 0.85 noborder linecolor rgb variable, "
        "$bars using 5:2:($6-$5):(0) with vectors nohead linewidth 1 linecolor black, "
        "$marks using 1:($2-0.45):(0):(0.9) with vectors nohead linewidth 2.5 linecolor black", ""])


def svg(bars):
    """The picture. Of gnuplot's output what is never used and what says who made it is left out."""
    try:
        done = subprocess.run(["gnuplot"], input=script(bars), capture_output=True, text=True, timeout=60)
    except FileNotFoundError:
        raise BenchError("the pictures take gnuplot: scripts/packages --bench installs it") from None
    if done.returncode != 0 or "</svg>" not in done.stdout:
        raise BenchError(f"gnuplot failed: {done.stderr[-2000:]}")
    return tidied(done.stdout)


NOISE = [  # what is never used, what says who made it, and what every element says anew
    (r"<title>.*?</title>|<desc>.*?</desc>|<defs>.*?</defs>|<!--.*?-->|<\?xml.*?\?>|<!DOCTYPE.*?>", ""),
    (r' color="(black|white)"| stroke-linecap="butt"| stroke-linejoin="miter"| xmlns:xlink="[^"]*"', ""),
    (r' font-family="sans-serif"| font-size="12.00"', ""), (r'font-family="sans-serif:Bold"', 'font-weight="bold"'),
    (r"""(fill|stroke)=["'](black|rgb\( *0, *0, *0\))["']""", r'\1="currentColor"'),
    (r' id="gnuplot_\w+" ?', ""), (r"[ \t]+", " "), (r" ?\n ?", "\n"), (r"\n+", "\n"),
    (r"<g [^>]*>\n</g>\n", ""), (r"<svg\n([^>]*)>", lambda found: "<svg " + " ".join(found[1].split()) + ">"),
    (r">\n(<text>.*</text>)\n</g>", r">\1</g>"),
]


def tidied(text):
    """Small, and different only where the picture is."""
    for pattern, instead in NOISE:
        text = re.sub(pattern, instead, text, flags=re.DOTALL if "?</" in pattern else 0)
    head, rest = re.match(r"\s*(<svg\b[^>]*>\n)(.*)", text, flags=re.DOTALL).groups()
    return head + STYLE + rest


def write(directory, pictures):
    directory.mkdir(exist_ok=True)
    for name, bars in pictures.items():
        (directory / f"{name}.svg").write_text(svg(bars))
