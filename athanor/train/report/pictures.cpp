#include <set>

#include "athanor/train/report/html_text.hpp"
#include "athanor/train/report/page.hpp"

namespace athanor::train::report {

using nlohmann::json;

namespace {

constexpr std::size_t kLargestPicture = 96 << 10;  // bytes; a thumbnail has about 5,000
constexpr std::size_t kAllPictures = 16 << 20;     // bytes of all together

class Chooser {
 public:
  Chooser(const json& report, const Thumbnail& thumbnail, std::size_t limit)
      : items_(report.at("items")), thumbnail_(thumbnail), limit_(limit) {}

  /// False when no more are wanted.
  bool take(const json& item) {
    const auto index = item.get<std::size_t>();
    if (chosen_.size() >= limit_ || bytes_ >= kAllPictures) return false;
    if (!asked_.insert(index).second) return true;
    // Pictures that cannot be shown must not make the page read the whole data set.
    if (asked_.size() > 2 * limit_) return false;
    Bytes picture;
    try {
      picture = thumbnail_(items_.at(index).at("name").get<std::string>());
    } catch (const json::exception&) {
      throw;
    } catch (const std::exception&) {
      return true;  // moved or damaged since: shown by its name
    }
    if (picture.size() > kLargestPicture) return true;
    std::string uri = data_uri(picture);
    if (uri.empty()) return true;
    bytes_ += uri.size();
    chosen_.emplace(index, std::move(uri));
    return true;
  }

  std::map<std::size_t, std::string> result() { return std::move(chosen_); }

 private:
  const json& items_;
  const Thumbnail& thumbnail_;
  std::size_t limit_, bytes_ = 0;
  std::set<std::size_t> asked_;
  std::map<std::size_t, std::string> chosen_;
};

}  // namespace

std::map<std::size_t, std::string> choose_pictures(const json& report, const Thumbnail& thumbnail,
                                                   std::size_t limit) {
  if (!thumbnail || limit == 0) return {};
  Chooser chooser(report, thumbnail, limit);
  for (const json& m : report.at("mistakes"))
    if (!chooser.take(m.at("item"))) return chooser.result();
  for (const json& action : report.at("next_actions"))
    for (const json& item : action.at("items"))
      if (!chooser.take(item)) return chooser.result();
  // One of every cell, then a second one of every cell, ...
  std::vector<const json*> lists;
  for (const json& cell : report.at("confusion"))
    lists.push_back(&cell.at(cell.contains("items") ? "items" : "found"));
  for (std::size_t round = 0;; ++round) {
    bool any = false;
    for (const json* list : lists)
      if (round < list->size()) {
        any = true;
        if (!chooser.take((*list)[round])) return chooser.result();
      }
    if (!any) return chooser.result();
  }
}

}  // namespace athanor::train::report
