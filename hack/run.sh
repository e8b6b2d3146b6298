#!/usr/bin/env bash
# Starts the whole system on loopback and applies the sample Jobs. Flags go to the manager; Ctrl-C ends it all.
set -euo pipefail
cd "$(dirname "$0")/.."

bin/manager --dev "$@" &
manager=$!
trap 'kill -TERM $manager 2>/dev/null; wait $manager' INT TERM

# The manager says by itself what is wrong when it cannot start; then there is nothing to wait for.
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
Ctrl-C stops the system; its data stays, and goes on from there at the next start.

NEXT
wait $manager
