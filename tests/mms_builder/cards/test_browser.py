"""The preview in a real browser: it plays, it is seen, nothing complains, nothing hostile runs, nothing is fetched."""

import asyncio
import base64
import io
from datetime import datetime
from pathlib import Path

import pytest
from PIL import Image

from mms_builder.cards import CardSlide, add_slide, change_slide, new_card, render
from mms_builder.draw.fonts import Faces
from mms_builder.gallery import Gallery
from mms_builder.handset import Picture, Profile
from mms_builder.preview import preview
from mms_builder.slides import Media, Show, Slide
from tests.mms_builder.cards.conftest import Browser, Tab
from tests.mms_builder.cards.test_preview import HOSTILE, phone, picture, wav

PHONE = Profile(
    name="nokia 7650",
    width=176,
    height=208,
    max_octets=30_000,
    pictures=(Picture.PNG,),
    colours=4096,
    animated=True,
)


def written(folder: Path, html: str) -> Path:
    path = folder / "preview.html"
    path.write_text(html, encoding="utf-8")
    return path


async def shot(tab: Tab) -> Image.Image:
    data = await tab.call("Page.captureScreenshot", format="png")
    return Image.open(io.BytesIO(base64.b64decode(data["data"]))).convert("RGB")


def show_of(gallery: Gallery, faces: Faces, now: datetime) -> Show:
    pattern = gallery.get("birthday")
    card = new_card(pattern, id="a", now=now, fields={"to": "小雨 🎂", "from": "Lin"})
    card = change_slide(card, 0, CardSlide(drawn=0, duration_s=1.2, sound=wav(0.3)), now)
    card = change_slide(card, 1, CardSlide(drawn=1, duration_s=1.2), now)
    card = add_slide(card, CardSlide(text="第三页：只有文字", duration_s=1.2), now)
    return render(card, 176, 208, gallery, faces)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_it_plays(lang: str, gallery: Gallery, faces: Faces, now: datetime, browser: Browser, tmp_path: Path) -> None:
    page = preview(show_of(gallery, faces, now), PHONE, "zh" if lang == "zh" else "en")

    async def watch() -> None:
        async with browser.open(written(tmp_path, page.html)) as tab:
            assert await tab.value("document.body.dataset.slide") == "1"
            begin = await tab.value("performance.now()")
            first = await shot(tab)
            assert len(first.getcolors(1 << 20) or ()) > 100
            box = await tab.value("JSON.parse(JSON.stringify(document.querySelector('.view').getBoundingClientRect()))")
            assert (box["width"], box["height"]) == (352, 416)  # twice the screen, in whole pixels
            seen = first.crop((box["x"], box["y"], box["x"] + 352, box["y"] + 416))
            drawn = show_of(gallery, faces, now).slides[0].picture
            assert drawn
            expected = Image.open(io.BytesIO(drawn.content)).convert("RGB").resize((352, 416), Image.Resampling.NEAREST)
            for x in range(20, 352, 60):
                for y in range(20, 416, 60):
                    told, meant = seen.getpixel((x, y)), expected.getpixel((x, y))
                    assert isinstance(told, tuple)
                    assert isinstance(meant, tuple)
                    assert all(abs(a - b) <= 17 for a, b in zip(told, meant, strict=True))
            await tab.until("document.body.dataset.slide === '2'")
            await tab.until("document.body.dataset.slide === '3'")
            took_s = (await tab.value("performance.now()") - begin) / 1000
            assert 1.2 < took_s < 4.5
            await tab.until("document.querySelector('#play').dataset.does === 'again'")
            visible = "[...document.querySelectorAll('.slide')].filter(s => s.offsetHeight > 0)"
            assert await tab.value(f"{visible}.map(s => s.textContent).join()") == "第三页：只有文字"
            # again, and by hand
            await tab.value("document.querySelector('#play').click()")
            assert await tab.value("document.body.dataset.slide") == "1"
            await tab.value("document.querySelector('#play').click()")
            assert await tab.value("document.querySelector('#play').dataset.does") == "play"
            await tab.value("document.querySelector('#next').click()")
            assert await tab.value("document.body.dataset.slide") == "2"
            await tab.value("document.querySelector('#back').click()")
            await asyncio.sleep(1.4)
            assert await tab.value("document.body.dataset.slide") == "1", "it stands while it is stopped"
            assert tab.complaints == []
            assert all(address.startswith(("file:", "data:")) for address in tab.asked)

    asyncio.run(watch())


def test_sound_is_heard_when_asked(
    gallery: Gallery, faces: Faces, now: datetime, browser: Browser, tmp_path: Path
) -> None:
    page = preview(show_of(gallery, faces, now), PHONE)

    async def listen() -> None:
        async with browser.open(written(tmp_path, page.html)) as tab:
            await tab.value("document.querySelector('#play').click()")
            await tab.until("document.querySelector('audio').readyState > 0")
            assert abs(await tab.value("document.querySelector('audio').duration") - 0.3) < 0.05
            assert await tab.value("document.querySelector('audio').paused")
            # a real click: browsers play no sound without one
            await tab.value(
                "window.heard = new Promise(done => document.querySelector('audio').addEventListener('ended', done)); 1"
            )
            box = await tab.value(
                "(document.querySelector('.hear').scrollIntoView(),"
                "JSON.parse(JSON.stringify(document.querySelector('.hear').getBoundingClientRect())))"
            )
            at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
            for kind in ("mousePressed", "mouseReleased"):
                await tab.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **at)
            await tab.value("Promise.race([window.heard, new Promise((_, no) => setTimeout(no, 8000))]).then(() => 1)")
            assert tab.complaints == []

    asyncio.run(listen())


def test_nothing_hostile_runs(browser: Browser, tmp_path: Path) -> None:
    text = "".join(HOSTILE)
    slides = tuple(
        Slide(text=bad, picture=Media(media_type="image/png", content=b"x", name=bad), sound=wav()) for bad in HOSTILE
    )
    page = preview(Show(subject=text, slides=(*slides, Slide(picture=picture()))), phone())

    async def attack() -> None:
        async with browser.open(written(tmp_path, page.html)) as tab:
            assert await tab.value("document.querySelectorAll('script').length") == 2
            assert await tab.value("document.querySelectorAll('img').length") == 1
            assert await tab.value("document.querySelectorAll('.slide').length") == len(HOSTILE) + 1
            shown = await tab.value("document.querySelector('h1').textContent")
            assert shown.startswith("</script><script>alert(1)</script>")
            assert await tab.value("document.title.includes('{{data}}')")
            assert tab.complaints == []
            # what an attacker would try if he got an element in
            await tab.value("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.bad=1\">')")
            await asyncio.sleep(0.3)
            assert await tab.value("window.bad") is None
            assert any("Content Security Policy" in said for said in tab.complaints)

    asyncio.run(attack())


def test_small_window_and_no_script(
    browser: Browser, tmp_path: Path, gallery: Gallery, faces: Faces, now: datetime
) -> None:
    page = preview(show_of(gallery, faces, now), PHONE)

    async def look() -> None:
        async with browser.open(written(tmp_path, page.html), width=220, height=400) as tab:
            assert await tab.value("document.documentElement.scrollWidth <= innerWidth")
            await tab.call("Emulation.setScriptExecutionDisabled", value=True)
            await tab.call("Page.reload")
            await asyncio.sleep(0.5)
            image = await shot(tab)
            assert len(image.getcolors(1 << 20) or ()) > 100, "without script the slides stand one below the other"

    asyncio.run(look())
