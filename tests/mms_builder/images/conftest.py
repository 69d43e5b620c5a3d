"""Pictures to fit, and programs that nobody here wrote to judge what came out: file, ImageMagick, ffprobe."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mms_builder.slides import Media

SUFFIX = {"image/jpeg": ".jpg", "image/gif": ".gif", "image/png": ".png", "image/vnd.wap.wbmp": ".wbmp"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What ImageMagick says of the picture, and what `file` does."""

    format: str
    width: int
    height: int
    colours: int
    frames: int
    interlace: str
    colourspace: str
    said: str


@pytest.fixture
def judge(tmp_path: Path) -> Callable[[Media], Judged]:
    def judged(media: Media) -> Judged:
        path = tmp_path / f"judged{SUFFIX[media.media_type]}"
        path.write_bytes(media.content)
        lines = _said(
            "/usr/bin/identify", "-format", "%m %W %H %k %[interlace] %[colorspace]\\n", str(path)
        ).splitlines()
        format_, width, height, colours, interlace, colourspace = lines[0].split()
        return Judged(
            format=format_,
            width=int(width),
            height=int(height),
            colours=int(colours),
            frames=len(lines),
            interlace=interlace,
            colourspace=colourspace,
            said=_said("file", "--brief", str(path)),
        )

    return judged


@pytest.fixture
def probe(tmp_path: Path) -> Callable[[Media], dict[str, Any]]:
    """What ffprobe says of the first stream."""

    def probed(media: Media) -> dict[str, Any]:
        path = tmp_path / f"probed{SUFFIX[media.media_type]}"
        path.write_bytes(media.content)
        said = _said("ffprobe", "-v", "error", "-count_frames", "-show_streams", "-of", "json", str(path))
        stream: dict[str, Any] = json.loads(said)["streams"][0]
        return stream

    return probed


@pytest.fixture
def seen(tmp_path: Path) -> Callable[[bytes], list[tuple[int, int, bytes]]]:
    """Width, height and RGB octets of each frame as ImageMagick shows it on white."""

    def shown(content: bytes) -> list[tuple[int, int, bytes]]:
        source = tmp_path / "seen"
        source.write_bytes(content)
        for old in tmp_path.glob("frame-*.ppm"):
            old.unlink()
        flat = ("-coalesce", "-background", "white", "-alpha", "remove", "-strip", "-depth", "8", "+adjoin")
        _said("/usr/bin/convert", str(source), *flat, str(tmp_path / "frame-%04d.ppm"))
        return [_ppm(path.read_bytes()) for path in sorted(tmp_path.glob("frame-*.ppm"))]

    return shown


def _ppm(content: bytes) -> tuple[int, int, bytes]:
    mark, size, _, pixels = content.split(b"\n", 3)
    assert mark == b"P6"
    width, height = size.split()
    return int(width), int(height), pixels


def _said(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
