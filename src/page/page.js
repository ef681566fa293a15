// Keeps the table up to date and in order. cells.js goes before.
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
