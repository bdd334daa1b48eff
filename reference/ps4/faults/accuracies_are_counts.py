# loses: q2.3.histories
# says: The accuracy histories hold numbers of right labels: divide by the number of examples.
# --- replace
            train_acc = np.mean(self.predict(X) == y)
# --- by
            train_acc = np.sum(self.predict(X) == y)
# --- replace
            val_acc = np.mean(self.predict(X_val) == y_val)
# --- by
            val_acc = np.sum(self.predict(X_val) == y_val)
