#!/usr/bin/python3
"""Pictures of every kind, and what Pillow, OpenCV and NumPy say their pixels are.

make_images.py FOLDER writes the files and FOLDER/index.json:
  decode:  file, color (as_is, rgb, gray), the expected pixels, the tolerance in levels
  resize:  source, size, box, method, the expected pixels
  change:  source, operation and its parameters, the expected pixels
  refused: files that must be refused, with a text that the message must hold
Pixels are raw bytes in HWC order: {"raw": name, "shape": [h, w, c]}.
"""
import colorsys
import io
import json
import struct
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageEnhance, ImageOps

out = Path(sys.argv[1])
index = {"decode": [], "resize": [], "change": [], "refused": []}
rng = np.random.default_rng(5)
counter = 0


def raw(pixels):
    global counter
    a = np.ascontiguousarray(np.asarray(pixels, dtype=np.uint8))
    if a.ndim == 2:
        a = a[:, :, None]
    counter += 1
    name = f"{counter}.raw"
    (out / name).write_bytes(a.tobytes())
    return {"raw": name, "shape": list(a.shape)}


def decode_case(file, pixels, tolerance=0, color="as_is"):
    index["decode"].append({"file": file, "color": color, "tolerance": tolerance, "expect": raw(pixels)})


def photo(width, height, channels=3):
    low = (rng.random((5, 7, channels)) * 255).astype(np.float32)
    x = cv2.resize(low, (width, height), interpolation=cv2.INTER_CUBIC).reshape(height, width, channels)
    return np.clip(x + rng.normal(0, 5, x.shape), 0, 255).astype(np.uint8)


def over_white(rgba):
    a = rgba[:, :, 3:].astype(np.float64) / 255
    return np.floor(rgba[:, :, :3] * a + 255 * (1 - a) + 0.5).astype(np.uint8)


rgb = photo(97, 61)
gray = rgb[:, :, 1].copy()
alpha = photo(97, 61, 4)
alpha[:5, :, 3] = 0
alpha[5:10, :, 3] = 255
gray16 = (np.arange(61 * 97, dtype=np.uint32).reshape(61, 97) * 11 % 65536).astype(np.uint16)
rgb16 = rng.integers(0, 65536, (61, 97, 3), dtype=np.uint16)


def to8(x):
    return np.floor(x.astype(np.float64) * 255 / 65535 + 0.5).astype(np.uint8)


P = Image.fromarray(rgb)
L = Image.fromarray(gray)
A = Image.fromarray(alpha)


# JPEG
def jpeg(name, picture, tolerance=2, **options):
    picture.save(out / name, "JPEG", **options)
    read = Image.open(out / name)
    keep = read if read.mode in ("L", "RGB") else read.convert("RGB")
    decode_case(name, keep, tolerance)
    decode_case(name, read.convert("RGB"), tolerance, "rgb")
    light = Image.open(out / name)
    light.draft("L", light.size)  # the luminance that the file holds, where it holds one
    decode_case(name, light.convert("L"), 2, "gray")


