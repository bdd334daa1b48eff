# loses: q2.2.b1 q2.3.step q2.3.decay q2.3.batches q2.3.histories q2.4.backward.b1 q2.4.training.epochs
# says: loss_history is off by
# --- replace
        grads['b1'] = np.sum(dz1, axis=0)
# --- by
        grads['b1'] = np.sum(dz1)
