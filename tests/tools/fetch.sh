#!/bin/bash
# A wrong hash is refused and leaves nothing; without npm one line says what is missing.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
check() { # check WHAT COMMAND...
    local what=$1
    shift
    if "$@"; then
        echo "ok: $what"
    else
        echo "FAILED: $what"
        cat "$work/out"
        failed=1
    fi
}

# An npm that hands out a package of somebody else's making.
mkdir "$work/bin" "$work/package"
echo 'not a model' >"$work/package/llama-tokenizer.js"
cat >"$work/bin/npm" <<EOF
#!/bin/bash
while [ \$# -gt 0 ]; do
    [ "\$1" = --pack-destination ] && folder=\$2
    shift
done
tar -czf "\$folder/package.tgz" -C "$work" package
EOF
chmod +x "$work/bin/npm"

ROSTRUM_CACHE=$work/cache PATH=$work/bin:$PATH "$root/tools/fetch" >"$work/out" 2>&1
check "a wrong hash has exit status 3" test $? -eq 3
check "it is refused loudly" grep -q '^fetch: REFUSED llama-tokenizer-js@1.2.2' "$work/out"
check "the last line says what is missing and how to get it" \
    grep -q '^fetch: missing: the neural models .*To get them: tools/fetch$' "$work/out"
check "nothing of it is kept" \
    test -z "$(find "$work/cache" -type f ! -name lock)"

# A full disk is not told as a missing network.
mkdir "$work/full"
printf '#!/bin/bash\nexit 1\n' >"$work/full/npm"
printf '#!/bin/bash\necho Avail\necho 12\n' >"$work/full/df"
chmod +x "$work/full/npm" "$work/full/df"
ROSTRUM_CACHE=$work/cache PATH=$work/full:$PATH "$root/tools/fetch" >"$work/out" 2>&1
check "a full disk has exit status 1" test $? -eq 1
check "and is named" grep -q "no space left in $work/cache" "$work/out"

# A machine that has everything fetch uses but npm.
mkdir "$work/few"
for command in bash sed grep cut sha256sum sha512sum base64 head tail mkdir rm mv cp cmp \
    chmod tar mktemp flock uname dirname find timeout node; do
    ln -s "$(command -v "$command")" "$work/few/" 2>/dev/null
done
ROSTRUM_CACHE=$work/cache PATH=$work/few "$root/tools/fetch" >"$work/out" 2>&1
check "without npm the exit status is 1" test $? -eq 1
check "and the only line says why" test "$(grep -c '' "$work/out")" -eq 1
check "which is npm" grep -q 'npm is not installed' "$work/out"

exit "$failed"
