#include <libexif/exif-data.h>

#include <cstring>
#include <memory>
#include <vector>

#include "athanor/vision/image/codec/formats.hpp"

namespace athanor::vision::codec {

int exif_orientation(View exif) {
  static constexpr std::uint8_t kPrefix[] = {'E', 'x', 'i', 'f', 0, 0};
  // The block's own length field has 16 bits in a JPEG; more is no camera's.
  if (exif.size() < 14 || exif.size() > (1u << 20)) return 1;
  std::vector<std::uint8_t> block;
  if (std::memcmp(exif.data(), kPrefix, sizeof kPrefix) != 0)
    block.assign(kPrefix, kPrefix + sizeof kPrefix);
  block.insert(block.end(), exif.begin(), exif.end());

  const auto release = [](ExifData* data) { exif_data_unref(data); };
  const std::unique_ptr<ExifData, decltype(release)> data(
      exif_data_new_from_data(block.data(), static_cast<unsigned>(block.size())), release);
  if (!data) return 1;
  const ExifEntry* entry = exif_content_get_entry(data->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION);
  if (entry == nullptr || entry->format != EXIF_FORMAT_SHORT || entry->components < 1 ||
      entry->size < 2 || entry->data == nullptr)
    return 1;
  const int value = exif_get_short(entry->data, exif_data_get_byte_order(data.get()));
  return value >= 1 && value <= 8 ? value : 1;
}

}  // namespace athanor::vision::codec
