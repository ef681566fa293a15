# shellcheck shell=bash
# A real browser, by WebDriver (W3C) spoken with curl: sourced by the tests that look at the status page.
# It runs in namespace a, from which nothing but the test's own namespaces can be reached.

BROWSER_PORT=9515
SESSION=""

driver() { # METHOD PATH [JSON]: the value of the answer
  in_ns a curl -s -X "$1" "http://127.0.0.1:$BROWSER_PORT$2" -H 'Content-Type: application/json' ${3:+-d "$3"}
}

driver_ready() {
  [ "$(driver GET /status | jq -r .value.ready 2> /dev/null)" = true ]
}

browser_start() {
  local driver_pid pid
  mkdir "$SCRATCH/home"
  HOME=$SCRATCH/home ip netns exec "$PREFIX-a" chromedriver --port="$BROWSER_PORT" > "$SCRATCH/browser.log" 2>&1 &
  driver_pid=$!
  own_process "$driver_pid"
  eventually 20 driver_ready || fail "chromedriver does not start"
  # Its sandbox wants a user that is not root, and namespaces of its own.
  SESSION=$(driver POST /session "$(jq -n --arg home "$SCRATCH/home" '{capabilities: {alwaysMatch: {
    "goog:loggingPrefs": {browser: "ALL"},
    "goog:chromeOptions": {args: ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
      "--hide-scrollbars", "--window-size=1600,1000", "--user-data-dir=\($home)/profile"]}}}}')" |
    jq -r .value.sessionId)
  [ -n "$SESSION" ] && [ "$SESSION" != null ] || fail "no session with the browser"
  # shellcheck disable=SC2013 # words are wanted
  for pid in $(cat /proc/"$driver_pid"/task/*/children); do
    own_process "$pid"
  done
}

browse() { # URL
  driver POST "/session/$SESSION/url" "$(jq -n --arg url "$1" '{url: $url}')" > /dev/null
}

script() { # JAVASCRIPT: what it returns, as JSON
  driver POST "/session/$SESSION/execute/sync" "$(jq -n --arg script "$1" '{script: $script, args: []}')" |
    jq -c 'if .value | type == "object" and has("error") then error(.value.message) else .value end'
}

returns() { # JSON JAVASCRIPT: a question for eventually
  [ "$(script "$2")" = "$1" ]
}

element() { # CSS: the first such one's id
  driver POST "/session/$SESSION/element" "$(jq -n --arg css "$1" '{using: "css selector", value: $css}')" |
    jq -er '.value | to_entries[0] | select(.key != "error") | .value' || fail "the page has no $1"
}

click() { # CSS
  driver POST "/session/$SESSION/element/$(element "$1")/click" '{}' | jq -e '.value == null' > /dev/null ||
    fail "$1 cannot be clicked"
}

type_into() { # CSS TEXT; \ue007 is the Enter key
  driver POST "/session/$SESSION/element/$(element "$1")/value" "{\"text\": \"$2\"}" > /dev/null
}

text_of() { # CSS
  driver GET "/session/$SESSION/element/$(element "$1")/text" | jq -r .value
}

devtools() { # COMMAND JSON
  driver POST "/session/$SESSION/goog/cdp/execute" "{\"cmd\": \"$1\", \"params\": $2}" > /dev/null
}

colours() { # light|dark
  devtools Emulation.setEmulatedMedia "{\"features\": [{\"name\": \"prefers-color-scheme\", \"value\": \"$1\"}]}"
}

complaints() { # what stands in the console since it was last asked for
  driver POST "/session/$SESSION/se/log" '{"type": "browser"}' | jq -r '.value[].message'
}

alert_is_open() {
  driver GET "/session/$SESSION/alert/text" | jq -e '.value | type == "string"' > /dev/null
}

screenshot() { # NAME: kept where SCREENSHOTS says, if it does
  [ -z "${SCREENSHOTS:-}" ] ||
    driver GET "/session/$SESSION/screenshot" | jq -r .value | base64 -d > "$SCREENSHOTS/$1.png"
}
