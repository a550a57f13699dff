"""The report in a browser: Chromium without a window opens it at the widths of a desk and of a telephone, light and
dark, and a script of the test measures what it finds."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from operations.report import page
from tests.operations.made_up import content

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH (Debian: apt-get install chromium)")

SCRIPT = Path(__file__).with_name("measure.js")
WIDTHS = (1280, 390)
HEIGHT = 16000
"""So tall that nothing of a page is below the edge: only what is in sight can be measured."""
LIGHT, DARK = 1, 0
"""Blink's numbers of ``preferredColorScheme``."""
LONG = "<script>" + "W" * 200 + "</script>"
"""A name without any place to break it."""
FAULTY = """<!DOCTYPE html><html lang="en"><body style="margin:0;background:#fff;color:#111">
<h1></h1><p style="width:2000px">wide</p><p style="color:#999">faint</p>
<div style="overflow-x:auto;width:100px" tabindex="-1"><p style="width:300px">scrolls</p></div>
<p style="position:absolute;top:400px">one</p><p style="position:absolute;top:402px;left:3px">other</p>
<svg width="50" height="20"><text x="0" y="15">beyond its picture</text></svg>
</body></html>"""


def measured(folder: Path, pages: dict[str, tuple[int, str]], scheme: int) -> dict[str, Any]:
    """What the script finds in each page (its width, its text), by the page's name. The accessible names, which do not
    depend on it, are looked at for the first page only."""
    frames = "".join(
        f'<iframe id="{name}" {"" if number else "data-named"} style="width:{width}px;height:{HEIGHT}px;border:0"'
        f' srcdoc="{html.escape(text)}"></iframe>'
        for number, (name, (width, text)) in enumerate(pages.items())
    )
    wrapper = folder / "wrapper.html"
    script = SCRIPT.read_text(encoding="utf-8")
    wrapper.write_text(
        f'<!DOCTYPE html><meta charset="utf-8"><body><script>{script}</script>{frames}</body>', encoding="utf-8"
    )
    assert CHROMIUM
    options = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars")
    features = ("--enable-blink-features=ComputedAccessibilityInfo", f"--blink-settings=preferredColorScheme={scheme}")
    of_its_own = f"--user-data-dir={folder / 'profile'}"
    done = subprocess.run(
        [CHROMIUM, *options, *features, of_its_own, "--dump-dom", wrapper.as_uri()],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    result = re.search(r'(?s)<pre id="result">(.*?)</pre>', done.stdout)
    assert result, done.stderr[-2000:]
    found = json.loads(html.unescape(result[1]))
    assert isinstance(found, list), found
    return {one["frame"]: one for one in found}


def reports() -> dict[str, tuple[int, str]]:
    made = {"distributed": content("distributed"), "long": content("your-own", hostile=LONG)}
    return {f"{name} {width}": (width, page.written(one)) for name, one in made.items() for width in WIDTHS}


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_the_report_is_read_with_ease(scheme: int, tmp_path: Path) -> None:
    found = measured(tmp_path, reports(), scheme)
    assert len(found) == 4
    for name, one in found.items():
        assert {kind: wrong for kind, wrong in one["wrong"].items() if wrong} == {}, name
        assert (one["background"] < 0.1) == (scheme == DARK), name
        assert one["texts"] > 150, name
        assert one["contrasts"] > (0.95 if name.endswith("1280") else 0.3) * one["texts"], name
    names = found["distributed 1280"]["names"]
    assert "The machines of distributed and their states; the table below says the same" in names
    assert "Validity of 5 certificates, today marked" in names
    assert "Machines" in names


def test_the_script_finds_what_it_is_there_for(tmp_path: Path) -> None:
    wrong = measured(tmp_path, {"faulty": (390, FAULTY)}, LIGHT)["faulty"]["wrong"]
    assert wrong["overflow"] > 1500
    assert wrong["overlaps"] == ["one | other"]
    assert wrong["outside"] == ["beyond its picture"]
    assert wrong["faint"] == ["faint: 2.85"]
    assert [one[:4] for one in wrong["nameless"]] == ["<h1>", "<svg"]
    assert len(wrong["unscrollable"]) == 1
