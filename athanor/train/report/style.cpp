#include "athanor/train/report/page.hpp"

namespace athanor::train::report {

const std::string_view kStyle = R"css(
:root {
  --page: #f4f6f8; --card: #ffffff; --ink: #17202b; --soft: #576474; --line: #dde3ea; --accent: #1d5fd1;
  --good: 21 128 76; --bad: 196 52 42; --warn: 178 94 9; --blue: 37 99 204; --shadow: 0 1px 3px rgb(20 30 45 / .08);
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0e1318; --card: #171e26; --ink: #e7ecf2; --soft: #9dabba; --line: #2b3641; --accent: #7fb0ff;
    --good: 64 190 124; --bad: 240 104 92; --warn: 232 160 66; --blue: 110 165 255; --shadow: none;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body {
  margin: 0; background: var(--page); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto,
  "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans", sans-serif; font-variant-numeric: tabular-nums;
  -webkit-text-size-adjust: 100%;
}
main { max-width: 1080px; margin: 0 auto; padding: 32px 20px 8px; }
footer { max-width: 1080px; margin: 0 auto; padding: 8px 20px 40px; color: var(--soft); font-size: 14px; }
.skip { position: absolute; left: -999px; }
.skip:focus { left: 12px; top: 12px; background: var(--card); padding: 8px 14px; z-index: 5; }
a { color: var(--accent); }
bdi { overflow-wrap: anywhere; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 18px; letter-spacing: -.01em; overflow-wrap: anywhere; }
h2 { font-size: 20px; line-height: 1.3; margin: 0 0 4px; }
h3 { font-size: 15px; margin: 20px 0 6px; }
.kind { margin: 0 0 2px; color: var(--soft); font-size: 14px; }
.lead { margin: 0 0 16px; color: var(--soft); max-width: 75ch; }
.note { color: var(--soft); margin: 8px 0; }
.small { font-size: 13px; color: var(--soft); line-height: 1.45; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 22px 24px; margin: 0 0 18px;
  box-shadow: var(--shadow); scroll-margin-top: 12px; }
button, select, input { font: inherit; color: inherit; }
button { cursor: pointer; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
.js { display: none; }
.scripted .js { display: revert; }
.link { background: none; border: 0; padding: 0; color: var(--accent); text-decoration: underline; text-underline-offset: 2px; }

.verdict { --tone: var(--warn); border-radius: 12px; padding: 18px 22px; margin-bottom: 16px; background: rgb(var(--tone) / .1);
  border: 1px solid rgb(var(--tone) / .35); border-left: 6px solid rgb(var(--tone)); }
.verdict.ready { --tone: var(--good); }
.verdict.not-ready { --tone: var(--bad); }
.badge { margin: 0 0 4px; font-weight: 650; font-size: 18px; color: rgb(var(--tone)); display: flex; align-items: center; gap: 10px; }
.badge span { width: 26px; height: 26px; border-radius: 50%; background: rgb(var(--tone)); color: var(--card); display: grid;
  place-items: center; font-size: 16px; line-height: 1; flex: none; }
.sentence { margin: 0; font-size: 18px; line-height: 1.5; max-width: 75ch; overflow-wrap: anywhere; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(210px, 1fr)); gap: 12px; margin-bottom: 16px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 14px 16px; box-shadow: var(--shadow);
  min-width: 0; }
.card h3 { margin: 0; font-size: 13px; font-weight: 550; color: var(--soft); }
.card .value { margin: 2px 0 4px; font-size: 26px; font-weight: 650; line-height: 1.25; letter-spacing: -.01em; }
.card .name { display: -webkit-box; -webkit-line-clamp: 2; -webkit-box-orient: vertical; overflow: hidden; font-size: 20px; }
.card .small { margin: 0; }
.card .bar { width: 100%; margin: 2px 0 8px; }
.contents ul { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 18px; padding: 0; margin: 0 0 18px; font-size: 14px; }
#next ol { margin: 0; padding-left: 22px; }
#next li { margin: 8px 0; padding-left: 4px; max-width: 80ch; overflow-wrap: anywhere; }
#next li::marker { font-weight: 650; color: var(--soft); }

.bar { position: relative; display: inline-block; height: 8px; border-radius: 4px; background: rgb(var(--blue) / .14);
  vertical-align: middle; }
.bar i { position: absolute; inset: 0 auto 0 0; border-radius: 4px; background: rgb(var(--blue) / .75); }
.bar u { position: absolute; top: 3px; height: 2px; background: var(--ink); }
.bar u::before, .bar u::after { content: ""; position: absolute; top: -3px; width: 2px; height: 8px; background: var(--ink); }
.bar u::before { left: 0; } .bar u::after { right: 0; }

.scroll { overflow: auto; max-height: min(78vh, 900px); border: 1px solid var(--line); border-radius: 8px; }
#matrix .scroll { width: fit-content; max-width: 100%; }
.matrix .corner { min-width: 130px; }
table { border-collapse: separate; border-spacing: 0; }
.matrix th, .classes thead th { background: var(--card); }
.matrix thead th { position: sticky; top: 0; z-index: 2; font-weight: 550; font-size: 13px; padding: 8px 6px; vertical-align: bottom;
  border-bottom: 1px solid var(--line); }
.matrix thead th span { display: block; max-width: 120px; margin: 0 auto; overflow: hidden; text-overflow: ellipsis; }
.matrix tbody th { position: sticky; left: 0; z-index: 1; text-align: right; font-weight: 550; font-size: 13px; padding: 0 10px;
  border-right: 1px solid var(--line); }
.matrix tbody th span { display: block; margin-left: auto; max-width: 190px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.matrix .corner { left: 0; z-index: 3; color: var(--soft); font-weight: 400; white-space: nowrap; text-align: right; padding: 8px 10px;
  border-right: 1px solid var(--line); }
.matrix td { padding: 1px; min-width: 76px; height: 50px; text-align: center; }
.matrix td.right { background: rgb(var(--good) / calc(.04 + .4 * var(--v, 0))); }
.matrix td.wrong { background: rgb(var(--bad) / calc(.05 + .5 * var(--v))); }
.matrix td button { width: 100%; height: 100%; min-height: 46px; border: 0; background: none; padding: 2px 4px; font-weight: 600; }
.matrix td button:hover { box-shadow: inset 0 0 0 2px var(--accent); border-radius: 3px; }
.matrix td small { display: block; font-size: 11.5px; font-weight: 400; opacity: .8; line-height: 1.2; }
.matrix.close thead th span, .matrix.tight thead th span { writing-mode: vertical-rl; max-height: 130px; max-width: none; white-space: nowrap; }
.matrix.close td { min-width: 36px; height: 34px; } .matrix.close td button { min-height: 30px; font-size: 14px; }
.matrix.tight { font-size: 12px; }
.matrix.tight thead th { padding: 6px 1px; font-size: 11px; } .matrix.tight tbody th { font-size: 11px; padding: 0 8px; }
.matrix.tight td { min-width: 23px; height: 22px; padding: 0; }
.matrix.tight td button { min-height: 20px; font-size: 11px; padding: 0; font-weight: 500; }
.matrix.close tbody td, .matrix.tight tbody td { border-bottom: 1px solid var(--line); border-right: 1px solid var(--line); }
.matrix.labels td { min-width: 120px; }
.pairs { list-style: none; padding: 0; margin: 0; display: flex; flex-wrap: wrap; gap: 8px; }
.pairs button { border: 1px solid var(--line); background: none; border-radius: 20px; padding: 4px 14px; font-size: 14px; text-align: left; }
.pairs button:hover { border-color: var(--accent); }
.pairs b { color: rgb(var(--bad)); margin-right: 6px; }

.classes { width: 100%; font-size: 15px; }
.classes thead th { position: sticky; top: 0; z-index: 1; padding: 0; border-bottom: 1px solid var(--line); text-align: left; }
.classes .num { text-align: right; white-space: nowrap; }
.sort { border: 0; background: none; padding: 9px 12px; font-size: 13px; font-weight: 550; color: var(--soft); width: 100%; text-align: inherit;
  white-space: nowrap; }
.sort:hover { color: var(--ink); }
[aria-sort=ascending] .sort::after { content: " ▲"; font-size: 10px; }
[aria-sort=descending] .sort::after { content: " ▼"; font-size: 10px; }
.classes td, .classes tbody th, .classes tfoot th { padding: 8px 12px; border-bottom: 1px solid var(--line); font-weight: 400; text-align: left; }
.classes tbody th { font-weight: 550; min-width: 90px; max-width: 300px; }
.classes tbody tr:last-child > * { border-bottom: 0; }
.classes tfoot > tr > * { border-top: 1px solid var(--line); border-bottom: 0; color: var(--soft); }
.recall .bar { width: 110px; margin-right: 12px; }
.recall > span:last-child { display: inline-block; min-width: 62px; }

.filters { flex-wrap: wrap; gap: 8px 20px; align-items: center; margin-bottom: 14px; font-size: 14px; }
.scripted .filters.js { display: flex; }
.filters select { max-width: 200px; padding: 4px 8px; border: 1px solid var(--line); border-radius: 6px; background: var(--card); }
.filters output { color: var(--soft); margin-left: auto; }
.shots { display: grid; grid-template-columns: repeat(auto-fill, minmax(164px, 1fr)); gap: 14px; }
.shot { margin: 0; border: 1px solid var(--line); border-radius: 10px; overflow: hidden; background: var(--card); min-width: 0; break-inside: avoid; }
.picture { position: relative; aspect-ratio: 1; background: rgb(128 140 155 / .14); display: grid; place-items: center; }
.picture img { width: 100%; height: 100%; object-fit: contain; display: block; position: absolute; inset: 0; }
.picture .none { font-size: 12px; color: var(--soft); text-align: center; padding: 10px; }
.flag { position: absolute; left: 6px; top: 6px; background: #b25e09; color: #fff; font-size: 11.5px; font-weight: 600; padding: 1px 7px;
  border-radius: 10px; }
.shot figcaption { padding: 7px 10px 8px; font-size: 13px; line-height: 1.4; }
.shot p { margin: 0; display: flex; gap: 6px; min-width: 0; }
.shot p span { color: var(--soft); flex: none; }
.shot p b { font-weight: 600; min-width: 0; overflow: hidden; display: -webkit-box; -webkit-line-clamp: 2; -webkit-box-orient: vertical; }
.shot p i { font-style: normal; margin-left: auto; flex: none; }
.shot .bad b { color: rgb(var(--bad)); }
.shot .good b { color: rgb(var(--good)); }
.shot .file { color: var(--soft); font-size: 11.5px; margin-top: 2px; }
.shot .file bdi { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.more { margin-top: 16px; border: 1px solid var(--line); background: none; border-radius: 8px; padding: 7px 18px; }
.more:hover { border-color: var(--accent); }
[hidden], .scripted .js[hidden] { display: none; }

.split { display: grid; grid-template-columns: minmax(0, 600px) minmax(220px, 1fr); gap: 12px 32px; align-items: center; }
.chart { width: 100%; max-width: 600px; height: auto; display: block; }
.axis line { stroke: var(--line); } .axis text { fill: var(--soft); font-size: 11.5px; } .axis .title { fill: var(--ink); }
.line { fill: none; stroke-width: 2.2; stroke-linejoin: round; }
.line.precision { stroke: rgb(var(--blue)); } .line.recall { stroke: rgb(var(--good)); stroke-dasharray: 7 3; }
.line.answered { stroke: rgb(var(--warn)); stroke-dasharray: 2 3; } .line.reliability { stroke: rgb(var(--blue)); stroke-width: 1.4; }
.mark { stroke: var(--soft); stroke-dasharray: 3 4; } .mark.assist { stroke: rgb(var(--good)); }
#cursor line { stroke: var(--ink); stroke-width: 1.5; }
.ideal { stroke: var(--soft); stroke-dasharray: 5 4; } .count { fill: rgb(var(--blue) / .16); } .dots circle { fill: rgb(var(--blue)); }
.slider { align-items: center; gap: 12px; padding-left: 8%; max-width: 600px; }
.scripted .slider.js { display: flex; }
.slider input { flex: 1; min-width: 60px; accent-color: var(--accent); }
.slider output { font-weight: 650; min-width: 3em; text-align: right; }
.presets { margin: 6px 0 0; padding-left: 8%; font-size: 14px; display: none; }
.scripted .presets.js { display: flex; flex-wrap: wrap; gap: 2px 18px; }
.live p { margin: 0 0 12px; }
.live output { font-size: 22px; font-weight: 650; display: block; line-height: 1.2; }
.swatch { display: inline-block; width: 26px; border-top: 3px solid; vertical-align: middle; margin-right: 8px; }
.precision .swatch { color: rgb(var(--blue)); } .recall .swatch { color: rgb(var(--good)); border-top-style: dashed; }
.answered .swatch { color: rgb(var(--warn)); border-top-style: dotted; }
#live-counts { border-top: 1px solid var(--line); padding-top: 12px; }

dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(160px, 1fr)); gap: 10px 20px; margin: 12px 0; }
dt { font-size: 13px; color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
#training ul, #help ul { margin: 6px 0 0; padding-left: 20px; } #training li, #help li { margin: 4px 0; overflow-wrap: anywhere; max-width: 85ch; }

dialog { border: 1px solid var(--line); border-radius: 14px; background: var(--card); color: var(--ink); width: min(960px, 94vw); max-height: 88vh;
  padding: 0 22px 22px; overflow: auto; }
dialog::backdrop { background: rgb(5 10 18 / .55); }
.viewer-head { position: sticky; top: 0; background: var(--card); display: flex; gap: 16px; align-items: flex-start; justify-content: space-between;
  padding: 18px 0 14px; z-index: 2; }
.viewer-head h2 { overflow-wrap: anywhere; }
#viewer-close { border: 0; background: none; font-size: 26px; line-height: 1; padding: 2px 8px; }

@media (max-width: 760px) {
  main { padding: 20px 12px 4px; } section { padding: 18px 14px; } h1 { font-size: 25px; } .sentence { font-size: 17px; }
  .split { grid-template-columns: minmax(0, 1fr); } .slider, .presets { padding-left: 0; }
  .shots { grid-template-columns: repeat(auto-fill, minmax(128px, 1fr)); gap: 10px; }
  .matrix tbody th span { max-width: 96px; } .matrix .corner { white-space: normal; font-size: 11px; }
}
@media print {
  :root { --page: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #bbb; --accent: #000;
    --good: 21 128 76; --bad: 196 52 42; --warn: 178 94 9; --blue: 37 99 204; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  body { font-size: 11pt; } main { max-width: none; padding: 0; } .contents, .js, .scripted .js, .skip, #viewer { display: none !important; }
  section, .card { box-shadow: none; } .scroll { overflow: visible; max-height: none; border: 0; } .verdict, .card, tr, .split, dl div { break-inside: avoid; }
  h2, h3 { break-after: avoid; } .matrix th, .classes thead th { position: static; }
}
)css";

}  // namespace athanor::train::report
