#include "athanor/vision/image/codec.hpp"

#include <algorithm>
#include <cstring>

#include "athanor/base/error.hpp"
#include "athanor/vision/image/codec/formats.hpp"
#include "athanor/vision/image/geometry.hpp"

namespace athanor::vision {

namespace {

using codec::View;
using namespace std::string_view_literals;

bool starts_with(View bytes, std::string_view magic, std::size_t offset = 0) {
  return bytes.size() >= offset + magic.size() &&
         std::memcmp(bytes.data() + offset, magic.data(), magic.size()) == 0;
}

bool is_bmp(View bytes) {
  // "BM" alone begins many a text; the DIB header's size does not.
  if (!starts_with(bytes, "BM"sv) || bytes.size() < 18) return false;
  const std::uint32_t header = codec::little32(bytes.data() + 14);
  return header == 12 || header == 40 || header == 52 || header == 56 || header == 64 ||
         header == 108 || header == 124;
}

ImageFormat detect(View bytes) {
  if (starts_with(bytes, "\xFF\xD8\xFF"sv)) return ImageFormat::jpeg;
  if (starts_with(bytes, "\x89PNG\r\n\x1A\n"sv)) return ImageFormat::png;
  if (starts_with(bytes, "RIFF"sv) && starts_with(bytes, "WEBP"sv, 8)) return ImageFormat::webp;
  if (starts_with(bytes, "II*\0"sv) || starts_with(bytes, "MM\0*"sv) ||
      starts_with(bytes, "II+\0"sv) || starts_with(bytes, "MM\0+"sv))
    return ImageFormat::tiff;
  if (is_bmp(bytes)) return ImageFormat::bmp;
  raise<FormatError>("not a picture that athanor reads (JPEG, PNG, BMP, WebP, TIFF): it is {}",
                     describe_bytes(bytes));
}

ImageInfo read_info(View bytes) {
  switch (detect(bytes)) {
    case ImageFormat::jpeg: return codec::read_jpeg_info(bytes);
    case ImageFormat::png: return codec::read_png_info(bytes);
    case ImageFormat::bmp: return codec::read_bmp_info(bytes);
    case ImageFormat::webp: return codec::read_webp_info(bytes);
    case ImageFormat::tiff: return codec::read_tiff_info(bytes);
  }
  ATH_ASSERT(false);
  return {};
}

Image decode_as(View bytes, const ImageInfo& info, const DecodeOptions& options) {
  switch (info.format) {
    case ImageFormat::jpeg: return codec::decode_jpeg(bytes, info, options);
    case ImageFormat::png: return codec::decode_png(bytes, info, options);
    case ImageFormat::bmp: return codec::decode_bmp(bytes, info, options);
    case ImageFormat::webp: return codec::decode_webp(bytes, info, options);
    case ImageFormat::tiff: return codec::decode_tiff(bytes, info, options);
  }
  ATH_ASSERT(false);
  return {};
}

bool looks_like_text(View head) {
  int printable = 0;
  for (const std::uint8_t c : head) {
    if (c == 0 || c == 127 || (c < 32 && c != '\n' && c != '\r' && c != '\t')) return false;
    if (c < 127) ++printable;
  }
  return printable * 2 >= static_cast<int>(head.size());
}

}  // namespace

std::string_view name_of(ImageFormat format) {
  constexpr std::string_view kNames[] = {"JPEG", "PNG", "BMP", "WebP", "TIFF"};
  return kNames[static_cast<int>(format)];
}

std::string describe_bytes(View bytes) {
  struct Known {
    std::size_t offset;
    std::string_view magic;
    const char* name;
  };
  static constexpr Known kKnown[] = {
      {0, "GIF8"sv, "a GIF picture; save it as PNG"},
      {0, "%PDF"sv, "a PDF document; export its pages as pictures"},
      {0, "PK\3\4"sv, "a ZIP archive"},
      {0, "\x1F\x8B"sv, "gzip data"},
      {0,
       "\xFD"
       "7zXZ"sv,
       "xz data"},
      {0, "8BPS"sv, "a Photoshop document; export it as PNG"},
      {4, "ftypheic"sv, "a HEIC photo; save it as JPEG"},
      {4, "ftypmif1"sv, "a HEIF photo; save it as JPEG"},
      {4, "ftypavif"sv, "an AVIF picture; save it as PNG"},
      {4, "ftyp"sv, "an MP4 or QuickTime film"},
      {0, "RIFF"sv, "a RIFF file (WAV or AVI)"},
      {0, "\0\0\0\x0CjP  "sv, "a JPEG 2000 picture; save it as PNG"},
      {0,
       "\x7F"
       "ELF"sv,
       "a program"},
  };
  if (bytes.empty()) return "empty (0 bytes)";
  for (const Known& known : kKnown)
    if (starts_with(bytes, known.magic, known.offset)) return known.name;
  const View head = bytes.first(std::min<std::size_t>(bytes.size(), 256));
  if (std::all_of(head.begin(), head.end(), [](std::uint8_t c) { return c == 0; }))
    return fmt::format("zeros only ({} bytes)", bytes.size());
  if (looks_like_text(head)) {
    std::string shown;
    for (const std::uint8_t c : head.first(std::min<std::size_t>(head.size(), 24)))
      shown += c >= 32 && c < 127 && c != '"' ? static_cast<char>(c) : ' ';
    return fmt::format("text that begins with \"{}\"", shown);
  }
  std::string hex;
  for (const std::uint8_t c : head.first(std::min<std::size_t>(head.size(), 8)))
    hex += fmt::format("{}{:02X}", hex.empty() ? "" : " ", c);
  return fmt::format("unknown data that begins with the bytes {}", hex);
}

ImageInfo probe(View bytes) { return read_info(bytes); }

ImageInfo codec::read_checked_info(View bytes, const DecodeOptions& options) {
  require(options.max_pixels >= 1, "decode: max_pixels must be at least 1, got {}",
          options.max_pixels);
  require(options.target_min_side >= 0, "decode: target_min_side must not be negative, got {}",
          options.target_min_side);
  const ImageInfo info = read_info(bytes);
  const std::int64_t count = std::int64_t{info.width} * info.height;
  if (count > options.max_pixels)
    raise<FormatError>("{}: the header says {}x{} = {} pixels, the limit is {}",
                       name_of(info.format), info.width, info.height, count, options.max_pixels);
  return info;
}

Image decode(View bytes, const DecodeOptions& options) {
  const ImageInfo info = codec::read_checked_info(bytes, options);
  Image image = decode_as(bytes, info, options);
  if (options.color == Color::rgb && image.channels != 3) image = to_rgb(image);
  if (options.color == Color::gray && image.channels != 1) image = to_gray(image);
  if (options.apply_exif_orientation && info.orientation != 1)
    image = apply_orientation(image, info.orientation);
  return image;
}

}  // namespace athanor::vision
