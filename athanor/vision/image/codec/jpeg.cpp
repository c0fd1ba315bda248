#include <turbojpeg.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>

#include "athanor/base/error.hpp"
#include "athanor/vision/image/codec/formats.hpp"

namespace athanor::vision::codec {

namespace {

struct DestroyHandle {
  void operator()(void* handle) const { tjDestroy(handle); }
};
using Handle = std::unique_ptr<void, DestroyHandle>;

/// One decoder for each thread. After an error it is thrown away: a failed header leaves
/// libturbojpeg 2.1 in the middle of the old file, and the next one would be refused.
class Decoder {
 public:
  Decoder() {
    if (!handle()) handle().reset(tjInitDecompress());
    if (!handle()) throw OutOfMemoryError("JPEG: no memory for a decoder");
  }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder() {
    if (!clean_) handle().reset();
  }
  tjhandle get() const { return handle().get(); }
  void finished() { clean_ = true; }

 private:
  static Handle& handle() {
    thread_local Handle handle;
    return handle;
  }
  bool clean_ = false;
};

tjhandle compressor() {
  thread_local const Handle handle(tjInitCompress());
  if (!handle) throw OutOfMemoryError("JPEG: no memory for an encoder");
  return handle.get();
}

struct Header {
  int width = 0;
  int height = 0;
  int components = 0;
  int orientation = 1;
  bool adobe = false;
  std::size_t scan = 0;  // where the first scan begins
};

bool is_frame(int marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

/// The segments up to the first scan. Our own walk, because libturbojpeg tells neither EXIF nor
/// whether Adobe's marker is there.
Header read_header(View bytes) {
  Header header;
  std::size_t at = 2;
  while (true) {
    while (at < bytes.size() && bytes[at] != 0xFF) ++at;
    while (at < bytes.size() && bytes[at] == 0xFF) ++at;
    if (at >= bytes.size())
      throw FormatError("JPEG: truncated: the header ends before the picture");
    const int marker = bytes[at++];
    if (marker == 0 || marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8)) continue;
    if (marker == 0xD9) throw FormatError("JPEG: the file ends without a picture");
    if (bytes.size() - at < 2) throw FormatError("JPEG: truncated in the header");
    const std::size_t length = big16(bytes.data() + at);
    if (length < 2) raise<FormatError>("JPEG: a segment of length {} in the header", length);
    if (bytes.size() - at < length)
      raise<FormatError>("JPEG: truncated: a header segment has {} bytes, {} are left", length,
                         bytes.size() - at);
    const View segment = bytes.subspan(at + 2, length - 2);
    at += length;
    if (is_frame(marker)) {
      if (header.components != 0) throw FormatError("JPEG: two frame headers");
      if (segment.size() < 6) throw FormatError("JPEG: a frame header that is too short");
      if (segment[0] != 8)
        raise<FormatError>("JPEG: {} bits per sample; athanor reads 8", segment[0]);
      header.height = static_cast<int>(big16(segment.data() + 1));
      header.width = static_cast<int>(big16(segment.data() + 3));
      header.components = segment[5];
    } else if (marker == 0xE1 && header.orientation == 1 && segment.size() > 6 &&
               std::memcmp(segment.data(), "Exif\0\0", 6) == 0) {
      header.orientation = exif_orientation(segment);
    } else if (marker == 0xEE && segment.size() >= 12 &&
               std::memcmp(segment.data(), "Adobe", 5) == 0) {
      header.adobe = true;
    } else if (marker == 0xDA) {
      header.scan = at;
      break;
    }
  }
  if (header.components == 0) throw FormatError("JPEG: a scan without a frame header");
  if (header.width == 0 || header.height == 0)
    raise<FormatError>("JPEG: the header says {}x{} pixels", header.width, header.height);
  if (header.components != 1 && header.components != 3 && header.components != 4)
    raise<FormatError>("JPEG: {} colour components; 1, 3 or 4 can be read", header.components);
  return header;
}

/// 8, 4, 2 or 1 eighths. Only these have SIMD transforms in libjpeg-turbo 2.1: 500x375, quality 90,
/// one core of a Sapphire Rapids Xeon: 1.04 ms at 8/8, 1.51 at 7/8, 1.26 at 6/8, 1.15 at 5/8, 0.87
/// at 4/8, so the factors between would be slower than the whole picture (bench/jpeg_load.cpp).
int eighths_for(const Header& header, int target_min_side) {
  if (target_min_side <= 0) return 8;
  const int shorter = std::min(header.width, header.height);
  for (const int eighths : {1, 2, 4})
    if (static_cast<std::int64_t>(shorter) * eighths >= std::int64_t{target_min_side} * 8)
      return eighths;
  return 8;
}

/// Throws FormatError unless the warning leaves the picture whole.
void judge_warning(View bytes, const Header& header, std::string_view message) {
  // libjpeg keeps only its first warning. Bytes between segments harm nothing by themselves, but
  // then a missing end must be found here.
  const bool harmless = message.find("extraneous bytes") != std::string_view::npos ||
                        message.find("Adobe color transform") != std::string_view::npos ||
                        message.find("JFIF revision") != std::string_view::npos;
  static constexpr std::uint8_t kEnd[] = {0xFF, 0xD9};
  const auto scans = bytes.subspan(header.scan);
  const bool ended =
      std::search(scans.begin(), scans.end(), std::begin(kEnd), std::end(kEnd)) != scans.end();
  if (harmless && ended) return;
  if (!ended || message.find("remature end") != std::string_view::npos)
    raise<FormatError>("JPEG: truncated or damaged: {}", message);
  raise<FormatError>("JPEG: damaged: {}", message);
}

/// Throws FormatError unless a decoding call gave the whole picture.
void demand_whole(tjhandle handle, View bytes, const Header& header, int failed) {
  if (!failed) return;
  if (tjGetErrorCode(handle) != TJERR_WARNING)
    raise<FormatError>("JPEG: {}", tjGetErrorStr2(handle));
  judge_warning(bytes, header, tjGetErrorStr2(handle));
}

struct Found {
  int subsampling = -1, colorspace = -1;
};

/// What the library finds in the header. It must see the size that was checked against the limit.
Found open(const Decoder& decoder, View bytes, const Header& header) {
  Found found;
  int width = -1, height = -1;
  tjDecompressHeader3(decoder.get(), bytes.data(), bytes.size(), &width, &height,
                      &found.subsampling, &found.colorspace);
  if (width != header.width || height != header.height)
    raise<FormatError>("JPEG: damaged header: {}", tjGetErrorStr2(decoder.get()));
  return found;
}

std::uint8_t multiply(int a, int b) {
  const int t = a * b + 128;
  return static_cast<std::uint8_t>(((t >> 8) + t) >> 8);
}

/// Ink to light without a colour profile. Adobe's programs store 255 minus the ink.
Image from_cmyk(const Image& cmyk, bool inverted) {
  Image out(cmyk.width, cmyk.height, 3);
  const int flip = inverted ? 0 : 255;
  const std::size_t count = out.pixels.size() / 3;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint8_t* p = cmyk.pixels.data() + 4 * i;
    for (int c = 0; c < 3; ++c) out.pixels[3 * i + c] = multiply(p[c] ^ flip, p[3] ^ flip);
  }
  return out;
}

}  // namespace