jpeg("plain.jpg", P, quality=90, subsampling=0)
jpeg("chroma420.JPG", P, quality=80, subsampling=2)
jpeg("chroma422.jpeg", P, quality=80, subsampling=1)
jpeg("progressive.jpg", P, quality=85, progressive=True)
jpeg("restart.jpg", P, quality=85, optimize=True)
jpeg("gray.jpg", L, quality=90)
jpeg("cmyk.jpg", P.convert("CMYK"), quality=95)
cv2.imwrite(str(out / "named-wrong.png.jpg"), rgb[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
decode_case("named-wrong.png.jpg", Image.open(out / "named-wrong.png.jpg"), 2)
P.save(out / "png-in-disguise.jpg", "PNG")
decode_case("png-in-disguise.jpg", rgb)


def with_orientation(value):
    exif = Image.Exif()
    exif[0x0112] = value
    return exif.tobytes()


for o in range(1, 9):
    for name, kind, tolerance, options in (
        (f"exif{o}.jpg", "JPEG", 2, {"quality": 92}),
        (f"exif{o}.png", "PNG", 0, {}),
        (f"exif{o}.webp", "WEBP", 0, {"lossless": True}),
    ):
        P.save(out / name, kind, exif=with_orientation(o), **options)
        decode_case(name, ImageOps.exif_transpose(Image.open(out / name)).convert("RGB"), tolerance)


# PNG
def adam7(pixels, name):
    """An interlaced PNG, written by hand: Pillow and OpenCV write none."""
    height, width, channels = pixels.shape
    data = b""
    for x0, y0, dx, dy in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)):
        part = pixels[y0::dy, x0::dx]
        if part.size:
            data += b"".join(b"\0" + row.tobytes() for row in part)
    kind = {1: 0, 3: 2, 4: 6}[channels]
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 1)), (b"IDAT", zlib.compress(data)), (b"IEND", b"")]
    write_png(name, chunks)


def write_png(name, chunks):
    text = b"\x89PNG\r\n\x1a\n"
    for tag, body in chunks:
        text += struct.pack(">I", len(body)) + tag + body + struct.pack(">I", zlib.crc32(tag + body))
    (out / name).write_bytes(text)


P.save(out / "rgb.png")
decode_case("rgb.png", rgb)
decode_case("rgb.png", np.asarray(P.convert("L")), 0, "gray")
L.save(out / "gray.png")
decode_case("gray.png", gray)
decode_case("gray.png", np.repeat(gray[:, :, None], 3, 2), 0, "rgb")
A.save(out / "alpha.png")
decode_case("alpha.png", alpha)
decode_case("alpha.png", over_white(alpha), 1, "rgb")
la = np.dstack([gray, alpha[:, :, 3]])
Image.fromarray(la, "LA").save(out / "gray-alpha.png")
decode_case("gray-alpha.png", np.dstack([gray, gray, gray, alpha[:, :, 3]]))
for bits in (8, 4, 2, 1):
    palette = P.quantize(2**bits)
    palette.save(out / f"palette{bits}.png", bits=bits)
    decode_case(f"palette{bits}.png", palette.convert("RGB"))
palette = P.quantize(16)
palette.save(out / "palette-clear.png", transparency=3)
decode_case("palette-clear.png", Image.open(out / "palette-clear.png").convert("RGBA"))
L.point(lambda v: 255 * (v > 127)).convert("1").save(out / "bilevel.png")
decode_case("bilevel.png", (gray > 127) * 255)
cv2.imwrite(str(out / "gray16.png"), gray16)
decode_case("gray16.png", to8(gray16))
cv2.imwrite(str(out / "rgb16.png"), rgb16[:, :, ::-1])
decode_case("rgb16.png", to8(rgb16))
rgba16 = np.dstack([rgb16, gray16])
cv2.imwrite(str(out / "rgba16.png"), rgba16[:, :, [2, 1, 0, 3]])
decode_case("rgba16.png", to8(rgba16))
adam7(rgb, "interlaced.png")
decode_case("interlaced.png", rgb)
adam7(alpha, "interlaced-alpha.png")
decode_case("interlaced-alpha.png", alpha)
Image.fromarray(rgb[:1, :1]).save(out / "one.png")
decode_case("one.png", rgb[:1, :1])

# BMP
P.save(out / "rgb.bmp")
decode_case("rgb.bmp", rgb)
L.save(out / "gray.bmp")
decode_case("gray.bmp", gray)
P.quantize(200).save(out / "palette.bmp")
decode_case("palette.bmp", P.quantize(200).convert("RGB"))
L.point(lambda v: 255 * (v > 127)).convert("1").save(out / "bilevel.bmp")
decode_case("bilevel.bmp", (gray > 127) * 255)
A.convert("RGB").convert("RGBA").save(out / "rgba.bmp")
decode_case("rgba.bmp", A.convert("RGB"))


