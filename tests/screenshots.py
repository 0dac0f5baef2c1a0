"""README's pictures: `python -m tests.screenshots` plays the scenes on the demo fleet and writes screenshots/*.svg.

With `--all FOLDER` it writes every scene there, and with `--png` as PNG too (needs resvg-py and the font Fira Code).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import tempfile
from pathlib import Path

import tests.early_env  # noqa: F401 - before Textual is imported

from tests.visual.scenes import SCENES, Scene, Stage  # isort: skip

_FONT_FACE = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""Textual's pictures name a web font; viewers fall back to a monospace font just as well without it."""


async def picture(scene: Scene) -> str:
    """The scene as SVG."""
    if scene.is_colourless:
        os.environ["NO_COLOR"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder) / "state", scene)
        try:
            async with stage.app.run_test(size=scene.size) as pilot:
                await stage.play(pilot)
                svg = stage.app.export_screenshot(title="cftui")
        finally:
            stage.close()
    os.environ.pop("NO_COLOR", None)
    return _FONT_FACE.sub("", svg)


def main() -> None:
    """Write the pictures that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="scenes; README's when none is named")
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="every scene, into this folder")
    parser.add_argument("--png", action="store_true")
    asked = parser.parse_args()
    folder = asked.all or Path(__file__).parents[1] / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    for scene in SCENES:
        if scene.name in asked.names or (not asked.names and (asked.all or scene.is_in_readme)):
            svg = asyncio.run(picture(scene))
            (folder / f"{scene.name}.svg").write_text(svg)
            if asked.png:
                import resvg_py

                png = resvg_py.svg_to_bytes(svg_string=svg, font_family="Fira Code", monospace_family="Fira Code")
                (folder / f"{scene.name}.png").write_bytes(bytes(png))
            print(folder / f"{scene.name}.svg")


if __name__ == "__main__":
    main()
