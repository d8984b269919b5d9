"""The tutorials: done block by block, they print what they say and build the plan that is shipped.

`DONDOC_TUTORIAL=1 pytest tests/docs/test_tutorial.py` puts what is printed now into the text.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from cli import console
from tests.docs.walking import Walk, blocks, quotes, rewritten

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs" / "tutorial"
DOCUMENT = TUTORIAL / "48-kh-ubnd-2024.md"
SHIPPED = ROOT / "plan_definitions" / "song-lam"
FILES = ("agencies-2024.yaml", "48-kh-ubnd-2024.yaml", "scenarios/plausible.yaml")
LANGUAGES = ("vi", "en")
WIDTH = 120  # columns of the reader's window
REFRESH = bool(os.environ.get("DONDOC_TUTORIAL"))


@pytest.fixture
def walk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Walk:
    """A reader in a folder of her own beside the calendars, as in a checkout."""
    folder = tmp_path / "plan_definitions" / "hoc"
    folder.mkdir(parents=True)
    shutil.copytree(ROOT / "plan_definitions" / "calendars", folder.parent / "calendars")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("DONDOC_LANGUAGE", "vi")
    for printing in (console.out, console.err):
        monkeypatch.setattr(printing, "_width", WIDTH)
    return Walk(folder, monkeypatch.setenv)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_tutorial_builds_the_shipped_plan_and_prints_what_it_says(walk: Walk, language: str):
    """Who follows it line by line ends with the plan, and sees on the way what she was told."""
    path = TUTORIAL / f"{language}.md"
    text = path.read_text(encoding="utf-8")

    walk.through(text)

    if REFRESH:
        path.write_text(rewritten(text, walk.shown), encoding="utf-8")
        text = path.read_text(encoding="utf-8")
    for said, shown in zip(blocks(text), walk.shown.values(), strict=True):
        assert said.lines == shown, f"{path.name}:{said.begins}"
    for name in FILES:
        built = (walk.folder / name).read_text(encoding="utf-8")
        assert built == (SHIPPED / name).read_text(encoding="utf-8"), name


def test_both_tutorials_write_the_same_files_in_the_same_steps():
    """What was translated is the words, not the plan."""
    vi, en = (
        [
            (block.act, block.about, block.lines)
            for block in blocks((TUTORIAL / f"{language}.md").read_text(encoding="utf-8"))
            if block.act not in ("run", "mail")
        ]
        for language in LANGUAGES
    )
    assert vi == en


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_tutorial_quotes_stands_in_the_document(language: str):
    """Else the reader looks for words that are not there."""
    document = DOCUMENT.read_text(encoding="utf-8").replace("\\.", ".")
    quoted = quotes((TUTORIAL / f"{language}.md").read_text(encoding="utf-8"))

    assert len(quoted) >= 8
    for words in quoted:
        for part in words.split("[…]"):
            assert part.strip() in document, part


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_links_of_the_tutorial_lead_somewhere(language: str):
    """A reader without a programmer beside her cannot guess where a file went."""
    text = (TUTORIAL / f"{language}.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#:]+)\)", text)

    assert links
    assert [link for link in links if not (TUTORIAL / link).exists()] == []
