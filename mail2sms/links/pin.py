"""A SIM's PIN, and the note that keeps a wrong one from being tried twice: three wrong ones lock the SIM.

The note is written before the PIN is tried, so that no crash makes it be tried again. It holds until the file of the
PIN changes; it names the file's time and size, never the PIN.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from caiyou.errors import SettingsError
from caiyou.settings import secret


class PinFile:
    """The PIN of one link."""

    def __init__(self, path: Path | None, note: Path) -> None:
        self._path = path
        self._note = note

    def take(self) -> str:
        """The PIN, noted as tried; raises SettingsError that says why there is none to try."""
        if self._path is None:
            raise SettingsError("the SIM wants a PIN and no pin_file is set")
        pin = secret(self._path)
        if not (pin.isascii() and pin.isdigit() and 4 <= len(pin) <= 8):
            raise SettingsError(f"{self._path}: a PIN is 4-8 digits")
        stamp = self._stamp()
        if self._noted().get("file") == stamp:
            raise SettingsError(
                f"the PIN in {self._path} was tried before and not accepted; write the right one there"
                f" (remaining attempts are few; remove {self._note} to try the same once more)"
            )
        self._write({"file": stamp, "state": "tried"})
        return pin

    def accepted(self) -> None:
        """It was right."""
        self._note.unlink(missing_ok=True)

    def refused(self) -> None:
        """It was wrong."""
        self._write({"file": self._stamp(), "state": "refused"})

    def unlocked(self) -> None:
        """The SIM is open: a PIN that was tried and not answered was right. One that was refused stays so."""
        if self._noted().get("state") == "tried":
            self._note.unlink(missing_ok=True)

    def _stamp(self) -> list[int]:
        try:
            found = self._path.stat() if self._path else None
        except OSError:
            found = None
        return [found.st_mtime_ns, found.st_size] if found else []

    def _noted(self) -> dict[str, object]:
        try:
            found = json.loads(self._note.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except (OSError, ValueError) as error:
            raise SettingsError(f"{self._note}: {error}; remove it") from None
        return found if isinstance(found, dict) else {}

    def _write(self, note: dict[str, object]) -> None:
        """On the disk before the PIN goes out."""
        draft = self._note.with_name(self._note.name + ".new")
        try:
            self._note.parent.mkdir(parents=True, exist_ok=True)
            with draft.open("w", encoding="utf-8") as file:
                json.dump(note, file)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._note)
        except OSError as error:
            raise SettingsError(f"{self._note}: cannot be written, so the PIN is not tried: {error.strerror}") from None
