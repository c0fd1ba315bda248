#include <webp/decode.h>
#include <webp/demux.h>

#include <cstring>
#include <memory>

#include "athanor/base/error.hpp"
#include "athanor/vision/image/codec/formats.hpp"

namespace athanor::vision::codec {

namespace {

const char* name_of_status(VP8StatusCode status) {
  switch (status) {
    case VP8_STATUS_NOT_ENOUGH_DATA: return "truncated";
    case VP8_STATUS_OUT_OF_MEMORY: return "out of memory";
    case VP8_STATUS_UNSUPPORTED_FEATURE: return "a feature that cannot be read";
    default: return "damaged";
  }
}

WebPBitstreamFeatures read_features(View bytes) {
  WebPBitstreamFeatures features;
  const VP8StatusCode status = WebPGetFeatures(bytes.data(), bytes.size(), &features);
  if (status != VP8_STATUS_OK) raise<FormatError>("WebP: {} in the header", name_of_status(status));
  if (features.width < 1 || features.height < 1)
    raise<FormatError>("WebP: the header says {}x{} pixels", features.width, features.height);
  return features;
}

/// The EXIF chunk of the container, or nothing.
View find_exif(View bytes) {
  std::size_t at = 12;
  while (bytes.size() - at >= 8) {
    const std::uint64_t size = little32(bytes.data() + at + 4);
    if (size > bytes.size() - at - 8) break;
    if (std::memcmp(bytes.data() + at, "EXIF", 4) == 0) return bytes.subspan(at + 8, size);
    const std::uint64_t next = 8 + size + (size & 1);
    if (next > bytes.size() - at) break;
    at += next;
  }
  return {};
}

Image decode_first_frame(View bytes, const ImageInfo& info) {
  WebPAnimDecoderOptions options;
  if (!WebPAnimDecoderOptionsInit(&options))
    throw InternalError("WebP: library of another version");
  options.color_mode = MODE_RGBA;
  options.use_threads = 0;
  const WebPData data{bytes.data(), bytes.size()};
  const std::unique_ptr<WebPAnimDecoder, decltype(&WebPAnimDecoderDelete)> decoder(
      WebPAnimDecoderNew(&data, &options), &WebPAnimDecoderDelete);
  WebPAnimInfo animation;
  std::uint8_t* frame = nullptr;
  int time = 0;
  if (!decoder || !WebPAnimDecoderGetInfo(decoder.get(), &animation) ||
      static_cast<int>(animation.canvas_width) != info.width ||
      static_cast<int>(animation.canvas_height) != info.height ||
      !WebPAnimDecoderGetNext(decoder.get(), &frame, &time))
    throw FormatError("WebP: a damaged or truncated animation");
  Image image(info.width, info.height, 4);
  std::memcpy(image.pixels.data(), frame, image.pixels.size());
  return image;
}

}  // namespace

ImageInfo read_webp_info(View bytes) {
  const WebPBitstreamFeatures features = read_features(bytes);
  return {ImageFormat::webp, features.width, features.height,
          features.has_alpha || features.has_animation ? 4 : 3, exif_orientation(find_exif(bytes))};
}

Image decode_webp(View bytes, const ImageInfo& info, const DecodeOptions&) {
  if (read_features(bytes).has_animation) return decode_first_frame(bytes, info);
  WebPDecoderConfig config;
  if (!WebPInitDecoderConfig(&config)) throw InternalError("WebP: library of another version");
  Image image(info.width, info.height, info.channels);
  config.output.colorspace = info.channels == 4 ? MODE_RGBA : MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = image.pixels.data();
  config.output.u.RGBA.stride = static_cast<int>(image.row_bytes());
  config.output.u.RGBA.size = image.pixels.size();
  const VP8StatusCode status = WebPDecode(bytes.data(), bytes.size(), &config);
  const bool same_size = config.output.width == info.width && config.output.height == info.height;
  WebPFreeDecBuffer(&config.output);
  if (status != VP8_STATUS_OK) raise<FormatError>("WebP: {}", name_of_status(status));
  if (!same_size) throw FormatError("WebP: a size that is not the header's");
  return image;
}

}  // namespace athanor::vision::codec
