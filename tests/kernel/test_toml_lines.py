from __future__ import annotations

import pytest

from caiyou.toml_lines import line_of

TEXT = '''\
# [site]
top = 1
[site]
hostname = "h" # = [x]
"quoted key" = 1
inline = {a = 1, b = 2}
text = """
[ldap]
base = "not here"
"""
after = 1

[ ldap ]
base . sub = 1
[[sms.routes]]
name = "a"
  [sms.routes.limits]
  day = 1
[[sms.routes]]
name = "b"
  [sms.routes.limits]
  day = 2
[sms.links."a.b"]
port = 1
'''


@pytest.mark.parametrize(
    "keys, line",
    [
        (("top",), 2),
        (("site",), 3),
        (("site", "hostname"), 4),
        (("site", "quoted key"), 5),
        (("site", "inline", "b"), 6),
        (("site", "after"), 11),
        (("site", "missing"), 3),
        (("ldap", "base", "sub"), 14),
        (("sms", "routes", 0, "name"), 16),
        (("sms", "routes", 0, "limits", "day"), 18),
        (("sms", "routes", 1, "name"), 20),
        (("sms", "routes", 1, "limits", "day"), 22),
        (("sms", "routes", 1, "limits", "hour"), 21),
        (("sms", "links", "a.b", "port"), 24),
        (("other",), None),
        ((), None),
    ],
)
def test_where_a_key_stands(keys: tuple[str | int, ...], line: int | None) -> None:
    assert line_of(TEXT, keys) == line
