#include "athanor/train/report/texts.hpp"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "athanor/train/report/utf8.hpp"

namespace athanor::train::report {

namespace {

constexpr Entry kEntries[] = {
    // Nouns with a count.
    {"picture/one", "{n} picture", "{n} 张图片"},
    {"picture/many", "{n} pictures", "{n} 张图片"},
    {"test-picture/one", "{n} test picture", "{n} 张测试图片"},
    {"test-picture/many", "{n} test pictures", "{n} 张测试图片"},
    {"mistake/one", "{n} mistake", "{n} 个错误"},
    {"mistake/many", "{n} mistakes", "{n} 个错误"},
    {"class/one", "{n} class", "{n} 个类别"},
    {"class/many", "{n} classes", "{n} 个类别"},

    // The sentence that decides.
    {"sentence.ready", "Ready to try: {measured}.", "可以试用：{measured}。"},
    {"sentence.assist",
     "Ready with a person's help: {measured}. When it is at least {threshold} sure, which is "
     "{answered} of the "
     "pictures, {precision} are right; let a person look at the rest.",
     "可在人工配合下使用：{measured}。当置信度不低于 {threshold} 时（占图片的 "
     "{answered}），正确率为 "
     "{precision}；其余图片请人工查看。"},
    {"sentence.not-ready", "Not ready: {measured}. {obstacle}", "暂不可用：{measured}。{obstacle}"},
    {"sentence.unknown",
     "Not checked: there are no labelled test pictures, so nothing can be said about new pictures. "
     "Keep some pictures for the test.",
     "未经检验：没有带标签的测试图片，无法判断模型在新图片上的表现。请留出一部分图片用于测试。"},
    {"sentence.single", "{value} of new pictures are right (95 % sure: {low} to {high})",
     "新图片的正确率为 {value}（95 % 置信区间：{low} 至 {high}）"},
    {"sentence.multi",
     "{precision} of the labels it gives are right and it finds {recall} of the true ones (every "
     "label right on "
     "{exact} of new pictures)",
     "给出的标签中 {precision} 正确，真实标签中找到 {recall}（{exact} 的新图片所有标签全部正确）"},
    {"sentence.weakest", "; weakest class: {class}, {recall}", "；最弱的类别：{class}，{recall}"},
    {"obstacle.unusable", "The model is broken: its scores are not numbers on {count}.",
     "模型已损坏：在 {count}上输出的得分不是有效数字。"},
    {"obstacle.weak",
     "Only {recall} of {class} are recognised: collect more pictures of this class.",
     "{class} 仅有 {recall} 被识别：请补充该类别的图片。"},
    {"obstacle.untested", "{class} was never tested: collect test pictures of it.",
     "{class} 没有测试图片：请补充该类别的测试图片。"},
    {"obstacle.few",
     "The accuracy looks good, but {count} are too few to be sure: collect more test pictures.",
     "正确率看起来不错，但仅有 {count}，还不足以确定：请补充测试图片。"},
    {"obstacle.low", "Collect more pictures, above all of what it gets wrong.",
     "请补充更多图片，尤其是模型判断错误的那一类图片。"},

    // What to do next.
    {"action.unusable",
     "Train again: on {count} the scores are not numbers, so the training has gone astray. If it "
     "happens again, "
     "start from other weights or another seed.",
     "请重新训练：在 "
     "{count}上得分不是有效数字，说明训练已发散。若再次出现，请更换预训练权重或随机种子。"},
    {"action.no-test",
     "Keep labelled pictures for the test, best a fifth of each class: without them nobody knows "
     "how good the model is.",
     "请留出带标签的图片用于测试，建议每个类别留出五分之一：否则无法得知模型的好坏。"},
    {"action.untested", "Collect test pictures of {class}: this class was never tested.",
     "请补充 {class} 的测试图片：该类别从未被检验。"},
    {"action.untested-many",
     "Collect test pictures of {class} and {others} more: these were never tested.",
     "请补充 {class} 及另外 {others}的测试图片：这些类别从未被检验。"},
    {"action.suspicious",
     "Look at the labels of {count} where the model is at least 95 % sure and yet counts as wrong "
     "({all} in all): there the label is often the mistake. Begin with {item}.",
     "请检查 {count}的标签：模型有 95 % 以上的把握却被判为错误（全部共 "
     "{all}），这类情况往往是标签有误。可从 {item} 开始。"},
    {"action.pair",
     "Add pictures that show the difference between {a} and {b}: {count} of {all} are between "
     "these two "
     "({ab} × {a} taken for {b}, {ba} × the other way).",
     "请补充能体现 {a} 与 {b} 差别的图片：{all}中有 {count} 个发生在这两类之间（{a} 误判为 {b} "
     "{ab} 次，反向 {ba} 次）。"},
    {"action.direction",
     "Add pictures of {a} that look almost like {b}: {count} of {all} are {a} taken for {b}.",
     "请补充与 {b} 相似的 {a} 图片：{all}中有 {count} 个是把 {a} 误判为 {b}。"},
    {"action.few",
     "Collect pictures of {class}: it has only {count} to learn from. Aim for {goal}, that is "
     "{more} more.",
     "请补充 {class} 的图片：目前仅有 {count} 张可供学习。建议达到 {goal} 张，即再补充 {more} "
     "张。"},
    {"action.few-many",
     "Collect pictures of {class}: it has only {count} to learn from. Aim for {goal}, that is "
     "{more} more. "
     "{others} more have few as well (see the table).",
     "请补充 {class} 的图片：目前仅有 {count} 张可供学习。建议达到 {goal} 张，即再补充 {more} "
     "张。另有 {others}的图片也偏少（见类别表）。"},
    {"action.weak",
     "Collect more varied pictures of {classes}. Look at those that were missed and add pictures "
     "like them.",
     "请补充更多样的图片：{classes}。请查看未被识别的图片并补充类似的图片。"},
    {"action.weak-class", "{class} ({missed} of {support} missed)",
     "{class}（{support} 张中漏掉 {missed} 张）"},
    {"list.separator", ", ", "、"},
    {"action.imbalance",
     "Balance the classes: {large} has {most} pictures, {small} only {least}. More of the small "
     "class help most.",
     "请平衡各类别：{large} 有 {most} 张图片，{small} 仅有 {least} 张。补充较少的类别最有效。"},
    {"action.small-test",
     "Test with more pictures: from {count} the accuracy is only known to lie between {low} and "
     "{high}. "
     "About {need} test pictures give an interval 4 points wide.",
     "请增加测试图片：根据 {count} 张测试图片，只能确定正确率在 {low} 至 {high} 之间。约 {need} "
     "张测试图片可将区间缩小到 4 个百分点。"},
    {"action.time", "Train longer: the time budget was used up. Try --budget {minutes}m.",
     "延长训练时间：本次训练用完了时间预算。可尝试 --budget {minutes}m。"},
    {"action.threshold",
     "Use it with the threshold {threshold}: above it {precision} of the answers are right. Send "
     "the other {rest} of the "
     "pictures to a person, and use them for the next training.",
     "使用阈值 {threshold}：高于该阈值时 {precision} 的判断正确。其余 {rest} "
     "的图片交由人工处理，并用于下一次训练。"},
    {"action.overconfident",
     "Do not read the scores as probabilities: they are about {points} points too high. Choose a "
     "threshold with the curve below.",
     "请勿将得分视为概率：得分平均偏高约 {points} 个百分点。请根据下方曲线选择阈值。"},
    {"action.underconfident",
     "Do not read the scores as probabilities: they are about {points} points too low. Choose a "
     "threshold with the curve below.",
     "请勿将得分视为概率：得分平均偏低约 {points} 个百分点。请根据下方曲线选择阈值。"},
    {"action.data", "Data: {what}. {fix}.", "数据问题：{what}。{fix}。"},
    {"action.data-only", "Data: {what}.", "数据问题：{what}。"},
    {"action.deploy",
     "Try it on your own pictures, and keep those it is unsure about for the next training.",
     "用您自己的图片试用，并保留模型不确定的图片用于下一次训练。"},
    {"action.more", "Collect more pictures of every class: nothing else stands out.",
     "请为每个类别补充图片：没有其他明显的问题。"},

    // The page.
    {"page.title", "Report: {title}", "评估报告：{title}"},
    {"page.kind", "Report of a picture classifier", "图像分类模型评估报告"},
    {"page.kind-multi", "Report of a picture classifier with several labels",
     "多标签图像分类模型评估报告"},
    {"page.skip", "Skip to the report", "跳到报告正文"},
    {"page.contents", "Contents", "目录"},
    {"page.noscript",
     "Pictures of the cells, the slider and the filters need JavaScript; everything else is here.",
     "查看单元格图片、拖动阈值和筛选需要启用 JavaScript；其余内容均可正常查看。"},
    {"page.footer", "Made by athanor. This page is one file: it loads nothing and sends nothing.",
     "由 athanor 生成。本页为单个文件，不加载也不发送任何内容。"},

    {"verdict.ready", "Ready to try", "可以试用"},
    {"verdict.assist", "Ready with a person's help", "可在人工配合下使用"},
    {"verdict.not-ready", "Not ready", "暂不可用"},
    {"verdict.unknown", "Not checked", "未经检验"},

    {"card.accuracy", "Accuracy", "正确率"},
    {"card.exact", "All labels right", "标签全部正确"},
    {"card.interval", "95 % sure: {low} to {high}", "95 % 置信区间：{low} 至 {high}"},
    {"card.of", "{correct} of {count} test pictures", "{count} 张测试图片中 {correct} 张正确"},
    {"card.baseline", "Always naming the most frequent class: {value}",
     "始终判为最多的类别时：{value}"},
    {"card.top3", "Among the first three: {value}", "前三名命中：{value}"},
    {"card.precision", "Given labels that are right", "给出标签的精确率"},
    {"card.recall", "True labels that are found", "真实标签的召回率"},
    {"card.weakest", "Weakest class", "最弱的类别"},
    {"card.weakest-note", "{recall} of {count} recognised", "{count}中识别出 {recall}"},
    {"card.threshold", "Recommended threshold", "推荐阈值"},
    {"card.threshold-validation", "best F1 on the validation pictures", "在验证集上 F1 最高"},
    {"card.threshold-test", "best F1 on the test pictures, as there are no others",
     "在测试集上 F1 最高（没有验证集）"},
    {"card.threshold-default", "nothing to choose it by", "没有可供选择的依据"},
    {"card.data", "Pictures", "图片数量"},
    {"card.data-note", "to train; {validation} to validate, {test} to test",
     "张用于训练；验证 {validation} 张，测试 {test} 张"},

    {"next.heading", "What to do next", "下一步建议"},
    {"next.lead", "Most useful first.", "按效果从大到小排列。"},
    {"next.show", "Show the pictures", "查看图片"},

    {"threshold.heading", "How sure must it be?", "需要多大把握？"},
    {"threshold.lead",
     "Below the threshold the model gives no answer and a person looks. Drag the slider to see "
     "what each threshold brings.",
     "低于阈值时模型不作判断，交由人工查看。拖动滑块可查看不同阈值的效果。"},
    {"threshold.lead-multi",
     "A label is given when its score reaches the threshold. Drag the slider to see what each "
     "threshold brings. The other numbers of this page hold for 0.50.",
     "得分达到阈值时给出该标签。拖动滑块可查看不同阈值的效果。本页其余数字均按阈值 0.50 计算。"},
    {"threshold.slider", "Threshold", "阈值"},
    {"threshold.precision", "Precision", "精确率"},
    {"threshold.precision-note", "of its answers are right", "的判断正确"},
    {"threshold.recall", "Recall", "召回率"},
    {"threshold.recall-note", "of all pictures are answered and right", "的图片得到正确判断"},
    {"threshold.recall-note-multi", "of the true labels are found", "的真实标签被找到"},
    {"threshold.answered", "Answered", "作答率"},
    {"threshold.answered-note", "of all pictures get an answer", "的图片得到判断"},
    {"threshold.answered-note-multi", "labels given for each true one",
     "给出标签数与真实标签数之比"},
    {"threshold.counts", "{said} answered: {right} right, {wrong} wrong. {rest} left to a person.",
     "作答 {said} 张：正确 {right} 张，错误 {wrong} 张；{rest} 张交由人工。"},
    {"threshold.counts-multi",
     "{said} labels given: {right} right, {wrong} wrong. {rest} true labels missed.",
     "给出标签 {said} 个：正确 {right} 个，错误 {wrong} 个；漏掉 {rest} 个。"},
    {"threshold.recommended", "Recommended: {value}", "推荐值：{value}"},
    {"threshold.assist", "At least 90 % right, surely: {value}", "确保九成以上正确：{value}"},
    {"threshold.alt", "Precision, recall and share answered over the threshold",
     "精确率、召回率和作答率随阈值的变化"},

    {"matrix.heading", "What is taken for what", "混淆矩阵"},
    {"matrix.lead",
     "A row is the truth, a column what the model says. Choose a cell to see its pictures.",
     "行为真实类别，列为模型判断。点击单元格可查看对应的图片。"},
    {"matrix.limited", "Shown are the {shown} classes with most mistakes, of {all}.",
     "仅显示错误最多的 {shown} 个类别（共 {all} 个）。"},
    {"matrix.truth", "Truth", "真实类别"},
    {"matrix.said", "Model says", "模型判断"},
    {"matrix.corner", "Truth ↓ · Model says →", "真实 ↓ · 判断 →"},
    {"matrix.cell", "Truth {truth}, model says {said}: {count}",
     "真实类别 {truth}，判断为 {said}：{count}"},
    {"matrix.pairs", "Most confused", "最易混淆"},
    {"matrix.pair", "{truth} taken for {said}", "{truth} 误判为 {said}"},
    {"matrix.none", "No mistakes: nothing was taken for anything else.",
     "没有错误：没有任何类别被误判。"},
    {"labels.heading", "Label by label", "逐个标签"},
    {"labels.lead", "Choose a number to see its pictures.", "点击数字可查看对应的图片。"},
    {"labels.found", "Found", "找到"},
    {"labels.missed", "Missed", "漏掉"},
    {"labels.in-vain", "Given wrongly", "误给"},
    {"labels.label", "Label", "标签"},
    {"labels.cell", "{label}, {kind}: {count}", "{label}，{kind}：{count}"},

    {"classes.heading", "Class by class", "各类别表现"},
    {"classes.lead", "Choose a heading to sort. The bar is the recall, the line its 95 % interval.",
     "点击表头可排序。条形为召回率，横线为其 95 % 置信区间。"},
    {"classes.class", "Class", "类别"},
    {"classes.train", "Trained on", "训练图片"},
    {"classes.support", "Tested", "测试图片"},
    {"classes.recall", "Recall", "召回率"},
    {"classes.precision", "Precision", "精确率"},
    {"classes.f1", "F1", "F1"},
    {"classes.ap", "AP", "AP"},
    {"classes.mean", "Mean of classes", "各类别平均"},
    {"classes.interval", "95 % sure: {low} to {high}", "95 % 置信区间：{low} 至 {high}"},
    {"classes.unmeasured", "not measured", "未测得"},

    {"mistakes.heading", "Mistakes, surest first", "错误，按置信度从高到低"},
    {"mistakes.lead", "Where the model is very sure and wrong, look at the label first.",
     "模型很有把握却判断错误时，请先检查标签。"},
    {"mistakes.none", "No mistakes on the test pictures.", "在测试图片上没有错误。"},
    {"mistakes.truth-filter", "Truth", "真实类别"},
    {"mistakes.said-filter", "Model says", "模型判断"},
    {"mistakes.all", "all", "全部"},
    {"mistakes.suspicious", "Check the label", "请检查标签"},
    {"mistakes.suspicious-filter", "Only labels to check", "仅显示需检查标签的"},
    {"mistakes.shown", "{shown} of {all}", "显示 {shown} / {all}"},
    {"mistakes.more", "Show more", "显示更多"},
    {"mistakes.truth", "Truth", "真实"},
    {"mistakes.said", "Model", "模型"},
    {"mistakes.nothing", "nothing", "无"},
    {"mistakes.no-picture", "Picture is not part of this page", "本页未包含该图片"},

    {"calibration.heading", "Can the scores be trusted?", "得分可信吗？"},
    {"calibration.lead",
     "Of the answers given with a score of 80 %, 80 % should be right: then the dots lie on the "
     "line. "
     "Mean distance: {points} points.",
     "得分为 80 % 的判断中应有 80 % 是正确的，此时圆点落在对角线上。平均偏差：{points} 个百分点。"},
    {"calibration.alt", "Share of right answers over the score", "正确率随得分的变化"},
    {"calibration.score", "Score", "得分"},
    {"calibration.right", "Right", "正确率"},
    {"calibration.bin", "Score {low} to {high}: {right} of {count} right",
     "得分 {low} 至 {high}：{count} 个中 {right} 正确"},

    {"training.heading", "How it was made", "训练过程"},
    {"training.reasons", "What was decided, and why", "做出的选择及原因"},
    {"training.problems", "What the data check found", "数据检查结果"},
    {"training.model", "Model", "模型结构"},
    {"training.epochs", "Epochs", "训练轮数"},
    {"training.tune", "Trained part of the network", "训练的部分"},
    {"training.steps", "Steps", "训练步数"},
    {"training.seconds", "Training time", "训练时长"},
    {"training.width", "Input width", "输入宽度"},
    {"training.height", "Input height", "输入高度"},
    {"training.channels", "Channels", "通道数"},
    {"training.batch_size", "Batch size", "批大小"},
    {"training.seed", "Seed", "随机种子"},
    {"training.ending", "Ended", "结束原因"},
    {"training.budget", "Time budget", "时间预算"},
    {"ending.finished", "as planned", "按计划完成"},
    {"ending.out-of-time", "time budget used up", "时间预算用完"},
    {"ending.stopped-early", "no more progress", "不再提升，提前停止"},
    {"ending.interrupted", "interrupted", "被中断"},
    {"duration.seconds", "{s} s", "{s} 秒"},
    {"duration.minutes", "{m} min {s} s", "{m} 分 {s} 秒"},

    {"help.heading", "How to read the numbers", "如何理解这些数字"},
    {"help.interval",
     "95 % interval: with other test pictures of the same kind the result would lie in this range "
     "19 times of 20. "
     "More test pictures make it narrower.",
     "95 % 置信区间：换用同类的其他测试图片，20 次中有 19 "
     "次结果会落在该范围内。测试图片越多，区间越窄。"},
    {"help.recall",
     "Recall: of the pictures that are this class, the share that the model recognises.",
     "召回率：属于该类别的图片中，被模型识别出来的比例。"},
    {"help.precision",
     "Precision: of the pictures that the model gives this class, the share that is.",
     "精确率：被模型判为该类别的图片中，确实属于该类别的比例。"},
    {"help.f1", "F1: one number for both, high only when both are high.",
     "F1：综合二者的数值，只有两者都高时才高。"},
    {"help.ap",
     "AP: average precision, how well the scores of the class put its pictures before the others; "
     "100 % is perfect.",
     "AP：平均精确率，衡量该类别的得分能否把其图片排在其他图片之前；100 % 为完美。"},
    {"help.rule",
     "“Ready to try” means: the low end of the accuracy's interval is at least 90 %, every class "
     "was tested, and none is recognised "
     "in fewer than 80 % (with fewer than 10 test pictures: 50 %).",
     "“可以试用” 的标准：正确率置信区间的下限不低于 90 "
     "%，每个类别都经过测试，且没有类别的召回率低于 80 %（测试图片不足 10 张时为 50 %）。"},
    {"help.rule-multi",
     "“Ready to try” means: of the labels it gives, and of the true labels, surely at least 85 % "
     "are right, every label was tested, and none is "
     "found in fewer than 80 % (with fewer than 10 test pictures: 50 %).",
     "“可以试用” 的标准：给出的标签和真实标签中，置信区间下限均不低于 85 % "
     "正确，每个标签都经过测试，且没有标签的召回率低于 80 %（测试图片不足 10 张时为 50 %）。"},

    {"dialog.close", "Close", "关闭"},
    {"dialog.more", "Show {count} more", "再显示 {count} 张"},
};

const std::unordered_map<std::string_view, const Entry*>& index() {
  static const std::unordered_map<std::string_view, const Entry*> map = [] {
    std::unordered_map<std::string_view, const Entry*> made;
    for (const Entry& e : kEntries) made.emplace(e.key, &e);
    return made;
  }();
  return map;
}

const Entry& entry(std::string_view key) {
  const auto found = index().find(key);
  require<InternalError>(found != index().end(), "report: no text '{}'", key);
  return *found->second;
}

std::string fill(std::string_view pattern, Arguments arguments, Language language) {
  std::string out;
  for (std::size_t i = 0; i < pattern.size();) {
    if (pattern[i] != '{') {
      out += pattern[i++];
      continue;
    }
    const std::size_t end = pattern.find('}', i);
    const std::string_view name = pattern.substr(i + 1, end - i - 1);
    const auto found = std::find_if(arguments.begin(), arguments.end(),
                                    [&](const auto& a) { return a.first == name; });
    require<InternalError>(found != arguments.end(), "report: no argument '{}' for '{}'", name,
                           pattern);
    out += in(language, found->second);
    i = end + 1;
  }
  return out;
}

}  // namespace

std::span<const Entry> catalogue() { return kEntries; }

Text text(std::string_view key) {
  const Entry& e = entry(key);
  return {std::string(e.en), std::string(e.zh)};
}

Text say(std::string_view key, Arguments arguments) {
  const Entry& e = entry(key);
  return {fill(e.en, arguments, Language::en), fill(e.zh, arguments, Language::zh)};
}

Text both(const std::string& text) { return {text, text}; }

Text count_of(std::int64_t count, std::string_view noun) {
  return say(std::string(noun) + (count == 1 ? "/one" : "/many"), {{"n", both(number(count))}});
}

std::string number(std::int64_t value) {
  std::string digits = std::to_string(value);
  const std::size_t first = digits[0] == '-' ? 1 : 0;
  for (std::size_t i = digits.size(); i > first + 3;) digits.insert(i -= 3, ",");
  return digits;
}

std::string percent(double share, int digits) {
  const double unit = std::pow(10.0, -digits);
  double value = 100 * share;
  if (share < 1 && value > 100 - unit / 2) value = 100 - unit;
  if (share > 0 && value < unit / 2) value = unit;
  return fmt::format("{:.{}f} %", value, digits);
}

std::string plain_name(std::string_view name, std::size_t limit) {
  std::string out;
  std::size_t characters = 0;
  for (std::size_t i = 0; i < name.size();) {
    if (characters++ == limit) return out + "…";
    const Character c = character_at(name, i);
    // A lone byte that is no UTF-8 also comes as U+FFFD, of length 1.
    const bool broken = c.code == 0xFFFD || is_invisible_control(c.code);
    out += broken ? "\xEF\xBF\xBD" : std::string(name.substr(i, c.length));
    i += c.length;
  }
  return out;
}

Text in_quotes(std::string_view name) { return both("“" + plain_name(name) + "”"); }

}  // namespace athanor::train::report
