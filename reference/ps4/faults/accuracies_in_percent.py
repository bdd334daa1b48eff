# loses: q2.3.histories
# says: The accuracy histories are in percent: accuracy is a number from 0 to 1.
# --- replace
            train_acc = np.mean(self.predict(X) == y)
# --- by
            train_acc = 100 * np.mean(self.predict(X) == y)
# --- replace
            val_acc = np.mean(self.predict(X_val) == y_val)
# --- by
            val_acc = 100 * np.mean(self.predict(X_val) == y_val)
