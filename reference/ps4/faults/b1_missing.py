# loses: q2.1.scores q2.1.loss q2.1.stable
# says: The forward pass leaves out b1: the hidden layer is f(X W1 + b1), so add b1 before the activation.
# --- replace
        z1 = X @ W1 + b1
# --- by
        z1 = X @ W1