def write_bmp(name, width, height, bits, body, dib=b""):
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, 0, len(body), 2835, 2835, 0, 0) + dib
    (out / name).write_bytes(b"BM" + struct.pack("<IHHI", 14 + len(header) + len(body), 0, 0, 14 + len(header)) + header + body)


pad3 = [row[:, ::-1].tobytes() + b"\0" * (-3 * 97 % 4) for row in rgb]
write_bmp("top-down.bmp", 97, -61, 24, b"".join(pad3))
decode_case("top-down.bmp", rgb)
five = rgb >> 3
words = (five[:, :, 0].astype(np.uint16) << 10) | (five[:, :, 1].astype(np.uint16) << 5) | five[:, :, 2]
write_bmp("five.bmp", 97, 61, 16, b"".join(row.astype("<u2").tobytes() + b"\0\0" for row in words[::-1]))
decode_case("five.bmp", np.floor(five * 255.0 / 31 + 0.5), 1)

# WebP
P.save(out / "rgb.webp", lossless=True)
decode_case("rgb.webp", rgb)
A.save(out / "alpha.webp", lossless=True, exact=True)
decode_case("alpha.webp", alpha)
decode_case("alpha.webp", over_white(alpha), 1, "rgb")
P.save(out / "lossy.webp", quality=80)
decode_case("lossy.webp", Image.open(out / "lossy.webp").convert("RGB"), 2)
P.save(out / "film.webp", save_all=True, append_images=[P.transpose(Image.FLIP_TOP_BOTTOM)], lossless=True)
decode_case("film.webp", rgb, 0, "rgb")

# TIFF
for compression in (None, "tiff_lzw", "tiff_adobe_deflate", "packbits"):
    P.save(out / f"rgb-{compression}.tif", compression=compression)
    decode_case(f"rgb-{compression}.tif", rgb)
L.save(out / "gray.tif")
decode_case("gray.tif", gray)
A.save(out / "alpha.tif", compression="tiff_lzw")
decode_case("alpha.tif", over_white(alpha), 2, "rgb")
P.quantize(50).save(out / "palette.tiff")
decode_case("palette.tiff", P.quantize(50).convert("RGB"))
L.point(lambda v: 255 * (v > 127)).convert("1").save(out / "fax.tif", compression="group4")
decode_case("fax.tif", (gray > 127) * 255)
cv2.imwrite(str(out / "gray16.tif"), gray16)
decode_case("gray16.tif", to8(gray16))
cv2.imwrite(str(out / "rgb16.tif"), rgb16[:, :, ::-1])
decode_case("rgb16.tif", to8(rgb16))
P.save(out / "pages.tif", save_all=True, append_images=[P.transpose(Image.ROTATE_90)])
decode_case("pages.tif", rgb)
for o in range(1, 9):
    P.save(out / f"exif{o}.tif", tiffinfo={274: o})
    # exif_transpose of Pillow 9 does not see the tag of a TIFF.
    turn = {2: Image.FLIP_LEFT_RIGHT, 3: Image.ROTATE_180, 4: Image.FLIP_TOP_BOTTOM, 5: Image.TRANSPOSE, 6: Image.ROTATE_270, 7: Image.TRANSVERSE, 8: Image.ROTATE_90}
    decode_case(f"exif{o}.tif", P.transpose(turn[o]) if o > 1 else P)

