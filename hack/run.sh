#!/usr/bin/env bash
# Starts the whole system on loopback and applies the sample Jobs. Flags go to the manager; Ctrl-C ends it all.
set -euo pipefail
cd "$(dirname "$0")/.."

# The manager prints where it serves once it is ready. HORAE_SERVER and the configuration of horae may name another one.
out=$(mktemp)
bin/manager --dev "$@" > >(tee "$out") &
manager=$!
# Whatever ends this script ends the manager, too.
trap 'kill -TERM $manager 2>/dev/null || true; wait $manager || true; rm -f "$out"' EXIT
trap exit INT TERM

# The manager says by itself what is wrong when it cannot start; then there is nothing to wait for.
until server=$(grep -o -m1 '^manager ready api=[^ ]*' "$out"); do
	kill -0 $manager 2>/dev/null || { wait $manager; exit; }
	sleep 0.2
done
configured=${HORAE_SERVER:-}
export HORAE_SERVER=${server#manager ready api=}
until bin/horae get jobs >/dev/null 2>&1; do
	kill -0 $manager 2>/dev/null || { wait $manager; exit; }
	sleep 0.2
done
bin/horae apply -f manifests
cat <<'NEXT'

The sample Jobs of manifests/ are applied. In another terminal, try:
  bin/horae get jobs                      # what there is, and when it runs next
  bin/horae get runs -w                   # Runs as they come and go
  bin/horae trigger report --wait         # run a Job now
  bin/horae logs report                   # what its last Run printed
  bin/horae describe job hello
  bin/horae schedule '0 2 * * MON-FRI' --time-zone Europe/Berlin
Ctrl-C stops the system and its tasks; its data stays, and goes on from there at the next start.

NEXT
if [ "$HORAE_SERVER" != "${configured:-http://127.0.0.1:8080}" ]; then
	printf 'There, first: export HORAE_SERVER=%s\n\n' "$HORAE_SERVER"
fi
wait $manager
