# loses: q2.3.predict
# says: predict() applies the activation to the scores as well, so that saturated or negative scores tie: take the argmax of the scores themselves.
# --- replace
        return np.argmax(scores, axis=1)
# --- by
        return np.argmax(self.activate(scores), axis=1)
