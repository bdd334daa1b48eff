# loses: q2.2.W2
# says: The gradient of W2 is built from the pre-activations: use the hidden layer after its activation, h.T times the gradient of the scores.
# --- replace
        grads['W2'] = h1.T @ dscores
# --- by
        grads['W2'] = z1.T @ dscores
