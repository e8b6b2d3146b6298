#!/usr/bin/env bash
# Verifies what a review should not have to: format, vet, go.mod, and that generated files are current.
set -euo pipefail
cd "$(dirname "$0")/.."

unformatted=$(gofmt -l $(git ls-files '*.go'))
if [ -n "$unformatted" ]; then
	echo "not gofmt'ed (run gofmt -w):" >&2
	echo "$unformatted" >&2
	exit 1
fi

go mod tidy -diff || { echo "go.mod is not tidy: run go mod tidy" >&2; exit 1; }
go vet ./...
go vet -tags production ./cmd/manager ./internal/manager

# Generate into a copy of what is there and compare, so that a dirty tree does not hide or fake a difference.
before=$(mktemp -d)
trap 'rm -rf "$before"' EXIT
generated=$(git ls-files 'api/v1/zz_generated.*' config/crd config/schema)
tar -cf - $generated | tar -xf - -C "$before"
./hack/generate.sh
for f in $(git ls-files --cached --others --exclude-standard 'api/v1/zz_generated.*' config/crd config/schema); do
	if ! diff -u "$before/$f" "$f" >&2; then
		echo "$f was not current: commit what make generate made of it" >&2
		exit 1
	fi
done
echo "verify: ok"
