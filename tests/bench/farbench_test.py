"""What scripts/bench makes of results: the record that is kept, the table, the pictures. Nothing is measured."""

import dataclasses
import pathlib
import shutil
import sys
import tempfile
import unittest
import xml.etree.ElementTree

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from farbench import pictures, record, rows, table  # noqa: E402
from farbench.contenders import OURS, PEER  # noqa: E402
from farbench.errors import BenchError  # noqa: E402
from farbench.measure import Result  # noqa: E402
from farbench.rows import Row, Target  # noqa: E402


def row(key="a", targets=None, unit="s", **more):
    return Row(key, f"work {key}", unit, None, targets or {}, picture="files", **more)


def results(ours, theirs):
    """Of two contenders; a list holds the samples of each round."""
    return [Result("ours", OURS, ours), Result("scp", PEER, theirs)]


def measured(head, *keys, value=1.0):
    return record.of_run([head], [(row(key), results([[value]], [[2.0]])) for key in keys])


class Records(unittest.TestCase):
    def test_a_ratio_is_of_the_medians_and_its_range_of_the_rounds(self):
        kept = record.of_row(results([[1.0], [4.0], [2.0]], [[2.0], [2.0], [8.0]]))
        self.assertEqual(kept["rivals"][0]["ratio"], [1.0, 0.25, 2.0])
        self.assertEqual((kept["ours"]["n"], kept["ours"]["low"], kept["ours"]["high"]), (3, 1.0, 4.0))

    def test_rows_that_were_not_measured_again_keep_what_they_had_and_their_run(self):
        both = record.merged(measured("old", "a", "b", value=1.0), measured("new", "b", value=5.0), ["a", "b"])
        self.assertEqual([both["runs"][both["rows"][key]["run"]] for key in "ab"], [["old"], ["new"]])
        self.assertEqual([both["rows"][key]["ours"]["value"] for key in "ab"], [1.0, 5.0])

    def test_a_run_of_which_no_row_is_left_goes(self):
        self.assertEqual(record.merged(measured("old", "a"), measured("new", "a"), ["a"])["runs"], [["new"]])

    def test_two_runs_that_say_the_same_stay_two(self):
        both = record.merged(measured("same", "a"), measured("same", "b"), ["a", "b"])
        self.assertNotEqual(both["rows"]["a"]["run"], both["rows"]["b"]["run"])

    def test_rows_that_there_are_no_more_go(self):
        self.assertEqual(list(record.merged(measured("old", "gone", "a"), record.EMPTY, ["a"])["rows"]), ["a"])

    def test_rows_stand_in_the_order_of_the_rows(self):
        both = record.merged(measured("old", "c", "a"), measured("new", "b"), ["a", "b", "c"])
        self.assertEqual(list(both["rows"]), ["a", "b", "c"])

    def test_what_is_written_is_read_again(self):
        both = record.merged(measured("alt", "a"), measured("neu – “ü”", "b"), ["a", "b"])
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "record.json")
            path.write_text(record.text(both))
            self.assertEqual(record.load(path), both)

    def test_no_file_is_a_record_without_rows_and_another_file_is_an_error(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "record.json")
            self.assertEqual(record.load(path), record.EMPTY)
            for text in ("", "[]", '{"runs": []}'):
                path.write_text(text)
                self.assertRaises(BenchError, record.load, path)


class Tables(unittest.TestCase):
    def verdict(self, value, limit, at_least=False):
        return table.verdict(value, Target(limit, at_least))

    def test_a_target_is_reached_at_its_limit_and_missed_just_beside_it(self):
        self.assertEqual(self.verdict(1.0, 1.0), "reached")
        self.assertEqual(self.verdict(1.001, 1.0), "**missed by 1 %**")
        self.assertEqual(self.verdict(0.75, 0.75, at_least=True), "reached")
        self.assertEqual(self.verdict(0.5, 1.0, at_least=True), "**missed by 50 %**")

    def test_rows_of_one_run_have_no_letter_and_those_of_several_have(self):
        one = table.document_lines([row("a")], measured("old", "a"))
        self.assertEqual(one[:2], ["old", ""])
        self.assertTrue(one[-1].startswith("| work a |"))
        both = record.merged(measured("old", "a"), measured("new", "b"), ["a", "b"])
        lines = table.document_lines([row("a"), row("b")], both)
        self.assertEqual([line for line in lines if line.startswith("Run ")], ["Run a:", "Run b:"])
        self.assertLess(lines.index("new"), lines.index("old"))
        self.assertTrue(lines[-2].startswith("| b | work a |") and lines[-1].startswith("| a | work b |"))

    def test_rows_that_were_never_measured_are_named(self):
        lines = table.document_lines([row("a"), row("b")], measured("old", "a"))
        self.assertEqual(lines[-1], "Not measured yet: `b`.")

    def test_every_missed_target_is_told_and_no_other(self):
        work = row("a", {"scp": Target(0.4)}, own_target=Target(0.9))
        self.assertEqual(list(table.missed([work], measured("old", "a"))), [
            "a: scp: 0.50, to be ≤ 0.4 (missed by 25 %)", "a: 1 s, to be ≤ 0.9 (missed by 11 %)"])
        work = row("a", {"scp": Target(0.5)}, own_target=Target(1.0))
        self.assertEqual(list(table.missed([work], measured("old", "a"))), [])

    def test_peers_alone_make_lines_without_a_ratio(self):
        alone = record.of_run(["head"], [(row("a"), [Result("scp", PEER, [[2.0]])])])
        work = row("a", {"scp": Target(0.5)}, own_target=Target(1.0))
        self.assertEqual(table.document_lines([work], alone)[-1], "| work a | 1 | – | scp | 2 s (2..2) | – | – | – |")
        self.assertEqual(list(table.missed([work], alone)), [])
        self.assertEqual(pictures.of_rows([work], alone), {})

    def test_ours_alone_has_a_line_too(self):
        alone = record.of_run(["head"], [(row("a"), [Result("ours", OURS, [[2.0]])])])
        self.assertEqual(len(table.document_lines([row("a")], alone)), 5)

    def test_only_what_is_between_the_markers_is_replaced(self):
        text = f"before\n{table.BEGIN}\n\nold\n\n{table.END}\nafter\n"
        replaced = table.replace_between_markers(text, ["new"])
        self.assertEqual(replaced, text.replace("old", "new"))


