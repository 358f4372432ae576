# bench/lib.sh: what the measuring scripts share; sourced from the repository's root.
#
# Environment: BUILD (build/release), OUT (BUILD/bench), ROSTRUM_CACHE. Sets build, out,
# cache, and core_server and core_load: the first and last core this process may use.
# shellcheck shell=bash
# shellcheck disable=SC2034 # others use what is set here
build=${BUILD:-build/release}
out=${OUT:-$build/bench}
cache=${ROSTRUM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/rostrum}
server=
mkdir -p "$out"
export BUILD=$build OUT=$out ROSTRUM_MODELS_CACHE_DIR=$cache

say() {
    echo "bench: $*"
}
die() {
    say "$*"
    exit 3
}

# figure WHAT VALUE BESIDE RATIO GOAL yes|no|-: one row of the table at the end. BESIDE is
# what it is held against in the same run; "-" where a column has nothing.
figure() {
    printf 'figure\t%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$4" "$5" "$6"
}
# holds CONDITION: yes or no, by awk's arithmetic.
holds() {
    awk "BEGIN { print ($1) ? \"yes\" : \"no\" }"
}
ratio() { # ratio A B
    awk -v a="$1" -v b="$2" 'BEGIN { if (b > 0) printf "%.2f", a / b; else print "-" }'
}

read -r core_server core_load < <(
    taskset -cp $$ | sed 's/.*: //; s/[-,]/ /g' | awk '{ print $1, $NF }'
)

stop_server() {
    [ -n "$server" ] || return 0
    kill -TERM "$server" 2>/dev/null
    wait "$server" 2>/dev/null
    server=
}
trap stop_server EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# start_server [COMMAND_PREFIX... --] FLAG...: on a free port of loopback; sets server (its
# process id) and url when it is ready.
start_server() {
    local prefix=() ready
    while [ "${1:-}" != -- ]; do
        prefix+=("$1")
        shift
    done
    shift
    ready=$(mktemp)
    "${prefix[@]}" "$build/rostrum" serve --server-port 0 --ready-file "$ready" "$@" \
        >"$out/server.log" 2>&1 </dev/null &
    server=$!
    for ((i = 0; i < 600; i++)); do
        [ -s "$ready" ] && break
        kill -0 "$server" 2>/dev/null || break
        sleep 0.1
    done
    url=http://127.0.0.1:$(cat "$ready")
    [ -s "$ready" ] || url=
    rm -f "$ready"
    [ -n "$url" ] && curl -fsS -o "$out/ready" --max-time 5 "$url/readyz" && return 0
    tail -n 8 "$out/server.log"
    die "the server does not get ready: $out/server.log"
}

# Real recordings with what is said in them. Those over 10 s (one in eleven) are left out
# of paced runs, for both sides alike: a round is then long enough for many utterances.
# Kept where `make run` keeps them, so that `rostrum engine calibrate` plays them too.
prompts=$build/../run/prompts
mkdir -p "$build/../run"
[ -s "$prompts/manifest.jsonl" ] || "$build/rostrum-dataset" prompts "$prompts" >/dev/null ||
    die "no recordings: install asterisk-core-sounds-en and asterisk-core-sounds-en-g722"
manifest=$prompts/short.jsonl
[ -s "$manifest" ] || awk -F'"seconds":' '$2 + 0 <= 10' "$prompts/manifest.jsonl" >"$manifest"
