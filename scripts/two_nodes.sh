#!/usr/bin/env bash
# A Ray cluster of two nodes on one machine: two network namespaces that a virtual cable joins. Needs root, `ip` and Ray.
#
#   scripts/two_nodes.sh up            make both namespaces and start a node in each
#   scripts/two_nodes.sh run CMD...    run a command on the first node, with the token of the cluster
#   scripts/two_nodes.sh start a|b     start the head (a) or the second node (b) again
#   scripts/two_nodes.sh kill a|b      kill a node's Ray processes, not the commands that run there
#   scripts/two_nodes.sh down          end everything, and remove all that was made
#
# Variables: NODES (prefix of the names, default pxr), SUBNET (10.77.0), PORT (6399), CPUS (per node, 1), PIN (1: each
# node has a processor of its own), PLACE (folder of the token and of Ray's files), PYTHON (with Ray and this package),
# SECOND (a command that starts the second node's Ray, e.g. `unshare -m`).
set -euo pipefail

NODES=${NODES:-pxr} SUBNET=${SUBNET:-10.77.0} PORT=${PORT:-6399} CPUS=${CPUS:-1}
PLACE=${PLACE:-/tmp/$NODES-nodes} PYTHON=${PYTHON:-$(cd "$(dirname "$0")/.." && pwd)/.venv/bin/python}
RAY=$(dirname "$PYTHON")/ray
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH=$PLACE/token
COMMON=(--num-cpus="$CPUS" --disable-usage-stats --object-store-memory=100000000)

address() { if [ "$1" = a ]; then echo "$SUBNET.1"; else echo "$SUBNET.2"; fi; }
pinned() { if [ -z "${PIN:-}" ]; then "$@"; elif [ "$NODE" = a ]; then taskset -c 0 "$@"; else taskset -c 1 "$@"; fi; }

make_namespace() { # own name, address, other's address
    ip netns add "$NODES$1"
    ip link set "$NODES-$1" netns "$NODES$1"
    ip -n "$NODES$1" link set lo up
    ip -n "$NODES$1" addr add "$2/24" dev "$NODES-$1"
    ip -n "$NODES$1" link set "$NODES-$1" up
    ip -n "$NODES$1" route add default via "$3"
}

start() {
    NODE=$1
    if [ "$1" = a ]; then
        pinned ip netns exec "${NODES}a" "$RAY" start --head --node-ip-address="$(address a)" --port="$PORT" \
            --include-dashboard=false --temp-dir="$PLACE/ray" "${COMMON[@]}" > "$PLACE/a.log" 2>&1
    else
        pinned ip netns exec "${NODES}b" ${SECOND:-} "$RAY" start --address="$(address a):$PORT" \
            --node-ip-address="$(address b)" "${COMMON[@]}" > "$PLACE/b.log" 2>&1
    fi || { echo "Node $1 did not start:" >&2; tail -n 5 "$PLACE/$1.log" >&2; exit 1; }
}

kill_node() {
    for process in $(ip netns pids "$NODES$1"); do
        if tr '\0' ' ' < "/proc/$process/cmdline" | grep -qE 'gcs_server|raylet|ray::|/ray/'; then
            kill -9 "$process" 2> /dev/null || true
        fi
    done
}

down() {
    for node in a b; do
        if ip netns list | grep -q "^$NODES$node\b"; then
            ip netns pids "$NODES$node" | xargs -r kill -9 2> /dev/null || true
            ip netns delete "$NODES$node"
        fi
    done
    ip link delete "$NODES-a" 2> /dev/null || true # `up` was stopped before a namespace had it
    rm -rf "$PLACE"
}

case ${1:-} in
up)
    mkdir -m 700 "$PLACE" || { echo "Nodes named $NODES exist, or did: $0 down removes them." >&2; exit 2; }
    "$PYTHON" -c "import secrets; print(secrets.token_hex(32), end=\"\")" > "$PLACE/token"
    ip link add "$NODES-a" type veth peer name "$NODES-b"
    make_namespace a "$(address a)" "$(address b)"
    make_namespace b "$(address b)" "$(address a)"
    start a
    start b
    echo "$(address a):$PORT"
    ;;
run) shift; exec ip netns exec "${NODES}a" "$@" ;;
start) start "$2" ;;
kill) kill_node "$2" ;;
down) down ;;
*) sed -n '2,/^set/p' "$0" | sed -e '$d' -e 's/^# \{0,1\}//' >&2; exit 2 ;;
esac
