#!/usr/bin/env bash
# Runs the simulator: a proxy, its pools, origins and clients in a world whose network fails by seed.
#
#   SEED=N                    one seed, with its conversation (TRACE=1: what arrived where, too)
#   SEEDS=N FIRST=N JOBS=N    so many seeds from the first on, so many at once
#
# It fails when an invariant is broken, and names the seed; or when a kind of fault never occurred.
set -euo pipefail
cd "$(dirname "$0")/.."

swift build --configuration release --product Simulate
simulate=.build/release/Simulate
if [ -n "${SEED:-}" ]; then
  exec "$simulate" --seed "$SEED" ${TRACE:+--trace}
fi
exec "$simulate" --seeds "${SEEDS:-2000}" --first "${FIRST:-1}" --jobs "${JOBS:-$(nproc)}"
