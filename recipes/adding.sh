#!/usr/bin/env bash
# The adding problem at T = 100 (Hochreiter and Schmidhuber 1997): 100,000 sequences, seen once each
# in ten passes of 10,000 made anew. LSTM and GRU of 64 end under 0.01, a tanh RNN stays near 1/6, the
# error of who always says 1. Ends with a table; SEEDS="1 2 3" takes more than one seed.
set -euo pipefail
striate=${STRIATE:-build/release/striate}
steps=${STEPS:-100}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
printf '%-6s %5s  %s\n' cell seed 'square error on 2000 sequences'
for seed in ${SEEDS:-1}; do
  for cell in lstm gru rnn; do
    "$striate" train "$cell" --data "adding:$steps" --hidden 64 --epochs 10 --batch 32 \
      --optimizer adam --lr 0.005 --clip-norm 1 --schedule cosine:0.02 --seed "$seed" \
      --out "$out/$cell-$seed" --json >/dev/null
    error=$("$striate" eval "$out/$cell-$seed/best.safetensors" --data "adding:$steps" --json |
      sed -n 's/^ *"loss": \([0-9.e-]*\),*$/\1/p')
    printf '%-6s %5s  %.5f\n' "$cell" "$seed" "$error"
  done
done
