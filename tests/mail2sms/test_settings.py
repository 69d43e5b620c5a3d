from __future__ import annotations

from pathlib import Path

import pytest

from caiyou.errors import SettingsError
from caiyou.settings import load
from mail2sms.settings import SmsSettings
from mail2sms.settings.cmpp import CmppLinkSettings

LINK = """
[sms.links.mobile]
type = "cmpp"
host = "127.0.0.1"
sp_id = "901234"
src_id = "10658000"
secret_file = "/nowhere"
"""

ROUTE = """
[sms.routes.default]
links = ["mobile"]"""


def _sms(tmp_path: Path, text: str) -> SmsSettings:
    path = tmp_path / "caiyou.toml"
    path.write_text(text)
    return load(path).table(SmsSettings)


def test_nothing_is_needed(tmp_path: Path) -> None:
    assert _sms(tmp_path, "").routes == {}


def test_a_link_and_its_defaults(tmp_path: Path) -> None:
    sms = _sms(tmp_path, f'[sms.routes]\ndefault = ["mobile"]\n{LINK}')
    link = sms.links["mobile"]
    assert isinstance(link, CmppLinkSettings)
    assert (link.port, link.version, link.window, link.account_name) == (7890, "3.0", 16, "901234")


@pytest.mark.parametrize(
    "text, says",
    [
        (
            f'[sms.routes]\ndefault = ["mobil"]\n{LINK}',
            "2: sms.routes.default: mobil is not in sms.links (known: mobile)",
        ),
        (f"[sms.routes]\ndefault = []\n{LINK}", "2: sms.routes.default.links: "),
        (f'[sms.routes]\ndefault = ["mobile", "mobile"]\n{LINK}', "2: sms.routes.default: names a link twice"),
        (f'[sms.routes]\nother = ["mobile"]\n{LINK}', "sms.default_route: default is not in sms.routes (known: other)"),
        (f'{ROUTE}\nthen = "b"\n{LINK}', "4: sms.routes.default.then: b is not in sms.routes (known: default)"),
        (f'{ROUTE}\nthen = "default"\n{LINK}', "4: sms.routes.default.then: leads in a circle: default → default"),
        (f"{ROUTE}\nprice_fen = -1\n{LINK}", "4: sms.routes.default.price_fen: "),
        (f'{ROUTE}\n[[sms.choices]]\nroute = "x"\n{LINK}', "5: sms.choices.0.route: x is not in sms.routes"),
        (
            f'{ROUTE}\n[[sms.choices]]\nroute = "default"\ncarrier = "x"\n{LINK}',
            "6: sms.choices.0.carrier: x is not in",
        ),
        (f'{ROUTE}\n[[sms.choices]]\nroute = "default"\nclasses = ["x"]\n{LINK}', "6: sms.choices.0.classes.0: "),
        (f'{ROUTE}\n[[sms.choices]]\nroute = "default"\ndomains = ["EX.test"]\n{LINK}', "write it ex.test"),
        (f'{ROUTE}\n[sms.carriers]\nx = ["+86138"]\n{LINK}', "5: sms.carriers.x.0: "),
        (LINK.replace("links.mobile", 'links."Mobile 1"'), "sms.links.Mobile 1"),
        (f"[sms]\nwindows = 3\n{LINK}", "sms.windows: unknown setting"),
        (LINK + "windw = 3\n", "sms.links.mobile.windw: unknown setting; did you mean window?"),
        (LINK + 'version = "1.2"\n', "sms.links.mobile.version"),
        (LINK + "window = 0\n", "sms.links.mobile.window"),
        (LINK.replace("10658000", "+8610658000"), "sms.links.mobile.src_id: expected 1-21 digits (given: '+86"),
        (LINK.replace("901234", "9012345"), "sms.links.mobile.sp_id: expected 1-6 ASCII characters, no blanks"),
        (LINK + 'service_id = "01234567890"\n', "service_id: expected at most 10 ASCII characters, no blanks"),
        (LINK + 'fee_type = "1"\n', "fee_type: expected 2 digits"),
        (LINK.replace("127.0.0.1", ""), "4: sms.links.mobile.host: "),
        (f'[sms]\nmetrics_listen = "127.0.0.1:99999"\n{LINK}', "2: sms.metrics_listen: expected HOST:PORT, like"),
        (f'[sms]\ncallback_listen = "127.0.0.1"\n{LINK}', "2: sms.callback_listen: expected HOST:PORT, like"),
        (f'[sms.mo.keywords]\nstopp = ["x"]\n{LINK}', "2: sms.mo.keywords.stopp: Input should be 'stop'"),
        (LINK.replace('"cmpp"', '"cmp"'), "3: sms.links.mobile.type: did you mean cmpp? known: cmpp,"),
        (LINK.replace('type = "cmpp"\n', ""), "sms.links.mobile.type: must be set"),
        (LINK.replace('host = "127.0.0.1"\n', ""), "sms.links.mobile.host"),
    ],
)
def test_wrong_settings_name_the_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SettingsError) as error:
        _sms(tmp_path, text)
    assert says in str(error.value)
    assert "{'" not in str(error.value)  # no table is spelt out
