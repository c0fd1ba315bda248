#include "athanor/train/report/page.hpp"

namespace athanor::train::report {

// Names of the data reach the page as text nodes only; nothing here writes HTML.
const std::string_view kScript = R"js('use strict';
(function () {
  const data = JSON.parse(document.getElementById('data').textContent);
  const byId = id => document.getElementById(id);
  const chunk = 60;
  document.documentElement.classList.add('scripted');
  for (const image of document.querySelectorAll('img[data-item]')) data.pictures[image.dataset.item] = image.src;

  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (all, name) => name in values ? values[name] : all);
  const grouped = n => String(n).replace(/\B(?=(\d{3})+$)/g, ',');
  function percent(share, digits) {
    const unit = Math.pow(10, -digits);
    let value = 100 * share;
    if (share < 1 && value > 100 - unit / 2) value = 100 - unit;
    if (share > 0 && value < unit / 2) value = unit;
    return value.toFixed(digits) + ' %';
  }
  function make(tag, css, text) {
    const element = document.createElement(tag);
    if (css) element.className = css;
    if (text !== undefined) element.textContent = text;
    return element;
  }
  function names(labels) {
    const box = make('b');
    if (!labels.length) box.textContent = data.texts['mistakes.nothing'];
    labels.forEach((label, i) => {
      if (i) box.append(', ');
      box.append(make('bdi', '', data.classes[label]));
    });
    box.title = box.textContent;
    return box;
  }
  const sure = new Map(data.mistakes.map(m => [m[0], m]));

  function shot(index) {
    const [name, truth, said, top] = data.items[index];
    const mistake = sure.get(index);
    const figure = make('figure', 'shot');
    const picture = make('div', 'picture');
    if (data.pictures[index]) {
      const image = make('img');
      image.src = data.pictures[index];
      image.alt = name;
      picture.append(image);
    } else {
      picture.append(make('span', 'none', data.texts['mistakes.no-picture']));
    }
    if (mistake && mistake[4]) picture.append(make('span', 'flag', data.texts['mistakes.suspicious']));
    const caption = make('figcaption');
    const line = (css, key, labels) => {
      const p = make('p', css);
      p.append(make('span', '', data.texts[key]), names(labels));
      caption.append(p);
      return p;
    };
    line('', 'mistakes.truth', truth);
    const answer = line(mistake ? 'bad' : 'good', 'mistakes.said', said);
    if (mistake) answer.append(make('i', '', percent(mistake[3], 0)));
    else if (!data.multi && top.length) answer.append(make('i', '', percent(top[0][1], 0)));
    const file = make('p', 'file');
    file.title = name + '\n' + top.map(t => data.classes[t[0]] + ' ' + percent(t[1], 1)).join('\n');
    file.append(make('bdi', '', name));
    caption.append(file);
    figure.append(picture, caption);
    return figure;
  }

  /* Shows a list of items piece by piece: thousands of pictures at once would hold up the browser. */
  function pager(list, button) {
    let items = [], shown = 0;
    function more() {
      const end = Math.min(items.length, shown + chunk);
      while (shown < end) list.append(shot(items[shown++]));
      button.hidden = shown >= items.length;
      button.textContent = fill(data.texts['dialog.more'], {count: Math.min(chunk, items.length - shown)});
    }
    button.addEventListener('click', more);
    return next => {
      items = next;
      shown = 0;
      list.replaceChildren();
      more();
    };
  }

  const viewer = byId('viewer');
  const showItems = pager(byId('viewer-list'), byId('viewer-more'));
  function open(title, items) {
    byId('viewer-title').replaceChildren(...title, ' (' + grouped(items.length) + ')');
    // With a picture first: a cell may hold more items than the page holds pictures.
    const order = items.map((item, i) => [data.pictures[item] ? 0 : 1, i, item]).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    showItems(order.map(o => o[2]));
    viewer.showModal();
    viewer.scrollTop = 0;
  }
  byId('viewer-close').addEventListener('click', () => viewer.close());
  viewer.addEventListener('click', event => { if (event.target === viewer) viewer.close(); });

  const cells = new Map(data.cells.map(c => [data.multi ? String(c.label) : c.truth + '/' + c.said, c]));
  const name = label => make('bdi', '', data.classes[label]);
  document.addEventListener('click', event => {
    const button = event.target.closest('button');
    if (!button) return;
    const set = button.dataset;
    if (set.truth !== undefined) {
      open([data.texts['matrix.truth'] + ': ', name(+set.truth), ' → ' + data.texts['matrix.said'] + ': ', name(+set.said)],
           cells.get(set.truth + '/' + set.said).items);
    } else if (set.label !== undefined) {
      const kind = {found: 'labels.found', missed: 'labels.missed', in_vain: 'labels.in-vain'}[set.kind];
      open([name(+set.label), ': ' + data.texts[kind]], cells.get(set.label)[set.kind]);
    } else if (set.action !== undefined) {
      open([button.previousElementSibling.textContent], data.actions[+set.action]);
    } else if (set.threshold !== undefined) {
      byId('slider').value = set.threshold;
      moved();
    }
  });

  /* Arrow keys walk over the cells that have pictures. */
  document.addEventListener('keydown', event => {
    const step = {ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0]}[event.key];
    const cell = step && event.target.closest('.matrix td');
    if (!cell) return;
    const rows = cell.closest('tbody').rows;
    let row = cell.parentElement.sectionRowIndex, column = cell.cellIndex;
    for (;;) {
      row += step[0];
      column += step[1];
      const next = rows[row] && column > 0 && rows[row].cells[column];
      if (!next) return;
      const button = next.querySelector('button');
      if (button) {
        event.preventDefault();
        button.focus();
        return;
      }
    }
  });

