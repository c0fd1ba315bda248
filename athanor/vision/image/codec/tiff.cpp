#include <tiffio.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include "athanor/base/error.hpp"
#include "athanor/vision/image/codec/formats.hpp"

namespace athanor::vision::codec {

namespace {

/// What libtiff reads from, and where its first complaint goes.
struct Source {
  View bytes;
  std::uint64_t at = 0;
  std::string complaint;
};

tmsize_t read_bytes(thandle_t handle, void* out, tmsize_t size) {
  auto* source = static_cast<Source*>(handle);
  if (size <= 0 || source->at >= source->bytes.size()) return 0;
  const std::uint64_t count =
      std::min<std::uint64_t>(static_cast<std::uint64_t>(size), source->bytes.size() - source->at);
  std::memcpy(out, source->bytes.data() + source->at, count);
  source->at += count;
  return static_cast<tmsize_t>(count);
}

tmsize_t refuse_write(thandle_t, void*, tmsize_t) { return 0; }

toff_t seek(thandle_t handle, toff_t offset, int whence) {
  auto* source = static_cast<Source*>(handle);
  if (whence == SEEK_CUR) offset += source->at;
  if (whence == SEEK_END) offset += source->bytes.size();
  source->at = offset;
  return offset;
}

int close_nothing(thandle_t) { return 0; }
toff_t size_of(thandle_t handle) { return static_cast<Source*>(handle)->bytes.size(); }

int keep_complaint(TIFF*, void* user, const char*, const char* format, va_list arguments) {
  auto* source = static_cast<Source*>(user);
  if (source->complaint.empty()) {
    char text[256];
    std::vsnprintf(text, sizeof text, format, arguments);
    source->complaint = text;
  }
  return 1;
}

int drop_warning(TIFF*, void*, const char*, const char*, va_list) { return 1; }

using Handle = std::unique_ptr<TIFF, decltype(&TIFFClose)>;

[[noreturn]] void fail(const Source& source, const char* otherwise) {
  raise<FormatError>("TIFF: damaged or truncated: {}",
                     source.complaint.empty() ? otherwise : source.complaint);
}

Handle open(Source* source, std::int64_t max_pixels) {
  const std::unique_ptr<TIFFOpenOptions, decltype(&TIFFOpenOptionsFree)> options(
      TIFFOpenOptionsAlloc(), &TIFFOpenOptionsFree);
  if (!options) throw OutOfMemoryError("TIFF: no memory for a decoder");
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), keep_complaint, source);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), drop_warning, source);
  TIFFOpenOptionsSetMaxSingleMemAlloc(
      options.get(), static_cast<tmsize_t>(std::max<std::int64_t>(max_pixels, 1 << 20) * 8));
  // "m" reads instead of mapping: there is no file to map.
  Handle tiff(TIFFClientOpenExt("memory", "rm", source, read_bytes, refuse_write, seek,
                                close_nothing, size_of, nullptr, nullptr, options.get()),
              &TIFFClose);
  if (!tiff) fail(*source, "no directory");
  return tiff;
}

struct Header {
  std::uint32_t width = 0, height = 0;
  std::uint16_t bits = 1, samples = 1, photometric = PHOTOMETRIC_MINISBLACK;
  std::uint16_t planar = PLANARCONFIG_CONTIG, orientation = 1, format = SAMPLEFORMAT_UINT;
  std::uint16_t compression = COMPRESSION_NONE;
  bool alpha = false;
  bool gray() const {
    return photometric == PHOTOMETRIC_MINISBLACK || photometric == PHOTOMETRIC_MINISWHITE;
  }
};

Header read_header(TIFF* tiff, const Source& source) {
  Header header;
  if (!TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &header.width) ||
      !TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &header.height))
    fail(source, "no width or height");
  if (header.width < 1 || header.height < 1 ||
      header.width > static_cast<std::uint32_t>(kMaxSide) ||
      header.height > static_cast<std::uint32_t>(kMaxSide))
    raise<FormatError>("TIFF: the header says {}x{} pixels; sides from 1 to {} can be read",
                       header.width, header.height, kMaxSide);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &header.bits);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &header.samples);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &header.planar);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_ORIENTATION, &header.orientation);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &header.format);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &header.compression);
  if (!TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &header.photometric))
    header.photometric = header.samples >= 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK;
  if (header.orientation < 1 || header.orientation > 8) header.orientation = 1;
  std::uint16_t extra = 0, *kinds = nullptr;
  TIFFGetFieldDefaulted(tiff, TIFFTAG_EXTRASAMPLES, &extra, &kinds);
  header.alpha = (header.gray() || header.photometric == PHOTOMETRIC_RGB) && extra >= 1 &&
                 kinds != nullptr &&
                 (kinds[0] == EXTRASAMPLE_ASSOCALPHA || kinds[0] == EXTRASAMPLE_UNASSALPHA);
  return header;
}

