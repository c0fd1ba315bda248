#include "athanor/data/dataset.hpp"

#include <array>

#include "athanor/data/names.hpp"

namespace athanor::data {

const char* to_string(Part part) {
  switch (part) {
    case Part::train: return "train";
    case Part::val: return "val";
    case Part::test: return "test";
    case Part::unassigned: break;
  }
  return "unassigned";
}

Part part_of(std::string_view name) {
  struct Word {
    std::string_view text;
    Part part;
  };
  static constexpr std::array<Word, 13> kWords = {{{"train", Part::train},
                                                   {"training", Part::train},
                                                   {"val", Part::val},
                                                   {"valid", Part::val},
                                                   {"validation", Part::val},
                                                   {"dev", Part::val},
                                                   {"test", Part::test},
                                                   {"testing", Part::test},
                                                   {"训练", Part::train},
                                                   {"训练集", Part::train},
                                                   {"验证集", Part::val},
                                                   {"测试", Part::test},
                                                   {"测试集", Part::test}}};
  const std::string lower = lower_ascii(name);
  for (const Word& word : kWords)
    if (lower == word.text) return word.part;
  return Part::unassigned;
}

Picture ImageDataset::read(const Item& item) const {
  if (item.source < 0) return read_file(item.file, std::uint64_t{1} << 30);
  const IdxArray& array = *arrays.at(static_cast<std::size_t>(item.source));
  require<IndexError>(item.slice >= 0 && item.slice < array.count(),
                      "{}: picture {} of an IDX file of {}", item.name, item.slice, array.count());
  RawPicture picture;
  picture.height = static_cast<int>(array.dims[1]);
  picture.width = static_cast<int>(array.dims[2]);
  picture.channels = array.dims.size() > 3 ? static_cast<int>(array.dims[3]) : 1;
  const auto begin = array.values.begin() + item.slice * array.stride();
  picture.pixels.assign(begin, begin + array.stride());
  return picture;
}

}  // namespace athanor::data
