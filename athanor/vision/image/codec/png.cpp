#include <spng.h>

#include <memory>

#include "athanor/base/error.hpp"
#include "athanor/vision/image/codec/formats.hpp"

namespace athanor::vision::codec {

namespace {

struct FreeContext {
  void operator()(spng_ctx* context) const { spng_ctx_free(context); }
};
using Context = std::unique_ptr<spng_ctx, FreeContext>;

void demand(int code, const char* doing) {
  if (code != 0) raise<FormatError>("PNG: damaged or truncated {}: {}", doing, spng_strerror(code));
}

Context open(View bytes, spng_ihdr* header) {
  Context context(spng_ctx_new(0));
  if (!context) throw OutOfMemoryError("PNG: no memory for a decoder");
  // A colour profile, a text or an EXIF block that is larger is not worth its memory.
  demand(spng_set_chunk_limits(context.get(), std::size_t{16} << 20, std::size_t{64} << 20),
         "limits");
  demand(spng_set_png_buffer(context.get(), bytes.data(), bytes.size()), "file");
  demand(spng_get_ihdr(context.get(), header), "header");
  return context;
}

bool has_transparency(spng_ctx* context) {
  spng_trns unused;
  return spng_get_trns(context, &unused) == 0;
}

bool is_gray(const spng_ihdr& header) {
  return header.color_type == SPNG_COLOR_TYPE_GRAYSCALE ||
         header.color_type == SPNG_COLOR_TYPE_GRAYSCALE_ALPHA;
}

bool has_alpha(spng_ctx* context, const spng_ihdr& header) {
  return header.color_type == SPNG_COLOR_TYPE_GRAYSCALE_ALPHA ||
         header.color_type == SPNG_COLOR_TYPE_TRUECOLOR_ALPHA || has_transparency(context);
}

template <class Sample>
std::vector<Sample> decode_samples(spng_ctx* context, int format, std::size_t count) {
  std::size_t size = 0;
  demand(spng_decoded_image_size(context, format, &size), "header");
  if (size != count * sizeof(Sample)) throw FormatError("PNG: a size that is not the header's");
  std::vector<Sample> samples(count);
  demand(spng_decode_image(context, samples.data(), size, format, SPNG_DECODE_TRNS), "picture");
  return samples;
}

}  // namespace

ImageInfo read_png_info(View bytes) {
  spng_ihdr header{};
  const Context context = open(bytes, &header);
  if (header.width > static_cast<std::uint32_t>(kMaxSide) ||
      header.height > static_cast<std::uint32_t>(kMaxSide))
    raise<FormatError>("PNG: the header says {}x{} pixels, the limit of a side is {}", header.width,
                       header.height, kMaxSide);
  ImageInfo info{ImageFormat::png, static_cast<int>(header.width), static_cast<int>(header.height),
                 3, 1};
  info.channels = has_alpha(context.get(), header) ? 4 : is_gray(header) ? 1 : 3;
  spng_exif exif{};
  if (spng_get_exif(context.get(), &exif) == 0)
    info.orientation =
        exif_orientation({reinterpret_cast<const std::uint8_t*>(exif.data), exif.length});
  return info;
}

Image decode_png(View bytes, const ImageInfo& info, const DecodeOptions&) {
  spng_ihdr header{};
  const Context context = open(bytes, &header);
  Image image;
  image.width = info.width;
  image.height = info.height;
  image.channels = info.channels;
  const std::size_t count = static_cast<std::size_t>(info.width) * info.height;
  if (header.bit_depth < 16) {
    const int format = info.channels == 4   ? SPNG_FMT_RGBA8
                       : info.channels == 1 ? SPNG_FMT_G8
                                            : SPNG_FMT_RGB8;
    image.pixels = decode_samples<std::uint8_t>(context.get(), format, count * info.channels);
    return image;
  }
  // libspng drops the low byte of 16-bit samples; rounding needs both.
  const bool plain_gray = info.channels == 1;
  const auto samples = decode_samples<std::uint16_t>(
      context.get(), plain_gray ? SPNG_FMT_PNG : SPNG_FMT_RGBA16, plain_gray ? count : 4 * count);
  image.pixels.resize(count * info.channels);
  const int step = plain_gray ? 1 : 4;
  std::uint8_t* out = image.pixels.data();
  for (std::size_t i = 0; i < count; ++i)
    for (int c = 0; c < info.channels; ++c) *out++ = round_to_8_bits(samples[i * step + c]);
  return image;
}

}  // namespace athanor::vision::codec

namespace athanor::vision {

Bytes encode_png(const Image& image) {
  check(image, "encode_png");
  const codec::Context context(spng_ctx_new(SPNG_CTX_ENCODER));
  if (!context) throw OutOfMemoryError("PNG: no memory for an encoder");
  const auto demand = [](int code) {
    if (code != 0) raise<Error>("encode_png: {}", spng_strerror(code));
  };
  spng_ihdr header{};
  header.width = static_cast<std::uint32_t>(image.width);
  header.height = static_cast<std::uint32_t>(image.height);
  header.bit_depth = 8;
  header.color_type = image.channels == 1   ? SPNG_COLOR_TYPE_GRAYSCALE
                      : image.channels == 3 ? SPNG_COLOR_TYPE_TRUECOLOR
                                            : SPNG_COLOR_TYPE_TRUECOLOR_ALPHA;
  demand(spng_set_option(context.get(), SPNG_ENCODE_TO_BUFFER, 1));
  demand(spng_set_ihdr(context.get(), &header));
  demand(spng_encode_image(context.get(), image.pixels.data(), image.pixels.size(), SPNG_FMT_PNG,
                           SPNG_ENCODE_FINALIZE));
  std::size_t size = 0;
  int code = 0;
  const std::unique_ptr<void, decltype(&std::free)> data(
      spng_get_png_buffer(context.get(), &size, &code), &std::free);
  demand(code);
  const auto* begin = static_cast<const std::uint8_t*>(data.get());
  return Bytes(begin, begin + size);
}

}  // namespace athanor::vision
