// What stands in the table's cells, and how a column is sorted. page.js goes on from here, in one function made of both.
// Whatever comes from the network becomes text nodes or numbers, never markup.
const PERIOD_MS = 5000;
// So much of the time at most is spent on asking: a node with thousands of peers is asked less often.
const SHARE = 20;
const TIMEOUT_MS = 30000;
const CHUNK = 200;
const HEALTHS = ["ok", "degraded", "lost", "refused", "unknown"];
const MARKS = { ok: "\u25cf", degraded: "\u25b2", lost: "\u2715", refused: "\u2298", unknown: "?" };
// What needs a look comes first; what is not known is not well.
const SEVERITY = { lost: 4, refused: 3, degraded: 2, unknown: 1, ok: 0 };
const SVG = "http://www.w3.org/2000/svg";
const NONE = "\u2013";
const byId = (id) => document.getElementById(id);
const body = byId("peers").tBodies[0];

let peers = [];
let shown = CHUNK;
let sort = { key: "health", descending: true };
let health = "";
let paused = false;
let timer = 0;
let news = "";
let scale = { low: 0, high: 1 };
const rows = new Map();

// --- text

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

// Control characters are shown, not obeyed.
function visible(text) {
  return text.replace(/[\u0000-\u001f]/g, (c) => String.fromCharCode(0x2400 + c.charCodeAt(0))).replace(/\u007f/g, "\u2421");
}

function digits(value) {
  return value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
}

function duration(seconds) {
  if (seconds === null) return NONE;
  if (seconds < 0.0009995) return digits(seconds * 1e6) + "\u00a0\u00b5s";
  if (seconds < 0.9995) return digits(seconds * 1e3) + "\u00a0ms";
  return digits(seconds) + "\u00a0s";
}

function share(value) {
  if (value === null) return NONE;
  return value === 0 ? "0\u00a0%" : (value * 100).toFixed(value < 0.1 ? 1 : 0) + "\u00a0%";
}