class Bars(unittest.TestCase):
    def bars(self, work, ours=1.0, theirs=2.0):
        found = record.of_run(["head"], [(work, results([[ours]], [[theirs]]))])
        return pictures.of_rows([work], found)["files"]

    def test_times_and_their_targets_stand_as_they_are(self):
        bar, = self.bars(row("a", {"scp": Target(0.4)}))
        self.assertEqual((bar.rival, bar.ratio, bar.limit, bar.text), ("scp", (0.5, 0.5, 0.5), 0.4, "0.50 (≤ 0.40)"))

    def test_rates_and_their_targets_are_turned_upside_down(self):
        bar, = self.bars(row("a", {"scp": Target(0.25, at_least=True)}, unit="/s"))
        self.assertEqual((bar.ratio, bar.limit, bar.text), ((2.0, 2.0, 2.0), 4.0, "0.50 (≥ 0.25)"))

    def test_the_range_of_a_rate_goes_from_the_least_time_to_the_greatest(self):
        self.assertEqual(pictures.as_times([1.0, 0.5, 4.0], at_least=True), (1.0, 0.25, 2.0))

    def test_a_target_for_ours_alone_is_a_bar_of_its_own(self):
        self.assertEqual(self.bars(row("a", own_target=Target(4.0)))[1].ratio[0], 0.25)
        self.assertEqual(self.bars(row("a", own_target=Target(4.0, at_least=True)))[1].ratio[0], 4.0)

    def test_colours_say_what_the_table_says(self):
        for limit, colour in ((0.4, pictures.MISSED), (0.5, pictures.REACHED), (None, pictures.NEITHER)):
            bar, = self.bars(row("a", {"scp": Target(limit)} if limit else {}))
            self.assertEqual(bar.colour, colour)

    def test_an_axis_shows_1_and_every_bar_range_and_target(self):
        low, high = pictures.axis([pictures.Bar("a", "b", (0.1, 0.05, 0.2), "", 3.0)])
        self.assertTrue(low < 0.05 and high > 3.0)
        low, high = pictures.axis([pictures.Bar("a", "b", (1.0, 1.0, 1.0), "")])
        self.assertTrue(low < 1 < high)


@unittest.skipIf(shutil.which("gnuplot") is None, "there is no gnuplot")
class Pictures(unittest.TestCase):
    BARS = [pictures.Bar("'cat >FILE' & <co>", "it's", (0.5, 0.4, 0.6), "0.50 (≤ 0.40)", 0.4),
            pictures.Bar("another – %s $x `y` \\n {z}", "scp", (2.0, 1.0, 3.0), "2.00")]

    def test_a_picture_is_well_formed_whatever_the_words_and_has_them_all(self):
        root = xml.etree.ElementTree.fromstring(pictures.svg(self.BARS))
        texts = {"".join(found.itertext()).replace("\N{NO-BREAK SPACE}", " ") for found in root.iter()
                 if found.tag.endswith("}text")}
        for bar in self.BARS:
            for word in (bar.heading, bar.rival, bar.text):
                self.assertIn(word, texts)

    def test_the_same_bars_make_the_same_bytes(self):
        self.assertEqual(pictures.svg(self.BARS), pictures.svg(self.BARS))

    def test_a_picture_is_small_and_says_neither_who_made_it_nor_a_colour_for_one_background(self):
        text = pictures.svg(self.BARS)
        self.assertLess(len(text), 5000)
        for noise in ("GNUPLOT", "gnuplot_plot", "<defs", "gpPt", "'black'", '"black"', '"white"', "rgb(  0,   0,   0)"):
            self.assertNotIn(noise, text)
        self.assertIn("prefers-color-scheme: dark", text)

    def test_a_bar_without_a_target_has_no_notch(self):
        with_target, without = (pictures.svg([dataclasses.replace(self.BARS[0], limit=limit)]) for limit in (0.4, None))
        self.assertGreater(with_target.count("<path"), without.count("<path"))


class Rows(unittest.TestCase):
    def test_every_row_has_a_key_and_a_title_of_its_own_and_a_picture(self):
        every = rows.all_rows()
        self.assertEqual(len({each.key for each in every}), len(every))
        self.assertEqual(len({each.title for each in every}), len(every))
        self.assertNotIn("", {each.picture for each in every})


if __name__ == "__main__":
    unittest.main()
