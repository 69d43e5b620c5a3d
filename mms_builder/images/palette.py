"""Few colours that look like many: adaptive palettes, error diffusion."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image

STEPS = (256, 128, 64, 32, 16)  # of quality; fewer look worse than fewer pixels
_SAMPLE = 256  # pixels a side are enough to choose a palette from
_FIXED = {2: (0, 255), 4: (0, 85, 170, 255)}  # screens of two and four colours are grey


def paletted(image: Image.Image, colours: int) -> Image.Image:
    """Mode P with as many colours at most: exact where the picture has no more, else Floyd-Steinberg. Takes RGB."""
    if colours not in _FIXED and image.getcolors(colours):
        return _bare(image.quantize(colours, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE))
    return applied(image, chosen([image], colours), dither=True)


def chosen(images: Sequence[Image.Image], colours: int) -> Image.Image:
    """A palette for all of the pictures, as an image of mode P."""
    if colours in _FIXED:
        greys = Image.new("P", (1, 1))
        greys.putpalette([value for grey in _FIXED[colours] for value in (grey, grey, grey)])
        return greys
    samples = []
    for image in images:
        sample = image.copy()
        sample.thumbnail((_SAMPLE, _SAMPLE), Image.Resampling.BOX)
        samples.append(sample)
    sheet = Image.new("RGB", (max(s.width for s in samples), sum(s.height for s in samples)), "white")
    top = 0
    for sample in samples:
        sheet.paste(sample, (0, top))
        top += sample.height
    return sheet.quantize(colours, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)


def applied(image: Image.Image, palette: Image.Image, *, dither: bool) -> Image.Image:
    """Mode P with that palette."""
    how = Image.Dither.FLOYDSTEINBERG if dither else Image.Dither.NONE
    return _bare(image.quantize(palette=palette, dither=how))


def _bare(image: Image.Image) -> Image.Image:
    image.info = {}  # nothing of the source may be written with it
    return image
