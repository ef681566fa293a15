#!/usr/bin/env bash
# Completion in bash and in a real zsh at a terminal: every option of every command, values that are known, files.
source "$(dirname "$0")/lib.sh"
need python3 script

"$TOP/scripts/completion" bash "$KUBE_CANARY" > "$SCRATCH/bash"
complete_bash() { # WORD…: the last one is being typed
  bash -c 'source "$1"; COMP_WORDS=("${@:2}") COMP_CWORD=$(($# - 2)); _kube_canary; printf "%s\n" "${COMPREPLY[@]}"' bash "$SCRATCH/bash" "$@" |
    sort | paste -sd ' '
}
expect() { # EXPECTED WORD…
  assert_eq "$(complete_bash "${@:2}")" "$1" "completion of ${*:2}"
}
expect "--log.format= --log.level=" kube-canary --log.
expect "--log.level=" kube-canary run --log.l
expect "debug error info warn" kube-canary --log.level =
expect "debug" kube-canary --log.level = d
expect "" kube-canary --node.name = x
mkdir "$SCRATCH/here"
touch "$SCRATCH/here/peers file"
expect "$SCRATCH/here/peers file" kube-canary --peers.file = "$SCRATCH/here/pe"

# All that the program tells of itself, and nothing else.
commands=(run)
mapfile -t -O 1 commands < <("$KUBE_CANARY" --help | sed -n '/^Commands:/,$ { s/^  \([a-z]*\) .*/\1/p }')
options_told() { # COMMAND
  local words=("$1" --help)
  [ "$1" != run ] || words=(--help)
  "$KUBE_CANARY" "${words[@]}" | sed -nE 's/^ +(-[A-Za-z0-9], )? *(--[a-z0-9.-]+=?).*/\2/p' | sort | paste -sd ' '
}
for command in "${commands[@]}"; do
  told=$(options_told "$command")
  assert_at_least "$(wc -w <<< "$told")" 2 "options of $command"
  expect "$told" kube-canary "$command" --
  [ "$command" = run ] || expect "$command" kube-canary "${command:0:3}"
done
note "bash: $(wc -w <<< "${commands[*]}") commands, every option of each"

# For people the same words, within the columns of a terminal; and what cannot be told is no success.
for command in "" "${commands[@]:1}"; do
  TERM=xterm script -qec "stty columns 80; '$KUBE_CANARY' $command --help" /dev/null < /dev/null | tr -d '\r' > "$SCRATCH/help"
  assert_between "$(wc -L < "$SCRATCH/help")" 40 80 "columns of $command --help"
  # shellcheck disable=SC2086 # no word, or one
  assert_eq "$(tr -s ' \n' '\n' < "$SCRATCH/help")" \
    "$("$KUBE_CANARY" $command --help | tr -s ' \n' '\n')" "words of $command --help on a terminal"
  status=0
  # shellcheck disable=SC2086
  "$KUBE_CANARY" $command --help > /dev/full 2> "$SCRATCH/full" || status=$?
  assert_eq "$status $(grep -c 'standard output could not be written' "$SCRATCH/full")" "1 1" "$command --help into a full disk"
done

status=0
"$TOP/scripts/completion" fish "$KUBE_CANARY" > /dev/null 2> "$SCRATCH/fish" || status=$?
assert_eq "$status $(grep -c '"fish" is no shell' "$SCRATCH/fish")" "2 1" "status and words for another shell"

command -v zsh > /dev/null || { note "zsh is not installed: its completion was not tried"; exit 0; }
mkdir "$SCRATCH/functions" "$SCRATCH/bin"
"$TOP/scripts/completion" zsh "$KUBE_CANARY" > "$SCRATCH/functions/_kube-canary"
ln -s "$KUBE_CANARY" "$SCRATCH/bin/kube-canary"
# What is typed and what then stands on the line, which ^X prints.
python3 - "$SCRATCH" << 'END' > "$SCRATCH/zsh" || fail "zsh: $(tail -n 3 "$SCRATCH/zsh")"
import os, pty, re, select, sys, time
scratch = sys.argv[1]
pid, fd = pty.fork()
if pid == 0:
    os.chdir(scratch + '/here')
    os.environ.update(TERM='dumb', PATH=scratch + '/bin:' + os.environ['PATH'])
    os.execvp('zsh', ['zsh', '-f', '-i'])

def read_until(pattern, seconds=20):
    text, end = '', time.monotonic() + seconds
    while time.monotonic() < end:
        if select.select([fd], [], [], 0.1)[0]:
            text += os.read(fd, 65536).decode(errors='replace')
            found = re.search(pattern, text)
            if found:
                return found
    sys.exit(f'no {pattern!r} in {text[-300:]!r}')

def say(text):
    os.write(fd, text.encode())

say(f'unsetopt zle_bracketed_paste beep; fpath=({scratch}/functions $fpath); autoload -U compinit && compinit -u -D\n')
say('show() { print -r -- "LINE<$BUFFER>"; BUFFER= }; zle -N show; bindkey "^X" show; print rea""dy\n')
read_until('ready')
for typed, expected in [
    ('kube-canary --log.lev\t', 'kube-canary --log.level='),
    ('kube-canary --log.level=de\t', 'kube-canary --log.level=debug '),
    ('kube-canary run --probe.protocol=i\t', 'kube-canary run --probe.protocol=icmp '),
    ('kube-canary --peers.file=pe\t', 'kube-canary --peers.file=peers\\ file '),
    ('kube-canary ru\t', 'kube-canary run '),
]:
    say(typed)
    time.sleep(0.3)
    say('\x18')
    line = read_until(r'LINE<([^>]*)>').group(1)
    if line != expected:
        sys.exit(f'{typed!r}: expected {expected!r}, found {line!r}')
    print('as expected:', line)
END
note "zsh: $(grep -c '^as expected' "$SCRATCH/zsh") lines completed at a terminal"
