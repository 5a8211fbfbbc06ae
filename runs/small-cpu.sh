#!/usr/bin/env bash
# The reference run: a `mini` BERT on an English dump and novels, about twenty minutes of training on two cores.
#
#   runs/small-cpu.sh DUMP BOOKS FOLDER
#
# docs/training.md shows what its losses and accuracies look like, step by step.
set -euo pipefail

dump=${1:?the dump: enwiki-…-pages-articles-multistream.xml.bz2}
books=${2:?a folder of books}
folder=${3:?the folder to write corpus and run to}

# 1. A corpus of examples of 128 tokens, with documents held out to validate on.
bertdata build-corpus --wikipedia "$dump" --books "$books" --vocab-size 8000 --validation-fraction 0.02 \
                      --output "$folder/corpus"

# 2. Its promises hold.
bertdata verify "$folder/corpus"

# 3. 2,000 steps of 32 examples. Small batches: twenty minutes are few tokens, and more steps learn more from them. They
#    want a lower rate than the preset's, which is for 256: at 1e-3 the loss goes up again where the warm-up ends.
bertdata pretrain "$folder/corpus" --preset mini --output "$folder/run" --steps 2000 --batch-size 32 \
                  --lr 3e-4 --warmup-steps 200 --schedule continuous --log-every 50 --validate-every 200 --checkpoint-every 500

# 4. The same numbers for a person (curves.png) and for a program (log.jsonl).
echo "$folder/run/curves.png"
