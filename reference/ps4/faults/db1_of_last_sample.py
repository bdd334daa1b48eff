# loses: q2.2.b1 q2.4.backward.b1
# says: of its size
# --- replace
        grads['b1'] = np.sum(dz1, axis=0)
# --- by
        grads['b1'] = dz1[-1]
