"""Files and folders with the owner and the rights they need."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from pathlib import Path


def folder(path: Path, owner: str = "root", group: str | None = None, mode: int = 0o755) -> Path:
    """Make a folder and set its owner and rights, whether it exists or not."""
    path.mkdir(parents=True, exist_ok=True)
    shutil.chown(path, owner, group or owner)
    path.chmod(mode)
    return path


def write(path: Path, text: str, owner: str = "root", group: str | None = None, mode: int = 0o644) -> Path:
    """Write a file in one step; nobody sees it half written or with other rights."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    shutil.chown(draft, owner, group or owner)
    draft.chmod(mode)
    draft.replace(path)
    return path


def secret(path: Path, group: str = "root", octets: int = 32) -> str:
    """The secret in a file that ``group`` may read; made up on first use, ``octets`` long."""
    if not path.exists():
        write(path, secrets.token_urlsafe(octets)[:octets] + "\n", group=group, mode=0o640)
    return path.read_text(encoding="utf-8").rstrip("\n")


def digest(*paths: Path) -> str:
    """A short digest of files and of all files below folders: changes when any of them does."""
    seen = hashlib.sha256()
    for path in paths:
        for file in sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]:
            if file.suffix != ".pyc" and file.exists():
                seen.update(str(file.relative_to(path.parent)).encode() + b"\0" + file.read_bytes() + b"\0")
    return seen.hexdigest()[:16]


def replace_tree(source: Path, target: Path) -> None:
    """Make ``target`` a copy of ``source``, readable to all, without compiled files; what was there before goes."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    for path in [target, *target.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
