#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace athanor::data {

/// Whether every byte belongs to well-formed UTF-8 (no overlong forms, no surrogates).
bool is_utf8(std::string_view bytes);

/// A file name as UTF-8. A component that is not UTF-8 is read as GBK when its high bytes form
/// pairs of GB2312 (what Chinese Windows writes into zips), else as CP437 (the zip format's own
/// default). The decision is made per component, so one folder always gets one name.
std::string decode_name(std::string_view raw);

/// Whether a name is not UTF-8 and its high bytes are GBK.
bool is_gbk_name(std::string_view raw);

/// A text file's content as UTF-8: a byte order mark is dropped, UTF-16 with its mark is converted,
/// what is not UTF-8 is read as GB18030, else as CP1252.
std::string decode_text(std::string_view raw);

std::string lower_ascii(std::string_view text);

/// The suffix in lower case with its dot, of a path with '/' or '\\'; empty if there is none.
std::string suffix_of(std::string_view path);

/// Whether the suffix is one of a picture file: .jpg .jpeg .jpe .jfif .png .bmp .webp .tif .tiff
/// .gif, in any case.
bool has_picture_suffix(std::string_view path);

/// What operating systems leave behind: names that begin with a dot, __MACOSX, Thumbs.db,
/// desktop.ini, @eaDir.
bool is_clutter(std::string_view component);

/// Class names in the order of their indices: by value when all are numbers, else bytewise.
void sort_classes(std::vector<std::string>& classes);

/// The whole text as a finite number.
bool parse_number(std::string_view text, double& value);

std::vector<std::string> split_path(std::string_view path);

}  // namespace athanor::data
