"""Pictures to files: PNG, WebP or JPEG, each in the way that takes little time and little room."""

OPTIONS = {"png": {"compress_level": 1}, "webp": {"lossless": True}, "jpg": {"quality": 92}}
NOISE = {"compress_level": 0}  # which would shrink by a quarter at most, and in seven times the time


def save(image, path, file_format):
    """Write a Pillow image to `path` as png, webp or jpg; return its (width, height) in pixels.

    A PNG of a plot (RGB) gets 256 colours: half the time and half the size of all colours.
    """
    options = OPTIONS[file_format]
    if file_format == "png" and image.mode == "L":
        image, options = image.convert("P"), NOISE  # Pillow takes no filter of lines for a palette
    elif file_format == "png" and image.mode == "RGB":
        image = _in_few_colours(image)
    elif file_format != "png" and image.mode == "P":
        image = image.convert("RGBA")
    image.save(path, format={"jpg": "JPEG"}.get(file_format, file_format.upper()), **options)
    return image.size


def _in_few_colours(image):
    from PIL import Image

    few = image.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    few.putpalette([255 if part == 254 else part for part in few.getpalette()])  # else white is not quite white
    return few
