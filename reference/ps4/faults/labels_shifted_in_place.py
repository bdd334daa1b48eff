# loses: q2.1.loss q2.2.W1 q2.2.b1 q2.2.W2 q2.2.b2 q2.4.forward.loss q2.4.backward.W1 q2.4.backward.b1 q2.4.backward.W2 q2.4.backward.b2
# says: the first call was right, so loss changes X or y in place
# --- replace
        return loss, grads
# --- by
        y -= 1
        return loss, grads