bool reads_16_bits(const Header& header, TIFF* tiff) {
  return header.bits == 16 && header.format == SAMPLEFORMAT_UINT && !TIFFIsTiled(tiff) &&
         header.planar == PLANARCONFIG_CONTIG && !header.alpha &&
         ((header.gray() && header.samples >= 1) ||
          (header.photometric == PHOTOMETRIC_RGB && header.samples >= 3));
}

/// libtiff's own conversion of 16-bit grey keeps the high byte; this one rounds.
Image decode_16_bits(TIFF* tiff, const Source& source, const Header& header) {
  Image image(static_cast<int>(header.width), static_cast<int>(header.height),
              header.gray() ? 1 : 3);
  const std::uint64_t need = std::uint64_t{header.width} * header.samples * 2;
  const tmsize_t line = TIFFScanlineSize(tiff);
  if (line < 0 || static_cast<std::uint64_t>(line) < need || need > (std::uint64_t{1} << 30))
    fail(source, "rows of a wrong length");
  std::vector<std::uint16_t> row(static_cast<std::size_t>(line) / 2 + 1);
  const std::uint32_t invert = header.photometric == PHOTOMETRIC_MINISWHITE ? 65535 : 0;
  for (std::uint32_t y = 0; y < header.height; ++y) {
    if (TIFFReadScanline(tiff, row.data(), y, 0) != 1) fail(source, "missing rows");
    std::uint8_t* out = image.row(static_cast<int>(y));
    for (std::uint32_t x = 0; x < header.width; ++x)
      for (int c = 0; c < image.channels; ++c)
        *out++ = round_to_8_bits(row[std::size_t{x} * header.samples + c] ^ invert);
  }
  return image;
}

Image decode_rgba(TIFF* tiff, const Source& source, const Header& header, int channels) {
  char message[1024] = "";
  TIFFRGBAImage reader;
  if (!TIFFRGBAImageOK(tiff, message) || !TIFFRGBAImageBegin(&reader, tiff, 1, message))
    raise<FormatError>("TIFF: {} bits, {} samples: {}", header.bits, header.samples, message);
  const std::unique_ptr<TIFFRGBAImage, decltype(&TIFFRGBAImageEnd)> owner(&reader,
                                                                          &TIFFRGBAImageEnd);
  // Rows as stored: the orientation is applied by decode().
  reader.req_orientation = reader.orientation;
  const std::size_t count = std::size_t{header.width} * header.height;
  std::vector<std::uint32_t> raster(count);
  if (!TIFFRGBAImageGet(&reader, raster.data(), header.width, header.height) ||
      !source.complaint.empty())
    fail(source, "missing pixels");
  Image image(static_cast<int>(header.width), static_cast<int>(header.height), channels);
  std::uint8_t* out = image.pixels.data();
  for (const std::uint32_t pixel : raster) {
    const std::uint32_t alpha = TIFFGetA(pixel);
    const std::uint32_t color[3] = {TIFFGetR(pixel), TIFFGetG(pixel), TIFFGetB(pixel)};
    if (channels == 4) {
      // libtiff hands out colours multiplied by alpha.
      for (const std::uint32_t c : color)
        *out++ = static_cast<std::uint8_t>(
            alpha == 0 ? 255 : std::min<std::uint32_t>(255, (c * 255 + alpha / 2) / alpha));
      *out++ = static_cast<std::uint8_t>(alpha);
    } else {
      for (int c = 0; c < channels; ++c) *out++ = static_cast<std::uint8_t>(color[c]);
    }
  }
  return image;
}

}  // namespace

ImageInfo read_tiff_info(View bytes) {
  Source source{bytes, 0, {}};
  const Handle tiff = open(&source, DecodeOptions{}.max_pixels);
  const Header header = read_header(tiff.get(), source);
  return {ImageFormat::tiff, static_cast<int>(header.width), static_cast<int>(header.height),
          header.alpha    ? 4
          : header.gray() ? 1
                          : 3,
          header.orientation};
}

Image decode_tiff(View bytes, const ImageInfo& info, const DecodeOptions& options) {
  Source source{bytes, 0, {}};
  const Handle tiff = open(&source, options.max_pixels);
  const Header header = read_header(tiff.get(), source);
  if (reads_16_bits(header, tiff.get())) return decode_16_bits(tiff.get(), source, header);
  return decode_rgba(tiff.get(), source, header, info.channels);
}

}  // namespace athanor::vision::codec
