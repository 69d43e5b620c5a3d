from pathlib import Path

import pytest

from caiyou.errors import SettingsError
from caiyou.settings import Settings
from mail2sms.dialog.job import desk_of
from mail2sms.settings import SmsSettings


def settings(text: str) -> SmsSettings:
    return Settings(Path("caiyou.toml"), text).table(SmsSettings)


def test_a_sites_numbers_and_words() -> None:
    mo = settings(
        '[sms.mo]\nnumbers = {"88" = "card", "0088" = "notices"}\nkeywords = {stop = ["别 发"], new = ["ka"]}'
    ).mo
    desk = desk_of(mo)
    assert [desk.handler(to) for to in ("10658188", "106580088", "1065888", "10658")] == [
        *("card", "notices", "card", "notices")
    ]
    assert desk.rules.keywords.command("别发！") == ("stop", "")
    assert desk.rules.keywords.begins_new("KA 1 3") == "1 3"


@pytest.mark.parametrize(
    "text, error",
    [
        ('numbers = {"8878" = "cards"}', "caiyou.toml:2: sms.mo.numbers.8878: Input should be 'card' or 'notices'"),
        ('numbers = {"88x" = "card"}', "caiyou.toml:2: sms.mo.numbers.88x"),
        ('keywords = {stopp = ["x"]}', "Input should be 'stop', 'start', 'help', 'new', 'show' or 'cancel'"),
        ('keywords = {stop = [" "]}', "caiyou.toml:2: sms.mo.keywords.stop.0"),
        ("remind_s = 0", "caiyou.toml:2: sms.mo.remind_s"),
        ("remind = 3", "did you mean remind_s?"),
    ],
)
def test_wrong_settings_are_named(text: str, error: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings(f"[sms.mo]\n{text}")
    assert error in str(caught.value)
