#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "athanor/base/file.hpp"
#include "athanor/vision/image/image.hpp"

namespace athanor::vision {

enum class ImageFormat { jpeg, png, bmp, webp, tiff };

std::string_view name_of(ImageFormat format);

/// What a picture's header says.
struct ImageInfo {
  ImageFormat format = ImageFormat::jpeg;
  int width = 0;        ///< as stored, before `orientation` is applied
  int height = 0;       ///< as stored
  int channels = 3;     ///< 1, 3 or 4: what decode() with Color::as_is gives
  int orientation = 1;  ///< EXIF orientation 1..8; 5 to 8 exchange width and height
};

enum class Color {
  as_is,  ///< grey stays one channel, alpha is kept
  rgb,    ///< three channels, alpha laid over white
  gray    ///< one channel
};

struct DecodeOptions {
  /// Width times height of the largest picture that is taken; a larger one is refused before any
  /// memory is taken for it.
  std::int64_t max_pixels = 50'000'000;
  /// Not 0: a JPEG may come at 1/2, 1/4 or 1/8 of its size as long as its shorter side keeps at
  /// least this many pixels. Other formats ignore it.
  int target_min_side = 0;
  bool apply_exif_orientation = true;
  Color color = Color::as_is;
};

/// Reads the header only. The format is found by the first bytes, never by a file name. Throws
/// FormatError when the bytes are none of the five formats (with what they look like), or damaged.
ImageInfo probe(std::span<const std::uint8_t> bytes);

/// The whole picture; of a TIFF the first page, of an animated WebP the first frame. 16-bit samples
/// are rounded to 8. Throws FormatError for bytes that are no picture, damaged, truncated or beyond
/// max_pixels: never a part of a picture. May be called from many threads.
Image decode(std::span<const std::uint8_t> bytes, const DecodeOptions& options = {});

/// quality: 1..100; 4:2:0 chroma below 90, 4:4:4 from 90 on. Alpha is laid over white.
Bytes encode_jpeg(const Image& image, int quality = 90);
/// Lossless, 8 bits, with as many channels as the picture has.
Bytes encode_png(const Image& image);

/// "a text that begins with "hello"", "a PDF document": what unknown bytes seem to be.
std::string describe_bytes(std::span<const std::uint8_t> bytes);

}  // namespace athanor::vision