function count(value) {
  return String(value).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

function age(seconds) {
  const units = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const at = units.findIndex(([size]) => seconds >= size);
  if (at < 0) return "0\u00a0s";
  const [size, name] = units[at];
  let text = Math.floor(seconds / size) + "\u00a0" + name;
  if (at < 2) text += " " + Math.floor(seconds % size / units[at + 1][0]) + "\u00a0" + units[at + 1][1];
  return text;
}

// Two texts: for the eye, and for those who listen.
function spoken(cell, seen, said) {
  const eye = element("span", seen);
  eye.setAttribute("aria-hidden", "true");
  cell.replaceChildren(eye, element("span", said, "hidden"));
}

// --- columns

// Hosts begin with one of these; each router takes one off.
function routers(limit) {
  return limit === null ? null : [64, 128, 255].find((first) => first >= limit) - limit;
}

function hops(peer) {
  const there = routers(peer.hop_limit.probe);
  const back = routers(peer.hop_limit.reply);
  if (back === null) return NONE;
  return there === null ? "? / " + back : there + " / " + back;
}

function direction(cell, peer) {
  const probes = peer.probes;
  if (probes.lost === 0) cell.textContent = NONE;
  else spoken(cell, `\u2192${count(probes.lost_forward)}\u2003\u2190${count(probes.lost_backward)}\u2003?${count(probes.lost_undetermined)}`,
    `${probes.lost_forward} on the way there, ${probes.lost_backward} on the way back, ${probes.lost_undetermined} not known`);
}

function lossyFlow(peer) {
  return peer.flows.find((flow) => flow.stands_out);
}

function flows(cell, peer) {
  const lossy = lossyFlow(peer);
  cell.textContent = lossy ? `port ${lossy.source_port}: ${lossy.lost_recent} of 100` : String(peer.flows.length || 1);
  cell.className = lossy ? "wider bad" : "wider";
}

function who(cell, peer) {
  let about = peer.address === peer.peer ? "" : peer.address + " \u00b7 ";
  about += peer.protocol;
  if (peer.state !== "probed") about += " \u00b7 " + peer.state;
  if (!peer.listed) about += " \u00b7 not in metrics";
  const name = element("bdi", visible(peer.peer));
  name.title = visible(peer.peer);
  cell.replaceChildren(name, element("small", about));
}

// One scale for all peers, so that shapes can be compared.
function findScale() {
  let low = Infinity, high = -Infinity;
  for (const { buckets } of peers) {
    if (!buckets.length) continue;
    low = Math.min(low, buckets[0][0]);
    high = Math.max(high, buckets[buckets.length - 1][0]);
  }
  if (low === Infinity) return { low: 0, high: 1 };
  const range = { low: Math.floor(Math.log2(low)) - 1, high: Math.ceil(Math.log2(high)) };
  while (range.high - range.low < 4) range.high++;
  return range;
}

function shape(cell, peer) {
  if (!peer.buckets.length) {
    cell.textContent = NONE;
    return;
  }
  const width = 144, height = 26, bars = 36;
  const heights = new Array(bars).fill(0);
  const place = (seconds) => (Math.log2(seconds) - scale.low) / (scale.high - scale.low);
  for (const [bound, number] of peer.buckets)
    heights[Math.min(bars - 1, Math.max(0, Math.ceil(place(bound) * bars) - 1))] += number;
  const most = Math.max(...heights);
  let path = "";
  heights.forEach((number, bar) => {
    // By the root: a tail of a thousandth is still seen.
    const size = number ? Math.max(1.5, Math.sqrt(number / most) * height) : 0;
    if (size) path += `M${bar * width / bars} ${height + 1}v${-size.toFixed(1)}h${width / bars - 1}V${height + 1}z`;
  });
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${width} ${height + 2}`);
  svg.setAttribute("role", "img");
  svg.setAttribute("preserveAspectRatio", "none");
  const first = duration(peer.buckets[0][0]), last = duration(peer.buckets[peer.buckets.length - 1][0]);
  svg.setAttribute("aria-label", `up to ${first} at best, up to ${last} at worst, half within ${duration(peer.rtt_seconds.p50)}`);
  const title = document.createElementNS(SVG, "title");
  title.textContent = `${first} \u2026 ${last}; the whole width is ${duration(2 ** scale.low)} to ${duration(2 ** scale.high)}`;
  const drawn = document.createElementNS(SVG, "path");
  drawn.setAttribute("d", path);
  const median = document.createElementNS(SVG, "line");
  const x = (place(peer.rtt_seconds.p50) * width).toFixed(1);
  for (const [name, value] of [["x1", x], ["x2", x], ["y1", 0], ["y2", height + 1]]) median.setAttribute(name, value);
  svg.append(title, drawn, median);
  cell.replaceChildren(svg);
}

const plain = (text) => (cell, peer) => { cell.textContent = text(peer); };
// In the order of the table's head: how to fill a cell, and what to sort by.
const COLUMNS = [
  { key: "health", className: "mark", fill: plain((p) => MARKS[p.health] + " " + p.health), value: (p) => SEVERITY[p.health] },
  { key: "peer", fill: who, value: (p) => p.peer },
  { key: "zone", className: "zone", fill: plain((p) => visible(p.zone) || NONE), value: (p) => p.zone },
  { key: "loss", className: "number", fill: plain((p) => share(p.loss_recent)), value: (p) => p.loss_recent },
  { key: "lost", className: "number", fill: plain((p) => count(p.probes.lost)), value: (p) => p.probes.lost },
  { key: "direction", className: "wide", fill: direction, value: (p) => p.probes.lost_forward - p.probes.lost_backward },
  { key: "last", className: "number", fill: plain((p) => duration(p.rtt_seconds.last)), value: (p) => p.rtt_seconds.last },
  { key: "min", className: "number wide", fill: plain((p) => duration(p.rtt_seconds.min)), value: (p) => p.rtt_seconds.min },
  { key: "p50", className: "number", fill: plain((p) => duration(p.rtt_seconds.p50)), value: (p) => p.rtt_seconds.p50 },
  { key: "p90", className: "number wide", fill: plain((p) => duration(p.rtt_seconds.p90)), value: (p) => p.rtt_seconds.p90 },
  { key: "p99", className: "number", fill: plain((p) => duration(p.rtt_seconds.p99)), value: (p) => p.rtt_seconds.p99 },
  { key: "spread", className: "shape", fill: shape, value: (p) => p.rtt_seconds.p50 && p.rtt_seconds.p99 / p.rtt_seconds.p50 },
  { key: "variation", className: "number wider", fill: plain((p) => duration(p.variation_seconds)), value: (p) => p.variation_seconds },
  { key: "hops", className: "number wider", fill: plain(hops), value: (p) => routers(p.hop_limit.reply) },
  { key: "flows", className: "wider", fill: flows, value: (p) => (lossyFlow(p) || { lost_recent: 0 }).lost_recent },
];
