#include <climits>
#include <cstdlib>
#include <memory>

#include "athanor/base/error.hpp"
#include "athanor/vision/image/codec/formats.hpp"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_BMP
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STBI_NO_THREAD_LOCALS
#define STBI_MAX_DIMENSIONS (1 << 20)
#include <stb/stb_image.h>
#pragma GCC diagnostic pop

namespace athanor::vision::codec {

namespace {

struct Header {
  std::int64_t width = 0, height = 0;
  std::uint32_t offset = 0;  // of the pixels
  std::uint32_t bits = 0;
  bool gray = false, alpha = false;
};

/// Everything that stb_image takes on trust is checked here: it reads zeros behind the end.
Header read_header(View bytes) {
  Header header;
  if (bytes.size() < 26) throw FormatError("BMP: truncated in the header");
  const std::uint8_t* p = bytes.data();
  header.offset = little32(p + 10);
  const std::uint32_t dib = little32(p + 14);
  std::uint32_t compression = 0, palette_entry = 4, used = 0;
  if (dib == 12) {
    header.width = little16(p + 18);
    header.height = little16(p + 20);
    header.bits = little16(p + 24);
    palette_entry = 3;
  } else {
    if (bytes.size() < 14 + std::uint64_t{dib}) throw FormatError("BMP: truncated in the header");
    header.width = static_cast<std::int32_t>(little32(p + 18));
    header.height = static_cast<std::int32_t>(little32(p + 22));
    header.bits = little16(p + 28);
    compression = little32(p + 30);
    used = little32(p + 46);
  }
  if (header.height < 0) header.height = -header.height;
  if (header.width < 1 || header.height < 1 || header.width > kMaxSide || header.height > kMaxSide)
    raise<FormatError>("BMP: the header says {}x{} pixels; sides from 1 to {} can be read",
                       header.width, header.height, kMaxSide);
  if (compression != 0 && !(compression == 3 && (header.bits == 16 || header.bits == 32)))
    raise<FormatError>("BMP: compression {} cannot be read; save it as PNG", compression);
  const bool indexed = header.bits == 1 || header.bits == 4 || header.bits == 8;
  if (!indexed && header.bits != 16 && header.bits != 24 && header.bits != 32)
    raise<FormatError>("BMP: {} bits per pixel; 1, 4, 8, 16, 24 or 32 can be read", header.bits);

  const std::uint64_t palette_at =
      14 + std::uint64_t{dib} + (compression == 3 && dib == 40 ? 12 : 0);
  if (header.offset < palette_at || header.offset > bytes.size())
    raise<FormatError>("BMP: the pixels would begin at byte {} of {}", header.offset, bytes.size());
  const std::uint64_t row = (static_cast<std::uint64_t>(header.width) * header.bits + 31) / 32 * 4;
  const std::uint64_t need = row * static_cast<std::uint64_t>(header.height);
  if (bytes.size() - header.offset < need)
    raise<FormatError>("BMP: truncated: {}x{} pixels need {} bytes, {} are there", header.width,
                       header.height, need, bytes.size() - header.offset);
  if (indexed) {
    const std::uint64_t entries = (header.offset - palette_at) / palette_entry;
    if (entries == 0 || entries > 256 || used > 256)
      raise<FormatError>("BMP: a palette of {} colours", entries);
    header.gray = true;
    for (std::uint64_t i = 0; i < entries && header.gray; ++i) {
      const std::uint8_t* color = p + palette_at + i * palette_entry;
      header.gray = color[0] == color[1] && color[1] == color[2];
    }
  }
  return header;
}

}  // namespace

ImageInfo read_bmp_info(View bytes) {
  const Header header = read_header(bytes);
  return {ImageFormat::bmp, static_cast<int>(header.width), static_cast<int>(header.height),
          header.gray ? 1 : 3, 1};
}

Image decode_bmp(View bytes, const ImageInfo& info, const DecodeOptions&) {
  if (bytes.size() > INT_MAX) throw FormatError("BMP: a file of more than 2 GiB");
  int width = 0, height = 0, channels = 0;
  const std::unique_ptr<stbi_uc, decltype(&std::free)> data(
      stbi_load_from_memory(bytes.data(), static_cast<int>(bytes.size()), &width, &height,
                            &channels, 3),
      &std::free);
  if (!data) raise<FormatError>("BMP: {}", stbi_failure_reason());
  if (width != info.width || height != info.height)
    throw FormatError("BMP: a size that is not the header's");
  Image image(width, height, info.channels);
  const std::size_t count = static_cast<std::size_t>(width) * height;
  if (image.channels == 3)
    image.pixels.assign(data.get(), data.get() + 3 * count);
  else
    for (std::size_t i = 0; i < count; ++i) image.pixels[i] = data.get()[3 * i];
  return image;
}

}  // namespace athanor::vision::codec
