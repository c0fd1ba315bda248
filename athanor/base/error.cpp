#include "athanor/base/error.hpp"

#include <cerrno>
#include <new>

namespace athanor {

namespace {

std::string one_line(const Refusal& r) {
  std::string line = r.what.en;
  if (!r.where.empty()) line += " (" + r.where + ")";
  if (!r.why.en.empty()) line += ": " + r.why.en;
  if (!r.fix.en.empty()) line += ". Fix: " + r.fix.en;
  return line;
}

Refusal simple(const char* code, Exit exit, const char* en, const char* zh, const char* why,
               const char* fix_en, const char* fix_zh) {
  return {code, exit, {en, zh}, "", {why, why}, {fix_en, fix_zh}};
}

}  // namespace

RefusalError::RefusalError(Refusal refusal)
    : Error(one_line(refusal)), refusal_(std::move(refusal)) {}

std::string describe(const Refusal& refusal, Language language) {
  const bool zh = language == Language::zh;
  std::string out = (zh ? "错误：" : "Error: ") + in(language, refusal.what) + "\n";
  if (!refusal.where.empty()) out += (zh ? "  位置：" : "  Where: ") + refusal.where + "\n";
  if (const auto& why = in(language, refusal.why); !why.empty())
    out += (zh ? "  原因：" : "  Why:   ") + why + "\n";
  if (const auto& fix = in(language, refusal.fix); !fix.empty())
    out += (zh ? "  处理：" : "  Fix:   ") + fix + "\n";
  return out;
}

Refusal as_refusal(const std::exception& error) {
  if (const auto* e = dynamic_cast<const RefusalError*>(&error)) return e->refusal();
  if (const auto* e = dynamic_cast<const IoError*>(&error)) {
    if (e->code() == ENOSPC || e->code() == EDQUOT)
      return simple("disk-full", Exit::file, "The disk is full", "磁盘已满", e->what(),
                    "free some space or choose another folder, then run the same command again",
                    "释放空间或换一个目录，然后重新执行同一命令");
    return simple("io", Exit::file, "A file or device could not be used", "无法读写文件或设备",
                  e->what(), "check that the path exists and that you may read and write it",
                  "检查路径是否存在、是否有读写权限");
  }
  if (dynamic_cast<const OutOfMemoryError*>(&error) || dynamic_cast<const std::bad_alloc*>(&error))
    return simple("out-of-memory", Exit::memory, "Not enough memory", "内存不足", error.what(),
                  "close other programs, or use a smaller batch or smaller pictures",
                  "关闭其他程序，或减小批大小、图片尺寸");
  if (dynamic_cast<const FormatError*>(&error))
    return simple("bad-format", Exit::data, "A file is damaged or not of its format",
                  "文件已损坏或格式不符", error.what(), "replace the file by an intact copy",
                  "换成完好的文件");
  if (dynamic_cast<const CancelledError*>(&error))
    return simple("interrupted", Exit::interrupted, "Stopped on request", "已按要求停止",
                  error.what(), "", "");
  if (dynamic_cast<const InternalError*>(&error) || !dynamic_cast<const Error*>(&error))
    return simple("internal", Exit::internal, "athanor made a mistake of its own",
                  "athanor 内部错误", error.what(), "please report this text", "请反馈以上内容");
  return simple("bad-value", Exit::usage, "An argument does not fit", "参数不合适", error.what(),
                "correct it and run the command again", "改正后重新执行");
}

}  // namespace athanor
