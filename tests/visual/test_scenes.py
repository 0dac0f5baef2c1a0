"""Every screen and state that matters, as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.visual.scenes import SCENES, Scene, Stage


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_scene(scene: Scene, tmp_path: Path, snap_compare: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The picture is as it was; `Scene.shows` says what one should see."""
    if scene.is_colourless:
        monkeypatch.setenv("NO_COLOR", "1")
    stage = Stage(tmp_path / "state", scene)
    try:
        assert snap_compare(stage.app, run_before=stage.play, terminal_size=scene.size), scene.shows
    finally:
        stage.close()
