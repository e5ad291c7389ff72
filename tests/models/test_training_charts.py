"""Model cards and pictures: right figures in words, safe with any label, the same bytes from the same rows."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from models.training.card import CardFacts, DataFacts, Details, figure_rows, render, write_card
from models.training.charts import bins, confusion, count, reliability, write_charts
from models.training.heads_report import each_intent

SVG = "{http://www.w3.org/2000/svg}"
NASTY = '<script>alert("1")</script> & \x00\x1b]'


class Fixed:
    """Probabilities as they are given in place of vectors."""

    intents = ("billing", "delivery", "login")

    def predict(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return vectors, np.zeros((len(vectors), 4), dtype=np.float32), np.zeros(len(vectors), dtype=np.float32)


ROWS = np.array(
    [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.6, 0.3, 0.1], [0.1, 0.1, 0.8], [0.9, 0.05, 0.05]], dtype=np.float32
)
TRUE = ["billing", "delivery", "delivery", "login", "out_of_scope"]


def words(svg: str) -> list[str]:
    return ["".join(node.itertext()) for node in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_each_intent_has_its_precision_and_recall() -> None:
    billing, delivery, login = each_intent(Fixed(), ROWS, TRUE)
    assert (billing.rows, billing.precision, billing.recall) == (1, 0.3333, 1.0)
    assert (delivery.rows, delivery.precision, delivery.recall) == (2, 1.0, 0.5)
    assert (login.rows, login.precision, login.recall) == (1, 1.0, 1.0)
    nothing = each_intent(Fixed(), ROWS[:0], [])
    assert [(one.rows, one.precision, one.recall) for one in nothing] == [(0, None, None)] * 3


def test_bins_hold_every_row_once_and_the_edges() -> None:
    found = bins(np.array([0.0, 0.05, 0.1, 0.95, 1.0]), np.array([True, False, True, True, False]))
    assert [(one.low, one.rows, one.correct) for one in found] == [(0.0, 2, 1), (0.1, 1, 1), (0.9, 2, 1)]


def test_rows_of_the_matrix_are_true_intents() -> None:
    found = count(("a", "b"), ["a", "a", "b"], ["a", "b", "b"])
    assert found.tolist() == [[1, 1], [0, 1]]


def test_pictures_are_whole_told_in_words_and_the_same_each_time(tmp_path: Path) -> None:
    written = write_charts(tmp_path / "new", Fixed(), ROWS, TRUE)
    assert [path.name for path in written] == ["reliability.svg", "confusion.svg"]
    first = [path.read_bytes() for path in written]
    assert [path.read_bytes() for path in write_charts(tmp_path / "again", Fixed(), ROWS, TRUE)] == first
    ids = set()
    for path in written:
        picture = ElementTree.parse(path).getroot()
        named = picture.attrib["aria-labelledby"].split()
        texts = {node.attrib["id"]: node.text for node in picture.iter() if "id" in node.attrib}
        assert picture.attrib["role"] == "img"
        assert all(texts[one] for one in named)
        assert not ids & set(texts), "both may stand in one page"
        ids |= set(texts)


def test_the_numbers_stand_as_text_beside_the_colours() -> None:
    svg = confusion(("billing", "delivery", "login"), np.array([[7, 2, 0], [0, 9, 0], [1, 0, 4]]))
    said = words(svg)
    assert {"7", "2", "9", "1", "4"} <= set(said)
    assert "20 of 23 rows are right" in svg
    assert "billing taken for delivery: 2" in svg
    assert "4 rows" in reliability(np.array([0.9, 0.8, 0.7, 0.2]), np.array([True, True, False, False]))


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2.2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return float(np.dot((0.2126, 0.7152, 0.0722), linear))


@pytest.mark.parametrize("right", range(1, 101))
def test_numbers_can_be_read_on_every_shade(right: int) -> None:
    picture = ElementTree.fromstring(confusion(("a", "b"), np.array([[right, 100 - right], [0, 0]])))
    number = next(
        node
        for node in picture.iter(f"{SVG}text")
        if node.text == str(right) and node.attrib["fill"] != "#6b6b6b" and float(node.attrib["font-size"]) > 12
    )
    shade = next(
        node
        for node in picture.iter(f"{SVG}rect")
        if any(child.text == f"a taken for a: {right} of 100" for child in node)
    )
    light, dark = sorted((luminance(number.attrib["fill"]), luminance(shade.attrib["fill"])), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_rows_out_of_scope_are_in_no_picture(tmp_path: Path) -> None:
    confusion_file = write_charts(tmp_path, Fixed(), ROWS, TRUE)[1]
    assert "3 of 4 rows are right" in confusion_file.read_text("utf-8")
    assert write_charts(tmp_path / "none", Fixed(), ROWS[4:], TRUE[4:]) == ()


@pytest.mark.parametrize("labels", [(NASTY, "b"), ("\u202e\u0007", "x" * 500), ("", "]]>")])
def test_labels_cannot_break_out_of_the_picture(labels: tuple[str, str]) -> None:
    svg = confusion(labels, np.array([[3, 1], [0, 2]]))
    tree = ElementTree.fromstring(svg)
    assert {node.tag.removeprefix(SVG) for node in tree.iter()} <= {"svg", "defs", "title", "desc", "rect", "text"}
    assert max(map(len, words(svg))) < 120


def test_many_intents_still_make_a_picture() -> None:
    names = tuple(f"intent_{at}" for at in range(150))
    picture = ElementTree.fromstring(confusion(names, np.eye(150, dtype=np.int64)))
    assert float(picture.attrib["width"]) < 4_000


FACTS = CardFacts(
    title="Intent heads: shop",
    what="What it is.",
    purpose="Sorting.",
    revision="intent-shop-0",
    created="2026-11-23",
    encoder_revision="encoder-1",
    licence="Apache-2.0",
    data=[DataFacts("train.csv", "ab" * 32, 30, "tickets of our own", {"billing": 10, "a|b\nc": 20})],
    method="Ridge.",
    hyperparameters={"kernel_gamma": 2.0},
    calibration={"sharpness": 3.0},
    figures_on="On 30 rows.",
    figures=figure_rows({"accuracy": 0.5}, {"accuracy": 0.75, "oos_auroc": None, "per_intent": {"x": 1}}),
    details=[Details("Intents", "How to read it.", ("intent", "recall"), [("a|b", 0.5)])],
    limits=["English only."],
    rollback="appliance models rollback intent",
    pictures=[("confusion.svg", "Confusion")],
)


def test_a_card_says_all_of_it(tmp_path: Path) -> None:
    text = write_card(tmp_path, FACTS).read_text("utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["MODEL_CARD.md"]
    for part in (
        "# Intent heads: shop",
        "`" + "ab" * 32 + "`",
        "encoder-1",
        "kernel gamma 2",
        "![Confusion](confusion.svg)",
    ):
        assert part in text
    assert "| accuracy | 0.5 | 0.75 |" in text
    assert "| oos_auroc | – | – |" in text
    assert "per_intent" not in text


def test_labels_cannot_break_a_table_nor_fill_the_layout() -> None:
    assert "| a\\|b | 0.5 |" in render(FACTS)
    strange = CardFacts(**{name: getattr(FACTS, name) for name in FACTS.__slots__} | {"title": "{rollback} {0}"})
    assert re.match(r"# \{rollback\} \{0\}\n", render(strange))
