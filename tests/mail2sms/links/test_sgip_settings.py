"""Settings of an SGIP link: what is refused, and what follows from them."""

from __future__ import annotations

from pathlib import Path

import pytest

from caiyou.errors import SettingsError
from caiyou.settings import load
from mail2sms.links.build import link_of
from mail2sms.links.sgip import SgipLink
from mail2sms.settings import SmsSettings
from mail2sms.settings.sgip import SgipLinkSettings

LINK = """
[sms.links.unicom]
type = "sgip"
host = "127.0.0.1"
node = 3010099999
corp_id = "99999"
name = "caiyou"
src_id = "10655"
secret_file = "/nowhere"
"""
LISTEN = 'listen = "0.0.0.0:8801"\nlisten_name = "smg"\nlisten_secret_file = "/nowhere-else"\n'


def _link(tmp_path: Path, text: str) -> SgipLinkSettings:
    path = tmp_path / "caiyou.toml"
    path.write_text(text)
    link = load(path).table(SmsSettings).links["unicom"]
    assert isinstance(link, SgipLinkSettings)
    return link


def test_defaults_are_the_texts(tmp_path: Path) -> None:
    link = _link(tmp_path, LINK)
    assert (link.port, link.window, link.answer_s, link.tries) == (8801, 32, 30.0, 3)
    assert link.idle_s < 60  # when SMGs cut
    assert link.charge_number == "0" * 21
    assert (link.account_name, link.listen_at) == ("3010099999", None)
    assert isinstance(link_of("unicom", link, "CN"), SgipLink)


def test_listener(tmp_path: Path) -> None:
    assert _link(tmp_path, LINK + LISTEN).listen_at == ("0.0.0.0", 8801)  # noqa: S104  what an operator may want
    assert _link(tmp_path, LINK + LISTEN.replace("0.0.0.0:", "[::1]:")).listen_at == ("::1", 8801)
    assert _link(tmp_path, LINK + 'account = "both"\n').account_name == "both"


@pytest.mark.parametrize(
    "text, says",
    [
        (LINK + 'listen = "0.0.0.0:8801"\n', "listen needs listen_name"),
        (LINK + LISTEN.replace("smg", "a-name-of-17-octe"), "listen needs listen_name"),
        (LINK + LISTEN.replace("0.0.0.0:8801", "8801"), "expected HOST:PORT"),
        (LINK + LISTEN.replace("8801", "70000"), "expected HOST:PORT"),
        (LINK.replace("3010099999", "30100999990"), "node"),
        (LINK.replace('"caiyou"', '"a-name-of-17-octe"'), "name"),
        (LINK.replace('"99999"', '"999999"'), "corp_id"),
        (LINK + "window = 33\n", "window"),
        (LINK + 'charge_number = "free"\n', "charge_number"),
        (LINK + "node_id = 1\n", "node_id"),
    ],
)
def test_wrong_settings_are_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        _link(tmp_path, text)