# Resize
big = photo(301, 211)
flat4 = photo(83, 59, 4)
sources = {1: raw(big[:, :, 0]), 3: raw(big), 4: raw(flat4)}
arrays = {1: big[:, :, 0], 3: big, 4: flat4}
for channels, sizes in ((3, ((224, 224), (100, 80), (300, 211), (301, 500), (7, 5), (1, 1), (602, 422), (33, 211), (2, 211))), (1, ((224, 224), (64, 48), (3, 400))), (4, ((40, 30), (120, 118)))):
    for width, height in sizes:
        a = arrays[channels]
        # Pillow would multiply RGBA by alpha before it scales; CMYK is four plain channels.
        picture = Image.fromarray(a, {1: "L", 3: "RGB", 4: "CMYK"}[channels])
        case = {"source": sources[channels], "size": [width, height]}
        h, w = a.shape[:2]
        index["resize"].append({**case, "method": "antialias", "expect": raw(picture.resize((width, height), Image.BILINEAR))})
        index["resize"].append({**case, "method": "bilinear", "expect": raw(cv2.resize(a, (width, height), interpolation=cv2.INTER_LINEAR))})
        index["resize"].append({**case, "method": "nearest", "expect": raw(picture.resize((width, height), Image.NEAREST))})
        box = (0.1 * w, 0.25 * h, 0.85 * w, 0.75 * h)
        index["resize"].append({**case, "method": "antialias", "box": [box[0], box[1], box[2] - box[0], box[3] - box[1]], "expect": raw(picture.resize((width, height), Image.BILINEAR, box=box))})
huge = photo(4001, 60, 1)[:, :, 0]
index["resize"].append({"source": raw(huge), "size": [13, 3], "method": "antialias", "expect": raw(Image.fromarray(huge).resize((13, 3), Image.BILINEAR))})

# Changes
source = raw(rgb)


def change(name, pixels, tolerance, source_=source, **parameters):
    index["change"].append({"name": name, "source": source_, "tolerance": tolerance, "parameters": parameters, "expect": raw(pixels)})


for factor in (0.0, 0.3, 1.0, 1.7):
    change("brightness", ImageEnhance.Brightness(P).enhance(factor), 1, factor=factor)
    change("contrast", ImageEnhance.Contrast(P).enhance(factor), 1, factor=factor)
    change("saturation", ImageEnhance.Color(P).enhance(factor), 1, factor=factor)
    change("sharpness", ImageEnhance.Sharpness(P).enhance(factor), 2, factor=factor)
change("contrast", ImageEnhance.Contrast(L).enhance(0.5), 1, raw(gray), factor=0.5)
for bits in (1, 2, 5, 8):
    change("posterize", ImageOps.posterize(P, bits), 0, bits=bits)
for threshold in (0, 100, 256):
    change("solarize", ImageOps.solarize(P, threshold), 0, threshold=threshold)
