# loses: q2.2.W2
# says: The gradient of W2 uses the pre-activation; it is hᵀ times the gradient of the scores.
# --- replace
        grads['W2'] = h1.T @ dscores
# --- by
        grads['W2'] = z1.T @ dscores
