#include <nlohmann/json.hpp>
#include <random>

#include "athanor/serve/model_server.hpp"

namespace athanor::serve {

namespace {

/// One file, no library. @NONCE@, @LANG@, @MODELS@ and @TEXTS@ are filled in for each visitor.
constexpr std::string_view kPage = R"html(<!doctype html>
<html lang="@LANG@">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>athanor</title>
<style nonce="@NONCE@">
:root { color-scheme: light dark; --line: #8886; --bar: #e07a2f; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; }
#drop { border: 2px dashed var(--line); border-radius: 12px; padding: 2rem; text-align: center;
  cursor: pointer; }
#drop.over, #drop:focus-within { border-color: var(--bar); }
#drop img { max-width: 100%; max-height: 20rem; border-radius: 8px; }
input[type=file] { position: absolute; opacity: 0; width: 1px; height: 1px; }
.row { display: grid; grid-template-columns: 12rem 1fr 4.5rem; gap: .75rem; align-items: center;
  margin: .4rem 0; }
.row span { overflow-wrap: anywhere; }
.track { background: #8883; border-radius: 6px; height: 14px; overflow: hidden; }
.fill { background: var(--bar); height: 100%; }
.score { text-align: right; font-variant-numeric: tabular-nums; }
pre { background: #8882; padding: .75rem; border-radius: 8px; overflow-x: auto; font-size: .85rem; }
#error { color: #c33; white-space: pre-wrap; }
@media (max-width: 36rem) { .row { grid-template-columns: 7rem 1fr 4rem; } }
</style>
</head>
<body>
<h1 id="title"></h1>
<p><label><span id="model-label"></span> <select id="model"></select></label></p>
<label id="drop"><input id="file" type="file" accept="image/*"><span id="hint"></span></label>
<p id="status" role="status"></p>
<p id="error" role="alert"></p>
<div id="results" aria-live="polite"></div>
<h2 id="how"></h2>
<pre id="curl"></pre>
<script nonce="@NONCE@">
const texts = @TEXTS@;
const models = @MODELS@;
const at = (id) => document.getElementById(id);
const select = at('model');
at('title').textContent = texts.title;
at('model-label').textContent = texts.model;
at('hint').textContent = models.length ? texts.hint : texts.none;
at('how').textContent = texts.how;
for (const name of models) select.add(new Option(name, name));
const path = () => '/predict/' + encodeURIComponent(select.value);
const show = () => {
  at('curl').textContent = models.length ? 'curl -F image=@photo.jpg ' + location.origin + path() : '';
};
select.onchange = show;
show();

let shown = null;
let turn = 0;
async function predict(file) {
  if (!file || !models.length) return;
  const mine = ++turn;
  if (shown) URL.revokeObjectURL(shown);
  shown = URL.createObjectURL(file);
  const picture = new Image();
  picture.alt = file.name || '';
  picture.src = shown;
  at('hint').replaceChildren(picture);
  at('results').replaceChildren();
  at('error').textContent = '';
  at('status').textContent = texts.working;
  const begin = performance.now();
  try {
    const form = new FormData();
    form.append('image', file, file.name || 'picture');
    const response = await fetch(path() + '?top_k=10', {method: 'POST', body: form});
    const answer = await response.json();
    if (mine !== turn) return;
    if (!response.ok) {
      at('status').textContent = '';
      at('error').textContent = answer.title + ': ' + answer.detail + (answer.fix ? '\n' + answer.fix : '');
      return;
    }
    at('status').textContent = Math.round(performance.now() - begin) + ' ms';
    for (const {label, score} of answer.results) {
      const row = document.createElement('div');
      row.className = 'row';
      const name = document.createElement('span');
      name.textContent = label;
      const track = document.createElement('div');
      track.className = 'track';
      const fill = document.createElement('div');
      fill.className = 'fill';
      fill.style.width = Math.max(0, Math.min(100, score * 100)) + '%';
      track.append(fill);
      const number = document.createElement('span');
      number.className = 'score';
      number.textContent = (score * 100).toFixed(1) + ' %';
      row.append(name, track, number);
      at('results').append(row);
    }
  } catch (error) {
    if (mine !== turn) return;
    at('status').textContent = '';
    at('error').textContent = texts.unreachable;
  }
}
at('file').onchange = (event) => predict(event.target.files[0]);
const drop = at('drop');
drop.ondragover = (event) => { event.preventDefault(); drop.classList.add('over'); };
drop.ondragleave = () => drop.classList.remove('over');
drop.ondrop = (event) => {
  event.preventDefault();
  drop.classList.remove('over');
  predict(event.dataTransfer.files[0]);
};
document.onpaste = (event) => predict(event.clipboardData.files[0]);
</script>
</body>
</html>
)html";

nlohmann::json page_texts(Language language) {
  if (language == Language::zh)
    return {{"title", "athanor：用你的图片试试模型"},
            {"model", "模型"},
            {"hint", "点击选择图片，或将图片拖放、粘贴到这里"},
            {"none", "没有接受图片的模型"},
            {"how", "在程序中调用"},
            {"working", "识别中……"},
            {"unreachable", "无法连接服务器"}};
  return {{"title", "athanor: try the model with your pictures"},
          {"model", "Model"},
          {"hint", "Click to choose a picture, or drop or paste one here"},
          {"none", "No model here takes pictures"},
          {"how", "Call it from a program"},
          {"working", "Looking..."},
          {"unreachable", "The server cannot be reached"}};
}

/// JSON that may stand inside a script element: no "</script>" and no "<!--" can appear in it.
std::string script_json(const nlohmann::json& json) {
  std::string out;
  for (char c : json.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace)) {
    if (c == '<')
      out += "\\u003c";
    else
      out.push_back(c);
  }
  return out;
}

std::string fill(std::string_view page, const std::string& nonce, Language language,
                 const nlohmann::json& models) {
  const std::pair<std::string_view, std::string> values[] = {
      {"@NONCE@", nonce},
      {"@LANG@", language == Language::zh ? "zh-CN" : "en"},
      {"@MODELS@", script_json(models)},
      {"@TEXTS@", script_json(page_texts(language))}};
  std::string out;
  while (!page.empty()) {
    const auto mark = page.find('@');
    out += page.substr(0, mark);
    if (mark == std::string_view::npos) break;
    page.remove_prefix(mark);
    bool known = false;
    for (const auto& [name, value] : values) {
      if (page.substr(0, name.size()) != name) continue;
      out += value;
      page.remove_prefix(name.size());
      known = true;
      break;
    }
    if (known) continue;
    out.push_back('@');
    page.remove_prefix(1);
  }
  return out;
}

std::string new_nonce() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

}  // namespace

void add_page_route(Router& router, std::shared_ptr<const ModelRepository> models) {
  router.add("GET", "/", [models](const Request& request, const PathParams&) {
    nlohmann::json names = nlohmann::json::array();
    for (const ServedEntry& entry : models->entries())
      if (entry.model->info().takes_pictures) names.push_back(entry.model->info().name);
    const std::string nonce = new_nonce();
    Response response;
    response.content_type = "text/html; charset=utf-8";
    response.body = fill(kPage, nonce, request.language, names);
    response.headers.add("Content-Language", request.language == Language::zh ? "zh" : "en");
    response.headers.add("Vary", "Accept-Language");
    response.headers.add("Cache-Control", "no-store");
    response.headers.add(
        "Content-Security-Policy",
        fmt::format("default-src 'none'; style-src 'nonce-{0}'; script-src 'nonce-{0}'; "
                    "img-src blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
                    "frame-ancestors 'none'",
                    nonce));
    return response;
  });
}

}  // namespace athanor::serve
