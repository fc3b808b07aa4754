"""The built-in recipes, as scikit-learn classifiers."""
