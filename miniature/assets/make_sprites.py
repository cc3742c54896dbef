"""Cut the sprite sheet out of the Noto Color Emoji font: ``python make_sprites.py NotoColorEmoji.ttf``.

The font (SIL Open Font License, OFL.txt) is needed only to remake ``sprites.png``; the sheet is what ships.
"""

import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

GLYPHS = {
    "cat": "🐱", "dog": "🐶", "tiger": "🐯", "lion": "🦁", "fox": "🦊",
    "panda": "🐼", "frog": "🐸", "rabbit": "🐰", "apple": "🍎", "lemon": "🍋",
    "pear": "🍐", "car": "🚗", "bus": "🚌", "house": "🏠", "tree": "🌳",
    "flower": "🌼", "star": "⭐", "heart": "❤", "balloon": "🎈", "ball": "⚽",
}  # fmt: skip
SIDE = 96
COLUMNS = 5


def main(font: str) -> None:
    face = ImageFont.truetype(font, 109)
    rows = -(-len(GLYPHS) // COLUMNS)
    sheet = Image.new("RGBA", (COLUMNS * SIDE, rows * SIDE))
    for i, glyph in enumerate(GLYPHS.values()):
        canvas = Image.new("RGBA", (160, 160))
        ImageDraw.Draw(canvas).text((10, 10), glyph, font=face, embedded_color=True)
        cut = canvas.crop(canvas.getbbox())
        square = Image.new("RGBA", (max(cut.size),) * 2)
        square.paste(cut, ((square.width - cut.width) // 2, (square.height - cut.height) // 2))
        sheet.paste(
            square.resize((SIDE, SIDE), Image.Resampling.LANCZOS), (i % COLUMNS * SIDE, i // COLUMNS * SIDE)
        )
    sheet.save(Path(__file__).with_name("sprites.png"), optimize=True)


if __name__ == "__main__":
    main(sys.argv[1])
