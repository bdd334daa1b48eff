# loses: q2.1.scores q2.1.loss q2.1.stable
# says: The scores leave out b2: they are h W2 + b2, so add b2.
# --- replace
        scores = h1 @ W2 + b2
# --- by
        scores = h1 @ W2
