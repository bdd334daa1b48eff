# loses: q2.2.W1 q2.3.step q2.3.decay q2.3.batches q2.3.histories q2.4.backward.W1 q2.4.training.epochs
# says: operands could not be broadcast together with shapes
# --- replace
        grads['W2'] += reg * W2
# --- by
        grads['W2'] += reg * W2
        grads['W1'] = grads['W1'].T
