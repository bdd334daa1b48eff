# loses: q2.1.published
# says: The activation is applied to the scores too; the scores are h W2 + b2 as they are.
# --- replace
        scores = h1 @ W2 + b2
# --- by
        scores = self.activate(h1 @ W2 + b2)
