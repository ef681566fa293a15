#!/usr/bin/env bash
# The status page in a real browser: of a real mesh, and of an invented node with a hostile name among its
# peers, and with 5,000 of them. Sorting, filters, renewal, both colour schemes, no script, a server that
# goes away; the browser has nothing to complain of. SCREENSHOTS=FOLDER keeps what it looked like.
# Alone: a browser is slow enough.
PROTOCOL=stamp
source "$(dirname "$0")/lib.sh"
source "$(dirname "$0")/browser.sh"
need chromium chromedriver jq base64

two_nodes

page_serve() { # PEERS: sets PAGE and SERVER
  rm -f "$SCRATCH/page"
  ip netns exec "$PREFIX-a" "$TOOLS/page_server" "$SCRATCH/page" "$1" 2>> "$SCRATCH/page_server.log" &
  SERVER=$!
  own_process "$SERVER"
  eventually 10 test -s "$SCRATCH/page" || fail "the page's server does not start"
  PAGE=http://127.0.0.1:$(cat "$SCRATCH/page")/
}

live_rows() { # NUMBER
  eventually 20 returns "$1" 'return document.querySelectorAll("tbody.live tr").length' ||
    fail "$(script 'return document.querySelectorAll("tbody tr").length') rows instead of $1: $(text_of '#fresh')"
}

quiet() { # WHAT
  local said
  said=$(complaints)
  assert_eq "$said" "" "complaints of the browser, $1"
}

# Numbers that the rows show, in seconds: of p99 and the like.
SECONDS_OF='const seconds = (t) => { const [n, u] = t.split("\u00a0"); return n * {"\u00b5s": 1e-6, ms: 1e-3, s: 1}[u]; };'
column() { # KEY: the texts of its cells, top down
  script "const at = [...document.querySelectorAll('thead th')].findIndex((th) => th.dataset.key === '$1');
    return [...document.querySelectorAll('tbody tr')].map((tr) => tr.cells[at].textContent)"
}

sorted() { # KEY ascending|descending FUNCTION
  script "$SECONDS_OF const of = $3, at = [...document.querySelectorAll('thead th')].findIndex((th) => th.dataset.key === '$1');
    const seen = [...document.querySelectorAll('tbody tr')].map((tr) => of(tr.cells[at].textContent));
    return seen.every((x, i) => i === 0 || ('$2' === 'ascending' ? seen[i - 1] <= x : seen[i - 1] >= x))"
}

browser_start

# --- three peers, the first of them hostile

page_serve 3
colours light
browse "$PAGE"
live_rows 3
HOSTILE='<script>alert(1)</script>"␊'
alert_is_open && fail "a name was executed"
assert_eq "$(script 'return document.querySelectorAll("script").length')" 2 "scripts on the page"
assert_eq "$(script 'return [...document.querySelectorAll("bdi")].map((b) => b.textContent)' | jq -r --arg name "$HOSTILE" \
  'index($name) != null')" true "the hostile name is shown as it is"
quiet "a hostile name"

# Each column sorts by a click, and the other way by the next; one at a time says so.
for key in $(script 'return [...document.querySelectorAll("thead th")].map((th) => th.dataset.key)' | jq -r '.[]'); do
  seen=""
  for _ in 1 2; do
    click "th[data-key=$key] button"
    assert_eq "$(script 'return document.querySelectorAll("[aria-sort]").length')" 1 "columns that are sorted by"
    seen+="$(script "return document.querySelector('th[data-key=$key]').getAttribute('aria-sort')") "
  done
  [ "$seen" = '"ascending" "descending" ' ] || [ "$seen" = '"descending" "ascending" ' ] ||
    fail "clicks on $key sort it $seen"
done
for way in descending ascending; do
  click 'th[data-key=p99] button'
  assert_eq "$(sorted p99 "$way" seconds)" true "p99 is $way: $(column p99)"
done
# By keyboard alone.
type_into 'th[data-key=peer] button' '\ue007'
assert_eq "$(script 'return document.querySelector("th[data-key=peer]").getAttribute("aria-sort")')" '"ascending"' "by Enter"
assert_eq "$(script 'return [...document.querySelectorAll("bdi")].map((b) => b.textContent)' | jq -c '.[1:]')" \
  '["node-1.rack-0.example","node-2.rack-0.example"]' "names in order"
assert_eq "$(script 'return location.hash')" '"#sort=peer"' "the address keeps the order"

# Filters.
type_into '#find' 'SCRIPT'
live_rows 1
script 'document.getElementById("find").value = ""; document.getElementById("find").dispatchEvent(new Event("input"))' > /dev/null
live_rows 3
click '#zone option[value=zone-b]'
live_rows 1
click '#zone option[value=""]'
live_rows 3
click '#summary button.lost'
live_rows 1
assert_eq "$(script 'return [...document.querySelectorAll("tbody tr")].map((tr) => tr.className)')" '["lost"]' "of that health"
click '#summary button.lost'
live_rows 3

