# loses: q2.1.published
# says: The bias b1 is subtracted; add it.
# --- replace
        z1 = X @ W1 + b1
# --- by
        z1 = X @ W1 - b1
