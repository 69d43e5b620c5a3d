"""Settings of routes and of what leads to them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from caiyou.address import domain_to_unicode
from caiyou.errors import InputError
from caiyou.settings import Table

NAME = r"^[a-z0-9][a-z0-9_.-]{0,63}$"

Prefix = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,14}$")]
Class = Literal["alarm", "code", "notification", "bulk"]

# Mainland numbers by carrier, without 86: the MIIT's allocations, as libphonenumber's carrier data and the carriers'
# own pages have them (a test compares with the former). Numbers that moved to another carrier: ``ported``.
MAINLAND = {
    "mobile": (
        "1340 1341 1342 1343 1344 1345 1346 1347 1348 135 136 137 138 139 147 148 150 151 152 157 158 159 165 "
        "1703 1705 1706 172 178 182 183 184 187 188 195 197 198"
    ),
    "unicom": "130 131 132 145 146 155 156 166 167 1704 1707 1708 1709 171 175 176 185 186 196",
    "telecom": "133 1349 149 153 162 1700 1701 1702 173 1740 177 180 181 189 190 191 193 199",
    "broadnet": "1610 192",
}


def mainland() -> dict[str, list[str]]:
    """Carrier to its E.164 prefixes."""
    return {carrier: [f"86{prefix}" for prefix in prefixes.split()] for carrier, prefixes in MAINLAND.items()}


class RouteTable(Table):
    """A way into the phone network. May be written as the list of its links alone."""

    links: list[str] = Field(min_length=1, description="in order of preference; those of one account share the load")
    then: str = Field("", description="the route whose links are tried when all of these are down")
    price_fen: int = Field(0, ge=0, le=100_000, description="of one part, in fen; counted against the spending caps")

    @model_validator(mode="after")
    def _no_link_twice(self) -> RouteTable:
        if len(set(self.links)) != len(self.links):
            raise ValueError("names a link twice")
        return self


def _from_list(value: Any) -> Any:
    return {"links": value} if isinstance(value, list) else value


Route = Annotated[RouteTable, BeforeValidator(_from_list)]


class ChoiceTable(Table):
    """Which messages take a route. Every condition that is given must hold; the first choice that does decides."""

    route: str
    carrier: str = Field("", description="the number is that carrier's: a name in sms.carriers")
    prefixes: list[Prefix] = Field([], description="or begins with one of these (E.164 without +)")
    domains: list[str] = Field([], description="one of these pays")
    classes: list[Class] = Field([], description="it is of one of these classes")

    @model_validator(mode="after")
    def _domains_are_domains(self) -> ChoiceTable:
        for domain in self.domains:
            try:
                unicode = domain_to_unicode(domain)
            except InputError as error:
                raise ValueError(f"domain {domain}: {error}") from None
            if unicode != domain:
                raise ValueError(f"domain {domain}: write it {unicode}")
        return self
