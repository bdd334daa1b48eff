# loses: q2.2.W2 q2.3.step q2.3.decay q2.3.batches q2.3.histories q2.4.training.epochs
# says: The gradient of W2 is transposed, of shape (C, H): it has the shape of W2, (H, C).
# --- replace
        grads['W2'] += reg * W2
# --- by
        grads['W2'] += reg * W2
        grads['W2'] = grads['W2'].T
