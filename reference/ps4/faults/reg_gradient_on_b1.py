# loses: q2.2.b1
# says: The bias b1 is regularised in its gradient; only W1 and W2 are.
# --- replace
        grads['W1'] += reg * W1
# --- by
        grads['W1'] += reg * W1
        grads['b1'] += reg * b1