ImageInfo read_jpeg_info(View bytes) {
  const Header header = read_header(bytes);
  return {ImageFormat::jpeg, header.width, header.height, header.components == 1 ? 1 : 3,
          header.orientation};
}

bool decode_jpeg_planes(View bytes, const DecodeOptions& options, Planes* planes) {
  const Header header = read_header(bytes);
  if (header.components != 3) return false;
  Decoder decoder;
  const Found found = open(decoder, bytes, header);
  decoder.finished();
  if (found.colorspace != TJCS_YCbCr || found.subsampling < 0 || found.subsampling >= TJ_NUMSAMP)
    return false;
  const int eighths = eighths_for(header, options.target_min_side);
  // A smaller luma would halve the chroma too, below what the caller asked for; libjpeg itself
  // scales each by what it needs.
  if (eighths != 8 && found.subsampling != TJSAMP_444) return false;
  planes->width = (header.width * eighths + 7) / 8;
  planes->height = (header.height * eighths + 7) / 8;
  planes->across = tjMCUWidth[found.subsampling] / 8;
  planes->down = tjMCUHeight[found.subsampling] / 8;
  unsigned char* to[3];
  for (int i = 0; i < 3; ++i) {
    const int width = tjPlaneWidth(i, planes->width, found.subsampling);
    const int height = tjPlaneHeight(i, planes->height, found.subsampling);
    if (width < planes->plane_width(i) || height < planes->plane_height(i)) return false;
    planes->strides[i] = width;
    planes->pixels[i].resize(static_cast<std::size_t>(width) * height);
    to[i] = planes->pixels[i].data();
  }
  Decoder again;
  demand_whole(again.get(), bytes, header,
               tjDecompressToYUVPlanes(again.get(), bytes.data(), bytes.size(), to, planes->width,
                                       planes->strides, planes->height, TJFLAG_LIMITSCANS));
  again.finished();
  return true;
}

Image decode_jpeg(View bytes, const ImageInfo&, const DecodeOptions& options) {
  const Header header = read_header(bytes);
  Decoder decoder;
  open(decoder, bytes, header);
  int format = TJPF_CMYK, channels = 4;
  if (header.components == 1 || (header.components == 3 && options.color == Color::gray))
    format = TJPF_GRAY, channels = 1;
  else if (header.components == 3)
    format = TJPF_RGB, channels = 3;
  const int eighths = eighths_for(header, options.target_min_side);
  Image image((header.width * eighths + 7) / 8, (header.height * eighths + 7) / 8, channels);
  demand_whole(
      decoder.get(), bytes, header,
      tjDecompress2(decoder.get(), bytes.data(), bytes.size(), image.pixels.data(), image.width,
                    static_cast<int>(image.row_bytes()), image.height, format, TJFLAG_LIMITSCANS));
  decoder.finished();
  return format == TJPF_CMYK ? from_cmyk(image, header.adobe) : image;
}

}  // namespace athanor::vision::codec

namespace athanor::vision {

Bytes encode_jpeg(const Image& image, int quality) {
  check(image, "encode_jpeg");
  require(quality >= 1 && quality <= 100, "encode_jpeg: quality must be from 1 to 100, got {}",
          quality);
  require(image.width <= 65535 && image.height <= 65535,
          "encode_jpeg: a JPEG has at most 65535x65535 pixels, got {}x{}", image.width,
          image.height);
  if (image.channels == 4) return encode_jpeg(to_rgb(image), quality);
  const bool gray = image.channels == 1;
  const int subsampling = gray ? TJSAMP_GRAY : quality >= 90 ? TJSAMP_444 : TJSAMP_420;
  unsigned char* data = nullptr;
  unsigned long size = 0;
  const int failed =
      tjCompress2(codec::compressor(), image.pixels.data(), image.width, 0, image.height,
                  gray ? TJPF_GRAY : TJPF_RGB, &data, &size, subsampling, quality, 0);
  const std::unique_ptr<unsigned char, decltype(&tjFree)> owner(data, &tjFree);
  if (failed) raise<Error>("encode_jpeg: {}", tjGetErrorStr2(codec::compressor()));
  return Bytes(data, data + size);
}

}  // namespace athanor::vision
