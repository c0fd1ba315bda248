// Lists of any bytes: decoded, parsed and understood, or refused with an athanor error.
#include "athanor/data/csv.hpp"

#include <cstddef>
#include <cstdint>

#include "athanor/base/error.hpp"
#include "athanor/data/label_list.hpp"
#include "athanor/data/names.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view raw(reinterpret_cast<const char*>(data), size);
  try {
    const std::string text = athanor::data::decode_text(raw);
    ATH_ASSERT(athanor::data::is_utf8(text));
    const auto table = athanor::data::parse_table(text, "fuzz");
    const auto list = athanor::data::read_label_list(
        table, "fuzz", "", [](std::string_view cell) { return cell.ends_with('x'); });
    for (const auto& row : list.rows) ATH_ASSERT(!row.path.empty());
  } catch (const athanor::InternalError&) {
    throw;
  } catch (const athanor::Error&) {
    // The refusal is the right answer to hostile bytes.
  }
  return 0;
}
