"use strict";
// Shows what model.js computes. Every text goes in as text, never as HTML.
const data = JSON.parse(document.getElementById("data").textContent);
const now = { ...data.assumptions };
const SHOWN = 6, PAGE = 20;
let listed = PAGE;

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

const short = x => Math.abs(x) >= 100 ? Math.round(x).toLocaleString("en-US") : String(+x.toPrecision(3));
const isLog = (low, high) => low > 0 && high >= 4 * low;
const place = (x, low, high) => isLog(low, high) ? Math.log(x / low) / Math.log(high / low) : (x - low) / (high - low);
const valueAt = (part, low, high) => isLog(low, high) ? low * Math.pow(high / low, part) : low + part * (high - low);

function showOptions(result, found) {
  const list = document.getElementById("options");
  const items = [...list.querySelectorAll("[data-option]")].sort((x, y) => x.dataset.option - y.dataset.option);
  for (const i of found.order) {
    const item = items[i];
    item.querySelector(".worth").textContent = `on average ${money(result.mean[i], data)} (${money(result.low[i], data)} to `
      + `${money(result.high[i], data)})`;
    item.querySelector(".today").textContent = `${money(result.today[i], data)} if each assumption is exact`;
    item.querySelector(".best").textContent = `best in ${whole(100 * result.best[i])} of 100 cases`;
    item.classList.toggle("first", i === found.first || found.equal.includes(i));
    list.append(item);
  }
  const nothing = list.querySelector(".nothing"), behind = found.order.find(i => result.mean[i] < 0);
  nothing.querySelector(".best").textContent = `best in ${whole(100 * result.none)} of 100 cases`;
  if (behind !== undefined) list.insertBefore(nothing, items[behind]);
  else list.append(nothing);
}

function track(low, high, from, to, mark) {
  const at = x => `${(100 * (x - low) / (high - low || 1)).toFixed(2)}%`;
  const width = `${(100 * Math.abs(to - from) / (high - low || 1)).toFixed(2)}%`;
  const made = element("div", { class: "track" }, element("i", { style: `left:${at(Math.min(from, to))};width:${width}` }),
    element("u", { style: `left:${at(0)}` }));
  if (mark !== undefined) made.append(element("b", { style: `left:${at(mark)}` }));
  return made;
}

// Both ends of a scale, and its zero below them.
function axis(low, high) {
  const zero = element("span", { class: "zero", style: `left:${(-100 * low / (high - low || 1)).toFixed(2)}%` }, "0");
  return element("div", { class: "axis" }, element("span", {}, money(low, data)), element("span", {}, money(high, data)),
    ...(low < 0 && high > 0 ? [zero] : []));
}

function showWorth(result, found) {
  const low = Math.min(0, ...result.low), high = Math.max(0, ...result.high);
  const rows = found.order.map(i => element("div", { class: "row" }, element("span", {}, data.options[i].words),
    track(low, high, result.low[i], result.high[i], result.today[i])));
  const pays = result.today.filter(x => x > 0).length;
  const title = `At these assumptions ${pays || "none"} of ${data.options.length} options ${pays === 1 ? "pays" : "pay"}`;
  const figure = document.getElementById("worth");
  figure.setAttribute("aria-label", title + ". Best first, against doing nothing: " + found.order.map(i => `${data.options[i].words}: ${money(result.today[i], data)}, `
    + `95 of 100 cases ${money(result.low[i], data)} to ${money(result.high[i], data)}`).join("; "));
  figure.replaceChildren(element("figcaption", {}, title), ...rows, axis(low, high), element("p", { class: "small" },
    "Black mark: if each assumption is exact. Grey bar: 95 of 100 cases. Thin line: doing nothing."));
}

// The assumption's low and high value, outside the bar's ends.
function endLabels(bar, row, low, high) {
  const ends = [[row.low, data.ranges[row.name][0]], [row.high, data.ranges[row.name][1]]].sort((x, y) => x[0] - y[0]);
  for (const [i, [x, value]] of ends.entries()) {
    const part = 100 * (x - low) / (high - low || 1);
    bar.append(element("span", { class: "end", style: i ? `left:${part.toFixed(2)}%` : `right:${(100 - part).toFixed(2)}%` },
      short(value)));
  }
  return bar;
}