  function moved() {
    const slider = byId('slider'), step = +slider.value, curve = data.curve;
    const said = curve.said[step], right = curve.right[step];
    byId('slider-value').value = (step / 100).toFixed(2);
    slider.setAttribute('aria-valuetext', (step / 100).toFixed(2));
    byId('live-precision').value = percent(curve.precision[step], 1);
    byId('live-recall').value = percent(curve.recall[step], 1);
    byId('live-answered').value = percent(curve.answered[step], 1);
    byId('live-counts').textContent = fill(data.texts[data.multi ? 'threshold.counts-multi' : 'threshold.counts'], {
      said: grouped(said), right: grouped(right), wrong: grouped(said - right),
      rest: grouped(data.multi ? curve.count - right : curve.count - said)
    });
    const plot = byId('cursor').ownerSVGElement.dataset, line = byId('cursor').firstElementChild;
    const x = +plot.left + step / 100 * +plot.width;
    line.setAttribute('x1', x);
    line.setAttribute('x2', x);
  }
  if (byId('slider')) byId('slider').addEventListener('input', moved);

  const list = byId('mistake-list');
  if (list) {
    const show = pager(list, byId('mistakes-more'));
    const truth = byId('filter-truth'), said = byId('filter-said'), suspicious = byId('filter-suspicious');
    const used = part => {
      const labels = new Set();
      for (const m of data.mistakes) for (const label of data.items[m[0]][part]) labels.add(label);
      return [...labels].sort((a, b) => a - b);
    };
    const add = (select, labels) => labels.forEach(label => {
      const option = make('option', '', data.classes[label]);
      option.value = label;
      select.append(option);
    });
    add(truth, used(1));
    add(said, used(2));
    const has = (select, labels) => select.value === '' || labels.includes(+select.value);
    const apply = () => {
      const chosen = data.mistakes.filter(m => has(truth, data.items[m[0]][1]) && has(said, data.items[m[0]][2]) &&
                                               (!suspicious.checked || m[4]));
      byId('filter-count').value = fill(data.texts['mistakes.shown'],
                                        {shown: grouped(chosen.length), all: grouped(data.mistakes.length)});
      show(chosen.map(m => m[0]));
    };
    for (const control of [truth, said, suspicious]) control.addEventListener('change', apply);
    apply();
  }

  const table = byId('class-table');
  if (table) {
    table.tHead.addEventListener('click', event => {
      const head = event.target.closest('th');
      if (!head) return;
      const column = head.cellIndex, up = head.getAttribute('aria-sort') !== 'ascending';
      for (const other of table.tHead.rows[0].cells) other.removeAttribute('aria-sort');
      head.setAttribute('aria-sort', up ? 'ascending' : 'descending');
      const value = row => +row.cells[column].dataset.v;
      const rows = [...table.tBodies[0].rows].sort((a, b) => (up ? 1 : -1) * (value(a) - value(b)));
      table.tBodies[0].append(...rows);
    });
  }
})();
)js";

}  // namespace athanor::train::report