# What is seen is renewed, until it is paused.
REQUESTS='return performance.getEntriesByType("resource").filter((e) => e.name.endsWith("/peers")).length'
before=$(script "$REQUESTS")
more_requests() {
  [ "$(script "$REQUESTS")" -gt "$before" ]
}
eventually 15 more_requests || fail "the page does not renew itself"
click '#pause'
before=$(script "$REQUESTS")
sleep 6
assert_eq "$(script "$REQUESTS")" "$before" "requests while it is paused"
click '#pause'
eventually 5 more_requests || fail "the page does not go on"

# Both colour schemes: every mark and every text can be read (WCAG 2.1, 4.5 : 1).
CONTRAST='const rgb = (c) => c.match(/\d+(\.\d+)?/g).slice(0, 3).map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const light = (c) => { const [r, g, b] = rgb(c); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = (e) => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (!c.endsWith(", 0)")) return c; } };
  return Math.min(...[...document.querySelectorAll(".mark, td, th, dt, dd, small, p, label, .item")].map((e) => {
    const x = light(getComputedStyle(e).color), y = light(ground(e));
    return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05); }))'
for scheme in light dark; do
  colours "$scheme"
  contrast=$(script "$CONTRAST")
  assert_at_least "$contrast" 4.5 "contrast, $scheme"
  note "least contrast, $scheme: $contrast"
  grounds+=("$(script 'return getComputedStyle(document.body).backgroundColor')")
  screenshot "three-$scheme"
done
[ "${grounds[0]}" != "${grounds[1]}" ] || fail "light and dark are the same"
colours light

# A telephone: nothing but the table is wider than the screen.
devtools Emulation.setDeviceMetricsOverride '{"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": true}'
assert_eq "$(script 'return document.documentElement.scrollWidth <= 390')" true "no scrolling sideways"
screenshot three-narrow
devtools Emulation.clearDeviceMetricsOverride '{}'
quiet "after all of that"

# The policy is in force: what is brought in by force is not run.
assert_eq "$(script 'try { const s = document.createElement("script"); s.textContent = "window.brought = 1"; document.head.append(s); }
  catch (e) {} return window.brought === undefined')" true "a script that is not the page's own"
complaints > /dev/null

# A server that goes away is told of.
kill -TERM "$SERVER"
eventually 15 returns true 'return document.getElementById("fresh").classList.contains("stale")' ||
  fail "the page does not tell that nobody answers"
live_rows 3

# Without script.
page_serve 3
devtools Emulation.setScriptExecutionDisabled '{"value": true}'
browse "$PAGE"
assert_eq "$(text_of 'tbody tr:nth-child(1) bdi')" "$HOSTILE" "the hostile name, without script"
[[ $(text_of 'tbody tr:nth-child(3)') == *lost*node-2*zone-c* ]] || fail "no row without script"
[[ $(text_of '#fresh') == *"load it again"* ]] || fail "no word of that there is no script"
screenshot three-without-script
devtools Emulation.setScriptExecutionDisabled '{"value": false}'
complaints > /dev/null
kill -TERM "$SERVER"

# --- five thousand

page_serve 5000
browse "$PAGE"
live_rows 200
note "5,000 peers: page $(script 'const e = performance.getEntriesByType("navigation")[0]; return `${e.decodedBodySize} octets, loaded in ${Math.round(e.loadEventEnd)} ms`'), API $(
  script 'const e = performance.getEntriesByType("resource").find((r) => r.name.endsWith("/peers")); return `${e.decodedBodySize} octets in ${Math.round(e.duration)} ms`')"
TIMED='const t = performance.now(); const done = () => { document.body.offsetHeight; return Math.round(performance.now() - t); };'
note "5,000 peers: sorted in $(script "$TIMED document.querySelector('th[data-key=p99] button').click(); return done()") ms, 200 more in $(
  script "$TIMED document.getElementById('more').click(); return done()") ms"
live_rows 400
assert_eq "$(script 'return document.getElementById("peers").getAttribute("aria-rowcount")')" '"5001"' "rows that are told of"
assert_eq "$(sorted p99 descending seconds)" true "p99 of many is descending"
type_into '#find' 'rack-95 zone-b'
eventually 5 returns true 'return document.querySelectorAll("tbody tr").length < 40' || fail "many are not filtered"
browse "$PAGE"
for scheme in light dark; do
  colours "$scheme"
  live_rows 200
  screenshot "thousands-$scheme"
done
quiet "5,000 peers"
kill -TERM "$SERVER"

# --- a real mesh

canaries_start --probe.interval=100ms
browse http://127.0.0.1:10862/
colours light
node_b_is_well() {
  script 'return [...document.querySelectorAll("tbody.live tr.ok bdi")].map((b) => b.textContent)' | jq -e 'index("node-b") != null' > /dev/null
}
eventually 30 node_b_is_well || fail "node-b is not seen well: $(text_of tbody)"
[[ $(text_of '#here') == *"Interface eth0"*"egress tcx"*"ingress tcx"* ]] || fail "not attached: $(text_of '#here')"
[[ $(text_of '#about') == *"zone zone-a"*version*up* ]] || fail "about: $(text_of '#about')"
assert_eq "$(in_ns a curl -sf -o /dev/null -w '%header{content-security-policy}' http://127.0.0.1:10862/ | grep -c "default-src 'none'")" 1 "policy"
screenshot mesh
quiet "a real mesh"
