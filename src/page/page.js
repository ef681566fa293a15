// Keeps the table up to date and in order. Whatever comes from the network becomes text nodes or
// numbers, never markup.
"use strict";
(() => {
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

// --- the table

const collator = new Intl.Collator("en", { numeric: true });

function compare(a, b) {
  const column = COLUMNS.find(({ key }) => key === sort.key);
  const x = column.value(a), y = column.value(b);
  let order = 0;
  // What is not known comes last, whichever way.
  if (x === null || y === null) order = (x === null) - (y === null);
  else {
    order = typeof x === "string" ? collator.compare(x, y) : x - y;
    if (sort.descending) order = -order;
  }
  return order || (sort.key === "health" && (b.loss_recent || 0) - (a.loss_recent || 0)) ||
    collator.compare(a.peer, b.peer) || (a.address < b.address ? -1 : 1);
}

function chosen() {
  const words = byId("find").value.toLowerCase().split(/\s+/).filter(Boolean);
  const zone = byId("zone").value;
  return peers.filter((p) => (!health || p.health === health) && (!zone || p.zone === zone) &&
    words.every((word) => `${p.peer}\n${p.address}\n${p.zone}\n${p.state}\n${p.health}\n${p.protocol}`.toLowerCase().includes(word)))
    .sort(compare);
}

function rowOf(peer) {
  const key = peer.address;
  let row = rows.get(key);
  if (!row) {
    row = { tr: element("tr"), cells: [], drawn: [] };
    for (const { key: name, className } of COLUMNS) {
      const cell = element(name === "peer" ? "th" : "td", undefined, className);
      if (name === "peer") cell.scope = "row";
      row.cells.push(cell);
      row.tr.append(cell);
    }
    rows.set(key, row);
  }
  if (row.peer === peer && row.scale === scale) return row.tr;
  row.peer = peer;
  row.scale = scale;
  row.tr.className = peer.health;
  COLUMNS.forEach(({ fill }, i) => fill(row.cells[i], peer));
  return row.tr;
}

function draw() {
  const wanted = chosen();
  const list = wanted.slice(0, shown);
  const present = new Set(list.map((p) => p.address));
  for (const [key, row] of rows) {
    if (present.has(key)) continue;
    row.tr.remove();
    rows.delete(key);
  }
  list.forEach((peer, i) => {
    const tr = rowOf(peer);
    tr.setAttribute("aria-rowindex", i + 2);
    if (body.children[i] !== tr) body.insertBefore(tr, body.children[i] || null);
  });
  // Rows that the server wrote, if there are any left.
  while (body.children.length > list.length) body.lastChild.remove();
  body.classList.add("live");
  byId("peers").setAttribute("aria-rowcount", wanted.length + 1);
  const rest = wanted.length - list.length;
  byId("rest").hidden = rest === 0 && wanted.length > 0;
  byId("more").hidden = rest === 0;
  byId("remaining").textContent = rest ? `${count(rest)} more of ${count(wanted.length)}` :
    peers.length ? "No peer is like that." : "No peers are probed.";
  document.querySelectorAll("#peers thead th").forEach((th) => {
    if (th.dataset.key !== sort.key) th.removeAttribute("aria-sort");
    else th.setAttribute("aria-sort", sort.descending ? "descending" : "ascending");
  });
  remember();
}

// --- what is above it

function summarise() {
  const counts = Object.fromEntries(HEALTHS.map((name) => [name, 0]));
  for (const peer of peers) counts[peer.health]++;
  byId("summary").querySelectorAll("button").forEach((button) => {
    const name = button.value;
    button.querySelector("b").textContent = count(counts[name]);
    button.classList.toggle("none", counts[name] === 0);
    button.setAttribute("aria-pressed", String(health === name));
  });
  const bad = ["lost", "refused", "degraded"].filter((name) => counts[name]).map((name) => `${counts[name]} ${name}`);
  const said = (bad.length ? bad.join(", ") : "none lost, refused or degraded") + ` of ${peers.length} peers`;
  // Said when it changes, and not at every renewal.
  if (news !== said) byId("news").textContent = news = said;
  document.title = (bad.length ? "\u25b2 " + bad.join(", ") + " \u2013 " : "") + byId("node").textContent + " \u2013 kube-canary";
}

function listZones() {
  const select = byId("zone");
  const zones = [...new Set(peers.map((p) => p.zone))].filter(Boolean).sort(collator.compare);
  const present = [...select.options].slice(1).map((option) => option.value);
  if (zones.join("\n") === present.join("\n")) return;
  const kept = select.value;
  select.replaceChildren(select.options[0], ...zones.map((zone) => {
    const option = element("option", visible(zone));
    option.value = zone;
    return option;
  }));
  select.value = zones.includes(kept) ? kept : "";
}

function fact(name, ...parts) {
  const value = element("dd");
  for (const part of parts) value.append(part, " ");
  const group = element("div");
  group.append(element("dt", name), value);
  return group;
}

function attachment(of) {
  const parts = ["egress", "ingress"].map((way) => {
    const { attached, mode, error } = of[way];
    if (attached) return element("span", `${way} ${mode}`);
    return element("span", `\u2715 ${way} not attached${error ? ": " + error : mode === "none" ? "" : ` (${mode}, no effect)`}`, "bad");
  });
  return fact("Interface " + visible(of.name), parts[0], "\u00b7", parts[1]);
}

function describe(status) {
  const refused = Object.values(status.reflector.refused).reduce((sum, n) => sum + n, 0);
  const found = status.peers;
  const surplus = status.surplus.peers_max + status.surplus.probe_max;
  const about = [];
  if (status.zone) about.push("zone " + visible(status.zone));
  about.push(`version ${status.version} (${status.revision})`);
  if (status.uptime_seconds !== null) about.push("up " + age(status.uptime_seconds));
  byId("about").textContent = about.join(" \u00b7 ");
  byId("node").textContent = visible(status.node);
  byId("here").replaceChildren(
    ...(status.interfaces.length ? status.interfaces.map(attachment) : [fact("Interfaces", element("span", "none in use", "bad"))]),
    fact("Probed", `${count(found.probed)} of ${count(found.discovered)} addresses`,
      ...(found.lingering ? [element("small", `${count(found.lingering)} lingering`)] : []),
      ...(surplus ? [element("span", `${count(surplus)} too many`, "bad")] : [])),
    fact("Reflected", count(status.reflector.reflected), element("small", `${count(refused)} refused`)),
    fact("Clock", status.clock.synchronised ? "synchronised" : element("span", "\u25b2 not synchronised", "warn")),
    fact("Loop delay", `p50 ${duration(status.loop_delay_seconds.p50)}`, "\u00b7", `p99 ${duration(status.loop_delay_seconds.p99)}`));
}

// --- asking

function fresh(text, stale) {
  byId("fresh").textContent = text;
  byId("fresh").classList.toggle("stale", stale);
}

const clock = () => new Date().toLocaleTimeString([], { hour12: false });
let answered = "";

async function ask(path) {
  const answer = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!answer.ok) throw new Error(answer.status);
  return answer.json();
}

async function renew() {
  clearTimeout(timer);
  const began = performance.now();
  try {
    // One after the other: a node answers few at once.
    const status = await ask("/api/v1/status");
    const list = await ask("/api/v1/peers");
    peers = list.peers;
    scale = findScale();
    describe(status);
    listZones();
    summarise();
    draw();
    answered = clock();
    if (!paused) fresh("Updated " + answered, false);
  } catch (error) {
    // Rather what the server wrote than nothing.
    body.classList.add("live");
    fresh("\u25b2 No answer" + (answered ? " since " + answered : "") + ", trying again", true);
  }
  schedule(Math.max(PERIOD_MS, (performance.now() - began) * SHARE));
}

function schedule(milliseconds) {
  clearTimeout(timer);
  if (!paused && !document.hidden) timer = setTimeout(renew, milliseconds);
}

// --- what people do

// Where one was is kept in the address, so that a wall can be given a link.
function remember() {
  const kept = new URLSearchParams();
  if (sort.key !== "health" || !sort.descending) kept.set("sort", (sort.descending ? "-" : "") + sort.key);
  if (health) kept.set("health", health);
  if (byId("find").value) kept.set("find", byId("find").value);
  if (byId("zone").value) kept.set("zone", byId("zone").value);
  const hash = kept.toString();
  if (hash !== location.hash.slice(1)) history.replaceState(null, "", hash ? "#" + hash : location.pathname);
}

function recall() {
  const kept = new URLSearchParams(location.hash.slice(1));
  const key = (kept.get("sort") || "").replace(/^-/, "");
  if (COLUMNS.some((column) => column.key === key)) sort = { key, descending: kept.get("sort")[0] === "-" };
  if (HEALTHS.includes(kept.get("health"))) health = kept.get("health");
  byId("find").value = kept.get("find") || "";
  const zone = kept.get("zone");
  if (zone) {
    const option = element("option", visible(zone));
    option.value = zone;
    byId("zone").append(option);
    byId("zone").value = zone;
  }
}

function anew() {
  shown = CHUNK;
  summarise();
  draw();
}

function prepare() {
  document.querySelectorAll("#peers thead th").forEach((th) => {
    const button = element("button", th.textContent);
    button.type = "button";
    button.addEventListener("click", () => {
      const words = ["peer", "zone"].includes(th.dataset.key);
      sort = { key: th.dataset.key, descending: sort.key === th.dataset.key ? !sort.descending : !words };
      anew();
    });
    th.replaceChildren(button);
  });
  document.querySelectorAll("#summary .item").forEach((item, i) => {
    const button = element("button", undefined, item.className);
    button.type = "button";
    button.value = HEALTHS[i];
    button.append(...item.childNodes);
    button.addEventListener("click", () => {
      health = health === button.value ? "" : button.value;
      anew();
    });
    item.replaceWith(button);
  });
  byId("tools").hidden = false;
  byId("tools").addEventListener("submit", (event) => event.preventDefault());
  byId("find").addEventListener("input", anew);
  byId("zone").addEventListener("change", anew);
  byId("pause").addEventListener("click", () => {
    paused = !paused;
    byId("pause").setAttribute("aria-pressed", String(paused));
    if (paused) fresh("Paused" + (answered ? ", as of " + answered : ""), false);
    schedule(0);
  });
  byId("more").addEventListener("click", () => {
    shown += CHUNK;
    draw();
  });
  document.addEventListener("visibilitychange", () => schedule(0));
}

recall();
prepare();
renew();
})();
