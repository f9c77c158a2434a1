"""The page: its words and figures, that it needs nothing else, and how it is laid out."""

import re
import shutil
import subprocess
import sys
from html import escape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from kl_c._cli import main

FORM = ("--form", "logits")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
NEEDS_BROWSER = pytest.mark.skipif(BROWSER is None, reason=f"needs one of {', '.join(BROWSERS)}")
EMPTY = {"meta", "img"}  # elements that have no end


class Page(HTMLParser):
    """Words of the lines and cells, and the attributes of every element; tags must match."""

    def __init__(self, text):
        super().__init__()
        self.open, self.lines, self.attributes = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.attributes.append((tag, dict(attributes)))
        if tag not in EMPTY:
            self.open.append(tag)
        if tag in ("tr", "li"):
            self.lines.append([])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("th", "td", "li"):
            self.lines[-1].append(data)


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    base = (rng.normal(size=(8, 12, 40)) * 3).astype(np.float32)
    np.save("base.npy", base)
    for name, scale in (("q8", 0.05), ("q6", 0.1)):
        np.save(f"{name}.npy", base + (scale * rng.normal(size=base.shape)).astype(np.float32))
    np.save("labels.npy", rng.integers(0, 40, (8, 12)))


PAIR = ("Q8=q8.npy@8.5", "<b>&\"'Q6=q6.npy@6.6")


def score(*candidates):
    """The arguments of a run of everything that makes tables."""
    options = ("--labels", "labels.npy", "--strata", "confidence", "--fail-above", "kl.mean=9")
    return ["score", "base.npy", *candidates, *FORM, *options]


@pytest.mark.parametrize("candidates", [PAIR, PAIR[:1]])
def test_the_page_has_the_words_and_figures_of_the_table(files, capsys, candidates):
    assert main([*score(*candidates), "--report", "page.html"]) == 0
    printed = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    shown = [line for line in printed if line and set(line) - set("- ─━")]
    page = Page(Path("page.html").read_text())
    seen = [" ".join(" ".join(words).split()) for words in page.lines]
    command = [line for line in shown if line.startswith("kl-c score")]
    assert len(command) == 1 and sorted(seen) == sorted(shown)


@pytest.mark.parametrize("candidates", [PAIR, PAIR[:1]])
def test_the_page_needs_nothing_else(files, capsys, candidates):
    pytest.importorskip("matplotlib", reason="pictures come with the extra cli")
    assert main([*score(*candidates), "--report", "page.html"]) == 0
    page = Page(Path("page.html").read_text())
    tags = [tag for tag, _ in page.attributes]
    assert tags.count("img") == 4
    assert not {"script", "link", "iframe", "object"} & set(tags)
    for tag, attributes in page.attributes:
        for name in ("src", "href", "data", "srcset"):
            if name in attributes:
                assert attributes[name].startswith("data:image/svg+xml;base64,"), tag
        if tag == "img":
            assert attributes["alt"].endswith(".")
    assert "url(" not in Path("page.html").read_text()
    (policy,) = (a["content"] for _, a in page.attributes if "http-equiv" in a)
    assert policy.startswith("default-src 'none'")
    assert ("html", {"lang": "en"}) in page.attributes


def test_a_page_without_matplotlib_says_so(files, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main([*score(*PAIR), "--report", "page.html"]) == 0
    text = Path("page.html").read_text()
    assert "Pictures need matplotlib" in text and "<img" not in text


def test_saved_runs_make_the_page_too(files, capsys):
    for name, size in (("q8", 8.5), ("q6", 6.6)):
        run = ["score", "base.npy", f"{name}.npy@{size}", *FORM, "--rows", f"{name}.npz"]
        assert main([*run, "--json", f"{name}.json"]) == 0
    assert main(["table", "q8.json", "q6.json", "--report", "page.html"]) == 0
    page = Page(Path("page.html").read_text())
    assert ["q6 - q8", "kl"] in [line[:2] for line in page.lines]


def test_where_the_page_cannot_go_is_said_first(files, capsys):
    assert main([*score(*PAIR), "--report", "nowhere/page.html"]) == 2
    assert "nowhere/page.html: expected an existing directory" in capsys.readouterr().err


# A window of a browser without a screen has its own least width; a frame has any.
PROBE = """<!DOCTYPE html><title></title><iframe style="width:{width}px;height:844px;border:0"
srcdoc="{page}"></iframe><script>
addEventListener("load", () => {{
  const frame = document.querySelector("iframe").contentWindow, page = frame.document;
  const wide = [...page.querySelectorAll(".wide")], images = [...page.images];
  document.title = [frame.innerWidth, page.documentElement.scrollWidth, wide.length,
    wide.filter(x => x.scrollWidth > x.clientWidth).length,
    images.filter(x => x.complete && x.naturalWidth > 100).length,
    Math.max(...images.map(x => x.getBoundingClientRect().right)),
    frame.getComputedStyle(page.body).backgroundColor].join("|") }})
</script>"""


def rendered(text, width, *more):
    """What a browser lays out in that width."""
    Path("probe.html").write_text(PROBE.format(width=width, page=escape(text)))
    command = [
        *(BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
        *("--virtual-time-budget=5000", *more, "--dump-dom"),
        Path("probe.html").resolve().as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    title = re.search("<title>(.*?)</title>", done.stdout)[1]
    *numbers, background = title.split("|")
    names = ("inner", "scrolled", "tables", "scrolling", "images", "rightmost")
    return dict(zip(names, map(float, numbers), strict=True)), background


@NEEDS_BROWSER
@pytest.mark.parametrize("width", [390, 1200])
def test_a_browser_lays_it_out_without_scrolling_sideways(files, capsys, width):
    pytest.importorskip("matplotlib", reason="pictures come with the extra cli")
    long = "a-candidate-with-quite-a-long-name-" * 3
    run = score(*PAIR, f"{long}=q6.npy@4")
    assert main([*run, "--report", "page.html"]) == 0
    found, _ = rendered(Path("page.html").read_text(), width)
    assert found["inner"] == width
    assert found["scrolled"] == width
    assert found["images"] == 4 and found["rightmost"] <= width
    assert found["tables"] == 4 and (found["scrolling"] == 4 if width == 390 else True)


@NEEDS_BROWSER
def test_it_is_dark_where_the_reader_wants_that(files, capsys):
    assert main([*score(*PAIR), "--report", "page.html"]) == 0
    text = Path("page.html").read_text()
    _, light = rendered(text, 390)
    _, dark = rendered(text, 390, "--blink-settings=preferredColorScheme=0")
    assert light == "rgb(255, 255, 255)" and dark == "rgb(24, 24, 24)"


@NEEDS_BROWSER
def test_a_screenshot_shows_ink(files, capsys):
    image = pytest.importorskip("matplotlib.image", reason="reads the screenshot")
    assert main([*score(*PAIR), "--report", "page.html"]) == 0
    command = [
        *(BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--screenshot=shot.png"),
        *("--window-size=390,844", Path("page.html").resolve().as_uri()),
    ]
    subprocess.run(command, capture_output=True, timeout=120, check=True)
    pixels = image.imread("shot.png")[..., :3]
    assert pixels.shape[1] == 390
    assert 0.01 < (pixels.mean(2) < 0.5).mean() < 0.5  # dark words on light ground
