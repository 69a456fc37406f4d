"""Links of the built pages that lead nowhere are found, and end the build."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def html(tmp_path: Path) -> Path:
    """A book of two pages in which every link leads somewhere."""
    folder = tmp_path / "book" / "_build" / "html"
    (folder / "part").mkdir(parents=True)
    (folder / "records").mkdir()
    (folder / "records" / "a b.csv").touch()
    (folder / "index.html").write_text(
        '<h1 id="title">One</h1> <a href="part/two.html?q=1#claim-%C3%A9"></a>'
        '<a href="#title"></a>'
        '<a href="#top"></a> <a href="https://example.org/none"></a> <a href="mailto:nobody"></a>'
        '<a href="records/a%20b.csv"></a> <img src="data:image/png;base64,AA==">'
    )
    (folder / "part" / "two.html").write_text(
        '<span id="claim-é"></span> <a name="old"></a> <a href="../index.html#title"></a>'
        '<a href="#old"></a>'
    )
    return folder


def test_what_leads_somewhere_is_not_told(of_book: Callable[[str], ModuleType], html: Path) -> None:
    assert of_book("links").dead_links(html) == []


@pytest.mark.parametrize(
    "link",
    ["three.html", "../part/", "../index.html#tilte", "#nowhere", "/index.html", "part/two.html"],
)
def test_a_dead_link_ends_the_build(
    of_book: Callable[[str], ModuleType], html: Path, link: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (html / "part" / "two.html").open("a", encoding="utf-8") as page:
        page.write(f'<p>More <a class="reference" href="{link}">text</a>')
    assert of_book("links").dead_links(html) == [f"part/two.html -> {link}"]
    monkeypatch.chdir(html.parents[2])
    with pytest.raises(SystemExit, match=r"1 links .* lead nowhere:\npart/two.html -> "):
        of_book("build").follow_links(set())


def test_a_sweep_that_was_not_made_is_told_and_no_error(
    of_book: Callable[[str], ModuleType],
    html: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = html / "index.html"
    page.write_text('<a href="sweeps/0123.ipynb"></a>', encoding="utf-8")
    (html / "part" / "two.html").unlink()
    monkeypatch.chdir(html.parents[2])
    of_book("build").follow_links({"0123.ipynb"})
    assert "1 notebooks of sweeps are missing" in capsys.readouterr().out
