#pragma once

// One pair of functions for each format; codec.cpp chooses by the first bytes. read_*_info() reads
// the header, decode_*() the pixels of a header that was checked against the limits. Neither
// applies the orientation.

#include <cstdint>
#include <span>
#include <vector>

#include "athanor/vision/image/codec.hpp"

namespace athanor::vision::codec {

using View = std::span<const std::uint8_t>;

ImageInfo read_jpeg_info(View bytes);
Image decode_jpeg(View bytes, const ImageInfo& info, const DecodeOptions& options);

/// A YCbCr picture as its file holds it: chroma at its own, mostly smaller, size.
struct Planes {
  int width = 0, height = 0;   // of the picture
  int across = 1, down = 1;    // luma pixels for each chroma pixel
  int strides[3] = {0, 0, 0};  // bytes from row to row
  std::vector<std::uint8_t> pixels[3];
  int plane_width(int plane) const { return plane == 0 ? width : (width + across - 1) / across; }
  int plane_height(int plane) const { return plane == 0 ? height : (height + down - 1) / down; }
};

/// False when the file is no YCbCr picture with a usual chroma size; decode_jpeg() reads those.
bool decode_jpeg_planes(View bytes, const DecodeOptions& options, Planes* planes);

/// read_*_info() of whatever format it is. Throws FormatError beyond options.max_pixels.
ImageInfo read_checked_info(View bytes, const DecodeOptions& options);

ImageInfo read_png_info(View bytes);
Image decode_png(View bytes, const ImageInfo& info, const DecodeOptions& options);

ImageInfo read_bmp_info(View bytes);
Image decode_bmp(View bytes, const ImageInfo& info, const DecodeOptions& options);

ImageInfo read_webp_info(View bytes);
Image decode_webp(View bytes, const ImageInfo& info, const DecodeOptions& options);

ImageInfo read_tiff_info(View bytes);
Image decode_tiff(View bytes, const ImageInfo& info, const DecodeOptions& options);

/// The orientation that an EXIF block states, 1 when it states none. `exif` starts with the TIFF
/// header, or with "Exif\0\0" before it.
int exif_orientation(View exif);

/// An 8-bit value for a 16-bit one, rounded: 65535 becomes 255.
inline std::uint8_t round_to_8_bits(std::uint32_t value) {
  return static_cast<std::uint8_t>((value * 255 + 32767) / 65535);
}

inline std::uint32_t big16(const std::uint8_t* p) {
  return (static_cast<std::uint32_t>(p[0]) << 8) | p[1];
}
inline std::uint32_t little16(const std::uint8_t* p) {
  return (static_cast<std::uint32_t>(p[1]) << 8) | p[0];
}
inline std::uint32_t little32(const std::uint8_t* p) {
  return (little16(p + 2) << 16) | little16(p);
}

}  // namespace athanor::vision::codec
