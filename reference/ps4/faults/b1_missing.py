# loses: q2.1.published
# says: b1 is missing from the forward pass; the hidden layer starts from X W1 + b1.
# --- replace
        z1 = X @ W1 + b1
# --- by
        z1 = X @ W1
