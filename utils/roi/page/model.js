"use strict";
// What the page computes again when a slider moves: the cost model of utils/roi, function by function.
const machines = (o, a, data) => o.api && !o.retrieves ? 0
  : Math.max(1, a.volume * o.seconds / (3600 * data.hours_a_month * data.utilisation));
const queryCost = (o, a) => o.api ? (o.tokens_in * (1 - o.cached) * a.api_input + o.tokens_in * o.cached * a.api_cached
  + o.tokens_out * a.api_output) / 1e6 : 0;
const buildCost = (o, a) => (o.retrieves * a.rag_build + o.uses_graph * a.graph_build + o.trained * a.tuning_build
  + o.feedback_rounds * a.feedback_build) * a.engineer_hour
  + (o.retrieves * a.indexing + o.trained * a.training) * a.machine_hour;
const updateCost = (o, a) => (o.retrieves * a.rag_update + o.facts_in_weights * a.tuning_update) * a.engineer_hour
  + (o.retrieves * a.indexing + o.facts_in_weights * a.training) * a.machine_hour;
const monthlyCost = (o, a, data) => machines(o, a, data) * data.hours_a_month * a.machine_hour + a.evaluation
  + a.updates * updateCost(o, a);

// q: measured shares, of which unanswerable questions contribute two; returned are [correct, wrong] at the assumed share of these.
function assumedShares(o, q, a) {
  if (!(o.unanswerable > 0 && o.unanswerable < 1)) return [q.correct, q.wrong];
  const answerable = (1 - a.unanswerable) / (1 - o.unanswerable), more = a.unanswerable / o.unanswerable - answerable;
  const total = answerable + more * (q.wrong_unanswerable + q.abstained_unanswerable);
  return [answerable * q.correct / total, (answerable * q.wrong + more * q.wrong_unanswerable) / total];
}

function netPresentValue(o, q, a, data) {
  const [correct, wrong] = assumedShares(o, q, a);
  const answers = correct * a.correct - wrong * a.wrong - (1 - correct - wrong) * a.abstained;
  const flow = a.volume * (answers - queryCost(o, a)) - monthlyCost(o, a, data);
  const monthly = Math.pow(1 + a.discount, 1 / 12) - 1;
  const factor = monthly === 0 ? a.months : (1 - Math.pow(1 + monthly, -a.months)) / monthly;
  return flow * factor - buildCost(o, a);
}

function triangular(u, low, mode, high) {
  const log = low > 0 && high >= 4 * low;
  if (log) [low, mode, high] = [Math.log(low), Math.log(mode), Math.log(high)];
  const rising = (mode - low) / (high - low);
  const x = u < rising ? low + Math.sqrt(u * (high - low) * (mode - low))
    : high - Math.sqrt((1 - u) * (high - low) * (high - mode));
  return log ? Math.exp(x) : x;
}

function percentile(sorted, share) {
  const place = share * (sorted.length - 1), below = Math.floor(place), part = place - below;
  return sorted[below] + part * ((sorted[below + 1] ?? sorted[below]) - sorted[below]);
}

// Values of all options for one set of today's assumptions: now, over the draws, and how often each is best.
function compare(data, values) {
  const names = Object.keys(data.uniforms), draws = data.uniforms[names[0]]?.length ?? data.quality[0].correct.length;
  const drawn = { ...values }, count = data.options.length, q = {};
  const worth = data.options.map(() => new Float64Array(draws)), best = new Float64Array(count);
  let none = 0;
  for (let d = 0; d < draws; d++) {
    for (const name of names) {
      const [low, high] = data.ranges[name];
      drawn[name] = triangular(data.uniforms[name][d] / 1e4, low, values[name], high);
    }
    let top = -Infinity;
    for (let i = 0; i < count; i++) {
      for (const name in data.quality[i]) q[name] = data.quality[i][name][d] / 1e4;
      worth[i][d] = netPresentValue(data.options[i], q, drawn, data);
      top = Math.max(top, worth[i][d]);
    }
    if (top <= 0) { none += 1; continue; }
    const winners = worth.reduce((n, w) => n + (w[d] === top), 0);
    for (let i = 0; i < count; i++) if (worth[i][d] === top) best[i] += 1 / winners;
  }
  const sorted = worth.map(w => w.slice().sort());
  return {
    today: data.options.map(o => netPresentValue(o, o, values, data)),
    mean: worth.map(w => w.reduce((sum, x) => sum + x, 0) / draws),
    low: sorted.map(w => percentile(w, 0.025)), high: sorted.map(w => percentile(w, 0.975)),
    best: Array.from(best, x => x / draws), none: none / draws,
  };
}

// Difference of the first two (or of the first and doing nothing) at both ends of every assumption's range, widest first.
function swings(data, values, first, rival) {
  const gap = (name, x) => {
    const a = { ...values, [name]: x }, of = o => netPresentValue(o, o, a, data);
    return of(data.options[first]) - (rival === null ? 0 : of(data.options[rival]));
  };
  return Object.entries(data.ranges).map(([name, [low, high]]) => ({ name, low: gap(name, low), high: gap(name, high) }))
    .sort((x, y) => Math.abs(y.high - y.low) - Math.abs(x.high - x.low));
}

const whole = x => Math.floor(x + 0.5);
const inside = words => words[0].toLowerCase() + words.slice(1);

function rounded(x) {
  if (!x || !isFinite(x)) return x;
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(Math.abs(x))) - 1);
  return Math.sign(x) * whole(Math.abs(x) / unit) * unit;
}

function money(x, data) {
  const value = rounded(x);
  return (value < 0 ? "−" : "") + Math.abs(value).toLocaleString("en-US", { maximumFractionDigits: 0 }) + " " + data.currency;
}

function ranking(result) {
  const order = result.mean.map((_, i) => i).sort((i, j) => result.mean[j] - result.mean[i] || i - j), first = order[0];
  const equal = order.filter(i => i !== first
    && Math.abs(result.mean[i] - result.mean[first]) <= 1e-9 * Math.max(1, Math.abs(result.mean[first])));
  const second = order.find(i => i !== first && !equal.includes(i)) ?? null;
  const share = [first, ...equal].reduce((sum, i) => sum + result.best[i], 0);
  const nothingAhead = result.mean[first] < 0 || result.none > share;
  return { order, first, equal: equal.sort((i, j) => i - j), second, share, rival: nothingAhead ? null : second };
}

function headline(data, result) {
  const { first, equal, second, share } = ranking(result), { none } = result, mean = result.mean[first];
  const key = result.today[first] <= 0 && mean < 0 ? "none" : mean < 0 || none > share ? "open"
    : share < 0.7 ? "ahead" : share >= 0.9 ? "clear" : "probable";
  const best = [first, ...equal].map(i => inside(data.options[i].words)).join(" or ") + (equal.length ? " (they come out equal)" : "");
  const fill = { best, share: whole(100 * share), rival: second === null ? 0 : whole(100 * result.best[second]), none: whole(100 * none),
    second: inside(second === null ? data.nothing : data.options[second].words) };
  return data.headlines[key].map(text => text.replace(/\{(\w+)\}/g, (_, name) => String(fill[name])));
}
