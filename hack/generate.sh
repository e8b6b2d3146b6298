#!/usr/bin/env bash
# Generates, in this order: deepcopy functions and CRD-style OpenAPI schemas from api/v1, JSON Schemas for editors from those.
# The same input gives the same bytes; once the pinned tool is in the module cache, no network is needed.
set -euo pipefail
cd "$(dirname "$0")/.."

CONTROLLER_GEN=sigs.k8s.io/controller-tools/cmd/controller-gen@v0.23.0

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

go run "$CONTROLLER_GEN" \
	object paths=./api/v1 \
	crd:crdVersions=v1,allowDangerousTypes=true output:crd:dir="$out/crd"
go run ./hack/generate -crd "$out/crd" -schema "$out/schema"

# Written only when all went well, so that a failure leaves the old files whole.
for kind in crd schema; do
	mkdir -p "config/$kind"
	rm -f config/$kind/*.yaml config/$kind/*.json
	cp "$out/$kind"/* "config/$kind/"
done
