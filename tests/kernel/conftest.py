from __future__ import annotations

from pathlib import Path

import pytest

from caiyou.settings import Settings
from tests.fix_redis import RedisServer, redis_server

__all__ = ["redis_server"]


@pytest.fixture
def settings(tmp_path: Path, redis_server: RedisServer) -> Settings:
    """Of a site with that Redis, which is not running yet; 0.5 s is long."""
    path = tmp_path / "caiyou.toml"
    path.write_text(
        f'[site]\nspool = "{tmp_path / "spool"}"\n'
        f'[redis]\nurl = "redis://127.0.0.1:{redis_server.port}/0"\ntimeout_s = 0.5\n'
    )
    return Settings(path, path.read_text())