dull = Image.fromarray((rgb // 3 + 40).astype(np.uint8))
change("autocontrast", ImageOps.autocontrast(dull), 0, raw(dull))
change("equalize", ImageOps.equalize(dull), 0, raw(dull))
change("equalize", ImageOps.equalize(L), 0, raw(gray))
for turns in (-0.5, -0.2, 0.0, 0.1, 0.37):
    def turn(p):
        h, s, v = colorsys.rgb_to_hsv(*(float(x) / 255 for x in p))
        return [round(255 * x) for x in colorsys.hsv_to_rgb((h + turns) % 1, s, v)]
    change("hue", np.array([[turn(p) for p in row] for row in rgb]), 1, turns=turns)
for matrix in ((1, 0.3, 0, 0, 1, 0), (1, 0, 10.5, 0, 1, -7.25), (0.7, 0.2, 3, -0.4, 1.3, 8), (2, 0, -20, 0, 2, -20)):
    change("affine", P.transform(P.size, Image.AFFINE, matrix, Image.BILINEAR), 1, matrix=matrix)
for degrees in (0, 10, 90, -33.5, 180):
    change("rotate", P.rotate(degrees, Image.BILINEAR), 1, degrees=degrees)
for turns, how in ((1, Image.ROTATE_270), (2, Image.ROTATE_180), (3, Image.ROTATE_90)):
    change("rotate90", P.transpose(how), 0, quarters=turns)
change("flip_horizontal", P.transpose(Image.FLIP_LEFT_RIGHT), 0)
change("flip_vertical", P.transpose(Image.FLIP_TOP_BOTTOM), 0)
change("pad", np.pad(rgb, ((2, 4), (1, 3), (0, 0)), constant_values=9), 0, left=1, top=2, right=3, bottom=4)
change("crop", rgb[5:25, 30:71], 0, x=30, y=5, width=41, height=20)
letter = Image.new("RGB", (64, 64), (114, 114, 114))
letter.paste(P.resize((64, 40), Image.BILINEAR), (0, 12))
change("letterbox", letter, 1, width=64, height=64)
change("center_crop", P.resize((48, 48), Image.BILINEAR, box=(18, 0, 79, 61)), 1, width=48, height=48)


# Files that must be refused
def refused(name, data, text):
    (out / name).write_bytes(data)
    index["refused"].append({"file": name, "text": text})


refused("text.jpg", b"This is no picture, although its name says so.\n", 'text that begins with "This is no picture')
refused("empty.png", b"", "empty")
refused("zeros.png", bytes(5000), "zeros only")
refused("page.jpg", b"%PDF-1.7 ...", "a PDF document")
gif = io.BytesIO()
P.save(gif, "GIF")
refused("film.jpg", gif.getvalue(), "a GIF picture")
limit = "60000x60000 = 3600000000 pixels, the limit is 50000000"
write_png("huge.png", [(b"IHDR", struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(b"\0" * 99)), (b"IEND", b"")])
index["refused"].append({"file": "huge.png", "text": limit})
plain = (out / "plain.jpg").read_bytes()
frame = plain.index(b"\xff\xc0")
refused("huge.jpg", plain[:frame + 5] + struct.pack(">HH", 60000, 60000) + plain[frame + 9:], limit)
write_bmp("huge.bmp", 60000, 60000, 24, b"\0" * 99)
index["refused"].append({"file": "huge.bmp", "text": "truncated"})
vp8x = b"VP8X" + struct.pack("<IB3x", 10, 2) + struct.pack("<I", 59999)[:3] * 2
anim = b"ANIM" + struct.pack("<IIH", 6, 0, 0)
refused("huge.webp", b"RIFF" + struct.pack("<I", 4 + len(vp8x) + len(anim)) + b"WEBP" + vp8x + anim, limit)
tags = [(256, 4, 60000), (257, 4, 60000), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 8), (277, 3, 1), (278, 4, 60000), (279, 4, 99)]
entries = b"".join(struct.pack("<HHII", t, k, 1, v) for t, k, v in tags)
refused("huge.tif", b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4), limit)
write_png("flat.png", [(b"IHDR", struct.pack(">IIBBBBB", 0, 7, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")])
index["refused"].append({"file": "flat.png", "text": "PNG"})
refused("flat.jpg", plain[:frame + 5] + struct.pack(">HH", 0, 97) + plain[frame + 9:], "97x0")
write_bmp("flat.bmp", 0, 5, 24, b"\0" * 99)
index["refused"].append({"file": "flat.bmp", "text": "0x5"})
zero = b"".join(struct.pack("<HHII", t, k, 1, 0 if t == 256 else v) for t, k, v in tags)
refused("flat.tif", b"II*\0" + struct.pack("<IH", 8, len(tags)) + zero + bytes(4), "TIFF")
refused("half.jpg", plain[: len(plain) // 2], "truncated")
refused("no-end.jpg", plain[:-2], "truncated")
progressive = (out / "progressive.jpg").read_bytes()
refused("half-progressive.jpg", progressive[: len(progressive) * 2 // 3], "truncated")
for name in ("rgb.png", "rgb.bmp", "rgb.webp", "lossy.webp", "rgb-tiff_lzw.tif", "interlaced.png"):
    whole = (out / name).read_bytes()
    refused("half-" + name, whole[: len(whole) // 2], {"png": "PNG", "bmp": "BMP", "ebp": "WebP", "tif": "TIFF"}[name[-3:]])

(out / "index.json").write_text(json.dumps(index))
