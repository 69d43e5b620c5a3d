"""A serial line in the event loop: pyserial opens it and sets it, the loop watches its file descriptor."""

from __future__ import annotations

import asyncio
import glob
import os
import termios
from collections.abc import Callable
from contextlib import suppress

import serial

READ_OCTETS = 4096
MAX_WAITING = 1 << 16  # octets that the device does not take


class SerialLine:
    """An open line. ``received`` gets octets, ``lost`` is called once with why when the device is gone."""

    def __init__(self, port: serial.Serial, received: Callable[[bytes], None], lost: Callable[[str], None]) -> None:
        self._port = port
        self._fd = port.fileno()
        self._received = received
        self._lost = lost
        self._waiting = bytearray()
        self._loop = asyncio.get_running_loop()
        self._is_open = True
        self._loop.add_reader(self._fd, self._read)

    def write(self, data: bytes) -> None:
        """Send, now or when the device takes it."""
        if not self._is_open or not data:
            return
        self._waiting += data
        if len(self._waiting) > MAX_WAITING:
            self._gone("it takes nothing")
        else:
            self._write()

    def close(self) -> None:
        """Give the device up; what it did not take is dropped, else closing could wait for it for half a minute."""
        if not self._is_open:
            return
        self._is_open = False
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        with suppress(OSError, termios.error):  # pyserial lets the latter through, and it is no OSError
            self._port.reset_output_buffer()
        with suppress(OSError, termios.error):
            self._port.close()

    def _read(self) -> None:
        try:
            data = os.read(self._fd, READ_OCTETS)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._gone(error.strerror or str(error))
            return
        if data:
            self._received(data)
        else:
            self._gone("unplugged")

    def _write(self) -> None:
        try:
            sent = os.write(self._fd, self._waiting)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError as error:
            self._gone(error.strerror or str(error))
            return
        del self._waiting[:sent]
        if self._waiting:
            self._loop.add_writer(self._fd, self._write)
        else:
            self._loop.remove_writer(self._fd)

    def _gone(self, why: str) -> None:
        if self._is_open:
            self.close()
            self._lost(why)


def device_of(pattern: str) -> str | None:
    """The device that a path or a pattern names now; None: it is not plugged in."""
    if not glob.has_magic(pattern):
        return pattern if os.path.exists(pattern) else None  # noqa: PTH110  a name, not a file of ours
    return next(iter(sorted(glob.glob(pattern))), None)  # noqa: PTH207


def open_port(device: str, baud: int, *, flow_control: bool) -> serial.Serial:
    """Open it for nobody else; may wait for the driver. Raises OSError (pyserial's SerialException is one)."""
    try:
        return serial.Serial(device, baud, timeout=0, write_timeout=0, exclusive=True, rtscts=flow_control)
    except ValueError as error:
        raise OSError(f"{baud} baud: {error}") from None
    except termios.error as error:
        raise OSError(*error.args) from None
