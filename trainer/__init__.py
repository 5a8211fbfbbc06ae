"""Pre-train and fine-tune BERT in torch, on the shards that bertdata writes."""

import os

# torch's threads wait for each other at the end of every operation, by default spinning: where another process runs on
# one of the cores, they spin until it is done. Asleep they cost it nothing. Read when torch is imported, so set before.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
