import numpy as np


class NearestNeighbours:
    """A classifier that lets the k nearest training examples vote."""

    def train(self, X, y):
        """Remember the training examples X (N, D) with labels y (N,)."""
        self.X_train = X
        self.y_train = y

    def distances_two_loops(self, X):
        """Return the Euclidean distances (M, N) of the rows of X (M, D) to the training examples."""
        distances = np.zeros((X.shape[0], self.X_train.shape[0]))
        for i in range(X.shape[0]):
            for j in range(self.X_train.shape[0]):
                ### BEGIN SOLUTION
                distances[i, j] = np.sqrt(np.sum((X[i] - self.X_train[j]) ** 2))
                ### END SOLUTION
        return distances

    def distances_one_loop(self, X):
        """As distances_two_loops, with one loop over the rows of X."""
        distances = np.zeros((X.shape[0], self.X_train.shape[0]))
        for i in range(X.shape[0]):
            ### BEGIN SOLUTION
            distances[i] = np.sqrt(np.sum((self.X_train - X[i]) ** 2, axis=1))
            ### END SOLUTION
        return distances

    def distances_no_loops(self, X):
        """As distances_two_loops, without a loop."""
        ### BEGIN SOLUTION
        squares = np.sum(X**2, axis=1)[:, None] + np.sum(self.X_train**2, axis=1) - 2 * X @ self.X_train.T
        distances = np.sqrt(np.maximum(squares, 0))
        ### END SOLUTION
        return distances

    def predict_labels(self, distances, k=1):
        """Return the label (M,) that is most frequent among the k nearest; of equally frequent ones the smallest."""
        labels = np.zeros(len(distances), dtype=int)
        for i in range(len(distances)):
            ### BEGIN SOLUTION
            nearest = self.y_train[np.argsort(distances[i])[:k]]
            labels[i] = np.argmax(np.bincount(nearest))
            ### END SOLUTION
        return labels

    def predict(self, X, k=1, num_loops=0):
        """Return the labels (M,) of the rows of X, by the distances with so many loops."""
        ### BEGIN SOLUTION
        if num_loops == 0:
            distances = self.distances_no_loops(X)
        elif num_loops == 1:
            distances = self.distances_one_loop(X)
        elif num_loops == 2:
            distances = self.distances_two_loops(X)
        else:
            raise ValueError(f"num_loops is {num_loops}")
        ### END SOLUTION
        return self.predict_labels(distances, k=k)


if __name__ == "__main__":
    X, y = np.random.randn(10, 4), np.random.randint(0, 3, 10)
    classifier = NearestNeighbours()
    classifier.train(X, y)
    rows = np.random.randn(5, 4)
    distances = classifier.distances_two_loops(rows)
    print(abs(distances - classifier.distances_one_loop(rows)).max())
    print(abs(distances - classifier.distances_no_loops(rows)).max())
    classifier.predict_labels(distances, k=3)
    classifier.predict(rows, k=1, num_loops=0)
    classifier.predict(rows, k=3, num_loops=1)
    classifier.predict(rows, k=5, num_loops=2)