function showSwings(result, found) {
  const all = swings(data, now, found.first, found.rival), rows = all.slice(0, 8), ends = rows.flatMap(row => [row.low, row.high]);
  const least = Math.min(0, ...ends), most = Math.max(0, ...ends), room = 0.16 * (most - least);
  const low = least - room, high = most + room;
  const against = found.rival === null ? data.nothing : inside(data.options[found.rival].words);
  const turns = all.filter(row => row.low * row.high < 0).map(row => data.labels[row.name]);
  const title = rows.length ? `What matters most: ${data.labels[rows[0].name]}` : "Nothing is uncertain";
  document.getElementById("hangs").textContent = `${data.options[found.first].words}, against ${against}: how much more it is worth `
    + `at both ends of each range. ${turns.length ? `Of ${all.length} assumptions with a range, ${turns.length} can turn the order on their own, `
      + `most of all ${turns.slice(0, 3).join("; ")}` : "No single assumption can turn the order within its range"}.`;
  const figure = document.getElementById("swings");
  figure.setAttribute("aria-label", title + ". " + rows.map(row => `${data.labels[row.name]} from ${short(data.ranges[row.name][0])} to `
    + `${short(data.ranges[row.name][1])}: ${money(row.low, data)} to ${money(row.high, data)}`).join("; "));
  figure.replaceChildren(element("figcaption", {}, title), ...rows.map(row => element("div", { class: "row" },
    element("span", {}, data.labels[row.name]),
    endLabels(track(low, high, row.low, row.high), row, low, high))), axis(low, high), element("p", { class: "small" }, "Grey bar: from the assumption's low to its high value, "
    + "which stand at its ends. Thin line: both are worth the same."));
}

function redraw() {
  const result = compare(data, now), found = ranking(result);
  [document.getElementById("answer").textContent, document.getElementById("sure").textContent] = headline(data, result);
  showOptions(result, found);
  showWorth(result, found);
  showSwings(result, found);
}

function slider(name) {
  const [low, high] = data.ranges[name], id = `slider-${name}`, told = element("output", { for: id });
  const input = element("input", { type: "range", id, min: 0, max: 1000, step: 1 });
  const tell = () => {
    told.textContent = `${short(now[name])} ${data.units[name]}`;
    input.setAttribute("aria-valuetext", told.textContent);
  };
  input.addEventListener("input", () => { now[name] = valueAt(input.value / 1000, low, high); tell(); redraw(); });
  input.toGiven = () => { input.value = 1000 * place(now[name], low, high); tell(); };
  input.toGiven();
  return element("div", { class: "slider" }, element("label", { for: id }, data.labels[name]), input, told);
}

function filterAnswers() {
  const chosen = document.querySelector("input[name=shown]:checked")?.value, more = document.getElementById("more-answers");
  const rows = [...document.querySelectorAll(".question")].filter(row => {
    row.hidden = true;
    return chosen === "all" || row.classList.contains(chosen);
  });
  rows.slice(0, listed).forEach(row => { row.hidden = false; });
  if (more) more.hidden = rows.length <= listed;
}

const first = ranking(compare(data, now));
const names = swings(data, now, first.first, first.rival).map(row => row.name);
document.getElementById("sliders").append(...names.slice(0, SHOWN).map(slider));
document.getElementById("more-sliders").append(...names.slice(SHOWN).map(slider));
document.getElementById("reset").addEventListener("click", () => {
  Object.assign(now, data.assumptions);
  document.querySelectorAll("input[type=range]").forEach(input => input.toGiven());
  redraw();
});
document.querySelectorAll("input[name=shown]").forEach(input => input.addEventListener("change", () => {
  listed = PAGE;
  filterAnswers();
}));
document.getElementById("more-answers")?.addEventListener("click", () => { listed += PAGE; filterAnswers(); });
window.addEventListener("beforeprint", () => document.querySelectorAll("details").forEach(details => { details.open = true; }));
filterAnswers();
redraw();
