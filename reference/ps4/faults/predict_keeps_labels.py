# loses: q2.3.predict
# says: predict() remembers the labels of an earlier call with as many rows: compute them from X and the current parameters.
# --- replace
        scores = self.loss(X)
# --- by
        if hasattr(self, 'labels') and len(self.labels) == len(X):
            return self.labels
        scores = self.loss(X)
# --- replace
        return np.argmax(scores, axis=1)
# --- by
        self.labels = np.argmax(scores, axis=1)
        return self.labels
