# loses: q2.1.loss q2.2.W1 q2.2.b1 q2.2.W2 q2.2.b2 q2.3.step q2.3.decay q2.3.batches q2.3.histories q2.4.forward.loss q2.4.backward.W1 q2.4.backward.b1 q2.4.backward.W2 q2.4.backward.b2 q2.4.training.epochs
# says: the first call was right, so loss keeps something between calls
# --- replace
        grads['W1'] += reg * W1
# --- by
        W1 *= reg
        grads['W1'] += W1
